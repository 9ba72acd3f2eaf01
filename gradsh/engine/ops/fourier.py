"""Discrete Fourier transforms, of one dimension or several, of complex and of real numbers.

There are three kinds underneath, named as in PyTorch: complex to complex, real to complex, and
complex to real. Each transform is linear, its derivative is the transform in the other direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, check_tensors, dims
from gradsh.engine.derivative import linear
from gradsh.engine.dtypes import COMPLEX, DEFAULTS, FLOAT, FROM_NUMPY, HALVES, DType
from gradsh.engine.op import composite
from gradsh.engine.ops.arrange import roll
from gradsh.engine.ops.complex_numbers import conj, real
from gradsh.engine.ops.creation import creation
from gradsh.engine.ops.pieces import array_of
from gradsh.engine.ops.shape import to
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

_NORMS = ("forward", "backward", "ortho")


def _complex_of(storage: np.dtype[Any]) -> np.dtype[Any]:
    return np.result_type(storage, np.complex64)


def _scaled(result: Any, scale: float, storage: np.dtype[Any]) -> Any:
    """Complex numbers of a type, their parts multiplied by a real number."""
    result = np.ascontiguousarray(result, storage)
    if scale != 1:
        parts = result.reshape(-1).view(result.real.dtype)
        parts *= parts.dtype.type(scale)
    return result


@linear(
    input=lambda g, dim, scale, forward: complex_to_complex(g, dim, scale, not forward),
    grad_fn="FftC2CBackward0",
    hidden=True,
)
def complex_to_complex(input: Operand, dim: Any, scale: Any, forward: Any):
    """The transform of complex numbers along dims, or the inverse one, times scale."""
    if not dim:
        return input.copy()
    if forward:
        return _scaled(np.fft.fftn(input, axes=dim), scale, input.dtype)
    return _scaled(np.fft.ifftn(input, axes=dim, norm="forward"), scale, input.dtype)


def _r2c_rule(
    g: Any, dim: tuple[int, ...], scale: float, onesided: bool, input_shape: tuple[int, ...]
) -> Any:
    if onesided:
        g = lengthened(g, dim[-1], input_shape[dim[-1]])
    return real(complex_to_complex(g, dim, scale, False))


@linear(input=_r2c_rule, grad_fn="FftR2CBackward0", hidden=True)
def real_to_complex(input: Operand, dim: Any, scale: Any, onesided: Any):
    """The transform of real numbers along dims; onesided: only the first half of the last."""
    transform = np.fft.rfftn if onesided else np.fft.fftn
    return _scaled(transform(input, axes=dim), scale, _complex_of(input.dtype))


def _c2r_cotangent(g: Any, dim: tuple[int, ...], scale: float, length: int) -> Any:
    """What is mirrored in the second half counts twice."""
    half = real_to_complex(g, dim, scale, True)
    weights = np.ones(length // 2 + 1, array_of(g).dtype)
    weights[1 : length - length // 2] = 2
    shape = [1] * array_of(g).ndim
    shape[dim[-1]] = -1
    weights = weights.reshape(shape)
    return half * (new_tensor(weights) if type(half) is Tensor else weights)


@linear(
    input=lambda g, dim, scale, length: _c2r_cotangent(g, dim, scale, length),
    grad_fn="FftC2RBackward0",
    hidden=True,
)
def complex_to_real(input: Operand, dim: Any, scale: Any, length: Any):
    """The inverse transform of numbers whose second half, not given, mirrors the first."""
    lengths = [*(input.shape[d] for d in dim[:-1]), length]
    result = np.fft.irfftn(input, lengths, dim, norm="forward")
    storage = input.real.dtype
    return (result * storage.type(scale)).astype(storage, copy=False)


@linear(
    input=lambda g, dim, length, input_shape: lengthened(g, dim, input_shape[dim]),
    grad_fn="ConstantPadNdBackward0",
    hidden=True,
)
def lengthened(input: Operand, dim: Any, length: Any):
    """input cut to a length along dim, or filled up with zeros."""
    given = input.shape[dim]
    kept = tuple(
        slice(0, min(given, length)) if place == dim else slice(None) for place in range(input.ndim)
    )
    if length <= given:
        return input[kept].copy()
    shape = tuple(length if place == dim else n for place, n in enumerate(input.shape))
    result = np.zeros(shape, input.dtype)
    result[kept] = input
    return result


def _floating(name: str, input: Any, complex_too: bool) -> Any:
    """input in a type that can be transformed; RuntimeError for half precision."""
    if input.array.dtype in HALVES:
        error = RuntimeError(f"Unsupported dtype {input.dtype.type_name}")
        error.add_note(f"make it single precision first: `{name}(x.float())`")
        raise error
    if input.dtype.category < FLOAT:
        input = to(input, DEFAULTS.floating)
    if complex_too and input.dtype.category < COMPLEX:
        input = to(input, FROM_NUMPY[_complex_of(input.array.dtype)])
    return input


def _scale(norm: str | None, forward: bool, count: int) -> float:
    """What a transform of `count` points is multiplied with."""
    if norm is not None and norm not in _NORMS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return float(1 / np.sqrt(count))
    return 1 / count if (norm == "forward") == forward else 1.0


def _check_length(length: int) -> None:
    if length < 1:
        raise RuntimeError(f"Invalid number of data points ({length}) specified")


def _one_dim(input: Any, dim: int) -> int:
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, input.ndim)


def _resized(input: Any, dim: int, length: int | None) -> Any:
    if length is None or input.shape[dim] == length:
        return input
    return lengthened(input, dim, length)


def _real_input(name: str, input: Any) -> None:
    check_tensors(f"fft_{name}", input=input)
    if input.dtype.category == COMPLEX:
        raise RuntimeError(f"{name} expects a real input tensor, but got {input.dtype.type_name}")


def _to_complex(
    name: str, input: Any, n: int | None, dim: int, norm: str | None, forward: bool, onesided: bool
) -> Any:
    """A one-dim transform whose result is complex."""
    input = _floating(name, input, False)
    axis = _one_dim(input, dim)
    length = input.shape[axis] if n is None else n
    _check_length(length)
    input = _resized(input, axis, n)
    scale = _scale(norm, forward, length)
    if input.dtype.category == COMPLEX:
        return complex_to_complex(input, (axis,), scale, forward)
    result = real_to_complex(input, (axis,), scale, onesided)
    return result if forward else conj(result)


def _to_real(
    name: str, input: Any, n: int | None, dim: int, norm: str | None, forward: bool
) -> Any:
    """A one-dim transform of half of the points, whose result is real."""
    check_tensors(f"fft_{name}", input=input)
    input = _floating(name, input, True)
    axis = _one_dim(input, dim)
    length = 2 * (input.shape[axis] - 1) if n is None else n
    _check_length(length)
    input = _resized(input, axis, None if n is None else length // 2 + 1)
    scale = _scale(norm, forward, length)
    return complex_to_real(conj(input) if forward else input, (axis,), scale, length)


@composite(method=False)
def fft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The Fourier transform of input along dim, cut to n points or filled up with zeros.

    norm is "backward" (no factor), "forward" (1/n) or "ortho" (1/sqrt(n)).

    fft(randn(2, 4))
    fft(randn(2, 4), 8)
    fft(randn(4, 2), n=2, dim=0, norm="ortho")
    """
    check_tensors("fft_fft", input=input)
    return _to_complex("fft", input, n, dim, norm, True, False)


@composite(method=False)
def ifft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of fft; its norm "backward" has the factor 1/n.

    ifft(randn(2, 4))
    ifft(randn(4, 2), n=2, dim=0, norm="forward")
    """
    check_tensors("fft_ifft", input=input)
    return _to_complex("ifft", input, n, dim, norm, False, False)


@composite(method=False)
def rfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The first half of the Fourier transform of real numbers; the other half mirrors it.

    rfft(randn(2, 4))
    rfft(randn(4, 2), n=5, dim=0, norm="ortho")
    """
    _real_input("rfft", input)
    return _to_complex("rfft", input, n, dim, norm, True, True)


@composite(method=False)
def irfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of rfft, with n real points (without n, an even number of them).

    irfft(randn(2, 5))
    irfft(randn(4, 2), n=5, dim=0, norm="ortho")
    """
    return _to_real("irfft", input, n, dim, norm, False)


@composite(method=False)
def hfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The Fourier transform of numbers whose second half, not given, mirrors the first.

    hfft(randn(2, 5))
    hfft(randn(4, 2), n=5, dim=0, norm="ortho")
    """
    return _to_real("hfft", input, n, dim, norm, True)


@composite(method=False)
def ihfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of hfft, of real numbers.

    ihfft(randn(2, 4))
    ihfft(randn(4, 2), n=5, dim=0, norm="ortho")
    """
    _real_input("ihfft", input)
    return _to_complex("ihfft", input, n, dim, norm, False, True)


def _shape_and_dims(input: Any, s: Any, dim: Any) -> tuple[list[int], tuple[int, ...]]:
    """The lengths and the dimensions of a transform of several dimensions."""
    axes: tuple[int, ...]
    if dim is not None:
        dim = (dim,) if isinstance(dim, int) else tuple(dim)
        axes = tuple(_one_dim(input, d) for d in dim)
        if len(set(axes)) < len(axes):
            raise RuntimeError("FFT dims must be unique")
    if s is None:
        if dim is None:
            axes = tuple(range(input.ndim))
        lengths = [input.shape[d] for d in axes]
    else:
        s = (s,) if isinstance(s, int) else tuple(s)
        if dim is not None and len(dim) != len(s):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
        if len(s) > input.ndim:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {input.ndim} dimensions."
            )
        if dim is None:
            axes = tuple(range(input.ndim - len(s), input.ndim))
        lengths = [
            input.shape[d] if length == -1 else length for length, d in zip(s, axes, strict=True)
        ]
    for length in lengths:
        _check_length(length)
    return lengths, axes


def _all_resized(input: Any, lengths: Sequence[int], axes: Sequence[int]) -> Any:
    for length, axis in zip(lengths, axes, strict=True):
        input = _resized(input, axis, length)
    return input


def _several(name: str, input: Any, s: Any, dim: Any, norm: str | None, forward: bool) -> Any:
    check_tensors(f"fft_{name}", input=input)
    lengths, axes = _shape_and_dims(input, s, dim)
    input = _floating(name, input, True)
    input = _all_resized(input, lengths, axes)
    scale = _scale(norm, forward, int(np.prod(lengths)))
    return complex_to_complex(input, axes, scale, forward)


@composite(method=False)
def fftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The Fourier transform of input along several dimensions, all unless dim says which.

    fftn(randn(3, 4))
    fftn(randn(2, 2, 4), (2, 8), dim=(0, 2), norm="ortho")
    """
    return _several("fftn", input, s, dim, norm, True)


@composite(method=False)
def ifftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of fftn.

    ifftn(randn(3, 4))
    ifftn(randn(2, 2, 4), (2, 8), dim=(0, 2), norm="ortho")
    """
    return _several("ifftn", input, s, dim, norm, False)


@composite(method=False)
def fft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The Fourier transform of input along two dimensions.

    fft2(randn(3, 4))
    fft2(randn(2, 2, 4), (2, 8), norm="forward")
    """
    return _several("fft2", input, s, dim, norm, True)


@composite(method=False)
def ifft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of fft2.

    ifft2(randn(3, 4))
    ifft2(randn(2, 2, 4), (2, 8), norm="forward")
    """
    return _several("ifft2", input, s, dim, norm, False)


def _several_real(input: Any, s: Any, dim: Any, norm: str | None) -> Any:
    check_tensors("fft_rfftn", input=input)
    if input.dtype.category == COMPLEX:
        raise RuntimeError(
            f"rfftn expects a real-valued input tensor, but got {input.dtype.type_name}"
        )
    input = _floating("rfftn", input, False)
    lengths, axes = _shape_and_dims(input, s, dim)
    if not axes:
        raise RuntimeError("rfftn must transform at least one axis")
    input = _all_resized(input, lengths, axes)
    scale = _scale(norm, True, int(np.prod(lengths)))
    return real_to_complex(input, axes, scale, True)


def _several_to_real(input: Any, s: Any, dim: Any, norm: str | None) -> Any:
    check_tensors("fft_irfftn", input=input)
    input = _floating("irfftn", input, True)
    lengths, axes = _shape_and_dims(input, s, dim)
    if not axes:
        raise RuntimeError("irfftn must transform at least one axis")
    last = 2 * (input.shape[axes[-1]] - 1) if s is None or s[-1] == -1 else lengths[-1]
    _check_length(last)
    input = _all_resized(input, [*lengths[:-1], last // 2 + 1], axes)
    scale = _scale(norm, False, int(np.prod([*lengths[:-1], last])))
    return complex_to_real(input, axes, scale, last)


@composite(method=False)
def rfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The Fourier transform of real numbers along several dimensions; of the last the first half.

    rfftn(randn(3, 4))
    rfftn(randn(2, 2, 4), (2, 4), dim=(0, 2), norm="forward")
    """
    return _several_real(input, s, dim, norm)


@composite(method=False)
def irfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of rfftn.

    irfftn(randn(3, 5))
    irfftn(randn(2, 2, 4), (2, 5), dim=(0, 2), norm="ortho")
    """
    return _several_to_real(input, s, dim, norm)


@composite(method=False)
def rfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The Fourier transform of real numbers along two dimensions; of the last the first half.

    rfft2(randn(3, 4))
    rfft2(randn(2, 2, 4), (2, 8), norm="forward")
    """
    return _several_real(input, s, dim, norm)


@composite(method=False)
def irfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of rfft2.

    irfft2(randn(3, 5))
    irfft2(randn(2, 2, 4), (2, 5), norm="forward")
    """
    return _several_to_real(input, s, dim, norm)


def _halves(input: Any, dim: Any, name: str, up: bool) -> Any:
    """input rolled by half of its length along dims, all unless dim says which."""
    check_tensors(name, input=input)
    axes = tuple(range(input.ndim)) if dim is None else dims(dim, name, "dim", 2)
    axes = (axes,) if isinstance(axes, int) else axes
    lengths = [input.size(d) for d in axes]
    return roll(input, tuple((n if up else n + 1) // 2 for n in lengths), axes)


@composite(method=False)
def fftshift(input: Any, dim: Any = None) -> Any:
    """input with its halves exchanged along dims: the zero frequency comes to the middle.

    fftshift(randn(3, 4))
    fftshift(randn(3, 4), 0)
    fftshift(randn(5, 4), dim=(0, 1))
    """
    return _halves(input, dim, "fft_fftshift", True)


@composite(method=False)
def ifftshift(input: Any, dim: Any = None) -> Any:
    """The inverse of fftshift.

    ifftshift(randn(3, 4))
    ifftshift(randn(5, 4), dim=(0, 1))
    """
    return _halves(input, dim, "fft_ifftshift", False)


def _frequencies(numbers: Any, d: float, n: int, dtype: DType | None, grad: bool) -> Any:
    storage = (DEFAULTS.floating if dtype is None else dtype).numpy
    values = np.asarray(numbers).astype(storage) * storage.type(1.0 / (n * d) if n else 0.0)
    made = new_tensor(values.astype(storage))
    return made.requires_grad_() if grad else made


@creation
def fftfreq(
    n: int, d: float = 1.0, *, dtype: DType | None = None, requires_grad: bool = False
) -> Any:
    """The frequencies of the results of fft of n points that are d apart.

    fftfreq(5)
    fftfreq(4, 0.5, dtype=float64)
    """
    places = np.arange(n)
    return _frequencies(
        np.where(places < (n + 1) // 2, places, places - n), d, n, dtype, requires_grad
    )


@creation
def rfftfreq(
    n: int, d: float = 1.0, *, dtype: DType | None = None, requires_grad: bool = False
) -> Any:
    """The frequencies of the results of rfft of n points that are d apart.

    rfftfreq(5)
    rfftfreq(4, d=0.5)
    """
    return _frequencies(np.arange(n // 2 + 1), d, n, dtype, requires_grad)
