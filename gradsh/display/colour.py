"""The text of a value with colour, for a terminal.

Colour never changes the text: without its styles it is byte for byte the plain text, and rich
neither wraps nor crops it. Whether there is colour at all is decided by rich's Console, which
knows NO_COLOR, TERM=dumb and streams that are no terminal. Only the eight colours of the
terminal's own palette are used, so that the text can be read on every background.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.text import Text

from gradsh.display.themes import background

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["STYLES", "styled", "write"]

STYLES = {
    "frame": "dim",
    "dtype": "dim",
    "size": "dim",
    "gap": "dim",
    "grad_fn": "bold magenta",
    "requires_grad": "bold green",
    "number": "cyan",
    "constant": "blue",
    "quoted": "green",
    "field": "bold",
}
"""The style of each part of a text, for a background that is not known."""

_ON_DARK = {
    "grad_fn": "bold bright_magenta",
    "requires_grad": "bold bright_green",
    "number": "bright_cyan",
    "constant": "bright_blue",
    "quoted": "bright_green",
}

_PARTS = re.compile(
    r"""
      (?P<quoted> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" )
    | (?P<grad_fn> grad_fn=<[^>\n]*> | <?\b\w+Backwards?\d*\b>? | <?AccumulateGrad>? )
    | (?P<requires_grad> requires_grad=True )
    | (?P<size> size=\([\d,\ ]*\) )
    | (?P<frame> tensor\( | torch\.Size\( | torch\.return_types\.\w+\( )
    | (?P<dtype> (?:dtype=)?torch\.\w+ )
    | (?P<field> ^\w+(?==) )
    | (?P<constant> \b(?:True|False|None)\b )
    | (?P<gap> \.\.\. )
    | (?P<number> (?:(?<![\w.])|(?=[-+])) [-+]? (?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan) j? (?!\w) )
    | (?P<opening> \( )
    | (?P<closing> \) )
    """,
    re.VERBOSE | re.MULTILINE,
)
_CONTROL = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]")
_LONGEST = 200_000


def styled(text: str, value: object) -> Text:
    """`text`, the text of `value`, as rich Text.

    A text of the user's own, and one that is too long to be read anyway, has no styles.
    """
    result = Text(text)
    if (isinstance(value, str) and text == value) or len(text) > _LONGEST:
        return result
    styles = STYLES | _ON_DARK if background() == "dark" else STYLES
    is_frame: list[bool] = []
    for part in _PARTS.finditer(text):
        name = part.lastgroup or ""
        if name in ("opening", "frame"):
            is_frame.append(name == "frame")
        elif name == "closing" and is_frame and is_frame.pop():
            name = "frame"
        style = styles.get(name)
        if style is not None:
            result.stylize(style, *part.span())
    return result


def write(console: Console, text: str, value: object) -> None:
    """Print `text`, the text of `value`, and a line end, to a console.

    A value that has a form of its own for a terminal is printed in that form. rich leaves out some
    control characters and replaces tabs; a text that has any is written as it is.
    """
    if hasattr(value, "__rich__"):
        console.print(value, soft_wrap=False, highlight=False, markup=False)
    elif _CONTROL.search(text):
        console.file.write(text + "\n")
    else:
        console.print(styled(text, value), soft_wrap=True, highlight=False, markup=False)
