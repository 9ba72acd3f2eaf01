"""The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithm 7.4 (the two-loop recursion)
and 7.5, with the stopping rules of PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradsh.engine.changes import about_to_change
from gradsh.engine.journal import change_attributes, change_values
from gradsh.engine.modes import INTERRUPTS
from gradsh.engine.optim.line_search import Point, StrongWolfe
from gradsh.engine.optim.optimizer import Optimizer, check_option
from gradsh.engine.optim.updates import add_scaled, real_parts
from gradsh.engine.rebasing import changed
from gradsh.engine.summation import ordered_sum

_LEAST_CURVATURE = 1e-10


class Memory:
    """The past steps and changes of the gradient, from which the inverse Hessian is told."""

    def __init__(self) -> None:
        self.iterations = 0
        self.steps: list[Any] = []
        self.changes: list[Any] = []
        self.inverses: list[Any] = []
        self.scale: Any = 1
        self.gradient: Any = None
        self.direction: Any = None
        self.length: Any = None

    def learn(self, gradient: Any, most: int) -> None:
        """Take in the last step and the change of the gradient over it."""
        change = gradient - self.gradient
        step = self.direction * self.length
        curvature = change.dot(step)
        if curvature > _LEAST_CURVATURE:
            if len(self.changes) == most:
                for past in (self.changes, self.steps, self.inverses):
                    past.pop(0)
            self.changes.append(change)
            self.steps.append(step)
            self.inverses.append(1.0 / curvature)
            self.scale = curvature / change.dot(change)

    def descent(self, gradient: Any) -> Any:
        """The direction to go: the negated gradient times the inverse Hessian."""
        direction = -gradient
        past = list(zip(self.changes, self.steps, self.inverses, strict=True))
        parts = []
        for change, step, inverse in reversed(past):
            part = step.dot(direction) * inverse
            parts.append(part)
            add_scaled(direction, change, -part)
        direction = direction * self.scale
        for (change, step, inverse), part in zip(past, reversed(parts), strict=True):
            add_scaled(direction, step, part - change.dot(direction) * inverse)
        return direction


class LBFGS(Optimizer):
    """Several iterations a step, along directions that learn the curvature."""

    title = "LBFGS"

    def __init__(self, params: tuple[Any, ...], defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        if len(self.groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self.memory = Memory()

    def check(self, options: dict[str, Any]) -> None:
        check_option(options["lr"] >= 0, "learning rate", options["lr"])

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run up to max_iter iterations; returns the loss before the first.

        The closure computes the loss, at least once for each iteration. An error or an
        interrupt in it leaves the tensors as the last whole iteration left them.
        """
        if closure is None:
            error = TypeError("step() missing 1 required positional argument: 'closure'")
            error.add_note("lbfgs computes the loss several times: `opt.step(() -> loss(w))`")
            raise error
        change_attributes(self, self.groups[0], self.memory)
        try:
            return self._run(closure)
        except BaseException:
            self.memory = Memory()  # it may know of a step that was not made
            raise

    def _run(self, closure: Callable[[], Any]) -> Any:
        options = self.groups[0].options
        most, most_calls = options["max_iter"], options["max_eval"]
        tolerance, least_change = options["tolerance_grad"], options["tolerance_change"]
        first = self.evaluate(closure)
        loss, gradient, calls = float(first), self._flat_gradient(), 1
        if not np.abs(gradient).max() > tolerance:
            return first
        for iteration in range(1, most + 1):
            direction, length = self._next(gradient, options)
            before = loss
            slope = gradient.dot(direction)
            if slope > -least_change:
                break
            if options["line_search_fn"] is not None:
                start = Point(0, loss, gradient, slope)
                found, made = self._search(closure, start, direction, length, most_calls - calls)
                loss, gradient, length = found.loss, found.gradient, found.step
                self.memory.length = length
                calls += made
            self._move(length, direction)
            if options["line_search_fn"] is None and iteration != most:
                loss, gradient = float(self.evaluate(closure)), self._flat_gradient()
                calls += 1
            if (
                calls >= most_calls
                or np.abs(gradient).max() <= tolerance
                or np.abs(direction * length).max() <= least_change
                or abs(loss - before) < least_change
            ):
                break
        return first

    def _next(self, gradient: Any, options: dict[str, Any]) -> tuple[Any, Any]:
        """The direction of the next iteration, and the length to try first."""
        memory = self.memory
        memory.iterations += 1
        length = options["lr"]
        if memory.iterations == 1:
            memory.direction = -gradient
            length = min(1.0, 1.0 / ordered_sum(np.abs(gradient), None, False)) * length
        else:
            memory.learn(gradient, options["history_size"])
            memory.direction = memory.descent(gradient)
        memory.gradient = gradient
        memory.length = length
        return memory.direction, length

    def _search(
        self, closure: Callable[[], Any], start: Point, direction: Any, length: Any, most: int
    ) -> tuple[Point, int]:
        """The point that the line search finds, and how often the closure was called."""
        if self.groups[0].options["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        calls = 0
        kept = [tensor.array.copy() for tensor in self.groups[0].tensors]

        def evaluate(step: Any) -> Point:
            nonlocal calls
            calls += 1
            self._move(step, direction)
            try:
                loss = float(self.evaluate(closure))
            finally:
                self._restore(kept)
            gradient = self._flat_gradient()
            return Point(step, loss, gradient, gradient.dot(direction))

        search = StrongWolfe(evaluate, start, np.abs(direction).max(), most)
        return search.run(length), calls

    def _flat_gradient(self) -> Any:
        """All gradients, one behind the other; zeros for a tensor that has none."""
        return np.concatenate(
            [
                np.zeros(real_parts(tensor.array).size, real_parts(tensor.array).dtype)
                if tensor.box is None or tensor.box.value is None
                else real_parts(tensor.box.value.array).reshape(-1)
                for tensor in self.groups[0].tensors
            ]
        )

    def _move(self, length: Any, direction: Any) -> None:
        """Add a step to all tensors together."""
        place = 0
        change_values(self.groups[0].tensors)
        with INTERRUPTS:
            for tensor in self.groups[0].tensors:
                values = real_parts(tensor.array)
                part = direction[place : place + values.size].reshape(values.shape)
                add_scaled(values, part, float(length))
                changed(tensor, None)
                place += values.size

    def _restore(self, kept: list[Any]) -> None:
        with INTERRUPTS:
            for tensor, values in zip(self.groups[0].tensors, kept, strict=True):
                about_to_change(tensor.array)
                tensor.array[...] = values
                changed(tensor, None)


def lbfgs(
    *params: Any,
    lr: float = 1,
    max_iter: int = 20,
    max_eval: int | None = None,
    tolerance_grad: float = 1e-7,
    tolerance_change: float = 1e-9,
    history_size: int = 100,
    line_search_fn: str | None = None,
) -> LBFGS:
    """An optimiser that learns the curvature; each step takes the loss as a function.

    max_eval is 1.25 * max_iter unless given; line_search_fn may be "strong_wolfe".

    opt = lbfgs(w, line_search_fn="strong_wolfe")
    """
    return LBFGS(
        params,
        {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        },
    )
