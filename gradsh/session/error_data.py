"""An error as data: what `--json` writes for a fault, and for an error that a program shows."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import TYPE_CHECKING, Any

from gradsh.display import json
from gradsh.session.faults import ErrorValue

if TYPE_CHECKING:
    from gradsh.language.diagnostics import Related


def related_fields(place: Related) -> dict[str, Any]:
    """A place that an error is about; the columns count from 1, `end` is the one behind it."""
    return {
        "what": place.what.replace("{line}", f"line {place.line}") or None,
        "source": place.source,
        "line": place.line,
        "column": place.column,
        "end": place.end,
        "source_line": place.source_line,
    }


def _data(value: ErrorValue) -> Iterator[str]:
    told = value.diagnostic
    yield dumps(
        {
            "message": told.message,
            "source": told.source,
            "line": told.line,
            "column": told.column,
            "end": told.end,
            "source_line": told.source_line,
            "details": told.details,
            "related": [related_fields(place) for place in told.related],
            "calls": [
                {"source": source, "line": line, "column": column}
                for source, line, column in told.calls
            ],
            "hint": told.hint,
        }
    )


json.register(ErrorValue, "error", _data)
