"""Questions about element types, and PyTorch's name of a tensor's type."""

from __future__ import annotations

from typing import Any

from gradsh.engine.arguments import dtype as read_dtype
from gradsh.engine.arguments import refuse, type_name
from gradsh.engine.dtypes import DEFAULTS, NUMBER_CATEGORY, DType, FloatLimits, promote
from gradsh.engine.dtypes import result_type as common_type
from gradsh.engine.op import METHODS, composite
from gradsh.engine.ops.shape import to
from gradsh.engine.tensor import Tensor


def _read(value: Any, function: str, name: str, position: int) -> DType:
    dtype = read_dtype(value, function, name, position)
    if dtype is None:
        raise refuse(function, name, position, "torch.dtype", value)
    return dtype


@composite(method=False)
def promote_types(type1: Any, type2: Any) -> DType:
    """The smallest element type that holds what two hold.

    promote_types(float16, int64)
    promote_types(int8, uint8)
    promote_types(float64, complex64)
    """
    name = "promote_types"
    return promote(_read(type1, name, "type1", 1), _read(type2, name, "type2", 2))


@composite(method=False)
def result_type(tensor: Any, other: Any) -> DType:
    """The element type of what is computed of two tensors or numbers.

    result_type(randn(3), 2)
    result_type(tensor([1, 2]), 2.5)
    """
    for position, (name, value) in enumerate((("tensor", tensor), ("other", other)), 1):
        if not isinstance(value, Tensor) and type(value) not in NUMBER_CATEGORY:
            raise refuse("result_type", name, position, "Tensor", value)
    return common_type(
        (x.dtype, not x.ndim) if isinstance(x, Tensor) else (type(x), True) for x in (tensor, other)
    )


@composite(method=False)
def can_cast(from_: Any, to: Any) -> bool:
    """Whether PyTorch lets what has one element type be written into another.

    can_cast(float64, float16)
    can_cast(float32, int64)
    """
    first, second = _read(from_, "can_cast", "from_", 1), _read(to, "can_cast", "to", 2)
    return first.category <= second.category


@composite(method=False)
def finfo(type: Any = None) -> FloatLimits:
    """The limits of a floating type: its max, min, eps, smallest_normal, resolution and bits.

    finfo(float32)
    finfo(float16)
    finfo(complex128)
    """
    dtype = read_dtype(type, "finfo", "type", 1) or DEFAULTS.floating
    if not (dtype.is_floating_point or dtype.is_complex):
        raise TypeError(
            "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
            "'torch.finfo'"
        )
    return dtype.finfo


@composite(method=False)
def get_default_dtype() -> DType:
    """The element type of literals with a point and of created tensors.

    `set default_dtype float64` sets it.

    get_default_dtype()
    """
    return DEFAULTS.floating


def _type(input: Tensor, dtype: Any = None) -> Any:
    """PyTorch's name of the type; with a dtype, input in that type."""
    if dtype is None:
        return f"torch.{input.dtype.type_name}Tensor"
    if not isinstance(dtype, DType):
        raise TypeError(f"dtype must be a dtype object, not {type_name(dtype)}")
    return to(input, dtype)


METHODS["type"] = _type
