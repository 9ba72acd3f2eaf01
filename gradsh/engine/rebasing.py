"""What an in-place change does to the graph of a storage.

When a storage that takes part in the graph changes in place through a view, the base's history
becomes "the old base with this part replaced" (PyTorch's CopySlices), and every live view's
history becomes a fresh look into the new base (AsStridedBackward0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import numpy as np

from gradsh.engine.changes import about_to_change
from gradsh.engine.fit import fit_all
from gradsh.engine.graph import Backward, Node, next_sequence_number
from gradsh.engine.hooks import give_history
from gradsh.engine.journal import change_attributes
from gradsh.engine.modes import CHANGES, INTERRUPTS, RUNNING, set_grad_enabled
from gradsh.engine.ops.pointwise import no_change
from gradsh.engine.ops.strided import look_at_view, put_view
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.engine.views import Layout, Stale


def refuse_overlap(target: Any, source: Any = None) -> None:
    """PyTorch's errors for writing where elements share memory with each other or the source."""
    if (
        0 in target.strides
        and target.size > 1
        and any(
            step == 0 and length > 1
            for step, length in zip(target.strides, target.shape, strict=True)
        )
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    if source is None or source is target or not np.may_share_memory(target, source):
        return
    if not (target.size and source.size and is_dense(target) and is_dense(source)):
        return
    if (
        target.ctypes.data == source.ctypes.data
        and target.nbytes == source.nbytes
        and _steps(target) == _steps(source)
    ):
        return
    raise shared_memory()


def shared_memory() -> RuntimeError:
    """PyTorch's error for a source that lies partly where it is written to."""
    return RuntimeError(
        "unsupported operation: some elements of the input tensor and the written-to tensor refer "
        "to a single memory location. Please clone() the tensor before performing the operation."
    )


def _steps(array: Any) -> list[int | None]:
    """The strides that matter: a dimension of length one may have any."""
    return [
        step if length > 1 else None
        for step, length in zip(array.strides, array.shape, strict=True)
    ]


def is_dense(array: Any) -> bool:
    """Whether the elements fill their part of the memory, in whatever order of dimensions."""
    if not array.size:
        return True
    expected = array.itemsize
    for step, length in sorted(
        (step, length)
        for step, length in zip(array.strides, array.shape, strict=True)
        if length > 1
    ):
        if step != expected:
            return False
        expected *= length
    return True


def write(tensor: Tensor, values: Any, node: Node | None) -> None:
    """Store `values` in `tensor`; `node`, where there is one, becomes its history.

    Data, version and graph change together, or not at all. RuntimeError when elements of the
    tensor overlap in memory (an expanded one).
    """
    array = tensor.array
    if 0 in array.strides:
        refuse_overlap(array)
    if CHANGES.journal is not None:
        CHANGES.journal.values(tensor)
    about_to_change(array)
    with INTERRUPTS:
        array[...] = values
        changed(tensor, node)


def changed(tensor: Tensor, node: Node | None) -> None:
    """What follows from a change in place: a new version and, recorded, a new history."""
    version = tensor.shared_version()
    version.n += 1
    version.place = RUNNING.place
    if node is not None:
        rebase(tensor, node)
    elif version.views:
        _look_all_again(version.views)


def rebase(tensor: Tensor, node: Node) -> None:
    """Give the storage of `tensor` its new history after `node` changed it in place."""
    base = tensor.base
    if base is None:
        base = tensor
        give_history(base, node)
    else:
        layout = Layout(base.array, tensor.array)
        give_history(base, _copy_slices(base, node, layout))
    _look_all_again(base.shared_version().views or ())


def _look_all_again(views: Sequence[ref[Tensor]]) -> None:
    """Record the live views anew, as looks into their changed bases."""
    for reference in views:
        view = reference()
        base = None if view is None else view.base
        if view is None or base is None or base.node is None:
            continue
        if view.restricted is not None:
            if view.node is not None and not isinstance(view.node, Stale):
                change_attributes(view)
                view.node = Stale(view)
        else:
            with set_grad_enabled(True):
                give_history(view, look_at_view(base, Layout(base.array, view.array)).node)


def _copy_slices(base: Tensor, inner: Node, layout: Layout) -> Node:
    node = Node()
    node.op = CopySlices(inner, layout)
    node.seq = next_sequence_number()
    node.place = RUNNING.place
    node.parents = (base.node, *inner.parents[1:])
    node.saved, inner.saved = inner.saved, None
    return node


class CopySlices(Backward):
    """The history of a base that was changed in place through a view.

    The cotangent of the view's part goes through the operation that changed it; the rest, and
    what that operation passes on to the old view, goes to the old base. The node owns the values
    that the inner operation saved and lends them to it, so that they are freed with the node.
    """

    __slots__ = ("inner", "layout")

    def __init__(self, inner: Node, layout: Layout) -> None:
        self.inner = inner
        self.layout = layout

    def node_name(self, node: Node) -> str:
        """PyTorch's name of the node."""
        return "CopySlices"

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """What it keeps is the inner operation's."""
        return self.inner.op.saves_result(node, tensor)

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        """Cotangents of the old base and the operation's other inputs, as arrays."""
        return self._pass(node, g, self.inner.op.pull)

    def pull_recorded(self, node: Node, g: Any) -> Sequence[Any]:
        """The same, recorded; a result that the formulas ask for is a look into the new base."""
        if any(self.saves_result(node, x) for x in node.saved or () if x is not None):
            base = new_tensor(np.zeros(self.layout.base_shape, g.array.dtype), node)
            self.inner.stand_in = look_at_view(base, self.layout).node
        try:
            return self._pass(node, g, self.inner.op.pull_recorded)
        finally:
            self.inner.stand_in = None

    def _pass(
        self, node: Node, g: Any, pull: Callable[[Node, Any], Sequence[Any]]
    ) -> Sequence[Any]:
        part = look_at_view(g, self.layout)
        self.inner.saved = node.saved
        try:
            cotangents = fit_all(self.inner, pull(self.inner, part))
        finally:
            self.inner.saved = None
        old_base = None
        if node.parents[0] is not None:
            own = cotangents[0]
            old_base = put_view(g, no_change(part) if own is None else own, self.layout)
        return (old_base, *cotangents[1:])
