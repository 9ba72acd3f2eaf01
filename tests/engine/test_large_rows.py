"""Rows of large matrices, normalized in blocks, agree with PyTorch in every derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, backward, grad
from gradsh.engine.leaf import requires_grad_
from gradsh.engine.tensor import Tensor, new_tensor

from .oracle import torch

pytestmark = pytest.mark.skipif(torch is None, reason="the comparison needs torch")

SHAPES = [(3, 600), (80, 1000)]  # one block, and several
WANTED = ["xwb", "x", "w", "b", "xb", "wb"]


def pair(array: Any, wanted: bool) -> tuple[Tensor, Any]:
    """The same tensor here and there."""
    ours, theirs = new_tensor(array.copy()), torch.tensor(array)
    return (requires_grad_(ours), theirs.requires_grad_()) if wanted else (ours, theirs)


def normalized(
    shape: tuple[int, int], wanted: str, dtype: Any
) -> tuple[Any, Any, list[tuple[Tensor, Any]], tuple[Tensor, Any]]:
    """A normalized matrix here and there, the leaves, and weights for the backward pass."""
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal(s).astype(dtype) for s in (shape, shape[1:], shape[1:])]
    pairs = [pair(array, name in wanted) for name, array in zip("xwb", arrays, strict=True)]
    x, w, b = pairs
    ours = FUNCTIONS["layer_norm"](x[0], shape[1:], w[0], b[0])
    theirs = torch.nn.functional.layer_norm(x[1], shape[1:], w[1], b[1])
    leaves = [p for name, p in zip("xwb", pairs, strict=True) if name in wanted]
    return ours, theirs, leaves, pair(generator.standard_normal(shape).astype(dtype), False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients(shape: tuple[int, int], wanted: str, dtype: Any) -> None:
    ours, theirs, leaves, (v, v_there) = normalized(shape, wanted, dtype)
    np.testing.assert_allclose(ours.array, theirs.detach().numpy(), rtol=1e-5, atol=1e-5)
    for _ in range(2):  # the second pass adds to what is there
        backward(ours, v, retain_graph=True)
        theirs.backward(v_there, retain_graph=True)
    for x, x_there in leaves:
        assert isinstance(x.grad, Tensor)
        np.testing.assert_allclose(x.grad.array, x_there.grad.numpy(), rtol=1e-4, atol=1e-4)


def test_each_pass_has_its_own_sums() -> None:
    ours, theirs, leaves, (v, v_there) = normalized(SHAPES[1], "xwb", np.float64)
    (x, _), (w, w_there), _ = leaves
    grad(ours, x, v, retain_graph=True)
    v.array *= 2
    v_there *= 2
    (here,) = grad(ours, w, v)
    (there,) = torch.autograd.grad(theirs, w_there, v_there)
    assert here is not None
    np.testing.assert_allclose(here.array, there.numpy())


def test_far_from_zero() -> None:
    generator = np.random.default_rng(0)
    x, v, w = (
        generator.standard_normal(s).astype(np.float32) for s in (SHAPES[1],) * 2 + ((1000,),)
    )
    x += 1000
    ours, theirs = requires_grad_(new_tensor(x)), torch.tensor(x).double().requires_grad_()
    out = FUNCTIONS["layer_norm"](ours, w.shape, new_tensor(w))
    backward(out, new_tensor(v))
    exact = torch.nn.functional.layer_norm(theirs, w.shape, torch.tensor(w).double())
    exact.backward(torch.tensor(v).double())
    np.testing.assert_allclose(out.array, exact.detach().numpy(), rtol=1e-5, atol=1e-4)
    assert isinstance(ours.grad, Tensor)
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-4, atol=1e-4)


def test_weights_of_the_pass_stay_as_they_are() -> None:
    x = requires_grad_(new_tensor(np.ones(4, np.float32)))
    v = new_tensor(np.ones(4, np.float32))
    backward(x + 2, v)
    assert isinstance(x.grad, Tensor)
    assert x.grad.array is not v.array
    x.grad.array += 1
    np.testing.assert_array_equal(v.array, 1)
