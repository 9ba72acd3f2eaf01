"""A stream of random words and what every distribution starts from, with its seed and its state."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from gradsh.engine.box_muller import pairs
from gradsh.engine.mersenne import LENGTH, MersenneTwister
from gradsh.engine.random_rules import INT64_MIN

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# PyTorch's CPUGeneratorImplState: the seed, how many words are left of the block, whether seeded,
# how many were taken, the 624 words, three numbers for a cached normal sample (x and rho unused),
# whether there is one, and the same for a float32 sample, which no CPU sampler uses.
_STATE: Final = struct.Struct("<QiiQ624QdddixxxxfBxxx")


class Stream:
    """A Mersenne twister with a seed, as PyTorch's CPU generator uses one.

    Without a seed it takes one from the operating system when the first number is drawn.
    """

    __slots__ = ("_engine", "_next_normal", "_seed")

    def __init__(self, seed: int | None = None) -> None:
        self._engine: MersenneTwister | None = None
        self._next_normal: float | None = None
        self._seed = 0
        if seed is not None:
            self.manual_seed(seed)

    # Seeding and state

    def manual_seed(self, seed: int) -> Self:
        """Start the stream that belongs to `seed`, from -2**63 to 2**64 - 1, and return self.

        Raises ValueError outside that range. A negative seed counts from 2**64 down.
        """
        seed = int(seed)
        if not INT64_MIN <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = seed % 2**64
        self._engine = MersenneTwister(self._seed)
        self._next_normal = None
        return self

    def seed(self) -> int:
        """Start from a seed of the operating system's, and return that seed."""
        self.manual_seed(int.from_bytes(os.urandom(7), "little") % 2**53)
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        self._twister()
        return self._seed

    def state(self) -> NDArray[np.uint8]:
        """Everything the next numbers depend on, in the 5056 bytes of `torch.get_rng_state()`."""
        engine = self._twister()
        # The twister's "none left" is written as one left: PyTorch counts before it takes.
        left = 1 if engine.position == LENGTH else LENGTH + 1 - engine.position
        packed = _STATE.pack(
            self._seed,
            left,
            1,
            0 if engine.fresh else engine.position,
            *engine.key.tolist(),
            0.0,
            0.0 if self._next_normal is None else self._next_normal,
            0.0,
            self._next_normal is not None,
            0.0,
            0,
        )
        return np.frombuffer(packed, dtype=np.uint8).copy()

    def set_state(self, state: ArrayLike) -> None:
        """Go on from where a generator was when `state()`, or `torch.get_rng_state()`, was taken.

        Raises RuntimeError if the bytes are no such state.
        """
        packed = np.asarray(state, dtype=np.uint8).tobytes()
        if len(packed) != _STATE.size:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE.size} but found the input RNG "
                f"state size to be {len(packed)}"
            )
        seed, left, seeded, taken, *rest = _STATE.unpack(packed)
        words, (_, sample, _, cached, _, _) = rest[:LENGTH], rest[LENGTH:]
        if not seeded or not 0 < left <= LENGTH or taken > LENGTH:
            raise RuntimeError("Invalid mt19937 state")
        key = np.array(words, dtype=np.uint64).astype(np.uint32)
        engine = MersenneTwister(0)
        engine.restore(key, LENGTH if left == 1 else taken, fresh=left == 1 and taken == 0)
        self._engine = engine
        self._seed = seed
        self._next_normal = sample if cached else None

    # Raw draws

    def _twister(self) -> MersenneTwister:
        if self._engine is None:
            self.seed()
        assert self._engine is not None
        return self._engine

    def _words(self, count: int) -> NDArray[np.uint32]:
        return self._twister().words(count)

    def _long_words(self, count: int) -> NDArray[np.uint64]:
        """Draws of 64 bits: two words each, the high one first."""
        words = self._words(2 * count).reshape(count, 2)
        result = words[:, 0].astype(np.uint64)
        result <<= 32
        result |= words[:, 1]
        return result

    def _singles(self, count: int) -> NDArray[np.float32]:
        """float32 numbers from 0 to below 1, of 24 bits."""
        words = self._words(count)
        words &= 0xFFFFFF
        result = words.astype(np.float32)
        result *= np.float32(2.0**-24)
        return result

    def _doubles(self, count: int) -> NDArray[np.float64]:
        """float64 numbers from 0 to below 1, of 53 bits."""
        words = self._words(2 * count).reshape(count, 2)
        result = (words[:, 0] & 0x1FFFFF).astype(np.float64)
        result *= 2.0**32
        result += words[:, 1]
        result *= 2.0**-53
        return result

    def _normals(self, count: int) -> NDArray[np.float64]:
        """Standard normal samples one after another; an odd one stays for the next call."""
        result = np.empty(count, dtype=np.float64)
        if count == 0:
            return result
        start = 0
        if self._next_normal is not None:
            result[0] = self._next_normal
            self._next_normal = None
            start = 1
        wanted = count - start
        uniforms = self._doubles(wanted + wanted % 2)
        samples = pairs(uniforms[0::2], uniforms[1::2])
        result[start:] = samples[:wanted]
        if wanted % 2:
            self._next_normal = float(samples[-1])
        return result
