"""What a session has for completion: its names, the words, the attributes of its values."""

from __future__ import annotations

from typing import Any

from gradsh.engine import Tensor
from gradsh.language.grammar import TEXT_OF
from gradsh.session import Session

WORDS = tuple(sorted(text for text in TEXT_OF.values() if text.isidentifier()))
"""The words of the language, from its grammar."""


def names_of(session: Session) -> list[str]:
    """The user's names, then the built-in ones and the words of the language."""
    own = sorted(session.variables)
    return list(dict.fromkeys([*own, *sorted({*session.names, *WORDS}, key=_order)]))


def attributes_of(session: Session, receiver: str) -> list[str]:
    """The attributes of what a dotted name names, looked up in tables and never asked for.

    Where that is not known, those of a tensor.
    """
    names = receiver.split(".")
    value: Any = Tensor
    if names[0] in session.names:
        value = _named(session, names)
    table = dir(value if value is Tensor or _has_own(value) else type(value))
    return sorted((name[1:] for name in table if name.startswith(".")), key=_order)


def _named(session: Session, names: list[str]) -> Any:
    """The value that a dotted name names, as far as plain tables tell; else the class Tensor."""
    first, *rest = names
    value = session.variables.get(first, session.builtins.get(first))
    for name in rest:
        own = getattr(value, "__dict__", {})
        if "." + name not in own:
            return Tensor
        value = own["." + name]
    return value


def _has_own(value: Any) -> bool:
    """Whether the value itself lists its attributes, as the namespace `torch` does."""
    return "__dir__" in type(value).__dict__


def _order(name: str) -> tuple[bool, str, str]:
    return name.endswith("_"), name.lower(), name
