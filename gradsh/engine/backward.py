"""The backward pass: cotangents from the outputs to the leaves, newest node first.

Nodes wait in a heap ordered by sequence number. A node's number is greater than its parents',
so when it is popped every cotangent that can reach it has been added up, and nothing recurses:
a chain of a million operations is as safe as one of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from gradsh.engine.assignment import copy_
from gradsh.engine.fit import fit
from gradsh.engine.graph import FREED, Leaf, Node, Output, verify_saved
from gradsh.engine.modes import INTERRUPTS, set_grad_enabled
from gradsh.engine.ops.pointwise import add
from gradsh.engine.ops.shape import clone
from gradsh.engine.size import Size
from gradsh.engine.tensor import GradientBox, Tensor, new_tensor

ndarray = np.ndarray


def retain_grad(tensor: Tensor) -> None:
    """Make backward passes fill `.grad` of a tensor that is not a leaf."""
    node = tensor.node
    if node is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if node.is_leaf or retains_grad(tensor):
        return
    box = tensor.box = tensor.box or GradientBox()
    node.hooks = [*(node.hooks or ()), _Retain(box)]


def retains_grad(tensor: Tensor) -> bool:
    """Whether `retain_grad` was called on a tensor that is not a leaf."""
    node = tensor.node
    return node is not None and any(isinstance(hook, _Retain) for hook in node.hooks or ())


class _Retain:
    """A hook that keeps the cotangent as the tensor's gradient."""

    __slots__ = ("box",)

    def __init__(self, box: GradientBox) -> None:
        self.box = box

    def __call__(self, g: Tensor) -> None:
        before = self.box.value
        if before is None:
            self.box.value = clone(g)
        else:
            self.box.value = add(before, g)


def backward(
    tensors: Tensor | Sequence[Tensor],
    gradients: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add to the leaves' `.grad` the gradients of `tensors`, weighted with `gradients`.

    A scalar needs no weight; others a tensor of the same shape each (the vector of the
    vector-Jacobian product). With `inputs` only those tensors' gradients are filled. The values
    that nodes saved are freed unless `retain_graph` (which `create_graph` implies). The leaves
    change at the very end, together: a pass that fails leaves every gradient as it was.
    """
    if inputs is not None:
        inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if isinstance(tensors, Tensor):
        tensors = (tensors,)
        gradients = (gradients,)
    elif gradients is None:
        gradients = (None,) * len(tensors)
    roots = root_cotangents(tensors, gradients, create_graph)
    wanted: list[Node] | None = None
    if inputs is not None:
        wanted = []
        for tensor in inputs:
            retain_grad(tensor)  # of a result; its hook then fills the gradient
            assert tensor.node is not None
            wanted.append(tensor.node)
    keep = create_graph if retain_graph is None else retain_graph
    arrived = walk(roots, keep_saved=keep, record=create_graph, wanted=wanted)
    _commit(
        [(node.box, cotangent) for node, cotangent in arrived if isinstance(node, Leaf)],
        create_graph,
    )


def root_cotangents(
    tensors: Sequence[Tensor], gradients: Sequence[Any], create_graph: bool
) -> list[tuple[Node, Any]]:
    """The outputs' nodes with their cotangents, checked as PyTorch checks them."""
    roots = []
    for index, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):
        array = tensor.array
        if gradient is None:
            if tensor.node is None:
                raise _no_grad(index)
            if array.size != 1:
                error = RuntimeError("grad can be implicitly created only for scalar outputs")
                error.add_note(
                    "reduce it first (`backward sum(y)`), or give one weight an element: "
                    f"`backward y with ones({', '.join(map(str, array.shape))})`"
                )
                raise error
            cotangent: Any = np.ones_like(array)
        else:
            if not isinstance(gradient, Tensor):
                raise TypeError(
                    "gradients can be either Tensors or None, but got " + type(gradient).__name__
                )
            if gradient.array.shape != array.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{index}] has a shape of "
                    f"{Size(gradient.array.shape)} and output[{index}] has a shape of "
                    f"{Size(array.shape)}."
                )
            if tensor.node is None:
                raise _no_grad(index)
            # a copy: formulas may pass it on unchanged, and a leaf would then share it
            cotangent = gradient if create_graph else gradient.array.copy()
            if gradient.array.dtype is not array.dtype:
                cotangent = fit(cotangent, array.shape, array.dtype)
        if create_graph and not isinstance(cotangent, Tensor):
            cotangent = new_tensor(cotangent)
        roots.append((tensor.node, cotangent))
    return roots


def _no_grad(index: int) -> RuntimeError:
    error = RuntimeError(
        f"element {index} of tensors does not require grad and does not have a grad_fn"
    )
    error.add_note(
        "nothing it was computed from requires grad: make a leaf with `x = ... grad`, "
        "outside `nograd`, and compute it again"
    )
    return error


def walk(
    roots: Iterable[tuple[Node, Any]],
    *,
    keep_saved: bool,
    record: bool,
    wanted: Sequence[Node] | None = None,
) -> list[tuple[Node, Any]]:
    """Pull cotangents from the roots back; returns (node, cotangent) of the nodes asked for.

    Those are all leaves, or the nodes `wanted` (then nothing that leads to none of them is
    computed). Cotangents are arrays, tensors if `record`.
    """
    with set_grad_enabled(record):
        walker = _Walk(keep_saved, record, wanted)
        for node, cotangent in roots:
            walker.arrive(node, cotangent)
        walker.run()
    return walker.arrived


class _Walk:
    """The state of one backward pass."""

    def __init__(self, keep_saved: bool, record: bool, wanted: Sequence[Node] | None) -> None:
        self.keep_saved = keep_saved
        self.record = record
        self.wanted = None if wanted is None else set(wanted)
        self.heap: list[tuple[int, Node]] = []
        self.cotangents: dict[Node, Any] = {}
        self.owned: set[Node] = set()
        self.arrived: list[tuple[Node, Any]] = []

    def arrive(self, node: Node, cotangent: Any) -> None:
        """A cotangent reaches `node`: the first waits there, others are added to it."""
        cotangents = self.cotangents
        if node in cotangents:
            cotangents[node] = self.added(node, cotangents[node], cotangent)
        else:
            cotangents[node] = cotangent
            heappush(self.heap, (-node.seq, node))

    def added(self, node: Node, total: Any, cotangent: Any) -> Any:
        """The sum of two cotangents, in place where the total is this walk's own array."""
        if self.record:
            return add(total, cotangent)
        if node in self.owned:
            return np.add(total, cotangent, out=total)
        total = np.add(total, cotangent)
        if type(total) is ndarray:
            self.owned.add(node)
        return total

    def run(self) -> None:
        """Walk until no cotangent waits."""
        heap = self.heap
        cotangents = self.cotangents
        record = self.record
        useful = self._useful() if self.wanted is not None else None
        while heap:
            node = heappop(heap)[1]
            g = cotangents.pop(node)
            if node.hooks is not None:
                g = self._run_hooks(node, g)
            if useful is not None:
                if node in self.wanted:  # type: ignore[operator]
                    self.arrived.append((node, g))
                if node not in useful or type(node) is Leaf:
                    continue
            elif type(node) is Leaf:
                self.arrived.append((node, g))
                continue
            if type(node) is Output:
                self._hand_on(node, g)
                continue
            if node.saved is FREED:
                verify_saved(node)
            op = node.op
            pulled = op.pull_recorded(node, g) if record else op.pull(node, g)
            fits = node.fit
            if node.saved is not None and not self.keep_saved:
                node.saved = FREED
            index = 0
            for parent in node.parents:
                if parent is not None:
                    cotangent = pulled[index]
                    if cotangent is not None and (useful is None or parent in useful):
                        if fits is not None:
                            entry = fits[index]
                            if entry is not None:
                                cotangent = fit(cotangent, *entry)
                        if parent in cotangents:
                            cotangents[parent] = self.added(parent, cotangents[parent], cotangent)
                        else:
                            cotangents[parent] = cotangent
                            heappush(heap, (-parent.seq, parent))
                index += 1  # noqa: SIM113 (enumerate costs more here)

    def _hand_on(self, output: Output, g: Any) -> None:
        """Collect the cotangents of one operation's results for their owner."""
        owner = output.owner
        collected = self.cotangents.get(owner)
        if collected is None:
            collected = self.cotangents[owner] = [None] * output.outputs
            heappush(self.heap, (-owner.seq, owner))
        before = collected[output.index]
        collected[output.index] = g if before is None else add(before, g)

    def _run_hooks(self, node: Node, g: Any) -> Any:
        for hook in node.hooks or ():
            if isinstance(g, list):
                continue
            tensor = g if isinstance(g, Tensor) else new_tensor(np.asarray(g))
            replaced = hook(tensor)
            if replaced is not None:
                g = replaced if self.record else replaced.array
                self.owned.discard(node)
        return g

    def _useful(self) -> set[Node]:
        """The nodes from which a wanted one can be reached."""
        assert self.wanted is not None
        seen: set[Node] = set()
        order: list[Node] = []
        stack = [node for _, node in self.heap]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                order.append(node)
                stack.extend(parent for parent in node.parents if parent is not None)
        order.sort(key=lambda node: node.seq)
        useful: set[Node] = set()
        for node in order:
            if node in self.wanted or any(parent in useful for parent in node.parents):
                useful.add(node)
        return useful


def _commit(gradients: list[tuple[GradientBox, Any]], recorded: bool) -> None:
    """Add the leaves' gradients to what they hold: everything is computed before any changes."""
    prepared: list[tuple[GradientBox, Tensor]] = []
    held: set[int] = set()
    in_place: list[tuple[Tensor, Any]] = []
    with set_grad_enabled(recorded):
        for box, cotangent in gradients:
            if not box.requires_grad:
                continue
            before = box.value
            if before is None:
                prepared.append((box, _own(cotangent, held)))
            elif recorded:
                prepared.append((box, add(before, cotangent)))
            else:
                in_place.append((before, cotangent))
    with INTERRUPTS:
        for box, gradient in prepared:
            box.value = gradient
        for gradient, addition in in_place:
            np.add(gradient.array, addition, out=gradient.array)
            gradient.shared_version().n += 1


def _own(cotangent: Any, held: set[int]) -> Tensor:
    """A cotangent as a leaf's gradient: an array that nothing else holds (`held` lists them)."""
    if isinstance(cotangent, Tensor):
        array = cotangent.array
        return copy_(new_tensor(np.empty(array.shape, array.dtype)), cotangent)
    array = np.asarray(cotangent)
    if array.base is not None or id(array) in held or not array.flags.writeable:
        array = array.copy()
    held.add(id(array))
    return new_tensor(array)
