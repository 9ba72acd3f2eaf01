"""How tensors are printed: the five settings of `torch.set_printoptions`, checked when set."""

from __future__ import annotations

import math

__all__ = ["PrintOptions", "options"]

_LARGEST_PRECISION = 999
_LARGEST_COUNT = 2**63 - 1


def _refuse(error: Exception, hint: str) -> Exception:
    error.add_note(hint)
    return error


def _count(name: str, value: object, hint: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        kind = type(value).__name__
        raise _refuse(TypeError(f"{name} must be an integer, not {kind}"), hint)
    if not 0 <= value <= _LARGEST_COUNT:
        raise _refuse(ValueError(f"{name} must not be negative or huge, got {value}"), hint)
    return value


def _check_precision(value: object) -> int:
    hint = f"precision is a number of digits, 0 to {_LARGEST_PRECISION}"
    if isinstance(value, float):
        text = f"Invalid format specifier '.{value}f' for object of type 'float'"
        raise _refuse(ValueError(text), hint)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refuse(ValueError("Format specifier missing precision"), hint)
    if value > _LARGEST_PRECISION:
        raise _refuse(ValueError("precision too big"), hint)
    return value


def _check_threshold(value: object) -> float:
    hint = "threshold is the number of elements a tensor may have before it is abbreviated, or inf"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = type(value).__name__
        text = f"'>' not supported between instances of 'int' and '{kind}'"
        raise _refuse(TypeError(text), hint)
    if math.isnan(value) or value < 0:
        raise _refuse(ValueError(f"threshold must not be negative or nan, got {value}"), hint)
    return value


def _check_edgeitems(value: object) -> int:
    return _count("edgeitems", value, "edgeitems is how many elements stay at each end, 3 if unset")


def _check_linewidth(value: object) -> int:
    hint = "linewidth is a number of characters, 80 if unset"
    if not isinstance(value, (int, float)):
        kind = type(value).__name__
        text = f"unsupported operand type(s) for -: '{kind}' and 'int'"
        raise _refuse(TypeError(text), hint)
    return _count("linewidth", value, hint)


def _check_sci_mode(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    hint = "sci_mode is true, false, or none to let the values decide"
    raise _refuse(TypeError(f"sci_mode must be a bool, not {type(value).__name__}"), hint)


_CHECKS = {
    "precision": _check_precision,
    "threshold": _check_threshold,
    "edgeitems": _check_edgeitems,
    "linewidth": _check_linewidth,
    "sci_mode": _check_sci_mode,
}

_PROFILES: dict[str, dict[str, object]] = {
    name: {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": 80,
        "sci_mode": None,
    }
    for name, precision, threshold, edgeitems in (
        ("default", 4, 1000, 3),
        ("short", 2, 1000, 2),
        ("full", 4, math.inf, 3),
    )
}


class PrintOptions:
    """The settings that decide how a tensor is printed.

    `precision` digits after the point; more than `threshold` elements are abbreviated to
    `edgeitems` at each end of every dimension; rows are broken at `linewidth` characters;
    `sci_mode` asks for scientific notation (True, False, or None: the values decide).
    """

    __slots__ = ("edgeitems", "linewidth", "precision", "sci_mode", "threshold")

    def __init__(
        self,
        precision: int = 4,
        threshold: float = 1000,
        edgeitems: int = 3,
        linewidth: int = 80,
        sci_mode: bool | None = None,
    ) -> None:
        self.precision = _check_precision(precision)
        self.threshold = _check_threshold(threshold)
        self.edgeitems = _check_edgeitems(edgeitems)
        self.linewidth = _check_linewidth(linewidth)
        self.sci_mode = _check_sci_mode(sci_mode)

    def change(self, **settings: object) -> None:
        """Change the named settings; all are checked before any is changed.

        `profile` ("default", "short" or "full") sets all five, and the settings given with it
        override it. A setting that is not given stays (`torch.set_printoptions` would reset
        `sci_mode` each time).

        Raises TypeError for an unknown setting or a value of the wrong type, ValueError for
        a value out of range, with PyTorch's text where PyTorch refuses the value too.
        """
        checked: dict[str, object] = {}
        if "profile" in settings:
            profile = settings.pop("profile")
            if not isinstance(profile, str) or profile not in _PROFILES:
                text = f"profile must be one of {', '.join(_PROFILES)}"
                raise ValueError(f"{text}; got {profile!r}")
            checked.update(_PROFILES[profile])
        for name, value in settings.items():
            check = _CHECKS.get(name)
            if check is None:
                text = f"set_printoptions() got an unexpected keyword argument '{name}'"
                hint = f"the settings are {', '.join(_CHECKS)}, profile"
                raise _refuse(TypeError(text), hint)
            checked[name] = check(value)
        for name, value in checked.items():
            setattr(self, name, value)

    def settings(self) -> dict[str, object]:
        """The five settings by name, as `change` takes them."""
        return {name: getattr(self, name) for name in _CHECKS}

    def copy(self) -> PrintOptions:
        """The same settings in an object of their own, for a change with an end."""
        return PrintOptions(
            self.precision, self.threshold, self.edgeitems, self.linewidth, self.sci_mode
        )

    def __repr__(self) -> str:
        return f"PrintOptions({', '.join(f'{k}={v}' for k, v in self.settings().items())})"


options = PrintOptions()
"""The settings in force: what `set precision 6` changes."""
