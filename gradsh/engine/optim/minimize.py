"""Minimising a loss: the loop of loss, backward pass and step that everybody writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from gradsh.engine.anomaly import Origin, origin_of_nan
from gradsh.engine.backward import backward
from gradsh.engine.dtypes import DEFAULTS, is_inexact
from gradsh.engine.leaf import requires_grad_
from gradsh.engine.modes import enable_grad
from gradsh.engine.optim.optimizer import Optimizer
from gradsh.engine.rebasing import write
from gradsh.engine.tensor import Tensor, new_tensor

STEPS: Final = 1000
"""How many steps are taken where nobody says how many."""

STEPS_UNTIL: Final = 100_000
"""The same where a tolerance ends the loop."""


class LossIsNan(RuntimeError):
    """The loss is nan at a step; `origin` says in which operation the first nan came up."""

    def __init__(self, step: int, origin: Origin | None) -> None:
        where = "" if origin is None else f", which {origin.operation} gave first"
        super().__init__(f"the loss is nan at step {step}{where}")
        self.step = step
        self.origin = origin


def check_parameters(over: Sequence[Any], names: Sequence[str]) -> None:
    """TypeError or ValueError unless all of `over` are leaves with floating elements."""
    for value, name in zip(over, names, strict=True):
        if not isinstance(value, Tensor):
            error: Exception = TypeError(
                f"minimize changes tensors, and {name} is of the type {type(value).__name__}"
            )
            error.add_note(f"write `{name} = tensor({name}) grad` before")
            raise error
        if not value.is_leaf:
            error = ValueError("can't optimize a non-leaf Tensor")
            if name.isidentifier():
                error.add_note(f"{name} was computed: `{name} = {name}.detach() grad` cuts it off")
            raise error
        if not is_inexact(value.array.dtype):
            error = TypeError(f"minimize needs floating elements, and {name} is {value.dtype}")
            error.add_note(f"write `{name} = {name}.float()` before")
            raise error


def minimize(
    loss: Callable[[], Any],
    over: Sequence[Tensor],
    optimiser: Optimizer,
    *,
    steps: int | None = None,
    until: float | None = None,
    report: Callable[[int, float], None] | None = None,
) -> Tensor:
    """Change the leaves `over` step by step so that `loss()` falls; the loss before each step.

    Stops after `steps`, or when the loss has changed by no more than `until` from one step to the
    next. Only the gradients of `over` are filled, and they are cleared in the end. A leaf that
    does not require grad does so meanwhile. An interrupt leaves the values reached so far.
    `report` is told every step's number and loss.

    Raises TypeError for a loss that is no tensor, RuntimeError for one that is no scalar or does
    not depend on any of `over`, and LossIsNan for nan: then the values are the last whose loss
    was a number.
    """
    limit = steps if steps is not None else STEPS if until is None else STEPS_UNTIL
    switched = [leaf for leaf in over if leaf.node is None]
    for leaf in switched:
        requires_grad_(leaf)
    history: list[float] = []
    good = [leaf.array.copy() for leaf in over]

    def evaluate() -> Tensor:
        _clear(over)
        with enable_grad():
            value = _checked(loss())
        if math.isnan(value.item().real):
            raise LossIsNan(len(history) + 1, origin_of_nan(loss))
        for kept, leaf in zip(good, over, strict=True):
            np.copyto(kept, leaf.array)
        backward(value, inputs=over)
        if all(leaf.grad is None for leaf in over):
            raise _independent()
        return value

    try:
        for step in range(limit):
            history.append(float(optimiser.step(evaluate).item().real))
            if report is not None:
                report(step + 1, history[-1])
            if until is not None and step and abs(history[-2] - history[-1]) <= until:
                break
    except LossIsNan:
        for kept, leaf in zip(good, over, strict=True):
            write(leaf, kept, leaf.node)
        raise
    finally:
        _clear(over)
        for leaf in switched:
            requires_grad_(leaf, False)
    return new_tensor(np.array(history, DEFAULTS.floating.numpy))


def _clear(over: Sequence[Tensor]) -> None:
    for leaf in over:
        leaf.grad = None


def _checked(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"the loss must be a tensor, not {type(value).__name__}")
    if value.array.size != 1:
        error = RuntimeError("grad can be implicitly created only for scalar outputs")
        error.add_note("a loss is one number: write `mean(...)` or `sum(...)` around it")
        raise error
    if value.node is None:
        raise _independent()
    return value


def _independent() -> RuntimeError:
    error = RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    error.add_note("the loss does not depend on what stands after `over`")
    return error
