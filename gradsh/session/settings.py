"""What `set` can set. A setting is declared once; `--set` and the messages follow from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from gradsh.display.print_options import options
from gradsh.engine.dtypes import ALIASES, DEFAULTS, DTYPES, DType, set_default_dtype

_WORDS: Final[dict[str, object]] = {
    "true": True,
    "True": True,
    "on": True,
    "false": False,
    "False": False,
    "off": False,
    "none": None,
    "None": None,
    "inf": float("inf"),
    "nan": float("nan"),
}


class Setting:
    """A setting: its `name`, how to change it, and how to ask for it (None: one cannot).

    `words` are the words of its own that it takes as a value. `change` raises TypeError or
    ValueError for a value that it does not take.
    """

    __slots__ = ("change", "current", "name", "words")

    def __init__(
        self,
        name: str,
        change: Callable[[Any], None],
        current: Callable[[], Any] | None = None,
        words: Collection[str] = (),
    ) -> None:
        self.name = name
        self.change = change
        self.current = current
        self.words = words

    def value_of(self, text: str, variables: Mapping[str, object]) -> object:
        """What a bare word, or a text on the command line, means as this setting's value."""
        if text in self.words:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text in variables:
            return variables[text]
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
        return text


SETTINGS: Final[dict[str, Setting]] = {}


def declare(setting: Setting) -> None:
    """Add a setting; a front declares those of its own."""
    SETTINGS[setting.name] = setting


def find(name: str) -> Setting:
    """The setting of a name. ValueError, with the nearest name as its hint, if there is none."""
    setting = SETTINGS.get(name)
    if setting is not None:
        return setting
    from gradsh.language.diagnostics import suggestion

    error = ValueError(f"there is no setting '{name}'")
    error.add_note(suggestion(name, set(SETTINGS)) or f"the settings are {', '.join(SETTINGS)}")
    raise error


def _print_option(name: str) -> Setting:
    return Setting(
        name, lambda value: options.change(**{name: value}), lambda: getattr(options, name)
    )


def _change_default_dtype(value: Any) -> None:
    dtype = DTYPES.get(value, ALIASES.get(value)) if isinstance(value, str) else value
    if not isinstance(dtype, DType):
        raise TypeError(f"default_dtype must be a type such as float64, not {value}")
    set_default_dtype(dtype)


for _name in options.settings():
    declare(_print_option(_name))
declare(
    Setting(
        "profile",
        lambda value: options.change(profile=value),
        words=("default", "short", "full"),
    )
)
declare(
    Setting(
        "default_dtype",
        _change_default_dtype,
        lambda: DEFAULTS.floating.name,
        words=(*DTYPES, *ALIASES),
    )
)
