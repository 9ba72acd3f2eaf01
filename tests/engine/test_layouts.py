"""Where an expanded operand leaves its elements: results can be viewed as PyTorch's can."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, OPS
from gradsh.engine.tensor import new_tensor

from .oracle import torch

UNARY = [
    name
    for name in sorted(OPS)
    if OPS[name].kind == "pointwise" and len(OPS[name].parameters) == 1 and name in FUNCTIONS
]


@pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
@pytest.mark.parametrize("name", UNARY)
def test_expanded_operand(name: str, dtype: str) -> None:
    function: Any = next(
        (
            getattr(place, name)
            for place in (torch, torch.nn.functional, torch.special)
            if hasattr(place, name)
        ),
        None,
    )
    if function is None:
        pytest.skip("a method only")
    values = np.array([[1, 2, 3]], dtype)
    for shape, order in (((2, 3), (0, 1)), ((4, 2, 3), (0, 2, 1)), ((4, 2, 3), (1, 2, 0))):
        theirs = torch.tensor(values).expand(shape).permute(order)
        ours = FUNCTIONS["permute"](FUNCTIONS["expand"](new_tensor(values), *shape), order)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = function(theirs)
            except (RuntimeError, NotImplementedError):
                return
            assert FUNCTIONS[name](ours).stride() == tuple(expected.stride())
