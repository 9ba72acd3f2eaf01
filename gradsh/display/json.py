"""A shown value as one JSON object: what `--json` writes.

Every object has these keys, in this order; what has no meaning for a kind is null.

- `name`: the variable's name; null for an expression; the field of a named tuple's element.
- `kind`: `tensor`, `number`, `complex`, `bool`, `text`, `none`, `tuple`, `list`, `dict`, `range`,
  `size`, `dtype`, `node`, `function`, `error`, or else the name of the value's type.
- `dtype`: of a tensor, `"float32"`, `"int64"`, `"bool"`, ...
- `shape`: of a tensor, a list of integers.
- `data`: of a tensor its elements in nested lists; a number, bool or text itself; of a tuple, list
  or dict a list of such objects; of a range its start, stop and step; of a size its integers; of
  a dtype or node its name; of an error an object with its message, its place, other places that
  it is about (`related`), and its hint; of everything else the text that `print` shows.
- `requires_grad`: of a tensor, true or false.
- `grad_fn`: of a tensor, `"AddBackward0"`, ..., null if no operation made it.

Integers are exact and floats have every digit (a float32 as the double of the same value).
JSON has no infinities and no nan: they are the strings `"inf"`, `"-inf"`, `"nan"`. A complex
number is `[re, im]`. Nothing is abbreviated, whatever the print options are.
"""

from __future__ import annotations

from math import isfinite
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.type_table import TypeTable
from gradsh.display.values import field_names, integer_text, text
from gradsh.engine.dtypes import DType
from gradsh.engine.graph import Node
from gradsh.engine.size import Size
from gradsh.engine.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from numpy.typing import NDArray

    Pieces = Iterator[str]

__all__ = ["register", "to_json", "write_json"]

_ELEMENTS_AT_ONCE = 8192


def dumps(value: object) -> str:
    """A text, a number, a bool or a list of them as JSON."""
    from json import dumps  # slow to import, and the settings are declared before anybody asks

    return dumps(value)


def to_json(name: str | None, value: object) -> str:
    """The JSON object of a value, without a line end."""
    return "".join(_pieces(name, value))


def write_json(stream: TextIO, name: str | None, value: object) -> None:
    """Write the JSON object of a value and a line end, a large tensor part by part."""
    stream.writelines(_pieces(name, value))
    stream.write("\n")


def register(kind: type, name: str, data: Callable[[Any], Pieces]) -> None:
    """Declare values of `kind`: the word for the key `kind`, and the JSON text of `data`.

    `data` gives the JSON text in one or more pieces.
    """

    def fields(value: object) -> Pieces:
        yield f'"kind": "{name}", "dtype": null, "shape": null, "data": '
        yield from data(value)
        yield ', "requires_grad": null, "grad_fn": null'

    _table.register(kind, fields)


def _pieces(name: str | None, value: object) -> Pieces:
    yield f'{{"name": {dumps(name)}, '
    yield from _table.find(type(value))(value)
    yield "}"


def _tensor(value: Tensor) -> Pieces:
    array = value.array
    node = value.grad_fn
    yield f'"kind": "tensor", "dtype": "{array.dtype.name}", "shape": {[*array.shape]}, "data": '
    yield from _array(array)
    yield f', "requires_grad": {dumps(bool(value.requires_grad))}'
    yield f', "grad_fn": {dumps(None if node is None else node.name)}'


def _array(array: NDArray[Any]) -> Pieces:
    """Nested lists, made in parts of a bounded number of elements."""
    if array.size <= _ELEMENTS_AT_ONCE or not array.ndim:
        yield _whole_array(array)
        return
    rows = max(1, _ELEMENTS_AT_ONCE * len(array) // array.size)
    opening = "["
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        yield opening
        if part.size > _ELEMENTS_AT_ONCE:
            yield from _array(part[0])
        else:
            yield _whole_array(part)[1:-1]
        opening = ", "
    yield "]"


def _whole_array(array: NDArray[Any]) -> str:
    kind = array.dtype.kind
    if kind in "biu":
        listing = str(array.tolist())
        return listing.lower() if kind == "b" else listing
    if kind == "c":
        array = np.stack((array.real, array.imag), -1)
    elif kind != "f":
        array = array.astype(np.float32)
    listing = str(array.tolist())
    if np.isfinite(array).all():
        return listing
    # No digit or sign of a number can be taken for these words.
    return listing.replace("inf", '"inf"').replace('-"inf"', '"-inf"').replace("nan", '"nan"')


def _float(value: float) -> str:
    return float.__repr__(value) if isfinite(value) else f'"{float.__repr__(value)}"'


def _one(make: Callable[[Any], str]) -> Callable[[Any], Pieces]:
    return lambda value: iter((make(value),))


def _objects(names: Iterable[str | None], values: Iterable[object]) -> Pieces:
    opening = "["
    for name, value in zip(names, values, strict=True):
        yield opening
        yield from _pieces(name, value)
        opening = ", "
    yield "[]" if opening == "[" else "]"


def _sequence(value: list[object] | tuple[object, ...]) -> Pieces:
    names = field_names(value) if isinstance(value, tuple) else None
    return _objects(names or [None] * len(value), value)


def _dictionary(value: dict[object, object]) -> Pieces:
    return _objects(map(text, value), value.values())


def _quoted_text(value: object) -> str:
    return dumps(text(value))


def _other(value: object) -> Pieces:
    yield f'"kind": {dumps(type(value).__name__)}, "dtype": null, "shape": null'
    yield f', "data": {_quoted_text(value)}, "requires_grad": null, "grad_fn": null'


_table: TypeTable[Callable[[Any], Pieces]] = TypeTable(_other)
_table.register(Tensor, _tensor)
register(Size, "size", _one(lambda value: dumps([*value])))
register(DType, "dtype", _one(lambda value: dumps(value.name)))
register(Node, "node", _one(lambda value: dumps(value.name)))
register(type(None), "none", _one(lambda value: "null"))
register(bool, "bool", _one(dumps))
register(int, "number", _one(integer_text))
register(float, "number", _one(_float))
register(complex, "complex", _one(lambda value: f"[{_float(value.real)}, {_float(value.imag)}]"))
register(str, "text", _one(dumps))
register(tuple, "tuple", _sequence)
register(list, "list", _sequence)
register(dict, "dict", _dictionary)
register(range, "range", _one(lambda value: dumps([value.start, value.stop, value.step])))
for _kind in (FunctionType, MethodType, BuiltinFunctionType):
    register(_kind, "function", _one(_quoted_text))
register(BaseException, "error", _one(_quoted_text))
