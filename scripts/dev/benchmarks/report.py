"""The table: a line for each comparison, with its target beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.contests import Outcome
from benchmarks.registry import Row

WIDTHS = (15, 37, 11, 23, 7, 13)
TITLES = ("row", "what", "gradsh", "against", "ratio", "to reach")


@dataclass(frozen=True)
class Line:
    """One comparison: `held` is None where there is no target or no figure."""

    gradsh: str
    against: str
    ratio: str
    target: str
    held: bool | None


def compared(row: Row, outcome: Outcome) -> list[Line]:
    """The lines of a row: the limit first, then each peer."""
    own = outcome.median("gradsh")
    if own is None:
        return []
    shown = row.unit.text(own)
    lines = []
    if row.limit is not None:
        lines.append(Line(shown, "", "", row.unit.limit(row.limit), own <= row.limit))
    for peer, target in row.against.items():
        theirs, ratio = outcome.median(peer), outcome.ratio("gradsh", peer)
        wanted = "" if target is None else f"≤ {target:g}"
        if theirs is None or ratio is None:
            reason = outcome.missing.get(peer, "no samples")
            lines.append(Line(shown, f"{peer}: {reason}", "", wanted, None))
            continue
        held = None if target is None else ratio <= target
        lines.append(Line(shown, f"{peer} {row.unit.text(theirs)}", f"{ratio:.2f}", wanted, held))
    return lines


def table_head() -> str:
    """The titles of the columns."""
    return cells(TITLES)


def table_lines(row: Row, outcome: Outcome) -> list[str]:
    """A row as text."""
    lines = compared(row, outcome)
    if not lines:
        reason = outcome.missing.get("gradsh", "no samples")
        return [cells((row.name, row.title, f"not available: {reason}"))]
    texts = []
    for number, line in enumerate(lines):
        first = (row.name, row.title, line.gradsh) if number == 0 else ("", "", "")
        verdict = {True: " held", False: " MISSED", None: ""}[line.held]
        texts.append(cells((*first, line.against, line.ratio, line.target + verdict)))
    texts.extend(cells(("", f"! {note}")) for note in outcome.notes)
    return texts


def cells(texts: tuple[str, ...]) -> str:
    """The texts, each at the start of its column."""
    padded = (text.ljust(width) for text, width in zip(texts, WIDTHS, strict=False))
    return " ".join(padded).rstrip()


def as_data(row: Row, outcome: Outcome) -> dict[str, Any]:
    """A row for a file: the samples in seconds, bytes or shares, medians, ratios and targets."""
    return {
        "name": row.name,
        "title": row.title,
        "limit": row.limit,
        "median": {name: outcome.median(name) for name in outcome.samples},
        "samples": outcome.samples,
        "against": {
            peer: {"ratio": outcome.ratio("gradsh", peer), "target": target}
            for peer, target in row.against.items()
        },
        "held": [line.held for line in compared(row, outcome)],
        "missing": outcome.missing,
        "notes": outcome.notes,
    }
