"""Gradients made smaller before a step, where they are too large."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.journal import change_values
from gradsh.engine.modes import INTERRUPTS, no_grad
from gradsh.engine.ops.reductions import vector_norm_of
from gradsh.engine.ops.shape import stack
from gradsh.engine.optim.optimizer import Optimizer
from gradsh.engine.rebasing import changed
from gradsh.engine.tensor import Tensor, new_tensor

_EPSILON = 1e-6


def _gradients(parameters: Any) -> list[Tensor]:
    """The gradients of a tensor, of several, or of all that an optimiser has."""
    if isinstance(parameters, Optimizer):
        parameters = [tensor for group in parameters.groups for tensor in group.tensors]
    elif isinstance(parameters, Tensor):
        parameters = [parameters]
    return [
        tensor.box.value
        for tensor in parameters
        if tensor.box is not None and tensor.box.value is not None
    ]


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients so that their norm, taken together, is at most max_norm; in place.

    Returns the norm before. parameters is a tensor, a list of them, or an optimiser. RuntimeError
    for a norm that is not finite, if asked.

    norm = clip_grad_norm_([w, b], 1.0)
    """
    gradients = _gradients(parameters)
    if not gradients:
        return new_tensor(np.zeros((), np.float32))
    order = float(norm_type)
    with no_grad():
        norms = [vector_norm_of(gradient, order, None, False) for gradient in gradients]
        total: Tensor = vector_norm_of(stack(norms), order, None, False)
    if error_if_nonfinite and not np.isfinite(total.array):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    single = total.array.dtype.type
    factor = np.minimum(single(max_norm) / (total.array + single(_EPSILON)), single(1))
    change_values(gradients)
    with INTERRUPTS:
        for gradient in gradients:
            gradient.array[...] *= factor.astype(gradient.array.dtype)
            changed(gradient, None)
    return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Bring every element of the gradients between -clip_value and clip_value; in place.

    parameters is a tensor, a list of them, or an optimiser.

    clip_grad_value_([w, b], 0.5)
    """
    bound = float(clip_value)
    gradients = _gradients(parameters)
    change_values(gradients)
    with INTERRUPTS:
        for gradient in gradients:
            np.clip(gradient.array, -bound, bound, out=gradient.array)
            changed(gradient, None)
