"""Whether the terminal's background is light or dark, as far as that is known."""

from __future__ import annotations

import os
from typing import Final

THEMES: Final = ("auto", "light", "dark")
_LIGHT: Final = ("7", "15")


class Colours:
    """Which colours are used: `theme` is one of THEMES."""

    __slots__ = ("theme",)

    def __init__(self) -> None:
        self.theme = "auto"


COLOURS: Final = Colours()
"""What `set theme` changes."""


def background() -> str | None:
    """What is set, or what the terminal says in COLORFGBG: "light" or "dark".

    None where neither says; then only colours are right that can be read on both. The terminal is
    not asked with an escape code: its answer would come among the keys that the user types.
    """
    if COLOURS.theme != "auto":
        return COLOURS.theme
    colour = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    if not colour.isdigit():
        return None
    return "light" if colour in _LIGHT else "dark"
