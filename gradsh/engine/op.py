"""What a declaration knows: its signature, its formulas, and how a cotangent passes through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradsh.engine.arguments import READERS, operand
from gradsh.engine.dtypes import is_inexact
from gradsh.engine.graph import Freed, Node, Output, next_sequence_number, verify_saved
from gradsh.engine.modes import RUNNING
from gradsh.engine.precision import rounded_once
from gradsh.engine.registers import Register
from gradsh.engine.tensor import Tensor, new_tensor

Formula = Callable[..., Any]
Body = Callable[..., Any]
OPS: Register[Op] = Register()
FUNCTIONS: Register[Callable[..., Any]] = Register()
METHODS: Register[Callable[..., Any]] = Register()
IN_PLACE: Register[bool] = Register()

"""`OPS` holds every declaration. `FUNCTIONS` and `METHODS` are what a user may call: the
declarations that are not `hidden`, and the compositions of them. `IN_PLACE` names those with a
form that ends in an underscore, and says whether derivatives may need the value before."""


def composite(
    *, name: str | None = None, method: bool = True, in_place: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Register a function made of declared operations; it needs no formula of its own."""

    def decorate(function: Callable[..., Any]) -> Any:
        public = name or function.__name__
        function.__name__ = function.__qualname__ = public
        FUNCTIONS[public] = function
        if method:
            METHODS[public] = function
        if in_place:
            IN_PLACE[public] = True
        return function

    return decorate


class Op:
    """What one declaration knows. Help, completion, docs and tests read only this."""

    def __init__(
        self,
        kind: str,
        forward: Any,
        formulas: dict[str, Formula],
        *,
        grad_fn: str | Callable[[Node], str] | None,
        result: str,
        unpromoted: tuple[str, ...],
        view: bool,
        fused: bool,
        rounds: bool,
        exact_number: bool,
        numbers: str,
        outputs: tuple[str, ...],
    ) -> None:
        self.kind = kind
        self.name: str = forward.__name__
        self.forward: Body = forward
        self.formulas = formulas
        self.result = result
        self.unpromoted = unpromoted
        self.view = view
        self.fused = fused
        self.one_kernel = fused or rounds
        self.exact_number = exact_number
        self.numbers = numbers
        self.outputs = outputs
        self.call: Callable[..., Any] = forward
        self.operator: Callable[..., Any] | None = None
        code = forward.__code__
        total = code.co_argcount + code.co_kwonlyargcount
        self.parameters: tuple[str, ...] = code.co_varnames[:total]
        self.positional = code.co_argcount
        self.compute: Body = _only_call(forward) or _all_in_order(forward)
        defaults = dict(forward.__kwdefaults__ or {})
        given = forward.__defaults__ or ()
        defaults |= dict(
            zip(code.co_varnames[code.co_argcount - len(given) :], given, strict=False)
        )
        self.defaults: dict[str, Any] = defaults
        self.annotations = {
            name: text for name, text in forward.__annotations__.items() if name != "return"
        }
        self.readers = tuple(
            READERS[self.annotations[name]] if name in self.annotations else operand
            for name in self.parameters
        )
        self.operands = tuple(
            position
            for position, name in enumerate(self.parameters)
            if self.annotations.get(name, "Operand") in ("Operand", "Operand | None", "Operands")
        )
        self.gathers = self.annotations.get(self.parameters[self.positional - 1]) in (
            "Shape",
            "Shape | None",
        )
        # PyTorch's formulas run in the order of its names; a second derivative adds up by it
        self.recorded_order = sorted(
            range(len(self.operands)),
            key=lambda index: _torch_name(self.parameters[self.operands[index]]),
        )
        self.optional = "Operand | None" in self.annotations.values()
        self._grad_fn = grad_fn or "".join(w.capitalize() for w in self.name.split("_")) + (
            "Backward0"
        )
        self._analyse_formulas()

    def _analyse_formulas(self) -> None:
        """Work out from the formulas' parameters what a node saves and how to call them."""
        operand_names = {self.parameters[position] for position in self.operands}
        tensors: list[str] = []
        plain: list[str] = []
        wants: dict[str, tuple[str, ...]] = {}
        for name, formula in self.formulas.items():
            if name not in operand_names:
                raise TypeError(f"{self.name}: no operand {name!r} for a formula")
            code = formula.__code__
            wanted = code.co_varnames[1 : code.co_argcount]
            wants[name] = wanted
            for want in wanted:
                base = want.removesuffix("_shape")
                if want in operand_names or want in self.outputs:
                    if want not in tensors:
                        tensors.append(want)
                elif want in self.parameters or (want.endswith("_shape") and base in operand_names):
                    if want not in plain:
                        plain.append(want)
                else:
                    raise TypeError(f"{self.name}: a formula asks for unknown {want!r}")
        self.saved_tensors = tuple(tensors)
        self.saved_plain = tuple(plain)
        self.saves_out = any(name in tensors for name in self.outputs)
        self.wants = wants
        self.callers: tuple[Callable[[Node, Any], Any] | None, ...] = tuple(
            self._caller(self.parameters[position]) for position in self.operands
        )
        self.pull = self._make_pull()

    def order_saved(self, names: tuple[str, ...]) -> None:
        """Fix the order in which an applier saves tensors, and make the callers follow it."""
        self.saved_tensors = names
        self.callers = tuple(self._caller(self.parameters[position]) for position in self.operands)
        self.pull = self._make_pull()

    def _caller(self, name: str) -> Callable[[Node, Any], Any] | None:
        """A function (node, g) -> cotangent on arrays for operand `name`."""
        formula = self.formulas.get(name)
        if formula is None:
            return None
        wanted = self.wants[name]
        if self.fused:
            formula = rounded_once(formula)
        if not wanted:
            return lambda node, g: formula(g)
        if all(want in self.saved_tensors for want in wanted):
            first = self.saved_tensors.index(wanted[0])
            pointwise = self.kind == "pointwise"
            if len(wanted) == 1:

                def call_with_one(node: Node, g: Any) -> Any:
                    value = node.saved[first].array  # type: ignore[index, union-attr]
                    if pointwise and type(g) in SCALARS and not value.ndim:
                        value = value[()]
                    return formula(g, value)

                return call_with_one
            if len(wanted) == 2:
                second = self.saved_tensors.index(wanted[1])

                def call_with_two(node: Node, g: Any) -> Any:
                    saved = node.saved
                    one, other = saved[first].array, saved[second].array  # type: ignore[index, union-attr]
                    if pointwise and type(g) in SCALARS and not one.ndim and not other.ndim:
                        one, other = one[()], other[()]
                    return formula(g, one, other)

                return call_with_two
        if wanted == self.saved_plain:
            return lambda node, g: formula(g, *node.context)
        return lambda node, g: formula(g, *self.saved_values(node, wanted))

    def saved_values(self, node: Node, wanted: Sequence[str]) -> list[Any]:
        """What `node` keeps under the names `wanted`: arrays and plain values."""
        values = []
        for want in wanted:
            if want in self.saved_tensors:
                assert node.saved is not None
                saved = node.saved[self.saved_tensors.index(want)]
                values.append(None if saved is None else saved.array)
            else:
                values.append(node.context[self.saved_plain.index(want)])
        return values

    def _make_pull(self) -> Callable[[Node, Any], Sequence[Any]]:
        """The backward step on arrays, written out for one and two operands.

        Generic loops over operands cost more here than the formulas themselves.
        """
        callers = self.callers
        saves = bool(self.saved_tensors)
        if "Operands" in self.annotations.values():
            return self._pull_sequence
        if len(callers) == 2 and callers[0] is not None and callers[1] is None and not saves:
            left = callers[0]
            return lambda node, g: (left(node, g), None)
        if len(callers) == 1 and callers[0] is not None:
            only = callers[0]
            if not saves:
                return lambda node, g: (only(node, g),)

            def pull_one(node: Node, g: Any) -> Sequence[Any]:
                verify(node)
                return (only(node, g),)

            return pull_one
        if len(callers) == 2 and callers[0] is not None and callers[1] is not None:
            first: Any
            second: Any
            first, second = callers

            def pull_two(node: Node, g: Any) -> Sequence[Any]:
                if saves:
                    verify(node)
                p, q = node.parents
                return (
                    None if p is None else first(node, g),
                    None if q is None else second(node, g),
                )

            return pull_two

        def pull(node: Node, g: Any) -> Sequence[Any]:
            verify(node)
            return [
                None if parent is None or caller is None else caller(node, g)
                for parent, caller in zip(node.parents, callers, strict=True)
            ]

        return pull

    def _pull_sequence(self, node: Node, g: Any) -> Sequence[Any]:
        verify(node)
        (caller,) = (caller for caller in self.callers if caller is not None)
        cotangents: Sequence[Any] = caller(node, g)
        return cotangents

    def pull_recorded(self, node: Node, g: Any) -> Sequence[Any]:
        """The backward step on tensors: saved arrays get their nodes back."""
        verify(node)
        rebuilt: dict[str, Tensor | None] = {}
        for name, saved in zip(self.saved_tensors, node.saved or (), strict=False):
            if saved is None:
                rebuilt[name] = None
                continue
            rebuilt[name] = new_tensor(saved.array, self._maker(node, name, saved))
        cotangents: list[Any] = [None] * len(self.operands)
        for index in self.recorded_order:
            name = self.parameters[self.operands[index]]
            formula = self.formulas.get(name)
            if formula is None:
                continue
            values = [
                rebuilt[want] if want in rebuilt else node.context[self.saved_plain.index(want)]
                for want in self.wants[name]
            ]
            if self.annotations.get(name) == "Operands":
                return list(formula(g, *values))
            if node.parents[index] is not None:
                cotangents[index] = formula(g, *values)
        return cotangents

    def _maker(self, node: Node, name: str, saved: Tensor) -> Node | None:
        """The node that made a saved tensor."""
        if name not in self.outputs:
            return node.parents[self.operands.index(self.parameters.index(name))]
        if len(self.outputs) == 1:
            return node.stand_in or node
        if not is_inexact(saved.array.dtype):
            return None
        return Output(node, self.outputs.index(name), len(self.outputs))

    def node_name(self, node: Node) -> str:
        """PyTorch's name of the node."""
        return self._grad_fn if isinstance(self._grad_fn, str) else self._grad_fn(node)

    def differentiated(self, node: Node) -> Sequence[Node | None]:
        """The nodes of the operands that have a formula."""
        if "Operands" in self.annotations.values():
            return node.parents
        return [
            parent
            for parent, caller in zip(node.parents, self.callers, strict=True)
            if caller is not None
        ]

    def saves_result(self, node: Node, tensor: Tensor) -> bool:
        """Whether `tensor`, one of the node's saved ones, is its own result."""
        return any(
            saved is tensor and name in self.outputs
            for name, saved in zip(self.saved_tensors, node.saved or (), strict=False)
        )

    @property
    def grad_fn(self) -> str | None:
        """The node's name, where it does not depend on the call."""
        return self._grad_fn if isinstance(self._grad_fn, str) else None

    @property
    def doc(self) -> str:
        """The docstring: what it computes, then the calls it is tested with."""
        from inspect import cleandoc  # slow to import, and only help asks

        return cleandoc(self.forward.__doc__ or "")

    def argument(self, node: Node, name: str) -> Any:
        """A plain argument kept in the node's context."""
        return node.context[self.saved_plain.index(name)]

    def record(
        self,
        outs: Sequence[Tensor],
        parents: tuple[Node | None, ...],
        operands: dict[str, Any],
        values: Sequence[Any],
    ) -> Node:
        """A node whose results are `outs`; `values` are all arguments in signature order."""
        node = Node()
        node.op = self
        node.seq = next_sequence_number()
        node.place = RUNNING.place
        node.parents = parents
        if self.saved_tensors:
            saved = [
                saved_output(outs[self.outputs.index(name)])
                if name in self.outputs
                else operands[name]
                for name in self.saved_tensors
            ]
            node.saved = tuple(saved)
            node.expected = expected_versions(node.saved)
        if self.saved_plain:
            node.context = tuple(
                _shapes_of(operands[name.removesuffix("_shape")])
                if name not in self.parameters
                else values[self.parameters.index(name)]
                for name in self.saved_plain
            )
        return node


def _torch_name(parameter: str) -> str:
    """The name that PyTorch's formulas have for a parameter."""
    return "self" if parameter == "input" else parameter


SCALARS = frozenset({np.float32, np.float64})
"""What numpy makes of arithmetic with zero-dim arrays. Among themselves they are computed with ten
times as fast as with such arrays."""


def _one_operand(input: Any) -> Any:
    return np.negative(input)


def _two_operands(input: Any, other: Any) -> Any:
    return np.add(input, other)


_CALLS_ONE_UFUNC = {
    body.__code__.co_argcount: body.__code__.co_code for body in (_one_operand, _two_operands)
}


def _only_call(body: Body) -> Body | None:
    """The numpy function that is all a body calls, with its own arguments in order.

    The call in between would cost a third of what a ufunc of a few elements does.
    """
    code: Any = body.__code__
    names = code.co_names
    if (
        code.co_code != _CALLS_ONE_UFUNC.get(code.co_argcount)
        or len(names) != 2
        or body.__globals__.get(names[0]) is not np
    ):
        return None
    function = getattr(np, names[1])
    return function if isinstance(function, np.ufunc) else None


def _all_in_order(body: Body) -> Body:
    """A body as a function that takes all its arguments by position, those after a `*` too."""
    code = body.__code__
    if not code.co_kwonlyargcount:
        return body
    positional = code.replace(
        co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0
    )
    return FunctionType(positional, body.__globals__, body.__name__, None, body.__closure__)


def _shapes_of(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(item.array.shape for item in value)
    return value.array.shape


def verify(node: Node) -> None:
    """Check the saved tensors' versions; the common case, untouched values, costs little."""
    saved = node.saved
    if type(saved) is Freed:
        verify_saved(node)
    for tensor in saved or ():
        if tensor is not None and tensor.version is not None:
            verify_saved(node)
            return


def saved_output(out: Tensor) -> Tensor:
    """A stand-in for `out` inside its own node: the same storage and version, no cycle."""
    twin = Tensor()
    twin.array = out.array
    twin.version = out.shared_version()
    return twin


def expected_versions(saved: tuple[Tensor | None, ...] | None) -> int | tuple[int, ...]:
    """The versions of `saved` now; plain 0 in the common case."""
    for tensor in saved or ():
        if tensor is not None and tensor.version is not None and tensor.version.n:
            return tuple(0 if t is None or t.version is None else t.version.n for t in saved or ())
    return 0
