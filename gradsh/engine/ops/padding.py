"""Padding: more elements, or with negative numbers fewer, at the ends of the last dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, operand
from gradsh.engine.arguments import number as read_number
from gradsh.engine.arguments import shape as read_lengths
from gradsh.engine.derivative import general, linear
from gradsh.engine.graph import Node
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import no_effect, refuse

Array = np.ndarray[Any, np.dtype[Any]]
Ends = tuple[int, ...]


def _by_dim(pad: Ends, ndim: int) -> list[tuple[int, int, int]]:
    """`pad`, which lists the last dimension first, as (dimension, before, behind)."""
    return [(ndim - 1 - i, pad[2 * i], pad[2 * i + 1]) for i in range(len(pad) // 2)]


@linear(
    input=lambda g, pad: constant_pad(g, tuple(-end for end in pad), 0.0),
    grad_fn="ConstantPadNdBackward0",
    hidden=True,
)
def constant_pad(input: Operand, pad: Any, value: Any):
    """input with value at the ends that pad lengthens, shorter where it is negative."""
    lengths = list(input.shape)
    kept = [slice(None)] * input.ndim
    within = [slice(None)] * input.ndim
    for dim, before, behind in _by_dim(pad, input.ndim):
        length = lengths[dim]
        remaining = length + min(before, 0)
        if remaining < 0 or remaining + min(behind, 0) < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        lengths[dim] = length + before + behind
        kept[dim] = slice(max(-before, 0), length + min(behind, 0))
        within[dim] = slice(max(before, 0), lengths[dim] - max(behind, 0))
    result = np.full(lengths, input.dtype.type(value), input.dtype)
    result[tuple(within)] = input[tuple(kept)]
    return result


def _reflected(length: int, before: int, behind: int) -> Array:
    """Where each element comes from: mirrored at the first and the last one."""
    place = np.abs(np.arange(-before, length + behind))
    return length - 1 - np.abs(length - 1 - place)


def _replicated(length: int, before: int, behind: int) -> Array:
    """Where each element comes from: the first or last one beyond them."""
    return np.clip(np.arange(-before, length + behind), 0, length - 1)


def _wrapped(length: int, before: int, behind: int) -> Array:
    """Where each element comes from: from the other end of what is kept."""
    start = max(-before, 0)
    kept = length - start - max(-behind, 0)
    return start + np.arange(-max(before, 0), kept + max(behind, 0)) % max(kept, 1)


_SOURCES: dict[str, Callable[[int, int, int], Array]] = {
    "reflect": _reflected,
    "replicate": _replicated,
    "circular": _wrapped,
}
_NAMES = {"reflect": "Reflection", "replicate": "Replication"}
_CHECKED_SIZES = {2: (2, 3), 4: (3, 4), 6: (4, 5)}
"""For each length of `pad`, the numbers of dimensions it goes with where elements are copied."""


def _copied(input: Array, mode: str, pad: Ends) -> Array:
    for dim, before, behind in _by_dim(pad, input.ndim):
        input = np.take(input, _SOURCES[mode](input.shape[dim], before, behind), dim)
    return input


def _gathered(grad: Array, mode: str, pad: Ends, shape: tuple[int, ...]) -> Array:
    """The transpose of `_copied`: each element of the shape gets the sum of its copies."""
    for dim, before, behind in _by_dim(pad, len(shape)):
        source = _SOURCES[mode](shape[dim], before, behind)
        order = np.argsort(source, kind="stable")
        places, starts = np.unique(source[order], return_index=True)
        total = np.zeros((*grad.shape[:dim], shape[dim], *grad.shape[dim + 1 :]), grad.dtype)
        if len(places):
            copies = np.take(grad, order, dim)
            total[(slice(None),) * dim + (places,)] = np.add.reduceat(copies, starts, dim)
        grad = total
    return grad


@linear(
    input=lambda g, pad, input_shape: unwrap_ends(g, pad, input_shape),
    grad_fn="CopySlices",
    hidden=True,
)
def wrap_ends(input: Operand, pad: Any):
    """input with copies of its elements from the other end at the ends that pad lengthens."""
    return _copied(input, "circular", pad)


@linear(input=lambda g, pad: wrap_ends(g, pad), hidden=True)
def unwrap_ends(input: Operand, pad: Any, shape: Any):
    """The transpose of wrap_ends, for an input of this shape."""
    return _gathered(input, "circular", pad, shape)


def _padding_name(suffix: str) -> Callable[[Node], str]:
    def name(node: Node) -> str:
        mode, pad = (node.op.argument(node, key) for key in ("mode", "pad"))  # type: ignore[attr-defined]
        return f"{_NAMES[mode]}Pad{len(pad) // 2}D{suffix}"

    return name


@linear(
    input=lambda g, input, mode, pad: ends_cotangent(g, input, mode, pad),
    grad_fn=_padding_name("Backward0"),
    hidden=True,
)
def copy_ends(input: Operand, mode: Any, pad: Any):
    """input with copies of its elements, by the mode, at the ends that pad lengthens."""
    return _copied(input, mode, pad)


@general(
    grad=lambda g, mode, pad: copy_ends(g, mode, pad),
    input=lambda g, input_shape: no_effect(g, input_shape),
    grad_fn=_padding_name("BackwardBackward0"),
    hidden=True,
)
def ends_cotangent(grad: Operand, input: Operand, mode: Any, pad: Any):
    """The transpose of copy_ends, whose input it was."""
    return _gathered(grad, mode, pad, input.shape)


def _check_ends(mode: str, input: Any, pad: Ends) -> None:
    """PyTorch's errors of the modes that copy elements."""
    shape, ndim, spatial = list(input.shape), input.ndim, len(pad) // 2
    by_dim = _by_dim(pad, ndim)
    lengths = [shape[dim] + before + behind for dim, before, behind in by_dim]
    if mode == "circular":
        for dim, before, behind in by_dim:
            if max(before, behind) > shape[dim]:
                raise RuntimeError("Padding value causes wrapping around more than once.")
        if min(lengths) >= 0 and any(
            shape[dim] + before + behind > 0
            and max(before, behind) > shape[dim] + min(before, 0) + min(behind, 0)
            for dim, before, behind in by_dim
        ):  # PyTorch then copies memory that it has not written
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if min(lengths) < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
        return
    batched = ndim == spatial + 2
    if 0 in shape[batched:]:
        raise RuntimeError(
            f"Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor with possibly 0 batch "
            f"size and other non-zero dimensions for input, but got: {shape}"
        )
    for place, (dim, before, behind) in enumerate(by_dim):
        if mode == "reflect" and max(before, behind) >= shape[dim]:
            error = RuntimeError(
                f"Argument #{4 + 2 * place}: Padding size should be less than the corresponding "
                f"input dimension, but got: padding ({before}, {behind}) at dimension {dim} of "
                f"input {shape}"
            )
            error.add_note("reflecting takes no more than the length less one from each end")
            raise error
    if max(lengths) < 1:
        names = "DHW"[-spatial:]
        given = ", ".join(f"{n}: {size}" for n, size in zip(names, shape[-spatial:], strict=True))
        computed = " ".join(f"{n}: {size}" for n, size in zip(names, lengths[::-1], strict=True))
        raise RuntimeError(f"input ({given}) is too small. Calculated output {computed}")
    if min(lengths) < 0:
        result = [*shape[:-spatial], *lengths[::-1]]
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(lengths)}: {result}"
        )


@composite(method=False)
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """input with elements added, or by negative numbers taken away, at its dimensions' ends.

    pad counts those before and behind in the last dimension, then in the one before it, and so
    on. The new elements are value, by default zero; with mode "reflect" those mirrored at the
    end, with "replicate" the last one, with "circular" those from the other end.

    pad(randn(3, 4), (1, 2))
    pad(randn(2, 3, 4), (1, -1, 0, 2), value=1.5)
    pad(randn(2, 3, 5), (2, 1), mode="reflect")
    pad(randn(3, 5, 6), (2, 1, 0, 3), "reflect")
    pad(randn(2, 3, 5), (-1, 2), mode="replicate")
    pad(randn(2, 2, 2, 5, 6), (2, 1, 0, 3, 1, 1), "replicate")
    pad(randn(2, 3, 5, 6), (2, 1, 3, -1), mode="circular")
    """
    input = operand(input, "pad", "input", 1)
    ends = _read_ends(pad)
    ndim = input.array.ndim
    if len(ends) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(ends) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(ends)} and input of dimension {ndim}"
        )
    if mode == "constant":
        filled = 0.0 if value is None else read_number(value, "pad", "value", 4)
        if isinstance(filled, complex):
            raise TypeError("pad(): argument 'value' (position 4) must be float, not complex")
        return constant_pad(input, ends, filled)
    if mode not in _SOURCES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if ndim not in _CHECKED_SIZES.get(len(ends), ()):
        raise NotImplementedError(
            f"Padding size {len(ends)} is not supported for {ndim}D input tensor."
        )
    _check_ends(mode, input.array, ends)
    if mode == "circular":
        return wrap_ends(input, ends)
    refuse(f"{_NAMES[mode].lower()}_pad{len(ends) // 2}d", "b", input.array)
    return copy_ends(input, mode, ends)


def _read_ends(pad: Any) -> Ends:
    if not isinstance(pad, (tuple, list)):
        raise TypeError(
            "pad(): argument 'pad' (position 2) must be tuple of ints, not " + type(pad).__name__
        )
    return read_lengths(pad, "pad", "pad", 2)
