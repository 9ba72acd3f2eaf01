"""Computing a part of a program again in the backward pass instead of keeping what it saved."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from gradsh.engine.backward import walk
from gradsh.engine.dtypes import is_inexact
from gradsh.engine.graph import Backward, Node, Output, next_sequence_number, verify_saved
from gradsh.engine.modes import GRAD_MODE, RUNNING, enable_grad, no_grad
from gradsh.engine.op import expected_versions
from gradsh.engine.random import default_generator
from gradsh.engine.tensor import Tensor, new_tensor

Function = Callable[..., Any]
_NAME = "CheckpointFunctionBackward"


def checkpoint(
    function: Function,
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """The result of function(*args), which keeps only the arguments for the backward pass.

    There the function is called again; with `preserve_rng_state` it finds the random numbers that
    it found the first time. Gradients reach the arguments and whatever else the function uses, and
    can be differentiated again. As in PyTorch nothing requires grad, and a warning says so, where
    no argument does; `use_reentrant=false` looks at all that the function uses, passes named
    arguments on, and shows the names of the function's own operations.

    checkpoint(x -> x.sin().exp(), ones(2) grad)
    """
    own_names = use_reentrant is False
    if kwargs and not own_names:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if not GRAD_MODE.recording:
        return function(*args, **kwargs)
    inputs = [value for value in args if isinstance(value, Tensor)]
    if not own_names and all(tensor.node is None for tensor in inputs):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )
        with no_grad():
            return function(*args)
    state = default_generator.state() if preserve_rng_state else None
    start = next_sequence_number()
    result = function(*args, **kwargs)
    outputs = result if isinstance(result, tuple) else (result,)
    made = [out for out in outputs if isinstance(out, Tensor) and out.node is not None]
    if not made:
        return result
    name = made[0].node.name if own_names and made[0].node is not None else _NAME
    node = Node()
    node.op = Recomputation(function, args, kwargs, state, name)
    node.seq = next_sequence_number()
    node.place = RUNNING.place
    node.parents = _used(made, start)
    node.saved = tuple(inputs)
    node.expected = expected_versions(node.saved)
    several = isinstance(result, tuple)
    finished = []
    for index, out in enumerate(outputs):
        wanted = isinstance(out, Tensor) and (
            out.node is not None or (not own_names and is_inexact(out.array.dtype))
        )
        if wanted:
            made_by: Node = node
            if several:
                made_by = Output(node, index, len(outputs), out.node.name if own_names else None)
            alias = new_tensor(out.array, made_by)
            alias.version = out.shared_version()
            out = alias
        finished.append(out)
    return tuple(finished) if several else finished[0]


def _used(outputs: Sequence[Tensor], start: float) -> tuple[Node, ...]:
    """The nodes made before `start` from which the outputs were computed."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = [out.node for out in outputs]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.seq < start:
            found[node] = None
        else:
            stack.extend(node.parents)
    return tuple(found)


class Recomputation(Backward):
    """The operation of such a node: its backward pass calls the function again."""

    __slots__ = ("_arguments", "_function", "_name", "_named", "_state")

    def __init__(
        self,
        function: Function,
        arguments: tuple[Any, ...],
        named: dict[str, Any],
        state: Any,
        name: str,
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._named = named
        self._state = state
        self._name = name

    def node_name(self, node: Node) -> str:
        """PyTorch's name of the node."""
        return self._name

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """Only arguments are kept."""
        return False

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        """The cotangents of what the function used, as arrays."""
        return self._pull(node, g, record=False)

    def pull_recorded(self, node: Node, g: Any) -> Sequence[Any]:
        """The same as tensors, recorded."""
        return self._pull(node, g, record=True)

    def _pull(self, node: Node, g: Any, record: bool) -> Sequence[Any]:
        verify_saved(node)
        result = self._again()
        outputs = result if isinstance(result, tuple) else (result,)
        cotangents = g if isinstance(result, tuple) else [g]
        roots = [
            (out.node, cotangent)
            for out, cotangent in zip(outputs, cotangents, strict=True)
            if cotangent is not None and isinstance(out, Tensor) and out.node is not None
        ]
        wanted = [parent for parent in node.parents if parent is not None]
        walked = walk(roots, keep_saved=record, record=record, wanted=wanted, stop=True)
        arrived = dict(walked.arrived)
        return [arrived.get(parent) for parent in wanted]

    def _again(self) -> Any:
        """The function's result, computed once more with the same random numbers."""
        if self._state is None:
            with enable_grad():
                return self._function(*self._arguments, **self._named)
        now = default_generator.state()
        default_generator.set_state(self._state)
        try:
            with enable_grad():
                return self._function(*self._arguments, **self._named)
        finally:
            default_generator.set_state(now)
