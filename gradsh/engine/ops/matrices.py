"""What functions of matrices share: checks of their arguments, and the adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.dtypes import FROM_NUMPY, HALVES, is_inexact
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.pieces import array_of
from gradsh.engine.ops.pointwise import not_implemented
from gradsh.engine.ops.shape import transpose


def type_of(array: Any) -> str:
    """The element type as PyTorch's messages name it."""
    return FROM_NUMPY[array.dtype].type_name


def check_matrix(name: str, array: Any, letter: str = "A") -> None:
    """RuntimeError unless `array` has two dimensions or more."""
    if array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def check_square(name: str, array: Any, letter: str = "A") -> None:
    """RuntimeError unless `array` holds square matrices."""
    check_matrix(name, array, letter)
    rows, columns = array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: {letter} must be batches of square matrices, but they are {rows} by "
            f"{columns} matrices"
        )


def check_floating(name: str, array: Any, half: bool = False) -> None:
    """RuntimeError unless the elements are floating or complex, and (unless `half`) not halves."""
    if not is_inexact(array.dtype):
        error = RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {type_of(array)}"
        )
        error.add_note("make it a float first: `x.float()`")
        raise error
    if not half and array.dtype in HALVES:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {type_of(array)}")


def broadcast_batches(*arrays: Any) -> list[Any]:
    """The arrays with their dimensions before the last two broadcast against each other."""
    batch = check_broadcast(*(array.shape[:-2] for array in arrays))
    return [np.broadcast_to(array, (*batch, *array.shape[-2:])) for array in arrays]


def adjoint(value: Any) -> Any:
    """The conjugate transposes of matrices, arrays or tensors."""
    return transpose(conjugate(value), -2, -1)


def identity_like(value: Any) -> Any:
    """An identity matrix, as an array, of the size and type of the matrices `value`."""
    array = array_of(value)
    return np.eye(array.shape[-1], dtype=array.dtype)


def batch_element(array: Any, number: int) -> str:
    """How a message names a matrix of a batch; nothing where there is just one."""
    return f"(Batch element {number}): " if array.ndim > 2 else ""


def refuse_half(kernel: str, array: Any) -> None:
    """PyTorch's error for half precision, which its LAPACK does not have."""
    if array.dtype in HALVES:
        raise not_implemented(kernel, array)
