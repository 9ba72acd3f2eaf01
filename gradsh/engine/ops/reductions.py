"""Reductions: one value from the elements along some dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Dims, GivenDim, Operand, refuse
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import FLOAT, FROM_NUMPY, HALVES, DType, is_inexact
from gradsh.engine.graph import Node
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.elementary import abs, sgn
from gradsh.engine.ops.pointwise import eq, no_change, not_implemented, pow, where
from gradsh.engine.ops.shape import expand, repeated, reshape, unsqueeze, wrap_dims
from gradsh.engine.summation import ordered_norm, ordered_sum
from gradsh.engine.tensor import Tensor, wrap_dim

# numpy's stubs cannot choose an overload for a `keepdims` that is a variable.
ADD: Any = np.add
MULTIPLY: Any = np.multiply


def spread(g: Any, dim: Any, keepdim: bool, shape: tuple[int, ...]) -> Any:
    """A reduced value repeated over the dimensions `dim` of `shape` it was reduced from."""
    if isinstance(g, (np.ndarray, np.generic)) and not g.ndim and math.prod(shape) > 1:
        return repeated(g, shape)
    if not keepdim and dim is not None and dim != () and shape:
        dims = wrap_dims(dim, len(shape))
        if type(g) is Tensor:
            for d in sorted(dims):  # PyTorch's operations, which a second derivative shows
                g = unsqueeze(g, d)
            return expand(g, shape)
        g = reshape(g, tuple(1 if d in dims else length for d, length in enumerate(shape)))
    return expand(g, shape)


def numbered(name: str) -> Any:
    """PyTorch's overloads: `name`Backward0 without dim, Backward1 with."""

    def grad_fn(node: Node) -> str:
        plain = node.op.argument(node, "dim") is None and not node.op.argument(node, "keepdim")  # type: ignore[attr-defined]
        return f"{name}Backward{0 if plain else 1}"

    return grad_fn


def count_of(shape: tuple[int, ...], dim: Any) -> int:
    """How many elements a reduction over `dim` takes together."""
    count = 1
    for d in wrap_dims(dim, len(shape)):
        count *= shape[d]
    return count


def total(array: Any, dim: Any, keepdim: bool, storage: np.dtype[Any]) -> Any:
    """The sum over `dim` in type `storage`; half precision is added up in single."""
    axis = None if dim is None or dim == () else wrap_dims(dim, array.ndim)
    if storage in HALVES:
        return ordered_sum(array.astype(np.float32), axis, keepdim).astype(storage)
    if storage.char in "fd":
        return ordered_sum(array.astype(storage, copy=False), axis, keepdim)
    return ADD.reduce(array, axis, storage, keepdims=keepdim)


def average(array: Any, dim: Any, keepdim: bool, storage: np.dtype[Any]) -> Any:
    """The mean over `dim` in type `storage`; half precision is rounded once, at the end."""
    count = array.size if dim is None else count_of(array.shape, dim)
    if storage in HALVES:
        wide = total(array, dim, keepdim, np.dtype(np.float32))
        return np.true_divide(wide, np.float32(count)).astype(storage)
    return np.true_divide(total(array, dim, keepdim, storage), storage.type(count))


@linear(
    input=lambda g, dim, keepdim, input_shape: spread(g, dim, keepdim, input_shape),
    grad_fn=numbered("Sum"),
)
def sum(input: Operand, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """Sum of the elements, of all or along dim.

    sum(randn(3, 4))
    sum(randn(3, 4), 1)
    sum(randn(2, 3, 4), (0, 2), keepdim=true)
    """
    if dtype is not None:
        storage = dtype.numpy
    else:
        storage = input.dtype if is_inexact(input.dtype) else np.dtype(np.int64)
    return total(input, dim, keepdim, storage)


@linear(
    input=lambda g, dim, keepdim, input_shape: (
        spread(g, dim, keepdim, input_shape) / count_of(input_shape, dim)
    ),
    grad_fn=numbered("Mean"),
)
def mean(input: Operand, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """Mean of the elements, of all or along dim.

    mean(randn(3, 4))
    mean(randn(3, 4), 1, keepdim=true)
    """
    wanted = FROM_NUMPY[input.dtype] if dtype is None else dtype
    if wanted.category < FLOAT:
        error = RuntimeError(
            f"mean(): could not infer output dtype. {'Input' if dtype is None else 'Optional'} "
            "dtype must be either a floating point or complex dtype. Got: " + wanted.type_name
        )
        error.add_note("make it a float first: `mean(x.float())`")
        raise error
    return average(input, dim, keepdim, wanted.numpy)


def _others(input: Any, dim: Any, keepdim: bool) -> Any:
    """For each element the product of the others along `dim` (all: none), zeros included.

    Along a line of n elements this is the product over an n × n table whose diagonal is one;
    made of declared operations, so it can be differentiated again.
    """
    if dim is None:
        return reshape(_others(reshape(input, (-1,)), 0, False), input.shape)
    axis = dim % max(input.ndim, 1)
    moved = _move_last(input, axis)
    count = moved.shape[-1]
    table = expand(reshape(moved, (*moved.shape[:-1], 1, count)), (*moved.shape, count))
    diagonal = np.eye(count, dtype=bool)
    return _move_back(prod(where(diagonal, 1, table), -1), axis)


def _move_last(input: Any, axis: int) -> Any:
    from gradsh.engine.ops.shape import permute

    order = (*(d for d in range(input.ndim) if d != axis), axis)
    return permute(input, order) if input.ndim > 1 else input


def _move_back(input: Any, axis: int) -> Any:
    from gradsh.engine.ops.shape import inverse_order, permute

    order = (*(d for d in range(input.ndim) if d != axis), axis)
    return permute(input, inverse_order(order)) if input.ndim > 1 else input


def _prod_rule(g: Any, input: Any, out: Any, dim: Any, keepdim: bool, input_shape: Any) -> Any:
    """g * (out / input); where there are zeros, g times the product of the other elements."""
    array = getattr(input, "array", input)
    zeros = array.size - np.count_nonzero(array)
    if dim is None and zeros > 1 and array is input:
        return no_change(input)  # differentiated again it must depend on input
    g = spread(g, dim, keepdim, input_shape)
    if input_shape and zeros:
        return g * conjugate(_others(input, dim, keepdim))
    if not input_shape:
        return g
    return g * conjugate(spread(out, dim, keepdim, input_shape) / input)


@general(input=_prod_rule, grad_fn=numbered("Prod"))
def prod(
    input: Operand, dim: GivenDim = None, keepdim: bool = False, *, dtype: DType | None = None
):
    """Product of the elements, of all or along dim.

    prod(randn(3, 4))
    prod(randn(3, 4), 1)
    """
    if dim is None and keepdim:
        raise refuse("prod", "dim", 1, "int", None)
    if dtype is not None:
        storage = dtype.numpy
    else:
        storage = input.dtype if is_inexact(input.dtype) else np.dtype(np.int64)
    axis = None if dim is None else wrap_dims(dim, input.ndim)
    if storage in HALVES and input.size:
        # each product is rounded, which numpy does only where it keeps all of them
        line = input.reshape(-1) if axis is None else input
        (along,) = (0,) if axis is None else axis
        result = MULTIPLY.accumulate(line, along, storage).take(-1, along)
        return np.expand_dims(result, along) if keepdim else result
    return MULTIPLY.reduce(input, axis, storage, keepdims=keepdim)


def evenly(g: Any, input: Any, out: Any, dim: Any, keepdim: bool, input_shape: Any) -> Any:
    """`g` shared evenly among the elements that attain the extreme `out`."""
    attained = eq(input, spread(out, dim, keepdim, input_shape))
    count = ADD.reduce(
        getattr(attained, "array", attained),
        wrap_dims(dim, len(input_shape)),
        keepdims=True,
    )
    return spread(g, dim, keepdim, input_shape) * attained / count.astype(_storage(g))


def extreme(name: str, ufunc: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    """The largest or smallest element along `dim`, with PyTorch's errors for empty ones."""
    if input.size == 0:
        if dim in (None, ()):
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                "Specify the reduction dim with the 'dim' argument."
            )
        given = (dim,) if isinstance(dim, int) else dim
        for written in given if input.ndim else ():
            if input.shape[wrap_dim(written, input.ndim)] == 0:
                raise IndexError(
                    f"{name}(): Expected reduction dim {written} to have non-zero size."
                )
    axis = None if dim in (None, ()) else wrap_dims(dim, input.ndim)
    if input.dtype.kind == "c":
        raise not_implemented("max_values_cpu" if name == "amax" else "min_values_cpu", input)
    return ufunc.reduce(input, axis, keepdims=keepdim)


@general(
    input=lambda g, input, out, dim, keepdim, input_shape: evenly(
        g, input, out, dim, keepdim, input_shape
    )
)
def amax(input: Operand, dim: Dims = (), keepdim: bool = False):
    """Largest element, of all or along dim; its gradient is shared evenly among equals.

    amax(randn(3, 4))
    amax(randn(3, 4), 1)
    """
    return extreme("amax", np.maximum, input, dim, keepdim)


@general(
    input=lambda g, input, out, dim, keepdim, input_shape: evenly(
        g, input, out, dim, keepdim, input_shape
    )
)
def amin(input: Operand, dim: Dims = (), keepdim: bool = False):
    """Smallest element, of all or along dim; its gradient is shared evenly among equals.

    amin(randn(3, 4))
    amin(randn(3, 4), 1)
    """
    return extreme("amin", np.minimum, input, dim, keepdim)


def norm_rule(
    g: Any, input: Any, out: Any, ord: Any, dim: Any, keepdim: bool, input_shape: Any
) -> Any:
    """g * sign(input) * abs(input / out)^(ord - 1), and zero at norm zero.

    For ord inf and -inf `g` goes to the elements that attain the extreme, in equal shares. Source:
    the subgradient conventions of PyTorch's norm_backward.
    """
    g = spread(g, dim, keepdim, input_shape)
    norm = spread(out, dim, keepdim, input_shape)
    if ord == 0:
        return None  # it is a count
    if ord == 1:
        return g * sgn(input)
    if ord == 2:
        return g * where(eq(norm, 0), 0, input / norm)
    size = abs(input)
    if ord in (float("inf"), float("-inf")):
        values = getattr(size, "array", size)
        attained = (values == getattr(norm, "array", norm)) | np.isnan(values)
        count = ADD.reduce(attained, wrap_dims(dim, len(input_shape)), keepdims=True)
        return sgn(input) * (g / count.astype(_storage(g)) * attained)
    if ord < 1:
        powered = where(eq(input, 0), 0, sgn(input) * pow(size, ord - 1))
        return powered * (g * pow(norm, 1 - ord))
    powered = sgn(input) * pow(size, ord - 1) if ord < 2 else input * pow(size, ord - 2)
    return powered * where(eq(norm, 0), 0, g / pow(norm, ord - 1))


def _storage(value: Any) -> np.dtype[Any]:
    storage: np.dtype[Any] = getattr(value, "array", value).dtype
    return storage


def _refuse_empty_norm(ord: float, dim: Any, axes: tuple[int, ...], shape: Any) -> None:
    """PyTorch's errors for a norm that no elements at all do not have."""
    what = f"linalg.vector_norm cannot compute the {ord:g} norm on"
    if dim in (None, ()):
        raise RuntimeError(
            f"{what} an empty tensor because the operation does not have an identity"
        )
    for axis in axes:
        if shape[axis] == 0:
            raise RuntimeError(
                f"{what} the dimension {axis}because this dimension is empty and the operation "
                "does not have an identity"
            )


@general(input=norm_rule, grad_fn="LinalgVectorNormBackward0", hidden=True)
def vector_norm_of(input: Operand, ord: float, dim: Dims | None, keepdim: bool):
    """The ord-norm of the elements, of all or along dim."""
    if ord == 2 and input.dtype.char in "fd":
        axes = None if dim is None else wrap_dims(dim, input.ndim)
        return ordered_norm(input, axes, keepdim)
    if not is_inexact(input.dtype):
        error = RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            + FROM_NUMPY[input.dtype].type_name
        )
        error.add_note("make it a float first: `norm(x.float())`")
        raise error
    axis = wrap_dims(dim, input.ndim)
    if input.size == 0 and (ord < 0 or ord == float("inf")):
        _refuse_empty_norm(ord, dim, axis, input.shape)
    storage = np.float32 if input.dtype in HALVES else None
    size = np.abs(input) if storage is None else np.abs(input).astype(storage)
    if ord == 2:
        result = ordered_norm(size, axis, keepdim)
    elif ord == 1:
        result = ADD.reduce(size, axis, keepdims=keepdim)
    elif ord == 0:
        result = ADD.reduce(size != 0, axis, size.dtype, keepdims=keepdim)
    elif ord in (float("inf"), float("-inf")):
        ufunc: Any = np.maximum if ord > 0 else np.minimum
        result = ufunc.reduce(size, axis, keepdims=keepdim)
    else:
        result = np.power(ADD.reduce(np.power(size, ord), axis, keepdims=keepdim), 1.0 / ord)
    kind = input.real.dtype
    return np.asarray(result).astype(kind, copy=False)


@composite()
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    """The p-norm of the elements, of all or along dim; "fro" is the 2-norm.

    norm(randn(3, 4))
    norm(randn(3, 4), 1)
    norm(randn(3, 4), 3, dim=1)
    norm(tensor([[1., 2.], [3., 5.]]), "nuc")
    """
    if dtype is not None:
        from gradsh.engine.ops.shape import to

        input = to(input, dtype)
    if p is None or p == "fro":
        p = 2.0
    if p == "nuc":
        from gradsh.engine.ops.norms import nuclear_norm

        return nuclear_norm(input, dim, keepdim)
    if isinstance(p, str):
        raise RuntimeError(f"only valid string norms are 'fro' and 'nuc', found {p}")
    if isinstance(dim, list):
        dim = tuple(dim)
    return vector_norm_of(input, p, dim, keepdim)


def _truth(name: str, ufunc: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    axis = dim if dim in (None, ()) else wrap_dims(dim, input.ndim)
    result = np.asarray(ufunc.reduce(input, axis, np.bool_, keepdims=keepdim))
    return result.astype(np.uint8) if input.dtype == np.uint8 else result


@linear()
def all(input: Operand, dim: Dims | None = None, keepdim: bool = False):
    """Whether every element, of all or along dim, is true (not zero).

    all(tensor([true, false]))
    """
    return _truth("all", np.logical_and, input, dim, keepdim)


@linear()
def any(input: Operand, dim: Dims | None = None, keepdim: bool = False):
    """Whether some element, of all or along dim, is true (not zero).

    any(tensor([true, false]))
    """
    return _truth("any", np.logical_or, input, dim, keepdim)
