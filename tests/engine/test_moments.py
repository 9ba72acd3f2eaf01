"""Few numbers normalized have PyTorch's bits, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, Tensor, backward
from gradsh.engine.leaf import requires_grad_
from gradsh.engine.tensor import new_tensor

from .oracle import torch

pytestmark = pytest.mark.skipif(
    torch is None or torch.backends.cpu.get_cpu_capability() != "AVX512",
    reason="the bits of PyTorch's kernels for processors with AVX-512 are compared",
)

CALLS: list[tuple[str, tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = [
    ("layer_norm", (3, 4), ((4,),), {}),
    ("layer_norm", (2, 3, 8), ((8,),), {}),
    ("batch_norm", (5, 3), (None, None), {"training": True}),
    ("batch_norm", (6, 10), (None, None), {"training": True}),
]


@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize(("name", "shape", "values", "named"), CALLS, ids=str)
def test_equal_bits(
    name: str, shape: tuple[int, ...], values: Any, named: dict[str, Any], expanded: bool
) -> None:
    generator = np.random.default_rng(0)
    for _ in range(10):
        input = generator.standard_normal(shape).astype(np.float32)
        ours = requires_grad_(new_tensor(input.copy()))
        theirs = torch.tensor(input, requires_grad=True)
        out = FUNCTIONS[name](ours, *values, **named)
        expected = getattr(torch.nn.functional, name)(theirs, *values, **named)
        np.testing.assert_array_equal(out.array, expected.detach().numpy())
        if expanded:
            backward(FUNCTIONS["sum"](out))
            expected.sum().backward()
        else:
            weights = generator.standard_normal(shape).astype(np.float32)
            backward(out, new_tensor(weights))
            expected.backward(torch.tensor(weights))
        gradient = ours.grad
        assert isinstance(gradient, Tensor)
        np.testing.assert_array_equal(gradient.array, theirs.grad.numpy())


@pytest.mark.parametrize("shape", [(2, 4, 3), (3, 6), (2, 4, 5, 5)])
def test_groups_have_equal_bits(shape: tuple[int, ...]) -> None:
    input = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    out = FUNCTIONS["group_norm"](new_tensor(input.copy()), 2)
    expected = torch.nn.functional.group_norm(torch.tensor(input), 2)
    np.testing.assert_array_equal(out.array, expected.numpy())
