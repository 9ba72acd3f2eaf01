"""What a session has where someone types entries one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gradsh.engine.modes import INTERRUPTS
from gradsh.session.undoing import UndoLog

if TYPE_CHECKING:
    from gradsh.language import Unit
    from gradsh.session.recorder import Recorder
    from gradsh.session.session import Session


class Past(NamedTuple):
    """An entry of an earlier session: when it was entered (as text), and what."""

    time: str
    text: str


class Step:
    """A statement of an entry that was run without an error.

    `names` are those an assignment bound and `mentioned` all in it. It showed the values with the
    numbers from `first` to before `end`. `stands` says that it was not taken back, `changed` that
    it did more than show something.
    """

    __slots__ = ("changed", "end", "first", "mentioned", "names", "stands", "text")

    def __init__(self, unit: Unit, first: int, end: int) -> None:
        self.text = unit.text + ";" * unit.quiet
        self.names = unit.names
        self.mentioned = unit.mentioned
        self.first = first
        self.end = end
        self.stands = True
        self.changed = True


class Entry:
    """What was entered. `number` is its first line's, as messages name it (`<shell>:12`)."""

    __slots__ = ("failed", "number", "steps", "text")

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text
        self.steps: list[Step] = []
        self.failed = False

    @property
    def taken_back(self) -> bool:
        """Whether all that it changed was taken back."""
        changes = [step for step in self.steps if step.changed]
        return bool(changes) and not any(step.stands for step in changes)


class Dialogue:
    """The entries of a session, in their order, and what can be done with them.

    A front tells when an entry begins and ends. It may give what was entered `past` the session's
    start, an `editor` (a text to what became of it, None if nothing is to be run), and `store`,
    which keeps an entry that was not typed. What is in `waiting` is to be run as if it were entered
    next.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.entries: list[Entry] = []
        self.undo_log = UndoLog(session)
        self.recorder: Recorder | None = None
        self.waiting: list[str] = []
        self.past: Callable[[], Iterable[Past]] = list
        self.editor: Callable[[str], str | None] | None = None
        self.store: Callable[[str], object] = str
        self._first = 1

    def begin(self, text: str, number: int) -> None:
        """An entry begins."""
        with INTERRUPTS:
            self.entries.append(Entry(number, text))
            self.undo_log.begin(text)
            self._first = self.session.shown + 1

    def ran(self, unit: Unit) -> None:
        """A statement of the entry has been run."""
        end = self.session.shown + 1
        step = Step(unit, min(self._first, end), end)
        self._first = end
        self.entries[-1].steps.append(step)
        if self.undo_log.current is not None:
            self.undo_log.current.steps.append(step)

    def end(self, *, failed: bool) -> None:
        """The entry is over."""
        with INTERRUPTS:
            self.entries[-1].failed = failed
            self.undo_log.finish()
            if self.recorder is not None:
                self.recorder.write()

    def wrote(self, path: Any) -> None:
        """The entry has written a file."""
        if self.undo_log.current is not None:
            self.undo_log.current.files.append(repr(str(path)))

    def latest(self) -> Sequence[Entry]:
        """The entries before the one that runs now."""
        return self.entries[:-1]
