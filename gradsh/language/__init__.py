"""Source text to compiled statements: reading, syntax errors, places of run-time errors.

    reader = Reader("file.grad")
    for unit in reader.feed(text):
        value = unit.run(namespace)

What only an error or an editor needs is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradsh.language.faults import SyntaxFault
from gradsh.language.reader import Reader
from gradsh.language.units import Unit

if TYPE_CHECKING:
    from gradsh.language.diagnostics import Diagnostic, diagnose, running_place
    from gradsh.language.highlighting import (
        Token,
        closing_indent,
        is_complete,
        tokenize,
        words_after,
    )

__all__ = [
    "Diagnostic",
    "Reader",
    "SyntaxFault",
    "Token",
    "Unit",
    "closing_indent",
    "diagnose",
    "is_complete",
    "running_place",
    "tokenize",
    "words_after",
]

_MODULES = {
    "Diagnostic": "diagnostics",
    "diagnose": "diagnostics",
    "running_place": "diagnostics",
    "Token": "highlighting",
    "closing_indent": "highlighting",
    "is_complete": "highlighting",
    "tokenize": "highlighting",
    "words_after": "highlighting",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
