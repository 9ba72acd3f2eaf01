"""Schedules of learning rates: each step of a schedule sets the rates for the next epoch.

A rate is made of the one before, as PyTorch makes it, so that a rate set by hand goes on from
there.
"""

from __future__ import annotations

import math
from typing import Any

from gradsh.engine.arguments import type_name
from gradsh.engine.journal import change_attributes
from gradsh.engine.optim.optimizer import Optimizer


class Schedule:
    """The learning rates of an optimiser's groups over the epochs.

    A kind of schedule says in `next_rate` what the rate of a group becomes.
    """

    def __init__(self, opt: Any) -> None:
        if not isinstance(opt, Optimizer):
            raise TypeError(f"{type_name(opt)} is not an Optimizer")
        self.opt = opt
        self.epoch = 0
        change_attributes(*opt.groups)
        for group in opt.groups:
            group.options.setdefault("initial_lr", group.options["lr"])

    def next_rate(self, rate: float, first: float) -> float:
        """The rate at `epoch`, from the one before and the first of all."""
        raise NotImplementedError

    def step(self) -> None:
        """Go on to the next epoch."""
        change_attributes(self, *self.opt.groups)
        self.epoch += 1
        for group in self.opt.groups:
            options = group.options
            options["lr"] = self.next_rate(options["lr"], options["initial_lr"])

    @property
    def lr(self) -> Any:
        """The learning rate of the first group."""
        return self.opt.lr

    def get_last_lr(self) -> list[Any]:
        """The learning rates of all groups."""
        return [group.options["lr"] for group in self.opt.groups]

    def __repr__(self) -> str:
        return f"{type(self).__name__} (epoch {self.epoch}, lr {self.lr})"


class StepLR(Schedule):
    """The rate times gamma after every step_size epochs."""

    def __init__(self, opt: Any, step_size: int, gamma: float) -> None:
        super().__init__(opt)
        self.step_size, self.gamma = step_size, gamma

    def next_rate(self, rate: float, first: float) -> float:
        return rate if self.epoch % self.step_size else rate * self.gamma


class ExponentialLR(Schedule):
    """The rate times gamma after every epoch."""

    def __init__(self, opt: Any, gamma: float) -> None:
        super().__init__(opt)
        self.gamma = gamma

    def next_rate(self, rate: float, first: float) -> float:
        return rate * self.gamma


class CosineAnnealingLR(Schedule):
    """The rate along half a wave of a cosine, from its first value to eta_min and back.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts (2017).
    """

    def __init__(self, opt: Any, T_max: int, eta_min: float) -> None:  # noqa: N803 (PyTorch's)
        super().__init__(opt)
        self.T_max, self.eta_min = T_max, eta_min

    def next_rate(self, rate: float, first: float) -> float:
        half = self.T_max
        if (self.epoch - 1 - half) % (2 * half) == 0:
            return rate + (first - self.eta_min) * (1 - math.cos(math.pi / half)) / 2
        now, before = (
            1 + math.cos(math.pi * epoch / half) for epoch in (self.epoch, self.epoch - 1)
        )
        return now / before * (rate - self.eta_min) + self.eta_min


def step_lr(opt: Any, step_size: int, gamma: float = 0.1) -> StepLR:
    """A schedule that multiplies the learning rate with gamma every step_size epochs.

    schedule = step_lr(opt, 30)
    """
    return StepLR(opt, step_size, gamma)


def exponential(opt: Any, gamma: float) -> ExponentialLR:
    """A schedule that multiplies the learning rate with gamma every epoch.

    schedule = exponential(opt, 0.9)
    """
    return ExponentialLR(opt, gamma)


def cosine(opt: Any, T_max: int, eta_min: float = 0.0) -> CosineAnnealingLR:  # noqa: N803 (PyTorch's)
    """A schedule that lowers the learning rate to eta_min over T_max epochs, as a cosine does.

    schedule = cosine(opt, 50)
    """
    return CosineAnnealingLR(opt, T_max, eta_min)
