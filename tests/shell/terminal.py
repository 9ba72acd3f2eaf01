"""A terminal as a person sees it: a program on a pseudo-terminal, and its screen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pexpect
import pyte

PATIENCE = 30.0
"""Seconds until a text that does not appear is a failure, also on a busy machine."""


class _Screen(pyte.Screen):
    """A screen that answers the program's questions, such as where the cursor is."""

    def __init__(self, columns: int, lines: int, answer: Callable[[str], object]) -> None:
        super().__init__(columns, lines)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)


class Terminal:
    """Runs a command; `raw` is everything that it has written."""

    def __init__(
        self,
        command: list[str],
        environment: Mapping[str, str],
        directory: Path,
        columns: int = 80,
        lines: int = 60,
    ) -> None:
        self.raw = ""
        self._child = pexpect.spawn(
            command[0],
            command[1:],
            env={**os.environ, **environment},
            cwd=str(directory),
            dimensions=(lines, columns),
            encoding="utf-8",
            codec_errors="replace",
            timeout=PATIENCE,
        )
        self._child.delaybeforesend = None
        self.screen = _Screen(columns, lines, self._child.send)
        self._stream = pyte.Stream(self.screen)

    @property
    def rows(self) -> list[str]:
        """The lines of the screen above the toolbar, without the empty ones at their end."""
        lines = self.screen.display[:-1]
        return "\n".join(line.rstrip() for line in lines).rstrip("\n").split("\n")

    @property
    def toolbar(self) -> str:
        """The last line of the screen."""
        return str(self.screen.display[-1]).rstrip()

    def wait(self, until: str | Callable[[], bool]) -> None:
        """Take what the program writes until a text stands on the screen, or a test holds."""
        test = (lambda: any(until in row for row in self.rows)) if isinstance(until, str) else until
        limit = time.monotonic() + PATIENCE
        while not test():
            assert time.monotonic() < limit, "never came; the screen:\n" + "\n".join(self.rows)
            self._take()

    def _take(self) -> None:
        try:
            data = self._child.read_nonblocking(1 << 16, timeout=0.2)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            raise AssertionError("it ended; the screen:\n" + "\n".join(self.rows)) from None
        self.raw += data
        self._stream.feed(data)

    def send(self, keys: str) -> None:
        """Press keys."""
        self._child.send(keys)

    def at_prompt(self) -> bool:
        """Whether the last line is an empty prompt."""
        return self.rows[-1] == ">>>" and self.screen.cursor.x == 4

    def wait_prompt(self) -> None:
        self.wait(self.at_prompt)

    def enter(self, entry: str) -> list[str]:
        """Type an entry and Enter; the lines that stand below it when the prompt is back."""
        prompts = self._count_prompts()
        self.send(entry + "\r")
        self.wait(lambda: self._count_prompts() > prompts and self.at_prompt())
        rows = self.rows[:-1]
        first = max(n for n, row in enumerate(rows) if row.startswith(">>>"))
        return [row for row in rows[first + 1 :] if not row.startswith("...")]

    def _count_prompts(self) -> int:
        return sum(row.startswith(">>>") for row in self.rows)

    def type(self, text: str) -> None:
        """Type text and wait until it stands on the screen."""
        self.send(text)
        self.wait(text)

    def style(self, text: str) -> tuple[str, bool]:
        """The colour of the last place where a text stands, and whether it is bold."""
        for number in range(len(self.rows) - 1, -1, -1):
            column = self.screen.display[number].rfind(text)
            if column >= 0:
                character = self.screen.buffer[number][column]
                return character.fg, character.bold
        raise AssertionError(f"{text!r} is not on the screen")

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    @property
    def pid(self) -> int:
        """The program's number."""
        return int(self._child.pid)

    def hang_up(self) -> int:
        """Close the terminal; how the program ends, a signal as a negative number."""
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = self._child.closed = True
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        raise AssertionError("it did not end")

    def status(self) -> int | None:
        """The exit status, once the program has ended; `rest` is what it wrote meanwhile."""
        self._child.expect(pexpect.EOF)
        self.rest = self.raw + self._child.before
        self._child.close()
        return self._child.exitstatus

    def close(self) -> None:
        if not self._child.closed:
            self._child.close(force=True)
