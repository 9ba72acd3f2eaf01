"""Pasted text as an entry: line ends, tabs, and the prompts of other shells."""

from __future__ import annotations

import re

from gradsh.shell.indentation import STEP

_PROMPT = re.compile(r"[ \t]*(?:>>>|In \[\d+\]:)(?: |$)")
_CONTINUATION = re.compile(r"[ \t]*\.{3,}:?(?: |$)")
_BEGINS_SESSION = re.compile(r"^[ \t]*(?:>>> |In \[\d+\]: )[ \t]*\S", re.MULTILINE)


def pasted(text: str) -> str:
    """A pasted text as it is to stand in an entry."""
    return without_prompts(text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(STEP))


def without_prompts(text: str) -> str:
    """What was entered in a session of Python, IPython or gradsh, without what it showed.

    A text without such prompts stays as it is. The first line is one that was entered even
    without a prompt, as the selection may have begun behind it.
    """
    if not _BEGINS_SESSION.search(text):
        return text
    entered = []
    for number, line in enumerate(text.split("\n")):
        prompt = _PROMPT.match(line) or _CONTINUATION.match(line)
        if prompt is not None:
            entered.append(line[prompt.end() :])
        elif not number:
            entered.append(line)
    return "\n".join(line for line in entered if line.strip())


def begins_session(line: str) -> bool:
    """Whether a line begins with the prompt of a session that it was copied from."""
    return _BEGINS_SESSION.match(line) is not None


def without_prompt(line: str) -> str:
    """One line that was entered in a session, without the prompt before it."""
    prompt = _PROMPT.match(line) or _CONTINUATION.match(line)
    return line if prompt is None else line[prompt.end() :]
