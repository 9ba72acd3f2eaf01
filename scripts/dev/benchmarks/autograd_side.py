"""The work as HIPS autograd does it."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np  # type: ignore[import-untyped]
from autograd import make_vjp

from benchmarks.tasks import Task


def operations(size: int, steps: int = 100) -> Task:
    """A chain of a product and a sum in turn, with its backward pass."""
    x = np.ones(size, dtype=np.float32)
    v = np.ones(size, dtype=np.float32)
    gradients: list[Any] = []

    def chain(y: Any) -> Any:
        for _ in range(steps):
            y = y * 1.0001 + 0.1
        return y

    recorded = make_vjp(chain)

    def run() -> None:
        pullback, _ = recorded(x)
        gradients[:] = [pullback(v)]

    return Task(run, 2 * steps, result=lambda: float(gradients[0].sum()))
