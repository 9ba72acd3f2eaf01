"""The shell's own settings.

They are declared when this is imported, which loads nothing of the shell: `--set` knows them so.
"""

from __future__ import annotations

from gradsh.session.settings import choice, declare, switch

EDITING_MODES = ("emacs", "vi")


class Preferences:
    """What `set` changes of the shell, each setting under its own name."""

    __slots__ = ("auto_brackets", "editing_mode", "hints", "toolbar")

    def __init__(self) -> None:
        self.toolbar = True
        self.editing_mode = "emacs"
        self.auto_brackets = False
        self.hints = True


PREFERENCES = Preferences()
"""Those of this process's shell."""

declare(switch(PREFERENCES, "toolbar", "the line at the bottom of the shell"))
declare(choice(PREFERENCES, "editing_mode", EDITING_MODES, "the keys"))
declare(switch(PREFERENCES, "auto_brackets", "an opening bracket or quote brings its closing one"))
declare(switch(PREFERENCES, "hints", "a word under an entry on what is seldom meant"))
