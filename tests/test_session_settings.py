"""`set` and `seed`."""

from __future__ import annotations

import pytest

from gradsh.session import Fault, Session

from .sessions import Collected, output_of

pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.mark.parametrize(
    ("settings", "expression", "text"),
    [
        ("set precision 2", "[1.2345]", "tensor([1.23])"),
        ("n = 1; set precision n + 1", "[1.2345]", "tensor([1.23])"),
        ("n = 2; set precision n", "[1.2345]", "tensor([1.23])"),
        ("set sci_mode true", "[1.5]", "tensor([1.5000e+00])"),
        ("set sci_mode True; set sci_mode none", "[1.5]", "tensor([1.5000])"),
        ("set threshold 3; set edgeitems 1", "arange(9)", "tensor([0,  ..., 8])"),
        ("set threshold 3; set threshold inf", "arange(9)", "tensor([0, 1, 2, 3, 4, 5, 6, 7, 8])"),
        ("set linewidth 20", "arange(6)", "tensor([0, 1, 2, 3,\n        4, 5])"),
        ("set profile short", "[1.2345]", "tensor([1.23])"),
        ("set precision 9; set profile default", "[1.5]", "tensor([1.5000])"),
        ("set default_dtype float64", "[1.5]", "tensor([1.5000])"),
        ("set default_dtype torch.double", "ones(1).dtype", "torch.float64"),
        ("set default_dtype double; set default_dtype float", "ones(1).dtype", "torch.float32"),
    ],
)
def test_set(settings: str, expression: str, text: str) -> None:
    assert output_of(f"{settings}\n{expression}") == text + "\n"


def test_a_setting_without_a_value_is_shown() -> None:
    assert output_of("set precision; set precision 6; set precision; set sci_mode") == (
        "precision 4\nprecision 6\nsci_mode none\n"
    )
    assert output_of("set default_dtype") == "default_dtype float32\n"


@pytest.mark.parametrize(
    ("statement", "message", "hint"),
    [
        ("set precison 3", "there is no setting 'precison'", "did you mean `precision`?"),
        ("set xyzzy 3", "there is no setting 'xyzzy'", "the settings are precision, "),
        ("set precision 'a'", "Format specifier missing precision", "precision is a number"),
        ("set default_dtype int", "only floating-point types are supported as the default", None),
        ("set default_dtype 3", "default_dtype must be a type such as float64, not 3", None),
        ("set profile", "set profile needs a value", "it takes default, short, full"),
    ],
)
def test_what_cannot_be_set(statement: str, message: str, hint: str | None) -> None:
    with pytest.raises(Fault) as caught:
        output_of(f"x = 1\n{statement}")
    diagnostic = caught.value.diagnostic
    assert diagnostic.line == 2
    assert diagnostic.message.startswith(message)
    assert (diagnostic.hint or "").startswith(hint or "")
    assert output_of("[1.5]") == "tensor([1.5000])\n"


def test_seed_gives_pytorchs_numbers() -> None:
    expected = "tensor([ 1.5410, -0.2934, -2.1788])\n"
    assert output_of("seed 0\nrandn(3)") == expected
    assert output_of("n = 0; seed n; randn(3)") == expected
    assert output_of("manual_seed(0); torch.manual_seed(0)\ntorch.randn(3)") == expected


def test_a_front_declares_settings_of_its_own() -> None:
    from gradsh.session.settings import SETTINGS, Setting, declare

    colours: list[object] = ["dark"]
    declare(Setting("mood", lambda value: colours.append(value), lambda: colours[-1], ("light",)))
    try:
        assert output_of("set mood light; set mood") == "mood light\n"
        Session(Collected()).change_setting("mood", "7")
        assert colours == ["dark", "light", 7]
    finally:
        del SETTINGS["mood"]


def test_every_setting_says_what_it_is_for() -> None:
    from gradsh.session.settings import SETTINGS

    assert [name for name, setting in SETTINGS.items() if not setting.summary] == []
