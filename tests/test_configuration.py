"""The settings file, and the command `gradsh config`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from gradsh.configuration import apply_settings, config_path, template
from gradsh.display.print_options import options
from gradsh.session.settings import SETTINGS
from gradsh.shell.preferences import PREFERENCES

pytestmark = pytest.mark.usefixtures("own_settings")

RunGradsh = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_settings_are_changed_by_the_names_that_set_knows(file: Path) -> None:
    file.write_text('precision = 6\nsci_mode = "none"\nthreshold = inf\ntoolbar = "off"\n')
    try:
        given = apply_settings(file)
        assert not given.faults
        assert given.lines == {"precision": 1, "sci_mode": 2, "threshold": 3, "toolbar": 4}
        assert (options.precision, options.sci_mode, options.threshold) == (6, None, float("inf"))
        assert PREFERENCES.toolbar is False
    finally:
        PREFERENCES.toolbar = True


@pytest.mark.parametrize(
    ("content", "place", "message", "hint"),
    [
        ("precision = 5\nprecison = 3", (2, 1), "there is no setting 'precison'", "did you mean"),
        ("\n  precision = 'six'", (2, 3), "Format specifier missing precision", "precision is"),
        ('"toolbar" = 3', (1, 1), "toolbar must be on or off, not 3", ""),
        ("precision = [1]", (1, 1), "Format specifier missing precision", "precision is"),
        ("[printing]\nprecision = 3", (1, 2), "'printing' is a table", "write `precision = 6`"),
        ("# a\nprecision = ", (2, 13), "Invalid value", "a line of the file is"),
        ("precision == 3", (1, 12), "Invalid value", "a line of the file is"),
        ("theme = dark", (1, 9), "Invalid value", "a line of the file is"),
    ],
)
def test_what_is_wrong_has_its_place(
    file: Path, content: str, place: tuple[int, int], message: str, hint: str
) -> None:
    file.write_text(content)
    (fault,) = apply_settings(file).faults
    told = fault.diagnostic
    assert (told.source, told.line, told.column) == (str(file), *place)
    assert told.message.startswith(message)
    assert (told.hint or "").startswith(hint)


def test_what_is_right_counts_beside_what_is_wrong(file: Path) -> None:
    file.write_text("precison = 3\nprecision = 6\nlinewidth = -1\n")
    assert len(apply_settings(file).faults) == 2
    assert options.precision == 6


def test_no_file_gives_nothing(file: Path) -> None:
    assert apply_settings(file) == ({}, [])


def test_the_template_tells_of_every_setting_and_changes_nothing(file: Path) -> None:
    text = template()
    assert tomllib.loads(text) == {}
    uncommented = "\n".join(re.findall(r"^# (\w+ = .*)$", text, re.MULTILINE))
    file.write_text(uncommented)
    assert not apply_settings(file).faults
    assert {*tomllib.loads(uncommented)} == {*SETTINGS}


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADSH_CONFIG", str(tmp_path / "mine.toml"))
    assert config_path() == tmp_path / "mine.toml"
    monkeypatch.setenv("GRADSH_CONFIG", "")
    assert config_path() is None
    monkeypatch.delenv("GRADSH_CONFIG")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert config_path() == tmp_path / "gradsh" / "config.toml"


def test_programs_do_not_read_it(run_gradsh: RunGradsh, file: Path) -> None:
    file.write_text("precision = 6\nnonsense")
    file.with_name("startup.grad").write_text("print 1")
    done = run_gradsh("-c", "[1.23456789]", GRADSH_CONFIG=str(file))
    assert (done.stdout, done.stderr) == ("tensor([1.2346])\n", "")
    done = run_gradsh(given="[1.23456789]", GRADSH_CONFIG=str(file))
    assert (done.stdout, done.stderr) == ("tensor([1.2346])\n", "")


def test_config_path_and_show(run_gradsh: RunGradsh, file: Path) -> None:
    assert run_gradsh("config", "path", GRADSH_CONFIG=str(file)).stdout == f"{file}\n"
    file.write_text("\nprecision = 6\n")
    done = run_gradsh("config", "show", GRADSH_CONFIG=str(file))
    rows = [row.split() for row in done.stdout.splitlines()]
    assert rows[0] == [str(file)]
    assert rows[1] == [str(file.with_name("startup.grad")), "(there", "is", "none)"]
    assert ["precision", "6", "line", "2"] in rows
    assert ["toolbar", "on"] in rows
    file.write_text("precison = 6\n")
    done = run_gradsh("config", "show", GRADSH_CONFIG=str(file))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:1:1: error: there is no setting 'precison'\n")


def test_config_edit_begins_with_all_settings(run_gradsh: RunGradsh, file: Path) -> None:
    editor = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'a').write('precision = x')\""
    done = run_gradsh("config", "edit", GRADSH_CONFIG=str(file), VISUAL=editor)
    assert done.returncode == 1
    assert f"{file}:{file.read_text().count(chr(10)) + 1}:13: error: Invalid value" in done.stderr
    assert file.read_text() == template() + "precision = x"
    done = run_gradsh("config", "edit", GRADSH_CONFIG=str(file), VISUAL="", EDITOR="true")
    assert file.read_text() == template() + "precision = x"


@pytest.mark.parametrize("arguments", [(), ("paths",), ("path", "more")])
def test_config_takes_one_action(run_gradsh: RunGradsh, arguments: tuple[str, ...]) -> None:
    done = run_gradsh("config", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("gradsh: config takes one of path, edit, show\nhint: ")


def test_no_settings_file(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("config", "path", GRADSH_CONFIG="")
    assert (done.returncode, done.stdout) == (2, "")


def test_the_page_on_configuration_knows_every_setting() -> None:
    page = Path(__file__).parents[1] / "docs" / "configuration.md"
    told = re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {*SETTINGS} <= {*told}
