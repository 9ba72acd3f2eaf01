"""PyTorch code becomes a gradsh program that prints, byte for byte, what PyTorch prints."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gradsh.conversion import Program, convert_notebook, convert_program, convert_python
from gradsh.language import SyntaxFault

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TUTORIALS = sorted((HERE / "tutorials").glob("*.py"))
PROGRAMS = sorted([*ROOT.glob("scripts/*.grad"), *ROOT.glob("tests/programs/*.grad")])
FORMS = dict(
    part.split("\n", 1)
    for part in ("\n" + (HERE / "forms.txt").read_text(encoding="utf-8")).split("\n== ")[1:]
)
ONE_WAY = "shown blocks"
"""The forms that do not come back: in PyTorch a block inside an expression binds a global."""

InGradsh = Callable[..., str]
InPython = Callable[[str], str]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_print_the_same(path: Path, in_python: InPython, in_gradsh: InGradsh) -> None:
    code = path.read_text(encoding="utf-8")
    program, refusals = convert_python(code, path.name)
    assert refusals == []
    assert in_gradsh(program) == in_python(code)


def run_as_notebook(text: str) -> str:
    """Python code that prints what a notebook shows: the values that its cells end with too."""
    lines = ["def displayed(value):", "    if value is not None: print(repr(value))"]
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] != "code":
            continue
        code = "".join(line for line in cell["source"] if not line.startswith("%"))
        tree = ast.parse(code)
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
            shown = ast.Call(ast.Name("displayed"), [tree.body[-1].value], [])
            tree.body[-1] = ast.Expr(shown)
        lines.append(ast.unparse(ast.fix_missing_locations(tree)))
    return "\n".join(lines)


def test_a_notebook_shows_the_same(in_python: InPython, in_gradsh: InGradsh) -> None:
    text = (HERE / "tutorials" / "tensors.ipynb").read_text(encoding="utf-8")
    program, refusals = convert_notebook(text, "tensors.ipynb")
    assert refusals == []
    assert "# What a beginner tries first." in program
    assert in_gradsh(program) == in_python(run_as_notebook(text))


@pytest.mark.parametrize(
    ("name", "text"),
    [*((path.stem, path.read_text(encoding="utf-8")) for path in PROGRAMS), *FORMS.items()],
    ids=lambda value: value if "\n" not in value else "",
)
def test_there_and_back_again(
    name: str, text: str, in_gradsh: InGradsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "scripts")
    there, _ = convert_program(Program.parsed(text, "there.grad"), "There.", "torch")
    back, refusals = convert_python(there, "back.py")
    if name == ONE_WAY:
        assert ["cannot bind variables" in refusal.reason for refusal in refusals] == [True]
        return
    assert refusals == []
    assert in_gradsh(back) == in_gradsh(text)


def converted(code: str) -> str:
    """The program of code that converts as a whole."""
    program, refusals = convert_python("import torch\n" + code, "code.py")
    assert refusals == []
    return program


@pytest.mark.parametrize(
    ("code", "program"),
    [
        ("x = torch.ones(2, requires_grad=True)", "x = ones(2) grad"),
        ("x = torch.ones(2).requires_grad_()", "x = ones(2) grad"),
        ("x = torch.tensor([1.5, 2e-3], dtype=torch.float64)", None),
        ("loss.backward()", "backward loss"),
        ("y.backward(v, retain_graph=True)", "backward y with v retain_graph"),
        ("(x * 2).backward(inputs=[a, b])", "backward x * 2 inputs a, b"),
        ("y.backward(retain_graph=flag)", "y.backward(retain_graph=flag)"),
        ("w.grad = None", "w.grad = none"),
        ("w.data -= 0.1 * w.grad", "w.data -= 0.1 * w.grad"),
        ("x ** 2", "x^2;"),
        ("print((1, 2))", "print ((1, 2))"),
        ("print((a + b) * c, d)", "print (a + b) * c, d"),
        ("print()", "print"),
        ("a < b < c", "a < b and b < c;"),
        ("(a < b) < c", "(a < b) < c;"),
        ("a - (b - c)", "a - (b - c);"),
        ("(-x) ** 2, -x ** 2", "((-x)^2, -x^2);"),
        ("x ^ y", "bitwise_xor(x, y);"),
        ("torch.manual_seed(3)", "seed 3"),
        ("torch.set_printoptions(precision=2, sci_mode=False)",
         "set precision 2\nset sci_mode false"),
        ("torch.linalg.norm(A)", "torch.linalg.norm(A);"),
        ("torch.sum(x, dim=0, keepdim=True)", "sum(x, dim=0, keepdim=true);"),
        ("sum = torch.sum(x)", "sum = torch.sum(x)"),
        ("x = x.to('cpu').float()", "x = x.float()"),
        ("f = lambda: x", "f = () -> x"),
        ("catch = run = true = 1", "catch_ = run_ = true_ = 1"),
        ("for step in range(3):\n    help = step", "for step in range(3) {\n    help_ = step\n}"),
        ("with torch.no_grad():\n    y = x", "nograd <\n    y = x\n>"),
        ("with torch.set_grad_enabled(False):\n    x + 1", "nograd <\n    x + 1;\n>"),
        ("if a:\n    pass\nelif b:\n    c = 1\nelse:\n    c = 2",
         "if a {\n} else if b {\n    c = 1\n} else {\n    c = 2\n}"),
        ("x = 1  # one\n# two\n\ny = 2", "x = 1  # one\n# two\n\ny = 2"),
        ("i = 9\nx = [i for i in y]\nprint(i)",
         "i = 9\nvalues1 = ()\nfor i2 in y { values1 = values1 + (i2,) }\nx = values1\nprint i"),
        ("'''Words.\n\nMore.'''", "# Words.\n#\n# More."),
    ],
)  # fmt: skip
def test_code_as_a_gradsh_user_writes_it(code: str, program: str | None) -> None:
    written = converted(code)
    if program is not None:
        assert written == program + "\n"
    list(Program.parsed(written, "converted").statements)


REFUSED = """\
import torch
import numpy as np
from torch import nn

x = torch.ones(3)
model = nn.Linear(3, 1)


class Net(nn.Module):
    # a network
    def forward(self, x):
        return x


def f(*values):
    return values


print(np.mean(x.numpy()))
for i in range(2):
    if i:
        # inside
        table = {"a": 1}
    print(i, end="")
raise ValueError("no")
x[0] = 1
"""
COMMENTED = """\
x = ones(3)
# not converted, line 6: gradsh has no modules such as Linear: write its tensors and functions out
#     model = nn.Linear(3, 1)

# not converted, line 9: gradsh has no modules: write its tensors and functions out
#     class Net(nn.Module):
#         # a network
#         def forward(self, x):
#             return x

# not converted, line 15: functions of gradsh have plain parameters: no *, ** or /
#     def f(*values):
#         return values

# not converted, line 19: gradsh has nothing of numpy
#     print(np.mean(x.numpy()))
for i in range(2) {
    if i {
        # inside
        # not converted, line 23: gradsh has no dictionaries
        #     table = {"a": 1}
    }
    # not converted, line 24: print of gradsh has no end
    #     print(i, end="")
}
# not converted, line 25: gradsh has no `raise`: an error comes from `assert`
#     raise ValueError("no")
x[0] = 1
"""


def test_what_cannot_be_converted_stands_in_its_place() -> None:
    program, refusals = convert_python(REFUSED, "code.py")
    assert program == COMMENTED
    assert [refusal.line for refusal in refusals] == [6, 9, 15, 19, 23, 24, 25]
    assert str(refusals[0]).startswith("code.py:6: not converted: gradsh has no modules")
    Program.parsed(program, "program.grad")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("x = a if b else {}", "dictionaries"),
        ("print([1, 2])", "a list of Python is a tuple"),
        ("x = []\nx.append(1)\nprint(x)", "a list of Python is a tuple"),
        ("x = [1]\nx[0] = 2", "an element of a list cannot be set"),
        ("def f():\n    global x\n    x = 1", "cannot bind variables around it"),
        ("x = []\ndef f():\n    x.append(1)", "cannot change the variable x around it"),
        ("x = y is z", "operator `is`"),
        ("x = 1 in y", "operator `in`"),
        ("x = f'{a:{w}}'", "cannot contain values"),
        ("torch.svd(x)", "torch.svd is not what torch.linalg.svd is"),
        ("torch.compile(x)", "gradsh has no torch.compile"),
        ("x.numpy()", "no numpy arrays"),
        ("while f([i for i in x]):\n    pass", "would need statements"),
        ("try:\n    x = 1\nfinally:\n    y = 2", "neither else nor finally"),
        ("@decorated\ndef f(): pass", "no decorators"),
        ("print(x, sep=', ')", "print of gradsh has no sep"),
        ("x = 1j", "complex"),
        ("open('f')", "gradsh has no open such as Python's"),
        ("with open('f') as g:\n    pass", "only torch.no_grad"),
        ("a, *b = c", "plain variables"),
        ("x, y = (z := 3), 2", "assignment inside an expression"),
        ("opt = torch.optim.SGD(model.parameters(), lr=0.1)", "parameters of a module"),
        ("torch = 3", "torch is the name of something that is imported too"),
        ("f = lambda torch: 1", "torch is the name of something that is imported too"),
        ("match x:\n    case 1: pass", "`match`"),
    ],
)
def test_each_refusal_says_why(code: str, reason: str) -> None:
    program, refusals = convert_python("import torch\n" + code, "code.py")
    assert any(reason in refusal.reason for refusal in refusals), refusals
    Program.parsed(program, "program.grad")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x = (1\n", "'(' was never closed", 1),
        ("x = 1\nif x:\ny = 2\n", "expected an indented block", 3),
        ("x = 1\0", "null bytes", 1),
    ],
)
def test_what_is_no_python_is_told_with_its_place(text: str, message: str, line: int) -> None:
    with pytest.raises(SyntaxFault, match="this is not Python code") as caught:
        convert_python(text, "code.py")
    assert message in caught.value.message
    assert caught.value.line == line


def notebook(*cells: str) -> str:
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}
    )


def test_places_in_a_notebook_name_the_cell() -> None:
    text = notebook("x = 1", "!pip install torch\nx = {}\n", "%%time\nx", "%matplotlib inline\nx")
    program, refusals = convert_notebook(text, "n.ipynb")
    assert [str(refusal).partition(": ")[0] for refusal in refusals] == [
        "n.ipynb[cell 2]:1",
        "n.ipynb[cell 3]:1",
        "n.ipynb[cell 2]:2",
    ]
    assert "# not converted, cell 2, line 2: gradsh has no dictionaries" in program
    assert program.endswith("\n# %matplotlib inline\nx\n")
    with pytest.raises(SyntaxFault) as caught:
        convert_notebook(notebook("x = 1", "x ="), "n.ipynb")
    assert caught.value.source == "n.ipynb[cell 2]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is no notebook: Expecting property name"),
        ("[]", "this is no notebook: it has no cells"),
        ('{"worksheets": []}', "this notebook has an old format"),
    ],
)
def test_what_is_no_notebook_is_told(text: str, message: str) -> None:
    with pytest.raises(SyntaxFault, match=message):
        convert_notebook(text, "n.ipynb")


def test_the_command_line_goes_by_the_ending(
    run_gradsh: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("import torch\nprint(torch.ones(2))\n")
    (tmp_path / "b.ipynb").write_text(notebook("x = 1\nx"))
    (tmp_path / "bad.py").write_text("x = (\n")
    done = run_gradsh("convert", "a.py", "-o", "a.grad")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run_gradsh("a.grad").stdout == "tensor([1., 1.])\n"
    assert run_gradsh("convert", "b.ipynb").stdout == "x = 1\nx\n"
    assert run_gradsh("convert", "-", "--to", "gradsh", given="x = 2").stdout == "x = 2\n"
    bad = run_gradsh("convert", "bad.py")
    assert bad.returncode == 1
    assert bad.stderr.startswith("bad.py:1:5: error: this is not Python code: '(' was never closed")
