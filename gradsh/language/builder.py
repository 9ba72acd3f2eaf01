"""All steps of the compiler together."""

from __future__ import annotations

from collections.abc import Callable

from gradsh.language.commands import Commands


class Builder(Commands):
    """Makes the syntax trees of one statement after another; `begin` comes before each."""

    def __init__(self, source: Callable[[], str]) -> None:
        super().__init__()
        self._source = source

    def source(self) -> str:
        """The text of the statement so far, from the start of its first line."""
        return self._source()
