"""Random programs do on gradsh what they do on PyTorch, statement by statement."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .oracle import torch
from .programs import Writer, run

LENGTH = 14
# Each line is left out once in a while, so that a program that fails can shrink to a few lines.
kept_lines = st.lists(st.integers(0, 20).map(bool), min_size=LENGTH, max_size=LENGTH)


@pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")
@settings(
    max_examples=400,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False), kept_lines)
def test_as_pytorch(choices: random.Random, kept: list[bool]) -> None:
    program = Writer(choices).program(LENGTH)
    lines = [line for line, keep in zip(program, kept, strict=True) if keep]
    difference = run(lines)
    assert difference is None, "\n".join([*lines, str(difference)])
