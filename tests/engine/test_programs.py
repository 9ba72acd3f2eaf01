"""Random programs do on gradsh what they do on PyTorch, statement by statement."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .oracle import torch
from .programs import Writer, run, smallest

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")


@needs_torch
@pytest.mark.parametrize("seed", range(500))
def test_as_pytorch(seed: int) -> None:
    program = Writer(random.Random(seed)).program(14)
    if run(program) is not None:
        lines, difference = smallest(program)
        pytest.fail("\n".join([*lines, difference]))


@needs_torch
@settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_drawn_programs(choices: random.Random) -> None:
    program = Writer(choices).program(10)
    difference = run(program)
    assert difference is None, "\n".join([*program, str(difference)])
