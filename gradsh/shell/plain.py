"""The prompt for terminals that know no escape codes: a line at a time, no editing."""

from __future__ import annotations

import os
import sys

PROMPT = ">>> "
CONTINUATION = "... "


def read_plain() -> str:
    """A whole entry. EOFError at the end of the input, KeyboardInterrupt on Ctrl-C.

    Lines that are pasted here with the prompts of another session lose them.
    """
    from gradsh.language import is_complete
    from gradsh.shell.pasting import begins_session, without_prompt

    lines: list[str] = []
    copied = False
    while True:
        try:
            line = input(CONTINUATION if lines else PROMPT)
        except (EOFError, KeyboardInterrupt) as stop:
            print()  # noqa: T201 (the next thing written begins a line)
            if lines and isinstance(stop, EOFError):
                return "\n".join(lines)
            raise
        copied = copied or (not lines and begins_session(line))
        lines.append(without_prompt(line) if copied else line)
        entry = "\n".join(lines)
        if is_complete(entry):
            return entry


def is_plain() -> bool:
    """Whether the terminal knows no escape codes, or is none."""
    if os.environ.get("TERM", "").lower() in ("", "dumb", "unknown") and os.name == "posix":
        return True
    return not (sys.stdin.isatty() and sys.stdout.isatty())
