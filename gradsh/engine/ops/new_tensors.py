"""New tensors of the type of one that is there: its methods new_zeros, new_tensor and the like."""

from __future__ import annotations

from typing import Any

from gradsh.engine.arguments import check_tensors
from gradsh.engine.dtypes import DType
from gradsh.engine.op import composite
from gradsh.engine.ops.creation import empty, full, ones, tensor, zeros
from gradsh.engine.tensor import Tensor


def _type(name: str, input: Any, dtype: DType | None) -> DType:
    check_tensors(name, input=input)
    kind: DType = input.dtype if dtype is None else dtype
    return kind


@composite()
def new_zeros(
    input: Any,
    *shape: Any,
    size: Any = None,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Zeros of a shape, of the type of input.

    new_zeros(randn(3, 4), 2, 3)
    new_zeros(randn(3, 4), (2,), dtype=int64)
    """
    kind = _type("new_zeros", input, dtype)
    return zeros(*shape, size=size, dtype=kind, requires_grad=requires_grad)


@composite()
def new_ones(
    input: Any,
    *shape: Any,
    size: Any = None,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones of a shape, of the type of input.

    new_ones(randn(3, 4), 2, 3)
    new_ones(randn(3, 4), (2,), dtype=int64)
    """
    kind = _type("new_ones", input, dtype)
    return ones(*shape, size=size, dtype=kind, requires_grad=requires_grad)


@composite()
def new_empty(
    input: Any,
    *shape: Any,
    size: Any = None,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of a shape, of the type of input, whose values are not set.

    new_empty(randn(3, 4), 0, 3)
    """
    kind = _type("new_empty", input, dtype)
    return empty(*shape, size=size, dtype=kind, requires_grad=requires_grad)


@composite()
def new_full(
    input: Any,
    size: Any,
    fill_value: Any,
    *,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of a shape, of the type of input, with one value everywhere.

    new_full(randn(3, 4), (2, 3), 1)
    new_full(randn(3, 4), (2,), 7, dtype=int64)
    """
    kind = _type("new_full", input, dtype)
    return full(size, fill_value, dtype=kind, requires_grad=requires_grad)


@composite()
def new_tensor(
    input: Any, data: Any, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with the values of data, of the type of input.

    new_tensor(randn(3, 4), [1, 2])
    new_tensor(randn(3, 4), [[1.5, 2], [3, 4]], dtype=float64)
    """
    kind = _type("new_tensor", input, dtype)
    return tensor(data, dtype=kind, requires_grad=requires_grad)
