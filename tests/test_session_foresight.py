"""The shape and type of what is typed, without running it."""

from __future__ import annotations

import warnings
from collections import ChainMap
from collections.abc import Iterator
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS
from gradsh.engine.random import default_generator
from gradsh.engine.reference import paragraphs
from gradsh.language import tokenize
from gradsh.session import Fault, Session
from gradsh.session.foresight import Mismatch, foreseen, told
from gradsh.session.output import TextOutput

BY_ELEMENTS = ("argwhere", "cartesian_prod", "cholesky", "masked_select", "nonzero", "unique")
"""Functions whose result depends on more than shapes."""


class Last(TextOutput):
    """Keeps the last value that was shown."""

    def __init__(self) -> None:
        super().__init__(None)
        self.value: Any = None

    def show(self, value: object, name: str | None = None) -> None:
        self.value = value


@pytest.fixture
def session() -> Session:
    session = Session(Last())
    session.run(
        "x = ones(2, 3) grad; w = ones(3, 4); b = ones(4); big = ones(1000, 64); ids = [0, 1, 2];"
        "backward sum(x); pair = (x, w); def twice(a) = a * 2"
    )
    return session


def of(session: Session, text: str, cursor: int | None = None) -> str | None:
    names = ChainMap(session.namespace, dict(session.builtins))
    end = len(text) if cursor is None else cursor
    try:
        return foreseen(text, end, tokenize(text), names)
    except Mismatch as mismatch:
        return f"! {mismatch}"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("x", "(2, 3) float32"),
        ("x + ", "(2, 3) float32"),
        ("x @ w + b", "(2, 4) float32"),
        ("y = x @ w", "(2, 4) float32"),
        ("mean(x @ w, ", "() float32"),
        ("mean(x, dim=1", "(2,) float32"),
        ("mean(x, keepdim=true, dim=0)", "(1, 3) float32"),
        ("x.T @ x", "(3, 3) float32"),
        ("x > 1", "(2, 3) bool"),
        ("x.double() * 2", "(2, 3) float64"),
        ("float64(x)", "(2, 3) float64"),
        ("ids / 2", "(3,) float32"),
        ("ids * 2.5", "(3,) float32"),
        ("-x[0, 1:]", "(2,) float32"),
        ("x[ids[:2], none]", "(2, 1, 3) float32"),
        ("x[..., -1]", "(2,) float32"),
        ("cat([x, x], 1)", "(2, 6) float32"),
        ("[1, 2, 3", "(3,) int64"),
        ("[[1., 2.], [3", None),
        ("[x[0], x[1]]", "(2, 3) float32"),
        ("torch.nn.functional.softmax(x, dim=1)", "(2, 3) float32"),
        ("x.grad * 2", "(2, 3) float32"),
        ("x.shape", None),
        ("ones(x.shape[0], 7)", "(2, 7) float32"),
        ("sort(x)", "(2, 3) float32, (2, 3) int64"),
        ("values, places = sort(x); places", "(2, 3) int64"),
        ("p, q = x; q", "(3,) float32"),
        ("max(x, 1).values", "(2,) float32"),
        ("pair[1]", "(3, 4) float32"),
        ("x += 1", "(2, 3) float32"),
        ("x.add_(1)", "(2, 3) float32"),
        ("print x @ w, 3", "(2, 4) float32"),
        ("backward sum(x", "() float32"),
        ("for i in range(3) { y = x @ w", "(2, 4) float32"),
        ("if true { x } else { w", "(3, 4) float32"),
        ("y = nograd < x @ w", "(2, 4) float32"),
        ("a = ones(5, 2); a @ x", "(5, 3) float32"),
        ("plot x", "(2, 3) float32"),
        ("backward x with ones(2, 3)", "(2, 3) float32"),
        ("vars", None),
        ("set precision 3", None),
        ("x = ones(7); x * 2", "(7,) float32"),
        ("for x in ids { x", None),
        ("twice(x)", "(2, 3) float32"),
        ("twice(x @ w).T", "(4, 2) float32"),
        ("f = v -> v @ w; f(x)", "(2, 4) float32"),
        ("def f(v, k=2) { r = v * k; return r[0] }; f(x, k=3)", "(3,) float32"),
        ("def f(v) { if true { return v }; return v[0] }; f(x)", None),
        ("def f(v) = f(v); f(x)", None),
        ("twice()", None),
        ("twice(x, 1)", None),
        ("g, = grad(sum(x), x); g", "(2, 3) float32"),
        ("jacobian(v -> v @ w, x)", "(2, 4, 2, 3) float32"),
        ("hessian(v -> sum(v^2), b)", "(4, 4) float32"),
        ("jacobian(unknown, x)", None),
        ("checkpoint(twice, x)", None),
        ("x.item()", None),
        ("x[x > 0]", None),
        ("unknown + 1", None),
        ("9 ^ 9 ^ 9 ^ 9 ^ 9", None),
        ("2 + ", None),
        ("1 +* 2", None),
        ("", None),
    ],
)
def test_shape_and_type(session: Session, text: str, shape: str | None) -> None:
    assert of(session, text) == shape


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x + b", "(2, 3) + (4,): do not broadcast"),
        ("x @ b", "(2, 3) @ (4,): the inner lengths differ"),
        ("backward x with b", "(2, 3) with (4,): backward takes one weight an element"),
        ("y = x == w", "(2, 3) == (3, 4): do not broadcast"),
        ("mean(x, dim=5)", "Dimension out of range"),
        ("cat([x, w], 0)", "Sizes of tensors must match"),
        ("big @ w", "(1000, 64) @ (3, 4): the inner lengths differ"),
        (
            "linear(big, ones(10, 63))",
            "mat1 and mat2 shapes cannot be multiplied (1000x64",
        ),
    ],
)
def test_what_would_fail_says_why(session: Session, text: str, reason: str) -> None:
    found = of(session, text)
    assert found is not None
    assert found.startswith(f"! {reason}")


@pytest.mark.parametrize(
    "text",
    [
        "sum(big, dim=0)", "big @ ones(64, 10)", "softmax(big, dim=-1)", "topk(big, 20)",
        "big.reshape(-1, 32)", "big.flatten()", "big[900:]", "big[:, 10:60:7]", "big.split(300)",
        "cat([big, ones(500, 64)])", "pad(big, (1, 2))", "kron(ones(30, 20), ones(10, 40))",
        "max_pool2d(ones(2, 3, 64, 100), 3, 2)", "conv2d(ones(2, 3, 33, 40), ones(12, 3, 5, 5))",
        "conv1d(ones(4, 3, 100), ones(8, 3, 4), stride=3, padding=1)", "big.repeat(2, 3)",
        "layer_norm(big, [64])", "einsum('ij,kj->ik', big, ones(50, 64))", "randn(300, 20).T",
        "cross_entropy(big, zeros(1000, dtype=int64))", "arange(100000)", "eye(300)",
        "embedding(zeros(500, dtype=int64), ones(100, 30))", "outer(ones(300), ones(200))",
    ],
)  # fmt: skip
def test_large_sizes_are_those_of_the_value(session: Session, text: str) -> None:
    found = of(session, text)
    session.run(text)
    assert found == told(session.output.value)  # type: ignore[attr-defined]


def samples() -> Iterator[tuple[str, str]]:
    for name in sorted(FUNCTIONS):
        for sample in paragraphs(FUNCTIONS[name])[1]:
            yield name, sample


def test_every_operations_samples_are_foreseen() -> None:
    wrong, unknown, count = [], [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, sample in samples():
            session = Session(Last(), safe=True)
            found = of(session, sample)
            try:
                session.run(sample)
            except Fault:
                continue
            real = told(session.output.value)  # type: ignore[attr-defined]
            count += 1
            if found is None and real is not None:
                unknown.append(sample)
            elif found != real and name not in BY_ELEMENTS:
                wrong.append((sample, found))
    assert not wrong
    assert len(unknown) < 0.03 * count


def test_nothing_is_run_and_nothing_changes(session: Session) -> None:
    session.run("calls = [0.]; def touch(a) { calls[0] = 1; return a }; trace = zeros(3)")
    before = default_generator.state()
    for text in ("touch(x)", "trace.add_(1)", "randn(3)", "dropout(x)", "trace[0] = 5", "seed 3"):
        of(session, text)
    session.run("calls.sum() + trace.sum()")
    assert float(session.output.value.array) == 0  # type: ignore[attr-defined]
    assert str(default_generator.state()) == str(before)


def test_the_largest_shapes_take_no_memory(session: Session) -> None:
    session.run("wide = zeros(1).expand(10^9)")
    assert of(session, "wide * 2") == "(1000000000,) float32"
    assert of(session, "wide.reshape(1000, -1).T @ wide[:1000]") == "(1000000,) float32"
    assert of(session, "ones(10^6, 10^6).sum(0)") == "(1000000,) float32"


def test_of_a_long_text_the_statement_at_the_cursor_counts(session: Session) -> None:
    long = "y = [\n    1.,\n    2.]\n" * 100
    assert of(session, f"{long}x @ w") == "(2, 4) float32"
    in_block = f"{long}for i in ids {{\n    x @ w.T["
    assert of(session, in_block) == "! (2, 3) @ (4, 3): the inner lengths differ"
    assert of(session, long + "(" + long) is None


def test_the_text_around_the_cursor_counts(session: Session) -> None:
    assert of(session, "x @ w", 1) == "(2, 4) float32"
    assert of(session, "(x + ) @ w", 4) == "(2, 3) float32"
