"""Normalization: values brought to mean 0 and variance 1, by layers, batches, instances, groups."""

from __future__ import annotations

import math
from typing import Any
from weakref import ref

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.arguments import operand as read_operand
from gradsh.engine.arguments import refuse as refuse_type
from gradsh.engine.derivative import general, pointwise
from gradsh.engine.dtypes import FROM_NUMPY, HALVES, is_bfloat16
from gradsh.engine.journal import change_values
from gradsh.engine.large_rows import row_cotangents, standardized_rows, weight_cotangent
from gradsh.engine.modes import INTERRUPTS
from gradsh.engine.moments import (
    FEW,
    LONGEST_ROW,
    column_cotangent,
    column_moments,
    row_cotangent,
    row_moments,
)
from gradsh.engine.op import composite
from gradsh.engine.ops.elementary import square
from gradsh.engine.ops.indexing import select
from gradsh.engine.ops.pieces import array_of, refuse
from gradsh.engine.ops.pointwise import add, mul
from gradsh.engine.ops.reductions import mean, sum
from gradsh.engine.ops.shape import clone, contiguous, reshape, to
from gradsh.engine.ops.statistics import var_of
from gradsh.engine.ops.transcendental import rsqrt
from gradsh.engine.precision import SEEN_IN_FULL, single
from gradsh.engine.tensor import Tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]

# numpy's stubs cannot choose an overload for a `keepdims` that is a variable.
ADD: Any = np.add


class Normalization:
    """How one call normalizes, and the means and reciprocal deviations that it found.

    Values are seen in the shape `view` and taken together along `dims`; weight and bias have the
    shape `parameters` there, and may be `mixed`: single beside half precision. The forward pass
    keeps the moments for the backward pass; running statistics are given as moments and are
    constants to every derivative.
    """

    __slots__ = (
        "constant",
        "dims",
        "eps",
        "found",
        "mean",
        "mixed",
        "parameters",
        "scale",
        "steps",
        "view",
    )

    def __init__(
        self,
        view: tuple[int, ...],
        dims: tuple[int, ...],
        parameters: tuple[int, ...],
        eps: float,
        running: tuple[Array, Array] | None = None,
    ) -> None:
        self.view = view
        self.dims = dims
        self.parameters = parameters
        self.eps = eps
        self.constant = running is not None
        self.mean: Any = None
        self.scale: Any = None
        self.mixed = False
        self.steps: _GroupSteps | None = None
        self.found: tuple[ref[Array], list[Array | None]] | None = None
        if running is not None:
            average, variance = (single(x).reshape(parameters) for x in running)
            self.mean = average
            self.scale = np.reciprocal(np.sqrt(variance + variance.dtype.type(eps)))

    @property
    def count(self) -> int:
        """How many values are taken together."""
        return math.prod(self.view[d] for d in self.dims)

    @property
    def others(self) -> tuple[int, ...]:
        """The dimensions along which all values share a weight."""
        return tuple(d for d, length in enumerate(self.parameters) if length == 1)

    def by_rows(self) -> bool:
        """Whether the rows of a matrix are normalized, each by itself."""
        return len(self.view) == 2 and self.dims == (1,) and not self.constant

    def find(self, values: Array) -> None:
        """Find the moments of `values`, in double precision where that is cheap.

        Those of few numbers have PyTorch's last bits, where its order of additions is known.
        """
        if values.dtype == np.float32 and values.size <= FEW and self._find_exactly(values):
            return
        if values.dtype == np.float32 and (values.size <= SEEN_IN_FULL or self.dims != (1,)):
            average, variance = _moments(values.astype(np.float64), self.dims)
        else:
            average, variance = _moments(values, self.dims)
        self.mean = average.astype(values.dtype, copy=False)
        self.scale = (1 / np.sqrt(variance + variance.dtype.type(self.eps))).astype(
            values.dtype, copy=False
        )

    def _find_exactly(self, values: Array) -> bool:
        """Find the moments in the steps of PyTorch's kernels; False where these are not known."""
        if self.dims == (0,) and values.ndim == 2:
            average, variance = column_moments(values)
            deviation = np.sqrt(variance.astype(np.float64) + self.eps)
            self.scale = np.reciprocal(deviation).astype(np.float32).reshape(1, -1)
            self.mean = average.reshape(1, -1)
            return True
        trailing = tuple(range(values.ndim - len(self.dims), values.ndim))
        if self.dims != trailing or self.count > LONGEST_ROW:
            return False
        average, variance = row_moments(values.reshape(-1, self.count))
        shape = (*values.shape[: trailing[0]], *(1 for _ in trailing))
        if self.by_rows():
            deviation = np.sqrt(variance + np.float32(self.eps))
        else:
            deviation = np.sqrt(variance.astype(np.float64) + self.eps)
        self.mean = average.reshape(shape)
        self.scale = np.reciprocal(deviation).astype(np.float32, copy=False).reshape(shape)
        return True

    def moments(self, values: Any) -> tuple[Any, Any]:
        """Mean and reciprocal deviation: the kept ones, or recorded as functions of `values`."""
        if self.constant or type(values) is not Tensor:
            return self.mean, self.scale
        average = mean(values, self.dims, True)
        return average, rsqrt(add(mean(square(values - average), self.dims, True), self.eps))

    def keep_as(self, storage: np.dtype[Any], *parameters: Array | None) -> None:
        """Round the kept moments to half precision, as PyTorch does without single parameters."""
        if storage in HALVES and not any(x is not None and x.dtype != storage for x in parameters):
            self.mean, self.scale = (
                single(moment.astype(storage)) for moment in (self.mean, self.scale)
            )

    def keep(self, g: Array, *found: Array | None) -> None:
        """Keep the cotangents of weight and bias for g, found on the way, till they are asked."""
        self.found = (ref(g), list(found))

    def kept(self, g: Any, index: int) -> Array | None:
        """What `keep` kept for g, once."""
        if self.found is None or self.found[0]() is not g:
            return None
        _, arrays = self.found
        found, arrays[index] = arrays[index], None
        return found


def _moments(values: Array, dims: tuple[int, ...]) -> tuple[Any, Any]:
    """Mean and variance; a second pass corrects the rounding of the first mean."""
    count = values.dtype.type(math.prod(values.shape[d] for d in dims))
    average = ADD.reduce(values, dims, keepdims=True) / count
    distance = values - average
    left_over = ADD.reduce(distance, dims, keepdims=True) / count
    np.multiply(distance, distance, out=distance)
    return average + left_over, ADD.reduce(distance, dims, keepdims=True) / count - left_over**2


def _sum_of_squares(values: Array, dims: tuple[int, ...]) -> Array:
    """The sum of squared distances from the mean; PyTorch keeps that of bfloat16 as one."""
    wide = values.astype(np.float64)
    distance = wide - np.mean(wide, dims, keepdims=True)
    result: Array = ADD.reduce(distance * distance, dims, keepdims=True)
    return result


def _wide(value: Any) -> Any:
    """A value to compute with: half precision made single."""
    return to(value, FROM_NUMPY[np.dtype(np.float32)]) if _is_half(value) else value


def _is_half(value: Any) -> bool:
    half: bool = array_of(value).dtype in HALVES
    return half


def _seen(value: Any, shape: tuple[int, ...]) -> Any:
    return _wide(value) if tuple(value.shape) == shape else reshape(_wide(value), shape)


def _returned(value: Any, like: Any) -> Any:
    """A cotangent in the shape and type of `like`."""
    shape = tuple(like.shape)
    value = value if tuple(value.shape) == shape else reshape(value, shape)
    return to(value, FROM_NUMPY[array_of(like).dtype])


def _input_rule(g: Any, input: Any, weight: Any, plan: Normalization) -> Any:
    """The part of the weighted cotangent that is neither along the ones nor along the result.

    Source: Ioffe and Szegedy, Batch Normalization (2015), section 3.
    """
    cotangent, values = _seen(g, plan.view), _seen(input, plan.view)
    scales = None if weight is None else _seen(weight, plan.parameters)
    if type(values) is np.ndarray and values.dtype == np.float32 and values.size <= FEW:
        weighted = cotangent if scales is None else cotangent * scales
        if plan.by_rows():
            return _returned(row_cotangent(weighted, values, plan.mean, plan.scale), input)
        if plan.dims == (0,) and len(plan.view) == 2 and not plan.constant:
            exact = column_cotangent(cotangent, values, plan.mean, plan.scale)
            return _returned(exact if scales is None else exact * scales, input)
    if plan.by_rows() and type(values) is not Tensor and values.size > SEEN_IN_FULL:
        result, *others = row_cotangents(cotangent, values, scales, plan.mean, plan.scale)
        plan.keep(g, *others)
        return _returned(result, input)
    return _returned(_through(cotangent, values, scales, plan), input)


@pointwise(grad=lambda g: g, input=lambda g: None, hidden=True)
def unmoved(grad, input):
    """grad, as a function of an input on which it does not depend."""
    return grad


def _through(g: Any, values: Any, scales: Any, plan: Normalization) -> Any:
    if scales is not None:
        g = g * scales
    average, scale = plan.moments(values)
    if plan.constant:
        return unmoved(g * scale, values)
    normal = (values - average) * scale
    along = mean(g * normal, plan.dims, True)
    return (g - mean(g, plan.dims, True) - normal * along) * scale


def _weight_rule(g: Any, input: Any, weight: Any, plan: Normalization) -> Any:
    """The sum of the cotangents times the normalized values that shared a weight."""
    cotangent, values = _seen(g, plan.view), _seen(input, plan.view)
    if plan.by_rows() and type(values) is not Tensor and values.size > SEEN_IN_FULL:
        found = plan.kept(g, 0)
        if found is None:
            found = weight_cotangent(cotangent, values, plan.mean, plan.scale)
        return _returned(found, weight)
    average, scale = plan.moments(values)
    return _returned(sum(cotangent * ((values - average) * scale), plan.others, True), weight)


def _bias_rule(g: Any, bias: Any, plan: Normalization) -> Any:
    """The sum of the cotangents of the values that shared a bias."""
    found = plan.kept(g, 1)
    if found is not None:
        return _returned(found, bias)
    return _returned(sum(_seen(g, plan.view), plan.others, True), bias)


def _kind(input: Array, *parameters: Array | None) -> None:
    """PyTorch's errors for element types that do not go together."""
    given = [x for x in parameters if x is not None]
    if not given:
        return
    if given[0].dtype is input.dtype:
        for x in given:
            if x.dtype is not input.dtype:
                wanted, found = (FROM_NUMPY[array.dtype].type_name for array in (input, x))
                raise RuntimeError(f"expected scalar type {wanted} but found {found}")
        return
    if any(x.dtype != np.float32 for x in given):
        raise RuntimeError("mixed dtype (CPU): expect parameter to have scalar type of Float")
    if input.dtype not in HALVES:
        error = RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")
        error.add_note("convert the input or the parameters: `x.float()`, `w.to(x.dtype)`")
        raise error


def _by_rows(values: Array, plan: Normalization, weight: Any, bias: Any) -> Array:
    """(values - mean) * scale * weight + bias of a matrix, rounded as PyTorch's kernel for rows."""
    if values.size > SEEN_IN_FULL:
        result, plan.mean, plan.scale = standardized_rows(values, weight, bias, plan.eps)
        return result
    plan.find(values)
    result = values - plan.mean
    result *= plan.scale
    if weight is not None:
        result *= weight
    if bias is not None:
        result += bias
    return result


def _factor_and_shift(plan: Normalization, weight: Any, bias: Any) -> tuple[Array, Array]:
    """What PyTorch's kernels for channels multiply with and then add."""
    factor = plan.scale if weight is None else plan.scale * weight
    shift = -plan.mean * factor if bias is None else bias - plan.mean * factor
    return factor, shift


def _parameters(plan: Normalization, *parameters: Array | None) -> list[Any]:
    return [None if x is None else single(x).reshape(plan.parameters) for x in parameters]


@general(
    input=_input_rule,
    weight=_weight_rule,
    bias=_bias_rule,
    grad_fn="NativeLayerNormBackward0",
    rounds=True,
    hidden=True,
)
def layer_norm_of(input: Operand, weight: Operand | None, bias: Operand | None, plan: Any):
    """Every row of plan's view normalized."""
    refuse("LayerNormKernelImpl", "biuc", input)
    _kind(input, weight, bias)
    if not input.size:
        plan.mean = plan.scale = np.zeros((plan.view[0], 1), single(input).dtype)
        return np.empty(input.shape, input.dtype)
    values = single(input).reshape(plan.view)
    result = _by_rows(values, plan, *_parameters(plan, weight, bias))
    plan.keep_as(input.dtype, weight, bias)
    result = result if result.shape == input.shape else result.reshape(input.shape)
    return result.astype(input.dtype, copy=False)


def _check_normalized_shape(
    function: str, input: Any, shape: Any, weight: Any, bias: Any
) -> tuple[int, ...]:
    """The shape as a tuple, if it is the end of input's and that of weight and bias."""
    if not isinstance(shape, (tuple, list)):
        raise refuse_type(function, "normalized_shape", 2, "tuple of ints", shape)
    shape = tuple(int(length) for length in shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            "one element, but got normalized_shape = []"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.array.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of "
                f"shape {list(parameter.array.shape)} and normalized_shape = {list(shape)}"
            )
    held = input.array.shape
    if function == "rms_norm" and len(held) < len(shape):
        raise ValueError(
            f"Input tensor must have at least {len(shape)} dimensions, but got {len(held)}"
        )
    if held[max(len(held) - len(shape), 0) :] != shape:
        separator = ", " if function == "layer_norm" else ""
        inner = ", ".join(map(str, shape))
        error = RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*{separator}{inner}], but got input of size{list(held)}"
        )
        error.add_note("normalized_shape is how input's shape ends")
        raise error
    return shape


@composite()
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """input with mean 0 and variance 1 over its last dimensions, whose shape is given.

    Then times weight and plus bias, which have that shape.

    layer_norm(tensor([[1., 2., 4.]]), (3,))
    layer_norm(randn(2, 3, 4), (4,), randn(4), randn(4), 0.5)
    layer_norm(randn(2, 3, 4), (3, 4), randn(3, 4), eps=0.1)
    """
    input = read_operand(input, "layer_norm", "input", 1)
    shape = _check_normalized_shape("layer_norm", input, normalized_shape, weight, bias)
    length = math.prod(shape)
    held = input.array.shape
    rows = math.prod(held[: len(held) - len(shape)])
    plan = Normalization((rows, length), (1,), (1, length), eps)
    return layer_norm_of(input, weight, bias, plan)


@composite()
def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """input over the root of the mean of its squares over the last dimensions; times weight.

    eps is by default the smallest step of input's type at 1.

    rms_norm(randn(3, 4), (4,))
    rms_norm(randn(2, 3, 4), (3, 4), randn(3, 4), 0.1)
    """
    input = read_operand(input, "rms_norm", "input", 1)
    shape = _check_normalized_shape("rms_norm", input, normalized_shape, weight, None)
    refuse("rms_norm", "biu", input.array)
    values = _wide(input)
    if eps is None:
        eps = float(np.finfo(values.array.dtype).eps)
    dims = tuple(range(-len(shape), 0))
    result = mul(values, rsqrt(add(mean(square(values), dims, True), eps)))
    if weight is not None:
        result = mul(result, weight)
    return contiguous(to(result, input.dtype))


@general(
    input=_input_rule,
    weight=_weight_rule,
    bias=_bias_rule,
    grad_fn="NativeBatchNormBackward0",
    rounds=True,
    hidden=True,
)
def batch_norm_of(input: Operand, weight: Operand | None, bias: Operand | None, plan: Any):
    """Every channel of plan's view normalized."""
    values = single(input)
    if not plan.constant:
        plan.find(values)
        if is_bfloat16(input.dtype) and not plan.mixed:
            total = _sum_of_squares(values, plan.dims).astype(input.dtype)
            variance = single((single(total) / np.float32(plan.count)).astype(input.dtype))
            plan.scale = np.reciprocal(np.sqrt(variance + np.float32(plan.eps)))
        if not plan.mixed:
            plan.keep_as(input.dtype)
    factor, shift = _factor_and_shift(plan, *_parameters(plan, weight, bias))
    if values.dtype == np.float32 and values.size <= SEEN_IN_FULL:
        # rounded once, as there: equal values of a channel need not give zero
        values = values.astype(np.float64)
    result = values * factor
    result += shift
    return result.astype(input.dtype, copy=False)


class _GroupSteps:
    """The derivatives of a group norm of half precision in PyTorch's steps, each one rounded.

    With a graph of the backward pass PyTorch makes them of plain operations.
    """

    def __init__(self, g: Tensor, input: Tensor, plan: Normalization) -> None:
        self.given = g
        own = reshape(input, plan.view)
        self.mean = mean(own, plan.dims, True)
        self.scale = rsqrt(add(var_of(own, plan.dims, 0, True), plan.eps))
        self.values = reshape(input, plan.view)
        self.g = reshape(g, plan.view)
        # the values that the forward pass found; how they follow from the input is recorded
        self.mean.array[...], self.scale.array[...] = plan.mean, plan.scale
        self.along = sum(self.g * self.values, 3, True)
        self.total = sum(self.g, 3, True)

    def input(self, weight: Tensor | None, plan: Normalization) -> Tensor:
        """The cotangent of the values: g * a + values * b + c."""
        weights = None if weight is None else to(reshape(weight, plan.parameters), self.g.dtype)
        a = self.scale if weights is None else self.scale * weights
        along, total = (
            sum(x if weights is None else x * weights, 2, True) for x in (self.along, self.total)
        )
        share = 1 / plan.count
        b = (total * self.mean - along) * (self.scale * self.scale * self.scale) * share
        c = -b * self.mean - total * self.scale * share
        return a * self.g + b * self.values + c


def _group_input_rule(g: Any, input: Any, weight: Any, plan: Normalization) -> Any:
    if type(g) is Tensor and _is_half(g):
        steps = _GroupSteps(g, input, plan)
        if weight is not None and weight.node is not None:
            plan.steps = steps  # the weight's cotangent, which is found next, shares them
        return reshape(steps.input(weight, plan), tuple(input.shape))
    return _input_rule(g, input, weight, plan)


def _group_weight_rule(g: Any, input: Any, weight: Any, plan: Normalization) -> Any:
    if type(g) is Tensor and _is_half(g):
        steps, plan.steps = plan.steps, None
        if steps is None or steps.given is not g:
            steps = _GroupSteps(g, input, plan)
        return _returned(sum((steps.along - steps.total * steps.mean) * steps.scale, 0), weight)
    return _weight_rule(g, input, weight, plan)


def _group_bias_rule(g: Any, bias: Any, plan: Normalization) -> Any:
    if type(g) is Tensor and _is_half(g):
        return _returned(sum(sum(reshape(g, plan.view), 3), 0), bias)
    return _bias_rule(g, bias, plan)


@general(
    input=_group_input_rule,
    weight=_group_weight_rule,
    bias=_group_bias_rule,
    grad_fn="NativeGroupNormBackward0",
    rounds=True,
    hidden=True,
)
def group_norm_of(input: Operand, weight: Operand | None, bias: Operand | None, plan: Any):
    """Every group of channels of plan's view normalized."""
    refuse("GroupNormKernelImpl", "biuc", input)
    _kind(input, weight, bias)
    values = single(input).reshape(plan.view)
    if not input.size:
        plan.mean = plan.scale = np.zeros((*plan.view[:2], 1, 1), values.dtype)
        return np.empty(input.shape, input.dtype)
    plan.find(values)
    if weight is None and bias is None:
        result = (values - plan.mean) * plan.scale
    else:
        factor, shift = _factor_and_shift(plan, *_parameters(plan, weight, bias))
        result = values * factor
        result += shift
    plan.keep_as(input.dtype, weight, bias)
    return result.reshape(input.shape).astype(input.dtype, copy=False)


def _count_per_channel(shape: tuple[int, ...]) -> int:
    return math.prod((shape[0], *shape[2:]))


def _refuse_single_values(shape: tuple[int, ...], written: str) -> None:
    if _count_per_channel(shape) == 1:
        error = ValueError(
            f"Expected more than 1 value per channel when training, got input size {written}"
        )
        error.add_note("one value has no variance: give a larger batch, or training=false")
        raise error


def _check_batch_norm(
    input: Tensor, statistics: dict[str, Any], parameters: dict[str, Any], training: bool
) -> None:
    """PyTorch's errors for statistics and parameters that do not fit the input."""
    given = [x is not None for x in statistics.values()]
    if training and any(given) and not all(given):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    channels = input.array.shape[1] if input.array.ndim > 1 else 0
    for name, x in {**statistics, **parameters}.items():
        if x is None:
            if name in statistics and not training:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
        elif x.array.size != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {x.array.size}")
    for name, x in statistics.items():
        if x is not None and x.node is not None:
            raise RuntimeError(
                "The function 'native_batch_norm' is not differentiable with respect to argument "
                f"'{name}'. This input cannot have requires_grad True."
            )
    refuse("batch_norm", "biuc", input.array)


def _follow(running: Tensor, found: Any, momentum: float) -> None:
    """Move a running statistic towards what a batch has, in place.

    As in PyTorch this counts as no change: what derivatives need of it they keep themselves.
    """
    change_values([running])
    found = found.astype(np.float64).reshape(running.array.shape)
    kind = running.array.dtype
    if is_bfloat16(kind):  # PyTorch rounds all that it computes of it
        steps = found.astype(kind) * kind.type(momentum)
        running.array[...] = steps + running.array * kind.type(1 - momentum)
        return
    running.array[...] = momentum * found + (1 - momentum) * running.array.astype(np.float64)


@composite()
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """input with mean 0 and variance 1 in each channel (dimension 1); then times weight, plus bias.

    Training takes the moments from the batch and moves the running ones, in place, by the share
    momentum towards them (the variance with n - 1); otherwise the running ones are used.

    batch_norm(tensor([[1., 2.], [3., 5.]]), none, none, training=true)
    batch_norm(randn(3, 4), none, none, training=true, eps=1.0)
    batch_norm(randn(2, 3, 4), none, none, rand(3), randn(3), true, eps=0.5)
    batch_norm(randn(2, 3, 4), zeros(3), ones(3), randn(3), randn(3), momentum=0.2)
    batch_norm(randn(2, 3, 4, 4), zeros(3), ones(3), training=true, eps=0.1)
    """
    input = read_operand(input, "batch_norm", "input", 1)
    shape = input.array.shape
    if training:
        if not shape:
            raise IndexError("tuple index out of range")
        if len(shape) < 2:
            wrap_dim(1, len(shape))
        _refuse_single_values(shape, f"torch.Size({list(shape)})")
    if eps < 0 or (training and eps == 0):
        wanted = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {wanted}, but got {eps}")
    if input.array.size == 0:
        return _with_first(input, weight, bias)
    statistics = {"running_mean": running_mean, "running_var": running_var}
    _check_batch_norm(input, statistics, {"weight": weight, "bias": bias}, training)
    return _batch_normalized(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )


def _with_first(input: Tensor, weight: Any, bias: Any) -> Any:
    """What PyTorch does with an input that has no elements."""
    result = clone(input)
    if weight is not None:
        result = mul(result, select(weight, 0, 0))
    return result if bias is None else add(result, select(bias, 0, 0))


def _batch_normalized(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any,
    bias: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    shape = input.array.shape
    arrays = [x.array for x in (weight, bias, running_mean, running_var) if x is not None]
    _kind(input.array, *arrays)
    dims = tuple(d for d in range(len(shape)) if d != 1)
    parameters = tuple(length if d == 1 else 1 for d, length in enumerate(shape))
    running = None
    if not training:
        assert running_mean is not None
        assert running_var is not None
        running = (running_mean.array, running_var.array)
    plan = Normalization(shape, dims, parameters, eps, running)
    plan.mixed = any(x.dtype is not input.array.dtype for x in arrays)
    result = batch_norm_of(input, weight, bias, plan)
    if training and running_mean is not None and running_var is not None:
        average, variance = _moments(input.array.astype(np.float64), dims)
        free = plan.count - 1
        variance = variance * (plan.count / free)
        if is_bfloat16(running_var.array.dtype):
            variance = (variance * free).astype(input.array.dtype).astype(np.float64) / free
        with INTERRUPTS:
            _follow(running_mean, average, momentum)
            _follow(running_var, variance, momentum)
    return result


@composite()
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """batch_norm of each example by itself: mean 0 and variance 1 in each channel of each.

    instance_norm(randn(2, 3, 4), eps=0.5)
    instance_norm(randn(2, 3, 4), weight=randn(3), bias=randn(3), eps=0.1)
    instance_norm(randn(2, 3, 4), zeros(3), ones(3), use_input_stats=false)
    """
    input = read_operand(input, "instance_norm", "input", 1)
    shape = input.array.shape
    if use_input_stats and math.prod(shape[2:]) == 1:
        raise ValueError(
            "Expected more than 1 spatial element when training, got input size "
            f"torch.Size({list(shape)})"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if len(shape) == 1:
        wrap_dim(1, 1)
    batch, channels = shape[:2]
    statistics = [None if x is None else to(x, input.dtype) for x in (running_mean, running_var)]
    repeated = [None if x is None else x.repeat(batch) for x in (weight, bias, *statistics)]
    joined = reshape(input, (1, batch * channels, *shape[2:]))
    result = batch_norm(
        joined, repeated[2], repeated[3], repeated[0], repeated[1], use_input_stats, momentum, eps
    )
    for running, each in ((running_mean, repeated[2]), (running_var, repeated[3])):
        if running is not None and use_input_stats:
            running.copy_(mean(reshape(each, (batch, channels)), 0))
    return reshape(result, shape)


@composite()
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """input with mean 0 and variance 1 in each group of channels (dimension 1) of each example.

    Then times weight and plus bias, which have one element a channel.

    group_norm(randn(2, 4, 3), 2, eps=0.01)
    group_norm(randn(2, 4, 2, 2), 4, randn(4), randn(4), 0.1)
    group_norm(randn(2, 4), 1, randn(4), eps=0.1)
    """
    input = read_operand(input, "group_norm", "input", 1)
    shape = input.array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    batch, channels = shape[:2]
    sizes = (batch * channels // num_groups, num_groups, *shape[2:])
    _refuse_single_values(sizes, str(list(sizes)))
    if num_groups < 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(shape)} and num_groups={num_groups}"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.array.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in "
                f"input, but got {name} of shape {list(x.array.shape)} and input of shape "
                f"{list(shape)}"
            )
    each = channels // num_groups
    plan = Normalization(
        (batch, num_groups, each, math.prod(shape[2:])), (2, 3), (1, num_groups, each, 1), eps
    )
    return group_norm_of(input, weight, bias, plan)
