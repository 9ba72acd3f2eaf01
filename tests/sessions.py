"""Programs run in a session, for tests that look at what they show."""

from __future__ import annotations

from typing import Any

from gradsh.session import Output, Session


class Collected(Output):
    """An output that keeps the text it gets."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def output_of(text: str, **settings: Any) -> str:
    """What a program shows and prints, in a session of its own."""
    output = Collected()
    Session(output, **settings).run(text)
    return output.text
