"""The shell's start: from the command to its first prompt, on a pseudo-terminal."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contests import MEASURED, Contender, Installation, Outcome, Unavailable, in_turn

PROMPT = b">>> "
WHERE_IS_THE_CURSOR = b"\x1b[6n"
PATIENCE = 60.0


class FirstPrompt:
    """A contest: the shell up to its first prompt, and what its two large imports take."""

    def run(self, installation: Installation, rounds: int) -> Outcome:
        """Measure both in turn; the imports are counted without Python's own start."""
        outcome = Outcome()
        with tempfile.TemporaryDirectory(prefix="gradsh-bench-") as room:
            variables = installation.variables | {
                "TERM": "xterm-256color",
                "GRADSH_HISTORY": str(Path(room, "history")),
                "XDG_CONFIG_HOME": room,
            }
            contenders: dict[str, Contender] = {
                MEASURED: Shell(str(installation.gradsh), variables),
                "imports": Imports(str(installation.python), variables),
            }
            for contender in contenders.values():
                contender.sample()  # what is compiled once is compiled now
            in_turn(contenders, rounds, outcome)
        return outcome


class Shell:
    """The shell on a terminal of its own."""

    def __init__(self, command: str, variables: dict[str, str]) -> None:
        self._command = command
        self._variables = variables

    def sample(self) -> float:
        """The seconds until the prompt stands there."""
        if sys.platform == "win32":
            raise Unavailable("needs a pseudo-terminal")
        import pty

        ours, theirs = pty.openpty()
        start = time.perf_counter()
        process = subprocess.Popen(
            [self._command], stdin=theirs, stdout=theirs, stderr=theirs, env=self._variables
        )
        os.close(theirs)
        try:
            written = b""
            while PROMPT not in written:
                ready, _, _ = select.select([ours], [], [], PATIENCE)
                if not ready:
                    raise Unavailable("no prompt came")
                piece = os.read(ours, 65536)
                written += piece
                if WHERE_IS_THE_CURSOR in piece:
                    os.write(ours, b"\x1b[1;1R")
            return time.perf_counter() - start
        finally:
            process.kill()
            process.wait()
            os.close(ours)


class Imports:
    """Python's own part of numpy and prompt_toolkit together."""

    def __init__(self, python: str, variables: dict[str, str]) -> None:
        self._python = python
        self._variables = variables

    def sample(self) -> float:
        """The seconds of the imports, without those of a Python that imports nothing."""
        return self._seconds("import numpy, prompt_toolkit") - self._seconds("pass")

    def _seconds(self, text: str) -> float:
        start = time.perf_counter()
        subprocess.run([self._python, "-c", text], check=True, env=self._variables)
        return time.perf_counter() - start
