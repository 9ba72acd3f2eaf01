"""The commands: how each is written, what it does in one line, and the function that does it.

One entry in `COMMANDS` is all that dispatch and `help` know of a command. What a command needs is
imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gradsh.engine.random import manual_seed
from gradsh.session import settings

if TYPE_CHECKING:
    from gradsh.session.session import Session

Parts = dict[str, Any]
Run = Callable[["Session", tuple[Any, ...], Parts], object]


class Command(NamedTuple):
    """A command: the ways to write it, what it does, and the function."""

    usage: str
    summary: str
    run: Run


def run_command(session: Session, name: str, values: tuple[Any, ...], parts: Parts) -> object:
    """Run the command `name` with the values and the named parts that were written.

    A word alone that is a variable's name, too, is the variable.

    Raises PermissionError in a safe session for one that would touch a file, and what the command
    itself raises.
    """
    if session.safe and ("to" in parts or name.endswith(" session") or name == "export"):
        raise refusal(name if "to" not in parts else "to")
    if not values and not parts and name in session.namespace:
        session.show(session.namespace[name])
        return None
    result = COMMANDS[name].run(session, values, parts)
    if session.dialogue is not None:
        if "to" in parts:
            session.dialogue.wrote(parts["to"])
        elif name == "save session":
            session.dialogue.wrote(values[0])
    return result


def refusal(what: str) -> PermissionError:
    """The error for what would touch a file in a safe session."""
    error = PermissionError(f"'{what}' may not be used here")
    error.add_note("the program runs with --safe, in which no file is read or written")
    return error


def _set(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    if not values:
        from gradsh.session.overview import Overview

        session.output.show(Overview())
        return
    name, *given = values
    setting = settings.find(name)
    if not given:
        if setting.current is None:
            error = ValueError(f"set {name} needs a value")
            error.add_note(f"it takes {', '.join(setting.words)}")
            raise error
        session.output.write(f"{name} {setting.value_text}\n")
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


def _export(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.exporting import export

    export(session, *values)


def _minimize(session: Session, values: tuple[Any, ...], parts: Parts) -> object:
    from gradsh.session.minimization import run_minimize

    return run_minimize(session, values[0], parts)


def _plot(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.curves import plot

    plot(session, values, parts)


def _hist(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.histograms import hist

    hist(session, values, parts)


def _contour(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.contours import contour

    contour(session, values, parts)


def _show(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.matrices import show

    show(session, values, parts)


def _help(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.help.command import help_on

    session.output.show(help_on(session, values[0] if values else None))


def _apropos(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.help.command import apropos

    session.output.show(apropos(session, values[0]))


def _vars(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.variables import Variables

    session.output.show(Variables(session.variables, by_size=bool(values)))


def _undo(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.remembering import undo

    undo(session, values)


def _redo(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.remembering import redo

    redo(session, values)


def _history(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.remembering import history

    session.output.show(history(session, values))


def _edit(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.remembering import edit

    edit(session, values)


def _record(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.remembering import record

    record(session, values, everything="all" in parts)


def _reset(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.remembering import reset

    reset(session)


def _time(session: Session, values: tuple[Any, ...], parts: Parts) -> object:
    from gradsh.session.timing import Timing

    return Timing(session.output, parts["text"])


def _graph(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.inspection import graph

    graph(session, values, parts)


def _explain(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.inspection import explain

    explain(session, values[0], parts)


def _why(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.why import why

    session.output.show(why(session, values[0], parts))


def _grads(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.gradients import Gradients

    if "grads" in session.variables:
        session.show(session.variables["grads"])  # a likely name, and more likely meant
        return
    session.output.show(Gradients(session.variables))


def _check(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.session.inspection import check

    check(session, values[0], parts)


def _anomaly(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    from gradsh.engine.watch import Watch
    from gradsh.language.diagnostics import moment
    from gradsh.language.origins import told

    if session.anomaly is not None:
        session.anomaly.stop()
        session.anomaly = None
    if values[0] == "on":
        session.anomaly = Watch(moment, told)
        session.anomaly.start()


COMMANDS: Final[dict[str, Command]] = {
    "graph": Command(
        'graph E [at NODE] [depth N] [to "f.svg"]', "draw the recorded graph of a tensor", _graph
    ),
    "explain": Command(
        "explain E [over x] [step]",
        "tell the backward pass step by step, with its numbers",
        _explain,
    ),
    "why": Command(
        "why x.grad | why E", "the way of a gradient, or what cut it off, with lines", _why
    ),
    "grads": Command("grads", "the gradients of the last backward pass as a table", _grads),
    "check": Command("check E over x", "compare the gradient with central differences", _check),
    "plot": Command(
        'plot y | plot x, y as "name" | plot f over x [from A to B] [with derivative] [to "f.png"]',
        "draw curves",
        _plot,
    ),
    "hist": Command(
        'hist w [as "name"] [bins N] [to "f.png"]', "draw how values are spread", _hist
    ),
    "contour": Command(
        'contour f [over x, y] [from A to B] [to "f.png"]',
        "draw lines of equal height of a function of two variables",
        _contour,
    ),
    "show": Command('show A [to "f.png"]', "a matrix or an image as a picture", _show),
    "help": Command("help [NAME]", "explain a function, a variable, a word or a topic", _help),
    "apropos": Command("apropos WORD", "list all whose help mentions a word", _apropos),
    "anomaly": Command(
        "anomaly on | anomaly off", "stop at the first nan or inf, and say why", _anomaly
    ),
    "vars": Command("vars [-s]", "list your variables and what they are; -s: by size", _vars),
    "undo": Command(
        "undo [N]", "take back the last entry, values changed in place included", _undo
    ),
    "redo": Command("redo [N]", "do again what undo took back", _redo),
    "history": Command(
        'history [N | WORD | "TEXT"]', "list what was entered, or what holds a word", _history
    ),
    "edit": Command(
        "edit [NAME | N]", "open a function, an entry or the last one in $EDITOR, and run it", _edit
    ),
    "record": Command(
        'record "f.grad" | record all "f.grad" | record stop',
        "write what succeeds, from now on or from the start, as a program",
        _record,
    ),
    "reset": Command("reset", "forget every variable and every shown value", _reset),
    "time": Command("time S", "run a statement and say how long it took", _time),
    "minimize": Command(
        "minimize E over w, b [using adam(lr=0.1)] [steps N] [until TOL]",
        "change tensors so that a loss falls",
        _minimize,
    ),
    "set": Command(
        "set [NAME [VALUE]]", "change a setting, or show what it is; alone, list them all", _set
    ),
    "seed": Command("seed N", "start the random numbers anew: PyTorch's for the same N", _seed),
    "save session": Command('save session "f"', "keep every variable in a file", _save_session),
    "export": Command(
        'export "f.py" [torch|jax|numpy]', "write what ran so far as a Python program", _export
    ),
    "load session": Command('load session "f"', "bring variables back from a file", _load_session),
}
