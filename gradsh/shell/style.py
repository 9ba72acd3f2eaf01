"""The shell's colours.

Only colours of the terminal's own palette that can be read on a light and on a dark background,
and a grey that lies between the two.
"""

from __future__ import annotations

from prompt_toolkit.styles import Style

GREY = "#808080"

STYLE = Style.from_dict(
    {
        "prompt": "bold ansigreen",
        "continuation": GREY,
        "gradsh.keyword": "bold ansimagenta",
        "gradsh.command": "bold ansimagenta",
        "gradsh.number": "ansicyan",
        "gradsh.string": "ansigreen",
        "gradsh.comment": f"italic {GREY}",
        "gradsh.error": "ansired",
        "gradsh.builtin": "ansibrightblue",
        "gradsh.unknown": "underline ansired",
        "gradsh.mismatch": "bold ansiwhite bg:ansired",
        "auto-suggestion": GREY,
        "bottom-toolbar": f"noreverse {GREY}",
        "toolbar.argument": "bold underline",
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
