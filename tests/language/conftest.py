"""A session made of plain Python objects, and a look at the code that a statement becomes."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gradsh.language import Reader, Unit, units


class Python(list[str]):
    """The Python source of each statement that was compiled, and the units themselves."""

    units: list[Unit]


def plain(tree: ast.AST) -> ast.AST:
    """The tree with our own kinds of nodes as Python's, for `ast.unparse`."""
    for node in ast.walk(tree):
        base = type(node)
        while base.__module__ not in ("ast", "_ast"):
            base = base.__mro__[1]
        node.__class__ = base
    return tree


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Python]:
    """Compile a text, and give back the Python source of its statements."""
    seen = Python()
    compiled = units._compiled

    def spy(tree: Any, filename: str, mode: str) -> Any:
        source = ast.unparse(plain(tree))  # before marks are put in
        code = compiled(tree, filename, mode)
        seen.append(source)
        return code

    monkeypatch.setattr(units, "_compiled", spy)
    monkeypatch.setattr("gradsh.language.reader._cache", {})

    def compile_text(text: str) -> Python:
        seen.clear()
        reader = Reader("test.grad")
        seen.units = [*reader.feed(text), *reader.finish()]
        return seen

    return compile_text


class Custom:
    """What the fake session makes of a function with its own derivative."""

    def __init__(self, name: str, forward: Callable[..., Any]) -> None:
        self.name = name
        self.forward = forward

    def __call__(self, *values: Any) -> Any:
        return self.forward(*values)


class Session:
    """Runs programs over plain Python values, and keeps what happened in `log`."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.shown: list[Any] = []
        self.modes: list[str] = []
        self.names: dict[str, Any] = {"__builtins__": self.built_in()}

    def built_in(self) -> dict[str, Any]:
        return {
            "@tensor": lambda items: ("tensor", items),
            "@call": lambda function, *values, **named: function(*values, **named),
            "@print": lambda *values: self.log.append(values),
            "@backward": lambda *values, **named: self.log.append(("backward", values, named)),
            "@grad_on": lambda value: ("grad", value),
            "@nograd": lambda: self.mode("nograd"),
            "@enablegrad": lambda: self.mode("enablegrad"),
            "@iterate": iter,
            "@unpack": self.unpack,
            "@power": pow,
            "@exponent": lambda base, power: power,
            "@remainder": lambda left, right: left % right,
            "@running": SimpleNamespace(place=None),
            "@Error": Exception,
            "@caught": str,
            "@AssertionError": AssertionError,
            "@run": lambda path: self.log.append(("run", path)),
            "@custom": Custom,
            "@command": self.command,
            "range": range,
            "max": max,
            "mode": lambda: self.modes[-1] if self.modes else "grad",
        }

    @contextlib.contextmanager
    def mode(self, name: str) -> Iterator[None]:
        self.modes.append(name)
        try:
            yield
        finally:
            self.modes.pop()

    @staticmethod
    def unpack(value: Any, count: int) -> tuple[Any, ...]:
        values = tuple(value)
        if len(values) != count:
            raise ValueError(f"wanted {count} values, got {len(values)}")
        return values

    def command(self, name: str, values: tuple[Any, ...], parts: dict[str, Any]) -> Any:
        self.log.append((name, values, parts))
        return self.mode("time") if name == "time" else "result"

    def run(self, text: str) -> Session:
        reader = Reader("test.grad")
        for unit in [*reader.feed(text), *reader.finish()]:
            value = unit.run(self.names)
            if unit.kind == "expression":
                self.shown.append(value)
        return self

    @property
    def variables(self) -> dict[str, Any]:
        return {name: value for name, value in self.names.items() if name != "__builtins__"}


@pytest.fixture
def session() -> Session:
    return Session()
