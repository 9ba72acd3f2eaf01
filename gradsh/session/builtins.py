"""The table of built-in names: functions, types, constants, and the namespaces of PyTorch."""

from __future__ import annotations

from typing import Any, Final

from gradsh.display.values import text
from gradsh.engine import DIFFERENTIATION, FUNCTIONS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.engine.optim import OPTIMISATION
from gradsh.session.attributes import attach
from gradsh.session.namespaces import Namespace, torch_namespace
from gradsh.session.operations import OPERATIONS


def str(value: Any = "") -> Any:
    """The text that `print` shows for a value."""
    return text(value)


def _shared() -> dict[Any, object]:
    attach()
    names: dict[Any, object] = {
        **FUNCTIONS,
        **DIFFERENTIATION,
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
    torch = torch_namespace(dict(names))
    names["torch"] = torch
    names["F"] = Namespace("torch.nn.functional", dict(names))
    return {**names, **OPERATIONS}


SHARED: Final = _shared()
"""The built-ins that are the same in every session."""
