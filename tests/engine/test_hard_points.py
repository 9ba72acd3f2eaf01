"""Gradients where a derivative does not exist or is a matter of convention: PyTorch's conventions.

Each case is a function of x at a hard point. What gradsh gives is compared with PyTorch where that
is installed, and always with what PyTorch 2.13 gave (`hard_points.json`, recorded by
`python -m tests.engine.test_hard_points`): the value, the gradient of its elements' sum (each with
its own weight) and the gradient of that gradient, weighted again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS
from gradsh.engine.dtypes import DTYPES
from gradsh.engine.tensor import new_tensor

try:
    import torch
except ImportError:
    torch = None

RECORDED = Path(__file__).with_name("hard_points.json")
INF, NAN = math.inf, math.nan
Names = Callable[[str], Any]

CASES: dict[str, tuple[Any, Callable[[Names, Any], Any]]] = {
    "abs at zero": ([0.0, -0.0, 1.0, -2.0, NAN], lambda f, x: f("abs")(x)),
    "sign": ([0.0, 1.0, -2.0], lambda f, x: f("sign")(x) * x),
    "relu at zero": ([0.0, -0.0, 1.0, -1.0, NAN], lambda f, x: f("relu")(x)),
    "clamp at its bounds": ([-1.0, 0.0, 1.0, 2.0, -2.0, NAN], lambda f, x: x.clamp(-1.0, 1.0)),
    "clamp with crossed bounds": ([-1.0, 0.0, 3.0], lambda f, x: x.clamp(2.0, -2.0)),
    "clamp from below": ([0.0, 1.0, -1.0], lambda f, x: x.clamp(min=0.0)),
    "clamp to equal tensors": ([0.0, 1.0, 2.0], lambda f, x: x.clamp(x.detach(), x.detach())),
    "maximum of equals": ([1.0, 2.0, NAN], lambda f, x: f("maximum")(x, x * 1)),
    "minimum of equals": ([1.0, 2.0, 0.0], lambda f, x: f("minimum")(x, x.detach())),
    "max of all, tied": ([3.0, 1.0, 3.0, 3.0], lambda f, x: x.max()),
    "min of all, tied": ([0.0, 0.0, 1.0], lambda f, x: x.min()),
    "max along dim, tied": ([[3.0, 3.0], [1.0, 1.0]], lambda f, x: x.max(1).values),
    "min along dim, tied": ([[3.0, 3.0], [1.0, 1.0]], lambda f, x: x.min(0).values),
    "amax, tied": ([[3.0, 3.0, 1.0], [2.0, 2.0, 2.0]], lambda f, x: x.amax(1)),
    "amin, tied": ([[3.0, 1.0, 1.0], [2.0, 2.0, 2.0]], lambda f, x: x.amin((0, 1))),
    "aminmax, tied": ([1.0, 1.0, 2.0, 2.0], lambda f, x: x.aminmax().max - x.aminmax().min),
    "max with nan": ([1.0, NAN, 2.0], lambda f, x: x.max()),
    "median of two": ([2.0, 1.0, 1.0, 2.0], lambda f, x: x.median()),
    "mode, tied": ([2.0, 1.0, 1.0, 2.0], lambda f, x: x.mode().values),
    "cummax, tied": ([1.0, 1.0, 0.0, 2.0, 2.0], lambda f, x: x.cummax(0).values),
    "cummin, tied": ([1.0, 1.0, 0.0, 0.0], lambda f, x: x.cummin(0).values),
    "2-norm at zero": ([0.0, 0.0], lambda f, x: x.norm()),
    "2-norm of one element at zero": (0.0, lambda f, x: x.norm()),
    "1-norm at zero": ([0.0, 1.0], lambda f, x: x.norm(1)),
    "3-norm at zero": ([0.0, 0.0], lambda f, x: x.norm(3)),
    "3-norm with a zero": ([0.0, 2.0, -1.0], lambda f, x: x.norm(3)),
    "1.5-norm with a zero": ([0.0, 2.0, -1.0], lambda f, x: x.norm(1.5)),
    "half-norm with a zero": ([0.0, 4.0], lambda f, x: x.norm(0.5)),
    "maximum norm, tied": ([1.0, -1.0, 0.5], lambda f, x: x.norm(INF)),
    "minimum norm, tied": ([1.0, -1.0, 2.0], lambda f, x: x.norm(-INF)),
    "maximum norm at zero": ([0.0, 0.0], lambda f, x: x.norm(INF)),
    "0-norm": ([0.0, 1.0], lambda f, x: x.norm(0) * x.sum()),
    "2-norm along dim at zero": ([[0.0, 0.0], [3.0, 4.0]], lambda f, x: x.norm(2, 1)),
    "square at zero": ([0.0, -0.0], lambda f, x: x**2),
    "power zero": ([0.0, 2.0, NAN], lambda f, x: x**0),
    "power one": ([0.0, 2.0], lambda f, x: x**1),
    "power of a zero base": ([0.0, 0.0], lambda f, x: x**2.5),
    "root of a zero base": ([0.0, 4.0], lambda f, x: x**0.5),
    "negative power of a zero base": ([0.0, 2.0], lambda f, x: x**-1),
    "odd power of a negative base": ([-2.0, -1.0], lambda f, x: x**3),
    "fractional power of a negative base": ([-2.0, 1.0], lambda f, x: x**1.5),
    "zero to tensor powers": ([0.0, 1.0, 2.0], lambda f, x: f("pow")(x * 0, x)),
    "zero base and tensor exponent": ([0.0, 0.0, 0.0], lambda f, x: f("pow")(x, x)),
    "number zero to tensor powers": ([0.0, 1.0, -1.0], lambda f, x: f("pow")(0.0, x)),
    "negative number to tensor powers": ([0.0, 1.0, 2.0], lambda f, x: f("pow")(-2.0, x)),
    "sqrt at zero": ([0.0, 4.0, -1.0], lambda f, x: f("sqrt")(x)),
    "rsqrt at zero": ([0.0, 4.0], lambda f, x: f("rsqrt")(x)),
    "log at zero": ([0.0, 1.0, -1.0], lambda f, x: f("log")(x)),
    "reciprocal at zero": ([0.0, 2.0], lambda f, x: f("reciprocal")(x)),
    "division by zero": ([0.0, 2.0], lambda f, x: x / (x - 2)),
    "zero over zero": ([0.0, 1.0], lambda f, x: x / x),
    "xlogy at zero": ([0.0, 1.0], lambda f, x: f("xlogy")(x, x)),
    "where with nan on the other branch": (
        [0.0, 4.0],
        lambda f, x: f("where")(x > 0, f("sqrt")(x), x * 0),
    ),
    "where that guards the argument": (
        [0.0, 4.0],
        lambda f, x: f("sqrt")(f("where")(x > 0, x, x * 0 + 1)),
    ),
    "masked fill of nan": ([NAN, 2.0], lambda f, x: x.masked_fill(f("isnan")(x), 0.0)),
    "nan_to_num": ([NAN, INF, -INF, 1.0], lambda f, x: f("nan_to_num")(x, 0.0, 1.0, -1.0)),
    "product with one zero": ([0.0, 2.0, 3.0], lambda f, x: x.prod()),
    "product with two zeros": ([0.0, 2.0, 0.0], lambda f, x: x.prod()),
    "product of nothing but zeros": ([0.0, 0.0, 0.0], lambda f, x: x.prod()),
    "product along dim with zeros": (
        [[0.0, 2.0, 3.0], [0.0, 0.0, 5.0], [1.0, 2.0, 3.0]],
        lambda f, x: x.prod(1),
    ),
    "cumprod with one zero": ([2.0, 0.0, 3.0, 4.0], lambda f, x: x.cumprod(0)),
    "cumprod with two zeros": ([2.0, 0.0, 3.0, 0.0, 5.0], lambda f, x: x.cumprod(0)),
    "cumprod that starts with zero": ([0.0, 2.0, 3.0], lambda f, x: x.cumprod(0)),
    "std of one element": ([3.0], lambda f, x: x.std()),
    "std of one element, uncorrected": ([3.0], lambda f, x: x.std(unbiased=False)),
    "std of equals": ([2.0, 2.0, 2.0], lambda f, x: x.std()),
    "std along dim with equals": ([[1.0, 1.0], [1.0, 3.0]], lambda f, x: x.std(1)),
    "var of one element": ([3.0], lambda f, x: x.var()),
    "var with correction": ([1.0, 2.0, 4.0], lambda f, x: x.var(0, correction=2)),
    "var with as many corrections as elements": (
        [1.0, 2.0],
        lambda f, x: x.var(0, correction=2),
    ),
    "logsumexp of -inf": ([-INF, -INF], lambda f, x: x.logsumexp(0)),
    "logsumexp with -inf": ([-INF, 1.0], lambda f, x: x.logsumexp(0)),
    "logsumexp with inf": ([INF, 1.0], lambda f, x: x.logsumexp(0)),
    "logaddexp of -inf": ([-INF, 1.0], lambda f, x: f("logaddexp")(x, x.detach())),
    "sort of equals": ([2.0, 1.0, 2.0, 1.0], lambda f, x: x.sort(stable=True).values),
    "sort with nan": ([2.0, NAN, 1.0], lambda f, x: x.sort().values),
    "topk": ([1.0, 3.0, 2.0], lambda f, x: x.topk(2).values),
    "round, floor, ceil, trunc": (
        [0.5, -1.0, 2.0],
        lambda f, x: (f("round")(x) + f("floor")(x) + f("ceil")(x) + f("trunc")(x)) * x,
    ),
    "frac": ([0.5, -1.0, 2.0], lambda f, x: f("frac")(x)),
    "remainder at a multiple": ([0.0, 2.0, -4.0], lambda f, x: f("remainder")(x, 2.0)),
    "fmod at a multiple": ([0.0, 2.0, -4.0], lambda f, x: f("fmod")(x, x.detach() * 0 + 2)),
    "hypot at zero": ([0.0, 3.0], lambda f, x: f("hypot")(x, x.detach())),
    "atan2 at zero": ([0.0, 1.0], lambda f, x: f("atan2")(x, x * 1)),
    "copysign at zero": ([0.0, -0.0, 1.0], lambda f, x: f("copysign")(x, -1.0)),
    "sinc at zero": ([0.0, 0.5], lambda f, x: f("sinc")(x)),
    "asin at one": ([1.0, -1.0, 0.0], lambda f, x: f("asin")(x)),
    "acosh at one": ([1.0, 2.0], lambda f, x: f("acosh")(x)),
    "atanh at one": ([1.0, 0.0], lambda f, x: f("atanh")(x)),
    "leaky_relu at zero": ([0.0, -0.0, -1.0], lambda f, x: f("leaky_relu")(x, 0.1)),
    "elu at zero": ([0.0, -1.0], lambda f, x: f("elu")(x)),
    "hardtanh at its bounds": ([-1.0, 1.0, 0.0], lambda f, x: f("hardtanh")(x)),
    "relu6 at its bounds": ([0.0, 6.0, 3.0], lambda f, x: f("relu6")(x)),
    "softplus beyond its threshold": ([20.0, 21.0, -30.0], lambda f, x: f("softplus")(x)),
    "sum of nothing": (np.zeros((0,)).tolist(), lambda f, x: x.sum() + x.prod()),
    "mean of nothing": (np.zeros((0,)).tolist(), lambda f, x: x.mean()),
    "nansum": ([NAN, 1.0], lambda f, x: x.nansum()),
    "nanmean": ([NAN, 1.0, 3.0], lambda f, x: x.nanmean()),
    "scatter onto one place": (
        [1.0, 2.0, 3.0],
        lambda f, x: (x * 0).scatter_add(0, f("tensor")([1, 1, 0]), x),
    ),
    "index picked twice": ([1.0, 2.0], lambda f, x: x[f("tensor")([0, 0, 1])]),
    "expanded": ([2.0], lambda f, x: x.expand(3)),
}  # fmt: skip


class _Side:
    """One engine: its tensors and its functions."""

    def __init__(self, tensor: Callable[[Any], Any], function: Names, array: Any) -> None:
        self.tensor, self.function, self.array = tensor, function, array

    def results(self, point: Any, body: Callable[[Names, Any], Any]) -> list[Any]:
        """Value, gradient and second gradient at a point; None where there is none."""
        x = self.tensor(np.array(point, np.float64)).requires_grad_()
        found = [self.array(body(self.function, x)).tolist()]
        out = self._weighted(body(self.function, x))
        out.backward(create_graph=True)
        gradient = x.grad
        found.append(self.array(gradient).tolist())
        x.grad = None
        if not gradient.requires_grad:
            return [*found, None]
        self._weighted(gradient).backward()
        return [*found, None if x.grad is None else self.array(x.grad).tolist()]

    def _weighted(self, value: Any) -> Any:
        weights = np.cos(np.arange(math.prod(value.shape))).reshape(tuple(value.shape)) + 0.5
        return (value * self.tensor(weights)).sum()


def _gradsh() -> _Side:
    return _Side(new_tensor, FUNCTIONS.__getitem__, lambda x: x.detach().array)


def _pytorch() -> _Side:
    def function(name: str) -> Any:
        return getattr(torch, name, None) or getattr(torch.nn.functional, name)

    return _Side(torch.tensor, function, lambda x: x.detach().numpy(force=True))


def _agree(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return bool(np.allclose(ours, theirs, rtol=1e-9, atol=1e-12, equal_nan=True))


@pytest.mark.parametrize("name", CASES)
def test_as_recorded(name: str) -> None:
    recorded = json.loads(RECORDED.read_text())[name]
    found = _gradsh().results(*CASES[name])
    for what, ours, theirs in zip(("value", "gradient", "second"), found, recorded, strict=True):
        assert _agree(ours, theirs), f"{what}: {ours}, PyTorch gave {theirs}"


@pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")
@pytest.mark.parametrize("name", CASES)
def test_as_pytorch(name: str) -> None:
    ours, theirs = _gradsh().results(*CASES[name]), _pytorch().results(*CASES[name])
    for what, one, other in zip(("value", "gradient", "second"), ours, theirs, strict=True):
        assert _agree(one, other), f"{what}: {one}, PyTorch: {other}"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(
    ("name", "bounds"),
    [("relu", ()), ("relu6", ()), ("clamp", (0,)), ("clamp", (None, 0)), ("hardtanh", (0.0, 1.0))],
)
def test_a_zero_at_a_bound_keeps_its_sign(name: str, bounds: tuple[Any, ...], dtype: str) -> None:
    zeros = FUNCTIONS["tensor"]([0.0, -0.0] * 20).to(DTYPES[dtype])
    result = FUNCTIONS[name](zeros, *bounds)
    assert np.signbit(result.array).tolist() == [False, True] * 20


if __name__ == "__main__":
    lines = [
        f"{json.dumps(name)}: {json.dumps(_pytorch().results(*case))}"
        for name, case in CASES.items()
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
