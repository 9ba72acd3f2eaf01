"""The text of every kind of value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradsh.display.print_options import options
from gradsh.display.values import integer_text, register, shown, text
from gradsh.engine.dtypes import DEFAULTS, float32, float64
from gradsh.engine.size import Size

MakeTensor = Callable[..., Any]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -7,
        2**70,
        1.0,
        0.1,
        1e100,
        math.inf,
        math.nan,
        1j,
        -0.0,
        complex(1, -2),
        range(3),
        range(1, 9, 2),
        (),
        (1,),
        (1, 2.5, "a", (None,)),
        [1, [2, "it's"]],
        {"a": 1, 2: [3]},
    ],
)
def test_python_values_look_as_in_python(value: object) -> None:
    assert text(value) == str(value)
    assert shown(value) == repr(value)


def test_texts_are_quoted_only_where_they_are_shown() -> None:
    assert text("it's\n") == "it's\n"
    assert shown("it's\n") == '"it\'s\\n"'
    assert text(("a",)) == "('a',)"


def test_numbers_of_numpy_look_like_numbers() -> None:
    assert text(np.float64(1.5)) == "1.5"
    assert text(np.complex128(1.5j)) == "1.5j"


def test_a_long_integer_is_shown_in_full() -> None:
    assert integer_text(10**5000 + 1) == "1" + "0" * 4999 + "1"
    assert text((-(10**5000),)) == "(-1" + "0" * 5000 + ",)"


def test_tensors(tensor: MakeTensor) -> None:
    assert text(tensor([1, 2], requires_grad=True)) == "tensor([1., 2.], requires_grad=True)"
    made = tensor([[1, 2], [3, 4]], grad_fn="AddBackward0")
    expected = "tensor([[1., 2.],\n        [3., 4.]], grad_fn=<AddBackward0>)"
    assert text(made) == expected
    assert shown((made, 1)) == f"({expected}, 1)"


def test_what_tensors_are_asked_for(node: Callable[[str], Any]) -> None:
    assert text(Size((2, 3))) == "torch.Size([2, 3])"
    assert shown((Size(), float32)) == "(torch.Size([]), torch.float32)"
    assert text(node("AddBackward0")) == "<AddBackward0>"


def test_the_default_dtype_of_the_engine_is_not_said(
    tensor: MakeTensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DEFAULTS, "floating", float64)
    assert text(tensor([0.5])) == "tensor([0.5000], dtype=torch.float32)"
    assert text(tensor([0.5], "float64")) == "tensor([0.5000])"


def test_the_options_in_force_are_used(tensor: MakeTensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "precision", 2)
    assert text((tensor([0.5]),)) == "(tensor([0.50]),)"


def test_named_tuples_look_as_in_pytorch(tensor: MakeTensor) -> None:
    kind = type("max", (tuple,), {"_fields": ("values", "indices")})
    result = kind((tensor(4.0, grad_fn="MaxBackward0"), tensor(1, "int64")))
    expected = (
        "torch.return_types.max(\nvalues=tensor(4., grad_fn=<MaxBackward0>),\nindices=tensor(1))"
    )
    assert text(result) == shown(result) == expected
    assert text((result,)) == f"({expected},)"


def f(a, b=2, /, c="x", *rest, d, e=(1,), **more):  # type: ignore[no-untyped-def]
    return a


def g(*, only):  # type: ignore[no-untyped-def]
    return only


def test_functions(tensor: MakeTensor) -> None:
    assert text(f) == "<function f(a, b=2, c='x', *rest, d, e=(1,), **more)>"
    assert text(g) == "<function g(*, only)>"
    assert text(lambda: 0) == "<function ()>"
    row, column = tensor([1, 2]), tensor([[1], [2]])
    assert text(lambda x, y=row: x) == "<function (x, y=tensor([1., 2.]))>"
    assert text(lambda y=column: y) == "<function (y=...)>"
    assert text(print) == "<function print>"
    assert text([].append) == "<function append>"
    assert text(MakeTensorHolder().method) == "<method method>"


class MakeTensorHolder:
    def method(self) -> None: ...


def test_errors_show_the_first_line_of_their_message() -> None:
    assert text(RuntimeError("grad can be created\nonly for ...")) == "grad can be created"
    assert text(RuntimeError()) == "RuntimeError"


def test_no_address_is_ever_shown() -> None:
    assert text(object()) == "<object>"
    assert text(MakeTensorHolder()) == "<MakeTensorHolder>"
    assert text((MakeTensorHolder,)) == "(<type MakeTensorHolder>,)"


def test_a_registered_kind_is_found_for_what_inherits_from_it() -> None:
    class Shape:
        pass

    class Square(Shape):
        pass

    assert text(Square()) == "<Square>"
    register(Shape, lambda value: "a shape", lambda value: "a printed shape")
    assert (shown(Square()), text(Square())) == ("a shape", "a printed shape")
    assert shown([Square()]) == "[a shape]"
    register(Square, lambda value: "a square")
    assert (shown(Square()), text(Square())) == ("a square", "a square")
