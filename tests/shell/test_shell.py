"""The shell as a person drives it."""

from __future__ import annotations

import re
from pathlib import Path

CTRL_C, CTRL_D, CTRL_R, UP, RIGHT = "\x03", "\x04", "\x12", "\x1b[A", "\x1b[C"
ALT_ENTER = "\x1b\r"


def paste(text):
    return f"\x1b[200~{text}\x1b[201~"


# ----------------------------------------------------------------- coming and going


def test_one_line_greets(open_shell):
    terminal = open_shell()
    greeting = r"gradsh \d\S*  \(`help` has topics and examples, Ctrl-D leaves\)"
    assert re.fullmatch(greeting, terminal.rows[0])
    assert terminal.rows[1:] == [">>>"]


def test_files_run_before_the_shell_with_i(open_shell, tmp_path: Path):
    (tmp_path / "first.grad").write_text("a = 5\nprint a + 1\n")
    terminal = open_shell(program=["-m", "gradsh", "-q", "-i", "first.grad"])
    assert terminal.rows == ["6", ">>>"]
    assert terminal.enter("a") == ["5"]
    terminal.send(CTRL_D)
    assert terminal.status() == 0


def test_quiet_greets_with_nothing_and_ctrl_d_leaves_with_status_0(shell):
    assert shell.rows == [">>>"]
    shell.send(CTRL_D)
    assert shell.status() == 0


def test_ctrl_d_does_not_leave_when_something_is_typed(shell):
    shell.type("1 + 1")
    shell.send(CTRL_D)
    assert shell.enter("") == ["2"]


def test_exit_leaves_unless_it_is_a_name_of_the_user(shell):
    assert shell.enter("quit = 7;") == []
    assert shell.enter("quit") == ["7"]
    shell.send("exit\r")
    assert shell.status() == 0


# ------------------------------------------------------------------------ entering


def test_values_and_assignments_are_shown(shell):
    assert shell.enter("x = ones(2,2) grad") == [
        "x = tensor([[1., 1.],",
        "            [1., 1.]], requires_grad=True)",
    ]
    assert shell.enter("x + 2") == [
        "tensor([[3., 3.],",
        "        [3., 3.]], grad_fn=<AddBackward0>)",
    ]
    assert shell.style("grad_fn") == ("magenta", True)
    assert shell.enter("y = x * 2;") == []
    assert shell.enter("none") == []
    assert shell.enter("_1.requires_grad") == ["True"]


def test_an_open_block_goes_on_with_indentation(shell):
    shell.send("for i in range(2) {\r")
    shell.wait("...")
    assert shell.screen.cursor.x == len("... ") + 4
    shell.send("if i == 1 {\r")
    shell.wait(lambda: shell.screen.cursor.x == len("... ") + 8)
    shell.send("print i\r")
    shell.wait(lambda: shell.rows[-1] == "...")
    shell.send("}\r")
    shell.wait("...     }")
    assert shell.enter("}") == ["1"]
    assert "... }" in shell.rows


def test_open_brackets_and_operators_go_on(shell):
    assert shell.enter("(1 +\r2 +\r3)") == ["6"]
    assert "...     2 +" in shell.rows
    assert shell.enter("1 +\r2") == ["3"]


def test_alt_enter_always_begins_a_line(shell):
    shell.type("print 1")
    shell.send(ALT_ENTER)
    shell.wait(lambda: shell.rows[-1] == "...")
    assert shell.enter("print 2") == ["1", "2"]


def test_enter_in_an_upper_line_runs_what_is_complete(shell):
    shell.send("a = 1" + ALT_ENTER + "b = 2" + UP)
    shell.wait(lambda: len(shell.rows) == 2 and shell.screen.cursor.y == 0)
    assert shell.enter("") == ["a = 1", "b = 2"]


def test_enter_in_an_upper_line_goes_on_with_what_is_not(shell):
    shell.send("f(1," + ALT_ENTER + "2" + UP + "\r")
    shell.wait(lambda: len(shell.rows) == 3)


def test_lines_of_pytorch_can_be_pasted_with_their_prompts(shell):
    shell.send(paste(">>> x = torch.ones(2)\n>>> torch.sum(x,\n...   0)\ntensor(9.)\n"))
    shell.wait("...   0)")
    assert shell.enter("") == ["x = tensor([1., 1.])", "tensor(2.)"]
    shell.send(paste("In [1]: y = torch.zeros(1)\n"))
    shell.wait(">>> y = torch.zeros(1)")
    assert shell.enter("") == ["y = tensor([0.])"]


def test_the_editor_opens_with_the_entry(open_shell, tmp_path: Path):
    program = tmp_path / "editor"
    program.write_text('#!/bin/sh\necho "  + 2)" >> "$1"\n')
    program.chmod(0o700)
    terminal = open_shell("-q", EDITOR=str(program), VISUAL="")
    terminal.type("(1")
    terminal.send("\x18\x05")
    terminal.wait(">>> (1  + 2)")
    assert terminal.enter("") == ["3"]


def test_an_entry_of_many_lines_comes_back_and_is_edited_as_a_whole(shell):
    assert shell.enter("for i in range(2) {\rprint i\r}") == ["0", "1"]
    shell.send("\x1b[A")
    shell.wait(lambda: shell.rows[-3:] == [">>> for i in range(2) {", "...     print i", "... }"])
    shell.send("\x1b[A" + "\x05" + " + 10")
    shell.wait("...     print i + 10")
    assert shell.enter("") == ["10", "11"]


def test_the_keys_of_emacs(shell):
    shell.send("3 * 4\x01print \x05 + 555\x1bb\x1bd7\x01\x0b")
    shell.wait_prompt()
    shell.send("\x19")
    shell.wait(">>> print 3 * 4 + 7")
    assert shell.enter("") == ["19"]


def test_a_wide_terminal_and_a_tall_one(open_shell):
    terminal = open_shell("-q", columns=200)
    terminal.enter("x = ones(2, 3);")
    terminal.type("mean(x, dim=1")
    terminal.wait(lambda: "Mean of the elements, of all or along dim" in terminal.toolbar)
    terminal.resize(80, 24)
    terminal.wait(lambda: len(terminal.toolbar) <= 80 and terminal.toolbar.startswith("(2,) float"))
    terminal.wait(">>> mean(x, dim=1")


def test_the_keys_of_vi(shell):
    shell.enter("set editing_mode vi")
    shell.type("print 12")
    shell.send("\x1bx")
    shell.wait(lambda: shell.rows[-1] == ">>> print 1")
    shell.send("a3")
    assert shell.enter("") == ["13"]


def test_a_question_shows_help(shell):
    assert any("mean(input, dim=none" in row for row in shell.enter("mean?"))


# ------------------------------------------------------------------------- toolbar


def test_the_toolbar_shows_the_state_and_the_call_at_the_cursor(shell):
    shell.wait(lambda: shell.toolbar == "recording  ·  float32  ·  0 B")
    shell.enter("x = zeros(256, 2);")
    shell.wait(
        lambda: bool(
            re.fullmatch(r"recording  ·  float32  ·  2.0 KiB  ·  last \d.*s", shell.toolbar)
        )
    )
    shell.send("mean(x, ")
    shell.wait(lambda: "·  mean(input, dim=none, keepdim=false" in shell.toolbar)
    shell.type("0)")
    shell.wait(lambda: shell.toolbar.startswith("(2,) float32  ·  recording"))


def test_the_toolbar_can_be_switched_off_and_on(shell):
    shell.enter("set toolbar off")
    shell.wait(lambda: shell.toolbar == "")
    assert shell.enter("set toolbar") == ["toolbar off"]
    shell.enter("set toolbar on")
    shell.wait(lambda: shell.toolbar.startswith("recording"))


def test_the_command_line_sets_the_shells_settings(open_shell):
    terminal = open_shell(program=["-m", "gradsh", "-q", "--set", "toolbar=off"])
    assert terminal.enter("set toolbar") == ["toolbar off"]
    assert terminal.toolbar == ""


def test_a_paste_runs_as_a_whole(shell):
    pasted = 'def f(a) {\r\n\tb = a * 2\r\n\n\treturn b\r\n}\r\nf(2)\r\nprint "end"\r\n'
    shell.send(paste(pasted))
    shell.wait('print "end"')
    assert "<function" not in "\n".join(shell.rows)
    assert shell.enter("") == ["4", "end"]


def test_a_paste_with_a_syntax_error_runs_nothing(shell):
    shell.send(paste("a = 1\nb = = 2\n"))
    shell.wait("b = = 2")
    assert "error" in shell.enter("")[0]
    assert "name 'a' is not defined" in shell.enter("a")[0]


# ------------------------------------------------------------------------- history


def test_entries_are_kept_at_once_and_over_restarts(open_shell, history: Path):
    first = open_shell("-q")
    second = open_shell("-q")
    first.enter("one = 1;")
    assert "+one = 1;" in history.read_text().split("\n")
    second.enter("(2 +\r0)")
    assert "+one = 1;" in history.read_text().split("\n")
    first.close()
    third = open_shell("-q")
    third.send(UP)
    third.wait("...     0)")
    assert third.rows[0] == ">>> (2 +"
    assert third.enter("") == ["2"]
    assert (history.stat().st_mode & 0o777) == 0o600


def test_no_history_where_none_is_wanted(open_shell, history: Path):
    terminal = open_shell("-q", GRADSH_HISTORY="")
    assert terminal.enter("1") == ["1"]
    assert not history.exists()


def test_the_arrow_searches_by_prefix(shell):
    shell.enter("alpha = 1;")
    shell.enter("beta = 2;")
    shell.type("alp")
    shell.send(UP)
    shell.wait(lambda: shell.rows[-1] == ">>> alpha = 1;" and shell.screen.cursor.x == 14)
    shell.send(CTRL_C)
    shell.wait("(Ctrl-D leaves)")
    shell.wait_prompt()
    assert shell.enter("beta") == ["2"]


def test_ctrl_r_searches(shell):
    shell.enter("alpha = 1;")
    shell.enter("beta = 2;")
    shell.send(CTRL_R + "pha")
    shell.wait("(reverse-i-search)`pha': alpha = 1;")
    shell.send("\r")
    shell.wait(lambda: shell.rows[-1] == ">>> alpha = 1;")
    assert shell.enter("") == []


def test_history_is_suggested_in_grey(shell):
    shell.enter("velocity = 1;")
    shell.send("velo")
    shell.wait(lambda: shell.rows[-1] == ">>> velocity = 1;" and shell.screen.cursor.x == 8)
    assert shell.style("city") == ("808080", False)
    shell.send(RIGHT)
    shell.wait(lambda: shell.screen.cursor.x == 17)
    assert shell.style("city")[0] == "default"


# ------------------------------------------------------------ colour and completion


def test_highlighting_while_typing(shell):
    shell.type('print 12 + f("text") # why')
    shell.wait(lambda: shell.style("print") == ("magenta", True))
    assert shell.style("12") == ("cyan", False)
    assert shell.style('"text"') == ("green", False)
    assert shell.style("# why") == ("808080", False)
    assert shell.style("f(") == ("red", False)


def test_names_and_brackets_are_told_apart_while_typing(shell):
    shell.enter("mine = 1;")
    shell.type("mean(mine) + yours + 1]")
    shell.wait(lambda: shell.style("yours") == ("red", False))
    assert shell.style("mine)")[0] == "default"
    assert shell.style("mean") == ("brightblue", False)
    assert shell.style("]") == ("brightwhite", True)


def test_tab_completes_names_words_and_attributes(shell):
    shell.enter("momentum_of_it = ones(2);")
    shell.send("mome\t")
    shell.wait(lambda: shell.screen.cursor.x == len(">>> momentum_of_it"))
    shell.send(".requires\t")
    shell.wait(lambda: shell.rows[-1].split()[:1] == ["requires_grad_"])
    assert shell.rows[1].startswith(">>> momentum_of_it.requires_grad")
    shell.send(CTRL_C)
    shell.wait_prompt()
    shell.send("enableg\t")
    shell.wait(">>> enablegrad")


def test_what_is_completed_has_a_line_beside_it(shell):
    shell.enter("weight_a = ones(2, 3); weight_b = 2.5;")
    shell.send("weight\t")
    shell.wait(lambda: any(row.split() == ["weight_b", "2.5"] for row in shell.rows))
    assert any(row.split() == ["weight_a", "(2,", "3)", "float32"] for row in shell.rows)
    shell.send(CTRL_C)
    shell.wait_prompt()
    shell.send("mean(weight_a, k\t")
    shell.wait("by default false")
    assert any("keepdim=" in row for row in shell.rows)


def test_tab_completes_file_names(shell, tmp_path: Path):
    (tmp_path / "program_one.grad").write_text("11 + 11\n")
    shell.send('run "prog\t')
    shell.wait('run "program_one.grad')
    assert shell.enter('"') == ["22"]


def test_enter_takes_the_chosen_completion(shell):
    shell.enter("weight_a = 1; weight_b = 2;")
    shell.send("weight\t")
    shell.wait(lambda: any(row.split() == ["weight_b", "2"] for row in shell.rows))
    shell.send("\t")
    shell.wait(">>> weight_a")
    shell.send("\r")
    shell.wait(lambda: not any(row.split() == ["weight_b", "2"] for row in shell.rows))
    assert shell.enter(" + 1") == ["2"]


# ---------------------------------------------------------------- interrupts, errors


def test_ctrl_c_clears_the_line_and_says_once_how_to_leave(shell):
    for _ in range(2):
        shell.type("(1 + 1")
        shell.send(CTRL_C)
        shell.wait_prompt()
    assert shell.rows.count("(Ctrl-D leaves)") == 1
    assert shell.enter("3") == ["3"]


def test_ctrl_c_interrupts_a_run_and_values_stay(shell):
    shell.enter("n = 0;")
    shell.send('while true { n = n + 1; if n == 10 { print "on" } }\r')
    shell.wait(lambda: "on" in shell.rows)
    shell.send(CTRL_C)
    shell.wait("interrupted")
    shell.wait_prompt()
    report = next(number for number, row in enumerate(shell.rows) if "interrupted" in row)
    assert re.match(r"<shell>:\d+:\d+: interrupted$", shell.rows[report])
    assert "while true" in shell.rows[report + 1]
    assert "^" in shell.rows[report + 2]
    assert shell.enter("n > 9") == ["True"]


def test_an_error_shows_its_place_and_a_hint_in_colour(shell):
    shell.enter("value = 2;")
    assert shell.enter("1 + valu") == [
        "<shell>:2:5: error: name 'valu' is not defined",
        "  2 | 1 + valu",
        "    |     ^^^^",
        "hint: did you mean `value`?",
    ]
    assert shell.style("error:") == ("red", True)
    assert shell.style("^^^^") == ("red", True)
    assert shell.style("hint:") == ("cyan", True)
    assert shell.enter("value") == ["2"]


def test_a_long_report_is_broken_between_words(open_shell):
    terminal = open_shell("-q", columns=40)
    assert terminal.enter("ones(2, dtyp=none)") == [
        "<shell>:1:1: error: ones() got an",
        "unexpected keyword argument 'dtyp'",
        "  1 | ones(2, dtyp=none)",
        "    | ^^^^^^^^^^^^^^^^^^",
        "hint: did you mean `dtype`?",
    ]


def test_a_function_of_an_earlier_entry_is_named_by_its_place(shell):
    shell.enter("def f(a) = a.nothing")
    report = shell.enter("f(1)")
    assert report[0].startswith("<shell>:1:")
    assert "  called at <shell>:2:1" in report


# ------------------------------------------------------------------------ terminals


def test_no_color_is_respected(open_shell):
    terminal = open_shell("-q", NO_COLOR="1")
    terminal.enter("x = ones(1) grad")
    terminal.enter("y")
    terminal.type("print 12")
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|38|9[0-7]|4[0-7]|48)[;m]", terminal.raw)


def test_lines_with_prompts_run_on_a_terminal_that_marks_no_pastes(open_shell):
    lines = ">>> x = torch.ones(2)\r>>> def f(a) {\r... return a * 3\r... }\r>>> f(x)\r"
    dumb = open_shell("-q", TERM="dumb")
    dumb.send(lines)
    dumb.wait("tensor([3., 3.])")
    early = open_shell("-q", until=lambda: True)  # before the editor asks for marks
    early.send(">>> x = torch.ones(2)\r>>> x * 3\r")
    early.wait("tensor([3., 3.])")
    assert "error" not in "\n".join(dumb.rows + early.rows)


def test_a_dumb_terminal_gets_no_escape_codes(open_shell):
    terminal = open_shell(TERM="dumb")
    assert terminal.enter("x = ones(2) grad") == ["x = tensor([1., 1.], requires_grad=True)"]
    terminal.send("(1 +\r")
    terminal.wait(lambda: terminal.rows[-1] == "...")
    terminal.send("2)\r")
    terminal.wait(lambda: terminal.rows[-2:] == ["3", ">>>"])
    assert terminal.enter("y")[0] == "<shell>:4:1: error: name 'y' is not defined"
    terminal.send("(1 +\r")
    terminal.wait(lambda: terminal.rows[-1] == "...")
    terminal.type("22")
    terminal.send(CTRL_C)
    terminal.wait_prompt()
    assert terminal.enter("5") == ["5"]
    assert "\x1b" not in terminal.raw
    terminal.send(CTRL_D)
    assert terminal.status() == 0


def test_a_narrow_terminal_and_a_change_of_width(open_shell):
    terminal = open_shell("-q", columns=30)
    assert terminal.enter("1 + 10 + 100 + 1000 + 10000 + 100000")[-1] == "111111"
    terminal.type("print 22, 33")
    terminal.resize(100, 60)
    long = " + ".join(["1"] * 18)
    terminal.send(f", {long}")
    terminal.wait(f">>> print 22, 33, {long}")
    terminal.resize(40, 60)
    assert terminal.enter("")[-1] == "22 33 18"


def test_a_change_of_width_during_a_run(shell):
    shell.send('for n in range(10^12) { if n == 10 { print "on" } }\r')
    shell.wait(lambda: "on" in shell.rows)
    shell.resize(50, 60)
    shell.send(CTRL_C)
    shell.wait("interrupted")
    shell.wait_prompt()
    shell.send("print " + ", ".join(["1"] * 15))
    shell.wait(lambda: shell.rows[-1] == "    , 1")
    assert shell.enter("")[-1] == " ".join(["1"] * 15)


# ------------------------------------------------------------------ explain, key by key


def test_explain_step_goes_forward_and_back(shell):
    shell.enter("x = ones(2, 2) grad; y = x + 2; out = mean(y * y * 3);")
    shell.send("explain out step\r")
    shell.wait("1 of 5  right or space: on, left: back, home, end, q: leave")
    assert any(row.startswith("1  out, MeanBackward0: g = 1") for row in shell.rows)
    shell.send(RIGHT)
    shell.wait("2 of 5")
    assert any(row.startswith("2  MulBackward0: g = [[0.25,") for row in shell.rows)
    assert not any(row.startswith("1  out, MeanBackward0") for row in shell.rows)
    shell.send(" ")
    shell.wait("3 of 5")
    shell.send("b")
    shell.wait("2 of 5")
    shell.send("\x1b[F")
    shell.wait("5 of 5")
    shell.send("q")
    shell.wait_prompt()
    assert shell.rows[-3:] == [
        "gradient of x: [[4.5, 4.5], [4.5, 4.5]]", "   as `backward` gives it", ">>>",
    ]  # fmt: skip
    assert not any("of 5" in row for row in shell.rows)
    assert shell.enter("1 + 1") == ["2"]


def test_explain_step_is_left_with_ctrl_c(shell):
    shell.enter("x = ones(2) grad;")
    shell.send("explain sum(x) step\r")
    shell.wait("1 of 2")
    shell.send(CTRL_C)
    shell.wait_prompt()
    assert shell.enter("1 + 1") == ["2"]


# --------------------------------------------------------------------- inspecting


def test_help_vars_and_time(shell):
    assert shell.enter("x = ones(2,2) grad;") == []
    assert shell.enter("help x")[:3] == ["x: tensor", "", "shape          (2, 2), 4 elements"]
    assert shell.enter("help nograd")[0] == "nograd < S >"
    assert shell.enter("vars") == [
        "name   kind     shape    dtype     requires_grad   grad   memory",
        "────────────────────────────────────────────────────────────────",
        "x      tensor   (2, 2)   float32   yes             no       16 B",
        "1 variable, 16 B",
    ]
    duration, value = shell.enter("time 1 + 1")
    assert re.fullmatch(r"time [\d.]+ (ms|µs|s).*", duration)
    assert value == "2"


def test_anomaly_mode_reports_and_the_shell_goes_on(shell):
    assert shell.enter("anomaly on") == []
    assert shell.enter("log(zeros(1))")[0] == (
        "<shell>:2:1: error: Function 'log' returned inf values in its forward pass."
    )
    assert shell.enter("log(ones(1))") == ["tensor([0.])"]
    assert shell.enter("anomaly off") == []
    assert shell.enter("log(zeros(1))") == ["tensor([-inf])"]


def test_show_draws_cells(shell):
    shown = shell.enter("show [[1., 2.], [3., 4.]]")
    assert shown == [" 1  2", " 3  4", "[[1., 2.], [3., 4.]]: (2, 2) from 1 to 4"]
