"""The backward pass told step by step: what arrives at each node, and what leaves it.

It computes what `gradsh.engine.backward.Walk` computes, in the same order and with the same
roundings, and keeps what that forgets: where each cotangent came from, and what the formula gave
before it was brought back to the operand's shape and type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.backward import leading_to, pull_half
from gradsh.engine.fit import fit
from gradsh.engine.graph import Node, Output, verify_saved
from gradsh.engine.hooks import run_hooks
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.op import Op
from gradsh.engine.recording import operand_name

MOST_ARRIVALS = 8
"""Of so many cotangents that meet in a node each is kept; of more only their sum."""

_HALF = 2


class Arrival(NamedTuple):
    """A cotangent that reaches a node: from which one (None: the start), for which operand."""

    source: Node | None
    operand: str | None
    cotangent: Any


class Departure(NamedTuple):
    """A cotangent that leaves a node for one of its inputs.

    `parameter` is the operand's name in the declaration (None: there is none), `values` what its
    formula asks for, by name; `raw` what the formula gives, `cotangent` the same in the operand's
    shape and type. `target` is the node that made the input, and `result` which of its results.
    """

    operand: str | None
    parameter: str | None
    values: dict[str, Any]
    raw: Any
    cotangent: Any
    target: Node
    result: int | None


class Step:
    """What happens at one node.

    `g` is the sum of all `count` arrivals, as hooks left it (`hooked` says whether there are
    any), and `total` what it was before; for a node with several results a list with one entry
    each. `gradient` is what the pass was asked for here: None unless the node is a leaf or one of
    those wanted.
    """

    __slots__ = ("arrivals", "count", "departures", "g", "gradient", "hooked", "node", "total")

    def __init__(self, node: Node, g: Any, arrivals: Sequence[Arrival], count: int) -> None:
        self.node = node
        self.g = self.total = g
        self.arrivals = arrivals
        self.count = count
        self.hooked = False
        self.gradient: Any = None
        self.departures: list[Departure] = []


class _Waiting:
    """The cotangents that have reached a node so far: their sum, and the first of them."""

    __slots__ = ("arrivals", "count", "total")

    def __init__(self) -> None:
        self.total: Any = None
        self.arrivals: list[Arrival] = []
        self.count = 0

    def add(self, arrival: Arrival) -> None:
        self.total = arrival.cotangent if not self.count else self.total + arrival.cotangent
        self.count += 1
        if len(self.arrivals) < MOST_ARRIVALS:
            self.arrivals.append(arrival)


def steps(root: Node, cotangent: Any, wanted: Sequence[Node] | None = None) -> Iterator[Step]:
    """The steps of a backward pass from `root`, where the array `cotangent` arrives.

    It goes to all leaves, or to the nodes `wanted` and on no way that leads to none of them.
    Nothing is freed and no `.grad` changes; hooks run. Raises what a backward pass raises.
    """
    with set_grad_enabled(False):
        yield from _walked(root, cotangent, None if wanted is None else set(wanted))


def _walked(root: Node, cotangent: Any, wanted: set[Node] | None) -> Iterator[Step]:
    useful = None if wanted is None else leading_to(wanted, [root], expanded=True)
    heap: list[tuple[float, Node]] = []
    waiting: dict[Node, _Waiting] = {}
    collected: dict[Node, list[Any]] = {}

    def send(node: Node, arrival: Arrival) -> None:
        if node not in waiting:
            waiting[node] = _Waiting()
            heappush(heap, (-node.seq, node))
        waiting[node].add(arrival)

    send(root.shown, Arrival(None, None, cotangent))
    while heap:
        node = heappop(heap)[1]
        if useful is not None and node not in useful:
            waiting.pop(node)
            continue
        here = waiting.pop(node)
        arrived = collected.pop(node, here.total)
        step = Step(node, arrived, here.arrivals, here.count)
        if node.hooks is not None and node.hooks.functions:
            step.g = run_hooks(node.hooks, np.asarray(arrived), record=False)
            step.hooked = True
        goes_on = useful is None or any(parent in useful for parent in node.parents)
        if node.is_leaf or (wanted is not None and node in wanted):
            step.gradient = arrived if goes_on and not node.is_leaf else step.g
        if isinstance(node, Output):
            owner = node.owner
            if step.gradient is not None:
                yield step
            if not goes_on:
                continue
            if owner not in waiting:
                waiting[owner] = _Waiting()
                heappush(heap, (-owner.seq, owner))
                collected[owner] = [None] * node.outputs
            collected[owner][node.index] = step.g
            waiting[owner].count += here.count
            kept = here.arrivals[: MOST_ARRIVALS - len(waiting[owner].arrivals)]
            waiting[owner].arrivals += kept
            continue
        if not node.is_leaf and goes_on:
            for position, departure in _departures(node, step.g, useful):
                step.departures.append(departure)
                parent = node.parents[position]
                assert parent is not None
                send(parent.shown, Arrival(node, departure.operand, departure.cotangent))
        yield step


def _departures(node: Node, g: Any, useful: set[Node] | None) -> Iterator[tuple[int, Departure]]:
    """What leaves a node, with the position of the input that it goes to."""
    verify_saved(node)
    half = not isinstance(g, list) and g.itemsize == _HALF
    pulled = pull_half(node, g) if half else node.op.pull(node, g)
    for position, parent in enumerate(node.parents):
        if parent is None or (useful is not None and parent not in useful):
            continue
        raw = pulled[position]
        if raw is None:
            continue
        entry = None if node.fit is None else node.fit[position]
        cotangent = raw if entry is None else fit(raw, *entry)
        parameter, values = _formula_of(node, position)
        result = parent.index if isinstance(parent, Output) else None
        target = parent.owner if isinstance(parent, Output) else parent
        operand = operand_name(node, position)
        yield position, Departure(operand, parameter, values, raw, cotangent, target, result)


def _formula_of(node: Node, position: int) -> tuple[str | None, dict[str, Any]]:
    """The operand whose formula serves an input, and the values that the formula asks for."""
    op = node.op
    if not isinstance(op, Op):
        return None, {}
    index = 0 if "Operands" in op.annotations.values() else position
    parameter = op.parameters[op.operands[index]]
    if parameter not in op.formulas:
        return None, {}
    wanted = op.wants[parameter]
    return parameter, dict(zip(wanted, op.saved_values(node, wanted), strict=True))
