"""Whole programs print, byte for byte, what their PyTorch twins print.

`NAME.grad` stands here or in `scripts/`, its twin is `NAME.py`, and `NAME.out` is what the twin
printed (`scripts/dev/record_torch.py` records it).
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAMES = sorted(path.stem for path in HERE.glob("*.out"))


def program(name: str) -> Path:
    here = HERE / f"{name}.grad"
    return here if here.exists() else ROOT / "scripts" / f"{name}.grad"


@pytest.mark.parametrize("name", NAMES)
def test_prints_what_pytorch_prints(name: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "gradsh", str(program(name))], capture_output=True, timeout=120
    )
    assert run.stderr.decode() == ""
    assert run.stdout.decode() == (HERE / f"{name}.out").read_text(encoding="utf-8")
    assert run.returncode == 0


def test_every_program_has_a_twin_and_every_twin_a_program() -> None:
    twins = {path.stem for path in HERE.glob("*.py")} - {"test_programs"}
    assert "tutorial" in NAMES
    assert twins == set(NAMES)
    assert all(program(name).exists() for name in NAMES)
    assert {path.stem for path in HERE.glob("*.grad")} <= set(NAMES)


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch, the oracle, is not installed"
)
def test_the_recordings_are_what_pytorch_prints_today() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts/dev/record_torch.py"), "--check"],
        capture_output=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout.decode() + run.stderr.decode()
