"""The registers of what is declared: asking for a name imports the module that declares it.

Which module that is stands in `gradsh/engine/_index.py`, which is made when gradsh is built, by
importing all modules of `gradsh.engine.ops` and noting what each of them declares. Without an
index, or in a source tree with one that is older than a module, all of them are imported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from importlib import import_module
from os import path, scandir, stat
from sys import modules
from typing import Generic, TypeVar

Value = TypeVar("Value")

AFTER_LOADING: list[Callable[[], None]] = []
"""What is to be done when a module of operations has been imported late."""


class Register(MutableMapping[str, Value], Generic[Value]):
    """What is declared, by its name.

    `loaded` holds what the modules imported so far declare, and `homes` names the module of
    everything else. Going through the names imports nothing; a value imports its module.
    """

    __slots__ = ("homes", "loaded")

    def __init__(self) -> None:
        self.loaded: dict[str, Value] = {}
        self.homes: dict[str, str] = {}

    def __getitem__(self, name: str) -> Value:
        value = self.loaded.get(name)
        if value is None and name in self.homes and name not in self.loaded:
            load(self.homes[name])
        return self.loaded[name] if value is None else value

    def __setitem__(self, name: str, value: Value) -> None:
        self.loaded[name] = value

    def __delitem__(self, name: str) -> None:
        del self.loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.loaded or name in self.homes

    def __iter__(self) -> Iterator[str]:
        return iter({**self.loaded, **self.homes})

    def __len__(self) -> int:
        return len(self.loaded.keys() | self.homes)

    def forget_replaced(self) -> None:
        """Forget what a module not imported yet declares anew, as `div` with rounding does."""
        for name in self.loaded.keys() & self.homes.keys():
            if _module_name(self.homes[name]) not in modules:
                del self.loaded[name]


class Imported(Mapping[str, Value], Generic[Value]):
    """Functions by their names, each imported when it is taken: `homes` has their modules."""

    __slots__ = ("_homes",)

    def __init__(self, homes: dict[str, str]) -> None:
        self._homes = homes

    def __getitem__(self, name: str) -> Value:
        value: Value = getattr(import_module(self._homes[name]), name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


def load(module: str) -> None:
    """Import a module of operations, and make what follows from its declarations."""
    import_module(_module_name(module))
    for finish in AFTER_LOADING:
        finish()


def load_all() -> None:
    """Import every module of operations."""
    for module in _modules():
        import_module(_module_name(module))
    for finish in AFTER_LOADING:
        finish()


def _module_name(module: str) -> str:
    return f"gradsh.engine.ops.{module}"


_ENGINE = path.dirname(__file__)
_PROJECT = path.join(path.dirname(path.dirname(_ENGINE)), "pyproject.toml")


def _modules() -> dict[str, float]:
    """The modules of operations, and when their files were last changed."""
    with scandir(path.join(_ENGINE, "ops")) as entries:
        return {
            entry.name.removesuffix(".py"): entry.stat().st_mtime
            for entry in entries
            if entry.name.endswith(".py") and entry.name != "__init__.py"
        }


def read_index() -> dict[str, dict[str, str]] | None:
    """For each register the modules of its names; None if no index is there that can be trusted."""
    try:
        index = import_module("gradsh.engine._index")
    except ImportError:
        return None
    if path.exists(_PROJECT):  # a source tree, whose modules may have changed since
        made = stat(index.__file__ or "").st_mtime
        if any(changed > made for changed in _modules().values()):
            return None
    homes: dict[str, dict[str, str]] = index.HOMES
    return homes
