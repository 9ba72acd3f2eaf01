"""The largest, smallest, middle and most frequent elements, and where they stand.

With ties the gradient goes, as in PyTorch, to the one element whose index is returned, or, where
no index is, evenly to all that are equal. `median` and `mode` with several equal candidates
return the index of one of them; which one, PyTorch leaves open too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, type_name
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import is_floating
from gradsh.engine.op import composite
from gradsh.engine.ops.pieces import array_of, kept, refuse
from gradsh.engine.ops.reductions import evenly, spread
from gradsh.engine.ops.selection import maximum, minimum
from gradsh.engine.results import named_result
from gradsh.engine.tensor import Tensor, wrap_dim

# numpy's stubs cannot choose an overload for a `keepdims` that is a variable.
ADD: Any = np.add


@linear(input=lambda g, dim, index, input_shape: put_along(g, dim, index, input_shape), hidden=True)
def take_along(input: Operand, dim: Any, index: Any):
    """The elements of input that the array index picks along dim."""
    return np.take_along_axis(input, index, dim) if input.ndim else input[...]


@linear(input=lambda g, dim, index: take_along(g, dim, index), hidden=True)
def put_along(input: Operand, dim: Any, index: Any, shape: Any):
    """Zeros of `shape` with input added where the array index points: taking transposed."""
    if not shape:
        return input.reshape(())
    result = np.zeros(shape, input.dtype)
    places = list(np.ogrid[tuple(slice(length) for length in input.shape)])
    places[dim] = index
    np.add.at(result, tuple(places), input)
    return result


def _selected(g: Any, indices: Any, dim: int, keepdim: bool, input_shape: Any) -> Any:
    """`g` at the elements that were selected along `dim`, zeros elsewhere."""
    ndim = len(input_shape)
    axis = wrap_dim(dim, ndim)
    index = array_of(indices)
    if not keepdim and ndim:
        index = np.expand_dims(index, axis)
        lengths = tuple(1 if d == axis else n for d, n in enumerate(input_shape))
        g = g.reshape(lengths)
    return put_along(g, axis, index, input_shape)


def _first_selected(g: Any, indices: Any, dim: int, keepdim: bool, input_shape: Any) -> Any:
    return _selected(g[0], indices, dim, keepdim, input_shape)


def _shared(g: Any, input: Any, out: Any, dim: Any, keepdim: bool, input_shape: Any) -> Any:
    """`g` shared evenly among the elements equal to `out` (all nan, if it is nan)."""
    values, wanted = array_of(input), np.asarray(array_of(out))
    axis = None if dim is None else (wrap_dim(dim, len(input_shape)),)
    if dim is not None and not keepdim and input_shape:
        wanted = np.expand_dims(wanted, wrap_dim(dim, len(input_shape)))
    equal = (values == wanted) | (np.isnan(values) & np.isnan(wanted))
    count = ADD.reduce(equal, axis, keepdims=True).astype(array_of(g).dtype)
    return kept(spread(g, dim, keepdim, input_shape) / count, equal)


def _check_dim(name: str, input: Any, dim: int) -> int:
    """`dim` counted from the front; IndexError if it is empty."""
    axis = wrap_dim(dim, input.ndim)
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"{name}: Expected reduction dim {axis} to have non-zero size.")
    return axis


def _at(input: Any, position: Any, axis: int, keepdim: bool) -> tuple[Any, Any]:
    """The elements of input at `position` (with the dimension `axis` kept) and the positions."""
    if not input.ndim:
        return input.copy(), np.zeros((), np.int64)
    position = position.astype(np.int64, copy=False)
    values = np.take_along_axis(input, position, axis)
    if keepdim:
        return values, position
    return np.squeeze(values, axis), np.squeeze(position, axis)


_ARGUMENTS: dict[str, Any] = {"max": np.argmax, "min": np.argmin}
_UFUNCS: dict[str, Any] = {"min": np.minimum, "max": np.maximum}
_NAMED = {
    name: named_result(name, ("values", "indices"))
    for name in ("max", "min", "median", "nanmedian", "mode", "cummax", "cummin")
}


def _extreme_along(name: str, input: Any, dim: int, keepdim: bool) -> Any:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name}(): does not support complex input")
    axis = _check_dim(name + "()", input, dim)
    position = _ARGUMENTS[name](input, axis, keepdims=True) if input.ndim else None
    return _NAMED[name](*_at(input, position, axis, keepdim))


def _extreme_of_all(name: str, input: Any) -> Any:
    refuse(f"{name}_all", "c", input)
    if input.size == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
            "the reduction dim with the 'dim' argument."
        )
    return _UFUNCS[name].reduce(input, None)


def _sharing_rule(g: Any, input: Any, out: Any, input_shape: Any) -> Any:
    return _shared(g, input, out, None, False, input_shape)


@general(input=_sharing_rule, grad_fn="MaxBackward1", hidden=True)
def max_of_all(input: Operand):
    """The largest element."""
    return _extreme_of_all("max", input)


@general(input=_sharing_rule, grad_fn="MinBackward1", hidden=True)
def min_of_all(input: Operand):
    """The smallest element."""
    return _extreme_of_all("min", input)


@general(input=_first_selected, grad_fn="MaxBackward0", outputs=("values", "indices"), hidden=True)
def max_along(input: Operand, dim: int, keepdim: bool):
    """The largest elements along dim, and where they stand."""
    return _extreme_along("max", input, dim, keepdim)


@general(input=_first_selected, grad_fn="MinBackward0", outputs=("values", "indices"), hidden=True)
def min_along(input: Operand, dim: int, keepdim: bool):
    """The smallest elements along dim, and where they stand."""
    return _extreme_along("min", input, dim, keepdim)


def _check_kind(name: str, dim: Any) -> None:
    if type(dim) is not int and not hasattr(dim, "__index__"):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got (Tensor, "
            f"{type_name(dim)}), but expected one of: (Tensor input), (Tensor input, Tensor "
            "other), (Tensor input, int dim, bool keepdim = False)"
        )


@composite()
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Largest element; along dim with its index; or the greater of two tensors.

    max(randn(3, 4))
    max(randn(3, 4), 1)
    max(randn(3, 4), 0, keepdim=true)
    max(randn(3, 4), randn(4))
    max(randn(3, 4), other=randn(4))
    """
    if other is not None and dim is None:
        dim = other
    if dim is None:
        return max_of_all(input)
    if type(dim) is Tensor:
        return maximum(input, dim)
    _check_kind("max", dim)
    return max_along(input, dim, keepdim)


@composite()
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Smallest element; along dim with its index; or the lesser of two tensors.

    min(randn(3, 4))
    min(randn(3, 4), 1)
    min(randn(3, 4), 0, keepdim=true)
    min(randn(3, 4), randn(4))
    min(randn(3, 4), other=randn(4))
    """
    if other is not None and dim is None:
        dim = other
    if dim is None:
        return min_of_all(input)
    if type(dim) is Tensor:
        return minimum(input, dim)
    _check_kind("min", dim)
    return min_along(input, dim, keepdim)


def _position(name: str, function: Any, input: Any, dim: int | None, keepdim: bool) -> Any:
    if input.dtype.kind in "bc":
        kind = "bool" if input.dtype.kind == "b" else "complex"
        raise RuntimeError(f"{name}(): does not support {kind} input")
    if dim is None and input.size == 0:
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
        )
    axis = None if dim is None else _check_dim(name + "()", input, dim)
    if not input.ndim:
        return np.zeros((), np.int64)
    return np.asarray(function(input, axis, keepdims=keepdim)).astype(np.int64, copy=False)


@linear()
def argmax(input: Operand, dim: int | None = None, keepdim: bool = False):
    """Index of the largest element, of all (counted in row-major order) or along dim.

    argmax(randn(3, 4))
    argmax(randn(3, 4), 1)
    """
    return _position("argmax", np.argmax, input, dim, keepdim)


@linear()
def argmin(input: Operand, dim: int | None = None, keepdim: bool = False):
    """Index of the smallest element, of all (counted in row-major order) or along dim.

    argmin(randn(3, 4))
    argmin(randn(3, 4), 1)
    """
    return _position("argmin", np.argmin, input, dim, keepdim)


_AMINMAX = named_result("aminmax", ("min", "max"))


def _aminmax_rule(
    g: Any, input: Any, min: Any, max: Any, dim: Any, keepdim: bool, input_shape: Any
) -> Any:
    """`g.min` shared evenly among the smallest elements, plus `g.max` among the largest."""
    parts = [
        evenly(part, input, out, () if dim is None else dim, keepdim, input_shape)
        for part, out in zip(g, (min, max), strict=True)
        if part is not None
    ]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


@general(input=_aminmax_rule, outputs=("min", "max"))
def aminmax(input: Operand, *, dim: int | None = None, keepdim: bool = False):
    """Smallest and largest element, of all or along dim.

    aminmax(randn(3, 4))
    aminmax(randn(3, 4), dim=1)
    """
    refuse("aminmax_cpu", "c", input)
    if dim is None and input.size == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    axis = None if dim is None else (_check_dim("aminmax", input, dim),)[: input.ndim]
    return _AMINMAX(*(_UFUNCS[name].reduce(input, axis, keepdims=keepdim) for name in _UFUNCS))


def _middle(length: int) -> int:
    return (length - 1) // 2


@general(input=_sharing_rule, grad_fn="MedianBackward0", hidden=True)
def median_of_all(input: Operand):
    """The middle element; of an even number the lower of the two."""
    refuse("median_cpu", "bc", input)
    if input.size == 0:
        return np.array(np.nan if is_floating(input.dtype) else np.iinfo(input.dtype).min).astype(
            input.dtype
        )
    flat = input.reshape(-1)
    if is_floating(input.dtype) and np.isnan(flat).any():
        return np.array(np.nan, input.dtype)
    return np.partition(flat, _middle(flat.size))[_middle(flat.size)]


@general(
    input=_first_selected, grad_fn="MedianBackward1", outputs=("values", "indices"), hidden=True
)
def median_along(input: Operand, dim: int, keepdim: bool):
    """The middle elements along dim, and where they stand."""
    refuse("median_out", "bc", input)
    axis = _check_dim("median()", input, dim)
    position = None
    if input.ndim:
        order = np.argsort(input, axis, kind="stable")
        position = np.take(order, [_middle(input.shape[axis])], axis)
        if is_floating(input.dtype):
            absent = np.isnan(input)
            first = np.argmax(absent, axis, keepdims=True)
            position = np.where(np.any(absent, axis, keepdims=True), first, position)
    return _NAMED["median"](*_at(input, position, axis, keepdim))


@composite()
def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Middle element (of an even number the lower), of all; or along dim with its index.

    median(randn(3, 4))
    median(randn(3, 4), 0)
    median(randn(3, 4), -2, keepdim=true)
    """
    return median_of_all(input) if dim is None else median_along(input, dim, keepdim)


@general(input=_sharing_rule, grad_fn="NanmedianBackward0", hidden=True)
def nanmedian_of_all(input: Operand):
    """The middle of the elements that are not nan."""
    refuse("median_cpu", "bc", input)
    if is_floating(input.dtype) and (present := ~np.isnan(input)).any():
        input = input[present]
    return median_of_all.op.forward(input)


@general(
    input=_first_selected, grad_fn="NanmedianBackward1", outputs=("values", "indices"), hidden=True
)
def nanmedian_along(input: Operand, dim: int, keepdim: bool):
    """The middle of the elements along dim that are not nan, and where they stand."""
    refuse("median_out", "bc", input)
    axis = _check_dim("median()", input, dim)
    position = None
    if input.ndim:
        order = np.argsort(input, axis, kind="stable")  # nan comes last
        count = input.shape[axis] - np.count_nonzero(np.isnan(input), axis, keepdims=True)
        position = np.take_along_axis(order, np.maximum(count - 1, 0) // 2, axis)
    return _NAMED["nanmedian"](*_at(input, position, axis, keepdim))


@composite()
def nanmedian(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """median of the elements that are not nan.

    nanmedian(tensor([1.0, nan, 2.0, 5.0]))
    nanmedian(randn(3, 4), 0)
    nanmedian(randn(3, 4), -2, keepdim=true)
    """
    return nanmedian_of_all(input) if dim is None else nanmedian_along(input, dim, keepdim)


@general(input=_first_selected, outputs=("values", "indices"))
def mode(input: Operand, dim: int = -1, keepdim: bool = False):
    """Most frequent element along dim (the smallest of several), with its last index.

    mode(tensor([[1.0, 2.0, 2.0], [3.0, 1.0, 3.0]]))
    mode(randn(3, 4), 0, keepdim=true)
    """
    refuse("mode_cpu", "c", input)
    axis = _check_dim("mode()", input, dim)
    position = None
    if input.ndim:
        lines = np.moveaxis(input, axis, -1)
        order = np.argsort(lines, -1, kind="stable")
        ordered = np.take_along_axis(lines, order, -1)
        place = np.arange(lines.shape[-1])
        fresh = np.ones(ordered.shape, bool)
        fresh[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
        run = place - np.maximum.accumulate(np.where(fresh, place, 0), -1)
        longest = np.argmax(run, -1, keepdims=True) if run.size else run[..., :1]
        position = np.moveaxis(np.take_along_axis(order, longest, -1), -1, axis)
    return _NAMED["mode"](*_at(input, position, axis, keepdim))


def _running_rule(g: Any, input: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    """`g.values` added up where the extremes so far were found."""
    if 0 in input_shape:
        return input  # any empty value would do; PyTorch's can be differentiated again, as this
    return put_along(g[0], wrap_dim(dim, len(input_shape)), array_of(indices), input_shape)


def _running(name: str, ufunc: Any, input: Any, dim: int) -> Any:
    if not input.ndim and dim not in (-1, 0):
        raise IndexError(f"{name}(): Expected reduction dim -1 or 0 for scalar but got {dim}")
    if not input.size:
        return _NAMED[name](input.copy(), np.zeros(input.shape, np.int64))
    refuse(f"{name}_cpu", "c", input)
    axis = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return _NAMED[name](input.copy(), np.zeros((), np.int64))
    values = ufunc.accumulate(input, axis)
    place = np.arange(input.shape[axis]).reshape(-1, *([1] * (input.ndim - 1 - axis)))
    reached = (input == values) | np.isnan(input)
    return _NAMED[name](values, np.maximum.accumulate(np.where(reached, place, 0), axis))


@general(input=_running_rule, outputs=("values", "indices"))
def cummax(input: Operand, dim: int):
    """For each element the largest up to it along dim, with its index.

    cummax(randn(3, 4), 1)
    """
    return _running("cummax", np.maximum, input, dim)


@general(input=_running_rule, outputs=("values", "indices"))
def cummin(input: Operand, dim: int):
    """For each element the smallest up to it along dim, with its index.

    cummin(randn(3, 4), 1)
    """
    return _running("cummin", np.minimum, input, dim)
