"""The tokens of the entry being typed, cut once for all that look at them."""

from __future__ import annotations

from functools import lru_cache

from gradsh.language import Token, tokenize


@lru_cache(maxsize=4)
def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of a text; the highlighting and the toolbar ask for the same at each key."""
    return tuple(tokenize(text))
