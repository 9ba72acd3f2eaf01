"""Half precision is rounded where PyTorch's kernels round it: equal bits, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, Tensor, backward
from gradsh.engine.leaf import requires_grad_
from gradsh.engine.tensor import new_tensor

from .oracle import torch

pytestmark = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("tanh", (), {}),
    ("sigmoid", (), {}),
    ("leaky_relu", (0.3,), {}),
    ("elu", (), {}),
    ("selu", (), {}),
    ("celu", (2.0,), {}),
    ("gelu", (), {}),
    ("gelu", (), {"approximate": "tanh"}),
    ("silu", (), {}),
    ("mish", (), {}),
    ("softplus", (1, 0.5), {}),
    ("mean", (0,), {}),
    ("var", (0,), {}),
    ("softmax", (0,), {}),
    ("softmax", (1,), {}),
    ("log_softmax", (0,), {}),
    ("log_softmax", (1,), {}),
]


def _torch_function(name: str) -> Callable[..., Any]:
    places = (torch.nn.functional, torch)
    found: Callable[..., Any] = next(getattr(p, name) for p in places if hasattr(p, name))
    return found


@pytest.mark.parametrize(("name", "values", "named"), CASES, ids=str)
def test_equal_bits(name: str, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    generator = np.random.default_rng(0)
    for _ in range(10):
        input = generator.standard_normal((3, 4)).astype(np.float16)
        ours = requires_grad_(new_tensor(input.copy()))
        theirs = torch.tensor(input, requires_grad=True)
        out = FUNCTIONS[name](ours, *values, **named)
        expected = _torch_function(name)(theirs, *values, **named)
        np.testing.assert_array_equal(out.array, expected.detach().numpy())
        weights = generator.standard_normal(out.array.shape).astype(np.float16)
        backward(out, new_tensor(weights))
        expected.backward(torch.tensor(weights))
        gradient = ours.grad
        assert isinstance(gradient, Tensor)
        np.testing.assert_array_equal(gradient.array, theirs.grad.numpy())
