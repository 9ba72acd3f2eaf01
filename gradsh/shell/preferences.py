"""The shell's own settings.

They are declared when this is imported, which loads nothing of the shell: `--set` knows them so.
"""

from __future__ import annotations

from typing import Any

from gradsh.session.settings import Setting, declare

EDITING_MODES = ("emacs", "vi")


class Preferences:
    """What `set` changes of the shell: `toolbar` and `editing_mode`."""

    __slots__ = ("editing_mode", "toolbar")

    def __init__(self) -> None:
        self.toolbar = True
        self.editing_mode = "emacs"

    def set_toolbar(self, value: Any) -> None:
        """Show the toolbar or not. TypeError for what is neither."""
        if not isinstance(value, bool):
            raise TypeError(f"toolbar must be on or off, not {value}")
        self.toolbar = value

    def set_editing_mode(self, value: Any) -> None:
        """Edit with the keys of emacs or vi. ValueError for what is neither."""
        if value not in EDITING_MODES:
            raise ValueError(f"editing_mode must be emacs or vi, not {value}")
        self.editing_mode = value


PREFERENCES = Preferences()
"""Those of this process's shell."""

declare(Setting("toolbar", PREFERENCES.set_toolbar, lambda: PREFERENCES.toolbar))
declare(
    Setting(
        "editing_mode",
        PREFERENCES.set_editing_mode,
        lambda: PREFERENCES.editing_mode,
        words=EDITING_MODES,
    )
)
