"""Nodes: the record of operations that a backward pass walks."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from gradsh.engine.evidence import CHANGED, FREED, SAVED, Witness, tell
from gradsh.engine.modes import RUNNING
from gradsh.engine.tensor import GradientBox, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

next_sequence_number = count(1).__next__


class Backward(Protocol):
    """What a node's `op` knows: its name and how a cotangent passes to the inputs."""

    def node_name(self, node: Node) -> str:
        """The name PyTorch gives such a node."""

    def differentiated(self, node: Node) -> Sequence[Node | None]:
        """Those of the node's parents that a cotangent may reach."""
        return node.parents

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """Whether `tensor`, one of the node's saved ones, is its own result."""

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        """The inputs' cotangents, as arrays, for `g`; None where there is none."""

    def pull_recorded(self, node: Node, g: Any) -> Sequence[Any]:
        """The same as tensors, recorded so that they can be differentiated again."""


class Hooks:
    """What is to be done with the cotangent of one tensor when it is complete.

    The `functions` see it in the order in which they were registered, and may replace it. Then
    `retained`, if there is one, keeps it as the tensor's gradient. Those in `after` run when a
    leaf's gradient has been accumulated.
    """

    __slots__ = ("__weakref__", "after", "functions", "retained")

    def __init__(self) -> None:
        self.functions: dict[int, Callable[[Tensor], Tensor | None]] = {}
        self.after: dict[int, Callable[[], None]] = {}
        self.retained: GradientBox | None = None


class Node:
    """One recorded operation.

    `parents` are the nodes of its inputs (None for constants); `saved` the tensors its formulas
    ask for, with `expected` their versions when they were saved (0: all were zero); `context` the
    plain values they ask for; `fit`, where broadcasting or promotion took place, the shape and
    dtype that each input's cotangent must be brought back to. `seq` grows with every node, so a
    node always has a greater one than its parents. `hooks` see the cotangent that arrives here;
    where an operation has several results, `result_hooks` are those of each. `stand_in` is the
    node that made the result as the graph knows it, where that is another: a change through a view
    is its base's history.
    """

    __slots__ = ("__dict__", "place")  # instead of a place for weak references: the same size

    op: Backward
    seq: float
    place: object
    parents: tuple[Node | None, ...]
    saved: tuple[Tensor | None, ...] | None = None
    expected: int | tuple[int, ...] = 0
    context: tuple[Any, ...] = ()
    fit: tuple[Any, ...] | None = None
    hooks: Hooks | None = None
    result_hooks: dict[int, Hooks] | None = None
    stand_in: Node | None = None
    is_leaf = False

    @property
    def name(self) -> str:
        """PyTorch's name of the node, as `MulBackward0`."""
        return self.op.node_name(self)

    @property
    def single(self) -> Node:
        """The node of a single operation: itself, unless several were computed together."""
        return self

    @property
    def shown(self) -> Node:
        """The same, and all that such operations keep is computed."""
        return self

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the inputs, each with the number of the output it stands for.

        Inputs for which the operation has no derivative, as an index or a mask, are left out.
        """
        return tuple(
            (parent.owner, parent.index)
            if isinstance(parent, Output)
            else (None if parent is None else parent.single, 0)
            for parent in (self.op.differentiated(self) if self.parents else ())
        )

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Joined(Node):
    """A node for several operations that are computed together (see `gradsh.engine.fusion`)."""

    def choose(self, useful: set[Node] | None) -> None:
        """Say which nodes a cotangent is wanted for in the step that follows."""
        raise NotImplementedError

    def expand(self) -> None:
        """Be a mere step before the single operations."""
        raise NotImplementedError


class Leaf(Node):
    """Where a gradient is accumulated: the end of the road for a tensor the user made."""

    is_leaf = True
    parents = ()

    def __init__(self, box: GradientBox, array: Any) -> None:
        self.box = box
        self.shape: tuple[int, ...] = array.shape
        self.dtype = array.dtype
        self.strides: tuple[int, ...] = array.strides
        self.seq = next_sequence_number()
        self.place = RUNNING.place
        if box.hooks is not None:
            self.hooks = box.hooks

    @property
    def name(self) -> str:
        """PyTorch's name of the node."""
        return "AccumulateGrad"


class Output(Node):
    """One result of an operation with several: hands its cotangent on to the `owner`.

    All that stand for the same result are equal, and have one place in the order of nodes: after
    the owner, before everything made from its results. `shown_as` is a name of its own, for an
    owner that stands for several operations.
    """

    def __init__(self, owner: Node, index: int, outputs: int, shown_as: str | None = None) -> None:
        self.owner = owner
        self.index = index
        self.shown_as = shown_as
        self.outputs = outputs
        self.parents = (owner,)
        self.place = owner.place
        self.seq = owner.seq + (index + 1) / (outputs + 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Output) and (self.owner, self.index) == (other.owner, other.index)

    def __hash__(self) -> int:
        return hash((self.owner, self.index))

    @property
    def hooks(self) -> Hooks | None:
        """The hooks of this result, which the owner keeps."""
        return (self.owner.result_hooks or {}).get(self.index)

    @hooks.setter
    def hooks(self, hooks: Hooks | None) -> None:
        assert hooks is not None
        if self.owner.result_hooks is None:
            self.owner.result_hooks = {}
        self.owner.result_hooks[self.index] = hooks

    @property
    def name(self) -> str:
        """The owner's name, unless it has its own: PyTorch shows one node for all results."""
        return self.shown_as or self.owner.name

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The owner's inputs."""
        return self.owner.next_functions


class Freed(tuple[Tensor | None, ...]):
    """Stands in a node's `saved` once a backward pass has used and released the values.

    `place` is what ran then.
    """

    place: object


def freed_now() -> Freed:
    """What a backward pass that runs now leaves in the nodes whose values it frees."""
    freed = Freed()
    freed.place = RUNNING.place
    return freed


def verify_saved(node: Node) -> None:
    """Raise RuntimeError unless every saved tensor still has the version it was saved with."""
    saved = node.saved
    if saved is None:
        return
    if type(saved) is Freed:
        error = RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed). Saved intermediate values of the graph are freed "
            "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
            "to backward through the graph a second time or if you need to access saved tensors "
            "after calling backward."
        )
        error.add_note(
            "write `backward ... retain_graph` the first time, or compute the value again"
        )
        tell(error, Witness(SAVED, node.place, node), Witness(FREED, saved.place))
        raise error
    expected = node.expected
    for position, tensor in enumerate(saved):
        if tensor is None:
            continue
        version = tensor.version
        wanted = expected if isinstance(expected, int) else expected[position]
        if version is not None and version.n != wanted:
            raise _modified(tensor, node, wanted)


def _modified(tensor: Tensor, node: Node, expected: int) -> RuntimeError:
    # A node's own result has no node here (that would be a cycle): it is made by `node`.
    made_by = tensor.node if tensor.node is not None or not _is_result(tensor, node) else node
    origin = ""
    if made_by is not None and not made_by.is_leaf:
        index = made_by.index if isinstance(made_by, Output) else 0
        origin = f", which is output {index} of {operation_name(made_by.name)},"
    error = RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.{tensor.dtype.type_name}Tensor {list(tensor.array.shape)}]{origin} is "
        f"at version {tensor._version}; expected version {expected} instead. Hint: enable anomaly "
        "detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    error.add_note(
        f"{node.name} keeps this value for its derivative: change a copy (`.clone()`), "
        "or change it after the backward pass"
    )
    changed = Witness(CHANGED, getattr(tensor.version, "place", None))
    tell(error, Witness(SAVED, node.place, node), changed, tensors=[tensor])
    return error


def _is_result(tensor: Tensor, node: Node) -> bool:
    """Whether a saved tensor is a result of the node that saved it."""
    return node.op.saves_result(node, tensor)


def operation_name(name: str) -> str:
    """A node's name as PyTorch's message writes it: MulBackward0 is Mul, PowBackward1 Pow1."""
    if name.startswith("Copy"):
        return f"torch::autograd::{name}"
    operation, _, overload = name.partition("Backward")
    return operation + overload.removeprefix("0")
