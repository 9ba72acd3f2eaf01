"""The Mersenne Twister, MT19937, as a stream of 32-bit words.

The recurrence, the seeding and the tempering are those of Matsumoto and Nishimura, "Mersenne
Twister: a 623-dimensionally equidistributed uniform pseudo-random number generator" (1998), with
their `init_genrand` of 2002. numpy has the same generator in C, but importing `numpy.random` takes
longer than making a hundred thousand words here, so a program that draws little never imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.random import RandomState
    from numpy.typing import NDArray

LENGTH: Final = 624
MIDDLE: Final = 397
_HIGH_BIT: Final = np.uint32(0x80000000)
_LOW_BITS: Final = np.uint32(0x7FFFFFFF)
_MATRIX: Final = np.uint32(0x9908B0DF)
_ONE: Final = np.uint32(1)
# Words made here before numpy.random is imported: about what the import itself costs.
PATIENCE: Final = 400_000
# Below this many words, handing the state to numpy.random and back costs more than it saves.
BULK: Final = 2 * LENGTH


def seeded_key(seed: int) -> NDArray[np.uint32]:
    """The state that `init_genrand` makes from the low 32 bits of `seed`."""
    word = seed & 0xFFFFFFFF
    words = [word]
    for index in range(1, LENGTH):
        word = (1812433253 * (word ^ (word >> 30)) + index) & 0xFFFFFFFF
        words.append(word)
    return np.array(words, dtype=np.uint32)


def twisted(key: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The state after `key`: the recurrence applied to all 624 words.

    A new word depends on the new word 227 places before it, so it takes three strides.
    """
    mixed = (key[:-1] & _HIGH_BIT) | (key[1:] & _LOW_BITS)
    mixed >>= _ONE
    mixed ^= (key[1:] & _ONE) * _MATRIX
    stride = LENGTH - MIDDLE
    fresh = np.empty_like(key)
    np.bitwise_xor(key[MIDDLE:], mixed[:stride], out=fresh[:stride])
    np.bitwise_xor(fresh[:stride], mixed[stride : 2 * stride], out=fresh[stride : 2 * stride])
    rest = slice(2 * stride, LENGTH - 1)
    np.bitwise_xor(fresh[stride : MIDDLE - 1], mixed[rest], out=fresh[rest])
    last = ((key[-1] & _HIGH_BIT) | (fresh[0] & _LOW_BITS)) >> _ONE
    fresh[-1] = fresh[MIDDLE - 1] ^ last ^ (fresh[0] & _ONE) * _MATRIX
    return fresh


def tempered(key: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The output words of the state `key`."""
    words = key ^ (key >> np.uint32(11))
    words ^= (words << np.uint32(7)) & np.uint32(0x9D2C5680)
    words ^= (words << np.uint32(15)) & np.uint32(0xEFC60000)
    words ^= words >> np.uint32(18)
    return words


class MersenneTwister:
    """A stream of 32-bit words that starts from a seed.

    `key` is the state that the words now given come from, `position` how many of its 624 words
    have been given, `fresh` whether none has been given since it was seeded.
    """

    __slots__ = ("_bulk", "_made", "_outputs", "fresh", "key", "position")

    _bulk: RandomState | None

    def __init__(self, seed: int) -> None:
        self._bulk = None
        self._made = 0
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start the stream that belongs to the low 32 bits of `seed`."""
        self.restore(seeded_key(seed), LENGTH, fresh=True)

    def restore(self, key: NDArray[np.uint32], position: int, fresh: bool = False) -> None:
        """Go on from a state that was read from `key`, `position` and `fresh` earlier."""
        self.key = key
        self.position = position
        self.fresh = fresh
        self._outputs: NDArray[np.uint32] | None = None

    def words(self, count: int) -> NDArray[np.uint32]:
        """The next `count` words, in a new array."""
        if count == 0:
            return np.empty(0, dtype=np.uint32)
        start, end = self.position, self.position + count
        if end <= LENGTH:
            self.position = end
            return self._block()[start:end].copy()
        if count >= BULK and (self._bulk is not None or self._made + count > PATIENCE):
            return self._bulk_words(count)
        self._made += count
        result = np.empty(count, dtype=np.uint32)
        filled = 0
        while filled < count:
            if self.position == LENGTH:
                self.restore(twisted(self.key), 0)
            start = self.position
            taken = min(LENGTH - start, count - filled)
            result[filled : filled + taken] = self._block()[start : start + taken]
            self.position += taken
            filled += taken
        return result

    def _block(self) -> NDArray[np.uint32]:
        if self._outputs is None:
            self._outputs = tempered(self.key)
        return self._outputs

    def _bulk_words(self, count: int) -> NDArray[np.uint32]:
        if self._bulk is None:
            # Imported on the first large draw only: it would double the engine's start-up time.
            from numpy.random import MT19937, RandomState

            self._bulk = RandomState(MT19937(0))
        bulk = self._bulk
        bulk.set_state(("MT19937", self.key, self.position, 0, 0.0))
        words = bulk.randint(0, 1 << 32, count, dtype=np.uint32)
        _, key, position, *_ = bulk.get_state(legacy=True)
        self.restore(np.asarray(key, dtype=np.uint32), int(position))
        return words
