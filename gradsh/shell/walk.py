"""Going through pages of text key by key, forward and back."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl

from gradsh.session.interrupts import install
from gradsh.shell.style import STYLE

_FORWARD = ("right", "down", " ", "enter", "n", "pagedown")
_BACK = ("left", "up", "backspace", "b", "p", "pageup")
_END = ("q", "escape", "c-c", "c-d")


class Walk:
    """Where the user is in the pages."""

    def __init__(self, pages: Sequence[str]) -> None:
        self.pages = pages
        self.current = 0

    def move(self, by: int) -> None:
        """Go so many pages on, but not beyond the first or the last."""
        self.current = min(max(self.current + by, 0), len(self.pages) - 1)

    def text(self) -> StyleAndTextTuples:
        """The page, and under it which one it is and what the keys do."""
        place = f"{self.current + 1} of {len(self.pages)}"
        keys = "right or space: on, left: back, home, end, q: leave"
        return [("", self.pages[self.current] + "\n"), ("class:continuation", f"{place}  {keys}")]


def walk_through(pages: Sequence[str]) -> int:
    """Show one page at a time on the terminal; the number of the one at which the user leaves."""
    walk = Walk(pages)
    keys = KeyBindings()

    def bind(names: Sequence[str], by: int) -> None:
        for name in names:
            keys.add(name)(lambda event: walk.move(by))

    bind(_FORWARD, 1)
    bind(_BACK, -1)
    bind(("home",), -len(pages))
    bind(("end",), len(pages))

    def leave(event: KeyPressEvent) -> None:
        event.app.exit()

    for name in _END:
        keys.add(name, eager=True)(leave)
    application: Application[None] = Application(
        layout=Layout(Window(FormattedTextControl(walk.text, show_cursor=False), wrap_lines=True)),
        key_bindings=keys,
        style=STYLE,
        erase_when_done=True,
    )
    try:
        application.run()
    finally:
        install()  # prompt_toolkit leaves SIGINT as it found it only when it leaves in order
    return walk.current
