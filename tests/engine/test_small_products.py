"""Products of small matrices have PyTorch's bits."""

from __future__ import annotations

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS
from gradsh.engine.tensor import new_tensor

from .oracle import torch

pytestmark = pytest.mark.skipif(
    torch is None or torch.backends.cpu.get_cpu_capability() != "AVX512",
    reason="the bits of PyTorch's kernels for processors with AVX-512 are compared",
)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((2, 2), (2, 2)),
        ((3, 3), (3, 3)),
        ((4, 4), (4, 4)),
        ((5, 3), (3, 2)),
        ((2, 3, 4), (2, 4, 5)),
    ],
    ids=str,
)
def test_equal_bits(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        a, b = (generator.standard_normal(shape).astype(np.float32) for shape in (first, second))
        out = FUNCTIONS["matmul"](new_tensor(a), new_tensor(b))
        np.testing.assert_array_equal(out.array, torch.matmul(*map(torch.tensor, (a, b))).numpy())


@pytest.mark.parametrize(("inner", "columns"), [(2, 2), (3, 3), (3, 5), (4, 8), (8, 3), (8, 8)])
def test_products_with_transposed(inner: int, columns: int) -> None:
    generator = np.random.default_rng(0)
    a = generator.standard_normal((6, inner)).astype(np.float32)
    b = generator.standard_normal((columns, inner)).astype(np.float32)
    out = FUNCTIONS["linear"](new_tensor(a), new_tensor(b))
    expected = torch.nn.functional.linear(torch.tensor(a), torch.tensor(b))
    np.testing.assert_array_equal(out.array, expected.numpy())


def test_rows_of_a_rotation_are_orthogonal() -> None:
    angle = np.float32(0.7)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tensor = new_tensor(turn)
    product = FUNCTIONS["mm"](tensor, tensor.T).array
    assert product[0, 1] == product[1, 0] == 0
