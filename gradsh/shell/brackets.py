"""Brackets and quotes that come in pairs: what `set auto_brackets on` does to the keys."""

from __future__ import annotations

from prompt_toolkit.document import Document

PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'"}
_BEFORE = frozenset(" \t\n)]},;:>")
"""Characters before which a pair may begin, besides the end of the text."""


def partner(document: Document, opener: str) -> str | None:
    """What a typed opener brings with it at the cursor; None where it is to stand alone.

    Nothing comes before a name or a number, which the opener may be meant for, and a quote that
    stands after a letter or in a text ends one rather than begins it.
    """
    after = document.current_char
    if after and after not in _BEFORE:
        return None
    closer = PAIRS[opener]
    if opener == closer:
        before = document.char_before_cursor
        if before == opener or (before.isalnum() and not _begins_format(document)):
            return None
        if document.current_line_before_cursor.count(opener) % 2:
            return None
    return closer


def steps_over(document: Document, closer: str) -> bool:
    """Whether a typed closer is the one that stands at the cursor already."""
    return document.current_char == closer and closer in PAIRS.values()


def is_empty_pair(document: Document) -> bool:
    """Whether the cursor stands between a bracket or quote and its partner."""
    opener = document.char_before_cursor
    return bool(opener) and PAIRS.get(opener) == document.current_char


def _begins_format(document: Document) -> bool:
    """Whether the letter before the cursor is the f of a text with values."""
    line = document.current_line_before_cursor
    return line[-1:] in ("f", "F") and not line[-2:-1].isalnum()
