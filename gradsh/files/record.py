"""A record: named values in order, as the columns of a table or the arrays of an archive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gradsh.display import json, values
from gradsh.engine.op import FUNCTIONS
from gradsh.engine.tensor import Tensor

EDGE_TEXTS: Final = 3
"""How many texts of a long column are shown at its start, and at its end."""


class Record:
    """Values by name: `d.price`, `d["price"]`, `a, b = d`; `d.names` are the names in order.

    A program reads a value as an attribute under its name made a word: "sepal length (cm)" is
    `d.sepal_length_cm`, and `d["sepal length (cm)"]` by the name itself. `d.matrix()` puts the
    columns of numbers side by side.
    """

    def __init__(self, values: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> None:
        self.values: dict[str, Any] = dict(values)
        self._words: dict[str, str] = {}
        for name in self.values:
            self._words.setdefault(as_word(name), name)
        self._words.update({name: name for name in self.values})

    def __getattr__(self, name: str) -> Any:
        word = name.removeprefix(".")
        if word is name:
            raise AttributeError(name)
        if word in self._words:
            return self.values[self._words[word]]
        if word == "names":
            return tuple(self.values)
        if word == "matrix":
            return self.matrix
        raise self._unknown(AttributeError, word)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.values:
                raise self._unknown(KeyError, key)
            return self.values[key]
        return list(self.values.values())[key]

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values.values())

    def __dir__(self) -> list[str]:
        return [f".{word}" for word in (*self._words, "names", "matrix") if word.isidentifier()]

    def __repr__(self) -> str:
        lines = [f"{name}={_shown(value)}" for name, value in self.values.items()]
        return "record(\n" + ",\n".join(lines) + ")"

    def matrix(self) -> Tensor:
        """The columns of numbers side by side, (rows, columns); ValueError if there are none."""
        columns = [x for x in self.values.values() if isinstance(x, Tensor) and x.ndim == 1]
        if not columns:
            raise ValueError("there is no column of numbers")
        result: Tensor = FUNCTIONS["stack"](columns, 1)
        return result

    def _unknown(self, kind: type[Exception], name: str) -> Exception:
        error = kind(f"there is no '{name}' in this record")
        from difflib import get_close_matches

        near = get_close_matches(name, self._words, 1)
        error.add_note(f"did you mean '{near[0]}'?" if near else f"it has {', '.join(self.values)}")
        return error


def as_word(name: str) -> str:
    """A name as one that can stand after a dot: other characters become underscores."""
    word = re.sub(r"\W+", "_", name.strip()).strip("_")
    return f"_{word}" if word[:1].isdigit() else word


def _shown(value: Any) -> str:
    """A value as text; of a long tuple its first and last elements."""
    if type(value) is tuple and len(value) > 2 * EDGE_TEXTS + 1:
        parts = [*map(values.shown, value[:EDGE_TEXTS]), "..."]
        parts += map(values.shown, value[-EDGE_TEXTS:])
        return f"({', '.join(parts)})"
    return values.shown(value)


def _described(record: Record) -> Iterator[str]:
    opening = "["
    for name, value in record.values.items():
        yield opening + json.to_json(name, value)
        opening = ", "
    yield "]" if record.values else "[]"


Record.__name__ = "record"  # what messages call it
values.register(Record, Record.__repr__)
json.register(Record, "record", _described)
