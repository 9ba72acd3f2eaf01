"""Running programs both ways: in gradsh, and as Python code under PyTorch."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import runpy
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gradsh.display.print_options import options
from gradsh.engine.dtypes import DEFAULTS
from gradsh.session import Session
from tests.sessions import Collected


@pytest.fixture
def in_gradsh() -> Callable[..., str]:
    return _in_gradsh


def _in_gradsh(text: str, name: str = "program.grad") -> str:
    """What a gradsh program shows and prints."""
    before, floating = options.settings(), DEFAULTS.floating
    output = Collected()
    try:
        Session(output).run(text, name)
    finally:
        options.change(**before)
        DEFAULTS.floating = floating
    return output.text


@pytest.fixture(scope="session")
def needs_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch, the oracle, is not installed")


@pytest.fixture
def in_python(needs_torch: None, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """What a Python program prints."""
    import torch

    def run(text: str) -> str:
        path = tmp_path / "converted.py"
        path.write_text(text, encoding="utf-8")
        captured = io.StringIO()
        with contextlib.redirect_stdout(captured), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path(str(path), run_name="__main__")
        return captured.getvalue()

    yield run
    torch.set_printoptions(profile="default")
    torch.set_default_dtype(torch.float32)
