"""The user's settings file and start-up program, which belong to the shell.

Both lie in the user's folder for configuration: `config.toml` holds settings by the names that
`set` knows, and `startup.grad` is run before the first prompt. Programs, `-c` and pipes read
neither, so that what they print never depends on whose account they run in.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from gradsh.options import UsageError
from gradsh.session import Fault, Interrupted, Session
from gradsh.session.settings import SETTINGS, Setting, find

VARIABLE: Final = "GRADSH_CONFIG"
ACTIONS: Final = ("path", "edit", "show")
_HEAD: Final = """\
# Settings of the gradsh shell. A line without the # in front is in force at the next start.
# `set NAME VALUE` in the shell and `--set NAME=VALUE` on the command line know the same names.
"""
_PLACE_IN_MESSAGE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


class Given(NamedTuple):
    """What a settings file gives: for each setting that it changes its line, and the faults."""

    lines: dict[str, int]
    faults: list[Fault]


def config_path() -> Path | None:
    """The settings file: the one that GRADSH_CONFIG names, or else the user's own.

    None where GRADSH_CONFIG is empty: then neither that file nor startup.grad is read.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_config_path

    return user_config_path("gradsh", appauthor=False) / "config.toml"


def startup_path(config: Path) -> Path:
    """The program that runs before the first prompt; it lies beside the settings file."""
    return config.with_name("startup.grad")


def apply_settings(path: Path) -> Given:
    """Change the settings that a file names; what is wrong in it changes nothing.

    A file that does not exist gives nothing. OSError if it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Given({}, [])
    import tomllib

    given = Given({}, [])
    text = content.decode(errors="replace")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        given.faults.append(_syntax_fault(path, text, str(error)))
        return given
    for name, value in table.items():
        key = re.search(rf"^[ \t]*\[*[ \t]*([\"']?{re.escape(name)}\b[\"']?)[^\n]*", text, re.M)
        line = text.count("\n", 0, key.start()) + 1 if key else 1
        try:
            if isinstance(value, dict):
                raise _table_error(name)
            setting = find(name)
            setting.change(setting.value_of(value, {}) if isinstance(value, str) else value)
        except (TypeError, ValueError) as error:
            column = key.start(1) - text.rfind("\n", 0, key.start(1)) if key else 1
            end = column + len(key[1]) if key else 2
            hint = next(iter(getattr(error, "__notes__", ())), None)
            given.faults.append(_fault(path, text, (line, column, end), str(error), hint))
        else:
            given.lines[name] = line
    return given


def _table_error(name: str) -> TypeError:
    error = TypeError(f"'{name}' is a table, and settings stand in none")
    error.add_note("write `precision = 6`, with no [table] above it")
    return error


def _syntax_fault(path: Path, text: str, message: str) -> Fault:
    """The fault of a file that is no TOML."""
    found = _PLACE_IN_MESSAGE.search(message)
    before = text.rstrip("\n")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    if found and found[1]:
        line, column = int(found[1]), int(found[2])
    message = _PLACE_IN_MESSAGE.sub("", message)
    hint = "a line of the file is `name = value`; a word as value stands in quotes"
    return _fault(path, text, (line, column, column + 1), message, hint)


def _fault(
    path: Path, text: str, place: tuple[int, int, int], message: str, hint: str | None
) -> Fault:
    from gradsh.language import Diagnostic

    lines = text.split("\n")
    line, column, end = place
    source_line = lines[line - 1] if line <= len(lines) else ""
    return Fault(Diagnostic(str(path), line, column, end, message, source_line, hint))


def configure() -> None:
    """Put the settings file in force. What is wrong in it is reported on standard error."""
    path = config_path()
    if path is None:
        return
    try:
        faults = apply_settings(path).faults
    except OSError as error:
        sys.stderr.write(f"gradsh: cannot read '{path}': {error.strerror}\n")
        return
    if faults:
        from gradsh.shell.printer import Printer

        for fault in faults:
            Printer(sys.stderr).fault(fault)


def run_startup(session: Session) -> None:
    """Run startup.grad, if there is one. A statement that fails is reported, and the next runs."""
    path = config_path()
    if path is None:
        return
    from gradsh.session.sources import chunks, decoded, open_program

    name = str(startup_path(path))
    try:
        descriptor = open_program(name)
    except FileNotFoundError:
        return
    except OSError as error:
        sys.stderr.write(f"gradsh: cannot read '{name}': {error.strerror}\n")
        return
    from gradsh.shell.printer import Printer

    printer = Printer(sys.stderr)
    try:
        with session.running(name):
            session.run_pieces(decoded(chunks(descriptor), name), name, printer.fault)
    except Interrupted as interrupted:
        printer.interrupted(interrupted.diagnostic)
    except KeyboardInterrupt:  # between two statements
        printer.interrupted(None)
    finally:
        os.close(descriptor)


def template() -> str:
    """A settings file that changes nothing and tells of every setting."""
    return "\n".join((_HEAD, *(_template_entry(setting) for setting in SETTINGS.values())))


def _template_entry(setting: Setting) -> str:
    value = "default" if setting.current is None else setting.current()
    return f"# {setting.purpose}\n# {setting.name} = {_toml(value)}\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return f'"{"none" if value is None else value}"'


# ------------------------------------------------------------------- gradsh config


def run_config(arguments: Sequence[str]) -> int:
    """`gradsh config path|edit|show`; the exit status.

    Raises UsageError for another action, and where no settings file is read at all.
    """
    if len(arguments) != 1 or arguments[0] not in ACTIONS:
        raise UsageError(
            "config takes one of path, edit, show",
            "path says where the file is, edit opens it, show lists what is in force",
        )
    path = config_path()
    if path is None:
        raise UsageError(f"no settings file is read, as {VARIABLE} is empty")
    if arguments[0] == "path":
        sys.stdout.write(f"{path}\n")
        return 0
    try:
        if arguments[0] == "edit":
            _edit(path)
        given = apply_settings(path)
    except OSError as error:
        raise UsageError(f"cannot use '{path}': {error.strerror}", None) from None
    for fault in given.faults:
        sys.stderr.write(fault.diagnostic.render() + "\n")
    if arguments[0] == "show":
        sys.stdout.write("\n".join(_shown(path, given.lines)) + "\n")
    return 1 if given.faults else 0


def _edit(path: Path) -> None:
    """Open a settings file in the user's editor; if there is none yet, one to begin with."""
    from subprocess import run

    from gradsh.shell.external import editor_command

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template(), encoding="utf-8")
    try:
        command = editor_command()
    except FileNotFoundError as error:
        raise UsageError(str(error), "EDITOR names the one to use") from None
    run([*command, str(path)], check=False)


def _shown(path: Path, lines: Mapping[str, int]) -> Iterator[str]:
    from gradsh.display.tables import aligned

    for file in (path, startup_path(path)):
        yield str(file) + ("" if file.exists() else "  (there is none)")
    yield ""
    rows = [
        [name, setting.value_text, f"line {lines[name]}" if name in lines else ""]
        for name, setting in SETTINGS.items()
        if setting.current is not None
    ]
    yield aligned(("setting", "value", "from"), rows)
