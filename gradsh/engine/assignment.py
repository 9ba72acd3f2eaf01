"""Values written into tensors: copies, fills, and assignments at an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import number, operand
from gradsh.engine.changes import about_to_change
from gradsh.engine.dtypes import NUMBER_CATEGORY, is_inexact
from gradsh.engine.graph import Backward, Node, next_sequence_number
from gradsh.engine.inplace import check_in_place, check_shape
from gradsh.engine.modes import CHANGES, GRAD_MODE, INTERRUPTS, RUNNING
from gradsh.engine.op import OPS
from gradsh.engine.ops.indexing import apply_views, index, refuse_values
from gradsh.engine.ops.pointwise import no_change
from gradsh.engine.ops.reductions import sum as sum_of
from gradsh.engine.ops.shape import expand, expand_shape, reshape, unsqueeze
from gradsh.engine.rebasing import changed, refuse_overlap, shared_memory, write
from gradsh.engine.scalars import stored_number
from gradsh.engine.tensor import Tensor, new_tensor


def copy_(input: Tensor, source: Any) -> Tensor:
    """Replace the values of `input` by those of `source`, broadcast and cast to its type."""
    store = operand(source, "copy_", "other", 2)
    check_in_place(input, store)
    values = store.array if isinstance(store, Tensor) else np.asarray(store)
    refuse_overlap(input.array, values)
    check_shape(input.array.shape, check_broadcast(input.array.shape, values.shape))
    node = None
    if (
        GRAD_MODE.recording
        and (input.node is not None or _requires_grad(store))
        and is_inexact(input.array.dtype)
    ):
        node = _copy_node(input, store)
    write(input, _cast(values, input.array.dtype), node)
    return input


def _requires_grad(value: Any) -> bool:
    return isinstance(value, Tensor) and value.node is not None


def _cast(values: Any, dtype: np.dtype[Any]) -> Any:
    if values.dtype.kind == "c" and dtype.kind != "c":
        return values.real
    return values


class Copy(Backward):
    """`copy_`: the old values get no gradient, the source all of it."""

    __slots__ = ()

    def node_name(self, node: Node) -> str:
        return "CopyBackwards"

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        return False

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        return (no_change(g) if node.parents[0] is not None else None, g)

    pull_recorded = pull


_COPY = Copy()


def _copy_node(input: Tensor, source: Any) -> Node:
    node = Node()
    node.op = _COPY
    node.seq = next_sequence_number()
    node.place = RUNNING.place
    node.parents = (input.node, source.node if isinstance(source, Tensor) else None)
    node.fit = (
        (None, (source.array.shape, source.array.dtype))
        if (isinstance(source, Tensor))
        else (None, None)
    )
    return node


def setitem(tensor: Tensor, key: Any, value: Any) -> None:
    """`tensor[key] = value`: a copy into the view that `key` makes, or a put at its indices."""
    if not isinstance(value, Tensor) and type(value) not in NUMBER_CATEGORY:
        raise TypeError(
            f"can't assign a {type(value).__name__} to a torch.{tensor.dtype.type_name}Tensor"
        )
    if not isinstance(value, Tensor):
        value = new_tensor(stored_number(value, tensor.array.dtype))
    if key is False:
        return
    indices: tuple[Any, ...] = ()
    if key is True:
        view = unsqueeze(tensor, 0)
    else:
        view, indices = apply_views(tensor, key)
    if indices:
        _put_at(view, indices, _without_leading_ones(value))
    elif view.array.shape == value.array.shape:
        copy_(view, value)
    elif not value.array.ndim:
        fill_(view, value)
    else:
        value = _without_leading_ones(value)
        sizes = expand_shape(value.array.shape, view.array.shape, value.dtype.tensor_class)
        copy_(view, expand(value, sizes))


def _without_leading_ones(value: Tensor) -> Tensor:
    """`value` without the dimensions of length one in front, which a place need not have."""
    shape = value.array.shape
    if not shape or shape[0] != 1:
        return value
    while shape and shape[0] == 1:
        shape = shape[1:]
    result: Tensor = reshape(value, shape)
    return result


def _fills_masked(array: Any, indices: tuple[Any, ...], values: Any) -> bool:
    """Whether one mask and one value are written, which PyTorch does for any type of value."""
    masks = [i.dtype.kind for i in indices if not isinstance(i, slice)]
    return bool(values.size == 1 and masks == ["b"])


def _indexed_shape(array: Any, indices: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of what the indices pick, whether they are within bounds or not."""
    try:
        return tuple(index(array, indices).shape)
    except IndexError as error:
        if "out of bounds for dimension " not in str(error) or "with size 0" in str(error):
            raise
    roomy = np.broadcast_to(np.int8(0), array.shape)
    within = tuple(
        i * 0 if not isinstance(i, slice) and i.dtype.kind == "i" else i for i in indices
    )
    return tuple(index(roomy, within).shape)


def _put_at(target: Tensor, indices: tuple[Any, ...], value: Tensor) -> None:
    check_in_place(target, value)
    values: Any = value.array
    array = target.array
    if _fills_masked(array, indices, values):
        values = stored_number(values.item(), array.dtype)
    else:
        read = [values, *(i for i in indices if not isinstance(i, slice))]
        if any(array.size and each.size and np.may_share_memory(array, each) for each in read):
            raise shared_memory()
        shape = _indexed_shape(array, indices)
        if not _broadcasts_to(values.shape, shape):
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast "
                f"to indexing result of shape {list(shape)}"
            )
        refuse_values(values, array)
    index(array, indices)  # refuses what is out of bounds
    node = None
    if GRAD_MODE.recording and (target.node is not None or value.node is not None):
        op = OPS["index_put"]
        node = op.record(
            (target,),
            (target.node, value.node),
            {"input": target, "values": value},
            (target, value, indices),
        )
        if value.array.dtype is not array.dtype:
            node.fit = (None, (value.array.shape, value.array.dtype))
    if CHANGES.journal is not None:
        CHANGES.journal.values(target)
    about_to_change(array)
    with INTERRUPTS:
        array[indices] = values
        changed(target, node)


def _broadcasts_to(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) <= len(wanted) and all(
        length in (1, into) for length, into in zip(shape[::-1], wanted[::-1], strict=False)
    )


def zero_(input: Tensor) -> Tensor:
    """Every element becomes zero; in place."""
    return _fill(input, 0, "ZeroBackward0", None)


def fill_(input: Tensor, value: Any) -> Tensor:
    """Every element becomes value, a number or a zero-dim tensor; in place."""
    if isinstance(value, Tensor):
        check_in_place(input, value)
        if value.array.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value.array.ndim} dimensions."
            )
        return _fill(input, value.array, "FillBackward3", value)
    return _fill(input, number(value, "fill_", "value", 2), "FillBackward2", None)


def _fill(input: Tensor, value: Any, name: str, source: Tensor | None) -> Tensor:
    check_in_place(input, source)
    if source is None:
        value = stored_number(value, input.array.dtype)
    node = None
    source_node = None if source is None else source.node
    if GRAD_MODE.recording and (input.node is not None or source_node is not None):
        node = Node()
        node.op = Fill(name)
        node.seq = next_sequence_number()
        node.place = RUNNING.place
        node.parents = (input.node, source_node)
        node.fit = (None, None if source is None else (source.array.shape, source.array.dtype))
    write(input, value, node)
    return input


class Fill(Backward):
    """A fill: the old values get no gradient, the value that replaced them the whole sum."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def node_name(self, node: Node) -> str:
        return self.name

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        return False

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        before, value = node.parents
        return (
            None if before is None else no_change(g),
            None if value is None else sum_of(g),
        )

    pull_recorded = pull
