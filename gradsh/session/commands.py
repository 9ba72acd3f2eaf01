"""The commands: `set`, `seed`, and those that have a word of their own but no part yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from gradsh.display.values import text
from gradsh.engine.random import manual_seed
from gradsh.session import settings

if TYPE_CHECKING:
    from gradsh.session.session import Session

Parts = dict[str, Any]


def run_command(session: Session, name: str, values: tuple[Any, ...], parts: Parts) -> object:
    """Run the command `name` with the values and the named parts that were written.

    Raises NotImplementedError for a command whose part is not there yet, PermissionError in a
    safe session for one that would touch a file, and what the command itself raises.
    """
    if session.safe and ("to" in parts or name.endswith(" session")):
        raise refusal(name if "to" not in parts else "to")
    command = _COMMANDS.get(name)
    if command is None:
        raise NotImplementedError(f"{name} is not available yet")
    return command(session, values, parts)


def refusal(what: str) -> PermissionError:
    """The error for what would touch a file in a safe session."""
    error = PermissionError(f"'{what}' may not be used here")
    error.add_note("the program runs with --safe, in which no file is read or written")
    return error


def _set(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    name, *given = values
    setting = settings.find(name)
    if not given:
        if setting.current is None:
            error = ValueError(f"set {name} needs a value")
            error.add_note(f"it takes {', '.join(setting.words)}")
            raise error
        session.output.write(f"{name} {text(setting.current())}\n")
        return
    (value,) = given
    if isinstance(value, str):
        value = setting.value_of(value, session.variables)
    setting.change(value)


def _seed(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    manual_seed(int(values[0]))


def _save_session(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.snapshot import save_session

    left_out = save_session(session, values[0])
    if left_out:
        session.output.write(f"not saved, as no file can hold it: {', '.join(left_out)}\n")


def _load_session(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.snapshot import load_session

    load_session(session, values[0])


def _minimize(session: Session, values: tuple[Any, ...], parts: Parts) -> object:
    from gradsh.session.minimization import run_minimize

    return run_minimize(session, values[0], parts)


_COMMANDS: Final[dict[str, Callable[[Session, tuple[Any, ...], Parts], object]]] = {
    "set": _set,
    "seed": _seed,
    "minimize": _minimize,
    "save session": _save_session,
    "load session": _load_session,
}
