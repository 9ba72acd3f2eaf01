"""The nodes that the sample calls make: which declarations they reach, with what values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine import FUNCTIONS, Op, Tensor
from gradsh.engine.functional import vjp
from gradsh.engine.graph import Hooks, Node, Output

from .oracle import GradshSide, Run, Variation, sample_lines

DOUBLE = Variation("float64", "float64")


class Functional(GradshSide):
    """gradsh, with the derivatives of functions too."""

    def names(self, inputs: Callable[..., Any]) -> dict[str, Any]:
        return {**super().names(inputs), "vjp": vjp}


class Alone(GradshSide):
    """gradsh, with the arguments of one function made leaves: so the graph is all its own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def names(self, inputs: Callable[..., Any]) -> dict[str, Any]:
        function = FUNCTIONS[self.name]

        def call(*args: Any, **named: Any) -> Any:
            return function(*map(_leaf, args), **{key: _leaf(x) for key, x in named.items()})

        return {**super().names(inputs), self.name: call}


def _leaf(value: Any) -> Any:
    if isinstance(value, list):
        return [_leaf(item) for item in value]
    if isinstance(value, Tensor) and value.requires_grad:
        return value.detach().clone().requires_grad_()
    return value


def _above(tensors: Sequence[Any]) -> Iterator[tuple[Node, Node]]:
    """Every node above `tensors` that a declared operation made, with the operation's own node.

    The two differ for an operation with several results.
    """
    seen: set[int] = set()
    waiting = [x.node for x in tensors if x is not None and x.node is not None]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or node.is_leaf:
            continue
        seen.add(id(node))
        owner = node.owner if isinstance(node, Output) else node
        if isinstance(owner.op, Op):
            yield node, owner
        waiting += [parent for parent in owner.parents if parent is not None]


@cache
def own_nodes(name: str) -> tuple[Node, ...]:
    """The nodes that a function's sample calls make, those of their arguments left out."""
    runs = [Run(Alone(name), text, DOUBLE) for text in sample_lines(name)]
    return tuple(owner for run in runs for _, owner in _above(run.results()))


class Visit(NamedTuple):
    """A node that a backward pass came to, and the cotangent it brought there (of one result)."""

    node: Node
    g: Any


@cache
def visits(text: str, dtype: str = "float64") -> tuple[Visit, ...]:
    """What three backward passes from a sample call come to, each through the one before.

    The weights of the results are leaves too: so the second pass goes through everything that the
    first computed from them, which holds the formulas of the formulas.
    """
    found: list[Visit] = []

    def watch(tensors: Sequence[Any]) -> None:
        for node, owner in _above(tensors):
            node.hooks = Hooks()
            node.hooks.functions[0] = partial(note, node, owner)

    def note(node: Node, owner: Node, g: Any) -> None:
        found.append(Visit(owner, g.detach() if node is owner else None))

    with np.errstate(all="ignore"):
        run = Run(Functional(), text, Variation(dtype, dtype))
        results = [x for x in run.results() if x.requires_grad]
        weights = [FUNCTIONS["randn_like"](x, dtype=x.dtype).requires_grad_() for x in results]
        total = _weighted(results, weights)
        leaves = [*run.leaves, *weights]
        for _ in range(3):
            if total is None:
                break
            watch([total])
            for leaf in leaves:
                leaf.grad = None
            try:
                total.backward(FUNCTIONS["ones_like"](total), create_graph=True)
            except RuntimeError:  # what has no derivative says so, after its hook was called
                break
            gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
            gradients = [g for g in gradients if g.requires_grad]
            total = _weighted(gradients, gradients)
    return tuple(found)


def _weighted(tensors: Sequence[Any], weights: Sequence[Any]) -> Any:
    total = None
    for x, weight in zip(tensors, weights, strict=True):
        part = (x * weight).sum()
        total = part if total is None else total + part
    return total


def reached(texts: Iterable[str]) -> dict[str, set[str]]:
    """The operands of each declaration whose formulas these calls use, with complex numbers too."""
    found: dict[str, set[str]] = {}
    for text in texts:
        for node, _ in (*visits(text), *visits(text, "complex128")):
            found.setdefault(node.op.name, set()).update(differentiated(node))
    return found


def differentiated(node: Node) -> Iterator[str]:
    """The operands of a node whose formulas a backward pass would call."""
    op: Any = node.op
    for position, parent in zip(op.operands, node.parents, strict=False):
        name = op.parameters[position]
        if parent is not None and name in op.formulas:
            yield name
