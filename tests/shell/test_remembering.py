"""Undoing, and the commands for what was entered, as a person uses them."""

from __future__ import annotations

import re
import stat
from pathlib import Path

CTRL_C, CTRL_D, CTRL_R, UP, DOWN = "\x03", "\x04", "\x12", "\x1b[A", "\x1b[B"


def editor(path: Path, script: str) -> str:
    """An editor for EDITOR that changes its file by a script of sed."""
    path.write_text(f"#!/bin/sh\nsed -i -e '{script}' \"$1\"\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_undo_and_redo(shell):
    shell.enter("x = ones(2) grad; y = sum(x^2);")
    shell.enter("backward y")
    shell.enter("nograd < x -= x.grad >;")
    assert shell.enter("x") == ["tensor([-1., -1.], requires_grad=True)"]
    assert shell.enter("undo") == ["took back `nograd < x -= x.grad >;`: x as before"]
    assert shell.enter("x") == ["tensor([1., 1.], requires_grad=True)"]
    assert shell.enter("undo") == ["took back `backward y`: x.grad, the graph of y as before"]
    assert shell.enter("x.grad") == []
    assert shell.enter("redo") == [
        "did again `backward y`: x.grad, the graph of y as after it"
    ]  # fmt: skip
    assert shell.enter("x.grad") == ["tensor([2., 2.])"]
    assert shell.enter("undo 9")[-1].startswith("took back `x = ones(2) grad; y = sum")
    assert "there is nothing to undo" in shell.enter("undo")[0]


def test_what_undo_tells_is_broken_between_words(open_shell):
    shell = open_shell("-q", columns=40)
    shell.enter("first, second, third = (1, 2, 3);")
    assert shell.enter("undo") == [
        "took back `first, second, third = (1, 2,",
        "3);`: first, second, third are gone",
    ]


def test_undo_after_an_interrupt(shell):
    shell.enter("x = zeros(2);")
    shell.send('while true { x += 1; if x[0] == 10 { print "on" } }\r')
    shell.wait(lambda: "on" in shell.rows)
    shell.send(CTRL_C)
    shell.wait("interrupted")
    shell.wait_prompt()
    assert shell.enter("undo")[0].startswith("took back `while true {")
    assert shell.enter("x") == ["tensor([0., 0.])"]


def test_undo_says_when_it_cannot(shell):
    shell.enter("set undo_limit 1")
    assert shell.enter("set undo_limit") == ["undo_limit 1"]
    shell.enter("x = zeros(1000, 1000);")
    shell.enter("x += 1;")
    assert shell.enter("undo")[0].startswith("<shell>:5:1: error: there is nothing to undo: `x +=")
    assert any("`set undo_limit 1024`" in row for row in shell.rows)


def test_history_has_entries_of_earlier_sessions_without_numbers(open_shell):
    first = open_shell("-q")
    first.enter("old = 1;")
    first.send(CTRL_D)
    first.status()
    shell = open_shell("-q")
    shell.enter("new = 2;")
    shell.enter("new + nothing")
    shown = shell.enter("history")
    assert re.fullmatch(r"    # \d{4}-\d\d-\d\d", shown[0])
    assert shown[1:] == [
        "    old = 1;", "    # this session", " 1  new = 2;", " 2  new + nothing  # failed",
    ]  # fmt: skip
    assert shell.enter("history old") == [*shown[:2], *["    # this session"], " 3  history"][:2]
    assert shell.enter("history 1") == [" 4  history old"]


def test_two_shells_share_a_history(open_shell, history: Path):
    first, second = open_shell("-q"), open_shell("-q")
    for number in range(5):
        first.enter(f"f{number} = (1 +\r {number});")
        second.enter(f"s{number} = (2 +\r {number});")
    assert not any("s3" in row for row in first.enter("history"))
    first.close()
    second.send(CTRL_D)
    second.status()
    third = open_shell("-q")
    shown = third.enter("history")
    text = "\n".join(shown)
    assert [text.index(f"f{n} = (1 +\n         {n});") for n in range(5)]
    assert [text.index(f"s{n} = (2 +\n         {n});") for n in range(5)]
    assert history.read_text().count("\n# ") == 11


def test_the_arrows_and_ctrl_r_find_entries_of_many_lines(shell):
    shell.enter("def twice(x) {\rx * 2\r}")
    shell.enter("tw = 3;")
    shell.enter("other = 1;")
    shell.type("def")
    shell.send(UP)
    shell.wait(lambda: shell.rows[-1] == "... }")
    shell.send(CTRL_C)
    shell.wait_prompt()
    shell.send(CTRL_R + "x * 2")
    shell.wait(lambda: any("x * 2':" in row for row in shell.rows))
    shell.send("\r")
    shell.wait(lambda: shell.rows[-1] == "... }")
    shell.send(CTRL_C)
    shell.wait_prompt()
    shell.send(UP + UP)
    shell.wait(lambda: shell.rows[-1] == ">>> tw = 3;")
    shell.send(DOWN)
    shell.wait(lambda: shell.rows[-1] == ">>> other = 1;")


def test_edit_opens_a_function_and_runs_it(open_shell, tmp_path: Path):
    shell = open_shell("-q", EDITOR=editor(tmp_path / "ed", "s/+ 1/+ 20/"), VISUAL="")
    shell.enter("def f(x) = x + 1")
    shell.enter("edit f")
    assert shell.rows[-2:] == [">>> def f(x) = x + 20", ">>>"]
    assert shell.enter("f(1)") == ["21"]
    shell.enter("y = 3 + 1")
    shell.enter("edit")
    assert shell.rows[-3:] == [">>> y = 3 + 20", "y = 23", ">>>"]
    shell.send(UP)
    shell.wait(lambda: shell.rows[-1] == ">>> y = 3 + 20")
    shell.send(CTRL_C)
    shell.wait_prompt()
    shell.enter("edit 5")
    assert shell.rows[-2:] == ["y = 23", ">>>"]
    assert shell.enter("edit f") == ["nothing was changed, and nothing is run"]


def test_record_writes_a_program_that_runs(open_shell, shell, tmp_path: Path):
    assert shell.enter('record "f.grad"') == ["recording into f.grad; `record stop` ends it"]
    shell.enter("x = ones(2) grad")
    shell.enter("x * 3")
    shell.enter("y = sum(_)")
    shell.enter("oops 3")
    shell.enter("oops(3)")
    shell.enter("x?")
    shell.enter("backward y")
    shell.enter("x = 5")
    shell.enter("undo")
    shell.enter("print x.grad")
    assert shell.enter("record stop") == ["f.grad has 5 statements"]
    again = open_shell(program=["-m", "gradsh", "-q", "-i", "f.grad"])
    assert again.rows[:2] == ["tensor([3., 3.], grad_fn=<MulBackward0>)", "tensor([3., 3.])"]


def test_reset_and_vars_by_size(shell):
    shell.enter("small = zeros(2); large = zeros(3, 3); n = 1;")
    assert [row.split()[0] for row in shell.enter("vars -s")[2:5]] == ["large", "small", "n"]
    assert shell.enter("reset") == ["forgot small, large, n; `undo` brings them back"]
    assert shell.enter("vars") == ["no variables yet"]
    shell.enter("undo")
    assert shell.enter("n") == ["1"]


def test_commands_are_completed_and_coloured(shell):
    shell.send("hist")
    shell.send("\t")
    shell.wait(
        lambda: any("history" in row and "list what was entered" in row for row in shell.rows)
    )
    shell.send(CTRL_C)
    shell.wait_prompt()
    shell.type("undo")
    shell.wait(lambda: shell.style("undo")[1])
