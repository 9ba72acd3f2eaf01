"""Second names that PyTorch gives to pointwise operations."""

from __future__ import annotations

import re
from types import FunctionType
from typing import Any

from gradsh.engine.op import FUNCTIONS, IN_PLACE, METHODS
from gradsh.engine.ops import pointwise, rounding, selection, special, transcendental

ALIASES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "clip": "clamp",
    "divide": "div",
    "fix": "trunc",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "subtract": "sub",
}
FUNCTIONS_ONLY = {"expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma"}
"""Names that are in `torch.special` and no methods."""
FAMILIES = (pointwise, rounding, selection, special, transcendental)


def _renamed(function: Any, old: str, new: str) -> Any:
    """The same function under another name, which its samples use too."""
    twin = FunctionType(
        function.__code__, function.__globals__, new, function.__defaults__, function.__closure__
    )
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__qualname__ = new
    twin.__dict__.update(function.__dict__)
    summary, _, rest = (function.__doc__ or "").partition("\n")
    twin.__doc__ = f"{summary}\n" + re.sub(rf"\b{old}\(", f"{new}(", rest)
    return twin


def _register(alias: str, name: str, function: Any) -> None:
    FUNCTIONS[alias] = METHODS[alias] = _renamed(function, name, alias)
    if name in IN_PLACE:
        IN_PLACE[alias] = IN_PLACE[name]


for _alias, _name in FUNCTIONS_ONLY.items():
    FUNCTIONS[_alias] = _renamed(FUNCTIONS[_name], _name, _alias)
for _alias, _name in ALIASES.items():
    _register(_alias, _name, FUNCTIONS[_name])
_register("true_divide", "div", pointwise.div)  # the one without rounding_mode
