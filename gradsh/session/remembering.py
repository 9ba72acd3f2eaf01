"""The commands for what was entered: `undo`, `redo`, `history`, `edit`, `record`, `reset`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from json import dumps
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from gradsh.display import json, values
from gradsh.language.units import written_in
from gradsh.session.commands import refusal
from gradsh.session.custom import CustomFunction
from gradsh.session.entries import Dialogue, Entry, Past
from gradsh.session.recorder import Recorder
from gradsh.session.settings import UNDO
from gradsh.session.variables import kind_of, memory_held

if TYPE_CHECKING:
    from gradsh.session.session import Session

_LISTED: Final = 25
_MOST_NAMES: Final = 8


def _dialogue(session: Session, word: str) -> Dialogue:
    """What the user of a shell has entered. RuntimeError where there is no shell."""
    if session.dialogue is None:
        error = RuntimeError(f"{word} belongs to the shell, and this program runs without it")
        if word in ("undo", "redo"):
            error.add_note("keep a copy to go back to: `before = x.clone()`")
        else:
            error.add_note("`gradsh -i file.grad` runs a program and stays in the shell")
        raise error
    return session.dialogue


def _count(word: str, values: tuple[Any, ...]) -> int:
    count = values[0] if values else 1
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"{word} takes a whole number of entries, not {count}")
    return count


def undo(session: Session, values: tuple[Any, ...]) -> None:
    """Take back the last entry, or so many. RuntimeError where that cannot be done."""
    for line in _dialogue(session, "undo").undo_log.undo(_count("undo", values)):
        session.output.say(line)


def redo(session: Session, values: tuple[Any, ...]) -> None:
    """Do again what was taken back. RuntimeError where nothing was."""
    for line in _dialogue(session, "redo").undo_log.redo(_count("redo", values)):
        session.output.say(line)


# ------------------------------------------------------------------------------- history


class Listing:
    """Entries as `history` shows them: those of this session have their numbers."""

    def __init__(self, past: list[Past], entries: list[Entry], without: str) -> None:
        self.past = past
        self.entries = entries
        self._without = without

    def __str__(self) -> str:
        return "\n".join(line for line, _ in self._lines()) or self._without

    def __rich__(self) -> Any:
        from rich.text import Text

        text = Text("\n").join([Text(line, style) for line, style in self._lines()])
        return text or Text(str(self), "dim")

    def _lines(self) -> Iterator[tuple[str, str]]:
        width = max([2, *(len(str(entry.number)) for entry in self.entries)])
        day = ""
        for past in self.past:
            if past.time[:10] != day:
                day = past.time[:10]
                yield f"{'':{width}}  # {day}", "dim"
            yield _indented("", past.text, width), ""
        if self.past and self.entries:
            yield f"{'':{width}}  # this session", "dim"
        for entry in self.entries:
            state = "taken back" if entry.taken_back else "failed" if entry.failed else ""
            line = _indented(str(entry.number), entry.text, width)
            first, newline, rest = line.partition("\n")
            yield (f"{first}  # {state}{newline}{rest}", "dim") if state else (line, "")


def _indented(number: str, text: str, width: int) -> str:
    return f"{number:>{width}}  " + text.strip("\n").replace("\n", "\n" + " " * (width + 2))


def history(session: Session, values: tuple[Any, ...]) -> Listing:
    """The last entries, so many as are asked for, or those that contain a text."""
    dialogue = _dialogue(session, "history")
    past, entries = list(dialogue.past()), list(dialogue.latest())
    wanted = values[0] if values else _LISTED
    if isinstance(wanted, str):
        past = [entry for entry in past if wanted in entry.text]
        entries = [entry for entry in entries if wanted in entry.text]
        return Listing(past, entries, f"no entry has {wanted}")
    count = _count("history", (wanted,))
    rest = max(count - len(entries), 0)
    return Listing(
        past[len(past) - min(rest, len(past)) :], entries[-count:], "nothing was entered yet"
    )


def _data(listing: Listing) -> Iterator[str]:
    rows: list[dict[str, Any]] = [{"time": past.time, "text": past.text} for past in listing.past]
    for entry in listing.entries:
        state = {"failed": entry.failed, "taken_back": entry.taken_back}
        rows.append({"number": entry.number, "text": entry.text, **state})
    yield dumps(rows)


values.register(Listing, Listing.__str__)
json.register(Listing, "history", _data)


# ---------------------------------------------------------------------------------- edit


def edit(session: Session, values: tuple[Any, ...]) -> None:
    """Open a function's text, an entry, or the last one in the user's editor; then it is run."""
    dialogue = _dialogue(session, "edit")
    if dialogue.editor is None:
        raise RuntimeError("there is no editor here")
    if not values:
        text = _last_entry(dialogue)
    elif isinstance(values[0], str):
        text = _source_of(session, values[0])
    else:
        text = _numbered(dialogue, values[0])
    changed = dialogue.editor(text)
    if changed is None or not changed.strip():
        session.output.write("nothing is run\n")
    elif changed.strip() == text.strip():
        session.output.write("nothing was changed, and nothing is run\n")
    else:
        dialogue.waiting.append(changed.strip("\n"))


def _last_entry(dialogue: Dialogue) -> str:
    for entry in reversed(dialogue.latest()):
        if entry.text.split()[0] != "edit":
            return entry.text
    raise RuntimeError("nothing was entered yet")


def _numbered(dialogue: Dialogue, number: int) -> str:
    for entry in reversed(dialogue.latest()):
        if entry.number <= number:
            if number <= entry.number + entry.text.count("\n"):
                return entry.text
            break
    error = ValueError(f"there is no entry {number}")
    error.add_note("`history` lists the entries with their numbers")
    raise error


def _source_of(session: Session, name: str) -> str:
    """The text of the statement that defined a function."""
    if name not in session.variables:
        if name in session.builtins:
            raise TypeError(f"{name} is built in: `help {name}` tells of it")
        raise NameError(f"name '{name}' is not defined", name=name)
    value = session.variables[name]
    function = value.forward if isinstance(value, CustomFunction) else value
    if not isinstance(function, FunctionType):
        raise TypeError(f"{name} is a {kind_of(value)}, and edit opens functions")
    written = written_in(function.__code__)
    if written is None:
        raise TypeError(f"the text of {name} is not known")
    return written[2]


# -------------------------------------------------------------------------------- record


def record(session: Session, values: tuple[Any, ...], *, everything: bool = False) -> None:
    """Write what succeeds from now on, or everything so far too, as a program; or stop."""
    dialogue = _dialogue(session, "record")
    if not values:
        if dialogue.recorder is None:
            raise RuntimeError("nothing is recorded now")
        dialogue.recorder.write()
        count, path = dialogue.recorder.count(), dialogue.recorder.path
        dialogue.recorder = None
        session.output.write(f"{path} has {count} statement{'s' * (count != 1)}\n")
        return
    if session.safe:
        raise refusal("record")
    (path,) = values
    if os.path.exists(path):
        error: OSError = FileExistsError(f"there is a file '{path}' already")
        error.add_note("record into another one, or remove it first")
        raise error
    first = 0 if everything else len(dialogue.entries)
    recorder = Recorder(path, dialogue.entries, first)
    recorder.write()
    dialogue.recorder = recorder
    session.output.write(f"recording into {path}; `record stop` ends it\n")


# --------------------------------------------------------------------------------- reset


def reset(session: Session) -> None:
    """Forget every variable and every shown value."""
    names = list(session.variables)
    held = memory_held(session.variables.values())
    for name in names:
        del session.namespace[name]
    change = None if session.dialogue is None else session.dialogue.undo_log.current
    if change is not None:
        change.keep_shown()
    session.set_shown(0, {}, {})
    if not names:
        session.output.write("there were no variables\n")
        return
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    undone = session.dialogue is not None and held <= UNDO.bytes
    again = "; `undo` brings them back" if undone else ""
    session.output.say(f"forgot {listed}{again}")
