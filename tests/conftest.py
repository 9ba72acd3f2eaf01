"""What the tests of several rooms share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gradsh
from gradsh.display.print_options import options
from gradsh.engine.dtypes import DEFAULTS

# A run in the background ignores Ctrl-C, and so would every program that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

PACKAGE_PARENT = Path(gradsh.__file__).resolve().parents[1]


@pytest.fixture
def environment() -> dict[str, str]:
    """An environment in which `python -m gradsh` is the gradsh under test."""
    return {
        **{name: value for name, value in os.environ.items() if name != "GRADSH_TRACEBACK"},
        "PYTHONPATH": str(PACKAGE_PARENT),
        "NO_COLOR": "1",
    }


@pytest.fixture
def run_gradsh(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line as a user would, in an empty directory, and give what came of it."""

    def run(
        *arguments: str, given: str | bytes = b"", **more: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "gradsh", *arguments],
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
            env={**environment, **more},
        )
        # strictly: what gradsh writes is UTF-8, and nothing else
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run


@pytest.fixture
def own_settings() -> Iterator[None]:
    """Settings are the process's: put them back after a test that changes them."""
    before, floating = options.settings(), DEFAULTS.floating
    yield
    options.change(**before)
    DEFAULTS.floating = floating


@pytest.fixture(autouse=True)
def no_watch_outlives_its_test() -> Iterator[None]:
    """`anomaly on` watches the whole process: a session that is dropped with it would go on."""
    yield
    sys.setprofile(None)
