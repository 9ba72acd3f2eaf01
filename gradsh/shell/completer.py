"""Completion at the cursor: names, attributes after a dot, file names. Nothing is evaluated."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from gradsh.language import tokenize

GetNames = Callable[[], Iterable[str]]
GetAttributes = Callable[[str], Iterable[str]]

_WORD = re.compile(r"\w*\Z")
_PATH = re.compile(
    r"""(?: \bload \s* \( \s* | \bsave \s* \( [^"]* , \s* | \b(?:run|session|to) \s* \(? \s* )
        "(?P<path>[^"\n]*)\Z""",
    re.VERBOSE,
)


class GradshCompleter(Completer):
    """Completes from what it is given.

    `names` gives all names and words, the likeliest first; `attributes` those of what stands
    before a dot, as text.
    """

    def __init__(self, names: GetNames, attributes: GetAttributes) -> None:
        self._names = names
        self._attributes = attributes

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """The completions at the cursor, best first."""
        before = document.text_before_cursor
        start, candidates = self.candidates(before)
        for candidate in candidates:
            yield Completion(candidate, start_position=start - len(before))

    def candidates(self, before: str) -> tuple[int, list[str]]:
        """Where the word before the cursor starts, and what it may become."""
        path = _PATH.search(before)
        if path is not None:
            return path.start("path"), paths(path["path"])
        match = _WORD.search(before)
        assert match is not None
        word, start = match[0], match.start()
        if word[:1].isdigit() or _in_text_or_comment(before):
            return start, []
        receiver = receiver_before(before[:start])
        known = self._names() if receiver is None else self._attributes(receiver)
        private = word.startswith("_")
        return start, [
            name
            for name in known
            if name.startswith(word) and name != word and name.startswith("_") == private
        ]


def receiver_before(before: str) -> str | None:
    """What stands before the dot at the end of a text: dotted names, "" for any other expression.

    None if the text does not end with such a dot.
    """
    tokens = [token for token in tokenize(before) if token.kind != "newline"]
    if not tokens or tokens[-1].text != ".":
        return None
    parts: list[str] = []
    index = len(tokens) - 2
    while index >= 0 and tokens[index].kind in ("name", "command"):
        parts.append(tokens[index].text)
        if index == 0 or tokens[index - 1].text != ".":
            return ".".join(reversed(parts))
        index -= 2
    return ""


def paths(prefix: str) -> list[str]:
    """The paths that begin with `prefix`, folders first and ending with a slash."""
    folder, name = os.path.split(prefix)
    try:
        with os.scandir(folder or ".") as entries:
            found = [
                (not entry.is_dir(), entry.name + "/" * entry.is_dir())
                for entry in entries
                if entry.name.startswith(name) and entry.name.startswith(".") <= bool(name)
            ]
    except OSError:
        return []
    head = prefix[: len(prefix) - len(name)]
    return [head + entry for _, entry in sorted(found)]


def _in_text_or_comment(before: str) -> bool:
    """Whether a text ends inside a string or a comment."""
    line_start = before.rfind("\n") + 1
    return any(
        (token.kind == "error" and token.text[:1] in ("'", '"') and token.start >= line_start)
        or (token.kind == "comment" and token.end == len(before))
        for token in tokenize(before)
    )
