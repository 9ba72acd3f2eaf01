"""Taking back what an entry of a shell has done, and doing it again.

For each entry a `Change` keeps what names were bound to, and a journal of what was changed in
place. Nothing is computed again: going back exchanges what is and what was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradsh.display.tables import bytes_text
from gradsh.engine.graph import Node, next_sequence_number
from gradsh.engine.journal import KEEP, REFUSE, SKIP, Journal, storage_of
from gradsh.engine.modes import CHANGES, INTERRUPTS
from gradsh.engine.passes import PASSES
from gradsh.engine.random import default_generator
from gradsh.engine.tensor import Tensor
from gradsh.session.reach import reached
from gradsh.session.settings import SETTINGS, UNDO

if TYPE_CHECKING:
    from gradsh.session.entries import Step
    from gradsh.session.session import Session

_SMALL: Final = 2**16
"""Arrays of so many bytes are copied without finding out whether the entry itself made them."""

_MOST_NODES: Final = 200_000
_NODE_BYTES: Final = 500
"""How many nodes of a graph are counted, and about what each takes."""

_LEAST_BYTES: Final = 2**13
"""What a change takes at least: the state of the random numbers, for the most part."""

_MOST_NAMES: Final = 8
_LONGEST_TEXT: Final = 60
_MISSING: Final = object()


class Change:
    """What one entry did: everything that is needed to go back to before it, and on again.

    `text` is the entry and `steps` its statements that were run. `quiet` says that it changed
    nothing but what was shown last; `files` are the paths of those it wrote, which stay as they
    are; `size` is the memory that this keeps alive and nothing else does.
    """

    __slots__ = (
        "_anomaly", "_last", "_later", "_names", "_order", "_pass", "_random",
        "_session", "_settings", "_shown", "files", "journal", "quiet", "size", "steps", "text",
    )  # fmt: skip

    def __init__(self, session: Session, text: str, journal: Journal) -> None:
        self.text = text
        self.journal = journal
        self.quiet = True
        self.size = 0
        self.files: list[str] = []
        self.steps: list[Step] = []
        self._session = session
        self._names = session.variables
        self._order = list(session.namespace)
        self._last = session.last
        self._shown = session.shown
        self._later: dict[str, Any] = {}
        self._random = default_generator.state()
        self._settings = _settings()
        self._anomaly = session.anomaly
        self._pass = PASSES.last

    def known(self) -> dict[int, Any]:
        """What could be reached from names before the entry."""
        return reached([*self._names.values(), *self._shown_before().values()])

    def _shown_before(self) -> dict[str, Any]:
        return self._session.shown_values(1, self._shown)

    def keep_shown(self) -> None:
        """The shown values are about to be forgotten."""
        self._later = self._shown_before()

    def settle(self) -> None:
        """The entry is over: keep only what has become different."""
        touches = self._touches()
        before, after = self._names, self._session.variables
        self._names = {
            name: before.get(name, _MISSING)
            for name in {**before, **after}
            if before.get(name, _MISSING) is not after.get(name, _MISSING)
        }
        now = _settings()
        self._settings = {
            name: value for name, value in self._settings.items() if value != now.get(name)
        }
        things = (self._names, touches, self.journal.freed, self.files, *self._other_things())
        self.quiet = not any(things)
        self.size = _LEAST_BYTES + self.journal.held + self._held_besides()
        for step in self.steps:
            step.changed = not self.quiet

    def _touches(self) -> bool:
        """Whether anything that there was before has been changed in place."""
        changed = {*self.journal.storages(), *(id(value) for value, _ in self.journal.objects())}
        return bool(changed) and not changed.isdisjoint(self.known())

    def _other_things(self) -> list[str]:
        """What besides values is different before and after."""
        things = list(self._settings)
        if self._anomaly is not self._session.anomaly:
            things.append("anomaly")
        if not np.array_equal(self._random, default_generator.state()):
            things.append("the random numbers")
        return things

    def _held_besides(self) -> int:
        """The bytes of old values that nothing but this keeps alive."""
        old = [*self._names.values(), *(saved for _, saved in self.journal.freed)]
        for _, state in self.journal.objects():
            old += state.values()
        held = reached(old, _MOST_NODES)
        weights = {key: _weight(value) for key, value in held.items()}
        if not any(weights.values()):
            return 0
        session = self._session
        alive = reached([*session.variables.values(), *session.shown_values().values()])
        return sum(weight for key, weight in weights.items() if key not in alive)

    def swap(self, like: str) -> str:
        """Go back, or on again after that; what is different now, in words.

        What was there all the time is `like` "before".
        """
        session, other = self._session, self._other_things()
        before = session.variables
        with INTERRUPTS:
            self.journal.swap()
            self._swap_names()
            self._swap_shown()
            self._swap_settings()
            random = default_generator.state()
            default_generator.set_state(self._random)
            self._random = random
            session.anomaly, self._anomaly = self._anomaly, session.anomaly
            PASSES.last, self._pass = self._pass, PASSES.last
            for step in self.steps:
                step.stands = not step.stands
        return _told(before, session.variables, [*self._touched_names(), *other], like)

    def _swap_names(self) -> None:
        namespace = self._session.namespace
        order = list(namespace)
        now = {name: namespace.get(name, _MISSING) for name in self._names}
        values = {**namespace, **self._names}
        namespace.clear()
        for name in (*self._order, *values):
            if name not in namespace and values.get(name, _MISSING) is not _MISSING:
                namespace[name] = values[name]
        self._names, self._order = now, order

    def _swap_shown(self) -> None:
        session = self._session
        last, shown = session.last, session.shown
        later = session.shown_values(self._shown + 1)
        session.set_shown(self._shown, self._later, self._last)
        self._last, self._shown, self._later = last, shown, later

    def _swap_settings(self) -> None:
        now = _settings()
        for name, value in self._settings.items():
            SETTINGS[name].change(value)
        self._settings = {name: now[name] for name in self._settings}

    def _touched_names(self) -> Iterator[str]:
        """What was changed in place, by the names that the user knows it by."""
        from gradsh.files import Record

        storages = self.journal.storages()
        objects = {id(value) for value, _ in self.journal.objects()}
        changed = storages | objects
        freed = {id(node) for node, _ in self.journal.freed}
        for name, value in self._session.variables.items():
            if not isinstance(value, Tensor):
                holds = isinstance(value, (tuple, list, Record))
                if id(value) in objects or (holds and not changed.isdisjoint(reached([value]))):
                    yield name
                continue
            if id(storage_of(value.array)) in storages or id(value) in objects:
                yield name
            box = value.box
            if box is not None and (
                id(box) in objects
                or (box.value is not None and id(storage_of(box.value.array)) in storages)
            ):
                yield f"{name}.grad"
            if freed and value.node is not None:
                behind = reached([value.node], _MOST_NODES)
                if not freed.isdisjoint(behind):
                    yield f"the graph of {name}"


def _weight(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return _NODE_BYTES if isinstance(value, Node) and not value.is_leaf else 0


def _settings() -> dict[str, Any]:
    return {
        name: setting.current() for name, setting in SETTINGS.items() if setting.current is not None
    }


def _told(before: dict[str, Any], after: dict[str, Any], touched: Iterable[str], like: str) -> str:
    """What is different, as `x is gone; y is back; w, w.grad as before`."""
    gone = [name for name in before if name not in after]
    back = [name for name in after if name not in before]
    other = [name for name in after if name in before and before[name] is not after[name]]
    other += [name for name in touched if name not in other and name.partition(".")[0] not in back]
    phrases = [
        f"{_listed(names)} {'is' if len(names) == 1 else 'are'} {word}"
        for names, word in ((gone, "gone"), (back, "back"))
        if names
    ]
    if other:
        phrases.append(f"{_listed(other)} as {like}")
    return "; ".join(phrases)


def _listed(names: list[str]) -> str:
    if len(names) > _MOST_NAMES:
        rest = len(names) - _MOST_NAMES + 1
        return f"{', '.join(names[: _MOST_NAMES - 1])} and {rest} more"
    return ", ".join(names)


class UndoLog:
    """The changes of a shell's entries, oldest first, as far as there is room for them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._current: Change | None = None
        self._known: dict[int, Any] | None = None
        self._room = 0
        """The bytes that the current change may copy before older ones have to go."""
        self._barrier = ""
        """Why nothing before the oldest change can be taken back."""

    @property
    def current(self) -> Change | None:
        """The change that is being made."""
        return self._current

    @property
    def last_is_quiet(self) -> bool:
        """Whether the last entry changed nothing but what was shown last."""
        return not self._done or self._done[-1].quiet

    def begin(self, text: str) -> None:
        """An entry begins: keep from now on what it changes."""
        if not UNDO.limit:
            self._forget("undo_limit is 0: nothing is kept")
            return
        self._known = None
        self._room = UNDO.bytes - self._held()
        journal = Journal(self._judge)
        self._current = Change(self._session, text, journal)
        CHANGES.begin(journal, next_sequence_number())

    def finish(self) -> None:
        """The entry is over, whether it failed or not."""
        change, self._current = self._current, None
        CHANGES.end()
        self._known = None
        if change is None:
            return
        refused = change.journal.refused
        if refused:
            self._forget(_too_large(change.text, refused, "changed"))
            return
        change.settle()
        if not change.quiet:
            self._undone.clear()
        if change.size > UNDO.bytes:
            self._forget(_too_large(change.text, change.size, "replaced"))
            return
        self._done.append(change)
        self._make_room(0)

    def undo(self, times: int = 1) -> list[str]:
        """Take back so many entries; what each was and what is different now, in lines.

        What this entry has done so far counts as one. RuntimeError where there is none.
        """
        return self._between(self._undone_one, times, "undo", self._barrier)

    def redo(self, times: int = 1) -> list[str]:
        """Do again what was taken back last. RuntimeError where there is nothing."""
        return self._between(self._done_again, times, "redo", "")

    def _between(
        self, step: Callable[[], list[str]], times: int, word: str, barrier: str
    ) -> list[str]:
        """Go so many steps between the entry's statements before and those after it."""
        text = "" if self._current is None else self._current.text
        self.finish()
        lines: list[str] = []
        try:
            for _ in range(times):
                told = step()
                if not told:
                    break
                lines += told
        finally:
            self.begin(text)
        if not lines:
            raise _nothing(word, barrier)
        return lines

    def _undone_one(self) -> list[str]:
        if all(change.quiet for change in self._done):
            return []
        while True:
            change = self._done.pop()
            told = change.swap("before")
            self._undone.append(change)
            if not change.quiet:
                return _report("took back", change, told)

    def _done_again(self) -> list[str]:
        if not self._undone:
            return []
        change = self._undone.pop()
        told = change.swap("after it")
        self._done.append(change)
        while self._undone and self._undone[-1].quiet:
            self._done.append(self._undone.pop())
            self._done[-1].swap("after it")
        return _report("did again", change, told)

    def _judge(self, array: Any) -> str:
        """What the journal is to do with an array that is about to change."""
        change = self._current
        if change is None:
            return SKIP
        if array.nbytes > _SMALL:
            if self._known is None:
                self._known = change.known()
            if id(array) not in self._known:
                return SKIP
        wanted = change.journal.held + array.nbytes
        return KEEP if wanted <= self._room or self._make_room(wanted) else REFUSE

    def _held(self) -> int:
        """The memory of all changes but the current one."""
        return sum(change.size for change in (*self._done, *self._undone))

    def _make_room(self, wanted: int) -> bool:
        """Forget the oldest changes until `wanted` more bytes have room; False if they never do."""
        total = wanted + self._held()
        while total > UNDO.bytes and self._done:
            oldest = self._done.pop(0)
            total -= oldest.size
            if not oldest.quiet:
                self._barrier = (
                    f"`{_cut(oldest.text)}` and what came before it took more memory than "
                    f"undo_limit ({UNDO.limit} MiB)"
                )
        if total > UNDO.bytes:
            self._undone.clear()
        self._room = UNDO.bytes - self._held()
        return wanted <= UNDO.bytes

    def _forget(self, why: str) -> None:
        """Nothing can be taken back past this."""
        self._done.clear()
        self._undone.clear()
        self._barrier = why


def _too_large(text: str, size: int, did: str) -> str:
    return (
        f"`{_cut(text)}` {did} {bytes_text(size)}, more than undo_limit ({UNDO.limit} MiB) "
        "lets undo hold"
    )


def _nothing(word: str, why: str) -> RuntimeError:
    error = RuntimeError(f"there is nothing to {word}" + (f": {why}" if why else ""))
    if why:
        error.add_note("`set undo_limit 1024` lets it hold 1 GiB from now on")
    return error


def _report(did: str, change: Change, told: str) -> list[str]:
    lines = [f"the file {path}, which it wrote, stays as it is" for path in change.files]
    return [f"{did} `{_cut(change.text)}`" + (f": {told}" if told else ""), *lines]


def _cut(text: str) -> str:
    """The first line of an entry, if it is not too long."""
    first, _, rest = text.strip().partition("\n")
    if len(first) > _LONGEST_TEXT:
        return first[: _LONGEST_TEXT - 3] + "..."
    return first + (" ..." if rest else "")
