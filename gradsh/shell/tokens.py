"""The tokens of the entry being typed, cut once for all that look at them."""

from __future__ import annotations

from collections.abc import Sequence

from gradsh.language import Token
from gradsh.language.retokenizing import Tokenizer

_tokenizer = Tokenizer()


def tokens_of(text: str) -> Sequence[Token]:
    """The tokens of a text; the highlighting and the toolbar ask for the same at each key."""
    return _tokenizer.tokens(text)
