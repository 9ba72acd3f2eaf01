"""Quantities as a reader wants to see them."""

from __future__ import annotations

from typing import Final


class Unit:
    """How a quantity is written; `falling` is whether a larger number means less of it."""

    falling = False

    def text(self, quantity: float) -> str:
        """The quantity with three digits and its unit."""
        raise NotImplementedError

    def limit(self, quantity: float) -> str:
        """The same for a target that the quantity must not exceed."""
        return f"{'≥' if self.falling else '≤'} {self.text(quantity)}"


class Scaled(Unit):
    """A quantity with a unit for each size."""

    def __init__(self, sizes: list[tuple[float, str]]) -> None:
        self._sizes = sizes

    def text(self, quantity: float) -> str:
        fitting = (entry for entry in self._sizes if abs(quantity) >= entry[0])
        size, name = next(fitting, self._sizes[-1])
        return f"{quantity / size:.3g} {name}"


class Rate(Unit):
    """Seconds apiece, written as pieces a second."""

    falling = True

    def text(self, quantity: float) -> str:
        return f"{1 / quantity:,.0f} /s" if quantity > 0 else "-"


class Share(Unit):
    """A fraction, written as per cent."""

    def text(self, quantity: float) -> str:
        return f"{100 * quantity:.3g} %"


TIME: Final = Scaled([(1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")])
BYTES: Final = Scaled([(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")])
RATE: Final = Rate()
SHARE: Final = Share()
