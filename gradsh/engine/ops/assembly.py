"""Putting tensors together, and making tensors that say where things lie."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from gradsh.engine.appliers import broadcast_error
from gradsh.engine.arguments import Operands
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import DType, int64
from gradsh.engine.op import composite
from gradsh.engine.ops.arrange import rank_of
from gradsh.engine.ops.indexing import slice_along
from gradsh.engine.ops.shape import (
    cat,
    expand,
    flatten,
    reshape,
    stack,
    unsqueeze,
    view,
)
from gradsh.engine.tensor import Tensor, new_tensor


def listed(tensors: tuple[Any, ...]) -> list[Any]:
    """Tensors given one by one, or as one list or tuple."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return list(tensors[0])
    return list(tensors)


@composite(method=False)
def concat(tensors: Any, dim: int = 0) -> Any:
    """The tensors joined along a dimension they have; the same as cat.

    concat([randn(2, 3), randn(4, 3)])
    """
    return cat(tensors, dim)


@composite(method=False)
def concatenate(tensors: Any, dim: int = 0) -> Any:
    """The tensors joined along a dimension they have; the same as cat.

    concatenate([randn(2, 3), randn(4, 3)])
    """
    return cat(tensors, dim)


def _at_least(tensors: tuple[Any, ...], raised: Any) -> Any:
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return raised(tensors[0])
    return tuple(raised(tensor) for tensor in listed(tensors))


def _one_dim(input: Any) -> Any:
    return input if rank_of(input) else reshape(input, (1,))


def _two_dims(input: Any) -> Any:
    ndim = rank_of(input)
    if not ndim:
        return reshape(input, (1, 1))
    return unsqueeze(input, 0) if ndim == 1 else input


def _three_dims(input: Any) -> Any:
    ndim = rank_of(input)
    if not ndim:
        return reshape(input, (1, 1, 1))
    if ndim == 1:
        return unsqueeze(unsqueeze(input, 0), -1)
    return unsqueeze(input, -1) if ndim == 2 else input


@composite(method=False)
def atleast_1d(*tensors: Any) -> Any:
    """The tensors with at least one dimension.

    atleast_1d(tensor(1.))
    atleast_1d(randn(3), tensor(1.))
    """
    return _at_least(tensors, _one_dim)


@composite(method=False)
def atleast_2d(*tensors: Any) -> Any:
    """The tensors with at least two dimensions: a vector becomes a row.

    atleast_2d(randn(3))
    """
    return _at_least(tensors, _two_dims)


@composite(method=False)
def atleast_3d(*tensors: Any) -> Any:
    """The tensors with at least three dimensions.

    atleast_3d(randn(3, 4))
    """
    return _at_least(tensors, _three_dims)


def _refuse_none(name: str, tensors: list[Any]) -> None:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


@composite(method=False)
def hstack(*tensors: Any) -> Any:
    """The tensors side by side.

    hstack([randn(3, 2), randn(3, 4)])
    """
    parts = [_one_dim(part) for part in listed(tensors)]
    _refuse_none("hstack", parts)
    return cat(parts, min(rank_of(parts[0]) - 1, 1))


@composite(method=False)
def vstack(*tensors: Any) -> Any:
    """The tensors one above the other; vectors become rows.

    vstack([randn(3), randn(3)])
    """
    parts = listed(tensors)
    _refuse_none("vstack", parts)
    return cat([_two_dims(part) for part in parts], 0)


@composite(method=False)
def row_stack(*tensors: Any) -> Any:
    """The tensors one above the other; the same as vstack.

    row_stack([randn(3), randn(3)])
    """
    return vstack(*tensors)


@composite(method=False)
def dstack(*tensors: Any) -> Any:
    """The tensors one behind the other, along the third dimension.

    dstack([randn(3, 4), randn(3, 4)])
    """
    parts = listed(tensors)
    _refuse_none("dstack", parts)
    return cat([_three_dims(part) for part in parts], 2)


@composite(method=False)
def column_stack(*tensors: Any) -> Any:
    """The tensors side by side; vectors become columns.

    column_stack([randn(3), randn(3, 2)])
    """
    parts = listed(tensors)
    _refuse_none("column_stack", parts)
    return hstack(
        [part if rank_of(part) > 1 else reshape(part, (math.prod(part.shape), 1)) for part in parts]
    )


def broadcast_shapes(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The common shape; PyTorch's RuntimeError when there is none."""
    result = shapes[0]
    for shape in shapes[1:]:
        try:
            result = np.broadcast_shapes(result, shape)
        except ValueError:
            raise broadcast_error(result, shape) from None
    return tuple(result)


@composite(method=False)
def broadcast_tensors(*tensors: Any) -> Any:
    """The tensors repeated to their common shape, without copying, as a tuple.

    broadcast_tensors(randn(3, 1), randn(4))
    """
    parts = listed(tensors)
    if not parts:
        return ()
    shape = broadcast_shapes([tuple(part.shape) for part in parts])
    return tuple(part if tuple(part.shape) == shape else expand(part, shape) for part in parts)


@composite(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> Any:
    """The coordinates of a grid: one tensor for each vector, varying along its own dimension.

    meshgrid(randn(3), randn(4), indexing="ij")
    meshgrid(randn(3), randn(4), indexing="xy")
    """
    parts = listed(tensors)
    if not parts:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for part in parts:
        if rank_of(part) > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                f"{rank_of(part)}D"
            )
    for part, following in itertools.pairwise(parts):
        if part.dtype is not following.dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            'torch.meshgrid: indexing must be one of "xy" or "ij", but received: ' + str(indexing)
        )
    swaps = indexing == "xy" and len(parts) >= 2
    if swaps:
        parts[:2] = parts[1::-1]
    shape = tuple(math.prod(part.shape) for part in parts)
    grids = [
        expand(
            view(part, tuple(-1 if dim == place else 1 for dim in range(len(parts)))),
            shape,
        )
        for place, part in enumerate(parts)
    ]
    if swaps:
        grids[:2] = grids[1::-1]
    return tuple(grids)


@composite(method=False)
def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of the vectors' elements, one a row.

    cartesian_prod(randn(2), randn(3))
    """
    parts = listed(tensors)
    for part in parts:
        if rank_of(part) != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(part.shape)}")
    if len(parts) == 1:
        return parts[0]
    return stack([flatten(grid) for grid in meshgrid(*parts, indexing="ij")], 1)


def _diagonal_blocks(g: Any, shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    """The blocks of `g` along its diagonal, in the tensors' shapes."""
    blocks = []
    row = column = 0
    for shape in shapes:
        height, width = (1,) * (2 - len(shape)) + tuple(shape)
        strip = slice_along(g, 0, row, row + height, 1)
        blocks.append(reshape(slice_along(strip, 1, column, column + width, 1), shape))
        row += height
        column += width
    return blocks


@linear(
    tensors=lambda g, tensors_shape: _diagonal_blocks(g, tensors_shape),
    grad_fn="BlockDiagBackward0",
    hidden=True,
)
def blocks_on_diagonal(tensors: Operands):
    """Matrices along the diagonal of one, zeros elsewhere."""
    for place, array in enumerate(tensors):
        if array.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{place} has {array.ndim} dimensions"
            )
    blocks = [np.atleast_2d(array) for array in tensors]
    rows, columns = (
        [0, *itertools.accumulate(block.shape[axis] for block in blocks)] for axis in (0, 1)
    )
    result = np.zeros((rows[-1], columns[-1]), np.result_type(*(b.dtype for b in blocks)))
    for block, row, column in zip(blocks, rows, columns, strict=False):
        result[row : row + block.shape[0], column : column + block.shape[1]] = block
    return result


@composite(method=False)
def block_diag(*tensors: Any) -> Any:
    """The matrix with the given matrices along its diagonal, zeros elsewhere.

    block_diag(randn(2, 5), randn(5), randn(2, 1))
    """
    return blocks_on_diagonal(listed(tensors))


@composite()
def one_hot(input: Any, num_classes: int = -1) -> Any:
    """For each class number a vector of zeros with a one at that place.

    one_hot(tensor([0, 2, 1]))
    one_hot(tensor([[0], [2]]), 4)
    """
    array = input.array
    if array.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not array.size:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return new_tensor(np.empty((*array.shape, num_classes), np.int64))
    if array.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    most = int(array.max())
    if num_classes == -1:
        num_classes = most + 1
    elif most >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return new_tensor((array[..., None] == np.arange(num_classes)).astype(np.int64))


def _indices(row: int, col: int, offset: int, dtype: DType | None, part: Any) -> Tensor:
    for name, length in (("row", row), ("col", col)):
        if length < 0:
            raise RuntimeError(f"{name} must be non-negative, got{length}")
    rows, columns = np.nonzero(part(np.ones((row, col), bool), offset))
    return new_tensor(np.stack([rows, columns]).astype((dtype or int64).numpy))


@composite(method=False)
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DType | None = None) -> Any:
    """The rows and the columns of a lower triangle's elements.

    tril_indices(3, 4)
    """
    return _indices(row, col, offset, dtype, np.tril)


@composite(method=False)
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DType | None = None) -> Any:
    """The rows and the columns of an upper triangle's elements.

    triu_indices(3, 4, 1)
    """
    return _indices(row, col, offset, dtype, np.triu)
