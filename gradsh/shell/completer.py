"""Completion at the cursor: names, attributes after a dot, keyword arguments inside a call,
words of the language where they may stand, settings, file names. Nothing is evaluated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from inspect import Parameter
from typing import NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from gradsh.display.tables import bytes_text
from gradsh.language import tokenize, words_after
from gradsh.shell.calls import call_at, dotted_name
from gradsh.shell.descriptions import default_text
from gradsh.shell.names import Names, word_description

_WORD = re.compile(r"\w*\Z")
_PATH = re.compile(
    r"""(?: \bload \s* \( \s* | \bsave \s* \( [^"']* , \s* | \b(?:run|session|to) \s* \(? \s* )
        (?P<quote>["'])(?P<path>[^"'\n]*)\Z""",
    re.VERBOSE,
)
_SETTING = re.compile(r"(?:\A|[\n;{<])[ \t]*set[ \t]+(?:(?P<name>\w+)[ \t]+)?\w*\Z")
_HELP = re.compile(r"(?:\A|[\n;{<])[ \t]*(?:help[ \t]*\(?[ \t]*|\?[ \t]*)\Z")


class Candidate(NamedTuple):
    """What may stand at the cursor, and what gives the line that is shown beside it."""

    text: str
    describe: Callable[[], str]


class GradshCompleter(Completer):
    """Completes from the names that it is given."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """The completions at the cursor, best first."""
        before = document.text_before_cursor
        start, candidates = self.candidates(before)
        for text, description in candidates:
            # the menu asks for a description only where it shows one, but then again and again
            meta = cache(description)
            yield Completion(text, start_position=start - len(before), display_meta=meta)

    def candidates(self, before: str) -> tuple[int, list[Candidate]]:
        """Where the word before the cursor starts, and what it may become."""
        path = _PATH.search(before)
        if path is not None:
            return path.start("path"), paths(path["path"])
        match = _WORD.search(before)
        assert match is not None
        word, start = match[0], match.start()
        if word[:1].isdigit() or _in_text_or_comment(before):
            return start, []
        private = word.startswith("_")
        return start, [
            candidate
            for candidate in self._possible(before, before[:start])
            if candidate.text.startswith(word)
            and candidate.text != word
            and candidate.text.startswith("_") == private
        ]

    def _possible(self, before: str, upto: str) -> Iterator[Candidate]:
        """What may stand after the text `upto`, whatever the letters of the word are."""
        setting = _SETTING.search(before)
        if setting is not None:
            yield from self._settings(setting["name"])
            return
        receiver = receiver_before(upto)
        if receiver is not None:
            for name in self._names.attributes(receiver):
                yield Candidate(name, partial(self._names.description, receiver, name))
            return
        if _HELP.search(upto):
            for name in self._names.helped():
                yield Candidate(name, partial(self._names.help_line, name))
            return
        words, takes_name = words_after(upto)
        if takes_name:
            yield from self._keywords(upto)
            for name in self._names.all():
                yield Candidate(name, partial(self._names.description, None, name))
        for word in sorted(words):
            if not (takes_name and self._names.is_builtin(word)):
                yield Candidate(word, partial(word_description, word))

    def _keywords(self, upto: str) -> Iterator[Candidate]:
        """The keyword arguments that may be given where a text ends."""
        call = call_at(upto, len(upto))
        if call is None or not call.direct or call.keyword or upto.rstrip()[-1:] not in "(,":
            return
        for position, parameter in enumerate(self._names.parameters(call.callee)):
            only_by_name = parameter.kind is Parameter.KEYWORD_ONLY
            open_yet = only_by_name or (
                parameter.kind is Parameter.POSITIONAL_OR_KEYWORD and position >= call.position
            )
            if open_yet and parameter.name not in call.keywords:
                yield Candidate(parameter.name + "=", partial(_default, parameter))

    def _settings(self, name: str | None) -> Iterator[Candidate]:
        if name is not None:
            for word in self._names.setting_words(name):
                yield Candidate(word, str)
            return
        for setting, value in self._names.settings().items():
            yield Candidate(setting, partial(str, value))


def receiver_before(before: str) -> str | None:
    """What stands before the dot at the end of a text: dotted names, "" for any other expression.

    None if the text does not end with such a dot.
    """
    tokens = [token for token in tokenize(before) if token.kind != "newline"]
    if not tokens or tokens[-1].text != ".":
        return None
    name = dotted_name(tokens, len(tokens) - 1)
    return "" if name.startswith(".") else name


def paths(prefix: str) -> list[Candidate]:
    """The paths that begin with `prefix`, folders first and ending with a slash."""
    folder, name = os.path.split(prefix)
    head = prefix[: len(prefix) - len(name)]
    folders, files = [], []
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                if not entry.name.startswith(name) or entry.name.startswith(".") > bool(name):
                    continue
                if entry.is_dir():
                    folders.append(Candidate(head + entry.name + "/", partial(str, "folder")))
                else:
                    files.append(Candidate(head + entry.name, partial(_size, entry)))
    except OSError:
        return []
    return sorted(folders, key=_text) + sorted(files, key=_text)


def _text(candidate: Candidate) -> str:
    return candidate.text


def _size(entry: os.DirEntry[str]) -> str:
    try:
        return bytes_text(entry.stat().st_size)
    except OSError:
        return ""


def _default(parameter: Parameter) -> str:
    if parameter.default is parameter.empty:
        return "must be given"
    return f"by default {default_text(parameter.default)}"


def _in_text_or_comment(before: str) -> bool:
    """Whether a text ends inside a string or a comment."""
    line_start = before.rfind("\n") + 1
    return any(
        (token.kind == "error" and token.text[:1] in ("'", '"') and token.start >= line_start)
        or (token.kind == "comment" and token.end == len(before))
        for token in tokenize(before)
    )
