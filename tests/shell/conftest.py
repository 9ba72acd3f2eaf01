from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LAUNCH = (str(HERE / "launch.py"),)
_MISSING = [name for name in ("pexpect", "pyte") if importlib.util.find_spec(name) is None]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history"


@pytest.fixture
def open_shell(tmp_path: Path, history: Path) -> Iterator[Callable[..., Any]]:
    """Opens a shell on a terminal of its own, and waits for its prompt, or `until` a text comes."""
    if _MISSING:
        pytest.skip(f"needs {' and '.join(_MISSING)}")
    if sys.platform == "win32":
        pytest.skip("needs a pseudo-terminal")
    sys.path.insert(0, str(HERE))
    from terminal import Terminal

    sys.path.remove(str(HERE))
    opened = []

    def open_one(
        *options: str,
        columns: int = 80,
        program: Sequence[str] = LAUNCH,
        until: Any = None,
        **environment: str,
    ) -> Terminal:
        defaults = {
            "TERM": "xterm-256color",
            "PYTHONPATH": str(HERE.parent.parent),
            "GRADSH_HISTORY": str(history),
            "GRADSH_CONFIG": str(tmp_path / "config.toml"),
            "COLORFGBG": "",
            "NO_COLOR": "",
            "COLUMNS": "",
            "LINES": "",
        }
        terminal = Terminal(
            [sys.executable, *program, *options],
            {**defaults, **environment},
            tmp_path,
            columns,
        )
        opened.append(terminal)
        if until is None:
            terminal.wait_prompt()
        else:
            terminal.wait(until)
        return terminal

    yield open_one
    for terminal in opened:
        terminal.close()


@pytest.fixture
def shell(open_shell: Callable[..., Any]) -> Any:
    return open_shell("-q")
