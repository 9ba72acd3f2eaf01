"""How the arguments of a declared operation are read: one reader for each annotation.

A reader turns what the user wrote into what the body expects, or raises TypeError in PyTorch's
words. The annotations are ordinary types (below), kept as text by `from __future__ import
annotations`, so declaring an operation evaluates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradsh.engine.dtypes import NUMBER_CATEGORY, DType
from gradsh.engine.scalars import number_tensor
from gradsh.engine.tensor import Tensor

if TYPE_CHECKING:
    from gradsh.engine.op import Op

Operand = Any  # a tensor in the user's hands, its array in a body
Operands = Any  # a list of tensors
Dim = int
Dims = Any  # int | tuple[int, ...] | None
GivenDim = Any  # an int or absent: a written none is refused
Shape = tuple[int, ...]  # may be written without parentheses
Number = Any  # bool | int | float | complex

_KIND_NAMES = {int: "int", float: "float", bool: "bool", str: "str", tuple: "tuple", list: "list"}


def type_name(value: Any) -> str:
    """The type of `value` as PyTorch's messages name it."""
    return "Tensor" if isinstance(value, Tensor) else type(value).__name__


def refuse(op: str, name: str, position: int, wanted: str, value: Any) -> TypeError:
    """PyTorch's TypeError for an argument of the wrong type."""
    return TypeError(
        f"{op}(): argument '{name}' (position {position}) must be {wanted}, not {type_name(value)}"
    )


def operand(value: Any, op: str, name: str, position: int) -> Any:
    """A tensor; Python numbers become zero-dim ones, arrays stay (formulas compute with them)."""
    if type(value) is Tensor:
        return value
    if type(value) in NUMBER_CATEGORY:
        return number_tensor(value)
    if hasattr(value, "dtype"):
        return value
    raise refuse(op, name, position, "Tensor", value)


def only_tensors(op: str, **operands: Any) -> None:
    """Refuse Python numbers among the first operands of a composition."""
    for position, (name, value) in enumerate(operands.items(), 1):
        if type(value) in NUMBER_CATEGORY:
            raise refuse(op, name, position, "Tensor", value)


def check_tensors(name: str, **arguments: Any) -> None:
    """Refuse everything but tensors among the first operands of a composition."""
    for position, (argument, value) in enumerate(arguments.items(), 1):
        if type(value) is not Tensor:
            error = refuse(name, argument, position, "Tensor", value)
            if isinstance(value, int | float):
                error.add_note(f"write `tensor({value})`")
            raise error


def optional_operand(value: Any, op: str, name: str, position: int) -> Any:
    """A tensor or none."""
    return None if value is None else operand(value, op, name, position)


def operands(value: Any, op: str, name: str, position: int) -> list[Any]:
    """A list of tensors."""
    if not isinstance(value, (list, tuple)):
        raise refuse(op, name, position, "tuple of Tensors", value)
    for index, item in enumerate(value):
        if type(item) is not Tensor and not hasattr(item, "dtype"):
            raise TypeError(
                f"expected Tensor as element {index} in argument {position - 1}, "
                f"but got {type_name(item)}"
            )
    return list(value)


def _integer(value: Any, op: str, name: str, position: int) -> int:
    if type(value) is int:
        return value
    if isinstance(value, Tensor) and value.array.size == 1 and value.array.dtype.kind in "iu":
        return int(value.array.item())
    if hasattr(value, "__index__") and not isinstance(value, (bool, Tensor)):
        return int(value.__index__())
    raise refuse(op, name, position, "int", value)


def dims(value: Any, op: str, name: str, position: int) -> Any:
    """An int, or a tuple of ints; a written none is the empty tuple, an absent one stays None."""
    if value is None:
        return ()
    if type(value) is int:
        return value
    if isinstance(value, (tuple, list)):
        return tuple(_integer(item, op, name, position) for item in value)
    if isinstance(value, Tensor):
        return _integer(value, op, name, position)
    raise refuse(op, name, position, "tuple of ints", value)


def optional_dims(value: Any, op: str, name: str, position: int) -> Any:
    """None, an int, or a tuple of ints."""
    return None if value is None else dims(value, op, name, position)


def shape(value: Any, op: str, name: str, position: int) -> tuple[int, ...]:
    """A tuple of ints, from a tuple, a list, a one-dim tensor or a single int."""
    if isinstance(value, (tuple, list)):
        sizes = []
        for place, item in enumerate(value, 1):
            try:
                sizes.append(_integer(item, op, name, position))
            except TypeError:
                raise TypeError(
                    f"{op}(): argument '{name}' failed to unpack the object at pos {place} with "
                    f'error "type must be tuple of ints,but got {type_name(item)}"'
                ) from None
        return tuple(sizes)
    try:
        return (_integer(value, op, name, position),)
    except TypeError:
        raise refuse(op, name, position, "tuple of ints", value) from None


def number(value: Any, op: str, name: str, position: int) -> Any:
    """A Python number; a one-element tensor gives its value."""
    if type(value) in NUMBER_CATEGORY:
        return value
    if isinstance(value, Tensor) and value.array.size == 1:
        return value.item()
    raise refuse(op, name, position, "Number", value)


def boolean(value: Any, op: str, name: str, position: int) -> bool:
    """True or False."""
    if type(value) is bool:
        return value
    raise refuse(op, name, position, "bool", value)


def dtype(value: Any, op: str, name: str, position: int) -> DType | None:
    """An element type or none."""
    if value is None or isinstance(value, DType):
        return value
    raise refuse(op, name, position, "torch.dtype", value)


def text(value: Any, op: str, name: str, position: int) -> str:
    """A text."""
    if isinstance(value, str):
        return value
    raise refuse(op, name, position, "str", value)


def anything(value: Any, op: str, name: str, position: int) -> Any:
    """Whatever the body itself sorts out."""
    return value


def _or_none(reader: Callable[[Any, str, str, int], Any]) -> Callable[[Any, str, str, int], Any]:
    return lambda value, op, name, position: (
        None if value is None else reader(value, op, name, position)
    )


def _float(value: Any, op: str, name: str, position: int) -> float:
    if type(value) is float:
        return value
    return float(number(value, op, name, position))


READERS: dict[str, Callable[[Any, str, str, int], Any]] = {
    "Operand": operand,
    "Operand | None": optional_operand,
    "Operands": operands,
    "Dim": _integer,
    "GivenDim": _integer,
    "Dims": dims,
    "Dims | None": optional_dims,
    "Shape": shape,
    "Number": number,
    "Any": anything,
    "int": _integer,
    "float": _float,
    "bool": boolean,
    "str": text,
    "DType | None": dtype,
    "Shape | None": _or_none(shape),
    "Number | None": _or_none(number),
    "int | None": _or_none(_integer),
    "float | None": _or_none(_float),
    "bool | None": _or_none(boolean),
    "str | None": _or_none(text),
}

_NOTHING = type(None)
_NEEDS_NO_READING: dict[str, tuple[type, ...]] = {
    "Dim": (int,),
    "GivenDim": (int,),
    "Dims": (int,),
    "Dims | None": (int, _NOTHING),
    "Number": (bool, int, float, complex),
    "int": (int,),
    "float": (float,),
    "bool": (bool,),
    "DType | None": (_NOTHING,),
    "Number | None": (bool, int, float, complex, _NOTHING),
    "int | None": (int, _NOTHING),
    "float | None": (float, _NOTHING),
    "bool | None": (bool, _NOTHING),
}
"""The types whose values the readers leave as they are."""


def needs_no_reading(op: Op, names: Sequence[str], kinds: Sequence[type]) -> bool:
    """Whether values of these types are what the arguments' readers would make of them."""
    return all(
        kind in _NEEDS_NO_READING.get(op.annotations.get(name, ""), ())
        for name, kind in zip(names, kinds, strict=False)
    )


def bind(op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """All arguments of a call in the signature's order, read and with defaults filled in.

    Positional integers beyond a last `Shape` argument belong to it: `x.reshape(2, 3)`.
    """
    parameters = op.parameters
    if len(args) > op.positional or (
        op.gathers and len(args) == op.positional and type(args[-1]) is not tuple
    ):
        if not op.gathers:
            raise TypeError(
                f"{op.name}() takes {op.positional} positional arguments but {len(args)} were given"
            )
        last = op.positional - 1
        rest = args[last:]
        if len(rest) > 1 or not isinstance(rest[0], (list, tuple)):
            args = (*args[:last], rest)
    values: list[Any] = list(args)
    names = parameters[len(args) :]
    given = kwargs
    if kwargs:
        kwargs = dict(kwargs)
        for name in names:
            if name in kwargs:
                values.append(kwargs.pop(name))
            elif name in op.defaults:
                values.append(op.defaults[name])
            else:
                raise _missing(op, name)
        for name in kwargs:
            if name in parameters:
                raise TypeError(f"{op.name}() got multiple values for argument '{name}'")
            error = TypeError(f"{op.name}() got an unexpected keyword argument '{name}'")
            error.add_note(_near_or_all(name, parameters))
            raise error
    else:
        for name in names:
            if name not in op.defaults:
                raise _missing(op, name)
            values.append(op.defaults[name])
    for position, reader in enumerate(op.readers):
        value = values[position]
        if reader is operand and type(value) is Tensor:
            continue
        if position >= len(args) and parameters[position] not in given:
            continue  # a default needs no reading
        values[position] = reader(value, op.name, parameters[position], position + 1)
    return values


def _near_or_all(name: str, parameters: Sequence[str]) -> str:
    """The hint for an argument's name that is none: the nearest one, or what there is."""
    from difflib import get_close_matches

    near = get_close_matches(name, parameters, 1)
    return f"did you mean `{near[0]}`?" if near else f"its arguments are {', '.join(parameters)}"


def _missing(op: Op, name: str) -> TypeError:
    return TypeError(f'{op.name}() missing 1 required positional arguments: "{name}"')
