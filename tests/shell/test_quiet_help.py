"""Quiet help: one dim line under an entry, once each."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from gradsh.engine.notices import NOTICES
from gradsh.engine.passes import PASSES
from gradsh.session import Session
from gradsh.shell.loop import Loop
from gradsh.shell.preferences import PREFERENCES
from gradsh.shell.printer import Printer
from tests.sessions import Collected


@pytest.fixture(autouse=True)
def hints() -> Iterator[None]:
    """Hints are on, and no program has run before."""
    PASSES.forget()
    yield
    PREFERENCES.hints = True
    assert NOTICES.tell is None


def hints_of(*entries: str) -> list[str]:
    """The hints that a shell gives under these entries."""
    waiting = list(entries)

    def read() -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    output = Collected()
    session = Session(output)
    Loop(session, read, Printer(io.StringIO())).run(greet=False)
    return [line for line in output.text.splitlines() if line.startswith("hint: ")]


GROWN = (
    "hint: (3, 1) and (3,) grew to (3, 3): for pairs of elements give both one shape, "
    "as with `.squeeze(1)`"
)
ADDED = (
    "hint: w.grad now holds the sum of several backward passes; "
    "`w.grad = none` before a pass begins anew"
)


def test_a_column_meets_a_row_once() -> None:
    recorded = ("w = ones(3, 1) grad; y = ones(3)", "sum((w - y)^2)", "w - y")
    assert hints_of(*recorded) == [GROWN]
    assert hints_of("a = ones(3, 1); b = ones(3)", "a * b", "b - a") == [GROWN]
    assert hints_of("w = ones(3, 1) grad", "def f(w) = w - ones(3)", "f(w)") == [GROWN]


def test_shapes_that_are_meant() -> None:
    assert not hints_of("a = ones(3, 1); b = ones(1, 3)", "a * b", "a @ b", "a + ones(4)")
    assert not hints_of("a = ones(1, 1); b = ones(1)", "a * b", "a[:, 0] * b")


def test_gradients_that_add_up_over_a_loop_or_entries() -> None:
    loop = "for i in range(3) {\n  backward sum(w^2)\n}"
    assert hints_of("w = ones(2) grad", loop) == [ADDED]
    assert hints_of("w = ones(2) grad", "backward sum(w)", "backward sum(w)") == [ADDED]
    cleared = "for i in range(3) {\n  w.grad = none\n  backward sum(w^2)\n}"
    assert not hints_of("w = ones(2) grad", cleared)
    assert not hints_of("w = ones(2) grad", "backward sum(w); backward sum(w^2)")


def test_the_gradient_of_a_result() -> None:
    expected = (
        "hint: h is no leaf, so h.grad stays none; "
        "`h.retain_grad()` before the backward pass keeps it"
    )
    assert hints_of("x = ones(2) grad; h = x*2", "h.grad", "h.grad") == [expected]
    assert not hints_of("x = ones(2) grad; h = x*2", "h.retain_grad()", "h.grad", "x.grad")


def test_set_hints_off() -> None:
    assert not hints_of("set hints off", "a = ones(3, 1); b = ones(3)", "a * b")


def test_no_hints_without_a_shell() -> None:
    output = Collected()
    Session(output).run("a = ones(3, 1) grad; b = ones(3); c = a * b; c.grad")
    assert output.text == ""
