"""Reading the command line, and what it asks for without a program."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

import pytest

from gradsh import __version__
from gradsh.options import OPTIONS, Invocation, UsageError, help_text, parse

RunGradsh = Callable[..., "subprocess.CompletedProcess[str]"]


def read(line: str) -> Invocation:
    return parse(line.split())


def test_the_first_word_that_is_no_option_is_the_file() -> None:
    invocation = read("--json file.grad -c --json -- x")
    assert invocation.file == "file.grad"
    assert invocation.arguments == ["-c", "--json", "--", "x"]
    assert invocation.flags == {"json"}


def test_with_a_text_it_is_an_argument() -> None:
    invocation = read("-c one -c two three -c four")
    assert invocation.texts == ["one", "two"]
    assert invocation.file is None
    assert invocation.arguments == ["three", "-c", "four"]


@pytest.mark.parametrize(
    ("line", "file", "arguments"),
    [
        ("", None, []),
        ("-", "-", []),
        ("- a", "-", ["a"]),
        ("-- --json", "--json", []),
        ("-- -", "-", []),
        ("-c 1 -- --json", None, ["--json"]),
    ],
)
def test_dashes(line: str, file: str | None, arguments: list[str]) -> None:
    invocation = read(line)
    assert (invocation.file, invocation.arguments) == (file, arguments)


def test_short_options_may_be_joined_and_values_attached() -> None:
    assert read("-iq f").flags == {"interactive", "quiet"}
    assert read("-qcx").texts == ["x"]
    assert read("-c-1").texts == ["-1"]
    assert read("-c --json").texts == ["--json"]


def test_settings_keep_their_order() -> None:
    invocation = read("--set precision=3 --set=profile=full")
    assert invocation.settings == [("precision", "3"), ("profile", "full")]


def test_a_value_may_be_empty() -> None:
    assert parse(["-c", ""]).texts == [""]


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("--jsn", "unknown option --jsn", "did you mean --json?"),
        ("--keepgoing f", "unknown option --keepgoing", "did you mean --keep-going?"),
        ("-x", "unknown option -x", None),
        ("-qx", "unknown option -x in -qx", None),
        ("--json=1", "--json takes no value", None),
        ("-c", "-c needs TEXT after it", None),
        ("--set", "--set needs KEY=VALUE after it", None),
        ("--set precision", "--set takes KEY=VALUE, not 'precision'", None),
        ("--set =3", "--set takes KEY=VALUE, not '=3'", None),
    ],
)
def test_wrong_command_lines(line: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$") as caught:
        read(line)
    assert caught.value.hint == (hint or "`gradsh --help` lists the options")


def test_help_has_every_option_in_lines_that_fit_a_terminal() -> None:
    text = help_text()
    for option in OPTIONS:
        assert ", ".join(option.names) in text
        assert option.summary in text
    assert max(map(len, text.splitlines())) <= 100


def test_help_and_version_are_said_on_standard_output(run_gradsh: RunGradsh) -> None:
    for flag in ("-h", "--help"):
        done = run_gradsh(flag)
        assert (done.returncode, done.stdout, done.stderr) == (0, help_text(), "")
    for flag in ("-V", "--version"):
        done = run_gradsh(flag)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"gradsh {__version__}\n", "")


def test_a_wrong_command_line_exits_with_2(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("--jsn", "-c", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gradsh: unknown option --jsn\nhint: did you mean --json?\n"


def test_set(run_gradsh: RunGradsh) -> None:
    done = run_gradsh(
        "--set", "precision=2", "--set=sci_mode=true", "--set", "default_dtype=float64",
        "-c", "[1.5]",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "tensor([1.50e+00])\n")


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("precison=3", "there is no setting 'precison'\nhint: did you mean `precision`?"),
        ("precision=lots", "Format specifier missing precision"),
        ("profile=long", "profile must be one of default, short, full; got 'long'"),
        ("default_dtype=int", "only floating-point types are supported as the default type"),
        ("edgeitems=-1", "edgeitems must not be negative"),
    ],
)
def test_a_wrong_setting_exits_with_2(run_gradsh: RunGradsh, setting: str, complaint: str) -> None:
    done = run_gradsh("--set", setting, "-c", "print 1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gradsh: --set {setting}: {complaint}")


def test_json_has_one_object_for_each_value(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("--json", "-c", "x = ones(2) grad; x * 2; none; print 1, f'two'; nan")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert list(objects[0]) == [
        "name", "kind", "dtype", "shape", "data", "requires_grad", "grad_fn",
    ]  # fmt: skip
    assert objects[0] == {
        "name": None,
        "kind": "tensor",
        "dtype": "float32",
        "shape": [2],
        "data": [2.0, 2.0],
        "requires_grad": True,
        "grad_fn": "MulBackward0",
    }
    assert [(thing["kind"], thing["data"]) for thing in objects[1:]] == [
        ("number", 1),
        ("text", "two"),
        ("number", "nan"),
    ]


def test_safe_refuses_what_touches_files(run_gradsh: RunGradsh) -> None:
    for statement in (
        'run "a.grad"',
        'save session "s"',
        'load session "s"',
        'graph 1 to "g.svg"',
        'plot 1 to "p.svg"',
        'show 1 to "s.svg"',
    ):
        done = run_gradsh("--safe", "-c", statement)
        assert done.returncode == 1
        assert "may not be used here" in done.stderr
        assert "--safe" in done.stderr
