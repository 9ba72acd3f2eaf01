"""The text of any value: `text` is what `print` shows, `shown` what a statement shows.

They differ for texts alone: `print "a"` shows `a`, the statement `"a"` shows `'a'`. Every kind
of value has one entry in one table, and another module adds a kind with `register`.
"""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from gradsh.display.tensor_text import tensor_text
from gradsh.display.type_table import TypeTable
from gradsh.engine.size import Size
from gradsh.engine.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["field_names", "function_signature", "integer_text", "register", "shown", "text"]

_VARIABLE_ARGUMENTS = 0x04
_VARIABLE_KEYWORDS = 0x08


def text(value: object) -> str:
    """What `print` shows for a value."""
    return _table.find(type(value))[1](value)


def shown(value: object) -> str:
    """What an expression statement shows for a value: as `text`, but texts are quoted."""
    return _table.find(type(value))[0](value)


def register(
    kind: type, show: Callable[[Any], str], text: Callable[[Any], str] | None = None
) -> None:
    """Declare how values of `kind`, and of the types that inherit from it, are shown.

    `show` gives what a statement shows, `text` what `print` shows where that is not the same.
    """
    _table.register(kind, (show, text or show))


def field_names(value: tuple[object, ...]) -> tuple[str, ...] | None:
    """The names of a named tuple's elements, None for a plain tuple."""
    names: tuple[str, ...] | None = getattr(type(value), "_fields", None)
    return names


def integer_text(value: int) -> str:
    """A Python integer in full, however long (Python itself stops at 4300 digits)."""
    try:
        return int.__repr__(value)
    except ValueError:
        from decimal import Decimal

        return format(Decimal(value), "f")


def function_signature(function: FunctionType) -> str:
    """A function's parameters as they were written: `(a, b=2, *rest)`.

    A default value that needs more than one line is shown as `...`. A built-in operation shows
    the parameters of its declaration.
    """
    op = getattr(function, "op", None)
    if op is not None:
        function = op.forward
    code: CodeType = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    end = code.co_argcount + code.co_kwonlyargcount
    defaults = function.__defaults__ or ()
    given = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    given.update(function.__kwdefaults__ or {})

    rest = iter(code.co_varnames[end:])
    parts = [_parameter(name, given) for name in positional]
    if code.co_flags & _VARIABLE_ARGUMENTS:
        parts.append("*" + next(rest))
    elif code.co_kwonlyargcount:
        parts.append("*")
    parts += [_parameter(name, given) for name in code.co_varnames[code.co_argcount : end]]
    if code.co_flags & _VARIABLE_KEYWORDS:
        parts.append("**" + next(rest))
    return f"({', '.join(parts)})"


def _parameter(name: str, defaults: dict[str, object]) -> str:
    if name not in defaults:
        return name
    default = shown(defaults[name])
    return f"{name}=..." if "\n" in default else f"{name}={default}"


def _function(value: FunctionType) -> str:
    name = "" if value.__name__ == "<lambda>" else value.__name__
    return f"<function {name}{function_signature(value)}>"


def _named(kind: str) -> Callable[[Any], str]:
    return lambda value: f"<{kind} {value.__name__}>"


def _joined(values: Iterable[object]) -> str:
    return ", ".join(map(shown, values))


def _tuple(value: tuple[object, ...]) -> str:
    names = field_names(value)
    if names is not None:
        # As PyTorch shows what max, sort, qr, ... return.
        lines = [f"{name}={shown(v)}" for name, v in zip(names, value, strict=True)]
        body = ",\n".join(lines)
        return f"torch.return_types.{type(value).__name__}(\n{body})"
    return f"({_joined(value)},)" if len(value) == 1 else f"({_joined(value)})"


def _list(value: list[object]) -> str:
    return f"[{_joined(value)}]"


def _dictionary(value: dict[object, object]) -> str:
    return f"{{{', '.join(f'{shown(k)}: {shown(v)}' for k, v in value.items())}}}"


def _error(value: BaseException) -> str:
    message = str(value).partition("\n")[0]
    return message or type(value).__name__


def _other(value: object) -> str:
    kind = type(value)
    if kind.__repr__ is object.__repr__:
        return f"<{kind.__name__}>"
    return repr(value)


_Entry = tuple["Callable[[Any], str]", "Callable[[Any], str]"]
_table: TypeTable[_Entry] = TypeTable((_other, _other))
register(Tensor, tensor_text)
register(Size, Size.__repr__)
register(int, integer_text)
register(bool, bool.__repr__)
register(float, float.__repr__)
register(complex, complex.__repr__)
register(str, repr, str)
register(tuple, _tuple)
register(list, _list)
register(dict, _dictionary)
register(FunctionType, _function)
register(MethodType, _named("method"))
register(BuiltinFunctionType, _named("function"))
register(type, _named("type"))
register(BaseException, _error)
