"""The table of built-in names: functions, types, constants, and the namespaces of PyTorch.

A function of a module that is not imported yet has an `Unloaded` in its place; a session puts the
function there before it runs a statement that mentions it.
"""

from __future__ import annotations

from typing import Any, Final

from gradsh.display.values import text
from gradsh.engine import DIFFERENTIATION, FUNCTIONS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.engine.functional_names import FUNCTIONAL
from gradsh.engine.optim import OPTIMISATION
from gradsh.session.attributes import attach
from gradsh.session.namespaces import WITHOUT_TORCH, Namespace, torch_namespace
from gradsh.session.operations import OPERATIONS
from gradsh.session.unloaded import Loading, Unloaded


def str(value: Any = "") -> Any:
    """The text that `print` shows for a value."""
    return text(value)


def _shared() -> dict[Any, object]:
    attach()
    names: dict[Any, object] = {
        **{name: FUNCTIONS.loaded.get(name) or Unloaded(name) for name in FUNCTIONS},
        **{name: Unloaded(name, DIFFERENTIATION) for name in DIFFERENTIATION},
        **OPTIMISATION,
        **DTYPES,
        **ALIASES,
        "inf": float("inf"),
        "len": len,
        "nan": float("nan"),
        "pi": 3.141592653589793,
        "range": range,
        "str": str,
    }
    torch = torch_namespace(Loading(dict(names)))
    names["torch"] = torch
    names.update((name, getattr(torch, f".{name}")) for name in WITHOUT_TORCH)
    names["F"] = Namespace("torch.nn.functional", Loading(dict(names)), FUNCTIONAL)
    return {**names, **OPERATIONS}


SHARED: Final = _shared()
"""The built-ins that are the same in every session."""
