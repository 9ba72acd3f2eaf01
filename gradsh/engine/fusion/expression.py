"""Evaluating an expression block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradsh.engine.changes import WATCHED
from gradsh.engine.fusion import deferred as recording
from gradsh.engine.fusion.deferred import Deferred
from gradsh.engine.fusion.execution import evaluate as compute
from gradsh.engine.fusion.node import Fused
from gradsh.engine.fusion.program import Program
from gradsh.engine.graph import Node, next_sequence_number
from gradsh.engine.tensor import Tensor

_TYPES = "?bBhilfd"
"""Elements that can be taken: of half precision PyTorch rounds each result by rules of its own,
and complex numbers gain little."""


def evaluate(function: Callable[..., Any], values: Sequence[Any]) -> Tensor | None:
    """`function` of the values, in which large tensors are operands of pointwise operations.

    None if it cannot be computed in blocks: then it is to be called as usual, which also finds
    whatever is wrong with it. `function` must have no effect but its result.
    """
    program = Program()
    leaves: list[tuple[Tensor, Tensor]] = []
    given = []
    for value in values:
        if type(value) is Tensor:
            array = value.array
            if array.dtype.char not in _TYPES:
                return None
            if array.size >= recording.LARGE:
                if not array.flags.c_contiguous:
                    return None
                twin = _deferred(program, value)
                leaves.append((twin, value))
                given.append(twin)
                continue
        given.append(value)
    start = next_sequence_number()
    try:
        out = function(*given)
        if type(out) is not Tensor or any(out is twin for twin, _ in leaves):
            return None
        deferred: Any = out.array
        if type(deferred) is not Deferred:
            return None
        compute(program, [deferred.value])
    except Exception:  # noqa: BLE001 (the plain way will show what is wrong)
        return None
    out.array = _own(deferred)
    if out.node is not None:
        out.node = _fused(out.node, start, program, leaves)
        saved = out.version is not None
        if not saved:
            deferred.value.real = None
    return out


def _own(array: Deferred) -> Any:
    result = array.array_of_value()
    if array.value.real is None or result.size != array.value.real.size:
        return result.copy()
    return result


def _deferred(program: Program, tensor: Tensor) -> Tensor:
    """A tensor with the same place in the graph, over the same elements as an operand."""
    twin = Tensor()
    twin.array = Deferred(program, program.leaf(tensor.array), tensor.array.shape)  # type: ignore[assignment]
    twin.node = tensor.node
    twin.version = tensor.shared_version()
    return twin


def _fused(
    top: Node, start: float, program: Program, leaves: Sequence[tuple[Tensor, Tensor]]
) -> Node:
    """The node for all operations recorded since `start`."""
    inner: list[Node] = []
    parents: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = [top]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        inner.append(node)
        for parent in node.parents:
            if parent is None:
                continue
            if parent.seq < start:
                parents[parent] = None
            else:
                stack.append(parent)
    fused = Fused(top, inner, tuple(parents), program, leaves)
    WATCHED.add(fused)
    return fused
