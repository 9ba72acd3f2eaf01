"""The last backward pass, for whoever asks afterwards; it keeps nothing alive.

A pass is told by the sequence number of its first output: what is kept of it is that number, in
the boxes that it filled too, so that a pass pays next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gradsh.engine.graph import Leaf, Node
from gradsh.engine.journal import change_attributes
from gradsh.engine.modes import RUNNING
from gradsh.engine.tensor import GradientBox, Tensor


class Pass:
    """A backward pass: what ran (`modes.RUNNING`), and its outputs.

    `only` says that it was asked for the gradients of some tensors alone.
    """

    __slots__ = ("_outputs", "only", "place")

    def __init__(self, place: object, only: bool, outputs: Sequence[float]) -> None:
        self.place = place
        self.only = only
        self._outputs = outputs

    def has_output(self, tensor: Tensor) -> bool:
        """Whether it went out from this tensor."""
        return tensor.node is not None and tensor.node.seq in self._outputs

    def filled(self, box: GradientBox | None) -> bool:
        """Whether it put a gradient there, which may have been cleared since."""
        return box is not None and box.filled == self._outputs[0]


class Passes:
    """Remembers the last pass."""

    __slots__ = ("_known", "_last")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """As if there had been none."""
        self._known: tuple[object, bool, Sequence[float]] | None = None
        self._last: Pass | None = None

    @property
    def last(self) -> Pass | None:
        """The last pass; None if there was none."""
        if self._last is None and self._known is not None:
            self._last = Pass(*self._known)
        return self._last

    @last.setter
    def last(self, last: Pass | None) -> None:
        self._known = None
        self._last = last

    def finished(
        self,
        roots: Sequence[tuple[Node, Any]],
        arrived: Iterable[tuple[Node, object]],
        retained: Iterable[tuple[GradientBox, object]],
        only: bool,
    ) -> None:
        """A backward pass from these roots has put its gradients where they belong."""
        first = roots[0][0].seq if roots else 0.0
        outputs = (first,) if len(roots) <= 1 else [node.seq for node, _ in roots]
        self._known = RUNNING.place, only, outputs
        self._last = None
        for leaf, _ in arrived:
            if type(leaf) is Leaf:
                change_attributes(leaf.box)
                leaf.box.filled = first
        for box, _ in retained:
            change_attributes(box)
            box.filled = first


PASSES = Passes()
