"""Functions with a derivative of their own: `def f(x) { ... } backward(g) { ... }`.

They mean what a subclass of PyTorch's `torch.autograd.Function` means: the first block runs
without recording, the second gives the gradient of each argument from that of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradsh.engine.dtypes import is_inexact
from gradsh.engine.graph import Backward, Node, Output, next_sequence_number, verify_saved
from gradsh.engine.journal import change_attributes
from gradsh.engine.modes import GRAD_MODE, RUNNING, no_grad
from gradsh.engine.op import expected_versions
from gradsh.engine.tensor import Tensor, new_tensor


class CustomFunction:
    """What such a definition binds its name to.

    `forward` returns the result together with the function that is the second block, made anew
    in each call so that it sees the first block's variables.
    """

    __slots__ = ("__name__", "forward")

    def __init__(self, name: str, forward: FunctionType) -> None:
        self.__name__ = name
        self.forward = forward

    def __call__(self, *values: Any, **named: Any) -> Any:
        with no_grad():
            result, backward = self.forward(*values, **named)
        arguments = _in_order(self.forward, values, named)
        parents = tuple([value.node if isinstance(value, Tensor) else None for value in arguments])
        if not GRAD_MODE.recording or not any(parents):
            return result
        derivative = Derivative(self.__name__, self.forward, backward)
        return _recorded(result, derivative, arguments, parents)

    def __repr__(self) -> str:
        from gradsh.display.values import function_signature

        return f"<function {self.__name__}{function_signature(self.forward)}>"


CustomFunction.__name__ = "function"  # what messages call it


def custom(name: str, forward: FunctionType) -> CustomFunction:
    """The function `name` with a derivative of its own; see `CustomFunction`."""
    return CustomFunction(name, forward)


def _in_order(
    forward: FunctionType, values: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """The arguments of a call in the order of the parameters, with the defaults filled in."""
    names = _parameters(forward)
    defaults = forward.__defaults__ or ()
    given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    given.update(zip(names, values, strict=False))
    given.update(named)
    return tuple([given[name] for name in names])


def _parameters(forward: FunctionType) -> tuple[str, ...]:
    code = forward.__code__
    return code.co_varnames[: code.co_argcount]


def _recorded(
    result: Any, derivative: Derivative, arguments: tuple[Any, ...], parents: tuple[Any, ...]
) -> Any:
    """The result with a node that knows the derivative."""
    several = isinstance(result, tuple)
    outs = result if several else (result,)
    if not any(isinstance(out, Tensor) for out in outs):
        return result
    node = Node()
    node.op = derivative
    node.seq = next_sequence_number()
    node.place = RUNNING.place
    node.parents = parents
    node.fit = tuple(
        [(value.array.shape, value.array.dtype) if isinstance(value, Tensor) else None
         for value in arguments]
    )  # fmt: skip
    derivative.outs = tuple(
        [(out.array.shape, out.array.dtype) if isinstance(out, Tensor) else None for out in outs]
    )
    saved = derivative.captured()
    if saved:
        node.saved = saved
        node.expected = expected_versions(saved)
    made = []
    for index, out in enumerate(outs):
        if isinstance(out, Tensor) and is_inexact(out.array.dtype):
            if any(out is argument for argument in arguments):
                alias = new_tensor(out.array)
                alias.version = out.shared_version()
                out = alias
            change_attributes(out)
            out.node = Output(node, index, len(outs)) if several else node
        made.append(out)
    return tuple(made) if several else made[0]


class Derivative(Backward):
    """What the function's own backward block says."""

    __slots__ = ("_backward", "_function", "_name", "_parameters", "outs")

    def __init__(self, name: str, forward: FunctionType, backward: Callable[..., Any]) -> None:
        self._name = f"{name}Backward"
        self._function = name
        self._parameters = _parameters(forward)
        self._backward = backward
        self.outs: tuple[Any, ...] = ()

    def node_name(self, node: Node) -> str:
        """PyTorch's name of the node."""
        return self._name

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """Whether `tensor`, one of the node's saved ones, is its own result."""
        made_by = tensor.node
        return made_by is node or (isinstance(made_by, Output) and made_by.owner is node)

    def captured(self) -> tuple[Tensor, ...]:
        """The tensors that the second block has from the first: what is saved for it."""
        cells = getattr(self._backward, "__closure__", None) or ()
        values = [cell.cell_contents for cell in cells if _is_filled(cell)]
        return tuple([value for value in values if isinstance(value, Tensor)])

    def pull(self, node: Node, g: Any) -> Sequence[Any]:
        """The arguments' cotangents as arrays."""
        return [
            cotangent.array if isinstance(cotangent, Tensor) else cotangent
            for cotangent in self.pull_recorded(node, g)
        ]

    def pull_recorded(self, node: Node, g: Any) -> Sequence[Any]:
        """The arguments' cotangents as tensors. RuntimeError unless there is one for each."""
        verify_saved(node)
        results: Any = self._backward(*self._as_tensors(g))
        if not isinstance(results, tuple):
            results = (results,)
        wanted = len(node.parents)
        if len(results) > wanted and all(result is None for result in results[wanted:]):
            results = results[:wanted]
        if len(results) != wanted:
            error = RuntimeError(
                f"function {self._name} returned an incorrect number of gradients "
                f"(expected {wanted}, got {len(results)})"
            )
            error.add_note(
                f"the backward block of {self._function} returns one gradient for each of "
                f"{', '.join(self._parameters)}, none where there is none"
            )
            raise error
        fits = node.fit or ()
        for index, (result, parent, entry) in enumerate(
            zip(results, node.parents, fits, strict=True)
        ):
            if result is None:
                continue
            if entry is None:
                raise self._explained(
                    f"function {self._name} returned a gradient different than None at position "
                    f"{index + 1}, but the corresponding forward input was not a Variable",
                    index,
                )
            if parent is None:
                continue
            if not isinstance(result, Tensor):
                raise self._explained(
                    f"expected Variable or None (got {type(result).__name__})", index
                )
            got, expected = result.array.shape, entry[0]
            if not _sums_to(got, expected):
                raise self._explained(
                    f"Function {self._name} returned an invalid gradient at index {index} - got "
                    f"{list(got)} but expected shape compatible with {list(expected)}",
                    index,
                )
        return tuple(results)

    def _explained(self, message: str, index: int) -> RuntimeError:
        """An error about the gradient for one argument, which its hint names."""
        error = RuntimeError(message)
        error.add_note(
            f"that is what the backward block of {self._function} returns for its argument "
            f"'{self._parameters[index]}'"
        )
        return error

    def _as_tensors(self, g: Any) -> list[Tensor]:
        """The cotangents of the results, zeros where none arrived."""
        arrived = g if isinstance(g, list) else [g]
        tensors = []
        for cotangent, out in zip(arrived, self.outs, strict=True):
            if cotangent is None and out is not None:
                cotangent = np.zeros(out[0], out[1])
            if cotangent is not None and not isinstance(cotangent, Tensor):
                cotangent = new_tensor(np.asarray(cotangent))
            tensors.append(cotangent)
        return tensors


def _is_filled(cell: Any) -> bool:
    """Whether a variable of the first block has got a value; only asking for it tells."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _sums_to(got: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """A gradient may have more dimensions, or longer ones, than its argument: it is summed."""
    extra = len(got) - len(wanted)
    return extra >= 0 and all(
        length in (1, given) for length, given in zip(wanted, got[extra:], strict=True)
    )
