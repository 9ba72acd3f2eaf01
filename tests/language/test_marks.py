"""What compiled code tells of the statement that runs, in blocks and functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gradsh.language import Reader
from gradsh.language.origins import Spot, spot_of
from gradsh.language.units import HUGE


class Told:
    """Runs a program and keeps where `here()` was called, as the marks tell."""

    def __init__(self) -> None:
        self.running = SimpleNamespace(place=None)
        self.spots: list[Spot] = []
        self.names: dict[str, Any] = {
            "__builtins__": {
                "@running": self.running,
                "@iterate": iter,
                "@tensor": list,
                "@Error": Exception,
                "@caught": str,
                "range": range,
                "here": self.here,
                "fail": self.fail,
            }
        }

    def here(self, value: object = 1) -> int:
        spot = spot_of(self.running.place)
        assert spot is not None
        self.spots.append(spot)
        return 1

    def fail(self) -> None:
        raise ValueError

    def run(self, text: str) -> list[str]:
        reader = Reader("p.grad")
        for unit in [*reader.feed(text), *reader.finish()]:
            self.running.place = unit
            unit.run(self.names)
        return [f"{spot.line}:{spot.column} {spot.text}" for spot in self.spots]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("here()\nx = here() + 1", ["1:1 here()", "2:1 x = here() + 1"]),
        (
            "for i in range(2) {\n  a = here()\n  b = 2\n  c = here() ; here()\n}",
            ["2:3 a = here()", "4:3 c = here()", "4:16 here()"] * 2,
        ),
        (
            "def f(x) {\n  y = here()\n  return here()\n}\nz = f(1) + here()",
            ["2:3 y = here()", "3:3 return here()", "5:1 z = f(1) + here()"],
        ),
        ("def f(x) = here()\nf(1); g = here()", ["1:12 here()", "2:7 g = here()"]),
        (
            "def f() { here(); fail() }\nif true {\n  try { f() } catch e { here() }\n  here()\n}",
            ["1:11 here()", "3:25 here()", "4:3 here()"],
        ),
        (
            "def outer() {\n  def inner() {\n    here()\n  }\n  inner(); x = here()\n}\nouter()",
            ["3:5 here()", "5:12 x = here()"],
        ),
        (
            "for i in [here(),\n  2] {\n  here()\n}",
            ["1:1 for i in [here(),", "3:3 here()", "3:3 here()"],
        ),
        ("f = x -> here(x)\nf(1)", ["2:1 f(1)"]),
    ],
)  # fmt: skip
def test_places(text: str, expected: list[str]) -> None:
    assert Told().run(text) == expected


def test_what_computes_nothing_is_not_marked() -> None:
    reader = Reader("p.grad")
    (unit,) = reader.feed("if a {\n  b = 1\n  c = b\n  del b\n}\n")
    assert "@running" not in unit.code.co_names


def test_a_huge_statement_lets_its_text_go() -> None:
    names: dict[str, Any] = {"__builtins__": {"@tensor": list}}
    reader = Reader("p.grad")
    text = "x = [" + ", ".join(["1"] * HUGE) + "]\n"
    (unit,) = reader.feed(text)
    unit.run(names)
    assert len(names["x"]) == HUGE
    assert len(unit.lines) < 1000
    assert len(unit.code.co_consts) < 10
    spot = spot_of(unit)
    assert spot is not None
    assert spot.line == 1
