"""Element types under PyTorch's names, and PyTorch's promotion among them.

Rules: https://docs.pytorch.org/docs/stable/tensor_attributes.html (type promotion). They differ
from numpy's: an integer never widens a float (int64 with float16 is float16), a zero-dim tensor
gives way to one with dimensions of the same or a higher category, a Python number to both.

numpy has no bfloat16. Its storage comes from ml_dtypes, which is imported when an array of that
type is first made; numpy says of such a type only that it is no kind of its own, so what an
element type is, is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

BOOL, INTEGER, FLOAT, COMPLEX = range(4)


_C_NAMES = {
    "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int",
    "int64": "long int", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float",
    "float64": "double", "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


class DType:
    """An element type: `name` is PyTorch's, `numpy` the storage type, `category` its rank.

    With no storage given, `numpy` is found when it is first asked for.
    """

    __slots__ = ("category", "name", "numpy", "type_name")

    def __init__(self, name: str, storage: DTypeLike | None, category: int, type_name: str) -> None:
        self.name = name
        self.numpy: np.dtype[Any]
        if storage is not None:
            self.numpy = np.dtype(storage)
        self.category = category
        self.type_name = type_name

    def __getattr__(self, attribute: str) -> Any:
        # only asked for an attribute that is not set
        if attribute != "numpy" or self.name != "bfloat16":
            raise AttributeError(f"'DType' object has no attribute '{attribute}'")
        self.numpy = _bfloat16_storage()
        _keep(self)
        return self.numpy

    @property
    def is_floating_point(self) -> bool:
        """True for the real floating types."""
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        """True for the complex types."""
        return self.category == COMPLEX

    @property
    def tensor_class(self) -> str:
        """How PyTorch's older messages name a tensor of this type."""
        if self.category in (BOOL, COMPLEX) or self.name == "bfloat16":
            return f"CPU{self.type_name}Type"
        return f"torch.{self.type_name}Tensor"

    @property
    def c_name(self) -> str:
        """How some of PyTorch's messages name it: its type in C++."""
        return _C_NAMES.get(self.name, self.name)

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return self.numpy.itemsize

    @property
    def finfo(self) -> FloatLimits:
        """Its limits; of a complex type those of its parts."""
        return FloatLimits(self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class FloatLimits:
    """What a floating type can hold, as PyTorch's `finfo` tells it, in Python's numbers."""

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, dtype: DType) -> None:
        found: Any
        if dtype is bfloat16:
            from ml_dtypes import finfo

            found = finfo(dtype.numpy)  # type: ignore[no-untyped-call]
        else:
            found = np.finfo(dtype.numpy)
        self.bits = int(found.bits)
        self.dtype = str(found.dtype)
        self.eps = float(found.eps)
        self.max = float(found.max)
        self.min = float(found.min)
        self.resolution = float(f"{float(found.resolution):.0e}")
        self.smallest_normal = self.tiny = float(found.smallest_normal)

    def __repr__(self) -> str:
        told = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        numbers = ", ".join([f"{name}={getattr(self, name):g}" for name in told])
        return f"finfo({numbers}, dtype={self.dtype})"


uint8 = DType("uint8", np.uint8, INTEGER, "Byte")
int8 = DType("int8", np.int8, INTEGER, "Char")
int16 = DType("int16", np.int16, INTEGER, "Short")
int32 = DType("int32", np.int32, INTEGER, "Int")
int64 = DType("int64", np.int64, INTEGER, "Long")
float16 = DType("float16", np.float16, FLOAT, "Half")
bfloat16 = DType("bfloat16", None, FLOAT, "BFloat16")
float32 = DType("float32", np.float32, FLOAT, "Float")
float64 = DType("float64", np.float64, FLOAT, "Double")
complex64 = DType("complex64", np.complex64, COMPLEX, "ComplexFloat")
complex128 = DType("complex128", np.complex128, COMPLEX, "ComplexDouble")
boolean = DType("bool", np.bool_, BOOL, "Bool")

DTYPES: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (
        uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64,
        complex128, boolean,
    )
}  # fmt: skip
ALIASES: dict[str, DType] = {
    "half": float16,
    "float": float32,
    "double": float64,
    "short": int16,
    "int": int32,
    "long": int64,
    "cfloat": complex64,
    "cdouble": complex128,
}
FROM_NUMPY: dict[np.dtype[Any], DType] = {}
CATEGORY: dict[np.dtype[Any], int] = {}
HALVES: set[np.dtype[Any]] = set()
"""The types whose arithmetic is done in single precision and rounded."""
RANK_BESIDE_NUMBER: dict[np.dtype[Any], int] = {}
"""The category up to which a number is taken in the type itself: none beside half precision."""


def _keep(dtype: DType) -> None:
    """Enter a type whose storage is known into the tables."""
    storage = dtype.numpy
    FROM_NUMPY[storage] = dtype
    CATEGORY[storage] = RANK_BESIDE_NUMBER[storage] = dtype.category
    if dtype in (float16, bfloat16):
        HALVES.add(storage)
        RANK_BESIDE_NUMBER[storage] = -1


def _bfloat16_storage() -> np.dtype[Any]:
    """The numpy type of bfloat16; ImportError, with what to install, where it is missing."""
    try:
        from ml_dtypes import bfloat16 as storage  # an extra, imported when it is needed
    except ImportError:
        error = ImportError("bfloat16 needs ml_dtypes, which is not installed")
        error.add_note('install it: pip install "gradsh[bfloat16]"')
        raise error from None
    found: np.dtype[Any] = np.dtype(storage)
    return found


for _dtype in DTYPES.values():
    if _dtype is not bfloat16:
        _keep(_dtype)

_COMPLEX_OF = {float16: complex64, bfloat16: complex64, float32: complex64, float64: complex128}
NUMBER_CATEGORY: dict[type, int] = {bool: BOOL, int: INTEGER, float: FLOAT, complex: COMPLEX}


class Defaults:
    """The default floating type of literals and creation functions (`set default_dtype`)."""

    __slots__ = ("floating",)

    def __init__(self) -> None:
        self.floating = float32

    @property
    def complex(self) -> DType:
        """The complex type whose parts have the default floating type."""
        return _COMPLEX_OF[self.floating]

    def of_category(self, category: int) -> DType:
        """The type a Python number of `category` has when nothing else decides."""
        if category == FLOAT:
            return self.floating
        if category == COMPLEX:
            return self.complex
        return int64 if category == INTEGER else boolean


DEFAULTS = Defaults()


def set_default_dtype(dtype: DType) -> None:
    """Make `dtype` (a floating type) the default; TypeError otherwise, in PyTorch's words."""
    if dtype.category != FLOAT:
        raise TypeError("only floating-point types are supported as the default type")
    DEFAULTS.floating = dtype


def dtype_of(storage: np.dtype[Any]) -> DType:
    """The DType stored as `storage`; TypeError when there is none."""
    if storage.name == "bfloat16":
        assert bfloat16.numpy is storage
    try:
        return FROM_NUMPY[storage]
    except KeyError:
        raise TypeError(f"can't convert numpy arrays of type {storage} to a tensor") from None


def is_floating(storage: np.dtype[Any]) -> bool:
    """Whether what is stored as `storage` is real and floating."""
    return CATEGORY.get(storage) == FLOAT


def is_bfloat16(storage: np.dtype[Any]) -> bool:
    """Whether `storage` is bfloat16's: PyTorch's kernels for it may round elsewhere."""
    return FROM_NUMPY.get(storage) is bfloat16


def is_inexact(storage: np.dtype[Any]) -> bool:
    """Whether what is stored as `storage` is floating or complex: only such has a gradient."""
    return CATEGORY.get(storage, BOOL) >= FLOAT


def promote(a: DType, b: DType) -> DType:
    """The type that holds both, as `torch.promote_types`."""
    if a is b:
        return a
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        if high.category == COMPLEX and low is float64:
            return complex128
        return high
    if bfloat16 in (a, b):
        other = b if a is bfloat16 else a
        return float32 if other is float16 else other
    return FROM_NUMPY[np.promote_types(a.numpy, b.numpy)]


def result_type(operands: Iterable[tuple[DType | type, bool]]) -> DType:
    """The common type of operands given as (dtype, is zero-dim) or (type of a Python number, _).

    Dimensioned tensors decide within their category; a zero-dim tensor counts only when its
    category is higher, a Python number only when its is higher than both.
    """
    dimensioned: DType | None = None
    zero_dim: DType | None = None
    number: DType | None = None
    for dtype, is_zero_dim in operands:
        if not isinstance(dtype, DType):
            wrapped = DEFAULTS.of_category(NUMBER_CATEGORY[dtype])
            number = wrapped if number is None else promote(number, wrapped)
        elif is_zero_dim:
            zero_dim = dtype if zero_dim is None else promote(zero_dim, dtype)
        else:
            dimensioned = dtype if dimensioned is None else promote(dimensioned, dtype)
    result = dimensioned
    for lower in (zero_dim, number):
        if lower is None:
            continue
        if result is None:
            result = lower
        elif lower.category > result.category:
            result = _raise_category(result, lower)
    assert result is not None
    return result


def _raise_category(strong: DType, weak: DType) -> DType:
    """`weak`'s category wins; its width too, unless a strong float fixes a weak complex's."""
    if weak.category == COMPLEX and strong.category == FLOAT:
        return promote(_COMPLEX_OF[strong], _COMPLEX_OF[strong])
    return weak
