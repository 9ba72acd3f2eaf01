"""The command line: which program runs, where its output goes, and the exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, TextIO

from gradsh.options import (
    CONVERT,
    Invocation,
    UsageError,
    conversion_help,
    help_text,
    parse,
    parse_conversion,
)
from gradsh.shell.early import hold_echo, release_echo

if TYPE_CHECKING:
    from gradsh.session import Fault, Output, Session

SUCCESS: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130

_STANDARD_INPUT: Final = 0
_STANDARD_OUTPUT: Final = 1
# what Windows says of a pipe that nobody reads is EINVAL
_NOBODY_READS: Final = (errno.EPIPE, errno.EINVAL, errno.EBADF)


def main(arguments: Sequence[str]) -> int:
    """Run `gradsh` with these arguments; the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        if arguments[:1] == [CONVERT]:
            return _convert(arguments[1:])
        invocation = parse(arguments)
        if not (_has_program(invocation) or invocation.configures):
            hold_echo()
        return _run(invocation)
    except UsageError as error:
        hint = f"hint: {error.hint}\n" if error.hint else ""
        _complain(f"gradsh: {error}\n{hint}")
        return WRONG_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 (a bug outside of any statement)
        from gradsh.session.faults import fault_of

        fault = fault_of(error)
        fault.__cause__ = error
        _report(fault)
        return FAILED
    finally:
        release_echo()


def _run(invocation: Invocation) -> int:
    if "help" in invocation.flags:
        return _write_out(help_text())
    if "version" in invocation.flags:
        from gradsh import __version__

        return _write_out(f"gradsh {__version__}\n")

    import gc

    gc.disable()  # nothing that is loaded now will ever be garbage
    from gradsh.session import OutputClosed, Session, interrupts, warnings

    gc.freeze()
    # Graphs have no cycles, so collecting seldom frees anything; looking often costs as much as
    # the operations of a long chain themselves.
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
    program_on_standard_input = not invocation.texts and invocation.file in (None, "-")
    session = Session(
        _output(invocation),
        safe="safe" in invocation.flags,
        arguments=invocation.arguments,
        data=None if program_on_standard_input else _STANDARD_INPUT,
    )
    import_module("gradsh.shell.preferences")  # declares what --set may set of the shell
    if invocation.configures:
        from gradsh.configuration import run_config

        return run_config(invocation.arguments)
    configured = "no-config" not in invocation.flags and _enters_shell(invocation)
    if configured:
        from gradsh.configuration import configure

        configure()
    for name, text in invocation.settings:
        try:
            session.change_setting(name, text)
        except (TypeError, ValueError) as error:
            raise UsageError(f"--set {name}={text}: {error}", _hint_of(error)) from None
    interrupts.install()
    warnings.install(_complain)
    try:
        if configured:
            from gradsh.configuration import run_startup

            run_startup(session)
        return _run_fronts(session, invocation)
    except OutputClosed as closed:
        return _output_closed(closed.error)


def _run_fronts(session: Session, invocation: Invocation) -> int:
    """The program, the shell, or one after the other."""
    if _has_program(invocation):
        status = _run_programs(session, invocation)
        if not _enters_shell(invocation):
            return status
        _take_terminal()
    from gradsh.shell import main as run_shell

    return run_shell(session, quiet="quiet" in invocation.flags)


def _has_program(invocation: Invocation) -> bool:
    if invocation.texts or invocation.file is not None:
        return True
    return not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout))


def _enters_shell(invocation: Invocation) -> bool:
    return "interactive" in invocation.flags or not _has_program(invocation)


def _run_programs(session: Session, invocation: Invocation) -> int:
    """Every program that the command line names, up to the first error unless it says otherwise."""
    from gradsh.session import Fault, Interrupted

    status = SUCCESS

    def go_on(fault: Fault) -> None:
        nonlocal status
        status = FAILED
        _report(fault, session.output)

    on_fault = go_on if "keep-going" in invocation.flags else None
    try:
        for text in invocation.texts:
            _run_text(session, text, on_fault)
        if not invocation.texts:
            _run_source(session, invocation.file, on_fault)
    except Fault as fault:
        _report(fault, session.output)
        return FAILED
    except Interrupted as interrupted:
        place = interrupted.diagnostic
        _complain(f"{place.source}:{place.line}:{place.column}: interrupted\n")
        return INTERRUPTED
    return status


def _run_text(session: Session, text: str, on_fault: Callable[[Fault], None] | None) -> None:
    from gradsh.session.sources import decoded

    given = text.encode("utf-8", "surrogateescape")
    session.run_pieces(decoded([given], "-c"), "-c", on_fault)


def _run_source(
    session: Session, path: str | None, on_fault: Callable[[Fault], None] | None
) -> None:
    """The program in a file, or on standard input if the path is None or `-`."""
    from gradsh.session.sources import chunks, decoded, open_program

    try:
        if path is None or path == "-":
            if sys.stdin is not None:  # closed: there is nothing to run
                pieces = decoded(chunks(_STANDARD_INPUT), "<stdin>")
                session.run_pieces(pieces, "<stdin>", on_fault)
            return
        descriptor = open_program(path)
        with session.running(path):
            session.run_pieces(decoded(chunks(descriptor), path), path, on_fault)
    except OSError as error:
        name = "standard input" if path is None or path == "-" else f"'{path}'"
        raise UsageError(f"cannot read {name}: {error.strerror}", _hint_for(path)) from None


def _convert(arguments: Sequence[str]) -> int:
    """`gradsh convert`: a program in, another out, and what could not be turned told."""
    wanted = parse_conversion(arguments)
    if wanted.help:
        return _write_out(conversion_help())
    from gradsh.session import Fault
    from gradsh.session.converting import ConversionError, convert, write

    try:
        text, refusals = convert(wanted.file, _source(wanted.file), wanted.target)
        if wanted.output is not None:
            write(text, wanted.output, wanted.file)
    except Fault as fault:
        _report(fault)
        return FAILED
    except ConversionError as error:
        raise UsageError(str(error), _hint_of(error)) from None
    for refusal in refusals:
        _complain(f"{refusal}\n")
    status = FAILED if refusals else SUCCESS
    return status if wanted.output is not None else _write_out(text) or status


def _source(path: str) -> str:
    """The text of the file at a path, or of standard input."""
    from gradsh.session.converting import read_program
    from gradsh.session.sources import chunks, decoded

    if path == "-":
        return "".join(decoded(chunks(_STANDARD_INPUT), "<stdin>"))
    try:
        return read_program(path)
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}", _hint_for(path)) from None


def _hint_for(path: str | None) -> str | None:
    """What may have been meant by a path that cannot be read."""
    if path is None or os.path.exists(path):
        return None
    if os.path.isfile(path + ".grad"):
        return f"did you mean {path}.grad?"
    if any(character in path for character in " =()[]+*;"):
        return "to run a text, write `gradsh -c 'TEXT'`"
    return None


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _take_terminal() -> None:
    """Let the shell read from the terminal after the program came from standard input."""
    if _is_terminal(sys.stdin):
        return
    try:
        terminal = os.open(os.ctermid(), os.O_RDWR)
    except (AttributeError, OSError):
        raise UsageError("-i needs a terminal", None) from None
    os.dup2(terminal, _STANDARD_INPUT)
    os.close(terminal)
    sys.stdin = open(_STANDARD_INPUT, encoding="utf-8", closefd=False)  # noqa: SIM115


def _output(invocation: Invocation) -> Output:
    from gradsh.session.output import ColourOutput, JsonOutput, TextOutput

    if "json" in invocation.flags:
        return JsonOutput(sys.stdout)
    if (
        _is_terminal(sys.stdout)
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") not in ("dumb", "unknown")
    ):
        return ColourOutput(sys.stdout)
    return TextOutput(sys.stdout)


def _output_closed(error: Exception) -> int:
    """End: silently if nobody reads the output any more, else saying why it cannot be written."""
    _discard_output()
    if isinstance(error, OSError) and error.errno not in _NOBODY_READS:
        _complain(f"gradsh: cannot write the output: {error.strerror}\n")
        return FAILED
    return SUCCESS


def _discard_output() -> None:
    """Send what is still held back for standard output nowhere, so that it cannot fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_OUTPUT)
    os.close(nowhere)


def _write_out(text: str) -> int:
    try:
        if sys.stdout is not None:
            sys.stdout.write(text)
            sys.stdout.flush()
    except OSError as error:
        return _output_closed(error)
    return SUCCESS


def _report(fault: Fault, output: Output | None = None) -> None:
    """An error on standard error; with GRADSH_TRACEBACK, a bug's place in gradsh too.

    An output for machines gets it as well.
    """
    if fault.internal and os.environ.get("GRADSH_TRACEBACK") and fault.__cause__ is not None:
        from traceback import format_exception

        _complain("".join(format_exception(fault.__cause__)))
    _complain(fault.diagnostic.render() + "\n")
    if output is not None:
        from gradsh.session import ErrorValue

        output.fault(ErrorValue(fault.diagnostic))


def _complain(text: str) -> None:
    """Write to standard error; if nobody reads that either, nobody wants to know."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _hint_of(error: Exception) -> str | None:
    notes = getattr(error, "__notes__", None)
    return str(notes[0]) if notes else None
