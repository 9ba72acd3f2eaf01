"""Declaring an operation: one decorated function, from which everything else follows.

    @pointwise(input=lambda g, out: g * (1 - out * out))
    def tanh(input):
        \"\"\"Hyperbolic tangent of input.

        tanh(randn(3, 4))
        \"\"\"
        return np.tanh(input)

The name gives the operation's name and its node's, the signature its arguments, the docstring
its help and the calls it is tested with (each draws its inputs from where the operation is
defined: `log(rand(3, 4) + 0.1)`), the body its value on arrays, the formulas its
derivatives. A formula's first parameter is the cotangent `g`; the others say what is saved for
it: `out`, any argument, or `<argument>_shape`. An argument is differentiable if and only if it
has a formula. Formulas are written with operators and declared operations, which turn arrays
into arrays and tensors into tensors: so one formula serves the plain backward pass (arrays), and
derivatives of any order (tensors).

The kind of declaration says how a tangent goes forward:
- `pointwise`: the formula itself, with the tangent as `g` (a diagonal Jacobian is its own
  transpose); inputs broadcast and are promoted;
- `linear`: the operation itself, applied to the tangent;
- `general`: the formula, which is linear in `g`, transposed.

`exact_number` says that half precision meets a number (or a zero-dim tensor) as its second
operand in single precision, before the result is rounded.

`fused` says that PyTorch computes the derivatives in one kernel: of half precision in single,
rounded once. `rounds` says that too, of formulas that see to the rounding themselves.

`numbers` says which operands of a user's call may be Python numbers: "any", the "second", "none".

Annotations of arguments say how they are read (see `gradsh.engine.arguments`); an argument
without one is an operand: a tensor, or a number or list that becomes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.engine.appliers import applier, operator, without_numbers
from gradsh.engine.graph import Node
from gradsh.engine.op import FUNCTIONS, IN_PLACE, METHODS, OPS, Formula, Op


def declare(kind: str) -> Callable[..., Callable[[Callable[..., Any]], Any]]:
    """The decorator factory of one kind of declaration."""

    def with_formulas(
        *,
        grad_fn: str | Callable[[Node], str] | None = None,
        result: str = "common",
        in_place: bool = kind == "pointwise",
        method: bool = True,
        hidden: bool = False,
        unpromoted: tuple[str, ...] = (),
        view: bool = False,
        fused: bool = False,
        rounds: bool = False,
        exact_number: bool = False,
        numbers: str = "any",
        outputs: tuple[str, ...] = ("out",),
        **formulas: Formula,
    ) -> Callable[[Callable[..., Any]], Any]:
        def decorate(forward: Callable[..., Any]) -> Any:
            op = Op(
                kind,
                forward,
                formulas,
                grad_fn=grad_fn,
                result=result,
                unpromoted=unpromoted,
                view=view,
                fused=fused,
                rounds=rounds,
                exact_number=exact_number,
                numbers=numbers,
                outputs=outputs,
            )
            call = applier(op)
            op.operator = operator(op)
            call.__name__ = call.__qualname__ = op.name
            call.__doc__ = op.doc
            call.op = op
            if op.name in OPS.loaded:
                raise TypeError(f"two declarations are called {op.name}")
            OPS[op.name] = op
            op.call = call
            if not hidden:
                FUNCTIONS[op.name] = call if numbers == "any" else without_numbers(op, numbers)
                if method:
                    METHODS[op.name] = call if numbers != "none" else FUNCTIONS[op.name]
                if in_place:
                    IN_PLACE[op.name] = op.parameters[0] in op.saved_tensors
            return call

        return decorate

    return with_formulas


pointwise = declare("pointwise")
linear = declare("linear")
general = declare("general")
