"""Long loops leave nothing behind: no reference cycle keeps a graph, and a pass frees what it used.

The garbage collector is off, so that only reference counts free memory.
"""

from __future__ import annotations

import gc
import io
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from gradsh.session import Session, TextOutput

LESS_THAN_A_GRAPH = 500
"""Bytes; Python keeps some freed tuples of each length for later, up to 2,000."""

LOOPS = {
    "regression": (
        "X = randn(20, 3); y = randn(20); w = zeros(3) grad; b = zeros(1) grad",
        """
        loss = mean((X@w + b - y)^2)
        backward loss
        nograd < w -= 0.1*w.grad; b -= 0.1*b.grad >
        w.grad = none; b.grad = none
        """,
    ),
    "adam": (
        "X = randn(8, 4); t = randint(0, 3, (8,)); W = randn(4, 3) grad; opt = adam(W, lr=0.01)",
        "opt.zero_grad(); loss = cross_entropy(tanh(X@W), t); backward loss; opt.step()",
    ),
    "a step as a function": (
        "w = randn(3) grad; opt = sgd(w, lr=0.1)",
        "opt.step(() -> sum(w^2))",
    ),
    "never walked": ("x = randn(3) grad", "y = x*2; z = exp(y) + y[0]; s = z.sum()"),
    "views and changes in place": (
        "x = randn(4) grad",
        "y = x*2; v = y[1:]; v *= 3; y[0] = 0; backward sum(y); x.grad = none",
    ),
    "second derivatives": (
        "x = randn(3) grad",
        "g, = grad(sum(x^3), x, create_graph=true); backward sum(g); x.grad = none",
    ),
    "hooks and retained gradients": (
        "x = randn(3) grad",
        "y = x*2; h = y.register_hook(g -> g*2); y.retain_grad(); backward sum(y); x.grad = none",
    ),
    "functions of derivatives": (
        "x = randn(3)",
        "J = jacobian(exp, x); H = hessian(x -> sum(x^4), x)",
    ),
    "errors": ("x = randn(3) grad", "try { backward x^2 } catch e { m = e }"),
    "while": ("x = full((3,), 1e-3) grad", "y = x; while norm(y.data) < 10 { y = y*2 }"),
}


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Gauge(TextOutput):
    """Notes how much memory is held whenever the program prints."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.held: list[int] = []

    def print(self, values: Sequence[object]) -> None:
        self.held.append(tracemalloc.get_traced_memory()[0])


def growth(name: str, turns: int) -> float:
    """By how many bytes a turn of a loop changes what is held, `turns` of them five times.

    The least of the times counts: Python's own stores grow for a while, a leak does each time.
    """
    preparation, body = LOOPS[name]
    gauge = Gauge()
    loop = f"for k in range(5) {{ for i in range({turns}) {{ {body} }}; print k }}"
    tracemalloc.start()
    try:
        Session(gauge).run("\n".join(["seed 0", preparation, loop]))
    finally:
        tracemalloc.stop()
    return min(after - before for before, after in pairwise(gauge.held)) / turns


@pytest.mark.parametrize("name", LOOPS)
def test_memory_stays_flat(name: str) -> None:
    assert growth(name, 100) < LESS_THAN_A_GRAPH


def test_memory_stays_flat_over_ten_thousand_steps() -> None:
    assert growth("regression", 2_000) < 10


def test_a_pass_frees_as_it_goes() -> None:
    """The values that nodes saved go when the pass is through with them, not at its end."""
    session = Session(TextOutput(io.StringIO()))
    length, turns = 100_000, 20
    session.run(f"x = ones({length}) grad; y = x; for i in range({turns}) {{ y = exp(y - 1) }}")
    size = length * np.dtype(np.float32).itemsize
    tracemalloc.start()
    try:
        session.run("backward sum(y)")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * size
