"""What a row of the table is, and the register of them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.units import TIME, Unit

if TYPE_CHECKING:
    from benchmarks.contests import Contest

Make = Callable[[bool], "Contest"]


@dataclass(frozen=True)
class Row:
    """A line of the table: who is compared on what, and what gradsh is to reach.

    `against` gives, for each peer, the ratio of gradsh's median to the peer's that must not be
    exceeded, or None where the peer is shown for comparison only. `limit` is a target for gradsh's
    own figure. `make(quick)` gives the contest.
    """

    name: str
    title: str
    make: Make
    unit: Unit = TIME
    against: dict[str, float | None] = field(default_factory=dict)
    limit: float | None = None


ROWS: dict[str, Row] = {}


def row(
    name: str,
    title: str,
    unit: Unit = TIME,
    against: dict[str, float | None] | None = None,
    limit: float | None = None,
) -> Callable[[Make], Make]:
    """Register the decorated function, which makes the contest of a row."""

    def register(make: Make) -> Make:
        assert name not in ROWS, f"two rows are named {name}"
        ROWS[name] = Row(name, title, make, unit, against or {}, limit)
        return make

    return register
