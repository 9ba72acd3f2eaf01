"""What the formulas say, read on symbols, is what they compute."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, OPS, Tensor
from gradsh.engine.graph import Node
from gradsh.engine.symbols import Case, Reading, Symbol, derivative, text
from gradsh.engine.tensor import new_tensor
from gradsh.session import Output, Session

from .oracle import forms, samples
from .reached import differentiated, visits


@pytest.mark.parametrize(
    ("name", "operand", "expected"),
    [
        ("tanh", "input", "g * (1 - out^2)"),
        ("div", "other", "-g * input / other / other"),
        ("pow_tensor", "input", "where(exponent == 0, 0, g * exponent * input^(exponent - 1))"),
        (
            "pow_number",
            "input",
            (
                "zeros_like(g) if exponent == 0; g * input * 2 if exponent == 2; "
                "g * input^(exponent - 1) * exponent otherwise"
            ),
        ),
        ("relu", "input", "where(out <= 0, 0, g)"),
        ("erf", "input", "g * exp(-input^2) * 2 / sqrt(pi)"),
        ("sinh", "input", "g * cosh(input)"),
        ("mm", "mat2", "mm(t(input), g)"),
        ("where", "other", "where(condition, 0, g)"),
        ("view", "input", "reshape(g, input.shape)"),
        ("sum", "input", "spread(g, dim, keepdim, input.shape)"),
        ("sort", "input", "added_at(g.values, indices, dim, input.shape)"),
        ("floor_divide", "input", "none: derivative for aten::floor_divide is not implemented"),
    ],
)
def test_text(name: str, operand: str, expected: str) -> None:
    assert derivative(OPS[name], operand).text == expected


def test_a_helper_that_is_named_is_explained() -> None:
    notes = derivative(OPS["mean"], "input").notes
    assert list(notes) == ["spread(g, dim, keepdim, shape)", "count_of(shape, dim)"]
    assert all(notes.values())


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda a, b, c: a - (b - c), "a - (b - c)"),
        (lambda a, b, c: a - b - c, "a - b - c"),
        (lambda a, b, c: a + (b - c), "a + b - c"),
        (lambda a, b, c: a * (b / c), "a * b / c"),
        (lambda a, b, c: a / (b * c), "a / (b * c)"),
        (lambda a, b, c: a / b / c, "a / b / c"),
        (lambda a, b, c: (a + b) * c, "(a + b) * c"),
        (lambda a, b, c: -(a + b), "-(a + b)"),
        (lambda a, b, c: -a * b, "-a * b"),
        (lambda a, b, c: -(a * b), "-(a * b)"),
        (lambda a, b, c: -a * a + b, "b - a^2"),
        (lambda a, b, c: -a + (b - c), "b - c - a"),
        (lambda a, b, c: (-a) ** 2, "(-a)^2"),
        (lambda a, b, c: -(a**2), "-a^2"),
        (lambda a, b, c: a ** (b**c), "a^b^c"),
        (lambda a, b, c: (a**b) ** c, "(a^b)^c"),
        (lambda a, b, c: a**-b, "a^(-b)"),
        (lambda a, b, c: a**-0.5, "a^(-0.5)"),
        (lambda a, b, c: (a + b) * (a + b), "(a + b)^2"),
        (lambda a, b, c: a * a * a * b, "a^3 * b"),
        (lambda a, b, c: b * (a * a), "b * a^2"),
        (lambda a, b, c: a - 2.0, "a - 2"),
        (lambda a, b, c: a * 1e-5, "a * 1e-05"),
        (lambda a, b, c: a * -1.5, "a * -1.5"),
        (lambda a, b, c: (a < b) | ~(b >= c), "(a < b) | ~(b >= c)"),
        (lambda a, b, c: (a < b) == c, "(a < b) == c"),
        (lambda a, b, c: a // b % c, "a // b % c"),
        (lambda a, b, c: a // (b % c), "a // (b % c)"),
        (lambda a, b, c: a @ (b @ c), "a @ (b @ c)"),
        (lambda a, b, c: np.where(a > 0, np.arctan2(b, c), 0.0), "where(a > 0, atan2(b, c), 0)"),
        (lambda a, b, c: np.float64(2.0) * a, "2 * a"),
        (lambda a, b, c: np.add.reduce(a, axis=b, keepdims=True), "sum(a, dim=b, keepdim=true)"),
        (lambda a, b, c: a[1:, None], "a[1:, none]"),
        (lambda a, b, c: a * np.log(2.0), "a * log(2)"),
        (lambda a, b, c: a / np.sqrt(2 * np.pi), "a / sqrt(2 * pi)"),
        (lambda a, b, c: (a.shape, b.ndim), "(a.shape, b.ndim)"),
    ],
)
def test_expressions_are_written_as_the_language_reads_them(build: Any, expected: str) -> None:
    reading = Reading()
    written = text(build(*(Symbol(reading, name) for name in "abc")))
    assert written == expected


class Nowhere(Output):
    """An output that keeps nothing."""

    def write(self, text: str) -> None:
        pass


def evaluated(case: Case, names: dict[str, Any]) -> Any:
    """The value of a case in gradsh's own language, or None where its condition fails."""
    session = Session(Nowhere())
    session.namespace.update(names)
    if case.condition is not None:
        session.run(f"holds = ({case.condition})")
        if not bool(session.variables["holds"]):
            return None
    for name, meaning in case.parts:
        session.run(f"{name} = {meaning}")
    session.run(f"value = {case.expression}")
    return session.variables["value"]


def in_the_language(case: Case) -> bool:
    """Whether the case calls nothing but what a user can call."""
    written = " ".join((case.expression, *(meaning for _, meaning in case.parts)))
    if case.expression.startswith("none"):
        return False
    return set(re.findall(r"(\w+)\(", written)) <= set(FUNCTIONS)


def values_in(node: Node) -> dict[str, Any]:
    """What a node keeps for its formulas, by the names that the texts use."""
    op: Any = node.op
    names: dict[str, Any] = {}
    for want in (*op.saved_tensors, *op.saved_plain):
        (value,) = op.saved_values(node, [want])
        base = want.removesuffix("_shape")
        if base != want:
            names.setdefault(base, new_tensor(np.zeros(value)))
        else:
            names[want] = new_tensor(value) if isinstance(value, np.ndarray) else value
    return names


@pytest.mark.parametrize("line", [*(line for _, line in samples()), *forms()])
def test_texts_mean_what_formulas_compute(line: str) -> None:
    for node, g in visits(line):
        op: Any = node.op
        if len(op.outputs) > 1 or g is None:
            continue
        for operand in differentiated(node):
            said = derivative(op, operand)
            if not said.is_expression or not all(map(in_the_language, said.cases)):
                continue
            names = values_in(node) | {"g": g}
            if None in [value for value in names.values() if not isinstance(value, Tensor)]:
                continue  # the text is that of arguments which are given
            if any(type(x) is Tensor and x.is_complex() for x in names.values()):
                continue  # and of real ones
            value = next(x for case in said.cases if (x := evaluated(case, names)) is not None)
            computed = op.formulas[operand](g.array, *op.saved_values(node, op.wants[operand]))
            assert np.allclose(value.array, computed, rtol=1e-6, atol=1e-6, equal_nan=True)
