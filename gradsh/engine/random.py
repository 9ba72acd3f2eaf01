"""Random numbers: the streams of PyTorch's CPU generator, bit for bit.

`Generator` gives numpy arrays; what each distribution draws, in which order, and how a draw becomes
a number is PyTorch 2.13's on an x86 processor with AVX2. Every sampler fills its array in order, as
PyTorch fills contiguous memory. For a tensor whose memory lies in another order, fill an array laid
out like that memory (and tell `normal` that it is not contiguous, if it has gaps or another order).

A `dtype` is anything numpy takes as one, or the text "bfloat16", which gives float32 arrays that
hold bfloat16 values where numpy has no such dtype.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradsh.engine import shuffle
from gradsh.engine.box_muller import BLOCK, blocks, mapped
from gradsh.engine.dtypes import HALVES
from gradsh.engine.fused import fused_multiply_add
from gradsh.engine.random_rules import (
    DIGITS,
    INT64_MAX,
    INT64_MIN,
    PARTS,
    SCALAR_TYPES,
    broadcast_shape,
    check_held,
    check_multinomial,
    check_order,
    check_permutation,
    check_uniform_bounds,
    checked_shape,
    largest_integer,
    name_of,
    not_implemented,
    rounded_down,
    rounded_up,
    storage,
    stored,
)
from gradsh.engine.random_stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

    from gradsh.engine.random_rules import Shape

# From here on a range is served by 64-bit draws, to keep the modulo nearly even.
_WIDE_RANGE: Final = 2**28
# From here on a permutation is made by the inside-out shuffle with 64-bit draws.
_LONG_PERMUTATION: Final = (2**32 - 1) // 20

# Above this exp() overflows; Python's raises there.
_LARGEST_EXPONENT: Final = 709.782712893384


class Generator(Stream):
    """A stream of random numbers that starts from a seed, as `torch.Generator` on the CPU."""

    __slots__ = ()

    # Continuous distributions

    def rand(self, shape: Shape, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Numbers spread evenly from 0 to below 1."""
        if dtype == np.float32:
            sizes = checked_shape(shape)
            return self._singles(math.prod(sizes)).reshape(sizes)
        return self.uniform(0.0, 1.0, shape, dtype)

    def uniform(
        self, low: float, high: float, shape: Shape, dtype: DTypeLike = np.float32
    ) -> NDArray[Any]:
        """Numbers spread evenly from `low` to below `high`.

        Raises RuntimeError where PyTorch does for the bounds, NotImplementedError for a dtype
        that is not floating or complex.
        """
        name, shape = name_of(dtype), checked_shape(shape)
        if name in PARTS:
            return _as_complex(self.uniform(low, high, (*shape, 2), PARTS[name]))
        if name not in DIGITS:
            raise not_implemented("check_uniform_bounds", name)
        check_uniform_bounds(low, high, name)
        count = math.prod(shape)
        if name == "float64":
            values: NDArray[Any] = fused_multiply_add(self._doubles(count), high - low, low)
            first, last = low, high
        else:
            start, end = np.float32(low), np.float32(high)
            values = fused_multiply_add(self._singles(count), float(end - start), float(start))
            values = stored(values, name, dtype)
            first, last = stored(np.array([low, high], dtype=np.float64), name, dtype)
        values[values == last] = first  # rounding brought these up to the bound
        return values.reshape(shape)

    def randn(self, shape: Shape, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Numbers of the normal distribution with mean 0 and deviation 1."""
        return self.normal(0.0, 1.0, shape, dtype)

    def normal(
        self,
        mean: float,
        std: float,
        shape: Shape,
        dtype: DTypeLike = np.float32,
        contiguous: bool = True,
    ) -> NDArray[Any]:
        """Numbers of the normal distribution with this mean and standard deviation.

        `contiguous=False` gives the numbers that PyTorch puts into memory that has gaps or another
        order. For complex dtypes the deviation is that of the two parts together.

        Raises RuntimeError for a negative deviation, NotImplementedError for a dtype that is not
        floating or complex.
        """
        if not std >= 0.0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        name, shape = name_of(dtype), checked_shape(shape)
        if name in PARTS:
            parts = self.normal(mean, std / math.sqrt(2), (*shape, 2), PARTS[name], contiguous)
            return _as_complex(parts)
        if name not in DIGITS:
            raise not_implemented("normal_kernel_cpu", name)
        count = math.prod(shape)
        if count < BLOCK or not contiguous:
            values: NDArray[Any] = fused_multiply_add(self._normals(count), std, mean)
        elif name == "float64":
            values = self._normal_blocks(self._doubles, count, count, mean, std)
        else:
            mean, std = float(np.float32(mean)), float(np.float32(std))
            # Narrower dtypes are made a block at a time: the rest of a block is never drawn.
            drawn = count if name == "float32" else count - count % BLOCK
            values = self._normal_blocks(self._singles, count, drawn, mean, std)
        return stored(values, name, dtype).reshape(shape)

    def _normal_blocks(
        self, draw: Callable[[int], NDArray[Any]], count: int, drawn: int, mean: float, std: float
    ) -> NDArray[Any]:
        """`count` normal samples, 16 from each 16 of the `drawn` uniforms.

        If the last samples fill no block, the last 16 are made of 16 uniforms more.
        """
        whole = count - count % BLOCK
        uniforms = draw(drawn)
        if whole == count:
            return blocks(uniforms, mean, std)
        values = blocks(np.concatenate((uniforms[:whole], draw(BLOCK))), mean, std)
        result = np.empty(count, dtype=values.dtype)
        result[:whole] = values[:whole]
        result[-BLOCK:] = values[whole:]
        return result

    def normal_each(self, mean: float | NDArray[Any], std: float | NDArray[Any]) -> NDArray[Any]:
        """Normal numbers with a mean or a deviation for each: `torch.normal` of tensors.

        The two are broadcast. The result has the dtype of the means if they are an array, else
        that of the deviations.

        Raises RuntimeError for a negative deviation, or shapes that do not broadcast.
        """
        if isinstance(std, np.ndarray):
            if std.dtype.kind == "c":
                raise RuntimeError("normal expects standard deviation to be non-complex")
            if std.size and not bool(np.min(std) >= 0):
                raise RuntimeError("normal expects all elements of std >= 0.0")
        elif not std >= 0.0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        dtype = mean.dtype if isinstance(mean, np.ndarray) else np.asarray(std).dtype
        shape = broadcast_shape(np.shape(mean), np.shape(std))
        if isinstance(std, np.ndarray):
            result = self.normal(0.0, 1.0, shape, dtype)
            np.multiply(result, _operand(std, result), out=result, casting="same_kind")
        else:
            result = self.normal(0.0, std, shape, dtype)
        np.add(result, _operand(mean, result), out=result, casting="same_kind")
        return result

    def exponential(self, rate: float, shape: Shape, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Numbers of the exponential distribution with this rate (lambda).

        Raises RuntimeError for a rate that is not positive, or a dtype that is not floating.
        """
        name, shape = name_of(dtype), checked_shape(shape)
        if not rate > 0.0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
        if name not in DIGITS:
            raise RuntimeError(
                "Exponential distribution is a continuous probability distribution. dtype must be "
                f"a floating point but you specified {SCALAR_TYPES[name][0]}"
            )
        uniforms = self._doubles(math.prod(shape))
        values = (-1.0 / rate) * mapped(math.log1p, -uniforms)
        return stored(values, name, dtype).reshape(shape)

    def cauchy(
        self, median: float, sigma: float, shape: Shape, dtype: DTypeLike = np.float32
    ) -> NDArray[Any]:
        """Numbers of the Cauchy distribution.

        Raises RuntimeError for a scale that is not positive, or a dtype that is not floating.
        """
        name, shape = name_of(dtype), checked_shape(shape)
        if not sigma > 0.0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        if name not in DIGITS:
            raise RuntimeError(
                "Cauchy distribution is a continuous probability distribution. dtype must be a "
                f"floating point but you specified {SCALAR_TYPES[name][1]}"
            )
        uniforms = self._doubles(math.prod(shape))
        values = fused_multiply_add(mapped(math.tan, math.pi * (uniforms - 0.5)), sigma, median)
        return stored(values, name, dtype).reshape(shape)

    def log_normal(
        self, mean: float, std: float, shape: Shape, dtype: DTypeLike = np.float32
    ) -> NDArray[Any]:
        """Numbers whose logarithms are normal with this mean and deviation.

        Raises RuntimeError for a deviation that is not positive, NotImplementedError for a dtype
        that is not floating.
        """
        name, shape = name_of(dtype), checked_shape(shape)
        if not std > 0.0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
        if name not in DIGITS:
            raise not_implemented("log_normal_cpu", name)
        logarithms = fused_multiply_add(self._normals(math.prod(shape)), std, mean)
        values = mapped(math.exp, np.minimum(logarithms, _LARGEST_EXPONENT))
        values[logarithms > _LARGEST_EXPONENT] = np.inf
        return stored(values, name, dtype).reshape(shape)

    # Discrete distributions

    def bernoulli(
        self,
        p: float | NDArray[Any],
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
    ) -> NDArray[Any]:
        """Ones with probability `p`, else zeros.

        `p` is one number for all, or an array with a probability for each (broadcast to `shape` if
        there is one). The dtype is that of the array, or float32. A float64 array draws 53 bits
        an element, other arrays 24; one number draws 53.

        Raises RuntimeError for a probability outside [0, 1].
        """
        if isinstance(p, np.ndarray):
            return self._bernoulli_each(p, shape, p.dtype if dtype is None else dtype)
        if not 0.0 <= p <= 1.0:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        dtype = np.float32 if dtype is None else dtype
        name, shape = name_of(dtype), checked_shape(() if shape is None else shape)
        if name in PARTS:
            raise not_implemented("bernoulli_scalar_cpu_", name)
        return (self._doubles(math.prod(shape)) < p).astype(storage(dtype)).reshape(shape)

    def _bernoulli_each(
        self, p: NDArray[Any], shape: Shape | None, dtype: DTypeLike
    ) -> NDArray[Any]:
        if name_of(p.dtype) not in DIGITS:
            whose = "self" if p.dtype.kind == "c" else "p"
            raise not_implemented(f"bernoulli_tensor_cpu_{whose}_", name_of(p.dtype))
        wide: NDArray[Any] = p if p.dtype == np.float64 else p.astype(np.float32)
        if not bool(np.all((wide >= 0) & (wide <= 1))):
            raise RuntimeError(
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
                "message be improved?  If so, please report an enhancement request to PyTorch.)"
            )
        wide = np.broadcast_to(wide, p.shape if shape is None else checked_shape(shape))
        draws: NDArray[Any] = (
            self._doubles(wide.size) if wide.dtype == np.float64 else self._singles(wide.size)
        )
        return (draws.reshape(wide.shape) < wide).astype(storage(dtype))

    def dropout_mask(self, p: float, shape: Shape, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """What `dropout` multiplies with: 0 with probability `p`, else `1 / (1 - p)`.

        Nothing is drawn when `p` is 0 or 1. Raises ValueError for a `p` outside [0, 1].
        """
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        shape = checked_shape(shape)
        if p in (0.0, 1.0):
            return np.full(shape, 1.0 - p, dtype=storage(dtype))
        name = name_of(dtype)
        if name in PARTS:
            raise not_implemented("bernoulli_scalar_cpu_", name)
        kept = self.bernoulli(1.0 - p, shape, np.float64 if name == "float64" else np.float32)
        kept /= kept.dtype.type(1.0 - p)
        return stored(kept, name, dtype)

    def geometric(self, p: float, shape: Shape, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """How many trials of probability `p` it takes until one succeeds.

        Raises RuntimeError for a `p` outside (0, 1), NotImplementedError for bool and complex.
        """
        if not 0.0 < p < 1.0:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        name, shape = name_of(dtype), checked_shape(shape)
        if name == "bool" or name in PARTS:
            raise not_implemented("geometric_cpu", name)
        uniforms = self._doubles(math.prod(shape))
        zero = uniforms == 0
        uniforms[zero] = 1
        logarithms = mapped(math.log, uniforms)
        logarithms[zero] = -np.inf
        values = np.ceil(logarithms / math.log1p(-p))
        return stored(values, name, dtype).reshape(shape)

    def randint(
        self, low: int, high: int, shape: Shape, dtype: DTypeLike = np.int64
    ) -> NDArray[Any]:
        """Whole numbers from `low` to `high - 1`.

        Raises RuntimeError for an empty range or one that the dtype cannot hold, ValueError for
        bounds outside the 64-bit integers.
        """
        name, shape = name_of(dtype), checked_shape(shape)
        if not INT64_MIN <= low <= INT64_MAX or not INT64_MIN <= high <= INT64_MAX:
            raise ValueError("Overflow when unpacking long long")
        check_order("random_ expects 'from' to be less than 'to'", low, high)
        if name in DIGITS:
            low, high = rounded_up(low, name), rounded_down(high, name)
            check_order(
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype",
                low,
                high,
            )
        check_held(low, high - 1, name)
        return self._integers(low, high - low, shape, name, dtype)

    def random(
        self, shape: Shape, dtype: DTypeLike = np.int64, low: int | None = None
    ) -> NDArray[Any]:
        """Whole numbers over all that the dtype can tell apart, as `random_()` gives.

        From 0 to the largest number of an integer dtype, to 2**24 for float32 and the like; with
        `low` from there, as `random_(low, None)`.

        Raises NotImplementedError or RuntimeError for the dtypes PyTorch does not serve.
        """
        name, shape = name_of(dtype), checked_shape(shape)
        largest = largest_integer(name)
        if low == INT64_MIN:
            if name not in ("int64", "float64", "float32", "bfloat16"):
                raise RuntimeError(
                    "random_full_64_bits_range_kernel_cpu handles only int64, double, float and "
                    "bfloat16"
                )
            return self._integers(0, 2**64, shape, name, dtype)
        if low is not None:
            if largest is None:
                raise RuntimeError(
                    "random_from_to_impl handles only integral, floating-point and boolean types"
                )
            low = rounded_up(low, name) if name in DIGITS else low
            check_held(low, largest, name)
            return self._integers(low, largest - low + 1, shape, name, dtype)
        if largest is None or name in ("uint16", "uint32", "uint64"):
            raise not_implemented("random_kernel_cpu", name)
        wide = name in ("int64", "float64")
        return self._integers(0, largest + 1, shape, name, dtype, wide=wide)

    def _integers(
        self,
        base: int,
        span: int,
        shape: tuple[int, ...],
        name: str,
        dtype: DTypeLike,
        wide: bool | None = None,
    ) -> NDArray[Any]:
        """Whole numbers from `base` to `base + span - 1`, by draws of 64 bits if `wide`."""
        count = math.prod(shape)
        if span >= _WIDE_RANGE if wide is None else wide:
            draws = self._long_words(count)
            if span < 2**64:
                draws %= np.uint64(span)
        else:
            words = self._words(count)
            words %= np.uint32(span)
            draws = words.astype(np.uint64)
        draws += np.uint64(base % 2**64)  # wraps, as two's complement does
        return stored(draws.view(np.int64), name, dtype).reshape(shape)

    def randperm(self, n: int, dtype: DTypeLike = np.int64) -> NDArray[Any]:
        """The numbers from 0 to `n - 1` in random order.

        Raises RuntimeError for a negative `n` or one that the dtype cannot hold,
        NotImplementedError for a dtype that PyTorch does not serve.
        """
        name, (n,) = name_of(dtype), checked_shape(n)
        check_permutation(n, name)
        if n == 0:
            return np.empty(0, dtype=storage(dtype))
        if n < _LONG_PERMUTATION:
            steps = np.arange(n - 1, dtype=np.int64)
            places = steps + self._words(steps.size) % (n - steps).astype(np.uint32)
            return stored(shuffle.swapped(places), name, dtype)
        draws = self._long_words(n)
        draws %= np.arange(1, n + 1, dtype=np.uint64)
        return stored(shuffle.inserted(draws.view(np.int64)), name, dtype)

    def multinomial(
        self, weights: NDArray[Any], count: int, replacement: bool = False
    ) -> NDArray[np.int64]:
        """Indices drawn with these weights: `count` of them from each row (or from one row).

        Without replacement, weights of zero that have to be taken all the same come in the order of
        their indices; PyTorch's order there is that of a partial sort.

        Raises RuntimeError for weights or a count that make no distribution.
        """
        name = name_of(weights.dtype)
        check_multinomial(weights, name, count, replacement)
        if weights.ndim == 2 and weights.shape[0] == 0:
            return np.empty((0, count), dtype=np.int64)
        if replacement and count > 1:
            return self._multinomial_with_replacement(weights, name, count)
        # The largest of weight / exponential noise is an index drawn with those weights.
        transposed = weights.ndim == 2 and not weights.flags.c_contiguous
        transposed = transposed and weights.flags.f_contiguous
        noise = self.exponential(
            1.0, weights.shape[::-1] if transposed else weights.shape, weights.dtype
        )
        with np.errstate(divide="ignore", over="ignore"):
            scores = weights / (noise.T if transposed else noise)
        if count == 1:
            best: NDArray[np.int64] = np.argmax(scores, axis=-1, keepdims=True)
            return best
        order: NDArray[np.int64] = np.argsort(-scores, axis=-1, kind="stable")[..., :count]
        return np.ascontiguousarray(order)

    def _multinomial_with_replacement(
        self, weights: NDArray[Any], name: str, count: int
    ) -> NDArray[np.int64]:
        rows = weights.reshape(-1, weights.shape[-1])
        wide = rows.astype(np.float64 if name == "float64" else np.float32)
        # Cumulative sums in the weights' own precision, one after another, as PyTorch adds them.
        limits = np.add.accumulate(wide, axis=1)
        limits /= limits[:, -1:].copy()
        limits[:, -1] = 1
        uniforms = self._doubles(len(rows) * count).reshape(len(rows), count)
        result = np.empty((len(rows), count), dtype=np.int64)
        for row, limit in enumerate(limits.astype(np.float64)):
            result[row] = np.searchsorted(limit, uniforms[row], side="left")
        return result.reshape(*weights.shape[:-1], count)


default_generator: Final = Generator()
"""The generator that is used where none is named."""


def manual_seed(seed: int) -> Generator:
    """Start the default generator from `seed`; ValueError outside -2**63 ... 2**64 - 1."""
    return default_generator.manual_seed(seed)


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def _operand(value: float | NDArray[Any], result: NDArray[Any]) -> float | NDArray[Any]:
    """The value; if it has no dimensions, in the precision that the result's dtype is worked in."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and result.ndim:
        return value.astype(np.float32 if result.dtype in HALVES else result.dtype)
    return value


def _as_complex(parts: NDArray[Any]) -> NDArray[Any]:
    return parts.view(np.complex64 if parts.dtype == np.float32 else np.complex128)[..., 0]
