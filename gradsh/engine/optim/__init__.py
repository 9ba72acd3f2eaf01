"""Optimisers: what changes tensors so that a loss gets smaller.

    opt = adam(w, b, lr=0.1)
    for i in range(100) {
        opt.zero_grad()
        backward loss(w, b)
        opt.step()
    }

or shorter, as the step computes the gradients of a loss that it is given as a function:

    for i in range(100) { opt.step(() -> loss(w, b)) }

Names, settings, defaults and the order of operations are those of torch.optim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.engine.optim.adaptive import adagrad, adam, adamw, rmsprop
from gradsh.engine.optim.clipping import clip_grad_norm_, clip_grad_value_
from gradsh.engine.optim.descent import sgd
from gradsh.engine.optim.lbfgs import LBFGS, lbfgs
from gradsh.engine.optim.optimizer import Group, Optimizer, group
from gradsh.engine.optim.schedules import Schedule, cosine, exponential, step_lr

OPTIMISATION: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        sgd, adam, adamw, rmsprop, adagrad, lbfgs, group, step_lr, cosine, exponential,
        clip_grad_norm_, clip_grad_value_,
    )
}  # fmt: skip
"""What a user may call, by its name."""

__all__ = [
    "LBFGS", "OPTIMISATION", "Group", "Optimizer", "Schedule",
    "adagrad", "adam", "adamw", "lbfgs", "rmsprop", "sgd",
]  # fmt: skip
