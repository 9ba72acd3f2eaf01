"""The bar for work that takes long."""

from __future__ import annotations

import io
import math

import pyte
import pytest
from rich.console import Console

from gradsh.display.progress import Bar, sparkline
from gradsh.session import Fault, Session
from gradsh.session.output import ColourOutput


class Terminal(io.StringIO):
    """A terminal of 80 columns that keeps all that was written."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines as they stand now."""
        screen = pyte.Screen(80, 24)
        pyte.Stream(screen).feed(self.getvalue().replace("\n", "\r\n"))
        return [line.rstrip() for line in screen.display if line.strip()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def console(terminal: Terminal) -> Console:
    return Console(file=terminal, force_terminal=True, width=80)


def test_a_bar_shows_how_far_how_fast_and_the_loss(terminal: Terminal) -> None:
    bar = Bar(console(terminal), "minimize", 10, patience=0)
    bar.update(5, 0.25)
    (line,) = terminal.screen()
    assert line.startswith("minimize ━")
    for part in (" 5/10 ", "loss 0.25", "▁", "/s"):
        assert part in line
    bar.close()
    assert terminal.screen() == []


def test_a_bar_waits_until_the_work_takes_long(terminal: Terminal) -> None:
    bar = Bar(console(terminal), "for", 10, patience=60)
    for done in range(10):
        bar.update(done)
    bar.close()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1.0], "▁"),
        ([0.0, 1.0, 2.0], "▁▅█"),
        ([1e6, 1e3, 1.0], "█▅▁"),
        ([1.0, math.nan, 2.0], "▁ █"),
        ([math.nan], " "),
        (list(range(100)), "▁▃▆█"),
    ],
)
def test_sparklines(values: list[float], line: str) -> None:
    assert sparkline(values, 4) == line


def test_a_loop_shows_a_bar_and_what_it_prints_stands_above(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bar.__init__, "__defaults__", (0.0,))
    session = Session(ColourOutput(terminal))
    seen: list[list[str]] = []
    session.namespace["look"] = lambda: seen.append(terminal.screen())
    session.run("for i in range(3) { print i; look() }\nprint 9")
    assert seen[1][:2] == ["0", "1"]
    assert seen[1][2].startswith("for ")
    assert terminal.screen() == ["0", "1", "2", "9"]


def test_a_loop_that_fails_leaves_no_bar(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bar.__init__, "__defaults__", (0.0,))
    session = Session(ColourOutput(terminal))
    with pytest.raises(Fault) as kept:
        session.run("for i in range(3) { for j in range(5) { x = 1 / (1 - i) } }")
    assert kept.value.__cause__ is not None
    assert terminal.screen() == []
    session.run("for i in range(2) { }\nprint 1")
    assert terminal.screen() == ["1"]
