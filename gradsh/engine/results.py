"""Results with names: the tuples that `max(x, 1)`, `sort`, `qr` and their like return."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from gradsh.engine.registers import Register

RESULT_TYPES: Register[tuple[type, tuple[str, ...]]] = Register()
"""Every kind of named result, and its fields, by its function's name."""


def named_result(name: str, fields: tuple[str, ...]) -> Any:
    """The tuple type `torch.return_types.<name>`, called with one value for each field."""

    def new(kind: Any, *values: Any) -> Any:
        return tuple.__new__(kind, values)

    members: dict[str, Any] = {"__slots__": (), "__new__": new, "_fields": fields}
    for position, field in enumerate(fields):
        members[field] = property(itemgetter(position))
    kind = type(name, (tuple,), members)
    RESULT_TYPES[name] = kind, fields
    return kind
