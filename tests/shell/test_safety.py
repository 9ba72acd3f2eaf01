"""Interrupts, faults and the end of the shell: nothing is lost, and nothing half-changed."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

CTRL_C, CTRL_D, CTRL_Z = "\x03", "\x04", "\x1a"
HERE = Path(__file__).parent


def interrupt(shell, entry, after=0.5):
    """Enter something that takes long, and stop it."""
    count = sum("interrupted" in row for row in shell.rows)
    shell.send(entry + "\r")
    shell.wait(entry)
    time.sleep(after)
    shell.send(CTRL_C)
    shell.wait(lambda: sum("interrupted" in row for row in shell.rows) > count)
    shell.wait_prompt()


@pytest.mark.parametrize(
    ("entry", "whole"),
    [
        ("while true { x += 1 }", "x.min() == x.max()"),
        ("while true { x.mul_(1.5).sin_() }", "x.min() == x.max()"),
        ("while true { x[:, 1:] = x[:, 1:] + 1 }", "x[:, 1:].min() == x[:, 1:].max()"),
        ("while true { backward sum((y*2).exp() * y) }", "y.grad.min() == y.grad.max()"),
        ("minimize sum((y-1)^2) over y using sgd(lr=1e-5) steps 10^6", "y.min() == y.max()"),
        ("while true { a @ a }", "a.shape == (900, 900)"),
        ("while true { sort(r) }", "r.numel() == 10^6"),
        ('while true { save(r, "r.csv") }', "r.numel() == 10^6"),
    ],
)
def test_ctrl_c_leaves_every_value_whole(shell, entry, whole, tmp_path: Path):
    shell.enter("x = zeros(1500, 1500); y = zeros(1500, 1500) grad; a = zeros(900, 900);")
    shell.enter("r = zeros(10^6);")
    interrupt(shell, entry)
    assert shell.enter(f"assert {whole}") == []
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "r.csv"}


def test_a_file_that_is_read_is_let_go_of(shell):
    shell.enter('save(zeros(10^6), "r.csv"); q = 5;')
    interrupt(shell, 'q = load("r.csv")', 0.1)
    assert shell.enter("q") == ["5"]


def test_the_graph_is_whole_after_an_interrupt_in_a_backward_pass(shell):
    shell.enter("x = ones(2) grad; y = x; for i in range(200000) { y = y * 1 }")
    interrupt(shell, "backward sum(y)", 0.1)
    assert shell.enter("x.grad") == []
    shell.enter("backward sum(y)")
    assert shell.enter("x.grad") == ["tensor([1., 1.])"]


def test_one_long_step_is_named_after_a_second(open_shell):
    shell = open_shell("-q", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    shell.enter("a = zeros(5500, 5500); b = 3;")
    shell.send("b = a @ a @ a\r")
    shell.wait("b = a @ a @ a")
    time.sleep(0.3)
    shell.send(CTRL_C)
    shell.wait("still inside `a @ a`, one step that cannot be cut: it stops behind it.")
    shell.wait("interrupted")
    shell.wait_prompt()
    assert shell.enter("b") == ["3"]
    interrupt(shell, "while true { b += 1 }")  # one press is enough again
    shell.send("b = a @ a @ a\r")
    time.sleep(0.5)
    shell.send(CTRL_C)
    shell.wait(lambda: sum("Ctrl-C again leaves" in row for row in shell.rows) == 2)
    shell.send(CTRL_C)
    assert shell.status() == 130


def test_a_fault_of_gradsh_says_where_to_report_and_keeps_the_session(open_shell, tmp_path: Path):
    (tmp_path / "broken.py").write_text(
        "import sys\n"
        "from gradsh.session import Session, commands\n"
        "from gradsh.session.entries import Dialogue\n"
        "from gradsh.session.output import ColourOutput\n"
        "from gradsh.shell import main\n"
        "broken = commands.Command('', '', lambda *rest: {}['gone'])\n"
        "commands.COMMANDS['vars'] = broken\n"
        "end = Dialogue.end\n"
        "def fails(self, failed):\n"
        "    end(self, failed=failed)\n"
        "    if self.entries[-1].text == 'print 2':\n"
        "        {}['end']\n"
        "Dialogue.end = fails\n"
        "sys.exit(main(Session(ColourOutput(sys.stdout)), quiet=True))\n"
    )
    shell = open_shell(program=["broken.py"])
    shell.enter("x = 1;")
    report = " ".join(shell.enter("vars"))
    assert "<shell>:2:1: error: internal error: KeyError: 'gone'" in report
    assert "please report it as CONTRIBUTING.md says" in report
    report = shell.enter("print 2")
    assert report[0] == "2"
    assert report[1].startswith("<shell>:3:1: error: internal error: KeyError: 'end'")
    assert shell.enter("x") == ["1"]


@pytest.mark.parametrize("entry", ["", "while true { }"])
def test_termination_leaves_the_terminal_in_order(shell, entry):
    if entry:
        shell.send(entry + "\r")
        shell.wait(entry)
    time.sleep(0.5)
    os.kill(shell.pid, signal.SIGTERM)
    assert shell.status() == 143
    assert "\x1b[?2004l" in shell.rest.rpartition("\x1b[?2004h")[2] or entry


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed_ends_the_shell(open_shell, term, ignored):
    trap = "trap '' HUP; " if ignored else ""
    command = f"{trap}exec '{sys.executable}' '{HERE / 'launch.py'}'"
    script = f"import os; os.execvp('sh', ['sh', '-c', {command!r}])"
    shell = open_shell(program=["-c", script], TERM=term)
    shell.enter("x = 1;")
    assert shell.hang_up() in (0, -signal.SIGHUP)


def test_what_runs_can_be_put_in_the_background_and_back(open_shell):
    program = ["-c", "import os; os.execvp('bash', ['bash', '--norc', '-i'])"]
    shell = open_shell(program=program, until="$", PS1="$ ")
    shell.send(f"'{sys.executable}' '{HERE / 'launch.py'}' -q\r")
    shell.wait(lambda: shell.at_prompt())
    shell.enter("x = 0;")
    shell.type("x + 40")
    shell.send(CTRL_Z)
    shell.wait("Stopped")
    shell.send("fg\r")
    shell.wait(lambda: shell.rows[-1] == ">>> x + 40")
    assert shell.enter(" + 2") == ["42"]
    shell.send("for i in range(10^12) { x = i }\r")
    shell.wait("x = i }")
    time.sleep(0.5)
    shell.send(CTRL_Z)
    shell.wait(lambda: sum("Stopped" in row for row in shell.rows) == 2)
    shell.send("fg\r")
    time.sleep(0.5)
    shell.send(CTRL_C)
    shell.wait("interrupted")
    shell.wait_prompt()
    assert shell.enter("x > 100") == ["True"]


def test_the_end_of_the_input_leaves(open_shell):
    shell = open_shell("-q", TERM="dumb")
    shell.send(CTRL_D)
    assert shell.status() == 0


def test_errors_of_every_kind_leave_the_shell_alive(shell):
    shell.enter("def deep(x) = deep(x + 1)")
    for entry, told in (
        ("deep(1)", "RecursionError|recursion|too deep"),
        ("zeros(10^9, 10^9)", "error"),
        ("1/0", "division"),
        ('load("nowhere.npy")', "nowhere.npy"),
        ("ones(2) @ ones(3)", "error"),
        ("assert 1 > 2", "error"),
        ("]", "error"),
    ):
        assert re.search(told, " ".join(shell.enter(entry))), entry
    assert shell.enter("1 + 1") == ["2"]
