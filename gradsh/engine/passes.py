"""The last backward pass, for whoever asks afterwards; it keeps nothing alive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from weakref import ref

from gradsh.engine.graph import Leaf, Node
from gradsh.engine.modes import RUNNING
from gradsh.engine.tensor import GradientBox, Tensor


class Pass:
    """A backward pass: what ran (`modes.RUNNING`), its outputs, and what got a gradient.

    `only` says that it was asked for the gradients of some tensors alone.
    """

    __slots__ = ("_boxes", "_outputs", "only", "place")

    def __init__(
        self, outputs: Iterable[Tensor], boxes: Iterable[GradientBox], *, only: bool
    ) -> None:
        self.place = RUNNING.place
        self.only = only
        self._outputs = [ref(tensor) for tensor in outputs]
        self._boxes = [ref(box) for box in boxes]

    @property
    def outputs(self) -> list[Tensor]:
        """The outputs that are still there."""
        return [tensor for each in self._outputs if (tensor := each()) is not None]

    @property
    def boxes(self) -> list[GradientBox]:
        """Where gradients were put, as far as it is still there."""
        return [box for each in self._boxes if (box := each()) is not None]


class Passes:
    """Remembers the last pass."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: Pass | None = None

    def finished(
        self,
        outputs: Sequence[Tensor],
        arrived: Iterable[tuple[Node, object]],
        retained: Iterable[tuple[GradientBox, object]],
        *,
        only: bool,
    ) -> None:
        """A backward pass has put its gradients where they belong."""
        boxes = [leaf.box for leaf, _ in arrived if type(leaf) is Leaf]
        boxes += [box for box, _ in retained]
        self.last = Pass(outputs, boxes, only=only)


PASSES = Passes()
