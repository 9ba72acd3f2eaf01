"""The complex conjugate, which the derivative of every function of complex numbers needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import linear
from gradsh.engine.op import SCALARS
from gradsh.engine.tensor import Tensor


@linear(input=lambda g: conjugate(g), grad_fn="ConjBackward0", hidden=True)
def conjugated(input: Operand):
    """The complex conjugate of input."""
    return np.conjugate(input)


def conjugate(value: Any) -> Any:
    """The complex conjugate of an array, a tensor or a number; a real value as it is.

    Gradients of complex tensors are, as in PyTorch, conjugates of the derivative: the direction
    of steepest ascent (https://docs.pytorch.org/docs/stable/notes/autograd.html).
    """
    if type(value) in SCALARS:
        return value
    array = value.array if type(value) is Tensor else value
    return conjugated(value) if array.dtype.kind == "c" else value
