"""What PyTorch's samplers accept, and what they say of the rest: shapes, dtypes, bounds.

The messages are PyTorch's, 2.13.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Shape = int | Sequence[int]

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

# How PyTorch writes a dtype in its messages: as a scalar type, and as a C++ type.
SCALAR_TYPES: Final = {
    "bool": ("Bool", "bool"),
    "uint8": ("Byte", "unsigned char"),
    "int8": ("Char", "signed char"),
    "int16": ("Short", "short"),
    "int32": ("Int", "int"),
    "int64": ("Long", "long int"),
    "uint16": ("UInt16", "short unsigned int"),
    "uint32": ("UInt32", "unsigned int"),
    "uint64": ("UInt64", "long unsigned int"),
    "float16": ("Half", "c10::Half"),
    "bfloat16": ("BFloat16", "c10::BFloat16"),
    "float32": ("Float", "float"),
    "float64": ("Double", "double"),
    "complex64": ("ComplexFloat", "c10::complex<float>"),
    "complex128": ("ComplexDouble", "c10::complex<double>"),
}
# The bits of a floating-point significand, the hidden one included.
DIGITS: Final = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_LARGEST: Final = {
    "float16": 65504.0,
    "bfloat16": 0xFF * 2.0**120,
    "float32": 0xFFFFFF * 2.0**104,
    "float64": sys.float_info.max,
}
PARTS: Final = {"complex64": "float32", "complex128": "float64"}


def checked_shape(shape: Shape) -> tuple[int, ...]:
    """The sizes as a tuple; RuntimeError if one is negative."""
    sizes = (shape,) if isinstance(shape, int) else tuple(int(size) for size in shape)
    for size in sizes:
        if size < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {size}: {list(sizes)}"
            )
    return sizes


def broadcast_shape(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that two shapes broadcast to; RuntimeError if they do not."""
    longest = max(len(first), len(second))
    for axis, (a, b) in enumerate(
        zip(((1,) * longest + first)[-longest:], ((1,) * longest + second)[-longest:], strict=True)
        if longest
        else ()
    ):
        if a != b and 1 not in (a, b):
            raise RuntimeError(
                f"The size of tensor a ({a}) must match the size of tensor b ({b}) at "
                f"non-singleton dimension {axis}"
            )
    return np.broadcast_shapes(first, second)


def name_of(dtype: DTypeLike) -> str:
    """The name of a dtype, numpy's or bfloat16."""
    return "bfloat16" if isinstance(dtype, str) and dtype == "bfloat16" else np.dtype(dtype).name


def storage(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of the arrays that hold numbers of a dtype."""
    return np.dtype(np.float32 if isinstance(dtype, str) and dtype == "bfloat16" else dtype)


def stored(values: NDArray[Any], name: str, dtype: DTypeLike) -> NDArray[Any]:
    """The values in the array that is given out, rounded as PyTorch's casts round."""
    target = storage(dtype)
    if values.dtype == target and name != "bfloat16":
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        if name in ("float16", "bfloat16"):
            values = values.astype(np.float32)  # float64 is rounded twice, as there
        if name == "bfloat16":
            bits: NDArray[Any] = values.view(np.uint32)
            bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
            values = np.where(np.isfinite(values), bits.view(np.float32), values)
        return values.astype(target, copy=False)


# Ranges of whole numbers


def largest_integer(name: str) -> int | None:
    """The largest number that `random_` gives in a dtype; None for complex ones."""
    if name in DIGITS:
        return 1 << DIGITS[name]
    if name == "bool":
        return 1
    return None if name in PARTS else min(int(np.iinfo(name).max), INT64_MAX)


def _nearest(number: int, name: str) -> int:
    """The integer that the number becomes in a floating dtype; -2**63 if that is too large."""
    values = stored(np.array([min(number, INT64_MAX)], dtype=np.int64), name, name)
    value = float(values[0])
    return int(value) if abs(value) < 2.0**63 else INT64_MIN


def rounded_up(low: int, name: str) -> int:
    """The lower bound, moved up to where rounding cannot take it below `low`."""
    nearest = _nearest(low + 1, name)
    if nearest < low:
        return nearest + (1 << max(abs(low + 1).bit_length() - DIGITS[name], 0))
    return low


def rounded_down(high: int, name: str) -> int:
    """The upper bound, moved down to where rounding cannot take a number up to `high`."""
    nearest = _nearest(high - 1, name)
    if nearest >= high:
        return nearest - (1 << max(abs(high - 1).bit_length() - DIGITS[name], 0))
    return high


# Checks


def not_implemented(kernel: str, name: str) -> NotImplementedError:
    """The error of a kernel that does not serve a dtype."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_TYPES[name][0]}'")


def check_order(expectation: str, low: int, high: int) -> None:
    """Raise RuntimeError unless `low` lies below `high`."""
    if low >= high:
        raise RuntimeError(f"{expectation}, but got from={low} >= to={high}")


def check_held(first: int, last: int, name: str) -> None:
    """Raise RuntimeError unless the dtype holds both ends of a range of whole numbers."""
    if name in PARTS:
        raise RuntimeError(
            "check_random_bounds handles only integral, floating-point and boolean types"
        )
    smallest: float = 0
    largest: float = 1
    if name in DIGITS:
        smallest, largest = -_LARGEST[name], _LARGEST[name]
    elif name != "bool":
        smallest, largest = int(np.iinfo(name).min), min(int(np.iinfo(name).max), INT64_MAX)
    for number, what in ((first, "from"), (last, "to - 1")):
        if not smallest <= number <= largest:
            raise RuntimeError(f"{what} is out of bounds for {SCALAR_TYPES[name][1]}")


def check_uniform_bounds(low: float, high: float, name: str) -> None:
    """Raise RuntimeError for bounds that a uniform distribution cannot have."""
    largest = _LARGEST[name]
    for number, what in ((low, "from"), (high, "to")):
        if not -largest <= number <= largest:
            raise RuntimeError(f"{what} is out of bounds for {SCALAR_TYPES[name][1]}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{SCALAR_TYPES[name][0]}>::max(), "
            f"but found to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def check_permutation(n: int, name: str) -> None:
    """Raise RuntimeError or NotImplementedError unless the dtype can count to `n`."""
    if name in ("bool", "uint16", "uint32", "uint64") or name in PARTS:
        raise not_implemented("randperm", name)
    if name == "float16" and n > 2**11 + 1:
        raise RuntimeError("n cannot be greater than 2049 for Half type.")
    if name == "float32" and n > 2**24 + 1:
        raise RuntimeError("n cannot be greater than 2^24+1 for Float type.")
    if name == "float64" and n > 2**53 + 1:
        raise RuntimeError("n cannot be greater than 2^53+1 for Double type.")
    if name not in DIGITS and n - 1 > np.iinfo(name).max:
        c_name = {"int32": "int", "int64": "int64_t"}.get(name, f"{name}_t")
        raise RuntimeError(f"value cannot be converted to type {c_name} without overflow")


def check_multinomial(weights: NDArray[Any], name: str, count: int, replacement: bool) -> None:
    """Raise RuntimeError unless `count` indices can be drawn with these weights."""
    if not 0 < weights.ndim <= 2:
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if name not in DIGITS:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{SCALAR_TYPES[name][0]}"
        )
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    categories = weights.shape[-1]
    if not replacement and count > categories:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    if categories > 2**24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    if replacement and count > 1:
        _check_rows(np.atleast_2d(weights))
        return
    if weights.size == 0:
        return
    if not bool(np.max(weights) < np.inf) or not bool(np.min(weights) >= 0):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not bool(np.all(np.any(weights > 0, axis=-1))):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def _check_rows(rows: NDArray[Any]) -> None:
    """The errors of PyTorch's loop over rows of weights, which stops at the first it meets."""
    wrong = rows[~((rows >= 0) & np.isfinite(rows))]
    if wrong.size:
        what = "= infinity or NaN" if wrong[0] >= 0 else "< 0"
        raise RuntimeError(
            f"invalid multinomial distribution (encountering probability entry {what})"
        )
    if not bool(np.all(np.any(rows > 0, axis=-1))):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
