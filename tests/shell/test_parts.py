"""The parts of the shell, without a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gradsh.session import Output, Session
from gradsh.shell.calls import Call, call_at
from gradsh.shell.completer import GradshCompleter, paths, receiver_before
from gradsh.shell.history import EntryFile
from gradsh.shell.indentation import closer_indentation, next_indentation, outdent_width
from gradsh.shell.lexer import styled_lines
from gradsh.shell.loop import Loop
from gradsh.shell.names import WORDS, Names
from gradsh.shell.pasting import pasted
from gradsh.shell.preferences import PREFERENCES
from gradsh.shell.printer import Printer, error_report
from gradsh.shell.toolbar import Toolbar, fitted


class Written(Output):
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def loop_over(*entries, session=None):
    """Run a loop over entries; the session, what it wrote, and the reports."""
    session = session or Session(Written(), echo=True)
    reports = io.StringIO()
    left = iter(entries)

    def read():
        entry = next(left, None)
        if entry is None:
            raise EOFError
        if isinstance(entry, BaseException):
            raise entry
        return entry

    assert Loop(session, read, Printer(reports)).run(greet=False) == 0
    return session.output.text, reports.getvalue()


# ------------------------------------------------------------------------- the loop


def test_an_internal_error_says_where_to_report_and_the_session_goes_on():
    class Broken(Written):
        def show(self, value, name=None):
            if value == 13:
                return {}["gone"]
            return super().show(value, name)

    written, reports = loop_over("a = 1;", "13", "a", session=Session(Broken()))
    assert "internal error: KeyError: 'gone'" in reports
    assert "report it as CONTRIBUTING.md says" in reports
    assert written == "1\n"


def test_an_internal_error_shows_its_frames_when_asked(monkeypatch):
    class Broken(Written):
        def show(self, value, name=None):
            return {}["gone"]

    monkeypatch.setenv("GRADSH_TRACEBACK", "1")
    _, reports = loop_over("13", session=Session(Broken()))
    assert "Traceback (most recent call last)" in reports


def test_ctrl_c_between_entries_is_no_end():
    written, _ = loop_over("1", KeyboardInterrupt(), "2")
    assert written == "1\n2\n"


def test_a_fault_of_the_editor_leaves_the_plain_prompt(monkeypatch):
    lines = iter(["(1 +", "2)"])

    def fake_input(prompt):
        line = next(lines, None)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr("builtins.input", fake_input)
    written, reports = loop_over(ValueError("the editor broke"))
    assert "the editor broke" in reports
    assert written == "3\n"


def test_lines_are_numbered_through_all_entries():
    _, reports = loop_over("a = 1;\nb = 2;", "c")
    assert reports.startswith("<shell>:3:1: error")


@pytest.mark.parametrize("entry", ["1 / none", "x = = 1", 'assert false, "one\\ntwo"', "\t1 + q"])
def test_a_report_in_colour_has_the_words_of_the_plain_one(entry):
    from gradsh.session import Fault
    from gradsh.session.faults import fault_of

    session = Session(Written())
    try:
        session.run(entry)
    except Fault as error:
        diagnostic = fault_of(error).diagnostic
    report = error_report(diagnostic)
    assert report.plain == diagnostic.render()
    styled = {report.plain[span.start : span.end] for span in report.spans}
    assert "error" in styled
    assert any(text.strip("~^ \t") == "" for text in styled)


# ---------------------------------------------------------------------- completion


@pytest.fixture
def completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = Session(Written())
    session.run("xs = ones(2); text = 'a'; def loss(a) = a")
    completer = GradshCompleter(Names(session))
    return lambda before: [text for text, _ in completer.candidates(before)[1]]


def test_names_come_before_built_ins_and_words(completed):
    found = completed("lo")
    assert found[0] == "loss"
    assert {"log", "logspace", "load"} <= set(found)
    assert "while" in completed("whi")
    assert completed("ones(1) + x")[0] == "xs"
    assert not any(name.startswith("_") for name in completed(""))


def test_attributes_are_those_of_the_value(completed):
    assert completed("xs.requires_g") == ["requires_grad", "requires_grad_"]
    assert "grad_fn" in completed("(xs + 1).grad")
    assert completed("xs.g")[:2] == ["grad", "grad_fn"]
    assert "reshape" in completed("mean(xs).resh")
    assert completed("text.upp") == []
    assert "linalg" in completed("torch.lin")
    assert completed("unknown.requires_g") == ["requires_grad", "requires_grad_"]


def test_nothing_is_evaluated(completed):
    class Trap:
        def __getattribute__(self, name):
            raise AssertionError(f"asked for {name}")

    session = Session(Written())
    session.namespace["trap"] = Trap()
    assert Names(session).attributes("trap") == []
    assert Names(session).description(None, "trap") == "Trap"
    assert Names(session).parameters("trap.x") == []


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("mean(xs, k", ["keepdim=", "kl_div", "kron", "kthvalue"]),
        ("xs.mean(0, d", "dtype="),
        ("(xs + 1).sum(k", "keepdim="),
        ("torch.nn.functional.softmax(xs, d", "dim="),
        ("mean(xs, keepdim=true, k", ["kl_div", "kron", "kthvalue"]),
        ("loss(a", "a="),
        ("[loss(xs, loss(a", "a="),
        ("adam(xs, l", "lr="),
    ],
)
def test_keyword_arguments_come_first_in_a_call(completed, before, found):
    assert completed(before) == found if type(found) is list else completed(before)[0] == found


@pytest.mark.parametrize("before", ["mean(xs + k", "mean(dtype=k", "mean([k", "(k", "def mean(k"])
def test_keyword_arguments_only_where_one_may_begin(completed, before):
    assert "keepdim=" not in completed(before)


def test_words_only_where_they_may_stand(completed):
    assert "while" in completed("whi")
    assert completed("x = whi") == []
    assert completed("backward xs wi") == ["with"]
    assert completed("anomaly of") == ["off"]
    assert completed("minimize sum(xs) o") == ["or", "over"]
    assert completed("graph xs; graph x")[0] == "xs"
    assert "loss" in completed("time lo")
    assert "print" in completed("for i in range(3) {\n    pri")


def test_settings_and_their_words(completed):
    assert "precision" in completed("set prec")
    assert completed("set profile sh") == ["short"]
    assert "sh" not in completed("x = 1; set ")


def test_what_help_explains(completed):
    assert completed("help gradi")[0] == "gradients"
    assert "mean" in completed("help mea")
    assert "while" in completed("x = 1; help whi")
    assert "toolbar" in completed("help toolb")
    assert "mean" in completed("?mea")
    assert "gradients" not in completed("gradi")


def test_each_entry_has_a_line_beside_it(tmp_path):
    session = Session(Written())
    session.run(
        "xs = ones(2, 3) grad; count = 3; text = 'a'; pair = (1, 2); def loss(a, b=2.5) = a"
    )
    completer = GradshCompleter(Names(session))

    def beside(before: str, text: str) -> str:
        return dict(completer.candidates(before)[1])[text]()

    assert beside("x", "xs") == "(2, 3) float32, requires grad"
    assert beside("c", "count") == "3"
    assert beside("t", "text") == '"a"'
    assert beside("p", "pair") == "tuple of 2"
    assert beside("l", "loss") == "(a, b=2.5)"
    assert beside("conv", "conv2d").startswith("Convolution of (batch")
    assert beside("xs.resh", "reshape").startswith("input in another shape")
    assert beside("xs.re", "requires_grad_")
    assert beside("mean(xs, ", "keepdim=") == "by default false"
    assert beside("var", "vars") == "list your variables and what they are; -s: by size"
    assert beside("set prec", "precision").startswith("4  ")


def test_completion_of_all_there_is_loads_only_what_is_shown():
    import subprocess
    import sys

    program = """
import sys
from gradsh.session import Session
from gradsh.shell.completer import GradshCompleter
from gradsh.shell.names import Names
completer = GradshCompleter(Names(Session()))
before = set(sys.modules)
assert len(completer.candidates("")[1]) > 300
assert not {name for name in set(sys.modules) - before if ".ops." in name}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("before", ['print "lo', "1 # lo", "x = 1lo"])
def test_nothing_is_completed_in_texts_comments_and_numbers(completed, before):
    assert completed(before) == []


def test_file_names(completed, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a b.npy").touch()
    (tmp_path / "fold.csv").touch()
    (tmp_path / ".hidden").touch()
    assert completed('x = load("fo') == ["folder/", "fold.csv"]
    assert completed('run "folder/') == ["folder/a b.npy"]
    assert completed('save(xs, "fold.') == ["fold.csv"]
    assert completed('load("nowhere/') == []
    assert [path.text for path in paths("")] == ["folder/", "fold.csv"]
    assert [path.describe() for path in paths("f")] == ["folder", "0 B"]
    assert [path.text for path in paths(".h")] == [".hidden"]
    assert completed('print "fo') == []


@pytest.mark.parametrize(
    ("before", "receiver"),
    [
        ("x.", "x"),
        ("1 + torch.linalg.", "torch.linalg"),
        ("f(x).", ""),
        ("f(x).y.", ""),
        ("x", None),
    ],
)
def test_what_stands_before_the_dot(before, receiver):
    assert receiver_before(before) == receiver


def test_the_words_are_those_of_the_grammar():
    assert {"while", "nograd", "retain_graph", "minimize"} <= set(WORDS)


# ------------------------------------------------------------- lines and their style


@pytest.mark.parametrize(
    ("before", "blanks"),
    [("x = 1", 0), ("if a {", 4), ("f(\n    [1,", 8), ("nograd <", 4), ("x +", 4), ("", 0)],
)
def test_the_next_line_is_indented(before, blanks):
    assert next_indentation(before) == " " * blanks


def test_a_closer_goes_under_its_opener():
    assert closer_indentation("if a {\n    ", "}") == ""
    assert closer_indentation("if a {\n    f(\n        ", ")") == "    "
    assert closer_indentation("nograd <\n    x\n    ", ">") == ""
    assert closer_indentation("if a {\n    x ", ">") is None
    assert closer_indentation("}\n", "}") is None


def test_a_backspace_takes_one_step_of_indentation():
    assert [outdent_width(line) for line in ("", " ", "    ", "      ", "  x ")] == [1, 1, 4, 2, 1]


@pytest.mark.parametrize(
    "text", ["", "\n", "if x {\n  1 # one\n\n}\n", 'print "a', "x = $ 1\n\t# end", "é = 'ü'\n"]
)
def test_styled_lines_are_the_text(text):
    lines = styled_lines(text, Names(Session(Written())))
    assert "\n".join("".join(piece[1] for piece in line) for line in lines) == text


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("mine + mean(yours) ", {"mine": "variable", "mean": "builtin", "yours": "unknown"}),
        ("new = 1; new + knew ", {"new": "variable", "knew": "unknown"}),
        ("a, b = mine; a + b", {"a": "variable", "b": "variable"}),
        ("mean(mine, dim=0) + dim ", {"dim": "variable unknown"}),
        ("mine.nothing + 1", {"nothing": "name"}),
        ("def f(u, v=mine) = f(u) + v + w ", {"f": "variable", "u": "variable", "w": "unknown"}),
        ("def f(x) { x } backward(g) { g }", {"g": "variable"}),
        ("backward (gone) ", {"gone": "unknown"}),
        ("(p, q) -> p + q", {"p": "variable", "q": "variable"}),
        ("for i in range(3) { print i }", {"i": "variable", "range": "builtin"}),
        ("try { 1 } catch e { print e }", {"e": "variable"}),
        ("set precision full ", {"precision": "name", "full": "name"}),
        ("help nothing ", {"nothing": "name"}),
        ("mea", {"mea": "name"}),
        ("meax", {"meax": "unknown"}),
    ],
)
def test_names_are_told_apart(text, kinds):
    session = Session(Written())
    session.run("mine = 1")
    told = {}
    for line in styled_lines(text, Names(session)):
        for style, piece in line:
            told.setdefault(piece, set()).add(style.removeprefix("class:gradsh."))
    assert {name: told[name] for name in kinds} == {
        name: set(kind.split()) for name, kind in kinds.items()
    }


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("f(1]", "]"), ("(1 + 2", ""), ("nograd < (1) >", ""), ("1)", ")"), ("{[1}", "}")],
)
def test_a_bracket_that_closes_no_open_one_is_told(text, wrong):
    pieces = [piece for line in styled_lines(text, Names(Session(Written()))) for piece in line]
    assert "".join(piece for style, piece in pieces if style == "class:gradsh.mismatch") == wrong


# -------------------------------------------------------- calls, toolbar, pasting, `x?`


@pytest.mark.parametrize(
    ("before", "call"),
    [
        ("mean(", Call("mean", 0, (), None, True)),
        ("x = y.sum(1, keepdim=", Call("y.sum", 1, ("keepdim",), "keepdim", True)),
        ("(a + b).mean(", Call(".mean", 0, (), None, True)),
        ("f(g(1), [2, (3", Call("f", 1, (), None, False)),
        ("torch.linalg.inv(", Call("torch.linalg.inv", 0, (), None, True)),
        ("f(1)", None),
        ("def f(a, ", None),
        ("print (1", None),
        ("f(nograd < x", None),
    ],
)
def test_the_call_at_the_cursor(before, call):
    assert call_at(before, len(before)) == call


def test_the_toolbar_tells_the_state_or_the_call():
    session = Session(Written())
    session.run("x = zeros(256, 2); half = x[0]; def loss(a, b=2) = a")
    bar = Toolbar(session, Names(session))

    def told(before: str) -> str:
        return "".join([piece[1] for piece in bar.fragments(before, len(before))])

    bar.refresh(None)
    assert told("") == "recording  ·  float32  ·  2.0 KiB"
    assert told("x") == "(256, 2) float32  ·  recording  ·  float32  ·  2.0 KiB"
    session.run("anomaly on; anomaly off")
    bar.refresh(0.0123)
    assert told("(1 + ") == "recording  ·  float32  ·  2.0 KiB  ·  last 12.3 ms"
    assert told("loss(x, ") == "(256, 2) float32  ·  loss(a, b=2)"
    assert told("mean(x, ") == (
        "() float32  ·  mean(input, dim=none, keepdim=false, *, dtype=none)  "
        "Mean of the elements, of all or along dim"
    )
    assert told("x.mean(").startswith("() float32  ·  mean(dim=none, keepdim=false")
    whole = "mean(x) + loss(x, 2)"
    assert bar.fragments(whole, 6)[2][1] == "mean("
    assert told("unknown(").startswith("recording")
    marked = [
        piece[1] for piece in bar.fragments("mean(x, ", len("mean(x, ")) if "argument" in piece[0]
    ]
    assert marked == ["dim=none"]
    marked = [
        piece[1]
        for piece in bar.fragments("mean(x, dtype=", len("mean(x, dtype="))
        if "argument" in piece[0]
    ]
    assert marked == ["dtype=none"]


def test_the_settings_of_the_shell():
    session = Session(Written())
    try:
        session.run("set toolbar off; set editing_mode vi")
        assert (PREFERENCES.toolbar, PREFERENCES.editing_mode) == (False, "vi")
        session.change_setting("toolbar", "on")
        assert PREFERENCES.toolbar is True
        with pytest.raises(ValueError, match="editing_mode must be emacs or vi, not 3"):
            session.change_setting("editing_mode", "3")
        with pytest.raises(TypeError, match="toolbar must be on or off, not 3"):
            session.change_setting("toolbar", "3")
    finally:
        PREFERENCES.toolbar, PREFERENCES.editing_mode = True, "emacs"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("x = 1\r\n\ty = 2", "x = 1\n    y = 2"),
        (">>> x = torch.ones(2)\n>>> x\ntensor([1., 1.])\n>>> f(1,\n...   2)\n3\n",
         "x = torch.ones(2)\nx\nf(1,\n  2)"),
        ("In [3]: a = 1\n\nIn [4]: f(a,\n   ...:   2)\nOut[4]: 3\n", "a = 1\nf(a,\n  2)"),
        ("x = 1\n>>> y = 2\n", "x = 1\ny = 2"),
        ("nograd <\n nograd <\n  nograd < x\n>>>\n", "nograd <\n nograd <\n  nograd < x\n>>>\n"),
        ("x[..., 0]\n... ", "x[..., 0]\n... "),
    ],
)  # fmt: skip
def test_prompts_of_other_shells_are_taken_off(text, entry):
    assert pasted(text) == entry


def test_a_question_asks_for_help():
    written, reports = loop_over("mean?", "?mean", "x = 3", "x ?", "while?", "?")
    assert reports == ""
    assert "one of the topics below" in written
    assert written.count("mean(input, dim=none") == 2
    assert "while C { S }" in written


# --------------------------------------------------------------------- history file


def test_a_history_keeps_entries_of_many_lines(tmp_path: Path):
    path = tmp_path / "new" / "history"
    EntryFile(path).append_string("if a {\n    # one\n\n    +1\n}")
    EntryFile(path).append_string("é")
    assert list(EntryFile(path).load_history_strings()) == ["é", "if a {\n    # one\n\n    +1\n}"]


def test_a_long_history_gives_its_newest_part(tmp_path: Path):
    path = tmp_path / "history"
    path.write_text("".join(f"\n# time\n+entry {n} {'x' * 1000}\n" for n in range(3000)))
    entries = list(EntryFile(path).load_history_strings())
    assert entries[0].startswith("entry 2999 ")
    assert 900 < len(entries) < 1100
    assert all(entry.startswith("entry ") for entry in entries)


def test_a_history_that_cannot_be_kept_is_no_error(tmp_path: Path):
    (tmp_path / "file").touch()
    history = EntryFile(tmp_path / "file" / "history")
    history.append_string("1")
    assert list(history.load_history_strings()) == []
    assert history.get_strings() == ["1"]


def test_the_history_stands_among_the_users_data(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert EntryFile().path.name == "history"
    assert "gradsh" in EntryFile().path.parts


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (20, "(2,) f  ·  mean(x)"),
        (18, "(2,) f  ·  mean(x)"),
        (17, "(2,) f  ·  mean(…"),
        (11, "(2,) f…"),
        (1, "…"),
    ],
)
def test_a_toolbar_that_is_too_long_says_that_there_is_more(columns, line):
    pieces = [("a", "(2,) f"), ("b", "  ·  "), ("c", "mean(x)")]
    assert "".join(text for _, text in fitted(pieces, columns)) == line
