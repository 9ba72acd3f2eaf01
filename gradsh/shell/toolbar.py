"""The line at the bottom: the state of the session, or the call that the cursor stands in."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from inspect import Parameter
from typing import TYPE_CHECKING, Any, cast

from prompt_toolkit.formatted_text import fragment_list_width
from prompt_toolkit.utils import get_cwidth

from gradsh.display.tables import bytes_text
from gradsh.engine.dtypes import DEFAULTS
from gradsh.engine.modes import GRAD_MODE
from gradsh.shell.calls import Call, call_at
from gradsh.shell.descriptions import cut, parameter_text
from gradsh.shell.tokens import tokens_of

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from gradsh.session import Session
    from gradsh.shell.names import Names

_BETWEEN = "  ·  "
_STATE = "class:toolbar"
_CURRENT = "class:toolbar.argument"
_SHAPE = "class:toolbar.shape"
_MISMATCH = "class:toolbar.mismatch"
_BY_POSITION = (
    Parameter.POSITIONAL_ONLY,
    Parameter.POSITIONAL_OR_KEYWORD,
    Parameter.VAR_POSITIONAL,
)


class Toolbar:
    """Writes the line. What takes time to find is found once an entry, in `refresh`."""

    def __init__(self, session: Session, names: Names) -> None:
        self._session = session
        self._names = names
        self._state = ""
        self._call: tuple[Call | None, StyleAndTextTuples] = None, []
        self._values = ChainMap(session.namespace, cast("dict[str, Any]", session.builtins))
        self._typed: tuple[str, int] | None = None
        self._shape: StyleAndTextTuples = []

    def refresh(self, seconds: float | None) -> None:
        """Look at the session anew; `seconds` is what its last statement took."""
        session = self._session
        parts = ["recording" if GRAD_MODE.recording else "nograd"]
        if session.anomaly is not None:
            parts.append("anomaly on")
        parts += [DEFAULTS.floating.name, bytes_text(_memory(session))]
        if seconds is not None:
            from gradsh.session.timing import seconds_text

            parts.append(f"last {seconds_text(seconds)}")
        self._state = _BETWEEN.join(parts)
        self._call = None, []
        self._typed, self._shape = None, []

    def fragments(self, text: str, cursor: int) -> StyleAndTextTuples:
        """The line while `text` is typed and the cursor stands in it."""
        shape = self._foreseen(text, cursor)
        told = self._told_of(text, cursor)
        return [*shape, (_STATE, _BETWEEN), *told] if shape else told

    def _foreseen(self, text: str, cursor: int) -> StyleAndTextTuples:
        """The shape and type of what is typed, or why it would fail; nothing where nobody knows."""
        if (text, cursor) != self._typed:
            self._typed = text, cursor
            self._shape = []
            if text.strip():
                with suppress(Exception):  # whatever goes wrong in it, typing goes on
                    self._shape = foreseen_pieces(text, cursor, self._values)
        return self._shape

    def _told_of(self, text: str, cursor: int) -> StyleAndTextTuples:
        call = call_at(text, cursor) if "(" in text else None
        if call is None:
            return [(_STATE, self._state)]
        if call != self._call[0]:
            self._call = call, self._told(call)
        return self._call[1] or [(_STATE, self._state)]

    def _told(self, call: Call) -> StyleAndTextTuples:
        """A call's signature, the argument under the cursor set apart, and what it does."""
        receiver, _, name = call.callee.rpartition(".")
        taken = self._names.parameters(call.callee)
        attribute = receiver if "." in call.callee else None
        does = self._names.description(attribute, name)
        if not taken and not does:
            return []
        current = current_parameter(taken, call)
        pieces: StyleAndTextTuples = [(_STATE, f"{name}(")]
        starred = False
        for number, parameter in enumerate(taken):
            if number:
                pieces.append((_STATE, ", "))
            if parameter.kind is parameter.VAR_POSITIONAL:
                starred = True
            elif parameter.kind is parameter.KEYWORD_ONLY and not starred:
                pieces.append((_STATE, "*, "))
                starred = True
            pieces.append((_CURRENT if number == current else _STATE, parameter_text(parameter)))
        pieces.append((_STATE, ")"))
        if does and not does.startswith("("):
            pieces.append((_STATE, f"  {does}"))
        return pieces


def fitted(pieces: StyleAndTextTuples, columns: int) -> StyleAndTextTuples:
    """A line cut to so many columns, with a sign at its end that there is more."""
    room = columns - fragment_list_width(pieces)
    if room >= 0:
        return pieces
    kept = list(pieces)
    room -= 1  # for the sign
    while kept and room < 0:
        style, text = kept.pop()[:2]
        short = text
        while short and room < 0:
            room += get_cwidth(short[-1])
            short = short[:-1]
        if short:
            kept.append((style, short))
    style, text = kept.pop()[:2] if kept else (_STATE, "")
    return [*kept, (style, text.rstrip(" ·") + "…")]


def foreseen_pieces(text: str, cursor: int, names: Mapping[str, Any]) -> StyleAndTextTuples:
    """The shape and type of the expression at the end of a text, or the reason why it fails."""
    from gradsh.session.foresight import Mismatch, foreseen

    try:
        shape = foreseen(text, cursor, tokens_of(text), names)
    except Mismatch as mismatch:
        return [(_MISMATCH, cut(str(mismatch)))]
    return [] if shape is None else [(_SHAPE, shape)]


def current_parameter(taken: Sequence[Parameter], call: Call) -> int | None:
    """The number of the parameter that the argument at the cursor is for, None if none is."""
    for number, parameter in enumerate(taken):
        if call.keyword is not None:
            if parameter.name == call.keyword:
                return number
        elif parameter.kind in _BY_POSITION and (
            number == call.position or parameter.kind is parameter.VAR_POSITIONAL
        ):
            return number
    return None


def _memory(session: Session) -> int:
    """The memory of what a session keeps: its variables, and what it has shown by number."""
    builtins = session.builtins
    shown = [f"_{number}" for number in range(1, session.shown + 1)] if session.numbered else []
    held = [*session.variables.values(), *(builtins[name] for name in shown)]
    if not held:
        return 0  # at the first prompt, which waits for nothing that it does not need
    from gradsh.session.variables import memory_held

    return memory_held(held)
