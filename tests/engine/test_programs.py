"""Random programs do on gradsh what they do on PyTorch, statement by statement."""

from __future__ import annotations

import pytest

from .oracle import torch
from .programs import Writer, run, smallest


@pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")
@pytest.mark.parametrize("seed", range(500))
def test_as_pytorch(seed: int) -> None:
    program = Writer(seed).program(14)
    if run(program) is not None:
        lines, difference = smallest(program)
        pytest.fail("\n".join([*lines, difference]))
