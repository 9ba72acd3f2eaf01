"""Read an entry, run it, report, and again: what the shell does between two prompts."""

from __future__ import annotations

import errno
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType

from gradsh import __version__
from gradsh.language import Unit
from gradsh.session import Fault, Interrupted, Session
from gradsh.session.entries import Dialogue
from gradsh.session.faults import fault_of
from gradsh.session.interrupts import install
from gradsh.shell.patience import Patience
from gradsh.shell.plain import CONTINUATION, PROMPT, read_plain
from gradsh.shell.printer import Printer
from gradsh.shell.quiet_help import QuietHelp

SOURCE = "<shell>"
_QUESTION = re.compile(r"\s*(\?)?\s*((?:[^\W\d]\w*\.)*[^\W\d]\w*)\s*(?(1)|\?)\s*")
"""`mean?` or `?mean`, as IPython has them."""
LEAVE_WORDS = ("exit", "quit", "exit()", "quit()")

ReadEntry = Callable[[], str]
"""Gives what the user has entered. EOFError when they leave, KeyboardInterrupt to begin anew."""


TERMINATED = 128 + signal.SIGTERM


def _terminate(number: int, frame: FrameType | None) -> None:
    """End in order, so that the terminal is left as it was found."""
    raise SystemExit(TERMINATED)


class Loop:
    """The shell's loop over a session.

    Lines are numbered through all entries, so that `<shell>:12` says which one is meant.
    """

    __slots__ = ("_dialogue", "_help", "_line", "_patience", "_printer", "_read", "_session")

    def __init__(self, session: Session, read: ReadEntry, printer: Printer | None = None) -> None:
        self._session = session
        self._read = read
        self._printer = Printer(sys.stderr) if printer is None else printer
        self._line = 1
        self._patience = Patience(self._printer.aside)
        if session.dialogue is None:
            session.dialogue = Dialogue(session)
        self._dialogue = session.dialogue
        self._help = QuietHelp(session)

    def run(self, *, greet: bool) -> int:
        """Go on until the user leaves; the exit status."""
        install(always=True)
        signal.signal(signal.SIGTERM, _terminate)
        if greet:
            self._session.output.write(
                f"gradsh {__version__}  (`help` has topics and examples, Ctrl-D leaves)\n"
            )
        while True:
            try:
                entry = self._next_entry()
                if self._leaves(entry):
                    return 0
                if entry.strip():
                    self._run(entry)
            except EOFError:
                return 0
            except KeyboardInterrupt:
                continue

    def _run(self, entry: str) -> None:
        """Evaluate an entry. Not even a fault of the shell itself ends it."""
        line = self._line
        try:
            self.evaluate(entry)
        except Exception as error:  # noqa: BLE001
            fault = fault_of(error)
            fault.diagnostic.source, fault.diagnostic.line = SOURCE, line
            self._printer.fault(fault)

    def evaluate(self, entry: str) -> None:
        """Run all statements of an entry, up to the first that fails, and report that one.

        Nothing is run if there is a syntax error anywhere in the entry.
        """
        failed = True
        line = self._line
        self._line += entry.count("\n") + 1
        self._dialogue.begin(entry, line)
        self._help.begin()
        try:
            with self._patience:
                for unit in self._compiled(entry, line):
                    self._session.execute(unit)
                    self._dialogue.ran(unit)
                    self._help.ran(unit)
            failed = False
        except Interrupted as interrupted:
            self._printer.interrupted(interrupted.diagnostic)
        except KeyboardInterrupt:
            self._printer.interrupted(None)
        except Fault as fault:
            self._printer.fault(fault)
        except Exception as error:  # noqa: BLE001 (whatever went wrong, the session goes on)
            self._printer.fault(fault_of(error))
        finally:
            self._dialogue.end(failed=failed)
            self._help.end()

    def _compiled(self, entry: str, line: int) -> list[Unit]:
        question = _QUESTION.fullmatch(entry)
        if question is not None:
            entry = f"help {question[2]}"
        elif entry.strip() == "?":
            entry = "help"
        reader = self._session.reader(SOURCE, line)
        return [*reader.feed(entry + "\n"), *reader.finish()]

    def _next_entry(self) -> str:
        """What the user enters; if the editor itself fails, the plain prompt takes its place.

        What waits to be run comes first, and is shown as if it had been typed. EOFError when the
        user leaves or the terminal is gone.
        """
        if self._dialogue.waiting:
            entry = self._dialogue.waiting.pop(0)
            self._dialogue.store(entry)
            shown = entry.replace("\n", f"\n{CONTINUATION}")
            self._session.output.write(f"{PROMPT}{shown}\n")
            return entry
        try:
            return self._read()
        except Exception as error:
            if isinstance(error, EOFError):
                raise
            if isinstance(error, OSError) and error.errno == errno.EIO:
                raise EOFError from None
            install(always=True)
            self._printer.fault(fault_of(error))
            if self._read is read_plain:
                raise
            self._read = read_plain
            return self._read()

    def _leaves(self, entry: str) -> bool:
        word = entry.strip()
        return word in LEAVE_WORDS and word.removesuffix("()") not in self._session.variables
