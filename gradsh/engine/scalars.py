"""Python numbers as operands: small constant arrays, kept, because making one costs as much as
the operation on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.dtypes import (
    CATEGORY,
    DEFAULTS,
    FROM_NUMPY,
    HALVES,
    NUMBER_CATEGORY,
    is_floating,
)
from gradsh.engine.tensor import Tensor, new_tensor

Array = np.ndarray[Any, np.dtype[Any]]
Kept = dict[type, dict[np.dtype[Any], dict[Any, Array]]]

_KEPT: Kept = {kind: {storage: {} for storage in CATEGORY} for kind in NUMBER_CATEGORY}
_MOST_KEPT = 4096


def kept_beside(ranks: dict[np.dtype[Any], int]) -> Kept:
    """What `number_array` keeps, by the kind of number and the type of the array that it meets.

    Only pairs are there that are computed in the array's type: where `ranks` has at least the
    number's category.
    """
    return {
        kind: {
            storage: arrays for storage, arrays in _KEPT[kind].items() if category <= ranks[storage]
        }
        for kind, category in NUMBER_CATEGORY.items()
    }


def number_array(value: Any, dtype: np.dtype[Any]) -> Array:
    """`value` as a read-only zero-dim array of `dtype`; integers wrap around as PyTorch's do."""
    kept = _KEPT[type(value)].setdefault(dtype, {}) if type(value) in _KEPT else None
    if kept is not None and value in kept:
        return kept[value]
    try:
        array = np.asarray(value).astype(dtype) if dtype.kind in "iu" else np.array(value, dtype)
    except OverflowError:
        raise OverflowError("int too big to convert") from None
    if array.dtype == object:
        raise OverflowError("int too big to convert")
    array.flags.writeable = False
    # nan never matches itself, and 0.0 would match -0.0
    if kept is not None and value == value and (value != 0 or type(value) in (int, bool)):
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[value] = array
    return array


_C_NAMES = {
    "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
    "float16": "at::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
}  # fmt: skip


def stored_number(value: Any, storage: np.dtype[Any], by_name: bool = False) -> Array:
    """`value` as it is written into elements of type `storage`.

    Fractions are cut off and negative numbers wrap around in unsigned types; RuntimeError for
    what is too large, ValueError for an integer beyond 64 bits, in PyTorch's words (which call
    the half precision that a complex number does not fit into double, unless `by_name`).
    """
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise ValueError("Overflow when unpacking long long")
    if not _is_held(value, storage):
        name = storage.name
        if type(value) is complex and storage in HALVES:
            name = FROM_NUMPY[storage].c_name if by_name else "double"
        raise RuntimeError(
            f"value cannot be converted to type {_C_NAMES.get(name, name)} without overflow"
        )
    if storage.kind in "iu" and type(value) is float:
        value = int(value)
    return np.asarray(value).astype(storage)


def _is_held(value: Any, storage: np.dtype[Any]) -> bool:
    if storage.kind in "bc" or type(value) is bool:
        return True
    if type(value) is complex:
        if value.imag != 0:
            return False
        value = value.real
    if is_floating(storage):
        return bool(not np.isfinite(value) or abs(value) <= FROM_NUMPY[storage].finfo.max)
    bounds = np.iinfo(storage)
    wraps = storage.kind == "u" and type(value) is int
    lowest = -bounds.max if wraps else bounds.min
    return bool(np.isfinite(value) and lowest <= value <= bounds.max)


def number_tensor(value: bool | complex) -> Tensor:
    """A Python number as a zero-dim tensor of its default type."""
    dtype = DEFAULTS.of_category(NUMBER_CATEGORY[type(value)])
    return new_tensor(number_array(value, dtype.numpy).copy())


_CONSTANTS: dict[int, Tensor] = {}


def number_constant(array: Array) -> Tensor:
    """The tensor over an array that `number_array` keeps (or a fresh one for another)."""
    constant = _CONSTANTS.get(id(array))
    if constant is None or constant.array is not array:
        if len(_CONSTANTS) >= _MOST_KEPT:
            _CONSTANTS.clear()
        constant = _CONSTANTS[id(array)] = new_tensor(array)
    return constant
