"""In-place forms of operations, and what must not be changed in place."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import lru_cache
from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import refuse
from gradsh.engine.dtypes import (
    DEFAULTS,
    FLOAT,
    FROM_NUMPY,
    NUMBER_CATEGORY,
    DType,
    is_inexact,
    result_type,
)
from gradsh.engine.evidence import LEAF, Witness, tell
from gradsh.engine.graph import Node
from gradsh.engine.modes import GRAD_MODE
from gradsh.engine.op import FUNCTIONS, IN_PLACE, METHODS, OPS, Op
from gradsh.engine.ops.pointwise import refuse_bools
from gradsh.engine.rebasing import is_dense, refuse_overlap, shared_memory, write
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.engine.views import restriction

_CLONE_HINT = "change it inside `nograd < ... >`, or change a copy: `y = x.clone()`"


def check_in_place(tensor: Tensor, source: Any = None) -> None:
    """Refuse to change a leaf that requires grad, or a view that must not be, while recording."""
    if not GRAD_MODE.recording:
        return
    node = tensor.node
    if node is None and not (type(source) is Tensor and source.node is not None):
        return
    base = tensor.base
    if tensor.restricted is not None:
        raise restriction(tensor)
    if node is not None and base is not None and base.is_leaf:
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
    leaf = tensor if base is None else base
    tell(error, Witness(LEAF, None if leaf.node is None else leaf.node.place), tensors=[leaf])
    raise error


_READING_ELSEWHERE = frozenset(("index_add_", "index_copy_", "scatter_", "scatter_add_", "put_"))
"""Changes that read their other tensors at other places than they write."""


def _shares_memory(target: Any, source: Any) -> bool:
    """Whether two arrays without gaps share memory; of others PyTorch does not find out."""
    return np.may_share_memory(target, source) and is_dense(target) and is_dense(source)


def in_place_form(
    name: str, function: Callable[..., Tensor], saves_input: bool
) -> Callable[..., Tensor]:
    """`function` with a trailing underscore: its result replaces its first operand.

    Raises RuntimeError in PyTorch's words when the result has another shape or a type that the
    tensor cannot hold, or when the tensor is a leaf that requires grad.
    """
    op = OPS.get(name[:-1])
    tensors_only = op is not None and op.numbers == "none"
    takes_operand = _second_parameter(function if op is None else op.forward) not in _NO_OPERAND

    def change(input: Any, *args: Any, **kwargs: Any) -> Tensor:
        if type(input) is not Tensor:
            raise refuse(name, "input", 1, "Tensor", input)
        other = args[0] if args and takes_operand else None
        check_in_place(input, other)
        refuse_overlap(input.array)
        if name in _READING_ELSEWHERE:
            for value in (*args, *kwargs.values()):
                if type(value) is Tensor and _shares_memory(input.array, value.array):
                    raise shared_memory()
        if name == "sub_":
            refuse_bools(input, other)
        if type(other) is Tensor:
            if name not in _TYPES_FIRST:
                _check_result(input, other)
        elif tensors_only and type(other) in NUMBER_CATEGORY:
            raise refuse(name, "other", 1, "Tensor", other)
        if name not in _TYPES_FIRST and (type(other) is Tensor or type(other) in NUMBER_CATEGORY):
            _check_common_type(name, op, input.array, other)
        if name in _IN_THEIR_TYPE:
            kwargs.setdefault("dtype", input.dtype)
        source = input
        if saves_input and GRAD_MODE.recording:
            # What the formulas keep of the input is its value before the change.
            source = new_tensor(input.array.copy(), input.node)
        result = function(source, *args, **kwargs)
        if name in _NODES and result.node is not None:
            made: Any = result.node.op
            result.node.op = _renamed(made, _NODES[name])
        store_result(input, result)
        return input

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"{name[:-1]}, in place: the result replaces the values of input."
    return change


_NODES = {
    "celu_": "CeluBackward1",
    "elu_": "EluBackward1",
    "leaky_relu_": "LeakyReluBackward1",
    "rrelu_": "RreluWithNoiseBackward1",
    "selu_": "EluBackward1",
    "threshold_": "ThresholdBackward1",
}
"""PyTorch's names of the nodes of changes that it computes from their results."""


@lru_cache
def _renamed(op: Any, node_name: str) -> Any:
    """`op` with nodes of another name."""
    twin = copy(op)
    twin._grad_fn = node_name
    return twin


_IN_THEIR_TYPE = ("cumsum_", "cumprod_")
"""Changes that compute in the type of the tensor; elsewhere small integers become int64."""
_NO_OPERAND = ("dim", "diagonal")
_TYPES_FIRST = ("heaviside_", "lerp_")
"""Changes that look at the types of their operands before they look at the shapes."""


def _second_parameter(function: Callable[..., Any]) -> str | None:
    code = function.__code__
    return code.co_varnames[1] if code.co_argcount > 1 else None


def _check_result(input: Tensor, other: Tensor) -> None:
    """PyTorch's errors for operands whose result does not go into the first of them.

    They come before the operation is computed, and before its own errors.
    """
    target, source = input.array, other.array
    refuse_overlap(target, source)
    if source.shape != target.shape:
        check_shape(target.shape, check_broadcast(target.shape, source.shape))


_TO_FLOAT = ("xlogy_", "copysign_")
"""Compositions whose result is floating whatever the operands are."""


def _check_common_type(name: str, op: Op | None, target: Any, other: Any) -> None:
    if name == "pow_" and type(other) is int and other < 0:
        return  # of integers that is refused for another reason
    result = "common" if op is None else op.result
    if name in _TO_FLOAT:
        result = "float"
    if type(other) is Tensor and other.array.dtype is target.dtype and is_inexact(target.dtype):
        return
    if result != "bool":
        kinds: list[tuple[Any, bool]] = [(FROM_NUMPY[target.dtype], target.ndim == 0)]
        if type(other) is Tensor:
            kinds.append((other.dtype, other.array.ndim == 0))
        else:
            kinds.append((type(other), True))
        common = result_type(kinds)
        if result == "float" and common.category < FLOAT:
            common = DEFAULTS.floating
        _check_cast(common, FROM_NUMPY[target.dtype])


def check_shape(held: tuple[int, ...], made: tuple[int, ...]) -> None:
    """Refuse to store a result of another shape than the tensor that is to hold it."""
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
    check_shape(tensor.array.shape, values.shape)
    if values.dtype is not tensor.array.dtype:
        _check_cast(FROM_NUMPY[values.dtype], FROM_NUMPY[tensor.array.dtype])
    node = result.node
    if node is not None and node.saved is not None:
        _share_saved_result(tensor, result, node)
    write(tensor, values, node)


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
            expected[position] = kept.version.n + 1  # the write is a change too
            node.expected = tuple(expected)


def add_in_place_forms() -> None:
    """Add to METHODS the in-place form of every operation that has been declared since."""
    methods = METHODS.loaded
    for name, saves_input in IN_PLACE.loaded.items():
        form = name + "_"
        if form not in methods:
            methods[form] = in_place_form(form, FUNCTIONS[name], saves_input)
