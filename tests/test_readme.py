"""The examples of the README and of the page on inspection print what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def examples() -> list[tuple[str, str]]:
    """The commands after a `$ ` in indented blocks, each with the output under it."""
    found: list[tuple[str, str]] = []
    pages = "\n".join((ROOT / name).read_text() for name in ("README.md", "docs/inspection.md"))
    for block in re.findall(r"(?:^    .*\n)+", pages, re.MULTILINE):
        lines = [line[4:] for line in block.splitlines()]
        if not lines[0].startswith("$ "):
            continue
        command, rest = lines[0][2:], lines[1:]
        while command.count("'") % 2:
            command, rest = command + "\n" + rest[0], rest[1:]
        found.append((command, "\n".join(rest) + "\n"))
    return found


def test_there_are_examples() -> None:
    assert len(examples()) >= 6


@pytest.mark.parametrize(("command", "output"), examples(), ids=lambda text: text[:40])
def test_example(command: str, output: str, tmp_path: Path) -> None:
    launcher = tmp_path / "gradsh"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradsh "$@"\n')
    launcher.chmod(0o755)
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    run = subprocess.run(
        ["sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        env={**os.environ, "PATH": path},
    )
    assert run.stdout.decode() == output
