"""Forward mode: tangents pushed from inputs to outputs along a recorded graph.

What a function computed is recorded as for a backward pass. `linearised` goes once through the
nodes between inputs and outputs, newest first, and gives each what it needs to push a tangent;
then any number of tangents can be pushed, oldest node first:

- a `pointwise` operation's Jacobian is, for real numbers, diagonal and so its own transpose: its
  formula, with the tangent as `g`, is the derivative in the other direction;
- any other node's formula is linear in `g`. It is evaluated once for zeros that require grad, and
  a tangent is pulled back through what that recorded: the transpose of a transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gradsh.engine.backward import leading_to, walk
from gradsh.engine.dtypes import is_floating
from gradsh.engine.fit import fit_all
from gradsh.engine.graph import Node, Output
from gradsh.engine.leaf import finished
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.op import Op, verify
from gradsh.engine.tensor import Tensor

Like = tuple[tuple[int, ...], "np.dtype[Any]"]
Tangents = Sequence[Any]
Step = Callable[[Tangents], Any]


def linearised(
    outputs: Sequence[Tensor], sources: Sequence[Node]
) -> Callable[[Tangents], list[Any]]:
    """A function from the sources' tangents (arrays) to the outputs'.

    The tangent of an output that does not depend on the sources is None.
    """
    roots = [out.node for out in outputs if out.node is not None]
    between = leading_to(set(sources), roots, expanded=True)
    likes: dict[Node, Any] = {
        out.node: (out.array.shape, out.array.dtype) for out in outputs if out.node is not None
    }
    steps: list[tuple[Node, Step]] = []
    for node in sorted(between.difference(sources), key=lambda node: -node.seq):
        like = likes.get(node)
        if like is None:
            continue  # nothing passes a gradient to it
        if isinstance(node, Output):
            likes.setdefault(node.owner, [None] * node.outputs)[node.index] = like
            steps.append((node, _chosen(node.index)))
            continue
        step, parents = _step(node, like)
        for parent, parent_like in zip(node.parents, parents, strict=True):
            if parent in between and parent_like is not None:
                likes.setdefault(parent, parent_like)
        steps.append((node, step))
    steps.reverse()

    def push(tangents: Tangents) -> list[Any]:
        moved = dict(zip(sources, tangents, strict=True))
        for node, step in steps:
            given = [None if parent is None else moved.get(parent) for parent in node.parents]
            if any(tangent is not None for tangent in given):
                moved[node] = step(given)
        return [None if out.node is None else moved.get(out.node) for out in outputs]

    return push


def _chosen(index: int) -> Step:
    """The tangent of one result, from those of all."""
    return lambda given: given[0][index]


def _step(node: Node, like: Any) -> tuple[Step, Iterable[Like | None]]:
    """How a node pushes its inputs' tangents, and the shapes and types that these have."""
    op = node.op
    if isinstance(op, Op) and op.kind == "pointwise" and _is_real(node, like):
        entries = node.fit or (None,) * len(node.parents)
        return _diagonal(node, op, like), [like if entry is None else entry for entry in entries]
    several = isinstance(like, list)
    weights = [
        None if one is None else finished(np.zeros(one[0], one[1]), True)
        for one in (like if several else [like])
    ]
    with set_grad_enabled(True):
        pulled = fit_all(node, op.pull_recorded(node, weights if several else weights[0]))
    parents = [
        None if cotangent is None else (cotangent.array.shape, cotangent.array.dtype)
        for cotangent in pulled
    ]
    return _transposed(pulled, weights, several), parents


def _is_real(node: Node, like: Like) -> bool:
    """Whether no complex number takes part: the Jacobian has blocks of four where one does."""
    return is_floating(like[1]) and not any(
        saved is not None and saved.array.dtype.kind == "c" for saved in node.saved or ()
    )


def _diagonal(node: Node, op: Op, like: Like) -> Step:
    shape, dtype = like

    def step(given: Tangents) -> Any:
        verify(node)
        total: Any = None
        for tangent, caller in zip(given, op.callers, strict=True):
            if tangent is None or caller is None:
                continue
            spread = np.broadcast_to(tangent, shape).astype(dtype, copy=False)
            part = caller(node, spread)
            total = part if total is None else total + part
        return None if total is None else np.asarray(total).astype(dtype, copy=False)

    return step


def _transposed(
    pulled: Sequence[Tensor | None], weights: Sequence[Tensor | None], several: bool
) -> Step:
    wanted = [weight.node for weight in weights if weight is not None and weight.node is not None]

    def step(given: Tangents) -> Any:
        roots = [
            (cotangent.node, np.array(tangent, cotangent.array.dtype))
            for cotangent, tangent in zip(pulled, given, strict=True)
            if tangent is not None and cotangent is not None and cotangent.node is not None
        ]
        walked = walk(roots, keep_saved=True, record=False, wanted=wanted, stop=True)
        arrived = dict(walked.arrived)
        moved = [
            None if weight is None or weight.node is None else arrived.get(weight.node)
            for weight in weights
        ]
        return moved if several else moved[0]

    return step
