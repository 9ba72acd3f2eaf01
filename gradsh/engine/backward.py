"""The backward pass: cotangents from the outputs to the leaves, newest node first.

Nodes wait in a heap ordered by sequence number. A node's number is greater than its parents',
so when it is popped every cotangent that can reach it has been added up, and nothing recurses:
a chain of a million operations is as safe as one of ten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.assignment import copy_
from gradsh.engine.dtypes import HALVES
from gradsh.engine.evidence import LEAF, MADE, Witness, tell
from gradsh.engine.fit import fit
from gradsh.engine.graph import (
    Freed,
    Hooks,
    Joined,
    Leaf,
    Node,
    Output,
    freed_now,
    verify_saved,
)
from gradsh.engine.hooks import retain_grad, run_hooks
from gradsh.engine.inplace import check_shape
from gradsh.engine.journal import change_attributes, change_values, put_back
from gradsh.engine.leaf import finished
from gradsh.engine.modes import CHANGES, INTERRUPTS, RUNNING, set_grad_enabled
from gradsh.engine.notices import ADDED, NOTICES
from gradsh.engine.ops.pointwise import add
from gradsh.engine.ops.shape import clone, stack
from gradsh.engine.passes import PASSES
from gradsh.engine.rebasing import is_dense
from gradsh.engine.size import Size
from gradsh.engine.tensor import GradientBox, Tensor, new_tensor
from gradsh.engine.views import Unrecorded

ndarray = np.ndarray
_HALF = 2  # bytes an element


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
    tensors = _as_tuple(tensors)
    sources = None if inputs is None else _as_tuple(inputs)
    if sources is not None and not sources:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    weights = _given(gradients, len(tensors))
    roots = root_cotangents(tensors, weights, create_graph, copy=False)
    wanted: list[Node] | None = None
    if sources is not None:
        for tensor in sources:
            if isinstance(tensor, Tensor):
                retain_grad(tensor)  # fills the gradient of an operation's result
        wanted = [_differentiated(tensor) for tensor in sources]
    keep = create_graph if retain_graph is None else retain_graph
    walked = walk(roots, keep_saved=keep, record=create_graph, wanted=wanted)
    # formulas may pass a weight on unchanged, and a leaf would then share it
    _commit(walked, create_graph, {id(cotangent) for _, cotangent in roots})
    PASSES.finished(roots, walked.arrived, walked.retained, sources is not None)


def backward_of(
    input: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """`backward` of one tensor: the method."""
    backward(input, gradient, retain_graph, create_graph, inputs)


backward_of.__qualname__ = "Tensor.backward"  # what messages call it


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`, a tuple with one for each input.

    Nothing is added to any `.grad`, and only what leads to the inputs is computed; they may be
    leaves or results. `grad_outputs` weighs the outputs, and may be absent for scalars. An input
    that the outputs do not depend on is an error, unless `allow_unused` (its gradient is then
    none) or `materialize_grads` (zeros). With `is_grads_batched` the weights have one dimension
    more in front, and so have the results.

    x = randn(3) grad; g, = grad(sum(x^2), x)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    keep = create_graph if retain_graph is None else retain_graph
    weights = _given(grad_outputs, len(outputs))
    unused_allowed = materialize_grads if allow_unused is None else allow_unused
    if is_grads_batched:
        found = _batch(outputs, inputs, weights, keep, create_graph, unused_allowed)
    else:
        found = _gradients(outputs, inputs, weights, keep, create_graph, unused_allowed)
    if not materialize_grads:
        return found
    return tuple(
        [
            finished(np.zeros_like(tensor.array), create_graph) if gradient is None else gradient
            for gradient, tensor in zip(found, inputs, strict=True)
        ]
    )


def _gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    weights: Sequence[Any],
    keep_saved: bool,
    create_graph: bool,
    unused_allowed: bool,
) -> tuple[Tensor | None, ...]:
    roots = root_cotangents(outputs, weights, create_graph)
    wanted = [_differentiated(tensor) for tensor in inputs]
    walked = walk(roots, keep_saved=keep_saved, record=create_graph, wanted=wanted)
    _commit_retained(walked, create_graph)
    arrived = dict(walked.arrived)
    for index, node in enumerate(wanted):
        if node not in arrived and not unused_allowed:
            error = RuntimeError(
                f"The differentiated Tensor at index {index} appears to not have been used in "
                "the graph. Set allow_unused=True if this is the desired behavior."
            )
            error.add_note("with `materialize_grads=true` its gradient is zeros")
            tell(error, *_making(inputs[index], *outputs), tensors=[inputs[index], *outputs])
            raise error
    return tuple([as_tensor(arrived[node]) if node in arrived else None for node in wanted])


def _batch(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    weights: Sequence[Any],
    keep_saved: bool,
    create_graph: bool,
    unused_allowed: bool,
) -> tuple[Tensor | None, ...]:
    """The gradients for each entry of the weights' first dimension, stacked."""
    (count,) = {weight.array.shape[0] for weight in weights if weight is not None}
    rows = [
        _gradients(
            outputs,
            inputs,
            [None if weight is None else weight[row] for weight in weights],
            keep_saved or row < count - 1,
            create_graph,
            unused_allowed,
        )
        for row in range(count)
    ]
    return tuple(
        [
            None if any(entry is None for entry in column) else stack(list(column))
            for column in zip(*rows, strict=True)
        ]
    )


def as_tensor(cotangent: Any) -> Tensor:
    """A cotangent as a tensor that a program may hold."""
    if isinstance(cotangent, Tensor):
        return cotangent
    array = np.asarray(cotangent)
    if not array.flags.writeable and array.size == 1:
        array = array.copy()  # larger ones share elements, which in-place changes refuse
    return new_tensor(array)


def _as_tuple(tensors: Any) -> tuple[Tensor, ...]:
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def _given(gradients: Any, count: int) -> tuple[Any, ...]:
    """The weights of `count` outputs."""
    return (None,) * count if gradients is None else _as_tuple(gradients)


def _differentiated(tensor: Any) -> Node:
    """The node of an input that gradients are asked of."""
    if not isinstance(tensor, Tensor):
        raise RuntimeError(
            f"all inputs have to be Tensors or GradientEdges, but got {type(tensor).__name__}"
        )
    if tensor.node is None:
        error = RuntimeError("One of the differentiated Tensors does not require grad")
        error.add_note("make it a leaf with `x = ... grad` before computing with it")
        tell(error, tensors=[tensor])
        raise error
    return tensor.node


def root_cotangents(
    tensors: Sequence[Tensor], gradients: Sequence[Any], create_graph: bool, copy: bool = True
) -> list[tuple[Node, Any]]:
    """The outputs' nodes with their cotangents, checked as PyTorch checks them.

    Without `copy` the cotangents may be the arrays of `gradients` themselves.
    """
    roots = []
    for index, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=False)):
        if not isinstance(tensor, Tensor):
            raise TypeError("Expected output to be a torch.Tensor")
        array = tensor.array
        if gradient is None:
            if tensor.node is None:
                raise _no_grad(index, tensor)
            if array.size != 1:
                error = RuntimeError("grad can be implicitly created only for scalar outputs")
                error.add_note(
                    "reduce it first (`backward sum(y)`), or give one weight an element: "
                    f"`backward y with ones({', '.join(map(str, array.shape))})`"
                )
                tell(error, *_making(tensor), tensors=[tensor])
                raise error
            if array.dtype.kind == "c":
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{tensor.dtype}"
                )
            cotangent: Any = np.empty(array.shape, array.dtype)
            cotangent.fill(1)
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
            if (gradient.array.dtype.kind == "c") != (array.dtype.kind == "c"):
                raise RuntimeError(
                    "For complex Tensors, both grad_output and output are required to have the "
                    f"same dtype. Mismatch in dtype: grad_output[{index}] has a dtype of "
                    f"{gradient.dtype} and output[{index}] has a dtype of {tensor.dtype}."
                )
            if tensor.node is None or isinstance(tensor.node, Unrecorded):
                raise _no_grad(index, tensor)
            cotangent = gradient if create_graph else gradient.array
            if copy and not create_graph:
                cotangent = cotangent.copy()
            if gradient.array.dtype is not array.dtype:
                cotangent = fit(cotangent, array.shape, array.dtype)
        if create_graph and not isinstance(cotangent, Tensor):
            cotangent = new_tensor(cotangent)
        roots.append((tensor.node, cotangent))
    if len(tensors) != len(gradients) and len(roots) < len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    return roots


def _making(*tensors: Tensor) -> list[Witness]:
    """What made tensors that have a history."""
    return [
        Witness(LEAF if tensor.node.is_leaf else MADE, tensor.node.place, tensor.node)
        for tensor in tensors
        if tensor.node is not None
    ]


def _no_grad(index: int, tensor: Tensor) -> RuntimeError:
    error = RuntimeError(
        f"element {index} of tensors does not require grad and does not have a grad_fn"
    )
    error.add_note(
        "nothing it was computed from requires grad: make a leaf with `x = ... grad`, "
        "outside `nograd`, and compute it again"
    )
    tell(error, tensors=[tensor])
    return error


def walk(
    roots: Iterable[tuple[Node, Any]],
    *,
    keep_saved: bool,
    record: bool,
    wanted: Sequence[Node] | None = None,
    stop: bool = False,
) -> Walk:
    """Pull cotangents from the roots back, to all leaves or to the nodes `wanted`.

    In the second case nothing that leads to none of them is computed; with `stop` the pass ends
    at each of them, before its hooks. Cotangents are arrays, tensors if `record`.
    """
    with set_grad_enabled(record):
        walker = Walk(keep_saved, record, wanted, stop)
        for node, cotangent in roots:
            # numpy's scalars are faster than its zero-dim arrays
            scalar = not record and type(cotangent) is ndarray and not cotangent.ndim
            walker.arrive(node, cotangent[()] if scalar else cotangent)
        try:
            walker.run()
        except BaseException:
            put_back(walker.freed)
            raise
    if CHANGES.journal is not None:
        CHANGES.journal.freed += walker.freed
    return walker


class Walk:
    """The state of one backward pass.

    When it has run, `arrived` has the cotangents of the nodes asked for and `retained` those that
    tensors keep as their gradients; `lent` says whether a hook was given some of these arrays.
    While a journal is kept, `freed` has the nodes from before it whose values this pass freed.
    """

    def __init__(
        self, keep_saved: bool, record: bool, wanted: Sequence[Node] | None, stop: bool
    ) -> None:
        self.keep_saved = keep_saved
        self.record = record
        self.wanted = None if wanted is None else set(wanted)
        self.ends: set[Node] = set(wanted or ()) if stop else set()
        self.heap: list[tuple[float, Node]] = []
        self.cotangents: dict[Node, Any] = {}
        self.owned: set[Node] = set()
        self.arrived: list[tuple[Node, Any]] = []
        self.retained: list[tuple[GradientBox, Any]] = []
        self.freed: list[tuple[Node, Any]] = []
        self.lent = False

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
        total = total + cotangent  # np.add is slow with scalars
        if type(total) is ndarray:
            self.owned.add(node)
        return total

    def run(self) -> None:
        """Walk until no cotangent waits."""
        heap = self.heap
        cotangents = self.cotangents
        record = self.record
        frees = not self.keep_saved
        oldest = CHANGES.oldest
        freed = freed_now()
        useful = None
        if self.wanted is not None:
            useful = leading_to(self.wanted, [node for _, node in heap], self.ends, record)
        while heap:
            node = heappop(heap)[1]
            g = cotangents.pop(node)
            before_hooks = g
            if node.hooks is not None and node not in self.ends:
                g = self._run_hooks(node, node.hooks, g)
            if useful is not None:
                if node in self.ends:
                    self.arrived.append((node, g))
                    continue
                if node in self.wanted:  # type: ignore[operator]
                    # as in PyTorch: what hooks make of it is only for what lies behind
                    passes_on = any(parent in useful for parent in node.parents)
                    self.arrived.append((node, before_hooks if passes_on else g))
                    if not passes_on:
                        continue
                if node not in useful:
                    continue
                if isinstance(node, Joined):
                    node.choose(useful)
            elif type(node) is Leaf:
                self.arrived.append((node, g))
                continue
            if type(node) is Output:
                self._hand_on(node, g)
                continue
            if type(node.saved) is Freed:
                verify_saved(node)
            op = node.op
            if record:
                pulled = op.pull_recorded(node, g)
            elif type(g) is list or g.itemsize == _HALF:
                pulled = pull_half(node, g)
            else:
                pulled = op.pull(node, g)
            fits = node.fit
            if frees and node.saved is not None:
                if node.seq < oldest:
                    self.freed.append((node, node.saved))
                node.saved = freed
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

    def _run_hooks(self, node: Node, hooks: Hooks, g: Any) -> Any:
        if hooks.functions:
            self.lent = True
            self.owned.discard(node)
            g = run_hooks(hooks, g if self.record else np.asarray(g), self.record)
        if hooks.retained is not None:
            self.retained.append((hooks.retained, clone(g) if self.record else np.array(g)))
        return g


def leading_to(
    wanted: set[Node],
    starts: Iterable[Node],
    ends: Collection[Node] = (),
    expanded: bool = False,
) -> set[Node]:
    """The nodes between `starts` and the wanted ones, both included; none behind `ends`.

    With `expanded` what was computed in blocks becomes single operations.
    """
    seen: set[Node] = set()
    order: list[Node] = []
    stack = list(starts)
    oldest = min([node.seq for node in wanted], default=0)
    while stack:
        node = stack.pop()
        if node in seen or node.seq < oldest:
            continue
        seen.add(node)
        order.append(node)
        if expanded and isinstance(node, Joined):
            node.expand()
        if node not in ends:
            for parent in node.parents:
                if parent is not None and parent not in seen:
                    stack.append(parent)  # noqa: PERF401 (a generator costs more here)
    order.sort(key=attrgetter("seq"))
    useful = wanted & seen
    for node in order:
        for parent in node.parents:
            if parent in useful:
                useful.add(node)
                break
    return useful


def pull_half(node: Node, g: Any) -> Sequence[Any]:
    """The backward step on tensors: half precision meets numbers as PyTorch's kernels round it.

    `g` may be the list of several results' cotangents, which need not be of half precision.
    What is one kernel there takes the step on arrays, in single precision.
    """
    if type(g) is list:
        if not any(x is not None and x.dtype in HALVES for x in g):
            return node.op.pull(node, g)
        tensors: Any = [None if x is None else new_tensor(np.asarray(x)) for x in g]
    elif getattr(node.op, "one_kernel", False):
        return node.op.pull(node, g)
    else:
        tensors = new_tensor(np.asarray(g))
    pulled = node.op.pull_recorded(node, tensors)
    return [x.array if type(x) is Tensor else x for x in pulled]


def _commit(walked: Walk, recorded: bool, held: set[int]) -> None:
    """Add the leaves' gradients to what they hold: everything is computed before any changes.

    `held` identifies arrays that are somebody's already.
    """
    prepared: list[tuple[GradientBox, Tensor]] = []
    in_place: list[tuple[Tensor, Any]] = []
    hooked: list[Hooks] = []
    with set_grad_enabled(recorded):
        for leaf, cotangent in walked.arrived:
            if not isinstance(leaf, Leaf) or not leaf.box.requires_grad:
                continue
            before = leaf.box.value
            if before is None:
                prepared.append((leaf.box, _own(leaf, cotangent, held, walked.lent)))
            elif recorded:
                prepared.append((leaf.box, add(before, cotangent)))
            else:
                if before.array.shape != leaf.shape:  # its data was set to something else
                    check_shape(before.array.shape, check_broadcast(before.array.shape, leaf.shape))
                in_place.append((before, cotangent))
            if leaf.hooks is not None and leaf.hooks.after:
                hooked.append(leaf.hooks)
    change_attributes(*[box for box, _ in prepared])
    change_values([gradient for gradient, _ in in_place])
    with INTERRUPTS:
        for box, gradient in prepared:
            box.value = gradient
        for gradient, addition in in_place:
            np.add(gradient.array, addition, out=gradient.array)
            version = gradient.shared_version()
            version.n += 1
            version.place = RUNNING.place
        if walked.retained:
            _commit_retained(walked, recorded)
    if in_place and NOTICES.tell is not None:
        NOTICES.tell(ADDED, in_place[0][0])
    if hooked:
        with set_grad_enabled(recorded):
            for hooks in hooked:
                for after in tuple(hooks.after.values()):
                    after()


def _commit_retained(walked: Walk, recorded: bool) -> None:
    """Add the gradients that results retain to what they hold."""
    with set_grad_enabled(recorded):
        for box, cotangent in walked.retained:
            gradient = as_tensor(cotangent)
            change_attributes(box)
            box.value = gradient if box.value is None else add(box.value, gradient)


def _own(leaf: Leaf, cotangent: Any, held: set[int], lent: bool) -> Tensor:
    """A cotangent as a leaf's gradient: an array that nothing else holds (`held` lists them).

    It lies in memory as the leaf does, if the leaf's elements lie side by side.
    """
    array = np.asarray(cotangent.array if isinstance(cotangent, Tensor) else cotangent)
    alike = array.strides == leaf.strides and array.flags.c_contiguous
    if not alike or array is not cotangent:
        place = array
        if not alike:
            place = as_strided(np.empty(1, array.dtype), array.shape, leaf.strides)
        dense = is_dense(place)
        if isinstance(cotangent, Tensor):
            gradient: Tensor = (
                copy_(new_tensor(np.empty_like(place, subok=False)), cotangent)
                if dense
                else clone(cotangent)
            )
            return gradient
        if not alike and array.size > 1:
            values = (
                np.empty_like(place, subok=False) if dense else np.empty(array.shape, array.dtype)
            )
            values[...] = array
            held.add(id(values))
            return new_tensor(values)
    if lent or array.base is not None or id(array) in held or not array.flags.writeable:
        array = array.copy()
    held.add(id(array))
    return new_tensor(array)
