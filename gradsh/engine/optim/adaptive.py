"""Optimisers that scale each element's step by the size of its past gradients.

Sources: Kingma and Ba, Adam (2015), with the amsgrad of Reddi, Kale and Kumar (2018); Loshchilov
and Hutter, Decoupled Weight Decay Regularization (2019); Hinton's lecture on RMSprop (2012);
Duchi, Hazan and Singer, Adaptive Subgradient Methods (2011). In PyTorch's order of operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.optim.optimizer import Optimizer, check_option, decayed
from gradsh.engine.optim.updates import (
    add_quotient,
    add_scaled,
    add_squares,
    blend,
    real_parts,
    scale,
    shrink,
)
from gradsh.engine.tensor import Tensor


class Adam(Optimizer):
    """Steps along the mean of past gradients over the root of the mean of their squares."""

    title = "Adam"

    def check(self, options: dict[str, Any]) -> None:
        check_option(options["lr"] >= 0, "learning rate", options["lr"])
        check_option(options["eps"] >= 0, "epsilon value", options["eps"])
        for index, beta in enumerate(options["betas"]):
            check_option(0 <= beta < 1, f"beta parameter at index {index}", beta)
        check_option(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])

    def update(self, options: dict[str, Any], tensor: Tensor, gradient: Any) -> None:
        lr, eps = options["lr"], options["eps"]
        beta1, beta2 = options["betas"]
        decay = options["weight_decay"]
        if options["decoupled_weight_decay"]:
            if options["maximize"]:
                gradient = np.asarray(-gradient)
            if decay:
                values = tensor.array
                scale(values, 1 - lr * decay)
        else:
            gradient = decayed(gradient, tensor, options)
        values, gradient = real_parts(tensor.array), real_parts(gradient)
        state = self.remembered(tensor)
        if not state:
            state["step"] = 0
            state["exp_avg"] = np.zeros_like(values)
            state["exp_avg_sq"] = np.zeros_like(values)
            if options["amsgrad"]:
                state["max_exp_avg_sq"] = np.zeros_like(values)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        blend(mean, gradient, 1 - beta1)
        scale(square, beta2)
        add_squares(square, gradient, 1 - beta2)
        if options["amsgrad"]:
            square = np.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])
        size = np.asarray(np.sqrt(square))
        shrink(size, (1 - beta2 ** state["step"]) ** 0.5)
        size += size.dtype.type(eps)
        add_quotient(values, mean, size, -lr / (1 - beta1 ** state["step"]))


class AdamW(Adam):
    """Adam, with a decay of weights that is no part of the gradient."""

    title = "AdamW"


def _betas(betas: Any) -> tuple[float, float]:
    first, second = betas
    return float(first), float(second)


def adam(
    *params: Any,
    lr: float = 1e-3,
    betas: Any = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    foreach: bool | None = None,
    maximize: bool = False,
    capturable: bool = False,
    differentiable: bool = False,
    fused: bool | None = None,
    decoupled_weight_decay: bool = False,
) -> Adam:
    """An optimiser whose steps have about the size lr, whatever the gradient's size.

    foreach, fused and capturable have no effect.

    opt = adam(w, b, lr=0.1)
    """
    return Adam(
        params,
        {
            "lr": lr,
            "betas": _betas(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        },
    )


def adamw(
    *params: Any,
    lr: float = 1e-3,
    betas: Any = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    maximize: bool = False,
    foreach: bool | None = None,
    capturable: bool = False,
    differentiable: bool = False,
    fused: bool | None = None,
) -> AdamW:
    """adam with a decay of weights: each step first makes x smaller by the part lr * weight_decay.

    foreach, fused and capturable have no effect.

    opt = adamw(w, b, lr=0.1, weight_decay=0.01)
    """
    return AdamW(
        params,
        {
            "lr": lr,
            "betas": _betas(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": True,
        },
    )


class RMSprop(Optimizer):
    """Steps along the gradient over the root of the mean of its past squares."""

    title = "RMSprop"

    def check(self, options: dict[str, Any]) -> None:
        check_option(options["lr"] >= 0, "learning rate", options["lr"])
        check_option(options["eps"] >= 0, "epsilon value", options["eps"])
        check_option(options["momentum"] >= 0, "momentum value", options["momentum"])
        check_option(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])
        check_option(options["alpha"] >= 0, "alpha value", options["alpha"])

    def update(self, options: dict[str, Any], tensor: Tensor, gradient: Any) -> None:
        gradient = real_parts(decayed(gradient, tensor, options))
        values = real_parts(tensor.array)
        lr, alpha, momentum = options["lr"], options["alpha"], options["momentum"]
        state = self.remembered(tensor)
        if not state:
            state["square_avg"] = np.zeros_like(values)
            if momentum > 0:
                state["momentum_buffer"] = np.zeros_like(values)
            if options["centered"]:
                state["grad_avg"] = np.zeros_like(values)
        square = state["square_avg"]
        scale(square, alpha)
        add_squares(square, gradient, 1 - alpha)
        if options["centered"]:
            blend(state["grad_avg"], gradient, 1 - alpha)
            square = square.copy()
            add_squares(square, state["grad_avg"], -1)
        size = np.asarray(np.sqrt(square))
        size += size.dtype.type(options["eps"])
        if momentum > 0:
            buffer = state["momentum_buffer"]
            scale(buffer, momentum)
            add_quotient(buffer, gradient, size, 1)
            add_scaled(values, buffer, -lr)
        else:
            add_quotient(values, gradient, size, -lr)


def rmsprop(
    *params: Any,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0,
    momentum: float = 0,
    centered: bool = False,
    capturable: bool = False,
    foreach: bool | None = None,
    maximize: bool = False,
    differentiable: bool = False,
) -> RMSprop:
    """An optimiser that divides the gradient by the root of the mean of its past squares.

    foreach and capturable have no effect.

    opt = rmsprop(w, b, lr=0.01, momentum=0.9)
    """
    return RMSprop(
        params,
        {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        },
    )


class Adagrad(Optimizer):
    """Steps along the gradient over the root of the sum of its past squares."""

    title = "Adagrad"

    def check(self, options: dict[str, Any]) -> None:
        check_option(options["lr"] >= 0, "learning rate", options["lr"])
        for name in ("lr_decay", "weight_decay", "initial_accumulator_value"):
            check_option(options[name] >= 0, f"{name} value", options[name])
        check_option(options["eps"] >= 0, "epsilon value", options["eps"])

    def update(self, options: dict[str, Any], tensor: Tensor, gradient: Any) -> None:
        gradient = real_parts(decayed(gradient, tensor, options))
        values = real_parts(tensor.array)
        state = self.remembered(tensor)
        if not state:
            state["step"] = 0
            # the same in all groups, whatever a group sets: PyTorch fills the sums before it
            # looks at the groups' own settings
            state["sum"] = np.full_like(values, self.defaults["initial_accumulator_value"])
        state["step"] += 1
        squares = state["sum"]
        add_squares(squares, gradient, 1)
        size = np.asarray(np.sqrt(squares))
        size += size.dtype.type(options["eps"])
        rate = options["lr"] / (1 + (state["step"] - 1) * options["lr_decay"])
        add_quotient(values, gradient, size, -rate)


def adagrad(
    *params: Any,
    lr: float = 1e-2,
    lr_decay: float = 0,
    weight_decay: float = 0,
    initial_accumulator_value: float = 0,
    eps: float = 1e-10,
    foreach: bool | None = None,
    maximize: bool = False,
    differentiable: bool = False,
    fused: bool | None = None,
) -> Adagrad:
    """An optimiser that divides the gradient by the root of the sum of its past squares.

    foreach and fused have no effect.

    opt = adagrad(w, b, lr=0.1)
    """
    return Adagrad(
        params,
        {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        },
    )
