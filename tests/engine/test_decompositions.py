"""What the sample calls do not fix: signs of vectors, last bits of solutions, singular inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS

from .oracle import Tensor_over, torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")
SHAPES = [(1, 3), (2, 2), (2, 3), (3, 5), (4, 4), (3, 4), (4, 3), (6, 4), (7, 2), (4, 9)]


def drawn(seed: int, *shape: int, complex_numbers: bool = False) -> np.ndarray[Any, Any]:
    """Random numbers, the same at every run."""
    numbers = np.random.default_rng(seed)
    values = numbers.normal(size=shape)
    return values + 1j * numbers.normal(size=shape) if complex_numbers else values


def both(name: str, array: np.ndarray[Any, Any], *args: Any) -> list[tuple[Any, Any]]:
    """The results of gradsh and of PyTorch, in pairs."""
    ours = FUNCTIONS[name](Tensor_over(array), *(FUNCTIONS["tensor"](x.tolist()) for x in args))
    theirs = getattr(torch.linalg, name)(torch.tensor(array), *(torch.tensor(x) for x in args))
    ours = ours if isinstance(ours, tuple) else (ours,)
    theirs = (theirs,) if isinstance(theirs, torch.Tensor) else theirs
    return [(a.array, b.resolve_conj().numpy()) for a, b in zip(ours, theirs, strict=True)]


@needs_torch
@pytest.mark.parametrize("complex_numbers", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["svd", "qr"])
def test_vectors_have_pytorchs_signs(
    name: str, shape: tuple[int, int], complex_numbers: bool
) -> None:
    for seed in range(10):
        for ours, theirs in both(name, drawn(seed, *shape, complex_numbers=complex_numbers)):
            assert np.allclose(ours, theirs, atol=1e-7)


@needs_torch
@pytest.mark.parametrize("complex_numbers", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 12])
def test_eigenvectors_have_pytorchs_signs(size: int, complex_numbers: bool) -> None:
    for seed in range(10):
        matrix = drawn(seed, size, size, complex_numbers=complex_numbers)
        for ours, theirs in both("eigh", matrix + matrix.conj().T):
            assert np.allclose(ours, theirs, atol=1e-7)


@needs_torch
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("name", ["det", "inv"])
def test_elimination_rounds_as_pytorchs(name: str, size: int) -> None:
    for seed in range(10):
        ((ours, theirs),) = both(name, drawn(seed, size, size).astype(np.float32))
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 4), (4, 3), (6, 4), (2, 5)])
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_singular_values_of_what_is_infinite_are_nan(
    infinite: float, shape: tuple[int, int]
) -> None:
    array = drawn(0, *shape)
    array[0, 0] = infinite
    assert np.isnan(FUNCTIONS["svdvals"](Tensor_over(array)).array).all()
    assert np.isnan(FUNCTIONS["matrix_norm"](Tensor_over(array), "nuc").array)
    assert FUNCTIONS["matrix_rank"](Tensor_over(array)).item() == 0
    both = np.stack([array, drawn(1, *shape)])
    first, second = FUNCTIONS["svdvals"](Tensor_over(both)).array
    assert np.isnan(first).all()
    assert np.isfinite(second).all()


@pytest.mark.parametrize("name", ["svd", "svdvals", "pinv", "matrix_rank", "cond"])
def test_singular_values_of_nan_are_refused(name: str) -> None:
    array = np.stack([np.eye(3), np.full((3, 3), np.nan)])
    with pytest.raises(RuntimeError, match=r"\(Batch element 1\).*contained non-finite values"):
        FUNCTIONS[name](Tensor_over(array))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4, 4)])
def test_matrix_exp_of_half_precision_rounds_once(shape: tuple[int, ...]) -> None:
    half = drawn(1, *shape).astype(np.float16)
    wide = FUNCTIONS["matrix_exp"](Tensor_over(half.astype(np.float64))).array
    assert np.array_equal(FUNCTIONS["matrix_exp"](Tensor_over(half)).array, wide.astype(np.float16))


def test_whole_numbers_stay_whole() -> None:
    assert FUNCTIONS["det"](Tensor_over(np.array([[1.0, 2.0], [3.0, 4.0]]))).item() == -2.0
    solution = FUNCTIONS["solve"](
        Tensor_over(np.array([[3.0, 1.0], [1.0, 2.0]], np.float32)),
        Tensor_over(np.array([9.0, 8.0], np.float32)),
    )
    assert solution.array.tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("name", "matrix", "message"),
    [
        ("inv", [[1.0, 2.0], [2.0, 4.0]], "The diagonal element 2 is zero"),
        ("inv", [[[1.0]], [[0.0]]], r"\(Batch element 1\): The diagonal element 1 is zero"),
        ("cholesky", [[1.0, 2.0], [2.0, 1.0]], "leading minor of order 2 is not positive-definite"),
        ("eigh", [[1.0, 2.0, 3.0]], "must be batches of square matrices, but they are 1 by 3"),
    ],
)
def test_what_cannot_be_done(name: str, matrix: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        FUNCTIONS[name](Tensor_over(np.array(matrix)))
