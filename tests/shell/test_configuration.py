"""The settings file, the start-up program and the settings, on a terminal."""

from __future__ import annotations

import re
from pathlib import Path

GRADSH = ("-m", "gradsh")


def test_the_settings_file_and_the_start_up_program_come_first(open_shell, tmp_path: Path):
    (tmp_path / "config.toml").write_text("precision = 2\nprecison = 3\n")
    (tmp_path / "startup.grad").write_text('print "hello"\nundefined\nhalf = x -> x / 2\n')
    terminal = open_shell("-q", program=GRADSH, columns=120)
    rows = terminal.rows
    wrong = "config.toml:2:1: error: there is no setting 'precison'"
    assert any(row.endswith(wrong) for row in rows)
    assert "hello" in rows
    assert any("startup.grad:2:1: error: name 'undefined' is not defined" in row for row in rows)
    assert terminal.enter("half([1.2345])") == ["tensor([0.62])"]


def test_options_come_before_the_settings_file(open_shell, tmp_path: Path):
    (tmp_path / "config.toml").write_text("precision = 2\n")
    terminal = open_shell("-q", "--set", "precision=3", program=GRADSH)
    assert terminal.enter("[1.23456]") == ["tensor([1.235])"]


def test_no_config_reads_neither(open_shell, tmp_path: Path):
    (tmp_path / "config.toml").write_text("precision = 2\n")
    (tmp_path / "startup.grad").write_text("print 'hello'\n")
    terminal = open_shell("-q", "--no-config", program=GRADSH)
    assert terminal.rows == [">>>"]
    assert terminal.enter("[1.23456]") == ["tensor([1.2346])"]


def test_the_shell_after_a_program_reads_both(open_shell, tmp_path: Path):
    (tmp_path / "startup.grad").write_text("half = x -> x / 2\n")
    terminal = open_shell("-q", "-i", "-c", "y = half(3)", program=GRADSH)
    assert terminal.enter("y") == ["1.5"]


def test_ctrl_c_ends_the_start_up_program_only(open_shell, tmp_path: Path):
    (tmp_path / "startup.grad").write_text('a = 1\nprint "on"; while true { a = 2 }\n')
    terminal = open_shell("-q", program=GRADSH, until="on")
    terminal.send("\x03")
    terminal.wait_prompt()
    assert any("interrupted" in row for row in terminal.rows)
    assert terminal.enter("a > 0") == ["True"]


def test_what_is_typed_before_the_prompt_is_kept(open_shell):
    terminal = open_shell(program=GRADSH, until=lambda: True)
    terminal.send("41 + 1\rprint")
    terminal.wait(lambda: terminal.rows[-1].startswith(">>> print"))
    assert terminal.rows[-2] == "42"


def test_set_alone_lists_all(shell):
    rows = [row.split() for row in shell.enter("set")]
    assert rows[0][:2] == ["setting", "value"]
    assert ["precision", "4", "digits", "after", "the", "point"] in rows
    assert any(row[:2] == ["toolbar", "on"] for row in rows)
    assert shell.enter("set auto_brackets") == ["auto_brackets off"]


def test_timing_and_statistics(shell):
    assert shell.enter("set timing on") == []
    value, time = shell.enter("1 + 1")
    assert value == "2"
    assert re.fullmatch(r"time [\d.]+ (ms|µs|s).*", time)
    shell.enter("set timing off")
    shell.enter("set show stats")
    assert shell.enter("[[1., 2.], [3., nan]]") == [
        "tensor([[1., 2.],",
        "        [3., nan]])",
        "(2, 2) float32, from 1 to 3, mean 2, std 0.8165, 1 nan  ███",
    ]
    assert shell.enter("2") == ["2"]
    assert shell.enter("x = [true]") == ["x = tensor([True])", "(1,) bool, 1 true, 0 false"]
    shell.enter("set show plain")
    assert shell.enter("[1.]") == ["tensor([1.])"]


def test_themes(open_shell):
    terminal = open_shell("-q", COLORFGBG="15;0")
    terminal.type("print mean")
    terminal.wait(lambda: terminal.style("mean") == ("brightblue", False))
    assert terminal.style("print") == ("brightmagenta", True)
    terminal.send("\x03")
    terminal.wait_prompt()
    terminal.enter("set theme light")
    terminal.type("print mean")
    terminal.wait(lambda: terminal.style("mean") == ("blue", False))
    assert terminal.style("print") == ("magenta", True)


def test_a_tensors_history_is_set_apart(shell):
    shell.enter("x = ones(2) grad")
    assert shell.style("requires_grad=True") == ("green", True)
    assert shell.style("1.") == ("cyan", False)
    shell.enter("x * 2")
    assert shell.style("grad_fn=<MulBackward0>") == ("magenta", True)


def test_the_shape_of_what_is_typed(shell):
    shell.enter("x = ones(2, 3);")
    shell.enter("w = ones(3, 4);")
    shell.type("mean(x @ w, dim=1")
    shell.wait(lambda: shell.toolbar.startswith("(2,) float32  ·  mean(input, dim=none"))
    shell.send(")\x15x @ w + ones(5)")
    shell.wait(lambda: shell.toolbar.startswith("(2, 4) + (5,): do not broadcast  ·  recording"))
    shell.send("\x15for i in range(3) {\ry = w.T")
    shell.wait(lambda: shell.toolbar.startswith("(4, 3) float32  ·  recording"))


def test_brackets_come_in_pairs_when_asked(shell):
    shell.type("(1")
    assert shell.rows[-1] == ">>> (1"
    shell.send("\x03")
    shell.wait_prompt()
    shell.enter("set auto_brackets on")
    shell.send("mean([1.")
    shell.wait(">>> mean([1.])")
    assert shell.enter("])") == ["tensor(1.)"]
    shell.send('print("a')
    shell.wait('>>> print("a")')
    assert shell.enter('")') == ["a"]
    shell.send("([\x7f\x7f2")
    shell.wait(lambda: shell.rows[-1] == ">>> 2")
    assert shell.enter("") == ["2"]
    shell.send("for i in range(2) {\rprint i")
    shell.wait(lambda: [row.rstrip() for row in shell.rows[-2:]] == ["...     print i", "... }"])
    assert shell.enter("") == ["0", "1"]
    shell.send("x = it's")
    shell.wait(">>> x = it's")
