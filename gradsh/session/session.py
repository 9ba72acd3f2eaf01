"""The session itself."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradsh.engine.hooks import RemovableHandle
from gradsh.engine.memory import keep_freed_memory
from gradsh.engine.modes import GRAD_MODE, RUNNING
from gradsh.engine.tensor import Tensor
from gradsh.language import Reader, SyntaxFault, Unit, fusion
from gradsh.language.fusion import Parts
from gradsh.language.reader import in_parts
from gradsh.session import settings
from gradsh.session.builtins import SHARED
from gradsh.session.commands import refusal, run_command
from gradsh.session.faults import ErrorValue, Fault, Interrupted, diagnostic_of, fault_of
from gradsh.session.files import Files
from gradsh.session.operations import iterate
from gradsh.session.output import Output, TextOutput
from gradsh.session.sources import chunks, decoded, open_program
from gradsh.session.unloaded import Loading, Unloaded, loaded

if TYPE_CHECKING:
    from gradsh.engine.watch import Watch
    from gradsh.session.entries import Dialogue

np.seterr(all="ignore")  # as in PyTorch, 1/0 is inf and log(-1) is nan without a word
keep_freed_memory()

MAXIMUM_RECENT: Final = 200
"""So many statements are kept, for an error that asks what a value was computed from."""

ReportFault = Callable[[Fault], None]
Done = tuple[str, str, int, bool]
"""A statement that was run: its text, its source and line, and whether it showed its value."""

MAXIMUM_DONE: Final = 10_000
"""How many statements a session remembers: more come from a pipe that nobody will export."""


class Session:
    """Names and their values, and where what is shown goes to.

    `output` takes what programs show and print. `echo` shows what assignments bind, and
    `numbered` keeps every shown value as `_1`, `_2`, ... (the shell wants both). `safe` refuses
    all that touches files. `arguments` are the texts that a program finds in `args`, and `data`
    is the descriptor that its `stdin()` reads; None where there is nothing to read. `anomaly`
    watches the operations of every statement, if it is there. `recent` are the last statements.
    `done` has those outside of it that were run without an error, up to MAXIMUM_DONE.
    `dialogue` has the entries of a shell; None where nobody types.
    """

    def __init__(
        self,
        output: Output | None = None,
        *,
        echo: bool = False,
        numbered: bool = False,
        safe: bool = False,
        arguments: Sequence[str] = (),
        data: int | None = None,
    ) -> None:
        self.output = TextOutput(sys.stdout) if output is None else output
        self.echo = echo
        self.numbered = numbered
        self.safe = safe
        self.data = data
        self.shown = 0
        self.anomaly: Watch | None = None
        self.done: list[Done] = []
        self.dialogue: Dialogue | None = None
        self._running: list[tuple[str, str]] = []
        self.recent: deque[Unit] = deque(maxlen=MAXIMUM_RECENT)
        self._remember = self.recent.append
        self._builtins: dict[str, Any] = {
            **SHARED,
            **Files(self).functions(),
            "@print": self._print,
            "@run": self.run_file,
            "@caught": self._caught,
            "@command": self._command,
            "args": tuple(arguments),
        }
        if self.output.shows_progress:
            self._builtins["@iterate"] = self._iterate
        self._unloaded = {name for name, value in self._builtins.items() if type(value) is Unloaded}
        self.namespace: dict[str, Any] = {"__builtins__": self._builtins}

    @property
    def variables(self) -> dict[str, Any]:
        """The user's names and their values."""
        return {name: value for name, value in self.namespace.items() if not name.startswith("__")}

    @property
    def builtins(self) -> Mapping[str, Any]:
        """The names that mean something without the user's doing."""
        return Loading(self._builtins)

    @property
    def names(self) -> list[str]:
        """Every name that means something now: the user's and the built-in ones."""
        builtin = (name for name in self._builtins if name.isidentifier())
        return sorted({*builtin, *self.variables})

    @property
    def last(self) -> dict[str, Any]:
        """The last shown value by its name `_`; nothing if none was shown."""
        return {"_": self._builtins["_"]} if "_" in self._builtins else {}

    def shown_values(self, first: int = 1, last: int | None = None) -> dict[str, Any]:
        """The numbered values by their names, from one number to another."""
        if not self.numbered:
            return {}
        end = self.shown if last is None else min(last, self.shown)
        names = (f"_{number}" for number in range(first, end + 1))
        return {name: self._builtins[name] for name in names}

    def set_shown(self, count: int, values: Mapping[str, Any], last: Mapping[str, Any]) -> None:
        """Let `count` values be the shown ones: those there are, without or with these `values`."""
        for name in ("_", *self.shown_values(count + 1)):
            self._builtins.pop(name, None)
        self._builtins.update({**values, **last})
        self.shown = count

    def change_setting(self, name: str, text: str) -> None:
        """`set name text`, as a front's own option gives it.

        Raises ValueError for an unknown setting, TypeError or ValueError for its value.
        """
        setting = settings.find(name)
        setting.change(setting.value_of(text, {}))

    # ------------------------------------------------------------------ running text

    def run(self, text: str, name: str = "<text>") -> None:
        """Run a whole program, statement by statement.

        Raises Fault at the first statement that fails, Interrupted if the user interrupts it.
        """
        self.run_pieces([text], name)

    def run_pieces(
        self, pieces: Iterable[str], name: str, on_fault: ReportFault | None = None
    ) -> None:
        """Run a program that comes in pieces: each statement as soon as it is complete.

        Without `on_fault` the first Fault is raised. With it every Fault is given to it, and the
        program goes on with its next statement.
        """
        place = RUNNING.place
        reader = self.reader(name)
        report = _raise if on_fault is None else on_fault
        try:
            for piece in pieces:
                self._run_units(reader, reader.feed(piece), report)
        except Fault as fault:
            report(fault)  # the pieces themselves are at fault, and end here
        else:
            self._run_units(reader, reader.finish(), report)
        finally:
            RUNNING.place = place

    def run_file(self, path: str) -> None:
        """Run the program in a file, as `run "file.grad"` does.

        A relative path starts from the program that runs now, or else from the current directory.
        Raises OSError if the file cannot be read, ValueError if it runs already, TypeError
        if `path` is no text, PermissionError in a safe session, and what `run` raises.
        """
        if self.safe:
            raise refusal("run")
        if not isinstance(path, str):
            raise TypeError(f"run takes the path of a file as a text, not {type(path).__name__}")
        path = self.beside_program(path)
        try:
            descriptor = open_program(path)
        except OSError as error:
            raise type(error)(f"cannot read '{path}': {error.strerror}") from None
        try:
            with self.running(path):
                self.run_pieces(decoded(chunks(descriptor), path), path)
        finally:
            os.close(descriptor)

    def beside_program(self, path: str) -> str:
        """A relative path as one that starts from the program that runs now, if there is one."""
        if not self._running:
            return path
        return os.path.join(os.path.dirname(self._running[-1][0]), path)

    def running(self, path: str) -> _Running:
        """A context in which `path` is the program that runs, so that it cannot run itself."""
        return _Running(self._running, path)

    def reader(self, name: str, first_line: int = 1) -> Reader:
        """A reader of statements for text that comes from `name`."""
        return Reader(name, first_line, Parts.WITHIN)

    def _run_units(self, reader: Reader, units: Iterator[Unit], report: ReportFault) -> None:
        while True:
            try:
                unit = next(units, None)
                if unit is None:
                    return
                self.execute(unit)
            except Fault as fault:
                report(fault)
            except Exception as error:  # noqa: BLE001
                # not only a SyntaxFault: a bug in the reader must not end the session either
                if not isinstance(error, SyntaxFault):
                    reader.reset()
                report(fault_of(error))
                units = reader.feed("")

    # ------------------------------------------------------------- running a statement

    def execute(self, unit: Unit) -> None:
        """Run one statement and show what it shows, and how long it took if that is wanted.

        Raises Fault if it fails and Interrupted if the user interrupts it. Either way, the grad
        mode is what it was before.
        """
        if not settings.SHOWN.timing:
            self._execute(unit)
            return
        from gradsh.session.timing import Timing

        with Timing(self.output, unit.text):
            self._execute(unit)

    def _execute(self, unit: Unit) -> None:
        recording = GRAD_MODE.recording
        watched = self.anomaly is not None and self.anomaly.watching  # by a statement around it
        RUNNING.place = unit
        self._remember(unit)
        try:
            if not self._unloaded.isdisjoint(unit.mentioned):
                self._load(unit.mentioned)
            if self.anomaly is not None:
                self.anomaly.start()
            if unit.is_simple and self._mentions_large(unit):
                unit = in_parts(unit)
            count = len(self.done)
            value = unit.run(self.namespace)
            if self.dialogue is None and len(self.done) == count < MAXIMUM_DONE:
                # what a program did that it ran is there already
                shows = unit.kind == "expression" and not unit.quiet
                self.done.append((unit.text, unit.source, unit.line, shows))
            if unit.quiet:
                return
            if unit.kind == "expression":
                if value is not None and not isinstance(value, RemovableHandle):
                    self.show(value)
            elif self.echo and unit.kind == "assignment":
                for name in unit.names:
                    self.show(self.namespace[name], name)
        except BaseException as error:
            GRAD_MODE.recording = recording
            self.output.settle()
            if isinstance(error, (Fault, Interrupted)):
                raise  # from a program that this statement runs, with its place there
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(diagnostic_of(error, unit)) from None
            if isinstance(error, Exception):
                raise fault_of(error, unit, self.recent) from error
            raise
        finally:
            if self.anomaly is not None and not watched:
                self.anomaly.stop()

    def _mentions_large(self, unit: Unit) -> bool:
        """Whether a statement names a tensor that is worth computing block by block."""
        variable = self.namespace.get
        for name in unit.mentioned:
            value = variable(name)
            if type(value) is Tensor and value.array.size >= fusion.LARGE:
                return True
        return False

    def _load(self, names: Iterable[str]) -> None:
        """Put those functions in place that are not there yet."""
        for name in self._unloaded.intersection(names):
            self._builtins[name] = loaded(self._builtins[name])
            self._unloaded.remove(name)

    def show(self, value: object, name: str | None = None) -> None:
        """Show a value; it is then `_`, and in a shell `_1`, `_2` and so on too."""
        self._builtins["_"] = value
        if self.numbered:
            self.shown += 1
            self._builtins[f"_{self.shown}"] = value
        self.output.show(value, name)
        if settings.SHOWN.show == "stats" and isinstance(value, Tensor):
            from gradsh.display.statistics import remark

            self.output.remark(remark(value.array))

    # ------------------------------------------------------------ what statements call

    def _print(self, *values: object) -> None:
        self.output.print(values)

    def _iterate(self, value: Any) -> Iterator[Any]:
        """What `for i in E` goes through; a range that takes long shows how far it is."""
        if type(value) is range and len(value) > 1:
            return self._watched(value)
        return iterate(value)

    def _watched(self, numbers: range) -> Iterator[int]:
        with self.output.progress("for", len(numbers)) as progress:
            for done, number in enumerate(numbers):
                progress.update(done)
                yield number

    def _caught(self, error: Exception) -> ErrorValue:
        if self.anomaly is not None:
            self.anomaly.start()  # if it raised the error, it has ended with that
        value = ErrorValue(diagnostic_of(error, recent=self.recent))
        error.__traceback__ = None  # the frames it leads to hold the error itself: a cycle
        return value

    def _command(self, name: str, values: tuple[Any, ...], parts: dict[str, Any]) -> object:
        return run_command(self, name, values, parts)


class _Running:
    """The context of `Session.running`."""

    __slots__ = ("_path", "_real_path", "_running")

    def __init__(self, running: list[tuple[str, str]], path: str) -> None:
        self._running = running
        self._path = path
        self._real_path = os.path.realpath(path)

    def __enter__(self) -> None:
        if any(real_path == self._real_path for _, real_path in self._running):
            error = ValueError(f"'{self._path}' runs itself")
            error.add_note("a file that is running cannot be run again from inside")
            raise error
        self._running.append((self._path, self._real_path))

    def __exit__(self, *error: object) -> None:
        self._running.remove((self._path, self._real_path))


def _raise(fault: Fault) -> None:
    raise fault
