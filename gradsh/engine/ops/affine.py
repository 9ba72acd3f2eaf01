"""Linear and bilinear layers: products with a weight, plus a bias."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import Operand, operand, optional_operand
from gradsh.engine.derivative import general, linear
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.linalg import matmul, mm
from gradsh.engine.ops.pieces import refuse, refuse_complex_gradient
from gradsh.engine.ops.pointwise import add
from gradsh.engine.ops.shape import expand_shape, reshape, sum_to, t, view
from gradsh.engine.precision import single
from gradsh.engine.small_products import matrix_product


@general(
    input=lambda g, input_shape: sum_to(g, input_shape),
    mat1=lambda g, mat2: mm(g, conjugate(t(mat2))),
    mat2=lambda g, mat1: mm(conjugate(t(mat1)), g),
    grad_fn="AddmmBackward0",
    hidden=True,
)
def affine(input: Operand, mat1: Operand, mat2: Operand):
    """The product of two matrices plus input, which is repeated to its shape."""
    _check_affine(input, mat1, mat2)
    product = matrix_product(single(mat1), single(mat2))
    product += input
    return product.astype(mat1.dtype, copy=False)


def _check_affine(input: Any, mat1: Any, mat2: Any) -> None:
    for (name, array), other in ((("self", input), mat2), (("mat1", mat1), mat2)):
        if array.dtype is not other.dtype:
            kinds = " and ".join(FROM_NUMPY[x.dtype].type_name for x in (array, other))
            error = RuntimeError(f"{name} and mat2 must have the same dtype, but got {kinds}")
            error.add_note("convert one: `x.float()`, or `x.to(w.dtype)`")
            raise error
    for name, array in (("mat1", mat1), ("mat2", mat2)):
        if array.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {array.ndim}-D tensor")
    if mat1.shape[1] != mat2.shape[0]:
        error = RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({mat1.shape[0]}x{mat1.shape[1]} and "
            f"{mat2.shape[0]}x{mat2.shape[1]})"
        )
        error.add_note("the weight is (out features, in features)")
        raise error
    expand_shape(input.shape, (len(mat1), mat2.shape[1]))
    refuse("addmm_impl_cpu_", "b", mat1)


@composite(method=False, name="linear")
def linear_layer(input: Any, weight: Any, bias: Any = None) -> Any:
    """input times the transpose of weight, plus bias: weight is (out features, in features).

    linear(randn(3, 4), randn(5, 4), randn(5))
    linear(randn(3, 4), randn(5, 4))
    linear(randn(4), randn(5, 4), randn(5))
    linear(randn(2, 3, 4), randn(5, 4), randn(5))
    linear(randn(3, 4), randn(4))
    """
    input = operand(input, "linear", "input", 1)
    weight = operand(weight, "linear", "weight", 2)
    bias = optional_operand(bias, "linear", "bias", 3)
    ranks = input.array.ndim, weight.array.ndim
    if 0 in ranks:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {ranks[0]}D and "
            f"{ranks[1]}D"
        )
    if bias is None:
        return matmul(input, t(weight))
    array = input.array
    if array.ndim == 2:
        return affine(bias, input, t(weight))
    if array.ndim and bias.array.ndim == 1 and array.flags.c_contiguous:
        *leading, features = array.shape
        rows = view(input, (math.prod(leading), features))
        product = affine(bias, rows, t(weight))
        return view(product, (*leading, product.array.shape[1]))
    return add(matmul(input, t(weight)), bias)


def _others(spec: str, place: int) -> str:
    """The einsum of a trilinear form's cotangent in one of its three arguments."""
    terms = spec.split(",")
    terms[place], result = terms[3], terms[place]
    return ",".join([*terms[:3], result])


@linear(
    a=lambda g, b, c, spec: trilinear(g, b, c, _others(spec, 0)),
    b=lambda g, a, c, spec: trilinear(a, g, c, _others(spec, 1)),
    c=lambda g, a, b, spec: trilinear(a, b, g, _others(spec, 2)),
    hidden=True,
)
def trilinear(a: Operand, b: Operand, c: Operand, spec: Any):
    """A sum of products of three arrays; spec names the dimensions of each and of the result."""
    refuse("bmm", "b", a)
    *terms, result = spec.split(",")
    wide = np.einsum(f"{','.join(terms)}->{result}", single(a), single(b), single(c), optimize=True)
    return wide.astype(a.dtype, copy=False)


@composite(method=False)
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """For each of weight's matrices input1 times it times input2, plus bias.

    weight is (out features, features of input1, features of input2).

    bilinear(randn(3, 4), randn(3, 5), randn(2, 4, 5), randn(2))
    bilinear(randn(2, 3, 4), randn(2, 3, 5), randn(2, 4, 5))
    """
    input1 = operand(input1, "bilinear", "input1", 1)
    input2 = operand(input2, "bilinear", "input2", 2)
    weight = operand(weight, "bilinear", "weight", 3)
    bias = optional_operand(bias, "bilinear", "bias", 4)
    first, second, matrices = input1.array.shape, input2.array.shape, weight.array.shape
    if not matrices:
        raise IndexError("Dimension specified as 1 but tensor has no dimensions")
    if len(first) != len(second):
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {len(first)} and {len(second)}"
        )
    for dim, (one, other) in enumerate(zip(first[:-1], second[:-1], strict=True)):
        if one != other:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: got {one} and "
                f"{other}"
            )
    for name, shape, place in (("input1", first, 1), ("input2", second, 2)):
        if shape[-1] != matrices[place]:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {shape[-1]} but "
                f"expected {matrices[place]}"
            )
    if bias is not None and bias.array.shape != matrices[:1]:
        raise RuntimeError(
            "bilinear(): bias size does not match weight size: got "
            f"{bias.array.shape[0]} but expected {matrices[0]}"
        )
    for part in (input1, input2, weight):
        refuse_complex_gradient("_trilinear", part)
    result = trilinear(
        reshape(input1, (-1, first[-1])), weight, reshape(input2, (-1, second[-1])),
        "bi,oij,bj,bo",
    )  # fmt: skip
    result = view(result, (*first[:-1], matrices[0]))
    return result if bias is None else add(result, bias)
