"""What the declarations say of a function, for readers: its call, its words, its sample calls.

`help` and docs/ops.md are made from this.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gradsh.engine.op import FUNCTIONS, Op
from gradsh.engine.ops.aliases import ALIASES
from gradsh.engine.symbols import text


def signature(name: str, function: Callable[..., Any], *, method: bool = False) -> str:
    """How a function is called, its defaults as the language writes them.

    As a `method` it has its first argument already.
    """
    op: Op | None = getattr(function, "op", None)
    parts: list[str] = []
    star = False
    parameters = inspect.signature(function if op is None else op.forward).parameters
    for parameter in list(parameters.values())[method:]:
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            parts.append(f"*{parameter.name}")
            star = True
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append(f"{parameter.name}=...")
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        default = parameter.default
        given = "" if default is parameter.empty else f"={text(default)}"
        parts.append(parameter.name + given)
    return f"{name}({', '.join(parts)})"


def alias_of(name: str) -> str | None:
    """The function that `name` is a second name of."""
    op = getattr(FUNCTIONS[name], "op", None)
    return ALIASES.get(name) or (op.name if op is not None and op.name != name else None)


def family_of(name: str) -> str:
    """The module that declares a function."""
    op: Op | None = getattr(FUNCTIONS[name], "op", None)
    if alias_of(name):
        return "gradsh.engine.ops.aliases"
    module: str = FUNCTIONS[name].__module__ if op is None else op.forward.__module__
    return module


def paragraphs(function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """The words of a docstring, each paragraph in one line, and its lines of code.

    A paragraph of words ends with a full stop.
    """
    words: list[str] = []
    code: list[str] = []
    for paragraph in inspect.cleandoc(function.__doc__ or "").split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        if not lines:
            continue
        if lines[-1].endswith(".") or not words:
            words.append(" ".join(lines))
        else:
            code += lines
    return words, code
