"""What `set` can set. A setting is declared once; `--set` and the messages follow from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from gradsh.display.print_options import options
from gradsh.display.themes import COLOURS, THEMES
from gradsh.engine.dtypes import ALIASES, DEFAULTS, DTYPES, DType, set_default_dtype
from gradsh.session.fusion import FUSION

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

SWITCH: Final = ("on", "off")
_MOST_WORDS: Final = 4


class Setting:
    """A setting: its `name`, how to change it, and how to ask for it (None: one cannot).

    `words` are the words of its own that it takes as a value, and `summary` says in one line what
    it is for. `change` raises TypeError or ValueError for a value that it does not take.
    """

    __slots__ = ("change", "current", "name", "summary", "words")

    def __init__(
        self,
        name: str,
        change: Callable[[Any], None],
        current: Callable[[], Any] | None = None,
        words: Collection[str] = (),
        summary: str = "",
    ) -> None:
        self.name = name
        self.change = change
        self.current = current
        self.words = words
        self.summary = summary

    @property
    def value_text(self) -> str:
        """What it is now, as one would write it after `set`; "" where one cannot ask."""
        if self.current is None:
            return ""
        value = self.current()
        if isinstance(value, bool) and self.words == SWITCH:
            return SWITCH[not value]
        return str(value).lower() if value is None or isinstance(value, bool) else str(value)

    @property
    def purpose(self) -> str:
        """Its summary, and its words where they are few."""
        words = self.words if len(self.words) <= _MOST_WORDS else ()
        return f"{self.summary} ({', '.join(words)})" if words else self.summary

    def value_of(self, text: str, variables: Mapping[str, object]) -> object:
        """What a bare word, or a text on the command line, means as this setting's value."""
        if text in self.words and self.words != SWITCH:
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


def switch(owner: object, name: str, summary: str) -> Setting:
    """A setting that is on or off, kept by `owner` as its attribute `name`."""

    def change(value: Any) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be on or off, not {value}")
        setattr(owner, name, value)

    return Setting(name, change, lambda: getattr(owner, name), SWITCH, summary)


def choice(owner: object, name: str, words: Sequence[str], summary: str) -> Setting:
    """A setting that is one of some words, kept by `owner` as its attribute `name`."""

    def change(value: Any) -> None:
        if value not in words:
            raise ValueError(f"{name} must be {' or '.join(words)}, not {value}")
        setattr(owner, name, value)

    return Setting(name, change, lambda: getattr(owner, name), words, summary)


class Shown:
    """What is shown besides values: `timing`, how long each statement took, and with `show` as
    "stats" what the elements of a tensor are like.
    """

    __slots__ = ("show", "timing")

    def __init__(self) -> None:
        self.timing = False
        self.show = "plain"


SHOWN: Final = Shown()
"""What `set timing` and `set show` change, for the whole process."""


class Undo:
    """How much `undo` may hold: `limit`, in MiB."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        self.limit = 256

    @property
    def bytes(self) -> int:
        """The same in bytes."""
        return self.limit * 2**20

    def change(self, value: Any) -> None:
        """TypeError or ValueError for what is neither `off` nor a number of MiB."""
        if value in ("off", False):
            value = 0
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"undo_limit must be a number of MiB or off, not {value}")
        if value < 0:
            raise ValueError(f"undo_limit must be 0 or more, not {value}")
        self.limit = value


UNDO: Final = Undo()

_PRINT_OPTIONS: Final = {
    "precision": "digits after the point",
    "threshold": "elements that a tensor may have before it is abbreviated",
    "edgeitems": "elements at each end of an abbreviated dimension",
    "linewidth": "characters after which a row of a tensor is broken",
    "sci_mode": "numbers as 1.5000e+00: true, false, or none where the values decide",
}


def _print_option(name: str) -> Setting:
    return Setting(
        name,
        lambda value: options.change(**{name: value}),
        lambda: getattr(options, name),
        summary=_PRINT_OPTIONS[name],
    )


def _change_default_dtype(value: Any) -> None:
    dtype = DTYPES.get(value, ALIASES.get(value)) if isinstance(value, str) else value
    if not isinstance(dtype, DType):
        raise TypeError(f"default_dtype must be a type such as float64, not {value}")
    set_default_dtype(dtype)


def _change_fusion(value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"fusion must be on or off, not {value}")
    FUSION.on = value


for _name in _PRINT_OPTIONS:
    declare(_print_option(_name))
declare(
    Setting(
        "profile",
        lambda value: options.change(profile=value),
        words=("default", "short", "full"),
        summary="the five above at once",
    )
)
declare(
    Setting(
        "fusion",
        _change_fusion,
        lambda: FUSION.on,
        SWITCH,
        "expressions over large tensors are computed block by block",
    )
)
declare(
    Setting(
        "default_dtype",
        _change_default_dtype,
        lambda: DEFAULTS.floating.name,
        words=(*DTYPES, *ALIASES),
        summary="the type of new tensors of numbers with a point",
    )
)
declare(choice(COLOURS, "theme", THEMES, "colours for a light or a dark background"))
declare(switch(SHOWN, "timing", "say how long each statement took"))
declare(choice(SHOWN, "show", ("plain", "stats"), "what stands under a tensor"))
declare(
    Setting(
        "undo_limit",
        UNDO.change,
        lambda: UNDO.limit,
        ("off",),
        "how many MiB undo may hold",
    )
)
