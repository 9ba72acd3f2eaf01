"""A gradient beside its central differences, the largest error first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json import dumps
from math import isfinite

from gradsh.display import json, values
from gradsh.display.summaries import count_text, number_text
from gradsh.engine.differences import AGREES, DIFFERS, JUMP, KINK, NOT_FINITE, Entry

ROWS = 10
"""So many entries are listed, the worst ones."""

_ORDER = {DIFFERS: 0, JUMP: 1, NOT_FINITE: 2, KINK: 3, AGREES: 4}


class Comparison:
    """What `check` shows: `names` are those of the tensors, `notes` what else is to be said."""

    def __init__(
        self, text: str, names: Sequence[str], entries: Sequence[Entry], notes: Sequence[str]
    ) -> None:
        self.text = text
        self.names = names
        self.entries = sorted(entries, key=lambda e: (_ORDER[e.verdict], -_error(e)))
        self.notes = notes

    def place(self, entry: Entry) -> str:
        """How a user writes the entry: `w[0, 2]`."""
        name = self.names[entry.source]
        index = f"[{', '.join(map(str, entry.position))}]" if entry.position else ""
        return f"{name}{index}{f'.{entry.part}' if entry.part else ''}"


def _error(entry: Entry) -> float:
    return entry.error if isfinite(entry.error) else float("inf")


def compared(view: Comparison) -> str:
    """The whole comparison."""
    rows = [("entry", "gradient", "difference", "error", "")]
    rows += [
        (
            view.place(entry),
            f"{entry.gradient:.6g}",
            f"{entry.difference:.6g}",
            f"{entry.error:.1e}",
            _remark(entry),
        )
        for entry in view.entries[:ROWS]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for name, *numbers, remark in rows:
        cells = [name.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([*cells, remark]).rstrip())
    hidden = len(view.entries) - ROWS
    if hidden > 0:
        lines.append(f"... and {count_text(hidden, 'entry', 'entries')} with smaller errors")
    return "\n".join([*lines, *_verdict(view), *view.notes])


def _remark(entry: Entry) -> str:
    if entry.verdict == KINK:
        slopes = f"{number_text(entry.below)} below, {number_text(entry.above)} above"
        return f"kink: slope {slopes}"
    if entry.verdict == JUMP:
        return "jump: the value has a step here"
    if entry.verdict == NOT_FINITE:
        return "not finite here or close by"
    return "wrong" if entry.verdict == DIFFERS else ""


def _verdict(view: Comparison) -> Iterator[str]:
    count = dict.fromkeys(_ORDER, 0)
    for entry in view.entries:
        count[entry.verdict] += 1
    if not view.entries:
        yield "there is no entry to check"
        return
    if count[DIFFERS]:
        yield f"the gradient is wrong at {_entries(count[DIFFERS])}"
    else:
        agreeing = [entry.error for entry in view.entries if entry.verdict == AGREES]
        if agreeing:
            where = "" if count[AGREES] == len(view.entries) else f" at {_entries(count[AGREES])}"
            yield f"the gradient is right{where}: errors up to {max(agreeing):.1e}"
    if count[KINK]:
        yield (
            f"{_entries(count[KINK])} at a kink, where any slope between the two sides is right: "
            "no fault"
        )
    if count[JUMP]:
        yield f"{_entries(count[JUMP])} at a jump, where no derivative exists"
    if count[NOT_FINITE]:
        yield f"{_entries(count[NOT_FINITE])} where a value is infinite or nan"


def _entries(count: int) -> str:
    return count_text(count, "entry", "entries")


def _json(view: Comparison) -> Iterator[str]:
    listed = [
        {
            "name": view.names[entry.source],
            "index": list(entry.position),
            "part": entry.part or None,
            "gradient": _number(entry.gradient),
            "difference": _number(entry.difference),
            "error": _number(entry.error),
            "below": _number(entry.below),
            "above": _number(entry.above),
            "verdict": entry.verdict,
        }
        for entry in view.entries
    ]
    right = all(entry.verdict != DIFFERS for entry in view.entries)
    yield dumps({"right": right, "entries": listed, "notes": list(view.notes)})


def _number(value: float) -> float | str:
    return value if isfinite(value) else repr(value)


values.register(Comparison, compared)
json.register(Comparison, "comparison", _json)
