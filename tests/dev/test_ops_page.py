"""docs/ops.md: what the declarations say now, with a row for every promised function."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS
from gradsh.engine.reference import signature

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ops.md"
FLOOR = [
    name
    for line in (ROOT / "tests" / "engine" / "floor.txt").read_text().splitlines()
    if not line.startswith("#")
    for name in line.partition(": ")[2].split()
]


@pytest.fixture(scope="module")
def builder() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "dev" / "build_ops_page.py"))


def test_the_page_is_what_the_declarations_say(builder: dict[str, Any]) -> None:
    assert PAGE.read_text() == builder["page"](), "run python scripts/dev/build_ops_page.py"


@pytest.mark.parametrize("name", FLOOR)
def test_promised_functions_have_a_row(name: str) -> None:
    assert f"**`{name}(" in PAGE.read_text()


def test_rows_name_forms_and_tests(builder: dict[str, Any]) -> None:
    notes: dict[str, str] = {}
    row = builder["row"]("tanh", notes)
    assert "also `x.tanh()`, `x.tanh_()`" in row
    assert "`TanhBackward0`<br>input: `g * (1 - out^2)`" in row
    assert row.endswith("| v g d |")
    assert notes == {}


def test_rows_of_compositions_name_their_operations(builder: dict[str, Any]) -> None:
    assert "of `div`, `add`, `abs`" in builder["row"]("softsign", {})


def test_rows_show_what_draws_random_numbers(builder: dict[str, Any]) -> None:
    assert builder["row"]("randn", {}).endswith("| v n r |")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clamp", "clamp(input, min=none, max=none)"),
        ("sum", "sum(input, dim=none, keepdim=false, *, dtype=none)"),
        ("reshape", "reshape(input, *shape)"),
        ("leaky_relu", "leaky_relu(input, negative_slope=0.01)"),
    ],
)
def test_signatures_are_written_as_the_language_calls(name: str, expected: str) -> None:
    assert signature(name, FUNCTIONS[name]) == expected
