"""The part of a graph that was computed block by block: for a backward pass it is one node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradsh.engine.backward import Walk
from gradsh.engine.changes import WATCHED
from gradsh.engine.fusion.deferred import Deferred
from gradsh.engine.fusion.execution import evaluate
from gradsh.engine.fusion.program import Program
from gradsh.engine.graph import Backward, Freed, Joined, Node
from gradsh.engine.tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


class Kept(tuple[Tensor, ...]):
    """What a part keeps: its operands, and in `state` what becomes of them and how."""

    state: Any


class Fused(Joined):
    """A node that stands before the single operations, of which `top` is the last.

    Its parents are what the part was computed from. `expand` makes it hand its cotangent on to
    `top`: from then on the single operations do their work, with saved values that are computed
    now. `leaves` has, for each operand, the tensor that the operations keep and the user's own.
    """

    def __init__(
        self,
        top: Node,
        inner: Sequence[Node],
        parents: tuple[Node, ...],
        program: Program,
        leaves: Sequence[tuple[Any, Tensor]],
    ) -> None:
        self.op = _FUSED
        self.seq = top.seq + 0.5  # between it and what was recorded next
        self.top = top
        self.inner = inner
        self.parents: tuple[Node, ...] = parents
        self.program: Program | None = program
        self.leaves = leaves
        self.chosen: set[Node] | None = None
        self.place = top.place
        self._kept: Kept | None = None
        if any(node.saved is not None for node in inner):
            self._kept = Kept(own for _, own in leaves)
            self._kept.state = program, leaves, [(node, node.saved) for node in inner]

    @property
    def saved(self) -> Any:
        """All that the part keeps; None once it is freed: then the single operations say so."""
        return self._kept

    @saved.setter
    def saved(self, saved: Any) -> None:
        kept = self._kept = saved if isinstance(saved, Kept) else None
        if kept is not None:
            self.program, self.leaves, inner = kept.state
            for node, values in inner:
                node.saved = values
            WATCHED.add(self)
            return
        for node in self.inner:
            if node.saved is not None:
                node.saved = saved
        self.program = Program() if self.program is not None else None
        self.leaves = ()
        WATCHED.discard(self)

    @property
    def name(self) -> str:
        """The name of the last operation."""
        return self.top.name

    @property
    def single(self) -> Node:
        """The last operation's node."""
        return self.top

    @property
    def shown(self) -> Node:
        """The last operation's node, with the values that all of them keep."""
        self.expand()
        return self.top

    def choose(self, useful: set[Node] | None) -> None:
        """Say which parents a cotangent is wanted for in the pass that follows (None: all)."""
        self.chosen = useful

    def pull(self, g: Any) -> Sequence[Any]:
        """The cotangents of the parents, computed block by block."""
        useful, self.chosen = self.chosen, None
        if self.program is None:
            return (g,)
        wanted = [p for p in self.parents if useful is None or p in useful]
        self._follow_changes()
        arrived = None
        if not any(type(node.saved) is Freed for node in self.inner):
            arrived = self._in_blocks(self.program, g, wanted)
        if arrived is None:
            self._compute_saved()
            arrived = self._walked(g, wanted)
        return [arrived.get(parent) for parent in self.parents]

    def _walked(self, g: Any, wanted: Sequence[Node]) -> dict[Node, Any]:
        walker = Walk(keep_saved=True, record=False, wanted=wanted, stop=True)
        walker.arrive(self.top, g)
        walker.run()
        return dict(walker.arrived)

    def _in_blocks(self, program: Program, g: Any, wanted: Sequence[Node]) -> Any:
        """The same by nodes; None if that fails, for whatever reason the plain way will show."""
        g = np.asarray(g)
        try:
            arrived = self._walked(Deferred(program, program.leaf(g), g.shape), wanted)
            deferred = [x for x in arrived.values() if type(x) is Deferred]
            made = [x.value for x in deferred if x.value.real is None]
            evaluate(program, made)
            found = {
                node: x.array_of_value() if type(x) is Deferred else x
                for node, x in arrived.items()
            }
        except Exception:  # noqa: BLE001
            return None
        for value in made:
            value.real = None
        return found

    def expand(self) -> None:
        """Be a mere step before the single operations."""
        if self.program is None:
            return
        self._follow_changes()
        self._compute_saved()
        self.program = None
        self.parents = (self.top,)
        self.leaves = ()
        self._kept = None
        WATCHED.discard(self)

    def _compute_saved(self) -> None:
        """Give the tensors that the operations keep their arrays."""
        waiting = [x for x in self._all_kept() if type(x.array) is Deferred]
        program = self.program
        if not waiting or program is None:
            return
        evaluate(program, [x.array.value for x in waiting])
        for tensor in waiting:
            if type(tensor.array) is Deferred:  # a tensor may be kept by several operations
                tensor.array = tensor.array.array_of_value()

    def _all_kept(self) -> Iterator[Any]:
        for node in self.inner:
            for tensor in node.saved or ():
                if tensor is not None:
                    yield tensor

    def before_change(self, array: Array) -> None:
        """An array is about to change: what was read from it must stay as it was read."""
        program = self.program
        if program is None:
            return
        for value in program.operands():
            real = value.real
            if real is not None and np.may_share_memory(real, array):
                program.keep_as_it_was(value)
                for kept, own in self.leaves:
                    if type(kept.array) is Deferred and kept.array.value is value:
                        kept.array = own.array

    def _follow_changes(self) -> None:
        """Let what the operations keep of an operand follow its data and its history."""
        for kept, own in self.leaves:
            kept.node = own.node
            array: Any = kept.array
            if type(array) is Deferred and array.value.real is not own.array:
                kept.array = own.array


class _FusedOperation(Backward):
    """What such a node asks of its operation."""

    def node_name(self, node: Node) -> str:
        return node.name

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        return False

    def pull(self, node: Any, g: Any) -> Sequence[Any]:
        cotangents: Sequence[Any] = node.pull(g)
        return cotangents

    def pull_recorded(self, node: Any, g: Any) -> Sequence[Any]:
        node.expand()
        return (g,)


_FUSED = _FusedOperation()
