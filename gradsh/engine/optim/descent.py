"""Stochastic gradient descent, with momentum.

Source: Sutskever, Martens, Dahl and Hinton, On the importance of initialization and momentum in
deep learning (2013), in PyTorch's form (the learning rate multiplies the momentum's buffer).
"""

from __future__ import annotations

from typing import Any

from gradsh.engine.optim.optimizer import Optimizer, check_option, decayed
from gradsh.engine.optim.updates import add_scaled, scale
from gradsh.engine.tensor import Tensor


class SGD(Optimizer):
    """Steps against the gradient, or along a decaying sum of the past ones."""

    title = "SGD"

    def check(self, options: dict[str, Any]) -> None:
        check_option(options["lr"] >= 0, "learning rate", options["lr"])
        check_option(options["momentum"] >= 0, "momentum value", options["momentum"])
        check_option(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def update(self, options: dict[str, Any], tensor: Tensor, gradient: Any) -> None:
        direction = decayed(gradient, tensor, options)
        momentum = options["momentum"]
        if momentum:
            state = self.remembered(tensor)
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = direction.copy()
            else:
                scale(buffer, momentum)
                add_scaled(buffer, direction, 1 - options["dampening"])
            if options["nesterov"]:
                direction = direction.copy()
                add_scaled(direction, buffer, momentum)
            else:
                direction = buffer
        add_scaled(tensor.array, direction, -options["lr"])


def sgd(
    *params: Any,
    lr: float = 1e-3,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    maximize: bool = False,
    foreach: bool | None = None,
    differentiable: bool = False,
    fused: bool | None = None,
) -> SGD:
    """An optimiser that steps against the gradient: x -= lr * x.grad, with momentum if asked.

    foreach and fused have no effect.

    opt = sgd(w, b, lr=0.1, momentum=0.9)
    """
    return SGD(
        params,
        {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        },
    )
