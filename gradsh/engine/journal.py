"""A journal of what changes: the values before, kept when they are first about to change.

    journal = Journal(lambda array: KEEP)
    CHANGES.begin(journal, next_sequence_number())
    ...                      # whatever runs
    CHANGES.end()
    journal.swap()           # everything is as it was; once more, and it is as it became

Who changes something in place tells the journal before. While there is none, which is so outside
of a shell, that costs one look. What is created and dropped again meanwhile is forgotten with it:
the journal holds weakly what it watches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from weakref import KeyedRef

import numpy as np

from gradsh.engine.changes import WATCHED, about_to_change
from gradsh.engine.graph import Hooks, Node
from gradsh.engine.modes import CHANGES
from gradsh.engine.tensor import GradientBox, Tensor, Version

Array = np.ndarray[Any, np.dtype[Any]]
Freed = tuple[Node, Any]
"""A node, and what it saved."""

KEEP: Final = "keep"
SKIP: Final = "skip"
REFUSE: Final = "refuse"
"""What is to be done with the elements of an array that is about to change: copy them, leave them
because nobody knew the array before, or hold nothing any more because they are too many."""


_BLOCK: Final = 2**20
"""Bytes that are exchanged at once."""


class Journal:
    """What has changed since it was begun.

    `judge` says of an array whose elements are about to change KEEP, SKIP or REFUSE; after REFUSE
    the journal is broken, `refused` has the bytes of that array, and nothing is held any more.
    `held` are the bytes of the copies, `freed` the nodes whose saved values a backward pass has
    freed.
    """

    __slots__ = ("_judge", "_objects", "_storages", "freed", "held", "refused")

    def __init__(self, judge: Callable[[Array], str]) -> None:
        self.held = 0
        self.refused = 0
        self.freed: list[Freed] = []
        self._judge = judge
        self._storages: dict[int, _Storage] = {}
        self._objects: dict[int, _Object] = {}

    # ------------------------------------------------------------ before something changes

    def values(self, tensor: Tensor) -> None:
        """The elements of a tensor, and its version, are about to change."""
        storage = self.array(tensor.array)
        if storage is not None:
            version = tensor.shared_version()
            storage.versions.setdefault(version, version.n)

    def array(self, array: Array) -> _Storage | None:
        """The elements of an array are about to change; None where they are not kept."""
        owner = storage_of(array)
        key = id(owner)
        storage = self._storages.get(key)
        if storage is None and not self.refused:
            judgement = self._judge(owner)
            if judgement == KEEP:
                try:
                    values = owner.copy("K")
                except MemoryError:
                    judgement = REFUSE
                else:
                    storage = _Storage(KeyedRef(owner, self._drop_storage, key), values)
                    self._storages[key] = storage
                    self.held += owner.nbytes
            if judgement == REFUSE:
                self.refused = owner.nbytes
                self.clear()
        return storage

    def attributes(self, *objects: Any) -> None:
        """Attributes of these are about to change, or what their lists and tables hold."""
        if self.refused:
            return
        for value in objects:
            key = id(value)
            if key not in self._objects:
                watched = KeyedRef(value, self._drop_object, key)
                self._objects[key] = _Object(watched, _state(value))

    def clear(self) -> None:
        """Hold nothing any more."""
        self.held = 0
        self._storages.clear()
        self._objects.clear()
        self.freed.clear()

    def _drop_storage(self, reference: KeyedRef[int, Array]) -> None:
        storage = self._storages.pop(reference.key, None)
        if storage is not None:
            self.held -= storage.values.nbytes

    def _drop_object(self, reference: KeyedRef[int, Any]) -> None:
        self._objects.pop(reference.key, None)

    # --------------------------------------------------------------------- what it holds

    def storages(self) -> set[int]:
        """The identities of the arrays whose elements have changed."""
        return set(self._storages)

    def objects(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """What has changed besides, and the attributes that it had."""
        for kept in list(self._objects.values()):
            value = kept.watched()
            if value is not None:
                yield value, kept.state

    def swap(self) -> None:
        """Exchange what is and what was."""
        for storage in reversed(list(self._storages.values())):
            storage.swap()
        for kept in list(self._objects.values()):
            kept.swap()
        put_back(self.freed)
        # arrays may share memory in a way that numpy does not tell: then the order counts
        self._storages = dict(reversed(list(self._storages.items())))


def storage_of(array: Any) -> Any:
    """The array whose memory `array` looks into."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def exchange(one: Array, other: Array) -> None:
    """Exchange the elements of two arrays of one shape and type, without a copy of a whole one."""
    if not one.ndim:
        one, other = one.reshape(1), other.reshape(1)
    rows = max(_BLOCK // max(one[:1].nbytes, 1), 1)
    for start in range(0, len(one), rows):
        block = slice(start, start + rows)
        kept = one[block].copy()
        one[block] = other[block]
        other[block] = kept


def put_back(freed: list[Freed]) -> None:
    """Exchange what the nodes save now and what they saved before."""
    for place, (node, saved) in enumerate(freed):
        freed[place] = node, node.saved
        node.saved = saved


class _Storage:
    """An array's elements before, and the counts of its changes."""

    __slots__ = ("values", "versions", "watched")

    def __init__(self, watched: KeyedRef[int, Array], values: Array) -> None:
        self.watched = watched
        self.values = values
        self.versions: dict[Version, int] = {}

    def swap(self) -> None:
        array = self.watched()
        if array is None:
            return
        if array.flags.writeable:
            exchange(array, self.values)
        for version, n in self.versions.items():
            self.versions[version] = version.n
            version.n = n


class _Object:
    """An object's attributes before."""

    __slots__ = ("state", "watched")

    def __init__(self, watched: KeyedRef[int, Any], state: dict[str, Any]) -> None:
        self.watched = watched
        self.state = state

    def swap(self) -> None:
        value = self.watched()
        if value is None:
            return
        now = _state(value)
        if isinstance(value, (GradientBox, Hooks)):
            for name, attribute in self.state.items():
                setattr(value, name, attribute)
        else:
            vars(value).clear()
            vars(value).update(self.state)
        self.state = now


def _state(value: Any) -> dict[str, Any]:
    """An object's attributes, with copies of the lists and tables among them."""
    if isinstance(value, (GradientBox, Hooks)):
        names = [name for name in value.__slots__ if not name.startswith("__")]
    else:
        names = list(vars(value))
    return {name: _copied(getattr(value, name)) for name in names}


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) is list:
        return [_copied(item) for item in value]
    return value


def change_values(tensors: Iterable[Tensor]) -> None:
    """Tell whoever wants to know that the elements of tensors are about to change."""
    if WATCHED:
        for tensor in tensors:
            about_to_change(tensor.array)
    journal = CHANGES.journal
    if journal is not None:
        for tensor in tensors:
            journal.values(tensor)


def change_attributes(*objects: Any) -> None:
    """Tell the journal, if there is one, that attributes of these are about to change."""
    journal = CHANGES.journal
    if journal is not None:
        journal.attributes(*objects)
