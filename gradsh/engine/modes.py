"""The engine's only mutable module state: grad mode, what runs, critical sections, the journal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsh.engine.journal import Journal


class GradMode:
    """Whether operations record themselves in the graph."""

    __slots__ = ("recording",)

    def __init__(self) -> None:
        self.recording = True


GRAD_MODE = GradMode()


class Running:
    """What of a program runs now, as whoever runs it says; what is recorded remembers it.

    To the engine `place` is any object; None where nobody says.
    """

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place: object = None


RUNNING = Running()


class set_grad_enabled:  # noqa: N801 (PyTorch names it so)
    """Context manager: recording is switched to `recording` inside and restored on the way out."""

    __slots__ = ("_recording", "_before")

    def __init__(self, recording: bool) -> None:
        self._recording = recording
        self._before = GRAD_MODE.recording

    def __enter__(self) -> None:
        self._before = GRAD_MODE.recording
        GRAD_MODE.recording = self._recording

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        GRAD_MODE.recording = self._before


def no_grad() -> set_grad_enabled:
    """Context in which nothing is recorded (PyTorch's `torch.no_grad`)."""
    return set_grad_enabled(False)


def enable_grad() -> set_grad_enabled:
    """Context in which operations are recorded again (PyTorch's `torch.enable_grad`)."""
    return set_grad_enabled(True)


def is_grad_enabled() -> bool:
    """True where operations are recorded.

    is_grad_enabled()
    """
    return GRAD_MODE.recording


class Interrupts:
    """Holds an interrupt back while a value is half-written.

    A front's SIGINT handler calls `request()`. Outside a critical section that raises
    KeyboardInterrupt at once; inside (`with INTERRUPTS:`) it waits for the end of the section,
    so that data, version and graph of a tensor always change together.
    """

    __slots__ = ("_depth", "_pending")

    def __init__(self) -> None:
        self._depth = 0
        self._pending = False

    def request(self) -> None:
        """Raise KeyboardInterrupt now, or at the end of the critical section."""
        if self._depth:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._pending and not self._depth:
            self._pending = False
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()


class Changes:
    """The journal that is told what is about to change; None: nobody wants to know.

    Nodes with a lower number than `oldest` were there before the journal; 0 without one.
    """

    __slots__ = ("journal", "oldest")

    def __init__(self) -> None:
        self.journal: Journal | None = None
        self.oldest: float = 0

    def begin(self, journal: Journal, oldest: float) -> None:
        """Tell `journal` from now on; the next node has the number `oldest`."""
        self.journal = journal
        self.oldest = oldest

    def end(self) -> None:
        """Tell nobody from now on."""
        self.journal = None
        self.oldest = 0


CHANGES = Changes()
