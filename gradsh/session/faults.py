"""Errors on their way from a program to its user."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final

from gradsh.language import SyntaxFault

if TYPE_CHECKING:
    from gradsh.language import Diagnostic, Unit

INTERNAL_HINT: Final = (
    "this is a fault of gradsh, not of the program; please report it as CONTRIBUTING.md says, "
    "with this message, the line and what `gradsh --version` prints "
    "(GRADSH_TRACEBACK=1 shows where in gradsh it happened)"
)
_MISTAKES: Final = (
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    StopIteration,
    SystemError,
)
"""What Python raises by itself when gradsh's own code has a fault."""


class Fault(Exception):
    """A statement failed; `diagnostic` says where and why, and `internal` that it is our fault.

    The error itself, with its traceback, is the `__cause__`.
    """

    def __init__(self, diagnostic: Diagnostic, *, internal: bool = False) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.internal = internal


class Interrupted(KeyboardInterrupt):
    """The user interrupted a statement; `diagnostic` says where it was."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__()
        self.diagnostic = diagnostic


class ErrorValue(Exception):
    """What `catch e` binds: the message and the place of an error, without the error's frames.

    It is an exception only so that it is shown as one.
    """

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message.partition("\n")[0])
        self.message = diagnostic.message
        self.source = diagnostic.source
        self.line = diagnostic.line
        self.column = diagnostic.column
        self.hint = diagnostic.hint


def fault_of(error: BaseException, unit: Unit | None = None) -> Fault:
    """The Fault that reports `error`, raised while `unit` ran or was read.

    This is the one place where faults of gradsh itself are told from faults of the program.
    """
    if isinstance(error, Fault):
        return error
    if isinstance(error, SyntaxFault):
        return Fault(error.diagnostic)
    diagnostic = diagnostic_of(error, unit)
    internal = _is_internal(error)
    if internal:
        diagnostic.message = f"internal error: {type(error).__name__}: {error}"
        diagnostic.hint = INTERNAL_HINT
    return Fault(diagnostic, internal=internal)


def diagnostic_of(error: BaseException, unit: Unit | None = None) -> Diagnostic:
    """The report of an error in the user's words."""
    from gradsh.language import Diagnostic, diagnose

    if isinstance(error, Fault):
        return error.diagnostic
    try:
        return diagnose(error, unit)
    except Exception:  # noqa: BLE001
        # a report of sorts is better than none
        source, line, column = ("", 1, 1) if unit is None else (unit.source, unit.line, unit.column)
        return Diagnostic(source, line, column, column + 1, f"{type(error).__name__}: {error}", "")


def _is_internal(error: BaseException) -> bool:
    """Whether Python raised it of its own accord in code that is not the program's."""
    if not isinstance(error, _MISTAKES) or isinstance(error, IndexError):
        return False
    innermost = _innermost(error.__traceback__)
    if innermost is None:
        return False
    code = innermost.tb_frame.f_code
    if code.co_filename.startswith("<gradsh>"):
        return False
    from dis import opname

    return opname[code.co_code[innermost.tb_lasti]] not in ("RAISE_VARARGS", "RERAISE")


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback
