"""What comes of a conversion: the other program, and what could not be turned."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """What cannot be converted: where it stands, and why not."""

    source: str
    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: not converted: {self.reason}"


class Conversion(NamedTuple):
    """A converted program, and what of its source could not be converted, in its order."""

    text: str
    refusals: list[Refusal]
