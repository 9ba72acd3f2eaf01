"""Where what a program shows and prints goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from gradsh.display.values import shown, text

if TYPE_CHECKING:
    from rich.console import Console

    from gradsh.display.progress import Bar
    from gradsh.session.faults import ErrorValue


class Progress(Protocol):
    """What work that takes long tells of itself."""

    def update(self, done: int, loss: float | None = None) -> None:
        """So many steps are done, the last of them with this loss."""


class _Unseen:
    """Progress that nobody watches."""

    def update(self, done: int, loss: float | None = None) -> None:
        """Nothing is told."""


class OutputClosed(BaseException):
    """Nobody reads the output any more, or it cannot be written; `error` says why.

    Not an Exception, so that a program's own `try` does not catch it and print on.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Output:
    """What a front gives a session to write to. A front overrides `write`, and what else it likes.

    Every method may raise OutputClosed. `shows_progress` says whether `progress` is seen by anyone,
    and `is_terminal` whether the output is a terminal.
    """

    shows_progress = False
    is_terminal = False
    walker: Callable[[Sequence[str]], int] | None = None
    """Lets the user go through pages of text key by key, and says at which one they leave; None
    where nobody presses keys."""

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Progress]:
        """A context for work of `total` steps, whose value is told how far it is."""
        yield _Unseen()

    def settle(self) -> None:
        """Leave nothing on the screen that tells of progress."""

    def write(self, text: str) -> None:
        """Write text as it is, at once."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """Write a line of words, broken between them where the terminal is narrow."""
        self.write(text + "\n")

    def remark(self, text: str) -> None:
        """Write a line that tells of what was just shown."""
        self.write(text + "\n")

    def fault(self, error: ErrorValue) -> None:
        """A program has failed, and standard error says so; here nothing more need be said."""

    def print(self, values: tuple[object, ...]) -> None:
        """What the statement `print` does with its values."""
        self.write(" ".join([text(value) for value in values]) + "\n")

    def show(self, value: object, name: str | None = None) -> None:
        """Show the value of an expression, or of the variable `name` that was just bound."""
        line = shown(value)
        if name is not None:
            line = _labelled(name, line)
        self.write(line + "\n")


def _labelled(name: str, text: str) -> str:
    """`name = text`, with the later lines of the text moved along."""
    label = f"{name} = "
    return label + text.replace("\n", "\n" + " " * len(label))


class TextOutput(Output):
    """Plain text to a stream, flushed after each write."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.is_terminal = stream is not None and stream.isatty()

    def write(self, text: str) -> None:
        """Write text; a stream that is None takes everything and keeps nothing."""
        stream = self.stream
        if stream is None:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError) as error:
            raise OutputClosed(error) from None


class JsonOutput(TextOutput):
    """One JSON object a line for every value that is shown or printed."""

    def remark(self, text: str) -> None:
        """Leave it out: only values are objects."""

    def fault(self, error: ErrorValue) -> None:
        """Write the error as an object too, with all its places."""
        self.show(error)

    def print(self, values: tuple[object, ...]) -> None:
        """An object for each of the values."""
        for value in values:
            self.show(value)

    def show(self, value: object, name: str | None = None) -> None:
        """Write the value as a JSON object."""
        if self.stream is None:
            return
        from gradsh.display.json import write_json

        if isinstance(value, BaseException):
            import gradsh.session.error_data  # noqa: F401 (declares how errors are written)

        try:
            write_json(self.stream, name, value)
            self.stream.flush()
        except (OSError, ValueError) as error:
            raise OutputClosed(error) from None


class ColourOutput(TextOutput):
    """Text in colour to a terminal, and a bar for work that takes long."""

    shows_progress = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console: Console | None = None
        self._bar: Bar | None = None

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Progress]:
        """A bar, unless there is one already; what is written meanwhile stands above it."""
        if self._bar is not None:
            yield _Unseen()
            return
        from gradsh.display.progress import Bar

        bar = self._bar = Bar(self._open_console(), label, total)
        try:
            yield bar
        finally:
            bar.close()
            if self._bar is bar:
                self._bar = None

    def settle(self) -> None:
        """Take a bar off that the work itself has not taken off: it failed or was interrupted."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def write(self, text: str) -> None:
        """Write text; above the bar, if there is one."""
        if self._bar is None:
            super().write(text)
        else:
            self._bar.write_above(text)

    def show(self, value: object, name: str | None = None) -> None:
        """Show the value with its parts in different colours."""
        line = shown(value)
        if name is not None:
            line = _labelled(name, line)
        self._write_styled(line, value)

    def say(self, text: str) -> None:
        """Write the line, broken between words where it is wider than the terminal."""
        console = self._open_console()
        if not console.is_terminal or len(text) <= console.width:
            self.write(text + "\n")
            return
        from rich.text import Text

        for line in Text(text).wrap(console, console.width):
            self.write(line.plain.rstrip() + "\n")

    def remark(self, text: str) -> None:
        """Write the line so that it stands back behind the values."""
        try:
            self._open_console().print(text, style="dim", soft_wrap=True, markup=False)
        except (OSError, ValueError) as error:
            raise OutputClosed(error) from None

    def print(self, values: tuple[object, ...]) -> None:
        """Print one value in colour; several, and texts, as they are."""
        if len(values) == 1 and not isinstance(values[0], str):
            self._write_styled(text(values[0]), values[0])
        else:
            super().print(values)

    def _write_styled(self, line: str, value: object) -> None:
        # rich costs as much start-up as half of numpy: only what is shown in colour pays for it
        from gradsh.display.colour import write

        try:
            write(self._open_console(), line, value)
        except (OSError, ValueError) as error:
            raise OutputClosed(error) from None

    def _open_console(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stream, soft_wrap=True, highlight=False)
        return self._console
