"""The user's own editor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_EDITORS: Final = ("nano", "vi", "notepad")


def editor_command() -> list[str]:
    """The words that start the editor: what VISUAL or EDITOR says, or else one that is there.

    FileNotFoundError if there is none.
    """
    from shlex import split
    from shutil import which

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    command = split(editor) if editor else [name for name in _EDITORS if which(name)][:1]
    if not command:
        raise FileNotFoundError("no editor is found")
    return command


def edited(text: str) -> str | None:
    """What becomes of a text in the editor; None if the editor says that it failed.

    OSError if it cannot be started.
    """
    from subprocess import run
    from tempfile import TemporaryDirectory

    try:
        command = editor_command()
        with TemporaryDirectory(prefix="gradsh") as folder:
            path = Path(folder, "entry.grad")
            path.write_text(text.strip("\n") + "\n", encoding="utf-8")
            if run([*command, str(path)], check=False).returncode:
                return None
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        error.add_note("EDITOR names the editor to use")
        raise
