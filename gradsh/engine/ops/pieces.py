"""What the declarations of several families share: pieces of formulas and refusals of types."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.dtypes import HALVES
from gradsh.engine.modes import GRAD_MODE
from gradsh.engine.ops.pointwise import not_implemented, where
from gradsh.engine.tensor import Tensor, new_tensor


def array_of(value: Any) -> Any:
    """The array of a tensor; an array as it is."""
    return value.array if type(value) is Tensor else value


def choose(condition: Any, chosen: Any, other: Any) -> Any:
    """`where` inside a formula: of arrays, tensors or numbers."""
    if type(chosen) is Tensor or type(other) is Tensor:
        return where(condition, chosen, other)
    return np.where(array_of(condition), chosen, other)


def kept(g: Any, condition: Any) -> Any:
    """`g` where the condition holds, zero elsewhere, whatever `g` is there."""
    return choose(condition, g, 0)


def refuse(kernel: str, kinds: str, *arrays: Any) -> None:
    """PyTorch's error where an array's type is of one of numpy's `kinds` (as "b", "iub", "c")."""
    for array in arrays:
        kind = "f" if array.dtype in HALVES else array.dtype.kind
        if kind in kinds:
            raise not_implemented(kernel, array)


def refuse_complex_gradient(name: str, input: Any) -> None:
    """PyTorch's error for functions of complex numbers that it does not differentiate."""
    recorded = GRAD_MODE.recording and type(input) is Tensor and input.node is not None
    if recorded and input.array.dtype.kind == "c":
        raise RuntimeError(
            f"{name} does not support automatic differentiation for outputs with complex dtype."
        )


def no_effect(g: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of an input of this shape on which the result depends by its places only."""
    zeros = np.zeros(shape, array_of(g).dtype)
    return new_tensor(zeros) if type(g) is Tensor else zeros


def bounded(input: Any, low: Any, high: Any = None) -> Any:
    """An array between bounds, where there are any; what is equal to one stays, as in PyTorch.

    Zeros of both signs are equal. Of two equal numbers numpy takes the second, but of float16 the
    first.
    """
    if input.dtype.char == "e":
        if low is not None:
            input = np.maximum(input, low)
        return input if high is None else np.minimum(input, high)
    if low is not None:
        input = np.maximum(low, input)
    return input if high is None else np.minimum(high, input)
