"""Dropout: elements, or whole channels, set to zero at random while a network is trained."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradsh.engine import random
from gradsh.engine.arguments import operand
from gradsh.engine.dtypes import BOOL, FLOAT
from gradsh.engine.op import METHODS, composite
from gradsh.engine.ops.pointwise import add, mul
from gradsh.engine.ops.shape import memory_order, squeeze, unsqueeze
from gradsh.engine.tensor import Tensor, new_tensor

Array = np.ndarray[Any, np.dtype[Any]]

_SATURATION = 1.7580993408473766
"""Minus the value to which selu falls: Klambauer et al., Self-Normalizing Networks (2017)."""


def _like(array: Array) -> tuple[tuple[int, ...], list[int]]:
    """The shape of `array` in the order of its memory, and how to bring that order back."""
    order = memory_order(array)
    return tuple(array.shape[d] for d in order), sorted(range(array.ndim), key=order.__getitem__)


def _draw(kind: str, p: float, array: Array, feature: bool) -> Array:
    """Random numbers of the type of `array`: one an element, or one a channel of an example.

    PyTorch draws them into memory that is laid out as the input's.
    """
    if feature:
        if array.ndim < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        shape = array.shape[:2] + (1,) * (array.ndim - 2)
        inverse = list(range(array.ndim))
    else:
        shape, inverse = _like(array)
    if kind == "kept":
        drawn = random.default_generator.bernoulli(1 - p, shape, array.dtype)
    else:
        drawn = random.default_generator.dropout_mask(p, shape, array.dtype)
    return drawn.transpose(inverse)


def _check(p: Any) -> None:
    if p < 0.0 or p > 1.0:
        error = ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        error.add_note("p is the share of the elements that become zero")
        raise error


def _dropped(
    name: str, input: Any, p: Any, training: Any, inplace: Any, feature: bool = False
) -> Any:
    """input times zeros and 1 / (1 - p): the mean of the result is input."""
    _check(p)
    input = operand(input, name, "input", 1)
    if p == 0 or not training or input.array.size == 0:
        return input
    if p == 1:
        noise = np.zeros((), input.array.dtype)
    else:
        if input.dtype.category < FLOAT:
            raise _cannot_scale(input.dtype.type_name)
        noise = _draw("scaled", p, input.array, feature)
    return METHODS["mul_"](input, new_tensor(noise)) if inplace else mul(input, new_tensor(noise))


def _cannot_scale(held: str) -> RuntimeError:
    error = RuntimeError(f"result type Float can't be cast to the desired output type {held}")
    error.add_note("what is kept is divided by 1 - p: make it a float first: `x.float()`")
    return error


def _dropped_to_saturation(
    name: str, input: Any, p: Any, training: Any, inplace: Any, feature: bool
) -> Any:
    """input with some elements at selu's lowest value, brought back to its mean and variance."""
    _check(p)
    input = operand(input, name, "input", 1)
    if p == 0 or not training or input.array.size == 0:
        return input
    multiply = METHODS["mul_"] if inplace else mul
    if p == 1:
        return multiply(input, new_tensor(np.zeros((), input.array.dtype)))
    if input.dtype.category < FLOAT:
        held = "Long" if input.dtype.category == BOOL else input.dtype.type_name
        raise _cannot_scale(held)
    noise = _draw("kept", p, input.array, feature)
    kind = noise.dtype.type
    scale = 1 / math.sqrt((_SATURATION * _SATURATION * p + 1) * (1 - p))
    shift = (noise - kind(1)) * kind(_SATURATION * scale) + kind(_SATURATION * scale * p)
    product = multiply(input, new_tensor(noise * kind(scale)))
    return (METHODS["add_"] if inplace else add)(product, new_tensor(shift))


@composite()
def dropout(input: Any, p: Any = 0.5, training: Any = True, inplace: Any = False) -> Any:
    """input with each element zero with probability p, the others divided by 1 - p.

    With training=false it is input itself; inplace=true changes input.

    dropout(randn(3, 4))
    dropout(randn(3, 4), 0.3)
    dropout(randn(3, 4), 1.)
    dropout(randn(3, 4), 0.3, training=false)
    dropout(randn(3, 4) * 2, 0.3, inplace=true)
    """
    return _dropped("dropout", input, p, training, inplace)


@composite()
def dropout1d(input: Any, p: Any = 0.5, training: Any = True, inplace: Any = False) -> Any:
    """dropout of whole channels of (N, C, L) or (C, L): all elements of one stay or go together.

    dropout1d(randn(2, 3, 4), 0.3)
    dropout1d(randn(3, 4), 0.3)
    dropout1d(randn(2, 3, 4), training=false)
    """
    _check(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _dropped_in_batch("dropout1d", input, p, training, inplace, input.ndim == 3)


@composite()
def dropout2d(input: Any, p: Any = 0.5, training: Any = True, inplace: Any = False) -> Any:
    """dropout of whole channels of (N, C, H, W).

    dropout2d(randn(2, 3, 4, 4), 0.3)
    dropout2d(randn(2, 3, 4, 4), training=false)
    """
    _check(p)
    if input.ndim not in (3, 4):
        _warn_of_rank("dropout2d", input.ndim, 2, "3D or 4D")
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D "
            "dropout behavior is desired - input is interpreted as shape (N, C, L), where C is "
            "the channel dim. This behavior will change in a future release to interpret the "
            "input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D "
            "channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _dropped("dropout2d", input, p, training, inplace, feature=True)


@composite()
def dropout3d(input: Any, p: Any = 0.5, training: Any = True, inplace: Any = False) -> Any:
    """dropout of whole channels of (N, C, D, H, W) or (C, D, H, W).

    dropout3d(randn(2, 3, 2, 4, 4), 0.3)
    dropout3d(randn(3, 2, 4, 4), 0.3)
    """
    _check(p)
    if input.ndim not in (4, 5):
        _warn_of_rank("dropout3d", input.ndim, 3, "4D or 5D")
    return _dropped_in_batch("dropout3d", input, p, training, inplace, input.ndim == 5)


def _warn_of_rank(name: str, ndim: int, spatial: int, wanted: str) -> None:
    warnings.warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an "
        "error in a future release. To retain the behavior and silence this warning, please use "
        f"dropout instead. Note that {name} exists to provide channel-wise dropout on inputs with "
        f"{spatial} spatial dimensions, a channel dimension, and an optional batch dimension "
        f"(i.e. {wanted} inputs).",
        stacklevel=3,
    )


def _dropped_in_batch(
    name: str, input: Tensor, p: Any, training: Any, inplace: Any, batched: bool
) -> Any:
    """Dropout of channels; an input without examples is one example."""
    if batched:
        return _dropped(name, input, p, training, inplace, feature=True)
    return squeeze(_dropped(name, unsqueeze(input, 0), p, training, inplace, feature=True), 0)


@composite()
def alpha_dropout(input: Any, p: Any = 0.5, training: Any = False, inplace: Any = False) -> Any:
    """dropout that keeps mean 0 and variance 1: the goal is selu's lowest value instead of zero.

    alpha_dropout(randn(3, 4), 0.3, training=true)
    alpha_dropout(randn(3, 4))
    alpha_dropout(randn(3, 4), 1., true)
    alpha_dropout(randn(3, 4) * 2, 0.3, true, inplace=true)
    """
    return _dropped_to_saturation("alpha_dropout", input, p, training, inplace, False)


@composite()
def feature_alpha_dropout(
    input: Any, p: Any = 0.5, training: Any = False, inplace: Any = False
) -> Any:
    """alpha_dropout of whole channels of (N, C, ...).

    feature_alpha_dropout(randn(2, 3, 4), 0.3, training=true)
    feature_alpha_dropout(randn(2, 3, 4))
    """
    return _dropped_to_saturation("feature_alpha_dropout", input, p, training, inplace, True)
