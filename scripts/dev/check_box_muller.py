#!/usr/bin/env python3
"""Compare the float32 normal samples with PyTorch's for every uniform there is.

A float32 uniform has 24 bits. Generator states are made up whose output words are all of them, in
both places of the Box-Muller transform, PyTorch draws normal samples from those states, and each
sample is compared bit for bit. Needs torch on a processor with AVX2; takes about a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gradsh.engine.box_muller import BLOCK, blocks
from gradsh.engine.random import Generator

BITS = 24
ROUNDS = 3
# One word of a made-up state is skipped: PyTorch counts a state of 624 words left as no state.
SKIPPED = 1
BLOCKS = (624 - SKIPPED) // BLOCK
STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("taken", "<u8"),
        ("words", "<u8", 624),
        ("rest", "u1", 40),
    ]
)


def untempered(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The state words whose tempered outputs are `words`: the shifts undone from last to first."""
    state = words ^ (words >> np.uint32(18))
    state = state ^ ((state << np.uint32(15)) & np.uint32(0xEFC60000))
    undone = state
    for _ in range(5):
        undone = state ^ ((undone << np.uint32(7)) & np.uint32(0x9D2C5680))
    state = undone
    result: NDArray[np.uint32] = state ^ (state >> np.uint32(11)) ^ (state >> np.uint32(22))
    return result


def torch_normal(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """PyTorch's standard normal samples from a row of output words."""
    state = np.zeros(1, dtype=STATE)
    state["left"], state["seeded"], state["taken"] = 624 - SKIPPED + 1, 1, SKIPPED
    state["words"][0, SKIPPED : SKIPPED + words.size] = untempered(words)
    generator = torch.Generator()
    generator.set_state(torch.from_numpy(np.frombuffer(state.tobytes(), dtype=np.uint8).copy()))
    result: NDArray[np.float32] = torch.empty(words.size).normal_(generator=generator).numpy()
    return result


def main() -> int:
    """Count the samples that differ; 0 if none does."""
    assert Generator(0).state().size == STATE.itemsize
    every = np.arange(1 << BITS, dtype=np.uint32)
    different = 0
    for turn in range(ROUNDS):
        # Odd multipliers permute the numbers: each round pairs every radius with another angle.
        radii = (every * np.uint32(2 * turn + 1)) & np.uint32((1 << BITS) - 1)
        angles = (every * np.uint32(40503 + 2 * turn)) & np.uint32((1 << BITS) - 1)
        words = np.concatenate((radii.reshape(-1, 8), angles.reshape(-1, 8)), axis=1)
        uniforms = words.astype(np.float32) * np.float32(2.0**-BITS)
        mine = blocks(uniforms.reshape(-1), 0.0, 1.0).reshape(words.shape)
        for start in range(0, len(words), BLOCKS):
            theirs = torch_normal(words[start : start + BLOCKS].reshape(-1))
            ours = mine[start : start + BLOCKS].reshape(-1)
            different += int(np.count_nonzero(ours.view(np.uint32) != theirs.view(np.uint32)))
        print(f"round {turn + 1} of {ROUNDS}: {different} samples differ", flush=True)
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
