"""In-place operations, and what they do to the graph of a storage.

When a storage that takes part in the graph changes in place through a view, the base's history
becomes "the old base with this part replaced" (PyTorch's CopySlices), and every live view's
history becomes a fresh look into the new base (AsStridedBackward0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import number, operand, refuse
from gradsh.engine.dtypes import FROM_NUMPY, NUMBER_CATEGORY, DType, result_type
from gradsh.engine.fit import fit_all
from gradsh.engine.graph import Node, next_sequence_number
from gradsh.engine.modes import GRAD_MODE, INTERRUPTS, set_grad_enabled
from gradsh.engine.op import FUNCTIONS, IN_PLACE, OPS
from gradsh.engine.ops.indexing import apply_views, index, refuse_values
from gradsh.engine.ops.pointwise import no_change, refuse_bools
from gradsh.engine.ops.reductions import sum as sum_of
from gradsh.engine.ops.shape import expand, expand_shape, reshape, unsqueeze
from gradsh.engine.ops.strided import look, put
from gradsh.engine.scalars import stored_number
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.engine.views import NO_GRAD, Layout

_CLONE_HINT = "change it inside `nograd < ... >`, or change a copy: `y = x.clone()`"


_UNRECORDED_VIEW = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled. "
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your "
    "code by moving both the view and the inplace either both inside the no_grad block (if you "
    "don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
)
_VIEW_OF_MANY = (
    "{} is being modified inplace{}. This view is the output of a function that "
    "returns multiple views. Such functions do not allow the output views to be modified inplace. "
    "You should replace the inplace operation by an out-of-place one."
)


def check_in_place(tensor: Tensor, source: Any = None) -> None:
    """Refuse to change a leaf that requires grad, or a view that must not be, while recording."""
    if not GRAD_MODE.recording:
        return
    node = tensor.node
    if node is None and not (type(source) is Tensor and source.node is not None):
        return
    base = tensor.base
    if tensor.restricted is not None:
        error = RuntimeError(_restriction(tensor))
    elif node is not None and base is not None and base.is_leaf:
        error = RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )
    elif node is not None and node.is_leaf:
        error = RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )
    else:
        return
    error.add_note(_CLONE_HINT)
    raise error


def _restriction(tensor: Tensor) -> str:
    """Why a view must not be changed in place."""
    if tensor.restricted == NO_GRAD:
        return _UNRECORDED_VIEW
    if tensor.node is not None:
        return _VIEW_OF_MANY.format(f"{tensor.restricted} is a view and", "")
    return _VIEW_OF_MANY.format("A view was created in no_grad mode and", " with grad mode enabled")


def refuse_overlap(target: Any, source: Any = None) -> None:
    """PyTorch's errors for writing where elements share memory with each other or the source."""
    if (
        0 in target.strides
        and target.size > 1
        and any(
            step == 0 and length > 1
            for step, length in zip(target.strides, target.shape, strict=True)
        )
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    if source is None or source is target or not np.may_share_memory(target, source):
        return
    if not (target.size and source.size and _is_dense(target) and _is_dense(source)):
        return
    if (
        target.ctypes.data == source.ctypes.data
        and target.nbytes == source.nbytes
        and _steps(target) == _steps(source)
    ):
        return
    raise shared_memory()


def shared_memory() -> RuntimeError:
    """PyTorch's error for a source that lies partly where it is written to."""
    return RuntimeError(
        "unsupported operation: some elements of the input tensor and the written-to tensor refer "
        "to a single memory location. Please clone() the tensor before performing the operation."
    )


def _steps(array: Any) -> list[int | None]:
    """The strides that matter: a dimension of length one may have any."""
    return [
        step if length > 1 else None
        for step, length in zip(array.strides, array.shape, strict=True)
    ]


def _is_dense(array: Any) -> bool:
    """Whether the elements fill their part of the memory, in whatever order of dimensions."""
    expected = array.itemsize
    for step, length in sorted(
        (step, length)
        for step, length in zip(array.strides, array.shape, strict=True)
        if length > 1
    ):
        if step != expected:
            return False
        expected *= length
    return True


def write(tensor: Tensor, values: Any, node: Node | None) -> None:
    """Store `values` in `tensor`; `node`, where there is one, becomes its history.

    Data, version and graph change together, or not at all. RuntimeError when elements of the
    tensor overlap in memory (an expanded one).
    """
    array = tensor.array
    if 0 in array.strides:
        refuse_overlap(array)
    with INTERRUPTS:
        array[...] = values
        changed(tensor, node)


def changed(tensor: Tensor, node: Node | None) -> None:
    """What follows from a change in place: a new version and, recorded, a new history."""
    tensor.shared_version().n += 1
    if node is not None:
        rebase(tensor, node)
        return
    base = tensor if tensor.base is None else tensor.base
    if base.views and base.node is not None:
        _look_all_again(base)


def rebase(tensor: Tensor, node: Node) -> None:
    """Give the storage of `tensor` its new history after `node` changed it in place."""
    base = tensor.base
    if base is None:
        base = tensor
        base.node = node
    else:
        layout = Layout(base.array, tensor.array)
        base.node = _copy_slices(base, node, layout)
    _look_all_again(base)


def _look_all_again(base: Tensor) -> None:
    """Record the live views anew, as looks into their changed base."""
    for reference in base.views or ():
        view = reference()
        if view is not None and view.restricted is None:
            with set_grad_enabled(True):
                view.node = look(base, Layout(base.array, view.array)).node


def _copy_slices(base: Tensor, inner: Node, layout: Layout) -> Node:
    node = Node()
    node.op = CopySlices(inner, layout)
    node.seq = next_sequence_number()
    node.parents = (base.node, *inner.parents[1:])
    node.saved, inner.saved = inner.saved, None
    return node


class CopySlices:
    """The history of a base that was changed in place through a view.

    The cotangent of the view's part goes through the operation that changed it; the rest, and
    what that operation passes on to the old view, goes to the old base. The node owns the values
    that the inner operation saved and lends them to it, so that they are freed with the node.
    """

    __slots__ = ("inner", "layout")

    def __init__(self, inner: Node, layout: Layout) -> None:
        self.inner = inner
        self.layout = layout

    def node_name(self, node: Node) -> str:
        """PyTorch's name of the node."""
        return "CopySlices"

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """What it keeps is the inner operation's."""
        return self.inner.op.saves_result(node, tensor)

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        """Cotangents of the old base and the operation's other inputs, as arrays."""
        return self._pass(node, g, self.inner.op.pull)

    def pull_recorded(self, node: Node, g: Any) -> Sequence[Any]:
        """The same, recorded."""
        return self._pass(node, g, self.inner.op.pull_recorded)

    def _pass(
        self, node: Node, g: Any, pull: Callable[[Node, Any], Sequence[Any]]
    ) -> Sequence[Any]:
        part = look(g, self.layout)
        self.inner.saved = node.saved
        try:
            cotangents = fit_all(self.inner, pull(self.inner, part))
        finally:
            self.inner.saved = None
        old_base = None
        if node.parents[0] is not None:
            own = cotangents[0]
            old_base = put(g, no_change(part) if own is None else own, self.layout)
        return (old_base, *cotangents[1:])


def in_place_form(
    name: str, function: Callable[..., Tensor], saves_input: bool
) -> Callable[..., Tensor]:
    """`function` with a trailing underscore: its result replaces its first operand.

    Raises RuntimeError in PyTorch's words when the result has another shape or a type that the
    tensor cannot hold, or when the tensor is a leaf that requires grad.
    """

    def change(input: Any, *args: Any, **kwargs: Any) -> Tensor:
        if type(input) is not Tensor:
            raise refuse(name, "input", 1, "Tensor", input)
        other = args[0] if args else None
        check_in_place(input, other)
        refuse_overlap(input.array)
        if name == "sub_":
            refuse_bools(input, other)
        if type(other) is Tensor:
            _check_result(input, other)
        if type(other) is Tensor or type(other) in NUMBER_CATEGORY:
            _check_common_type(name, input.array, other)
        source = input
        if saves_input and GRAD_MODE.recording:
            # What the formulas keep of the input is its value before the change.
            source = new_tensor(input.array.copy(), input.node)
        store_result(input, function(source, *args, **kwargs))
        return input

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"{name[:-1]}, in place: the result replaces the values of input."
    return change


def _check_result(input: Tensor, other: Tensor) -> None:
    """PyTorch's errors for operands whose result does not go into the first of them.

    They come before the operation is computed, and before its own errors.
    """
    target, source = input.array, other.array
    refuse_overlap(target, source)
    _check_shape(target.shape, check_broadcast(target.shape, source.shape))


def _check_common_type(name: str, target: Any, other: Any) -> None:
    op = OPS.get(name[:-1])
    if op is None or op.result == "common":
        kinds: list[tuple[Any, bool]] = [(FROM_NUMPY[target.dtype], target.ndim == 0)]
        if type(other) is Tensor:
            kinds.append((other.dtype, other.array.ndim == 0))
        else:
            kinds.append((type(other), True))
        _check_cast(result_type(kinds), FROM_NUMPY[target.dtype])


def _check_shape(held: tuple[int, ...], made: tuple[int, ...]) -> None:
    if made != held:
        raise RuntimeError(
            f"output with shape {list(held)} doesn't match the broadcast shape {list(made)}"
        )


def _check_cast(made: DType, held: DType) -> None:
    if made.category > held.category:
        raise RuntimeError(
            f"result type {made.type_name} can't be cast to the desired output type "
            f"{held.type_name}"
        )


def store_result(tensor: Tensor, result: Tensor) -> None:
    """Put the result of an operation on `tensor` into it, with the operation as its history."""
    values = result.array
    _check_shape(tensor.array.shape, values.shape)
    if values.dtype is not tensor.array.dtype:
        _check_cast(FROM_NUMPY[values.dtype], FROM_NUMPY[tensor.array.dtype])
    node = result.node
    write(tensor, values, node)
    if node is not None and node.saved is not None:
        _share_saved_result(tensor, result, node)


def _share_saved_result(tensor: Tensor, result: Tensor, node: Node) -> None:
    """What the node saved of its result is now `tensor`'s storage: watch its version."""
    saved = node.saved
    assert saved is not None
    before = node.expected
    expected = [before] * len(saved) if isinstance(before, int) else list(before)
    for position, kept in enumerate(saved):
        if kept is not None and kept.array is result.array and kept.dtype is tensor.dtype:
            kept.array = tensor.array
            kept.version = tensor.shared_version()
            expected[position] = kept.version.n
            node.expected = tuple(expected)


def copy_(input: Tensor, source: Any) -> Tensor:
    """Replace the values of `input` by those of `source`, broadcast and cast to its type."""
    store = operand(source, "copy_", "other", 2)
    check_in_place(input, store)
    values = store.array if isinstance(store, Tensor) else np.asarray(store)
    refuse_overlap(input.array, values)
    _check_shape(input.array.shape, check_broadcast(input.array.shape, values.shape))
    node = None
    if (
        GRAD_MODE.recording
        and (input.node is not None or _requires_grad(store))
        and input.array.dtype.kind in "fc"
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


class _Copy:
    """`copy_`: the old values get no gradient, the source all of it."""

    __slots__ = ()

    def node_name(self, node: Node) -> str:
        return "CopyBackwards"

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        return False

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        return (no_change(g) if node.parents[0] is not None else None, g)

    pull_recorded = pull


_COPY = _Copy()


def _copy_node(input: Tensor, source: Any) -> Node:
    node = Node()
    node.op = _COPY
    node.seq = next_sequence_number()
    node.parents = (input.node, source.node if isinstance(source, Tensor) else None)
    node.fit = (
        (None, (source.array.shape, source.array.dtype))
        if (isinstance(source, Tensor))
        else (None, None)
    )
    return node


def in_place_forms() -> dict[str, Callable[..., Tensor]]:
    """Every in-place form by its name, derived from the declarations."""
    forms = {
        name + "_": in_place_form(name + "_", FUNCTIONS[name], saves_input)
        for name, saves_input in IN_PLACE.items()
    }
    forms |= {"copy_": copy_, "zero_": zero_, "fill_": fill_}
    return forms


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
        node.op = _Fill(name)
        node.seq = next_sequence_number()
        node.parents = (input.node, source_node)
        node.fit = (None, None if source is None else (source.array.shape, source.array.dtype))
    write(input, value, node)
    return input


class _Fill:
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
