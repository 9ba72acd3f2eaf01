"""What is told of a value in one line, and how a function is called.

Only types and declarations are looked at: no attribute of a user's value is asked for, and
nothing is computed.
"""

from __future__ import annotations

import inspect
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from gradsh.engine import Tensor
from gradsh.engine.dtypes import DType
from gradsh.session.namespaces import Namespace
from gradsh.session.unloaded import loaded

LONGEST = 60
"""Characters after which a line is cut."""

_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType)
_NUMBERS = (bool, int, float, complex)


def describe(value: Any) -> str:
    """A value in one line: its shape and type, its number or text, or what a function does."""
    value = loaded(value)
    kind = type(value)
    if issubclass(kind, Tensor):
        recorded = ", requires grad" if value.node is not None else ""
        return f"{tuple(value.shape)} {value.dtype.name}{recorded}"
    if issubclass(kind, _FUNCTIONS):
        return summary(value) or _user_signature(value)
    if kind is str:
        return cut(f'"{value}"')
    if value is None or kind in _NUMBERS:
        return cut(default_text(value))
    if kind is tuple:
        return f"tuple of {len(value)}"
    if kind is DType:
        return "type of elements"
    if kind is Namespace:
        return "PyTorch's names"
    if kind is type:
        return summary(value)
    return kind.__name__


def summary(function: Any) -> str:
    """The first sentence of what a declaration says of its function."""
    text = function.__doc__
    if not isinstance(text, str):
        return ""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return cut(paragraph.removesuffix("."))


def parameters(function: Any, *, method: bool = False) -> list[inspect.Parameter]:
    """The parameters of a function, in order; none for what is no function.

    As a `method` it has its first one already.
    """
    function = loaded(function)
    if not issubclass(type(function), _FUNCTIONS):
        return []
    operation = getattr(function, "op", None)
    try:
        signature = inspect.signature(function if operation is None else operation.forward)
    except (TypeError, ValueError):
        return []
    found = list(signature.parameters.values())
    if method and found and found[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        return found[1:]
    return found


def parameter_text(parameter: inspect.Parameter) -> str:
    """A parameter as the language writes it, with its default."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"{parameter.name}=..."
    if parameter.default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={default_text(parameter.default)}"


def default_text(value: Any) -> str:
    """A plain value as the language writes it; `...` for any other."""
    if value is None:
        return "none"
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is str:
        return f'"{value}"'
    if kind is DType:
        return str(value.name)
    if kind in _NUMBERS:
        return repr(value)
    if kind in (tuple, list):
        inner = ", ".join([default_text(item) for item in value])
        return f"[{inner}]" if kind is list else f"({inner})"
    return "..."


def cut(text: str, width: int = LONGEST) -> str:
    """The beginning of a text's first line."""
    line = text.partition("\n")[0]
    return line if len(line) <= width else line[: width - 1] + "…"


def _user_signature(function: Any) -> str:
    return f"({', '.join([parameter_text(given) for given in parameters(function)])})"
