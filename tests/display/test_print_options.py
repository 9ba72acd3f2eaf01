"""The print options: what may be set, and what is said about the rest."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gradsh.display.print_options import PrintOptions

DEFAULTS = {
    "precision": 4,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 80,
    "sci_mode": None,
}


def test_the_defaults_are_those_of_pytorch() -> None:
    assert PrintOptions().settings() == DEFAULTS
    assert repr(PrintOptions()) == (
        "PrintOptions(precision=4, threshold=1000, edgeitems=3, linewidth=80, sci_mode=None)"
    )


def test_a_change_leaves_the_other_settings() -> None:
    options = PrintOptions()
    options.change(sci_mode=True)
    options.change(precision=6, threshold=math.inf)
    assert options.settings() == DEFAULTS | {
        "precision": 6,
        "threshold": math.inf,
        "sci_mode": True,
    }


def test_a_profile_sets_everything_and_what_comes_with_it_wins() -> None:
    options = PrintOptions(precision=9, edgeitems=9, linewidth=9, sci_mode=True)
    options.change(profile="short", linewidth=100)
    assert options.settings() == DEFAULTS | {"precision": 2, "edgeitems": 2, "linewidth": 100}
    options.change(profile="full")
    assert options.settings() == DEFAULTS | {"threshold": math.inf}
    options.change(profile="default")
    assert options.settings() == DEFAULTS


def test_a_copy_is_changed_alone() -> None:
    options = PrintOptions(precision=2)
    copy = options.copy()
    copy.change(precision=8)
    assert (options.precision, copy.precision) == (2, 8)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"precision": -1}, ValueError, "Format specifier missing precision"),
        ({"precision": "6"}, ValueError, "Format specifier missing precision"),
        ({"precision": True}, ValueError, "Format specifier missing precision"),
        (
            {"precision": 2.5},
            ValueError,
            "Invalid format specifier '.2.5f' for object of type 'float'",
        ),
        ({"precision": 2**31}, ValueError, "precision too big"),
        (
            {"threshold": "a"},
            TypeError,
            "'>' not supported between instances of 'int' and 'str'",
        ),
        ({"threshold": math.nan}, ValueError, "threshold must not be negative or nan, got nan"),
        ({"edgeitems": -1}, ValueError, "edgeitems must not be negative or huge, got -1"),
        ({"edgeitems": 1.5}, TypeError, "edgeitems must be an integer, not float"),
        (
            {"linewidth": "a"},
            TypeError,
            "unsupported operand type(s) for -: 'str' and 'int'",
        ),
        ({"linewidth": 80.5}, TypeError, "linewidth must be an integer, not float"),
        ({"sci_mode": 1}, TypeError, "sci_mode must be a bool, not int"),
        (
            {"width": 1},
            TypeError,
            "set_printoptions() got an unexpected keyword argument 'width'",
        ),
    ],
)
def test_bad_values(settings: dict[str, Any], kind: type[Exception], message: str) -> None:
    options = PrintOptions()
    with pytest.raises(kind) as caught:
        options.change(**{"sci_mode": True, "threshold": 5} | settings)
    assert str(caught.value) == message
    assert caught.value.__notes__
    assert options.settings() == DEFAULTS


def test_a_bad_profile() -> None:
    with pytest.raises(ValueError, match="profile must be one of default, short, full; got 'x'"):
        PrintOptions().change(profile="x")
