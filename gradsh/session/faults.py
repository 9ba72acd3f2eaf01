"""Errors on their way from a program to its user."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Final

from gradsh.engine.arguments import refuse, type_name
from gradsh.engine.op import FUNCTIONS, OPS
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
        self.diagnostic = diagnostic
        self.message = diagnostic.message
        self.source = diagnostic.source
        self.line = diagnostic.line
        self.column = diagnostic.column
        self.hint = diagnostic.hint


def fault_of(error: BaseException, unit: Unit | None = None, recent: Sequence[Unit] = ()) -> Fault:
    """The Fault that reports `error`, raised while `unit` ran or was read, after `recent` ones.

    This is the one place where faults of gradsh itself are told from faults of the program.
    """
    if isinstance(error, Fault):
        return error
    if isinstance(error, SyntaxFault):
        return Fault(error.diagnostic)
    diagnostic = diagnostic_of(error, unit, recent)
    internal = _is_internal(error) and refused_argument(error) is None
    if internal:
        diagnostic.message = f"internal error: {type(error).__name__}: {error}"
        diagnostic.hint = INTERNAL_HINT
    return Fault(diagnostic, internal=internal)


def diagnostic_of(
    error: BaseException, unit: Unit | None = None, recent: Sequence[Unit] = ()
) -> Diagnostic:
    """The report of an error in the user's words."""
    from gradsh.language import Diagnostic, diagnose

    if isinstance(error, Fault):
        return error.diagnostic
    try:
        refused = refused_argument(error)
        if refused is not None:
            for note in getattr(error, "__notes__", ()):
                refused.add_note(note)
            error = refused.with_traceback(error.__traceback__)
        diagnostic = diagnose(error, unit)
    except Exception:  # noqa: BLE001
        # a report of sorts is better than none
        source, line, column = ("", 1, 1) if unit is None else (unit.source, unit.line, unit.column)
        return Diagnostic(source, line, column, column + 1, f"{type(error).__name__}: {error}", "")
    if not isinstance(error, KeyboardInterrupt):
        from gradsh.session.related import add_related

        with suppress(Exception):  # the report is good without what is related to it
            add_related(diagnostic, error, recent)
    return diagnostic


def refused_argument(error: BaseException) -> TypeError | None:
    """PyTorch's complaint, if the error is that a built-in function got what is no tensor.

    A function composed of operations reads its arguments only when it computes with them, so
    that calling it costs nothing more; what it, or one of its operations, stumbles over then is
    put in terms of the function that the program called.
    """
    if not isinstance(error, (AttributeError, TypeError)):
        return None
    frame = _called_by_program(error.__traceback__)
    if frame is None:
        return None
    code = frame.f_code
    names = (
        name for name, call in FUNCTIONS.loaded.items() if getattr(call, "__code__", None) is code
    )
    function = next(names, code.co_name)
    if isinstance(error, TypeError):
        part, parentheses, complaint = str(error).partition("()")
        if not parentheses or part in FUNCTIONS or part not in OPS:
            return None
        return TypeError(f"{function}(){complaint}")
    if error.name is None or error.name.startswith("."):
        return None  # written in the program itself
    count = code.co_argcount + code.co_kwonlyargcount
    gathers = bool(code.co_flags & 0x04)  # inspect.CO_VARARGS
    for position, name in enumerate(code.co_varnames[: count + gathers]):
        given = frame.f_locals.get(name)
        index = _index_in(given, error.obj)
        if index is not None:
            return TypeError(
                f"expected Tensor as element {index} in argument {position}, "
                f"but got {type_name(error.obj)}"
            )
        if given is error.obj:
            wanted = "torch.dtype" if name == "dtype" else "Tensor"
            return refuse(function, name, position + 1, wanted, given)
    return None


def _index_in(values: object, wanted: object) -> int | None:
    """Where a list or tuple, or one in it, holds an object."""
    if not isinstance(values, (list, tuple)):
        return None
    for index, item in enumerate(values):
        if item is wanted:
            return index
        inner = _index_in(item, wanted)
        if inner is not None:
            return inner
    return None


def _called_by_program(traceback: TracebackType | None) -> FrameType | None:
    """The outermost frame of the engine inside the innermost code of a program."""
    found: FrameType | None = None
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if traceback.tb_frame.f_code.co_filename.startswith("<gradsh>"):
            found = None
        elif found is None and module.startswith("gradsh.engine."):
            found = traceback.tb_frame
        traceback = traceback.tb_next
    return found


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
