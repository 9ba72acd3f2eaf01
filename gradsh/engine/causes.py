"""Why an operation gives nan or inf, said for the first element where it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradsh.engine.dtypes import CATEGORY, COMPLEX, dtype_of
from gradsh.engine.tensor import Tensor

_APART = "keep it above 0, for example with clamp(x, min=1e-12)"
_LOGARITHMS = frozenset(("log", "log2", "log10"))
_EXPONENTIALS = frozenset(
    ("exp", "exp2", "expm1", "sinh", "cosh", "logaddexp", "logsumexp", "softplus")
)
_QUOTIENTS = frozenset(("div", "remainder", "fmod", "floor_divide"))
_POWERS = frozenset(("pow", "float_power"))
_SPREADS = frozenset(("var", "std", "var_mean", "std_mean"))

Values = dict[str, Any]
Rule = Callable[[str, Values], str | None]


def forward_cause(name: str, kind: str, operands: Mapping[str, Any], result: Any) -> str:
    """The likely reason why operation `name` gave a nan or an inf, and what to do."""
    values = _at_first(operands, result)
    for rule in _FORWARD:
        cause = rule(name, values)
        if cause is not None:
            return cause
    if any(isinstance(v, float) and abs(v) == np.inf for v in values.values()):
        return "inf - inf, 0 * inf and inf / inf are nan"
    if kind == "inf":
        kind_of_number = np.asarray(result).dtype
        largest = dtype_of(kind_of_number).finfo.max
        return (
            f"the result is larger than {largest:.3g}, the largest {kind_of_number}: "
            "make the values smaller, or compute in float64"
        )
    return "no operand has a nan; the first element that has one tells more"


def backward_cause(name: str, kind: str, saved: Mapping[str, Any], g: Any, cotangent: Any) -> str:
    """The likely reason why the derivative of operation `name` gave a nan or an inf."""
    values = _at_first({**saved, "g": g}, cotangent)
    cause = next((said for rule in _BACKWARD if (said := rule(name, values)) is not None), None)
    if values.get("g") == 0 and kind == "nan":
        return (
            (cause or "the slope is infinite there")
            + ", and what arrives is 0: if `where` picks another branch there, give this one "
            "a safe argument, as in log(where(x > 0, x, 1))"
        )
    if cause is not None:
        return cause
    if kind == "inf":
        return "the gradient is larger than its type can hold: make the loss or the values smaller"
    return "what arrived has no nan; the saved values, above, tell more"


def _at_first(values: Mapping[str, Any], result: Any) -> Values:
    """What each value is where `result` is first nan or inf, if it broadcasts to that."""
    bad = np.argwhere(~np.isfinite(np.asarray(result)))
    found: Values = {}
    for name, value in values.items():
        array = np.asarray(value.array if isinstance(value, Tensor) else value)
        if CATEGORY.get(array.dtype, COMPLEX) == COMPLEX:
            continue
        found[f"{name}.size"] = array.size
        try:
            spread = np.broadcast_to(array, np.shape(result))
        except ValueError:
            continue
        found[name] = float(spread[tuple(bad[0])])
    return found


# -------------------------------------------------------------------------------- forward


def _logarithm(name: str, values: Values) -> str | None:
    x = values.get("input")
    if x is None or name not in ("log1p", *_LOGARITHMS):
        return None
    start = -1 if name == "log1p" else 0
    if x == start:
        return f"{name} of {start} is -inf: its argument is {start} there; " + (
            _APART if not start else "keep it above -1"
        )
    return f"{name} of a number below {start} is nan: its argument is {x:.6g} there"


def _root(name: str, values: Values) -> str | None:
    x = values.get("input")
    if x is None or name not in ("sqrt", "rsqrt"):
        return None
    if x == 0:
        return f"rsqrt of 0 is 1 / 0: {_APART}"
    return f"{name} of a negative number is nan: its argument is {x:.6g} there"


def _quotient(name: str, values: Values) -> str | None:
    if name == "reciprocal":
        return f"1 / 0 is inf: the argument is 0 there; {_APART}" if values["input"] == 0 else None
    if name not in _QUOTIENTS or values.get("other") != 0:
        return None
    x = values.get("input", 1.0)
    if x == 0 and name == "div":
        return "0 / 0 is nan: both operands are 0 there; add a small number to the divisor"
    if name == "div":
        return f"{x:.6g} / 0: the divisor is 0 there; add a small number to it"
    return "the divisor is 0 there"


def _exponential(name: str, values: Values) -> str | None:
    x = values.get("input")
    if name not in _EXPONENTIALS or x is None:
        return None
    return (
        f"{name} of {x:.6g} is larger than its type can hold; "
        "subtract the maximum first, as logsumexp and softmax do"
    )


def _power(name: str, values: Values) -> str | None:
    x, n = values.get("input"), values.get("exponent")
    if name not in _POWERS or x is None or n is None:
        return None
    if x == 0 and n < 0:
        return f"0 ^ {n:.6g} is 1 / 0: the base is 0 there; {_APART}"
    if x < 0 and n != int(n):
        return f"{x:.6g} ^ {n:.6g} is no real number: a negative base needs a whole exponent"
    return f"{x:.6g} ^ {n:.6g} is larger than its type can hold"


_DOMAINS: dict[str, tuple[Callable[[float], bool], str]] = {
    "acos": (lambda x: abs(x) > 1, "from -1 to 1"),
    "asin": (lambda x: abs(x) > 1, "from -1 to 1"),
    "atanh": (lambda x: abs(x) >= 1, "between -1 and 1"),
    "erfinv": (lambda x: abs(x) >= 1, "between -1 and 1"),
    "logit": (lambda x: not 0 < x < 1, "between 0 and 1"),
    "acosh": (lambda x: x < 1, "from 1 on"),
    "lgamma": (lambda x: x <= 0, "that are no whole number below 1"),
    "digamma": (lambda x: x <= 0, "that are no whole number below 1"),
}


def _domain(name: str, values: Values) -> str | None:
    x = values.get("input")
    if x is None or name not in _DOMAINS or not _DOMAINS[name][0](x):
        return None
    return f"{name} is finite for numbers {_DOMAINS[name][1]}: its argument is {x:.6g} there"


def _nothing_to_reduce(name: str, values: Values) -> str | None:
    size = values.get("input.size")
    if size == 0:
        return f"{name} of no elements: the tensor is empty"
    if name in ("softmax", "log_softmax"):
        return f"{name} of nothing but -inf is 0 / 0: leave a row at least one number"
    if name in _SPREADS:
        return (
            f"{name} divides by the number of elements - 1: of one element it is 0 / 0; "
            "use correction=0"
        )
    return None


_FORWARD: tuple[Rule, ...] = (
    _logarithm, _root, _quotient, _exponential, _power, _domain, _nothing_to_reduce,
)  # fmt: skip


# ------------------------------------------------------------------------------- backward


def _slope_of_root(name: str, values: Values) -> str | None:
    if name == "sqrt" and values.get("out") == 0:
        return "the slope of sqrt at 0 is infinite: add a small number, as in sqrt(x + 1e-12)"
    if name in ("std", "norm", "vector_norm", "cdist") and values.get("out") == 0:
        return f"the slope of {name} at 0 is 0 / 0: add a small number under its root"
    return None


def _slope_of_logarithm(name: str, values: Values) -> str | None:
    if name in _LOGARITHMS and values.get("input") == 0:
        return f"the slope of {name} at 0 is 1 / 0: its argument is 0 there; {_APART}"
    return None


def _slope_of_power(name: str, values: Values) -> str | None:
    x, n = values.get("input"), values.get("exponent")
    if name not in _POWERS or x is None or n is None:
        return None
    if x == 0 and n < 1:
        return f"the slope of x^{n:.6g} at 0 is infinite: the base is 0 there; {_APART}"
    if x < 0 and n == int(n):
        return f"the slope towards the exponent takes the logarithm of the base, {x:.6g} there"
    return None


def _slope_of_quotient(name: str, values: Values) -> str | None:
    if name == "div" and values.get("other") == 0:
        return "the slope of a quotient divides by the divisor, which is 0 there"
    return None


def _slope_at_edge(name: str, values: Values) -> str | None:
    x = values.get("input")
    if name in ("acos", "asin", "atanh", "acosh") and x is not None and abs(x) == 1:
        return f"the slope of {name} at {x:.6g} is infinite: keep its argument inside of -1 and 1"
    return None


_BACKWARD: tuple[Rule, ...] = (
    _slope_of_root, _slope_of_logarithm, _slope_of_power, _slope_of_quotient, _slope_at_edge,
)  # fmt: skip
