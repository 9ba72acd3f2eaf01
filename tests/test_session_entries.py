"""What was entered: `undo`, `redo`, `history`, `edit`, `record`, `reset`."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from gradsh.display.print_options import options
from gradsh.engine.random import default_generator
from gradsh.session import Fault, Session
from gradsh.session.entries import Dialogue, Past
from gradsh.session.settings import UNDO
from gradsh.shell.loop import Loop
from gradsh.shell.printer import Printer
from tests.engine.test_journal import described
from tests.sessions import Collected, output_of


class Typist:
    """Enters one entry after the other, and keeps what is shown."""

    def __init__(self) -> None:
        self.output = Collected()
        self.reports = io.StringIO()
        self.session = Session(self.output, echo=True, numbered=True)
        self.dialogue = self.session.dialogue = Dialogue(self.session)
        self.waiting: list[str] = []
        self.loop = Loop(self.session, self._read, Printer(self.reports))

    def _read(self) -> str:
        if not self.waiting:
            raise EOFError
        return self.waiting.pop(0)

    def enter(self, *entries: str) -> str:
        """What the last of these entries shows; an error's report without the lines of text."""
        for entry in entries:
            self.output.text = ""
            self.reports.seek(0)
            self.reports.truncate()
            self.waiting = [entry]
            self.loop.run(greet=False)
        report = [line for line in self.reports.getvalue().split("\n") if ": error: " in line]
        return self.output.text + "".join(line.partition(": error: ")[2] for line in report)


@pytest.fixture
def typist():
    yield Typist()
    UNDO.limit = 256


# ------------------------------------------------------------------------------- undo


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (["x = 1"], "took back `x = 1`: x is gone\n"),
        (["x = 1", "x = 2"], "took back `x = 2`: x as before\n"),
        (["x = 1", "del x"], "took back `del x`: x is back\n"),
        (["x = 1; y = 2; z = 3"], "took back `x = 1; y = 2; z = 3`: x, y, z are gone\n"),
        (["x = ones(2)", "x += 1"], "took back `x += 1`: x as before\n"),
        (["x = ones(2)", "v = x[0]", "v.zero_()"], "took back `v.zero_()`: x, v as before\n"),
        (["x = ones(2)", "x grad"], "took back `x grad`: x as before\n"),
        (
            ["x = ones(2) grad", "y = sum(x^2)", "backward y"],
            "took back `backward y`: x.grad, the graph of y as before\n",
        ),
        (
            ["x = ones(2) grad; opt = adam(x)", "backward sum(x); opt.step()"],
            "took back `backward sum(x); opt.step()`: x, x.grad, opt as before\n",
        ),
        (
            ["x = ones(2)", "x.normal_()"],
            "took back `x.normal_()`: x, the random numbers as before\n",
        ),
        (
            ["d = record(w=ones(2)); pair = (zeros(2), 1)", "d.w.add_(1); pair[0].add_(1)"],
            "took back `d.w.add_(1); pair[0].add_(1)`: d, pair as before\n",
        ),
        (["rand(2)"], "took back `rand(2)`: the random numbers as before\n"),
        (["set precision 7"], "took back `set precision 7`: precision as before\n"),
        (["anomaly on"], "took back `anomaly on`: anomaly as before\n"),
        (
            ["for i in range(2) {\n  x = i\n}"],
            "took back `for i in range(2) { ...`: i, x are gone\n",
        ),
        (["x = 5; y = 1/0"], "took back `x = 5; y = 1/0`: x is gone\n"),
        (
            ["; ".join(f"name_{n} = {n}" for n in range(12))],
            (
                "took back `name_0 = 0; name_1 = 1; name_2 = 2; name_3 = 3; name_4 = ...`: "
                "name_0, name_1, name_2, name_3, name_4, name_5, name_6 and 5 more are gone\n"
            ),
        ),
    ],
)
def test_undo_tells_what_it_took_back(typist, entries, told):
    typist.enter(*entries)
    assert typist.enter("undo") == told


def test_undo_brings_values_back_that_were_changed_in_place(typist):
    typist.enter("x = ones(3) grad; w = zeros(2, 2); n = 0", "y = sum(x^3)")
    before = typist.enter("print x, x.grad, w, w._version, n")
    typist.enter(
        "backward y; nograd < x.add_(1) >; w[0, 0] = 9; for i in range(5) { w += 1; n = i }"
    )
    after = typist.enter("print x, x.grad, w, w._version, n")
    typist.enter("undo")
    assert typist.enter("print x, x.grad, w, w._version, n") == before
    typist.enter("redo")
    assert typist.enter("print x, x.grad, w, w._version, n") == after
    typist.enter("undo", "backward y")
    assert typist.enter("x.grad") == "tensor([3., 3., 3.])\n"


def test_entries_that_only_show_are_passed_over(typist):
    typist.enter("x = ones(2)", "x.add_(1)", "x", "print x", "help x", "x * 2", "nothing")
    assert typist.enter("undo") == "took back `x.add_(1)`: x as before\n"
    assert typist.enter("_") == "tensor([1., 1.])\n"
    assert typist.session.shown == 2


def test_what_an_entry_made_itself_is_nothing_to_take_back(typist):
    typist.enter("x = 1", "zeros(3).add_(1)", "ones(2) grad")
    assert typist.enter("undo") == "took back `x = 1`: x is gone\n"


def test_undo_takes_several_and_redo_brings_them_again(typist):
    typist.enter("a = 1", "b = 2", "c = 3")
    assert typist.enter("undo 2") == (
        "took back `c = 3`: c is gone\ntook back `b = 2`: b is gone\n"
    )
    assert typist.enter("redo 5") == (
        "did again `b = 2`: b is back\ndid again `c = 3`: c is back\n"
    )
    assert typist.enter("redo") == "there is nothing to redo"
    assert typist.enter("undo 100").count("took back") == 3
    assert typist.enter("undo") == "there is nothing to undo"
    assert typist.enter("undo 0") == "undo takes a whole number of entries, not 0"


def test_what_is_entered_after_an_undo_ends_redo(typist):
    typist.enter("a = 1", "undo", "b = 2")
    assert typist.enter("redo") == "there is nothing to redo"
    typist.enter("undo", "print 3")
    assert typist.enter("redo") == "did again `b = 2`: b is back\n"


def test_undo_within_an_entry_takes_back_what_came_before_it(typist):
    typist.enter("x = 1; undo; y = 2")
    assert typist.session.variables == {"y": 2}
    typist.enter("undo")
    assert typist.session.variables == {}


def test_the_order_of_variables_comes_back_too(typist):
    typist.enter("a = 1; b = 2; c = 3", "del a", "undo")
    assert list(typist.session.variables) == ["a", "b", "c"]


def test_an_interrupted_or_failed_entry_can_be_taken_back(typist):
    typist.enter("x = ones(2)", "for i in range(9) { x += 1; assert i < 3 }")
    assert typist.enter("x") == "tensor([5., 5.])\n"
    typist.enter("undo")
    assert typist.enter("x") == "tensor([1., 1.])\n"


def test_undo_says_what_was_too_large(typist):
    typist.enter("set undo_limit 1", "x = zeros(1000, 1000);", "x += 1;")
    assert typist.enter("undo") == (
        "there is nothing to undo: `x += 1;` changed 3.8 MiB, more than undo_limit (1 MiB) "
        "lets undo hold"
    )
    typist.enter("y = 1")
    assert typist.enter("undo") == "took back `y = 1`: y is gone\n"
    typist.enter("x = 3")
    assert "`x = 3` replaced 3.8 MiB, more than undo_limit" in typist.enter("undo")
    typist.enter("x = zeros(200, 200)", *["x += 1;"] * 10)
    assert typist.enter("undo 100").count("took back `x += 1;`") == 6
    assert "`x += 1;` and what came before it took more memory" in typist.enter("undo")


def test_what_an_entry_makes_does_not_count(typist):
    typist.enter("set undo_limit 1", "x = zeros(1000, 1000); x += 1;")
    assert typist.enter("undo").startswith("took back `x = zeros")


def test_the_limit_is_a_setting(typist):
    assert typist.enter("set undo_limit") == "undo_limit 256\n"
    typist.enter("x = 1", "set undo_limit off", "x = 2")
    assert typist.enter("undo") == "there is nothing to undo: undo_limit is 0: nothing is kept"
    assert typist.enter("set undo_limit -1") == "undo_limit must be 0 or more, not -1"
    assert typist.enter("set undo_limit much") == (
        "undo_limit must be a number of MiB or off, not much"
    )


def test_files_stay_as_they_are(typist, tmp_path: Path):
    path = tmp_path / "x.npy"
    typist.enter("x = ones(2)", f'save(x, "{path}")')
    typist.enter("undo")
    assert f"the file '{path}', which it wrote, stays as it is\n" in typist.output.text
    assert path.exists()


ENTRIES = [
    "x = randn(3) grad", "w = zeros(2, 3)", "y = x * w", "row = w[0]", "row.add_(1)", "w += 1;",
    "nograd < x.mul_(2) >", "backward sum(y * y)", "backward sum(x^3)", "x.grad = none",
    "opt = adam(x, lr=0.1)", "opt.step()", "opt.zero_grad()", "opt.lr = 0.5", "del w", "x", "y + 1",
    "w.requires_grad_()", "x.requires_grad_(false)", "x.detach_()", "reset", "n = 3; nothing",
    "for i in range(3) { w[i] = i; w = w.clone() }", "w.data = x.data", "seed 3", "rand(2);",
    "def f(a) = a * 2", "y = f(x); y.retain_grad()", "w[:, 0] = 5.", "set precision 3",
    "minimize sum((x - 1)^2) over x steps 3", "a, b = x, w", "b.zero_()", "_ + 1", "z = y.grad_fn",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_going_back_and_forth_brings_every_state_again(typist, seed):
    chance = random.Random(seed)

    def state():
        session = typist.session
        shown = {name: described(value) for name, value in session.shown_values().items()}
        variables = {name: described(value) for name, value in session.variables.items()}
        generator = default_generator.state().tolist()
        return variables, shown, list(session.variables), generator, options.precision

    before = options.precision
    try:
        typist.enter("seed 0", "x = randn(3) grad", "w = ones(3, 3)", "y = x * w")
        states = [state()]
        for _ in range(25):
            typist.enter(chance.choice(ENTRIES))
            if typist.dialogue.undo_log.last_is_quiet:
                del states[-1]  # what was only shown belongs to the state before it
            states.append(state())
        position = len(states) - 1
        for _ in range(15):
            goal = chance.randrange(len(states))
            if goal < position:
                typist.enter(f"undo {position - goal}")
            elif goal > position:
                typist.enter(f"redo {goal - position}")
            position = goal
            assert state() == states[position]
    finally:
        options.precision = before


# ---------------------------------------------------------------------------- history


def test_history_lists_entries_with_their_numbers(typist):
    typist.dialogue.past = lambda: [Past("2026-01-02 10:00:00", "old"), Past("2026-01-03", "q\nr")]
    typist.enter("x = 1", "if x {\n  y = 2\n}", "y + z", "x = 5", "undo")
    assert typist.enter("history") == (
        "    # 2026-01-02\n    old\n    # 2026-01-03\n    q\n    r\n    # this session\n"
        " 1  x = 1\n 2  if x {\n      y = 2\n    }\n 5  y + z  # failed\n 6  x = 5  # taken back\n"
        " 7  undo\n"
    )
    assert typist.enter("history 2") == " 7  undo\n 8  history\n"
    assert typist.enter("history y") == (
        " 2  if x {\n      y = 2\n    }\n 5  y + z  # failed\n 8  history\n 9  history 2\n"
    )
    assert typist.enter('history "ld"') == "    # 2026-01-02\n    old\n"
    assert typist.enter("history nowhere") == "no entry has nowhere\n"


def test_a_variable_of_that_name_is_shown(typist):
    typist.enter("history = 3")
    assert typist.enter("history") == "3\n"


# ------------------------------------------------------------------------------- edit


def test_edit_runs_what_the_editor_gives(typist):
    given: list[str] = []

    def editor(text):
        given.append(text)
        return text.replace("+ 1", "+ 2")

    typist.dialogue.editor = editor
    typist.enter("def f(x) {\n  return x + 1\n}", "f(1)", "y = 3 + 1", "edit f")
    assert typist.output.text == ">>> def f(x) {\n...   return x + 2\n... }\n"
    assert typist.enter("f(1)") == "3\n"
    assert typist.enter("edit 5") == ">>> y = 3 + 2\ny = 5\n"
    assert typist.enter("f(1)", "edit") == "nothing was changed, and nothing is run\n"
    assert given == ["def f(x) {\n  return x + 1\n}", "y = 3 + 1", "f(1)"]
    assert typist.enter("edit 99") == "there is no entry 99"
    assert typist.enter("edit y") == "y is a number, and edit opens functions"
    assert typist.enter("edit mean") == "mean is built in: `help mean` tells of it"
    assert typist.enter("edit foo") == "name 'foo' is not defined"
    typist.dialogue.editor = lambda text: None
    assert typist.enter("edit f") == "nothing is run\n"


def test_edit_opens_what_had_a_syntax_error(typist):
    typist.dialogue.editor = lambda text: text + "1)"
    typist.enter("print (1 + ]")
    assert "(1 + ]1)" in typist.enter("edit")


# ----------------------------------------------------------------------------- record


def test_record_writes_a_program_of_what_succeeded(typist, tmp_path: Path):
    path = tmp_path / "f.grad"
    typist.enter("before = 1")
    assert typist.enter(f'record "{path}"') == f"recording into {path}; `record stop` ends it\n"
    typist.enter(
        "x = ones(2) grad   # a leaf",
        "def f(x) {\n  return x * 2\n}",
        "y = sum(f(x))",
        "y + nothing",
        "help y",
        "vars; y?",
        "backward y",
        "nograd < x.add_(1) >",
        "undo",
        "z = 3; z + nothing",
        "print x.grad",
    )
    program = path.read_text()
    assert program.startswith("# recorded by gradsh ")
    assert program.split("\n")[1:] == [
        "x = ones(2) grad   # a leaf", "def f(x) {", "  return x * 2", "}", "y = sum(f(x))",
        "backward y", "z = 3", "print x.grad", "",
    ]  # fmt: skip
    assert typist.enter("record stop") == f"{path} has 6 statements\n"
    typist.enter("x = 9")
    assert path.read_text() == program
    assert output_of(program) == "tensor([2., 2.])\n"
    assert typist.enter("record stop") == "nothing is recorded now"
    assert typist.enter(f'record "{path}"') == f"there is a file '{path}' already"
    typist.enter(f'record all "{path}.2"')
    assert Path(f"{path}.2").read_text().split("\n")[1] == "before = 1"


def test_shown_values_have_names_in_the_program(typist, tmp_path: Path):
    path = tmp_path / "f.grad"
    typist.enter(
        "x = ones(2)",
        "x * 2",
        "_ + 1",
        "a = _2 * _3",
        "print _",
        "x + 7; x + 8;",
        f'record all "{path}"',
    )
    program = path.read_text()
    assert program.split("\n")[1:] == [
        "x = ones(2)", "_2 = x * 2", "_2", "_3 = _2 + 1", "_3", "a = _2 * _3", "_4 = a",
        "print _4", "x + 7; x + 8;", "",
    ]  # fmt: skip
    assert output_of(program).split("\n")[:3] == [
        "tensor([2., 2.])", "tensor([3., 3.])", "tensor([6., 6.])",
    ]  # fmt: skip


# ------------------------------------------------------------------ reset, other fronts


def test_reset_forgets_and_undo_brings_back(typist):
    typist.enter("x = 1; y = 2", "x + y")
    assert typist.enter("reset") == "forgot x, y; `undo` brings them back\n"
    assert typist.enter("_") == "name '_' is not defined"
    assert typist.enter("reset") == "there were no variables\n"
    assert typist.enter("undo") == "took back `reset`: x, y are back\n"
    assert typist.enter("_1, _2, _3, _") == "(1, 2, 3, 3)\n"
    assert typist.enter("redo") == "did again `reset`: x, y are gone\n"
    assert typist.enter("_1") == "name '_1' is not defined"
    typist.enter("undo 100", "redo 100")
    assert typist.session.shown == 0


def test_reset_works_in_a_program():
    assert output_of("x = 1; reset; vars") == "forgot x\nno variables yet\n"


@pytest.mark.parametrize("word", ["undo", "redo 2", "history", "edit", 'record "f"', "record stop"])
def test_what_belongs_to_the_shell_says_so(word):
    with pytest.raises(Fault, match=f"{word.split()[0]} belongs to the shell") as caught:
        output_of(word)
    assert caught.value.diagnostic.hint


def test_vars_by_size(typist):
    typist.enter("a = zeros(2); b = zeros(3, 3); c = 1; d = zeros(4)")
    names = [line.split()[0] for line in typist.enter("vars -s").split("\n")[1:5]]
    assert names == ["b", "d", "a", "c"]
    typist.enter("vars = 5; s = 2")
    assert typist.enter("vars - s") == "3\n"
