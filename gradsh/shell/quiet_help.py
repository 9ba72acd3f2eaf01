"""Quiet help: a dim line under an entry, once for each thing that is seldom meant.

`set hints off` turns it off. While an entry runs, the engine tells what it notices
(`gradsh.engine.notices`); what is not recorded it does not see, so that the operations that stand
in the entry itself are looked at too.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from gradsh.engine.modes import RUNNING
from gradsh.engine.notices import ADDED, GROWN, NO_LEAF, NOTICES, is_column_with_row
from gradsh.engine.passes import PASSES
from gradsh.shell.preferences import PREFERENCES

if TYPE_CHECKING:
    from gradsh.language import Unit
    from gradsh.session import Session
    from gradsh.session.scopes import Scope


class QuietHelp:
    """Collects what is to be said of an entry, and says it when the entry has run."""

    __slots__ = ("_first", "_lines", "_said", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: set[str] = set()
        self._lines: list[str] = []
        self._first: object = None

    def begin(self) -> None:
        """An entry begins to run."""
        self._first = PASSES.last
        if PREFERENCES.hints and len(self._said) < 3:
            NOTICES.tell = self._notice

    def ran(self, unit: Unit) -> None:
        """A statement of the entry has run."""
        if NOTICES.tell is not None and GROWN not in self._said:
            self._look_at(unit)

    def end(self) -> None:
        """The entry has run, or failed: say what there is to say."""
        NOTICES.tell = None
        lines, self._lines = self._lines, []
        for line in lines:
            self._session.output.remark(f"hint: {line}")

    def _notice(self, notice: str, *about: Any) -> None:
        if notice in self._said:
            return
        if notice == GROWN:
            self._say(notice, _grown(*about))
        elif notice == NO_LEAF:
            name = self._scope().name_of(about[0]) or "this"
            self._say(
                notice,
                f"{name} is no leaf, so {name}.grad stays none; "
                f"`{name}.retain_grad()` before the backward pass keeps it",
            )
        elif notice == ADDED and self._is_not_cleared():
            name = self._name_of_gradient(about[0])
            self._say(
                notice,
                f"{name} now holds the sum of several backward passes; "
                f"`{name} = none` before a pass begins anew",
            )

    def _is_not_cleared(self) -> bool:
        """Whether the gradient that was there came from another entry, or from the same statement.

        Two passes of one entry are likely to be meant together.
        """
        last = PASSES.last
        return last is None or last is self._first or last.place is RUNNING.place

    def _say(self, notice: str, line: str) -> None:
        self._said.add(notice)
        self._lines.append(line)

    def _scope(self) -> Scope:
        from gradsh.session.scopes import Scope

        return Scope(self._session.variables)

    def _name_of_gradient(self, gradient: Any) -> str:
        for name, value in self._session.variables.items():
            box = getattr(value, "box", None)
            if box is not None and box.value is gradient:
                return f"{name}.grad"
        return "a gradient"

    def _look_at(self, unit: Unit) -> None:
        """Whether an operation between two variables of an entry has grown."""
        from gradsh.language.origins import statement_at
        from gradsh.session.related import shape_in

        statement = statement_at(unit)
        if statement is None:
            return
        scope = self._scope()
        for tree in statement.trees:
            for part in ast.walk(tree):
                if isinstance(part, ast.BinOp) and not isinstance(part.op, ast.MatMult):
                    first, second = shape_in(scope, part.left), shape_in(scope, part.right)
                    if first and second and is_column_with_row(first, second):
                        length = max(first)
                        self._say(GROWN, _grown(first, second, (length, length)))
                        return


def _grown(first: tuple[int, ...], second: tuple[int, ...], result: tuple[int, ...]) -> str:
    from gradsh.display.summaries import shape_text

    shapes = f"{shape_text(first)} and {shape_text(second)} grew to {shape_text(result)}"
    return f"{shapes}: for pairs of elements give both one shape, as with `.squeeze(1)`"
