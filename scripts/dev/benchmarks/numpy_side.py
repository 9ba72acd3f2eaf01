"""The work as somebody writes it by hand with numpy."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from benchmarks.tasks import Task


def operations(size: int, steps: int = 100) -> Task:
    """A chain of a product and a sum in turn."""
    x = np.ones(size, dtype=np.float32)

    def run() -> None:
        y = x
        for _ in range(steps):
            y = y * 1.0001 + 0.1

    return Task(run, 2 * steps)


def example(shape: list[int]) -> Task:
    """`mean(3*(x+2)^2)` and its gradient."""
    x = np.linspace(0, 1, prod(shape), dtype=np.float32).reshape(shape)
    gradients: list[Any] = []

    def run() -> None:
        shifted = x + 2
        (3 * shifted**2).mean()
        gradients[:] = [6 / shifted.size * shifted]

    return Task(run, result=lambda: float(np.abs(gradients[0]).mean()))
