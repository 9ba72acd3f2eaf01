"""Matrix products added to a tensor, and products of many matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradsh.engine.arguments import Number, Operand, operands, refuse
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import FROM_NUMPY, HALVES, promote
from gradsh.engine.op import composite
from gradsh.engine.ops.conjugation import conjugate
from gradsh.engine.ops.linalg import bmm, mm, mv
from gradsh.engine.ops.matrices import adjoint
from gradsh.engine.ops.pieces import refuse as refuse_type
from gradsh.engine.ops.shape import clone, expand, expand_shape, sum_to, transpose, unsqueeze, view
from gradsh.engine.precision import single


def _times(value: Any, factor: Any) -> Any:
    return value if factor == 1 else value * factor


def _combined(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """beta times input, broadcast to the product, plus alpha times the product."""
    kind = FROM_NUMPY[input.dtype].tensor_class
    base = np.broadcast_to(input, expand_shape(input.shape, product.shape, kind))
    if product.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    base = single(base)
    number = base.dtype.type
    product = _times(product, number(alpha))
    # of an input that counts for nothing, nan and inf count for nothing too
    total = product if beta == 0 else _times(base, number(beta)) + product
    return total.astype(input.dtype, copy=False)


def _product(op: Any, first: Any, second: Any) -> Any:
    """The product of arrays of one type; that of half precision is left in single."""
    if first.dtype is second.dtype:
        first, second = single(first), single(second)
    return op.op.forward(first, second)


def _check_same(input: Any, *others: Any) -> None:
    """PyTorch's error unless all have one type."""
    for other in others:
        if other.dtype is not input.dtype:
            first, second = (FROM_NUMPY[x.dtype].type_name for x in (input, other))
            error = RuntimeError(
                f"self and mat2 must have the same dtype, but got {first} and {second}"
            )
            error.add_note("convert one: `x.float()`, or `x.to(y.dtype)`")
            raise error


@general(
    input=lambda g, beta, input_shape: sum_to(_times(g, beta), input_shape),
    mat1=lambda g, mat2, alpha: _times(mm(g, adjoint(mat2)), alpha),
    mat2=lambda g, mat1, alpha: _times(mm(adjoint(mat1), g), alpha),
)
def addmm(input: Operand, mat1: Operand, mat2: Operand, *, beta: Number = 1, alpha: Number = 1):
    """beta times input plus alpha times the product of two matrices.

    addmm(randn(3, 2), randn(3, 4), randn(4, 2))
    addmm(randn(2), randn(3, 4), randn(4, 2), beta=0.5, alpha=2)
    """
    for name, array in (("mat1", mat1), ("mat2", mat2)):
        if array.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {array.ndim}-D tensor")
    if mat1.shape[1] == mat2.shape[0]:
        expand_shape(
            input.shape,
            (mat1.shape[0], mat2.shape[1]),
            FROM_NUMPY[input.dtype].tensor_class,
        )
        _check_same(input, mat2, mat1)
    return _combined(input, _product(mm, mat1, mat2), beta, alpha)


@general(
    input=lambda g, beta, input_shape: sum_to(_times(g, beta), input_shape),
    mat=lambda g, vec, alpha: _times(unsqueeze(g, 1) * conjugate(vec), alpha),
    vec=lambda g, mat, alpha: _times(mv(adjoint(mat), g), alpha),
)
def addmv(input: Operand, mat: Operand, vec: Operand, *, beta: Number = 1, alpha: Number = 1):
    """beta times input plus alpha times the product of a matrix and a vector.

    addmv(randn(3), randn(3, 4), randn(4))
    addmv(randn(3), randn(3, 4), randn(4), beta=2, alpha=0.5)
    """
    if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}"
        )
    if mat.shape[1] != vec.shape[0] or (input.size != 1 and input.shape[0] != mat.shape[0]):
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0] if input.ndim else 1}), mat "
            f"({mat.shape[0]}x{mat.shape[1]}), vec ({vec.shape[0]})"
        )
    if not input.dtype is mat.dtype is vec.dtype:
        kinds = [FROM_NUMPY[x.dtype].type_name for x in (input, mat, vec)]
        raise RuntimeError(
            "addmv input tensors must have the same dtype, but got "
            f"{kinds[0]}, {kinds[1]}, and {kinds[2]}"
        )
    if input.dtype in HALVES:  # PyTorch's kernel rounds the numbers, and what beta makes of input
        beta, alpha = (single(np.array(number).astype(input.dtype)) for number in (beta, alpha))
        if beta not in (0, 1):
            input, beta = (single(input) * beta).astype(input.dtype), 1
    return _combined(input, _product(mv, mat, vec), beta, alpha)


@general(
    input=lambda g, beta, input_shape: sum_to(_times(g, beta), input_shape),
    batch1=lambda g, batch2, alpha: _times(bmm(g, adjoint(batch2)), alpha),
    batch2=lambda g, batch1, alpha: _times(bmm(adjoint(batch1), g), alpha),
)
def baddbmm(
    input: Operand, batch1: Operand, batch2: Operand, *, beta: Number = 1, alpha: Number = 1
):
    """beta times input plus alpha times the products of two batches of matrices.

    baddbmm(randn(2, 3, 5), randn(2, 3, 4), randn(2, 4, 5))
    baddbmm(randn(5), randn(2, 3, 4), randn(2, 4, 5), beta=0.5, alpha=2)
    """
    for array in (batch1, batch2):
        _check_batch(array)
    shape = batch1.shape[0], batch1.shape[1], batch2.shape[2]
    expand_shape(input.shape, shape, FROM_NUMPY[input.dtype].tensor_class)
    refuse_type("baddbmm", "b", batch1)
    product = _product(bmm, batch1, batch2)
    if input.dtype is not batch1.dtype:
        kinds = [FROM_NUMPY[x.dtype].c_name for x in (input, batch1, batch2)]
        raise RuntimeError(
            f"Input dtypes must be the same, got: input {kinds[0]}, batch1: {kinds[1]}, "
            f"batch2: {kinds[2]}"
        )
    return _combined(input, product, beta, alpha)


def _check_batch(array: Any) -> None:
    """The error that PyTorch gives for a batch without its third dimension."""
    if array.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if array.ndim < 3:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-array.ndim}, "
            f"{array.ndim - 1}], but got {array.ndim})"
        )


def _spread(g: Any, count: int) -> Any:
    """A matrix as a batch of `count` times itself."""
    return expand(unsqueeze(g, 0), (count, *g.shape))


@general(
    input=lambda g, beta, input_shape: sum_to(_times(g, beta), input_shape),
    batch1=lambda g, batch2, alpha: _times(
        bmm(_spread(g, batch2.shape[0]), adjoint(batch2)), alpha
    ),
    batch2=lambda g, batch1, alpha: _times(
        bmm(adjoint(batch1), _spread(g, batch1.shape[0])), alpha
    ),
)
def addbmm(
    input: Operand, batch1: Operand, batch2: Operand, *, beta: Number = 1, alpha: Number = 1
):
    """beta times input plus alpha times the sum of the products of two batches of matrices.

    addbmm(randn(3, 5), randn(2, 3, 4), randn(2, 4, 5))
    addbmm(randn(5), randn(2, 3, 4), randn(2, 4, 5), beta=0.5, alpha=2)
    """
    _check_batch(batch2)
    shape = (*batch1.shape[1:2], batch2.shape[2])
    if len(shape) == 2:
        expand_shape(input.shape, shape, FROM_NUMPY[input.dtype].tensor_class)
    for name, array in (("batch1", batch1), ("batch2", batch2)):
        if array.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError(
            "batch1 and batch2 must have same number of batches, got "
            f"{batch1.shape[0]} and {batch2.shape[0]}"
        )
    if batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for bmm ({batch1.shape[1]}x{batch1.shape[2]} and "
            f"{batch2.shape[1]}x{batch2.shape[2]})"
        )
    _check_same(input, batch2, batch1)
    refuse_type("addmm_impl_cpu_", "b", batch1)
    if input.dtype not in HALVES:
        product = np.add.reduce(np.matmul(batch1, batch2), 0, input.dtype)
        return _combined(input, product, beta, alpha)
    total = np.broadcast_to(input, shape)
    if not len(batch1):
        return _combined(total, np.zeros(shape, np.float32), beta, alpha)
    for first, second in zip(batch1, batch2, strict=True):  # each rounded, as in PyTorch
        total, beta = _combined(total, np.matmul(single(first), single(second)), beta, alpha), 1
    return total


@general(
    input=lambda g, beta, input_shape: sum_to(_times(g, beta), input_shape),
    vec1=lambda g, vec2, alpha: _times(mv(g, conjugate(vec2)), alpha),
    vec2=lambda g, vec1, alpha: _times(mv(transpose(g, 0, 1), conjugate(vec1)), alpha),
)
def addr(input: Operand, vec1: Operand, vec2: Operand, *, beta: Number = 1, alpha: Number = 1):
    """beta times input plus alpha times the outer product of two vectors.

    addr(randn(3, 4), randn(3), randn(4))
    addr(randn(4), randn(3), randn(4), beta=2, alpha=0.5)
    """
    for name, array in (("vec1", vec1), ("vec2", vec2)):
        if array.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {array.ndim}-D")
    common = FROM_NUMPY[input.dtype]
    for array in (vec1, vec2):
        common = promote(common, FROM_NUMPY[array.dtype])
    storage = common.numpy
    if storage.kind in "iub":
        for name, number in (("beta", beta), ("alpha", alpha)):
            if type(number) is float:
                raise RuntimeError(
                    f"For integral input tensors, argument {name} must not be a floating point "
                    "number."
                )
    product = np.multiply.outer(vec1.astype(storage), vec2.astype(storage))
    return _combined(input.astype(storage), product, beta, alpha)


def _chain_order(lengths: list[int]) -> list[list[int]]:
    """For matrices of these lengths, where each stretch of the chain is best split.

    Source: Cormen and others, Introduction to Algorithms, section 15.2.
    """
    count = len(lengths) - 1
    cost = [[0] * count for _ in range(count)]
    split = [[0] * count for _ in range(count)]
    for span in range(1, count):
        for first in range(count - span):
            last = first + span
            costs = [
                cost[first][k]
                + cost[k + 1][last]
                + lengths[first] * lengths[k + 1] * lengths[last + 1]
                for k in range(first, last)
            ]
            cost[first][last] = min(costs)
            split[first][last] = first + costs.index(min(costs))
    return split


def _chain(matrices: list[Any]) -> Any:
    """The product of matrices, multiplied in the order that takes the fewest steps."""
    split = _chain_order([matrices[0].array.shape[0], *(m.array.shape[1] for m in matrices)])

    def product(first: int, last: int) -> Any:
        if first == last:
            return matrices[first]
        k = split[first][last]
        return mm(product(first, k), product(k + 1, last))

    return product(0, len(matrices) - 1)


@composite(method=False)
def multi_dot(tensors: Any) -> Any:
    """The product of two or more matrices, in the cheapest order; the ends may be vectors.

    multi_dot([randn(3, 4), randn(4, 2)])
    multi_dot([randn(3, 4), randn(4, 2), randn(2, 5), randn(5)])
    multi_dot([randn(4), randn(4, 2), randn(2)])
    """
    if not isinstance(tensors, (tuple, list)):
        raise refuse("linalg_multi_dot", "tensors", 1, "tuple of Tensors", tensors)
    matrices = operands(tensors, "linalg_multi_dot", "tensors", 1)
    count = len(matrices)
    if count < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {count}")
    shape: list[int] = []
    for place, which, dim in ((0, "first", 0), (count - 1, "last", 1)):
        ndim = matrices[place].array.ndim
        if ndim not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {which} tensor must be 1D or 2D but got {ndim}D")
        if ndim == 2:
            shape.append(matrices[place].array.shape[dim])
        else:
            matrices[place] = unsqueeze(matrices[place], dim)
    dtype = matrices[0].array.dtype
    for number, matrix in enumerate(matrices):
        if matrix.array.ndim != 2:
            raise RuntimeError(
                f"multi_dot(): tensor {number} must be 2D but got {matrix.array.ndim}D"
            )
        if matrix.array.dtype is not dtype:
            first, second = (FROM_NUMPY[x].c_name for x in (dtype, matrix.array.dtype))
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {first} "
                f"and tensor {number} {second}"
            )
    for number in range(count - 1):
        left, right = matrices[number].array.shape, matrices[number + 1].array.shape
        if left[1] != right[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {number} and {number + 1} with shapes {list(left)} and "
                f"{list(right)} cannot be multiplied"
            )
    return view(_chain(matrices), tuple(shape))


@composite(method=False)
def chain_matmul(*matrices: Any) -> Any:
    """The product of matrices, in the cheapest order.

    chain_matmul(randn(3, 4), randn(4, 2))
    chain_matmul(randn(3, 4), randn(4, 2), randn(2, 5))
    """
    listed = operands(matrices, "chain_matmul", "matrices", 1)
    for matrix in listed:
        if matrix.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {matrix.ndim}, expected 2 instead.")
    if not listed:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    return clone(listed[0]) if len(listed) == 1 else multi_dot(listed)
