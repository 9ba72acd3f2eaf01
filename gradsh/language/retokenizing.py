"""Cutting a text into tokens again after a small change, as an editor does at every key.

Before each line the state of the reader is kept. Only the lines around the change are then cut
anew: from a line that has not changed, up to one at which the reader comes into the state that it
was in there before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gradsh.language.highlighting import Recognizer, Token, tokens_from


class _Mark(NamedTuple):
    """The reader's state at a position: before it stand so many tokens."""

    position: int
    before: int
    state: Any


class Tokenizer:
    """Gives the tokens of one text after another, quickly if the next is like the last one."""

    __slots__ = ("_marks", "_text", "_tokens")

    def __init__(self) -> None:
        self._text = ""
        self._tokens: list[Token] = []
        self._marks: list[_Mark] = []

    def tokens(self, text: str) -> list[Token]:
        """The tokens of a text, as `tokenize` gives them. The list is not to be changed."""
        old, marks, tokens = self._text, self._marks, self._tokens
        if text == old:
            return tokens
        same = _common(old, text)
        line = text.rfind("\n", 0, same)
        kept = [mark for mark in marks if mark.position <= line]
        start = kept[-1] if kept else None
        # what follows the change, from the second line on
        behind = _common(old[same:][::-1], text[same:][::-1])
        line = old.find("\n", len(old) - behind)
        moved = len(text) - len(old)
        later = {} if line < 0 else {mark.position + moved: mark for mark in marks}
        cut: list[Token] = [] if start is None else tokens[: start.before]
        recognizer = Recognizer()
        if start is not None:
            recognizer.restore(start.state)
        for token in tokens_from(text, None if start is None else start.position, recognizer):
            if not isinstance(token, int):
                cut.append(token)
                continue
            mark = _Mark(token, len(cut), recognizer.snapshot())
            met = later.get(token)
            if met is not None and met.position > line >= 0 and met.state == mark.state:
                shift = len(cut) - met.before
                cut += [token.moved(moved) for token in tokens[met.before :]]
                kept += [
                    _Mark(m.position + moved, m.before + shift, m.state)
                    for m in marks
                    if m.position >= met.position
                ]
                break
            kept.append(mark)
        self._text, self._marks, self._tokens = text, kept, cut
        return cut


def _common(first: str, second: str) -> int:
    """How many characters two texts have in common at their beginning."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
