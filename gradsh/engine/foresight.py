"""What a call would give, in shape and type, found out without computing it.

A stand-in is a tensor whose array holds one element under a shape of any size; a tensor with
elements of its own, such as a literal's, may stand for itself. What a function makes of stand-ins
is found by the cheapest way that is right:

- an operation on elements: on one element for the type; the shapes broadcast;
- a view: on the stand-ins themselves, whose elements a view does not touch;
- what is small: on arrays of ones and zeros, which is the whole work, but a small one;
- anything else: on small arrays of several sizes. The lengths of the result are then known as
  functions of the given ones, if they are sums or products of them, and one more size verifies it.

Nothing is known where the shape depends on the elements, nor of functions that do more than
compute.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final
from warnings import catch_warnings, simplefilter

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.dtypes import DEFAULTS, is_inexact
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.random import default_generator
from gradsh.engine.tensor import Tensor, new_tensor

__all__ = ["PLAIN_RESULTS", "Mismatch", "Unforeseen", "foresee", "hollow", "stand_in"]


class Unforeseen(Exception):
    """Nothing can be said of what an expression gives."""


class Mismatch(Exception):
    """The expression would fail, for its shapes or types; the message says why."""


_BY_VALUE: Final = frozenset(
    (
        "allclose", "argwhere", "bincount", "cartesian_prod", "combinations", "equal",
        "masked_select", "nonzero", "unique", "unique_consecutive",
    )
)  # fmt: skip
"""Functions whose result has a shape that depends on elements, or that grow beyond all bounds."""

_BY_VALUE_ALONE: Final = frozenset(("one_hot", "repeat_interleave", "where"))
"""The same, where they get a tensor and nothing else."""

_VIEWS: Final = frozenset(
    (
        "adjoint", "broadcast_to", "chunk", "detach", "dsplit", "expand_as", "flatten", "hsplit",
        "moveaxis", "movedim", "ravel", "reshape", "reshape_as", "split", "swapaxes", "swapdims",
        "tensor_split", "unflatten", "view_as", "vsplit",
    )
)  # fmt: skip
"""Functions made of views alone, at least for stand-ins, whose elements never have to move."""

_MANY: Final = frozenset(("chunk", "split", "split_with_sizes", "tensor_split", "unbind"))
"""Views that may be very many."""

_MOST_PARTS: Final = 10_000

PLAIN_RESULTS: Final = frozenset(
    (
        "dim", "element_size", "is_complex", "is_floating_point", "numel", "result_type", "size",
        "stride",
    )
)  # fmt: skip
"""Functions whose result is no tensor, and does not depend on elements."""

_MOST_ELEMENTS: Final = 1024
_MOST_WORK: Final = 2**15
_KEPT: Final = 8
"""Lengths and numbers up to this one are never replaced: they may be dimensions or steps."""
_COARSEST: Final = 60
_ABOUT_SHAPES: Final = re.compile(
    r"\b(?:sizes?|shapes?|[Dd]im(?:ension)?s?|broadcast|dtypes?|[Ii]ndex|indices|\d-?D|"
    r"must be|not implemented)\b"
)
_NUMBER: Final = re.compile(r"\d+")
_cache: dict[Any, Any] = {}
_MOST_CACHED: Final = 512


def stand_in(tensor: Tensor) -> Tensor:
    """A tensor of the same shape and type, with no elements of its own."""
    return hollow(tensor.array.shape, tensor.array.dtype)


def hollow(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """A stand-in of a shape and an array's type."""
    return new_tensor(np.broadcast_to(np.ones((), dtype), shape))


def foresee(function: Callable[..., Any], values: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """What `function` gives for stand-ins and plain values, its tensors again as stand-ins.

    `function` is one of the engine's, or an operator of Python's. Raises Mismatch if the call
    would fail for its shapes or types, Unforeseen where nothing is known.
    """
    key = _key((function, values, named, DEFAULTS.floating))
    try:
        found = _cache.get(key)
    except TypeError:  # a value that cannot be told from others
        raise Unforeseen from None
    if found is None:
        try:
            found = _foreseen(function, values, named)
        except (Mismatch, Unforeseen) as error:
            found = error
        if len(_cache) >= _MOST_CACHED:
            _cache.clear()
        _cache[key] = found
    if isinstance(found, (Mismatch, Unforeseen)):
        raise found.with_traceback(None)
    return found


def _key(value: Any) -> Any:
    """What tells calls apart that may give different results."""
    if isinstance(value, Tensor):
        array = value.array
        elements = array.tobytes() if any(array.strides) else None
        return array.shape, array.dtype, elements
    if isinstance(value, (tuple, list)):
        return type(value), *map(_key, value)
    if isinstance(value, Mapping):
        return tuple((name, _key(item)) for name, item in value.items())
    if isinstance(value, slice):
        return "slice", _key((value.start, value.stop, value.step))
    return (type(value), repr(value)) if isinstance(value, (int, float, complex)) else value


def _foreseen(function: Callable[..., Any], values: Sequence[Any], named: Mapping[str, Any]) -> Any:
    name = function.__name__
    op = getattr(function, "op", None)
    given = [*_leaves((values, named))]
    tensors = [leaf for leaf in given if isinstance(leaf, Tensor)]
    if name in _BY_VALUE or (name in _BY_VALUE_ALONE and len(values) + len(named) == 1):
        raise Unforeseen
    if name == "repeat_interleave" and len(tensors) > 1:
        raise Unforeseen  # how often stands in the second
    if name.endswith("_") and not name.startswith("__"):
        return values[0]  # in place
    state = None
    try:
        with set_grad_enabled(False), catch_warnings():
            simplefilter("ignore")
            if tensors and _is_pointwise(function):
                return _pointwise(function, values, named, tensors)
            if name in _VIEWS or (op is not None and op.view):
                longest = max(max(tensor.array.shape, default=0) for tensor in tensors)
                if name in _MANY and longest > _MOST_PARTS:
                    raise Unforeseen
                with suppress(Exception):  # it asks how the elements lie; real ones tell
                    return _emptied(name, function(*values, **named))
            state = default_generator.state()
            if _work(given, tensors) <= _MOST_WORK:
                filled = _replaced((tuple(values), named), _filled)
                return _emptied(name, function(*filled[0], **filled[1]))
            return _probed(function, values, named)
    except (Unforeseen, Mismatch):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it raises, nothing of the user's runs)
        message = str(error).partition("\n")[0]
        if _ABOUT_SHAPES.search(message):
            raise Mismatch(message) from None
        raise Unforeseen from None
    finally:
        if state is not None:
            default_generator.set_state(state)


def _is_pointwise(function: Callable[..., Any]) -> bool:
    """Whether a function works on each element by itself."""
    if function.__module__ == "_operator":
        return function.__name__ not in ("matmul", "getitem")
    op = getattr(function, "op", None)
    return op is not None and op.kind == "pointwise"


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, Mapping):
        yield from _leaves(list(value.values()))
    elif isinstance(value, slice):
        yield from _leaves((value.start, value.stop, value.step))
    else:
        yield value


def _replaced(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """The same structure with its leaves replaced."""
    if isinstance(value, (tuple, list)):
        return type(value)([_replaced(item, leaf) for item in value])
    if isinstance(value, Mapping):
        return {name: _replaced(item, leaf) for name, item in value.items()}
    if isinstance(value, slice):
        return slice(*[_replaced(x, leaf) for x in (value.start, value.stop, value.step)])
    return leaf(value)


def _emptied(name: str, result: Any) -> Any:
    """A result with stand-ins in place of its tensors."""
    if isinstance(result, Tensor):
        return stand_in(result)
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*[_emptied(name, item) for item in result])
    if isinstance(result, (tuple, list)):
        return type(result)([_emptied(name, item) for item in result])
    if name in PLAIN_RESULTS:
        return result
    raise Unforeseen


def _pointwise(
    function: Callable[..., Any],
    values: Sequence[Any],
    named: Mapping[str, Any],
    tensors: Sequence[Tensor],
) -> Any:
    """An operation on elements: the type from one of them, the shape from all shapes."""

    def clipped(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        return new_tensor(np.ones([min(n, 1) for n in leaf.array.shape], leaf.array.dtype))

    shape = check_broadcast(*[tensor.array.shape for tensor in tensors])
    op = getattr(function, "op", None)
    dtype = tensors[0].array.dtype
    if op is not None and op.result == "float" and len(op.operands) == 1 and dtype.kind != "c":
        # without a call, for which some would load scipy
        return hollow(shape, dtype if is_inexact(dtype) else DEFAULTS.floating.numpy)
    values, named = _replaced((tuple(values), named), clipped)
    result = function(*values, **named)

    def spread(leaf: Any) -> Any:
        return hollow(shape, leaf.array.dtype) if isinstance(leaf, Tensor) else leaf

    return _replaced(result, spread)


def _work(given: Sequence[Any], tensors: Sequence[Tensor]) -> int:
    """A bound on the elements that a call looks at or makes, by those and the numbers it gets."""
    if sum(tensor.array.size for tensor in tensors) > _MOST_ELEMENTS:
        return _MOST_WORK + 1
    numbers = [abs(leaf) for leaf in given if isinstance(leaf, (int, float))]
    factors = [math.ceil(number) for number in numbers if 1 < number < math.inf]
    return math.prod([*(max(tensor.array.size, 1) for tensor in tensors), *factors])


def _filled(leaf: Any) -> Any:
    """Real elements for a stand-in: such as matrices and probabilities may have, and indices."""
    if not isinstance(leaf, Tensor) or any(leaf.array.strides):
        return leaf
    shape, dtype = leaf.array.shape, leaf.array.dtype
    if dtype.kind in "iu":
        return new_tensor(np.zeros(shape, dtype))
    if dtype.kind == "b" or len(shape) < 2:
        return new_tensor(np.ones(shape, dtype))
    return new_tensor(np.broadcast_to(np.eye(*shape[-2:], dtype=dtype), shape).copy())


# ------------------------------------------------------------------ several small sizes


def _probed(function: Callable[..., Any], values: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """The result, from those for several small sizes in place of the large ones.

    Equal lengths and numbers stay equal, smaller ones smaller, and all stay what they are modulo
    the small numbers of the call, which may be steps.
    """
    given = [*_leaves((values, named))]
    numbers = {abs(leaf) for leaf in given if type(leaf) is int}
    lengths = {n for leaf in given if isinstance(leaf, Tensor) for n in leaf.array.shape}
    large = sorted(n for n in lengths | numbers if n > _KEPT)
    step = math.lcm(*(n for n in numbers if 1 < n <= _KEPT))
    if step > _COARSEST:
        raise Unforeseen
    base: dict[int, int] = {}
    smallest = _KEPT + 1
    for n in large:
        base[n] = smallest + (n - smallest) % step
        smallest = base[n] + 3 * step
    trials = [base, *({**base, n: base[n] + step} for n in large)]
    last = {n: base[n] + 2 * step for n in large}
    results = [_at(function, values, named, lengths) for lengths in (*trials, last)]
    return _extrapolated(function.__name__, results, [*trials, last])


def _at(
    function: Callable[..., Any],
    values: Sequence[Any],
    named: Mapping[str, Any],
    lengths: Mapping[int, int],
) -> Any:
    """What a call gives with other lengths in place of its own."""

    def shrunk(leaf: Any) -> Any:
        if type(leaf) is int:
            return lengths.get(leaf, -lengths.get(-leaf, -leaf))
        if isinstance(leaf, Tensor):
            shape = tuple([lengths.get(n, n) for n in leaf.array.shape])
            if math.prod(shape) > _MOST_WORK:
                raise Unforeseen
            if shape == leaf.array.shape:
                return _filled(leaf)
            return _filled(hollow(shape, leaf.array.dtype))
        return leaf

    try:
        values, named = _replaced((tuple(values), named), shrunk)
        return function(*values, **named)
    except Unforeseen:
        raise
    except Exception as error:  # noqa: BLE001
        original = {str(small): str(n) for n, small in lengths.items()}
        message = str(error).partition("\n")[0]
        strange = False

        def restored(number: re.Match[str]) -> str:
            nonlocal strange
            strange = strange or (int(number[0]) > _KEPT and number[0] not in original)
            return original.get(number[0], number[0])

        message = _NUMBER.sub(restored, message)
        if strange or not _ABOUT_SHAPES.search(message):
            raise Unforeseen from None
        raise Mismatch(message) from None


def _extrapolated(name: str, results: Sequence[Any], trials: Sequence[Mapping[int, int]]) -> Any:
    """The result for the true lengths, from those for several others."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        if any(len(result) != len(first) for result in results):
            raise Unforeseen
        parts = [_extrapolated(name, part, trials) for part in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if not isinstance(first, Tensor) or any(result.ndim != first.ndim for result in results):
        raise Unforeseen
    shapes = [result.array.shape for result in results]
    lengths = [_length(of, trials) for of in zip(*shapes, strict=True)]
    return hollow(tuple(lengths), first.array.dtype)


def _length(of: Sequence[int], trials: Sequence[Mapping[int, int]]) -> int:
    """The length of a dimension for the true lengths; `of` are those for the trials.

    It is a sum of multiples of the given lengths, or a product of powers of them.
    """
    base, last = trials[0], trials[-1]
    changed = zip(base, of[1:-1], trials[1:-1], strict=True)
    slopes = {n: Fraction(length - of[0], at[n] - base[n]) for n, length, at in changed}

    def linear(at: Mapping[int, int]) -> Fraction:
        return of[0] + sum((slope * (at[n] - base[n]) for n, slope in slopes.items()), Fraction())

    powers = {
        n: next((p for p in (0, 1, -1, 2) if length == of[0] * Fraction(at[n], base[n]) ** p), None)
        for n, length, at in zip(base, of[1:-1], trials[1:-1], strict=True)
    }

    def product(at: Mapping[int, int]) -> Fraction:
        value = Fraction(of[0])
        for n, power in powers.items():
            value *= Fraction(at[n], base[n]) ** (power or 0)
        return value

    true = {n: n for n in base}
    for length in (linear, product) if None not in powers.values() else (linear,):
        if length(last) == of[-1] and length(true).denominator == 1:
            return int(length(true))
    raise Unforeseen
