"""What compiled statements call that no user can type: `@unpack`, `@power` and the like.

Each has the name of the function here, with an `@` before it. Those that belong to one session
are in `gradsh.session.session`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from gradsh.engine import Tensor, backward
from gradsh.engine.dtypes import NUMBER_CATEGORY
from gradsh.engine.leaf import requires_grad_
from gradsh.engine.list_arguments import LISTS, TENSOR_LISTS, takes_any_number, wanted
from gradsh.engine.modes import RUNNING, enable_grad, no_grad
from gradsh.engine.ops.creation import literal
from gradsh.engine.optim import Optimizer, adagrad, adam, adamw, lbfgs, rmsprop, sgd
from gradsh.session.custom import custom
from gradsh.session.fusion import FUSION

MAXIMUM_BITS: Final = 2**20
"""Longest whole number that `^` makes; longer ones take Python ever longer, with no way to stop."""

_OPTIMISERS: Final = (adagrad, adam, adamw, lbfgs, rmsprop, sgd)


def call(function: Any, *values: Any, **named: Any) -> Any:
    """Call a function with bracket lists among its arguments.

    Where a built-in takes a list (of tensors, of lengths), it gets one; everywhere else a bracket
    list is a tensor.
    """
    return function(*read_lists(function, values, named), **named)


def read_lists(
    function: Any,
    values: Sequence[Any],
    named: dict[str, Any],
    literal: Callable[[list[Any]], Tensor] = literal,
) -> list[Any]:
    """The arguments by position with bracket lists as `function` wants them; `named` is changed.

    `literal` makes the tensors.
    """

    def read(place: int | str, value: Any, count: int) -> Any:
        if type(value) is not list:
            return value
        return _as_wanted(function, place, value, count, literal)

    for name, value in named.items():
        named[name] = read(name, value, 1)
    return [read(position, value, len(values)) for position, value in enumerate(values)]


def _as_wanted(
    function: Any,
    place: int | str,
    value: list[Any],
    count: int,
    literal: Callable[[list[Any]], Tensor],
) -> Any:
    """A bracket list as what the parameter in a position, or with a name, takes.

    `count` is how many values the call has. Of several that are all tensors each list is one,
    and so is a list of nothing but numbers: `meshgrid([1, 2], [3, 4])`, `cat([1, 2], [3])`.
    """
    kind = wanted(function, place)
    if kind in TENSOR_LISTS:
        if (kind == "tensors" and count > 1 and takes_any_number(function)) or (
            value and all(type(item) in NUMBER_CATEGORY for item in value)
        ):
            return literal(value)
        return [literal(item) if type(item) is list else item for item in value]
    return value if kind in LISTS else literal(value)


def run_backward(
    value: Any, gradient: Any = None, *, inputs: tuple[Any, ...] | None = None, **options: bool
) -> None:
    """The statement `backward E with V inputs x, w`."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    for part in values:
        if not isinstance(part, Tensor):
            raise AttributeError(f"'{type(part).__name__}' object has no attribute 'backward'")
    for position, part in enumerate(inputs or ()):
        if not isinstance(part, Tensor):
            raise TypeError(
                f"expected Tensor as element {position} in argument 'inputs' of backward(), "
                f"but got {type(part).__name__}"
            )
    backward(value, gradient, inputs=inputs, **options)


def grad_on(value: Any) -> Tensor:
    """`E grad`: the tensor, which now requires grad."""
    if not isinstance(value, Tensor):
        error = TypeError(f"{type(value).__name__} cannot require grad, only a tensor can")
        if isinstance(value, (int, float, complex)):
            error.add_note(f"write `tensor({value}) grad`")
        raise error
    return requires_grad_(value)


def iterate(value: Any) -> Iterator[Any]:
    """What `for i in E` goes through. TypeError in Python's or PyTorch's words if it cannot."""
    try:
        return iter(value)
    except TypeError as error:
        if isinstance(value, int):
            error.add_note(f"write `for i in range({value})`")
        raise


def unpack(value: Any, count: int) -> tuple[Any, ...]:
    """The `count` values that `a, b = E` binds.

    Raises TypeError for what is no sequence, ValueError for another number of values, in the
    words of Python and PyTorch.
    """
    if type(value) is tuple and len(value) == count:
        return value
    if isinstance(value, Tensor) and not value.ndim:
        raise TypeError("iteration over a 0-d tensor")
    try:
        length = len(value)
    except TypeError:
        raise TypeError(f"cannot unpack non-iterable {type(value).__name__} object") from None
    if length < count:
        raise ValueError(f"not enough values to unpack (expected {count}, got {length})")
    if length > count:
        raise ValueError(f"too many values to unpack (expected {count})")
    return tuple(value)


def exponent(base: Any, power: Any) -> Any:
    """`power`, checked for `base ^= power`.

    Raises OverflowError if that would be a whole number of more than MAXIMUM_BITS bits.
    """
    if (
        isinstance(base, int)
        and isinstance(power, int)
        and power > 1
        and (abs(base).bit_length() - 1) * power >= MAXIMUM_BITS
        and abs(base) > 1
    ):
        digits = int(abs(base).bit_length() * power * 0.30103)
        error = OverflowError(f"this power has about {digits} digits")
        error.add_note("use a tensor or a number with a point: they give inf when it is too large")
        raise error
    return power


def power(base: Any, power: Any) -> Any:
    """`base ^ power`, with the check of `exponent`."""
    return base ** exponent(base, power)


def remainder(left: Any, right: Any) -> Any:
    """`left % right`, which for a text is not Python's formatting."""
    if isinstance(left, str):
        raise TypeError(f"unsupported operand type(s) for %: 'str' and '{type(right).__name__}'")
    return left % right


def optimiser(value: Any, over: tuple[Any, ...]) -> Optimizer:
    """The optimiser after `using`: one there is already, or a new one for the tensors `over`.

    TypeError for what is neither an optimiser nor makes one.
    """
    if not isinstance(value, Optimizer) and value in _OPTIMISERS:
        value = value(*over)
    if not isinstance(value, Optimizer):
        error = TypeError(f"{type(value).__name__} is no optimiser")
        error.add_note("write `using adam(lr=0.1)`, for example")
        raise error
    return value


def optimiser_call(function: Any, over: tuple[Any, ...], *values: Any, **named: Any) -> Optimizer:
    """The same for a call, in which the functions that make optimisers are given the tensors."""
    if function in _OPTIMISERS:
        values = (*over, *values)
    return optimiser(function(*values, **named), over)


OPERATIONS: Final[dict[str, object]] = {
    "@running": RUNNING,
    "@tensor": literal,
    "@call": call,
    "@backward": run_backward,
    "@grad_on": grad_on,
    "@nograd": no_grad,
    "@enablegrad": enable_grad,
    "@iterate": iterate,
    "@unpack": unpack,
    "@power": power,
    "@exponent": exponent,
    "@remainder": remainder,
    "@custom": custom,
    "@optimiser": optimiser,
    "@optimiser_call": optimiser_call,
    "@fuse": FUSION.fuse,
    "@fused": FUSION.fused,
    "@type": type,
    "@Tensor": Tensor,
    "@Error": Exception,
    "@AssertionError": AssertionError,
}
