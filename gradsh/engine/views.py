"""Views: tensors that look into the storage of another, their base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

import numpy as np
from numpy import may_share_memory
from numpy.lib.stride_tricks import as_strided

from gradsh.engine.evidence import MADE, Witness, tell
from gradsh.engine.graph import Backward, Node, Output, next_sequence_number, operation_name
from gradsh.engine.modes import GRAD_MODE, RUNNING
from gradsh.engine.tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
_FEW_VIEWS = 16


def shares_storage(out: Array, source: Array) -> bool:
    """Whether `out` is a view into `source`'s storage."""
    owner = source if source.base is None else source.base
    return (
        out is source
        or out.base is owner
        or out.base is source
        or may_share_memory(out, source)
        or not source.size  # where nothing can tell
    )


NO_GRAD = "no_grad"
MANY = "many"
"""What `Tensor.restricted` says of a view that was made while nothing was recorded, and of one
among several that one operation gave."""

_ADVICE = {
    NO_GRAD: (
        " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
        "your code by moving both the view and the inplace either both inside the no_grad block "
        "(if you don't want the inplace to be tracked) or both outside (if you want the inplace to "
        "be tracked)."
    ),
    MANY: (
        " This view is the output of a function that returns multiple views. Such functions do not "
        "allow the output views to be modified inplace. You should replace the inplace operation "
        "by an out-of-place one."
    ),
}


def restriction(view: Tensor, changed: str = "is being modified") -> RuntimeError:
    """PyTorch's error for a restricted view that is changed, or whose storage was changed."""
    assert view.restricted is not None
    node = view.node.before if isinstance(view.node, Stale) else view.node
    if node is None or node.is_leaf:
        made = "A view was created in no_grad mode and {} inplace with grad mode enabled."
    else:
        index = node.index if isinstance(node, Output) else 0
        made = f"Output {index} of {operation_name(node.name)} is a view "
        if view.restricted == NO_GRAD:
            made += "of a view which was created in no_grad mode and {} inplace with grad mode "
            made += "enabled."
        else:
            made += "and {} inplace."
    error = RuntimeError(made.format(changed) + _ADVICE[view.restricted])
    error.add_note("change it inside `nograd < ... >`, or change a copy: `y = x.clone()`")
    if view.node is not None and not isinstance(view.node, Stale):
        tell(error, Witness(MADE, view.node.place, view.node))
    return error


class Stale(Node):
    """The place of a restricted view whose storage was changed since: it has no history to show."""

    def __init__(self, view: Tensor) -> None:
        self.before = view.node
        self.error = restriction(view, "its base or another view of its base has been modified")
        self.op = self
        self.parents = ()
        self.seq = next_sequence_number()
        self.place = RUNNING.place

    @property
    def is_leaf(self) -> bool:  # type: ignore[override]
        """Asking for the history is the error."""
        raise self.error

    def node_name(self, node: Node) -> str:
        """The same."""
        raise self.error

    def differentiated(self, node: Node) -> Sequence[Node | None]:
        """It has no inputs."""
        return ()

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """It saves nothing."""
        return False

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        """A cotangent that reaches it has nowhere to go."""
        raise self.error

    pull_recorded = pull


class Unrecorded(Node):
    """The place in the graph of a view that was made while nothing was recorded.

    As in PyTorch such a view requires grad like its base, and what reaches it is dropped.
    """

    is_leaf = True
    parents = ()

    def __init__(self) -> None:
        self.op = _NOWHERE
        self.seq = next_sequence_number()
        self.place = RUNNING.place


class _Nowhere(Backward):
    __slots__ = ()

    def node_name(self, node: Node) -> str:
        return "AccumulateGrad"

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        return False

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        return ()

    pull_recorded = pull


_NOWHERE = _Nowhere()


def link_view(view: Tensor, source: Tensor) -> None:
    """Make `view` a view of `source`'s base: one version counter, and known to the base."""
    if not GRAD_MODE.recording:
        view.restricted = NO_GRAD
        if source.node is not None:
            view.node = Unrecorded()
    elif source.restricted is not None:
        view.restricted = source.restricted
    if isinstance(source.node, Stale):
        raise source.node.error
    base = source if source.base is None else source.base
    view.base = base
    version = view.version = base.shared_version()
    views = version.views
    if views is None:
        views = version.views = []
    elif len(views) >= _FEW_VIEWS and len(views) & (len(views) - 1) == 0:
        views[:] = [kept for kept in views if kept() is not None]
    views.append(ref(view))


class Layout:
    """Where the elements of a view lie in its base's storage, in elements."""

    __slots__ = (
        "base_offset",
        "base_shape",
        "base_strides",
        "extent",
        "offset",
        "shape",
        "strides",
    )

    def __init__(self, base: Array, view: Array, storage: Array | None = None) -> None:
        """`storage` is the memory that counts; without it, what the base itself spans."""
        size = base.itemsize
        low, high = np.lib.array_utils.byte_bounds(base if storage is None else storage)
        self.extent = max((high - low) // size, 1)
        self.base_offset = (_address(base) - low) // size
        self.base_shape = base.shape
        self.base_strides = tuple(step // size for step in base.strides)
        self.offset = (_address(view) - low) // size
        self.shape = view.shape
        self.strides = tuple(step // size for step in view.strides)

    def storage(self, dtype: np.dtype[Any]) -> Array:
        """Zeros for a storage like the base's."""
        return np.zeros(self.extent, dtype)

    def base_of(self, storage: Array) -> Array:
        """The base's elements of a storage."""
        return _strided(storage, self.base_offset, self.base_shape, self.base_strides)

    def view_of(self, storage: Array) -> Array:
        """The view's elements of a storage."""
        return _strided(storage, self.offset, self.shape, self.strides)

    def view_in(self, storage: Array) -> Array:
        """The view itself, of the memory that the base lies in."""
        start = storage.reshape(-1).view()
        return _strided(start, self.offset, self.shape, self.strides)

    def look(self, values: Array) -> Array:
        """The view's part of `values`, which has the base's shape."""
        storage = self.storage(values.dtype)
        self.base_of(storage)[...] = values
        return self.view_of(storage).copy()

    def put(self, values: Array, part: Array) -> Array:
        """`values` (the base's shape) with the view's part replaced."""
        storage = self.storage(values.dtype)
        self.base_of(storage)[...] = values
        self.view_of(storage)[...] = part
        return self.base_of(storage)

    def spread(self, part: Array) -> Array:
        """Zeros of the base's shape with `part` added where the view looks."""
        storage = self.storage(part.dtype)
        if self._looks_once():
            self.view_of(storage)[...] = part
        else:
            np.add.at(storage, self.view_of(np.arange(self.extent)), part)
        return self.base_of(storage)

    def _looks_once(self) -> bool:
        """Whether no element is seen twice; false where that cannot be told at a glance."""
        reach = 0
        for step, length in sorted(zip(self.strides, self.shape, strict=True)):
            if length > 1:
                if step <= reach:
                    return False
                reach += step * (length - 1)
        return True


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _strided(storage: Array, offset: int, shape: Sequence[int], strides: Sequence[int]) -> Array:
    size = storage.itemsize
    return as_strided(storage[offset:], shape, [step * size for step in strides])
