"""Values in JSON: what `gradsh --json` writes, and plain lists, objects and lines of either."""

from __future__ import annotations

import json
import math
from io import TextIOWrapper
from typing import IO, Any

import numpy as np

from gradsh.display.json import write_json
from gradsh.engine.dtypes import DTYPES
from gradsh.engine.op import FUNCTIONS
from gradsh.engine.tensor import new_tensor
from gradsh.files.record import Record

_DESCRIPTION = frozenset(("kind", "dtype", "shape", "data"))
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def read_json(stream: IO[bytes], name: str) -> Any:
    """The value in a JSON text; several lines of JSON are a record, or a tuple without names.

    A list of numbers is a tensor (null in it is nan), a list of objects with the same names a
    record of columns, another list a tuple, an object a record. ValueError, with line and column,
    for what is not JSON.
    """
    try:
        text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8 text") from None
    try:
        return value_of(json.loads(text))
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise _fault(name, error, 0) from None
    values = []
    for number, line in enumerate(text.splitlines()):
        if line.strip():
            try:
                values.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise _fault(name, error, number) from None
    named = {x["name"]: value_of(x) for x in values if _is_described(x) and x.get("name")}
    return Record(named) if len(named) == len(values) else value_of(values)


def _fault(name: str, error: json.JSONDecodeError, line: int) -> ValueError:
    return ValueError(f"{name}:{line + error.lineno}:{error.colno}: not JSON: {error.msg}")


def _is_described(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _DESCRIPTION


def value_of(given: Any) -> Any:
    """What a value read from JSON stands for."""
    if isinstance(given, dict):
        return _described(given) if _is_described(given) else Record(_values(given))
    if not isinstance(given, list):
        return given
    if _is_numeric(given):
        return FUNCTIONS["tensor"](_without_null(given))
    if given and all(isinstance(x, dict) and not _is_described(x) for x in given):
        names = list(given[0])
        if all(list(row) == names for row in given):
            return Record([(key, value_of([row[key] for row in given])) for key in names])
    return tuple(map(value_of, given))


def _values(given: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value_of(value)) for name, value in given.items()]


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_numeric, value))
    return value is None or isinstance(value, (bool, int, float))


def _without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    return math.nan if value is None else value


def _described(given: dict[str, Any]) -> Any:
    """The value that an object in the form of `--json` describes; a gradient state is not kept."""
    kind, data = given["kind"], given["data"]
    if kind == "tensor":
        dtype = DTYPES[given["dtype"]]
        numbers = np.array(_finite(data), np.float64 if dtype.name == "bfloat16" else None)
        if dtype.is_complex:
            numbers = np.array(_finite(data), np.float64).reshape(*given["shape"], 2)
            numbers = numbers[..., 0] + 1j * numbers[..., 1]
        return new_tensor(numbers.astype(dtype.numpy).reshape(given["shape"]))
    if kind == "number":
        return _finite(data)
    if kind == "complex":
        return complex(*_finite(data))
    if kind in ("tuple", "list", "record", "dict"):
        names = [item["name"] for item in data]
        values = [value_of(item) for item in data]
        if any(name is None for name in names) or not names:
            return tuple(values)
        return Record(list(zip(names, values, strict=True)))
    return data


def _finite(data: Any) -> Any:
    """Numbers with the words for infinities and nan turned into these."""
    if isinstance(data, list):
        return [_finite(item) for item in data]
    return _NOT_FINITE[data] if isinstance(data, str) else data


def write_json_file(value: Any, stream: IO[bytes]) -> None:
    """A value as the object that `--json` shows for it, with its type, shape and every digit."""
    text = TextIOWrapper(stream, encoding="utf-8", newline="\n")
    write_json(text, None, value)
    text.detach()
