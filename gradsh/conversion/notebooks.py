"""Notebooks of Jupyter with PyTorch code as gradsh programs."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from gradsh.conversion.from_python import Cell, convert_cells
from gradsh.conversion.refusals import Conversion, Refusal
from gradsh.language.faults import SyntaxFault

_COMMAND: Final = re.compile(r"\s*[%!]")
_HARMLESS: Final = re.compile(r"\s*%(?:matplotlib|config|load_ext|autoreload)\b")


def convert_notebook(text: str, name: str) -> Conversion:
    """The gradsh program that does what the cells of a notebook do, one after the other.

    The cells of text become comments. SyntaxFault if it is no notebook, or a cell no Python code;
    its place is then called `name[cell 3]`, as that of what could not be converted.
    """
    cells: list[Cell] = []
    refusals: list[Refusal] = []
    number = 0
    for entry in _entries(text, name):
        kind, source = entry.get("cell_type"), entry.get("source", "")
        code = "".join(source) if isinstance(source, list) else str(source)
        if kind == "markdown":
            if code.strip():
                cells.append(Cell(name, code.strip(), comment=True))
        elif kind == "code":
            number += 1
            place = f"{name}[cell {number}]"
            if code.lstrip().startswith("%%"):
                reason = "a cell with a command of Jupyter is no Python code"
                refusals.append(Refusal(place, 1, code, reason))
                cells.append(Cell(place, f"not converted, cell {number}: {reason}", comment=True))
                continue
            cells.append(Cell(place, _without_commands(code, place, refusals), shows=True))
    converted = convert_cells(cells)
    return Conversion(converted.text, [*refusals, *converted.refusals])


def _entries(text: str, name: str) -> list[dict[str, Any]]:
    """The cells of a notebook as they are written in it."""
    try:
        content = json.loads(text)
    except ValueError as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        lines = text.split("\n")
        written = lines[line - 1] if line <= len(lines) and len(lines[line - 1]) < 200 else ""
        message = f"this is no notebook: {getattr(error, 'msg', error)}"
        raise SyntaxFault(message, name, line, column, column + 1, written) from None
    if isinstance(content, dict) and isinstance(content.get("worksheets"), list):
        hint = "save it in the format 4, as Jupyter now does"
        raise SyntaxFault("this notebook has an old format", name, 1, 1, 2, "", hint)
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise SyntaxFault("this is no notebook: it has no cells", name, 1, 1, 2, "")
    return cells


def _without_commands(code: str, place: str, refusals: list[Refusal]) -> str:
    """The code of a cell, in which the commands of Jupyter are comments."""
    lines = code.split("\n")
    for number, line in enumerate(lines):
        if _COMMAND.match(line):
            lines[number] = re.sub(r"^(\s*)", r"\1# ", line)
            if not _HARMLESS.match(line):
                reason = "a command of Jupyter is no Python code"
                refusals.append(Refusal(place, number + 1, line, reason))
    return "\n".join(lines)
