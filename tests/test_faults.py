"""The whole text of the classic faults: every program in `tests/faults/` from a file and a pipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parent / "faults").glob("*.grad"))


def run(*arguments: str, text: str | None = None, place: Path | None = None) -> tuple[int, str]:
    """The exit status and what is said on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "gradsh", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=place,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_script(program: Path) -> None:
    expected = program.with_suffix(".txt").read_text()
    assert run(program.name, place=program.parent) == (1, expected)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_pipe(program: Path) -> None:
    expected = program.with_suffix(".txt").read_text().replace(program.name, "<stdin>")
    assert run(text=program.read_text()) == (1, expected)
