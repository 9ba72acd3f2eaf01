"""Complex tensors: made of two real ones, and their parts, angles and conjugates.

Gradients follow PyTorch's convention: of a real function of z = x + iy the gradient is
(df/dx) + i (df/dy) (https://docs.pytorch.org/docs/stable/notes/autograd.html).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import linear, pointwise
from gradsh.engine.dtypes import COMPLEX, FLOAT, FROM_NUMPY, float16, float32, float64
from gradsh.engine.op import composite
from gradsh.engine.ops.arrange import adjoint
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.elementary import abs as size_of
from gradsh.engine.ops.elementary import sgn
from gradsh.engine.ops.indexing import select
from gradsh.engine.ops.pieces import array_of, choose
from gradsh.engine.ops.pointwise import eq, no_change, not_implemented
from gradsh.engine.ops.shape import contiguous
from gradsh.engine.precision import precise
from gradsh.engine.tensor import Tensor

_PARTS = (float16, float32, float64)
"""The types of real numbers that two of make a complex one."""


def _storage_of_pairs(kernel: str, parts: Any) -> np.dtype[Any]:
    """The complex type with such parts; half precision has none here, nor in most kernels there."""
    if parts.dtype.itemsize < 4:
        error = NotImplementedError(f"\"{kernel}\" not implemented for 'ComplexHalf'")
        error.add_note("make the parts single precision first: `x.float()`")
        raise error
    return np.result_type(parts.dtype, np.complex64)


def _is_complex(value: Any) -> bool:
    return bool(array_of(value).dtype.kind == "c")


def _type_name(array: Any) -> str:
    return FROM_NUMPY[array.dtype].type_name


@linear(input=lambda g: view_as_complex(contiguous(g)), view=True)
def view_as_real(input: Operand):
    """The real and imaginary parts of input in a last dimension of length 2, sharing storage.

    view_as_real(complex(randn(3, 4), randn(3, 4)))
    """
    if input.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return input[..., None].view(input.real.dtype)


@linear(input=lambda g: view_as_real(g), view=True)
def view_as_complex(input: Operand):
    """input, whose last dimension holds real and imaginary parts, as complex numbers.

    view_as_complex(randn(3, 2))
    """
    if FROM_NUMPY[input.dtype] not in _PARTS:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {_type_name(input)}"
        )
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    storage = _storage_of_pairs("view_as_complex", input)
    if not input.size:
        return np.empty(input.shape[:-1], storage)
    if input.strides[-1] != input.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(step % (2 * input.itemsize) for step in input.strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return input.view(storage)[..., 0]


@composite(method=False)
def real(input: Any) -> Any:
    """The real part, sharing input's storage; a real tensor itself.

    real(complex(randn(3, 4), randn(3, 4)))
    real(randn(3, 4))
    """
    return select(view_as_real(input), -1, 0) if _is_complex(input) else input


@composite(method=False)
def imag(input: Any) -> Any:
    """The imaginary part, sharing input's storage; RuntimeError for real tensors.

    imag(complex(randn(3, 4), randn(3, 4)))
    imag(randn(3, 4))
    """
    if not _is_complex(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return select(view_as_real(input), -1, 1)


@composite()
def conj(input: Any) -> Any:
    """The complex conjugate; a real tensor itself.

    conj(complex(randn(3, 4), randn(3, 4)))
    """
    return conjugate(input)


@pointwise(input=lambda g: conj_physical_of(g), grad_fn="ConjPhysicalBackward0", hidden=True)
def conj_physical_of(input):
    """The complex conjugate of input."""
    return np.conjugate(input)


@composite(in_place=True)
def conj_physical(input: Any) -> Any:
    """The complex conjugate; a real tensor itself.

    conj_physical(complex(randn(3, 4), randn(3, 4)))
    """
    return conj_physical_of(input) if _is_complex(input) else input


@composite()
def resolve_conj(input: Any) -> Any:
    """input itself: conjugates are computed at once here.

    resolve_conj(randn(3))
    """
    return input


def _check_parts(first: Any, second: Any) -> None:
    if not all(FROM_NUMPY[part.dtype] in _PARTS for part in (first, second)):
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{_type_name(first)} and {_type_name(second)}"
        )
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {_type_name(first)} but got scalar type "
            f"{_type_name(second)} for second argument"
        )


@pointwise(
    real=lambda g: real_part(g),
    imag=lambda g: imaginary_part(g),
    unpromoted=("real", "imag"),
    in_place=False,
    method=False,
)
def complex(real: Operand, imag: Operand):
    """The complex numbers with these real and imaginary parts.

    complex(randn(3, 4), randn(4))
    """
    _check_parts(real, imag)
    real, imag = np.broadcast_arrays(real, imag)
    result = np.empty(real.shape, _storage_of_pairs("complex", real))
    result.real = real
    result.imag = imag
    return result


def real_part(g: Any) -> Any:
    """The real part of a cotangent, an array or a tensor."""
    return real(g) if type(g) is Tensor else g.real


def imaginary_part(g: Any) -> Any:
    """The imaginary part of a cotangent, an array or a tensor; zeros of a real one."""
    return imag(g) if type(g) is Tensor else g.imag


@pointwise(
    abs=lambda g, out: real_part(conjugate(g) * sgn(out)),
    angle=lambda g, out: real_part(conjugate(g) * (out * 1j)),
    unpromoted=("abs", "angle"),
    in_place=False,
    method=False,
)
def polar(abs: Operand, angle: Operand):
    """The complex numbers with these absolute values and angles.

    polar(rand(3, 4), randn(4))
    """
    _check_parts(abs, angle)
    shape = np.broadcast_shapes(abs.shape, angle.shape)
    if abs.dtype.itemsize < 4:
        raise not_implemented("polar_cpu", abs)
    result = np.empty(shape, _storage_of_pairs("polar", abs))
    result.real = abs * precise(np.cos, angle)
    result.imag = abs * precise(np.sin, angle)
    return result


def _angle_rule(g: Any, input: Any) -> Any:
    if not _is_complex(input):
        return no_change(g)
    size = size_of(input)
    slope = g * input / (size * size) * 1j
    return choose(eq(input, 0), 0, slope)


@pointwise(input=_angle_rule, result="float", in_place=False)
def angle(input):
    """The angle of input in the complex plane, from -pi to pi; of real numbers 0 or pi.

    angle(complex(randn(3, 4), randn(3, 4)))
    angle(randn(3, 4))
    """
    if input.dtype.kind == "c":
        return np.arctan2(input.imag, input.real)
    flat = np.where(input < 0, input.dtype.type(np.pi), input.dtype.type(0))
    return np.where(np.isnan(input), input, flat)


@composite()
def isreal(input: Any) -> Any:
    """Where the imaginary part is zero.

    isreal(complex(randn(3), tensor([0.0, 1.0, 2.0])))
    isreal(randn(3))
    """
    return eq(imag(input), 0) if _is_complex(input) else eq(input, input) | True


@composite(name="is_complex")
def is_complex(input: Any) -> bool:
    """Whether input's type is complex.

    is_complex(randn(3))
    """
    return FROM_NUMPY[input.array.dtype].category == COMPLEX


@composite(name="is_floating_point")
def is_floating_point(input: Any) -> bool:
    """Whether input's type is a real floating type.

    is_floating_point(randn(3))
    """
    return FROM_NUMPY[input.array.dtype].category == FLOAT


def attach_attributes() -> None:
    """Give Tensor the attributes that are parts or conjugates of it: real, imag, H, mH."""

    def matrix_adjoint(tensor: Tensor) -> Tensor:
        if tensor.array.ndim != 2 and tensor.array.ndim:
            raise RuntimeError(
                "tensor.H is only supported on matrices (2-D tensors). Got "
                f"{tensor.array.ndim}-D tensor."
            )
        result: Tensor = adjoint(tensor)
        return result

    for name, read in {"real": real, "imag": imag, "mH": adjoint, "H": matrix_adjoint}.items():
        setattr(Tensor, name, property(read))
