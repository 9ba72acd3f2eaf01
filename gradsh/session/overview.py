"""The table of all settings, which `set` alone shows."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Any, Final

from gradsh.display import json, values
from gradsh.display.tables import aligned, rich_table
from gradsh.session.settings import SETTINGS

_HEADS: Final = ("setting", "value", "what it is for")


class Overview:
    """What `set` alone shows: every setting, what it is now, and what it is for."""

    def __init__(self) -> None:
        self._rows = [
            (setting.name, setting.value_text, setting.purpose) for setting in SETTINGS.values()
        ]

    def __str__(self) -> str:
        return aligned(_HEADS, self._rows)

    def __rich__(self) -> Any:
        return rich_table(_HEADS, self._rows, folded=2)


def _data(value: Overview) -> Iterator[str]:
    yield dumps({name: value for name, value, _ in value._rows})


values.register(Overview, Overview.__str__)
json.register(Overview, "settings", _data)
