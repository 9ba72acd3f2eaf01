"""Making tensors: from numbers, filled, counted, and drawn at random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine import random
from gradsh.engine.arguments import Operand, number, refuse
from gradsh.engine.arguments import shape as read_shape
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import (
    DEFAULTS,
    FLOAT,
    HALVES,
    INTEGER,
    NUMBER_CATEGORY,
    DType,
    int64,
    is_floating,
    promote,
    result_type,
)
from gradsh.engine.leaf import finished
from gradsh.engine.op import composite
from gradsh.engine.ops.pointwise import no_change, not_implemented
from gradsh.engine.ops.shape import empty_in_order, memory_order, stack, to
from gradsh.engine.scalars import stored_number
from gradsh.engine.tensor import Tensor, new_tensor

creation = composite(method=False)
MAXIMUM_DIMENSIONS = 64
"""numpy's limit (PyTorch's own is 128)."""


def _size(name: str, size: tuple[Any, ...], given: Any) -> tuple[int, ...]:
    """A shape written as several integers, as one tuple or list, or as `size=`."""
    if given is not None:
        size = (given,)
    if len(size) == 1:
        size = (
            (size[0],) if isinstance(size[0], int) else tuple(read_shape(size[0], name, "size", 1))
        )
    shape = read_shape(tuple(size), name, "size", 1)
    if any(length < 0 for length in shape):
        raise RuntimeError(f"{name}: Dimension size must be non-negative.")
    return shape


def _storage(dtype: DType | None) -> np.dtype[Any]:
    return (DEFAULTS.floating if dtype is None else dtype).numpy


@creation
def zeros(
    *shape: Any, size: Any = None, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros.

    zeros(2, 3)
    """
    return finished(np.zeros(_size("zeros", shape, size), _storage(dtype)), requires_grad)


@creation
def ones(
    *shape: Any, size: Any = None, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones.

    ones(2, 3)
    """
    return finished(np.ones(_size("ones", shape, size), _storage(dtype)), requires_grad)


@creation
def empty(
    *shape: Any, size: Any = None, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose elements are not set to anything yet.

    empty(0)
    """
    return finished(np.empty(_size("empty", shape, size), _storage(dtype)), requires_grad)


@creation
def full(
    size: Any, fill_value: Any, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor in which every element is fill_value.

    full((2, 3), 7.)
    """
    value = number(fill_value, "full", "fill_value", 2)
    kind = DEFAULTS.of_category(NUMBER_CATEGORY[type(value)]) if dtype is None else dtype
    return finished(
        np.full(_size("full", (size,), None), stored_number(value, kind.numpy)), requires_grad
    )


def _tensor_array(input: Any, name: str) -> Any:
    if type(input) is not Tensor:
        raise refuse(name, "input", 1, "Tensor", input)
    return input.array


def _filled_like(array: Any, value: Any, storage: np.dtype[Any]) -> Any:
    filled = empty_in_order(array, storage)
    filled[...] = stored_number(value, storage, by_name=True)
    return filled


def _like(input: Any, dtype: DType | None) -> np.dtype[Any]:
    return input.array.dtype if dtype is None else dtype.numpy


@creation
def zeros_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of input's shape and type.

    zeros_like(randn(2, 3))
    """
    array = _tensor_array(input, "zeros_like")
    return finished(_filled_like(array, 0, _like(input, dtype)), requires_grad)


@creation
def ones_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Ones of input's shape and type.

    ones_like(randn(2, 3))
    """
    array = _tensor_array(input, "ones_like")
    return finished(_filled_like(array, 1, _like(input, dtype)), requires_grad)


@creation
def empty_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of input's shape and type whose elements are not set yet.

    empty_like(randn(0))
    """
    array = _tensor_array(input, "empty_like")
    return finished(empty_in_order(array, _like(input, dtype)), requires_grad)


@creation
def full_like(
    input: Tensor, fill_value: Any, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """fill_value in input's shape and type.

    full_like(randn(2, 3), 7)
    """
    value = number(fill_value, "full_like", "fill_value", 2)
    return finished(_filled_like(input.array, value, _like(input, dtype)), requires_grad)


@creation
def eye(
    n: int, m: int | None = None, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """A matrix with ones on its diagonal.

    eye(3)
    eye(2, 3)
    """
    for name, length in (("n", n), ("m", m)):
        if length is not None and length < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {length}")
    return finished(np.eye(n, m, dtype=_storage(dtype)), requires_grad)


@creation
def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from start (0 if only the end is given) to end, which is left out, by step.

    arange(5)
    arange(0, 1, 0.25)
    """
    if end is None:
        start, end = 0, start
    start, end, step = (
        number(value, "arange", name, position)
        for position, (name, value) in enumerate(
            (("start", start), ("end", end), ("step", step)), 1
        )
    )
    whole = all(NUMBER_CATEGORY[type(value)] <= INTEGER for value in (start, end, step))
    if dtype is None:
        dtype = int64 if whole else DEFAULTS.floating
    _check_countable("arange_cpu", dtype, with_complex=False)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (step > 0 and end < start) or (step < 0 and end > start):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = -((start - end) // step) if whole else math.ceil((end - start) / step)
    if dtype.category == INTEGER:  # counted in whole numbers; int64 takes the bounds so as well
        start, end, step = int(start), int(end), int(step)
        if dtype is int64 and not step:
            raise RuntimeError("step must be nonzero")
        if dtype is int64:
            count = max(-((start - end) // step), 0)
    if dtype.numpy in HALVES:
        values = _halves_in_blocks(start, step, count, dtype.numpy)
    else:
        values = start + np.arange(count) * step
    return finished(np.ascontiguousarray(values.astype(dtype.numpy)), requires_grad)


_BLOCK = 16
"""Elements of half precision that PyTorch's kernel counts from one start; it takes two at once."""


def _halves_in_blocks(start: Any, step: Any, count: int, storage: np.dtype[Any]) -> Any:
    """start plus multiples of step, each block's start rounded to half precision by itself."""
    first, step = np.float32(start), np.float32(step)
    places = np.arange(count)
    within = np.where(places < count - count % (2 * _BLOCK), places % _BLOCK, 0)
    starts = (first + step * (places - within).astype(np.float32)).astype(storage)
    return starts.astype(np.float32) + step * within.astype(np.float32)


def _check_countable(kernel: str, dtype: DType, *, with_complex: bool) -> None:
    """Refuse the types that PyTorch's counting functions do not make."""
    if dtype.category < INTEGER or (dtype.is_complex and not with_complex):
        raise not_implemented(kernel, np.empty(0, dtype.numpy))


def _steps(steps: Any) -> int:
    count = int(steps)
    if count < 0:
        raise RuntimeError("number of steps must be non-negative")
    return count


def _evenly_spaced(start: Any, end: Any, count: int, storage: np.dtype[Any]) -> Any:
    """PyTorch's linspace: both halves counted from their own end, in the result's precision."""
    if storage.kind in "iu":
        kind: Any = np.float64 if storage.itemsize == 8 else np.float32
        step = kind(end - start) / kind(count - 1) if count > 1 else kind(0)
    else:
        kind = storage.type if is_floating(storage) else np.float64
        step = (kind(end) - kind(start)) / kind(count - 1) if count > 1 else kind(0)
    places = np.arange(count)
    first = kind(start) + step * places.astype(kind)
    last = kind(end) - step * (count - 1 - places).astype(kind)
    return np.where(places < count // 2, first, last)


@creation
def linspace(
    start: Any, end: Any, steps: Any, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """steps numbers evenly spaced from start to end, both included.

    linspace(0, 1, 5)
    """
    start, end = number(start, "linspace", "start", 1), number(end, "linspace", "end", 2)
    _check_countable("linspace_cpu", dtype or DEFAULTS.floating, with_complex=True)
    storage = _storage(dtype)
    values = _evenly_spaced(start, end, _steps(steps), storage)
    if len(values) == 1:
        values[0] = start
    return finished(values.astype(storage), requires_grad)


@creation
def logspace(
    start: Any,
    end: Any,
    steps: Any,
    base: Any = 10.0,
    *,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """base to the power of steps numbers evenly spaced from start to end.

    logspace(0, 2, 3)
    """
    start, end = number(start, "logspace", "start", 1), number(end, "logspace", "end", 2)
    _check_countable("logspace_cpu", dtype or DEFAULTS.floating, with_complex=True)
    storage = _storage(dtype)
    wide = np.dtype(np.float32) if storage in HALVES else storage
    exponents = _evenly_spaced(start, end, _steps(steps), wide)
    if len(exponents) == 1:
        exponents[0] = start
    values = np.power(np.float64(base), exponents.astype(np.float64))
    return finished(values.astype(storage), requires_grad)


@creation
def tensor(data: Any, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with the values of data: a number, a tensor or (nested) lists of them.

    It has no history; a bracket literal keeps its elements'.
    tensor([[1., 2.], [3., 4.]])
    """
    if isinstance(data, Tensor):
        array = data.array.copy() if dtype is None else data.array.astype(dtype.numpy)
    else:
        array = _nested_array(data, dtype)
    return finished(array, requires_grad)


def _scalar_type(value: Any) -> DType:
    if isinstance(value, Tensor):
        return value.dtype
    category = NUMBER_CATEGORY.get(type(value))
    if category is None:
        if value is None:
            raise RuntimeError("Could not infer dtype of NoneType")
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    return DEFAULTS.of_category(category)


def _flattened(data: Any, depth: int, shape: list[int], into: list[Any]) -> None:
    """Collect the leaves of nested lists, checking that they form a box."""
    if isinstance(data, Tensor) and data.array.ndim:
        data = data.tolist()
    if not isinstance(data, (list, tuple, range)):
        if depth < len(shape):
            raise TypeError("not a sequence")
        into.append(data)
        return
    if depth == len(shape):
        if into:
            raise TypeError("'list' object cannot be interpreted as an integer")
        shape.append(len(data))
    elif len(data) != shape[depth]:
        raise ValueError(
            f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})"
        )
    for item in data:
        _flattened(item, depth + 1, shape, into)


def _nested_array(data: Any, dtype: DType | None = None) -> Any:
    """The numbers in nested lists as an array, of their common type or the one asked for."""
    shape: list[int] = []
    leaves: list[Any] = []
    try:
        _flattened(data, 0, shape, leaves)
    except RecursionError:
        raise too_many_dimensions() from None
    kind = DEFAULTS.floating if not leaves else _scalar_type(leaves[0])
    for leaf in leaves[1:]:
        kind = promote(kind, _scalar_type(leaf))
    values = [leaf.item() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    if len(shape) > MAXIMUM_DIMENSIONS:
        raise too_many_dimensions()
    return _elements(values, kind.numpy if dtype is None else dtype.numpy).reshape(shape)


def _elements(values: list[Any], storage: np.dtype[Any]) -> Any:
    """Python numbers as elements of a type, converted straight from their full precision.

    RuntimeError for what an integer type cannot hold, ValueError for integers beyond 64 bits.
    """
    if storage.kind in "iu":
        bounds = np.iinfo(storage)
        lowest = bounds.min if storage.kind == "i" else -bounds.max
        for value in values:
            if type(value) is int and not -(2**63) <= value < 2**63:
                raise ValueError("Overflow when unpacking long long")
            if not (lowest if type(value) is int else bounds.min) <= value <= bounds.max:
                raise RuntimeError(
                    f"value cannot be converted to type {storage.name} without overflow"
                )
        if storage.kind == "u":  # negative integers wrap around
            return np.array(values, np.int64).astype(storage)
    if storage in HALVES:  # PyTorch rounds to float32 on the way
        return np.array(values, np.float32).astype(storage)
    return np.array(values, storage)


def too_many_dimensions() -> ValueError:
    """PyTorch's error for lists that are nested deeper than a tensor has dimensions."""
    error = ValueError("too many dimensions 'list'")
    error.add_note(f"a tensor has at most {MAXIMUM_DIMENSIONS} dimensions")
    return error


def literal(data: Any) -> Tensor:
    """The value of a bracket literal: a tensor, differentiable in the tensors among its elements.

    ValueError for rows of different lengths.
    """
    try:
        return _stacked(data) if _has_tensor(data) else new_tensor(_nested_array(data))
    except RecursionError:
        raise too_many_dimensions() from None


def _has_tensor(data: Any) -> bool:
    return isinstance(data, Tensor) or (
        isinstance(data, (list, tuple)) and any(_has_tensor(item) for item in data)
    )


def _stacked(data: Any) -> Tensor:
    if isinstance(data, Tensor):
        return data
    if not isinstance(data, (list, tuple)):
        return new_tensor(np.array(data, _scalar_type(data).numpy))
    parts = [_stacked(item) for item in data]
    lengths = [part.array.shape for part in parts]
    for shape in lengths:
        if shape != lengths[0]:
            if shape and lengths[0]:
                raise ValueError(
                    f"expected sequence of length {lengths[0][0]} at dim 1 (got {shape[0]})"
                )
            raise ValueError(
                f"the elements of a bracket literal must have one shape, but got "
                f"{list(lengths[0])} and {list(shape)}"
            )
    common = result_type(
        (part.dtype, False) if isinstance(item, (Tensor, list, tuple)) else (type(item), True)
        for part, item in zip(parts, data, strict=True)
    )
    result: Tensor = stack([to(part, common) for part in parts])
    return result


def _random_type(name: str, dtype: DType | None, kernel: str) -> np.dtype[Any]:
    kind = DEFAULTS.floating if dtype is None else dtype
    if kind.category < FLOAT:
        raise not_implemented(kernel, np.empty(0, kind.numpy))
    return kind.numpy


@creation
def rand(
    *shape: Any, size: Any = None, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """Random numbers, uniform from 0 (included) to 1 (left out).

    rand(2, 3)
    """
    storage = _random_type("rand", dtype, "check_uniform_bounds")
    array = random.default_generator.rand(_size("rand", shape, size), storage)
    return finished(array, requires_grad)


@creation
def randn(
    *shape: Any, size: Any = None, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """Random numbers, normal with mean 0 and variance 1.

    randn(2, 3)
    """
    storage = _random_type("randn", dtype, "normal_kernel_cpu")
    array = random.default_generator.randn(_size("randn", shape, size), storage)
    return finished(array, requires_grad)


def _drawn_like(
    name: str, draw: Any, input: Tensor, dtype: DType | None, requires_grad: bool
) -> Tensor:
    """Random numbers in the order in which input's elements lie in memory."""
    array = _tensor_array(input, name)
    order = memory_order(array)
    shape = tuple(array.shape[d] for d in order)
    drawn = draw(shape, dtype=dtype or input.dtype).array
    inverse = sorted(range(array.ndim), key=order.__getitem__)
    return finished(np.transpose(drawn, inverse), requires_grad)


@creation
def rand_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers of input's shape and type.

    rand_like(randn(2, 3))
    """
    return _drawn_like("rand_like", rand, input, dtype, requires_grad)


@creation
def randn_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Normal random numbers of input's shape and type.

    randn_like(randn(2, 3))
    """
    return _drawn_like("randn_like", randn, input, dtype, requires_grad)


@creation
def randint(
    *bounds: Any, dtype: DType | None = None, requires_grad: bool = False, **named: Any
) -> Tensor:
    """Random integers from low (0 if only high is given; included) to high (left out).

    randint(10, (2, 3))
    randint(-5, 5, (2, 3))
    """
    values = list(bounds)
    low = named.pop("low", None)
    high = named.pop("high", None)
    size = named.pop("size", None)
    if named:
        raise TypeError(f"randint() got an unexpected keyword argument '{next(iter(named))}'")
    if size is None and values:
        size = values.pop()
    if low is None and len(values) + (high is not None) == 2:
        low = values.pop(0)
    if high is None and values:
        high = values.pop(0)
    if high is None or size is None or values:
        raise TypeError("randint() takes high and size, or low, high and size")
    shape = _size("randint", (size,), None)
    kind = int64 if dtype is None else dtype
    low = 0 if low is None else int(low)
    return finished(
        random.default_generator.randint(low, int(high), shape, kind.numpy), requires_grad
    )


@creation
def randint_like(
    input: Tensor,
    *bounds: Any,
    dtype: DType | None = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Random integers of input's shape and type, from low (0 if only high is given) to below high.

    randint_like(randn(2, 3), 10)
    randint_like(randn(2, 3), -5, 5, dtype=int64)
    """

    def draw(shape: tuple[int, ...], dtype: DType) -> Tensor:
        return randint(*bounds, **named, size=shape, dtype=dtype)

    return _drawn_like("randint_like", draw, input, dtype, requires_grad)


@creation
def randperm(n: Any, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """The numbers from 0 to n - 1 in random order.

    randperm(5)
    """
    kind = int64 if dtype is None else dtype
    return finished(random.default_generator.randperm(int(n), kind.numpy), requires_grad)


@creation
def normal(mean: Any, std: Any = 1.0, size: Any = None, *, dtype: DType | None = None) -> Tensor:
    """Normal random numbers with the given means and standard deviations.

    normal(0., 1., (2, 3))
    normal(zeros(3), 2.)
    """
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        arrays = [x.array if isinstance(x, Tensor) else float(x) for x in (mean, std)]
        return new_tensor(random.default_generator.normal_each(*arrays))
    shape = _size("normal", (size,), None)
    return new_tensor(
        random.default_generator.normal(float(mean), float(std), shape, _storage(dtype))
    )


@creation
def bernoulli(input: Any, p: Any = None) -> Tensor:
    """Ones with the probabilities that input gives (or the number p), zeros otherwise.

    bernoulli(rand(2, 3))
    """
    if p is not None:
        chance = float(number(p, "bernoulli", "p", 2))
        array = input.array
        return new_tensor(random.default_generator.bernoulli(chance, array.shape, array.dtype))
    return _bernoulli(input)


@linear(input=lambda g: no_change(g), grad_fn="BernoulliBackward0", hidden=True)
def _bernoulli(input: Operand):
    """Ones with the probabilities that input gives; they do not depend smoothly on it."""
    return random.default_generator.bernoulli(input, input.shape, input.dtype)


@creation
def manual_seed(seed: Any) -> None:
    """Start the random stream anew from seed: the numbers that follow are always the same.

    manual_seed(0)
    """
    random.manual_seed(int(seed))
