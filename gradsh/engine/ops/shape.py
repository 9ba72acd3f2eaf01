"""Shapes, views and copies: the same elements, arranged differently."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Dim, Dims, Operand, Operands, Shape
from gradsh.engine.arguments import shape as read_shape
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import DTYPES, FROM_NUMPY, DType, promote
from gradsh.engine.graph import Node
from gradsh.engine.lazy import Lazy
from gradsh.engine.op import OPS, composite
from gradsh.engine.tensor import Tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]


def wrap_dims(dims: Dims, ndim: int) -> tuple[int, ...]:
    """`dims` (none: all) counted from the front, each once; PyTorch's errors otherwise."""
    if dims is None or dims == ():
        return tuple(range(ndim))
    if isinstance(dims, int):
        return (wrap_dim(dims, ndim),) if ndim else (wrap_dim(dims, ndim),)[:0]
    wrapped = tuple(wrap_dim(dim, ndim) for dim in dims)
    for dim in wrapped:
        if wrapped.count(dim) > 1:
            raise RuntimeError(f"dim {dim} appears multiple times in the list of dims")
    return wrapped if ndim else ()


def memory_order(array: Array) -> list[int]:
    """The dimensions of `array`, those whose elements lie furthest apart first.

    Where an expanded dimension (of stride zero) stands is as undecided as in PyTorch, whose
    insertion sort this is: it leaves such a one between its neighbours.
    """
    inner_first = list(range(array.ndim))[::-1]
    for start in range(1, array.ndim):
        place = start
        for before in range(start - 1, -1, -1):
            one, other = inner_first[before], inner_first[place]
            strides = array.strides[one], array.strides[other]
            if 0 in strides:
                continue
            if strides[0] < strides[1]:
                break
            if strides[0] > strides[1] or array.shape[one] > array.shape[other]:
                inner_first[before], inner_first[place] = other, one
                place = before
    return inner_first[::-1]


def empty_in_order(array: Array, dtype: Any) -> Array:
    """Uninitialised elements in the shape of `array`, without gaps, in the same memory order."""
    if 0 not in array.strides:
        return np.empty_like(array, dtype)
    order = memory_order(array)
    dense = np.empty([array.shape[dim] for dim in order], dtype)
    return dense.transpose(sorted(range(array.ndim), key=order.__getitem__))


def resolve_shape(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """`shape` with its one -1 worked out for `size` elements; RuntimeError if it cannot fit."""
    unknown = [position for position, length in enumerate(shape) if length == -1]
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for position, length in enumerate(shape):
        if length < -1:
            raise RuntimeError(
                f"invalid shape dimension {length} at index {position} of shape {list(shape)}"
            )
    known = math.prod(length for length in shape if length != -1)
    if unknown:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
                if size == 0
                else f"shape '{list(shape)}' is invalid for input of size {size}"
            )
        if size % known == 0:
            return tuple(size // known if length == -1 else length for length in shape)
    elif known == size:
        return shape
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")


def viewed(array: Array, shape: tuple[int, ...]) -> Array | None:
    """`array` in another shape without copying, or None where its strides forbid it."""
    try:
        return np.reshape(array, shape, copy=False)
    except ValueError:
        return None


@linear(input=lambda g, input_shape: reshape(g, input_shape), view=True, grad_fn="ViewBackward0")
def view(input: Operand, shape: Shape):
    """input in another shape, sharing its storage.

    view(randn(3, 4), 2, 6)
    """
    result = viewed(input, resolve_shape(shape, input.size))
    if result is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return result


@linear(
    input=lambda g, input_shape: reshape(g, input_shape),
    view=True,
    grad_fn="ReshapeAliasBackward0",
    hidden=True,
)
def reshape_alias(input: Operand, shape: Shape):
    """A view in another shape of storage that is not in row-major order."""
    return viewed(input, resolve_shape(shape, input.size))


@linear(
    input=lambda g, input_shape: reshape(g, input_shape),
    grad_fn="UnsafeViewBackward0",
    hidden=True,
)
def unsafe_view(input: Operand, shape: Shape):
    """A fresh result in another shape: not a view of anything a user can see."""
    return np.reshape(input, shape)


@composite()
def reshape(input: Any, *shape: Any) -> Any:
    """input in another shape, sharing its storage where its strides allow.

    reshape(randn(3, 4), 2, 6)
    reshape(randn(3, 4), (-1,))
    """
    given = shape[0] if len(shape) == 1 else shape
    if type(input) is not Tensor:
        return np.reshape(input, given)
    wanted = read_shape(given, "reshape", "shape", 1)
    if input.array.flags.c_contiguous:
        return view(input, wanted)
    if viewed(input.array, resolve_shape(wanted, input.array.size)) is not None:
        return reshape_alias(input, wanted)
    return unsafe_view(clone(input), resolve_shape(wanted, input.array.size))


@composite()
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """input with the dimensions from start_dim to end_dim made one.

    flatten(randn(2, 3, 4), 1)
    """
    ndim = input.array.ndim
    first, last = wrap_dim(start_dim, ndim), wrap_dim(end_dim, ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if ndim == 0:
        return reshape(input, (1,))
    if first == last:
        return input
    shape = input.array.shape
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@linear(input=lambda g, dims: permute(g, inverse_order(dims)), view=True)
def permute(input: Operand, dims: Shape):
    """input with its dimensions in the order dims.

    permute(randn(2, 3, 4), 2, 0, 1)
    """
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            "length of the desired ordering of dimensions i.e. "
            f"input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    wrapped = [wrap_dim(dim, input.ndim) for dim in dims]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return np.transpose(input, wrapped)


def inverse_order(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The order that undoes `dims`."""
    count = len(dims)
    wrapped = [dim % count for dim in dims]
    return tuple(wrapped.index(position) for position in range(count))


@linear(input=lambda g, dim0, dim1: transpose(g, dim0, dim1), view=True)
def transpose(input: Operand, dim0: Dim, dim1: Dim):
    """input with two dimensions exchanged.

    transpose(randn(2, 3, 4), 0, 2)
    """
    first, second = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    return input[...] if input.ndim == 0 else np.swapaxes(input, first, second)


@linear(input=lambda g: t(g), view=True)
def t(input: Operand):
    """The transpose of a matrix; a vector stays as it is.

    t(randn(2, 3))
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return np.transpose(input)


def expand_shape(
    shape: tuple[int, ...], sizes: tuple[int, ...], kind: str = "torch.FloatTensor"
) -> tuple[int, ...]:
    """The shape that `sizes` (-1: as it is) expands `shape` to; PyTorch's RuntimeErrors.

    `kind` is the type that the message names.
    """
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand({kind}{{{list(shape)}}}, size={list(sizes)}): the number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)})"
        )
    if not shape and any(length < 0 for length in sizes):
        raise RuntimeError("numel: integer multiplication overflow")
    result = []
    for position, length in reversed(list(enumerate(sizes))):
        if position < extra:
            if length < 0:
                raise RuntimeError(
                    f"The expanded size of the tensor ({length}) isn't allowed in a leading, "
                    f"non-existing dimension {position}"
                )
            result.append(length)
            continue
        existing = shape[position - extra]
        wanted = existing if length == -1 else length
        if existing not in (1, wanted):
            raise RuntimeError(
                f"The expanded size of the tensor ({wanted}) must match the existing size "
                f"({existing}) at non-singleton dimension {position}.  Target sizes: "
                f"{list(sizes)}.  Tensor sizes: {list(shape)}"
            )
        result.append(wanted)
    return tuple(reversed(result))


@linear(input=lambda g, input_shape: sum_to(g, input_shape), view=True)
def expand(input: Operand, size: Shape):
    """input repeated along its dimensions of length one, without copying.

    expand(randn(3, 1), 3, 4)
    """
    shape = expand_shape(input.shape, size, FROM_NUMPY[input.dtype].tensor_class)
    if math.prod(shape) == input.size:  # then no two places share an element: it can be changed
        return input.reshape(shape)
    if not input.ndim:
        return repeated(input, shape)
    result = np.broadcast_to(input, shape)
    if input.flags.writeable and result.base is not None:
        result.flags.writeable = True  # a part of it may have no two places that share an element
    return result


def repeated(number: Any, shape: tuple[int, ...]) -> Any:
    """A zero-dim array as one of a shape, without copying, in a fifth of numpy's own time."""
    if isinstance(number, Lazy):
        return np.broadcast_to(number, shape)  # type: ignore[call-overload]
    return np.ndarray(shape, number.dtype, np.asarray(number), 0, (0,) * len(shape))


@composite()
def broadcast_to(input: Any, *size: Any) -> Any:
    """input repeated to the shape size, without copying.

    broadcast_to(randn(3, 1), (2, 3, 4))
    """
    return expand(input, *size)


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """`g` summed over the dimensions in which `shape` was repeated to give its shape."""
    full = g.shape
    if not shape:
        return OPS["sum"].call(g) if full else g
    if type(g) is np.ndarray and math.prod(shape) == 1:
        return OPS["sum"].forward(g).reshape(shape)
    extra = len(full) - len(shape)
    dims = list(range(extra))
    for position, length in enumerate(shape, extra):
        if length == 1 and full[position] != 1:
            dims.append(position)
    if dims:
        g = OPS["sum"].call(g, tuple(dims), True)
    return reshape(g, shape) if extra else g


def _squeeze_name(node: Node) -> str:
    (dim,) = (node.op.argument(node, "dim"),)  # type: ignore[attr-defined]
    if dim is None:
        return "SqueezeBackward0"
    return "SqueezeBackward1" if isinstance(dim, int) else "SqueezeBackward2"


@linear(input=lambda g, dim, input_shape: reshape(g, input_shape), view=True, grad_fn=_squeeze_name)
def squeeze(input: Operand, dim: Dims = None):
    """input without its dimensions of length one, or without those of them named.

    squeeze(randn(3, 1, 4, 1))
    squeeze(randn(3, 1, 4, 1), 1)
    """
    dims = wrap_dims(dim, input.ndim)
    return np.squeeze(input, tuple(d for d in dims if input.shape[d] == 1))


@linear(input=lambda g, dim: squeeze(g, dim), view=True)
def unsqueeze(input: Operand, dim: Dim):
    """input with a dimension of length one put in at dim.

    unsqueeze(randn(3, 4), 1)
    """
    return np.expand_dims(input, wrap_dim(dim, input.ndim + 1))


@linear(input=lambda g: g)
def clone(input: Operand):
    """A copy of input, part of the graph.

    clone(randn(3, 4))
    """
    copy = empty_in_order(input, input.dtype)
    copy[...] = input
    return copy


@composite()
def contiguous(input: Any) -> Any:
    """input itself where its storage is in row-major order, else a copy that is.

    contiguous(randn(3, 4).t())
    """
    array = getattr(input, "array", input)
    return input if array.flags.c_contiguous else _row_major(input)


@linear(input=lambda g: g, grad_fn="CloneBackward0", hidden=True)
def _row_major(input: Operand):
    """A copy of input in row-major order."""
    return np.ascontiguousarray(input)


@linear(input=lambda g: g, grad_fn="ToCopyBackward0", hidden=True)
def cast(input: Operand, dtype: Any):
    """A copy of input with another element type."""
    if input.dtype.kind == "c" and dtype.numpy.kind != "c":
        input = input.real
    return input.astype(dtype.numpy)


@composite()
def to(input: Any, dtype: Any) -> Any:
    """input with the element type dtype: itself where it has it, else a copy.

    to(randn(3, 4), float64)
    """
    if isinstance(dtype, Tensor):
        dtype = dtype.dtype
    if dtype in ("cpu", None):
        return input
    if not isinstance(dtype, DType):
        raise TypeError(f"to() expects a dtype, not {type(dtype).__name__}")
    array = input.array if type(input) is Tensor else input
    return input if array.dtype is dtype.numpy else cast(input, dtype)


def _conversion(name: str, dtype: DType) -> None:
    def convert(input: Any) -> Any:
        return to(input, dtype)

    convert.__doc__ = f"input as {dtype!r}.\n\n{name}(tensor([1, 0]))\n"
    composite(name=name)(convert)


for _name, _dtype in {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16",
    "int": "int32", "long": "int64", "short": "int16", "bool": "bool",
    "cfloat": "complex64", "cdouble": "complex128",
    "byte": "uint8", "char": "int8",
}.items():  # fmt: skip
    _conversion(_name, DTYPES[_dtype])


@composite()
def type_as(input: Any, other: Any) -> Any:
    """input with other's element type.

    type_as(tensor([1, 2]), randn(2))
    """
    return to(input, other.dtype)


def _split_along(g: Any, dim: int, shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    """The parts of `g` that tensors of these shapes had in a concatenation."""
    from gradsh.engine.ops.indexing import narrow

    parts: list[Any] = []
    start = 0
    for shape in shapes:
        if shape == (0,) and g.ndim != 1:
            parts.append(None)
            continue
        length = shape[dim] if g.ndim > 1 else shape[0]
        parts.append(narrow(g, dim if g.ndim > 1 else 0, start, length))
        start += length
    return parts


def _common_dtype(arrays: list[Array]) -> np.dtype[Any]:
    dtype = FROM_NUMPY[arrays[0].dtype]
    for array in arrays[1:]:
        dtype = promote(dtype, FROM_NUMPY[array.dtype])
    return dtype.numpy


@linear(tensors=lambda g, dim, tensors_shape: _split_along(g, dim, tensors_shape), method=False)
def cat(tensors: Operands, dim: Dim = 0):
    """The tensors joined along a dimension they have.

    cat([randn(2, 3), randn(4, 3)])
    cat([randn(2, 3), randn(2, 1)], 1)
    """
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for number, array in enumerate(tensors):
        if array.ndim == 0:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {number}) cannot be concatenated"
            )
    used = [array for array in tensors if array.shape != (0,)]
    if not used:
        return np.concatenate(tensors, dtype=_common_dtype(tensors))
    first = used[0]
    axis = wrap_dim(dim, first.ndim)
    for number, array in enumerate(tensors):
        if array.shape == (0,):
            continue
        if array.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {array.ndim}"
            )
        for position, (length, expected) in enumerate(zip(array.shape, first.shape, strict=True)):
            if position != axis and length != expected:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size "
                    f"{expected} but got size {length} for tensor number {number} in the list."
                )
    return np.ascontiguousarray(np.concatenate(used, axis, dtype=_common_dtype(tensors)))


def _slices_along(g: Any, dim: int, count: int) -> list[Any]:
    """The slices of `g` along `dim`."""
    from gradsh.engine.ops.indexing import select

    return [select(g, dim, index) for index in range(count)]


@linear(
    tensors=lambda g, dim, tensors_shape: _slices_along(g, dim, len(tensors_shape)), method=False
)
def stack(tensors: Operands, dim: Dim = 0):
    """The tensors, all of one shape, joined along a new dimension.

    stack([randn(2, 3), randn(2, 3)])
    stack([randn(2, 3), randn(2, 3)], -1)
    """
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tensors[0]
    axis = wrap_dim(dim, first.ndim + 1)
    for number, array in enumerate(tensors):
        if array.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry "
                f"0 and {list(array.shape)} at entry {number}"
            )
    return np.ascontiguousarray(np.stack(tensors, axis, dtype=_common_dtype(tensors)))


def attach_attributes() -> None:
    """Give Tensor the attributes that are views: T, mT."""

    def reversed_dimensions(tensor: Tensor) -> Tensor:
        result: Tensor = permute(tensor, tuple(range(tensor.array.ndim))[::-1])
        return result

    def matrix_transpose(tensor: Tensor) -> Tensor:
        if tensor.array.ndim == 0:
            return tensor
        if tensor.array.ndim == 1:
            raise RuntimeError(
                "tensor.mT is only supported on matrices or batches of matrices. "
                f"Got {tensor.array.ndim}-D tensor."
            )
        result: Tensor = transpose(tensor, -2, -1)
        return result

    Tensor.T = property(reversed_dimensions, doc="The dimensions reversed.")  # type: ignore[attr-defined]
    Tensor.mT = property(matrix_transpose, doc="The last two dimensions exchanged.")  # type: ignore[attr-defined]
