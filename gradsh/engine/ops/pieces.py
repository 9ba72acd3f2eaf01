"""What the declarations of several families share: pieces of formulas and refusals of types."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import linear
from gradsh.engine.ops.pointwise import not_implemented, where
from gradsh.engine.tensor import Tensor


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


@linear(input=lambda g: conjugate(g), grad_fn="ConjBackward0", hidden=True)
def conjugated(input: Operand):
    """The complex conjugate of input."""
    return np.conjugate(input)


def conjugate(value: Any) -> Any:
    """The complex conjugate; a real value as it is."""
    return conjugated(value) if array_of(value).dtype.kind == "c" else value


def refuse(kernel: str, kinds: str, *arrays: Any) -> None:
    """PyTorch's error where an array's type is of one of numpy's `kinds` (as "b", "iub", "c")."""
    for array in arrays:
        if array.dtype.kind in kinds:
            raise not_implemented(kernel, array)


def single(array: Any) -> Any:
    """`array`, half precision made single: PyTorch computes so and rounds once, at the end."""
    return array.astype(np.float32) if array.dtype == np.float16 else array
