"""Whether tensors are equal or nearly so, and which elements are infinite or among others."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import Operand, check_tensors
from gradsh.engine.derivative import linear, pointwise
from gradsh.engine.dtypes import (
    FLOAT,
    FROM_NUMPY,
    INTEGER,
    NUMBER_CATEGORY,
    is_inexact,
    result_type,
)
from gradsh.engine.op import composite
from gradsh.engine.precision import single
from gradsh.engine.tensor import Tensor, new_tensor


def _check_infinity(name: str, input: Any) -> None:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name} does not support complex inputs.")


@pointwise(result="bool", in_place=False, numbers="none")
def isposinf(input):
    """Where input is positive infinity.

    isposinf(tensor([1.0, nan, inf, -inf]))
    isposinf(randn(3, 4))
    """
    _check_infinity("isposinf", input)
    return np.equal(input, np.inf)


@pointwise(result="bool", in_place=False, numbers="none")
def isneginf(input):
    """Where input is negative infinity.

    isneginf(tensor([1.0, nan, inf, -inf]))
    isneginf(randn(3, 4))
    """
    _check_infinity("isneginf", input)
    return np.equal(input, -np.inf)


@linear()
def isclose(
    input: Operand,
    other: Operand,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
):
    """Where input is equal to other up to atol + rtol * abs(other).

    With equal_nan one nan is close to another.

    isclose(tensor([1.0, 2.0, nan, inf]), tensor([1.0000001, 2.1, nan, inf]))
    isclose(tensor([1.0, nan]), tensor([1.05, nan]), 0.1, 0.0, true)
    isclose(randn(3, 4), randn(4), rtol=0.5, atol=0.2)
    """
    if input.dtype is not other.dtype:
        names = (FROM_NUMPY[array.dtype].type_name for array in (input, other))
        raise RuntimeError(" did not match ".join(names))
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise RuntimeError(
                f"{name} must be greater than or equal to zero, but got {tolerance:g}"
            )
    check_broadcast(input.shape, other.shape)
    close = np.equal(input, other)
    if equal_nan and is_inexact(input.dtype):
        close = close | (np.isnan(input) & np.isnan(other))
    if rtol == 0 and atol == 0:
        return close
    a, b = single(input), single(other)
    if a.dtype.kind in "iub":
        a, b = a.astype(np.float32), b.astype(np.float32)
    allowed = atol + np.abs(a.real.dtype.type(rtol) * b)
    error = np.abs(a - b)
    return close | (np.isfinite(error) & (error <= allowed))


@composite()
def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are equal up to atol + rtol * abs(other).

    allclose(randn(3, 4), randn(3, 4))
    allclose(tensor([1.0, 2.0]), tensor([1.001, 2.0]), atol=0.01)
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


@composite()
def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and the same elements.

    equal(tensor([1, 2]), tensor([1, 2]))
    equal(randn(3, 4), randn(3, 4))
    equal(randn(3, 4), randn(4))
    """
    check_tensors("equal", input=input, other=other)
    return bool(np.array_equal(input.array, other.array))


@composite(method=False)
def isin(
    elements: Any = None,
    test_elements: Any = None,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    element: Any = None,
    test_element: Any = None,
) -> Any:
    """Which elements are among test_elements, or with invert, which are not.

    isin(tensor([1, 2, 3]), tensor([2, 3, 5]))
    isin(tensor([[1, 2], [3, 4]]), 2, invert=true)
    isin(randn(3, 4), randn(4), assume_unique=false)
    isin(tensor([1, 2, 3]), test_element=2)
    isin(element=2, test_elements=tensor([1, 2, 3]))
    """
    values = (
        element if elements is None else elements,
        test_element if test_elements is None else test_elements,
    )
    kinds = [type(value) for value in values]
    if Tensor not in kinds or not all(k is Tensor or k in NUMBER_CATEGORY for k in kinds):
        raise TypeError(
            "isin() received an invalid combination of arguments - got "
            f"({', '.join(kind.__name__ for kind in kinds)})"
        )
    common = result_type(
        [(x.dtype, x.ndim == 0) if type(x) is Tensor else (type(x), True) for x in values]
    )
    for x in values:
        held = x.dtype if type(x) is Tensor else result_type([(type(x), True)])
        if held.category not in (INTEGER, FLOAT):
            raise RuntimeError(f"Unsupported input type encountered for isin(): {held.type_name}")
    first, second = (
        np.asarray(x.array if type(x) is Tensor else x).astype(common.numpy) for x in values
    )
    return new_tensor(np.isin(first, second, invert=invert))
