"""The last backward pass, for whoever asks afterwards; it keeps nothing alive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from weakref import ref

from gradsh.engine.graph import Leaf, Node
from gradsh.engine.modes import RUNNING
from gradsh.engine.tensor import GradientBox, Tensor


class Pass:
    """A backward pass: what ran (`modes.RUNNING`), and its outputs.

    `only` says that it was asked for the gradients of some tensors alone.
    """

    __slots__ = ("_outputs", "only", "place")

    def __init__(self, outputs: Sequence[Tensor], only: bool) -> None:
        self.place = RUNNING.place
        self.only = only
        self._outputs = [*map(ref, outputs)]

    @property
    def outputs(self) -> list[Tensor]:
        """The outputs that are still there."""
        return [tensor for each in self._outputs if (tensor := each()) is not None]

    def filled(self, box: GradientBox | None) -> bool:
        """Whether it put a gradient there, which may have been cleared since."""
        return box is not None and box.filled is self


class Passes:
    """Remembers the last pass."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: Pass | None = None

    def finished(
        self,
        outputs: Sequence[Tensor],
        arrived: Iterable[tuple[Node, object]],
        retained: Sequence[tuple[GradientBox, object]],
        only: bool,
    ) -> None:
        """A backward pass has put its gradients where they belong."""
        last = self.last = Pass(outputs, only)
        for leaf, _ in arrived:
            if type(leaf) is Leaf:
                leaf.box.filled = last
        for box, _ in retained:
            box.filled = last


PASSES = Passes()
