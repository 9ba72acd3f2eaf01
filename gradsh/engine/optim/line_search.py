"""A step length that satisfies the strong Wolfe conditions.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 (bracketing) and 3.6
(zoom) with the cubic interpolation of equation 3.59, and the safeguards of PyTorch's search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

DECREASE, CURVATURE = 1e-4, 0.9
"""How much of the promised decrease is asked for, and how much of the slope may be left."""

_SHORTEST = 1e-9


class Point(NamedTuple):
    """What is known at one step length: the loss, its gradient, and its slope along the line."""

    step: Any
    loss: float
    gradient: Any
    slope: Any


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """Where the cubic through two points with their slopes is least, within bounds.

    The bounds are the points themselves unless given; where the cubic has no minimum, their
    middle.
    """
    low, high = bounds or ((a.step, b.step) if a.step <= b.step else (b.step, a.step))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = np.sqrt(square)
    if a.step > b.step:
        a, b = b, a
    least = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(least, low), high)


class StrongWolfe:
    """One search along a line, from its `start`, with at most `most` trials after the first."""

    def __init__(
        self, evaluate: Callable[[Any], Point], start: Point, largest: Any, most: int
    ) -> None:
        self.evaluate = evaluate
        self.start = start
        self.largest = largest
        self.most = most
        self.trials = 0

    def _too_high(self, point: Point) -> bool:
        promised = self.start.loss + DECREASE * point.step * self.start.slope
        return bool(point.loss > promised)

    def _flat_enough(self, point: Point) -> bool:
        return bool(abs(point.slope) <= -CURVATURE * self.start.slope)

    def run(self, step: Any) -> Point:
        """The point found, trying `step` first."""
        bracket = self._bracket(step)
        return bracket[0] if len(bracket) == 1 else self._zoom(*bracket)

    def _bracket(self, step: Any) -> list[Point]:
        """Two points with an acceptable one between them, or an acceptable one."""
        previous, point = self.start, self.evaluate(step)
        while self.trials < self.most:
            if self._too_high(point) or (self.trials > 1 and point.loss >= previous.loss):
                return [previous, point]
            if self._flat_enough(point):
                return [point]
            if point.slope >= 0:
                return [previous, point]
            farther = point.step + 0.01 * (point.step - previous.step), point.step * 10
            step = cubic_minimum(previous, point, farther)
            previous, point = point, self.evaluate(step)
            self.trials += 1
        return [self.start, point]

    def _zoom(self, first: Point, second: Point) -> Point:
        """An acceptable point between two; the lower end where the trials or the line run out."""
        stalled = False
        ends = [first, second]
        low = 0 if first.loss <= second.loss else 1
        while self.trials < self.most:
            if abs(ends[1].step - ends[0].step) * self.largest < _SHORTEST:
                break
            step, stalled = _away_from_ends(cubic_minimum(ends[0], ends[1]), ends, stalled)
            point = self.evaluate(step)
            self.trials += 1
            if self._too_high(point) or point.loss >= ends[low].loss:
                ends[1 - low] = point
                low = 0 if ends[0].loss <= ends[1].loss else 1
                continue
            done = self._flat_enough(point)
            if not done and point.slope * (ends[1 - low].step - ends[low].step) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = point
            if done:
                break
        return ends[low]


def _away_from_ends(step: Any, ends: list[Point], stalled: bool) -> tuple[Any, bool]:
    """The step to try, and whether it lies near an end, as it must not twice in a row."""
    steps = ends[0].step, ends[1].step
    least, most = min(steps), max(steps)
    margin = 0.1 * (most - least)
    if not min(most - step, step - least) < margin:
        return step, False
    if stalled or step >= most or step <= least:
        near_most = abs(step - most) < abs(step - least)
        return (most - margin if near_most else least + margin), False
    return step, True
