"""The shell's colours: those of the terminal's own palette, and greys.

Where the background is not known, only what can be read on a light and on a dark one.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from prompt_toolkit.styles import BaseStyle, DynamicStyle, Style

from gradsh.display.themes import background

_ANY: Final = {
    "prompt": "bold ansigreen",
    "grey": "#808080",
    "word": "bold ansimagenta",
    "number": "ansicyan",
    "text": "ansigreen",
    "error": "ansired",
    "builtin": "ansibrightblue",
}
_LIGHT: Final = _ANY | {"grey": "#6c6c6c", "builtin": "ansiblue"}
_DARK: Final = _ANY | {
    "prompt": "bold ansibrightgreen",
    "grey": "#949494",
    "word": "bold ansibrightmagenta",
    "number": "ansibrightcyan",
    "text": "ansibrightgreen",
    "error": "ansibrightred",
}


@cache
def style_on(background: str | None) -> Style:
    """The colours for a "light" or "dark" background, or for one that is not known."""
    colours = {"light": _LIGHT, "dark": _DARK}.get(background or "", _ANY)
    grey, error = colours["grey"], colours["error"]
    return Style.from_dict(
        {
            "prompt": colours["prompt"],
            "continuation": grey,
            "gradsh.keyword": colours["word"],
            "gradsh.command": colours["word"],
            "gradsh.number": colours["number"],
            "gradsh.string": colours["text"],
            "gradsh.comment": f"italic {grey}",
            "gradsh.error": error,
            "gradsh.builtin": colours["builtin"],
            "gradsh.unknown": f"underline {error}",
            "gradsh.mismatch": "bold ansiwhite bg:ansired",
            "auto-suggestion": grey,
            "bottom-toolbar": f"noreverse {grey}",
            "toolbar.argument": "bold underline",
            "toolbar.shape": "bold",
            "toolbar.mismatch": error,
            "matching-bracket.cursor": "bold underline",
            "matching-bracket.other": "bold underline",
            "completion-menu": "bg:ansigray ansiblack",
            "completion-menu.completion.current": "noreverse bg:ansiblue ansiwhite",
            "completion-menu.meta.completion": "bg:ansigray ansiblack",
            "completion-menu.meta.completion.current": "noreverse bg:ansiblue ansiwhite",
            "scrollbar.background": "bg:ansigray",
            "scrollbar.button": "bg:ansibrightblack",
        }
    )


STYLE: BaseStyle = DynamicStyle(lambda: style_on(background()))
"""The colours for the background as it is now."""
