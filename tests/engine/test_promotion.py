"""The common type of two operands: every pair of types, as a dimensioned tensor, a zero-dim tensor
or a Python number, under every operator, in place too; gradsh against PyTorch.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, Tensor
from gradsh.engine.dtypes import DTYPES, result_type
from gradsh.engine.tensor import new_tensor

from .oracle import TorchSide, first_line, same, torch

pytestmark = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")

Operand = Any  # (type, shape), or a Python number
FORMS = [(name, shape) for name in DTYPES for shape in ((3,), ())]
NUMBERS = [True, 3, 2.5, 1.5 + 2j]
PAIRS: list[tuple[Operand, Operand]] = [
    *itertools.product(FORMS, FORMS),
    *itertools.product(FORMS, NUMBERS),
    *itertools.product(NUMBERS, FORMS),
]
MASK, PLACES = np.array([True, False, True]), np.array([0, 2])


def _values(operand: Operand) -> Any:
    if not isinstance(operand, tuple):
        return operand
    name, shape = operand
    return np.array([3, 1, 2] if shape else 2).astype(DTYPES[name].numpy)


class _Gradsh:
    """gradsh's functions and tensors."""

    @staticmethod
    def tensor(value: Any) -> Any:
        return new_tensor(value.copy()) if isinstance(value, np.ndarray) else value

    @staticmethod
    def function(name: str) -> Any:
        return FUNCTIONS[name]


class _PyTorch:
    """PyTorch's."""

    @staticmethod
    def tensor(value: Any) -> Any:
        return TorchSide().tensor(value) if isinstance(value, np.ndarray) else value

    @staticmethod
    def function(name: str) -> Any:
        return getattr(torch, name)


def _assigned(tensor: Any, key: Any, value: Any) -> Any:
    tensor[key] = value
    return tensor


def _call(side: Any, name: str) -> Callable[[Any, Any], Any]:
    """What the case `name` does with two operands."""
    at = side.tensor
    special: dict[str, Callable[[Any, Any], Any]] = {
        "where": lambda a, b: side.function("where")(at(MASK), a, b),
        "cat": lambda a, b: side.function("cat")([a, b]),
        "stack": lambda a, b: side.function("stack")([a, b]),
        "copy_": lambda a, b: a.copy_(b),
        "put at indices": lambda a, b: _assigned(a, at(PLACES), b),
        "put at a mask": lambda a, b: _assigned(a, at(MASK), b),
        "put at one place": lambda a, b: _assigned(a, 0, b),
        "put everywhere": lambda a, b: _assigned(a, ..., b),
        "masked_fill": lambda a, b: a.masked_fill(at(MASK), b),
        "index_fill": lambda a, b: a.index_fill(0, at(PLACES), b),
        "clamp from below": lambda a, b: a.clamp(b),
        "clamp from above": lambda a, b: a.clamp(max=b),
        "addcmul": lambda a, b: side.function("addcmul")(a, a, b),
        "div trunc": lambda a, b: side.function("div")(a, b, rounding_mode="trunc"),
        "div floor": lambda a, b: side.function("div")(a, b, rounding_mode="floor"),
    }
    if name in special:
        return special[name]
    if hasattr(operator, name) and name.endswith("__"):
        return getattr(operator, name)  # type: ignore[no-any-return]
    if name.endswith("_"):
        return lambda a, b: getattr(a, name)(b)
    return side.function(name)  # type: ignore[no-any-return]


FUNCTIONS_OF_TWO = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "maximum",
    "minimum",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "logical_and",
    "logical_or",
    "logical_xor",
    "atan2",
    "hypot",
    "xlogy",
    "copysign",
    "logaddexp",
    "heaviside",
    "rsub",
    "where",
    "addcmul",
]
OPERATORS = [
    "__add__",
    "__sub__",
    "__mul__",
    "__truediv__",
    "__floordiv__",
    "__mod__",
    "__pow__",
    "__and__",
    "__or__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__eq__",
    "__ne__",
]
IN_PLACE = [
    "add_",
    "sub_",
    "mul_",
    "div_",
    "floor_divide_",
    "remainder_",
    "fmod_",
    "pow_",
    "eq_",
    "lt_",
    "bitwise_and_",
    "bitwise_or_",
    "bitwise_xor_",
    "bitwise_left_shift_",
    "logical_and_",
    "atan2_",
    "xlogy_",
    "copysign_",
    "heaviside_",
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itruediv__",
    "__ifloordiv__",
    "__imod__",
    "__ipow__",
    "__iand__",
    "__ior__",
    "copy_",
]
INTO_ONE = ["cat", "stack"]
WRITES = [
    "put at indices", "put at a mask", "put at one place", "put everywhere", "masked_fill",
    "index_fill", "clamp from below", "clamp from above", "div trunc", "div floor",
]  # fmt: skip


def _pairs(name: str) -> Iterator[tuple[Operand, Operand]]:
    """The pairs of operands that make sense for the case."""
    for a, b in PAIRS:
        first = isinstance(a, tuple)
        second = isinstance(b, tuple)
        if name in INTO_ONE and not (first and second):
            continue
        if (name in IN_PLACE or name in WRITES or name == "addcmul") and not first:
            continue
        picks = name.startswith(("put at", "masked_fill", "index_fill"))
        if picks and (a[1] == () or (second and b[1] != ())):
            continue
        yield a, b


def _outcome(side: Any, name: str, pair: tuple[Operand, Operand]) -> Any:
    operands = [side.tensor(_values(operand)) for operand in pair]
    try:
        result = _call(side, name)(*operands)
    except TypeError:
        return TypeError
    except Exception as error:  # noqa: BLE001 (compared with the other side's)
        return type(error), first_line(error)
    if not isinstance(result, (Tensor, torch.Tensor)):
        return result
    if str(result.dtype) == "torch.complex32":
        return "ComplexHalf"
    return str(result.dtype), (
        result.array if isinstance(result, Tensor) else TorchSide().array(result)
    )


def _differ(ours: Any, theirs: Any) -> bool:
    if "ComplexHalf" in str(theirs):
        return False  # numpy has no such type
    if isinstance(theirs, tuple) and isinstance(theirs[0], type):
        return bool(ours != theirs)
    return not same(ours, theirs)


@pytest.mark.parametrize("name", [*FUNCTIONS_OF_TWO, *OPERATORS, *IN_PLACE, *INTO_ONE, *WRITES])
def test_types_of_all_pairs(name: str) -> None:
    found = []
    for pair in _pairs(name):
        ours, theirs = _outcome(_Gradsh, name, pair), _outcome(_PyTorch, name, pair)
        if _differ(ours, theirs):
            found.append(f"{pair}\n  gradsh:  {ours}\n  PyTorch: {theirs}")
    assert not found, f"{len(found)} differences\n" + "\n".join(found[:10])


def test_result_type() -> None:
    found = []
    for pair in PAIRS:
        theirs = torch.result_type(*(_PyTorch.tensor(_values(operand)) for operand in pair))
        if theirs is torch.complex32:
            continue
        ours = result_type(
            (DTYPES[operand[0]], not operand[1])
            if isinstance(operand, tuple)
            else (type(operand), True)
            for operand in pair
        )
        if str(ours) != str(theirs):
            found.append((pair, ours, theirs))
    assert not found
