"""`gradsh convert` and `export`: files, places, exit statuses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gradsh.session import Session
from gradsh.shell.loop import Loop
from tests.sessions import Collected

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """\
# Squares.
x = ones(2) grad
y = x * 2  # twice
graph y
if true {
    # inside
    vars
}
y
"""
CONVERTED = '''\
"""Converted from program.grad."""

import torch

# Squares.
x = torch.ones(2, requires_grad=True)
y = x * 2  # twice
# not converted, line 4: PyTorch draws no graphs
#     graph y
if True:
    # inside
    # not converted, line 7: there is no list of variables
    #     vars
    pass
print(y)
'''
REFUSALS = """\
program.grad:4: not converted: PyTorch draws no graphs
program.grad:7: not converted: there is no list of variables
"""


def test_what_cannot_be_converted_is_told_with_its_line(run_gradsh: Run, tmp_path: Path) -> None:
    (tmp_path / "program.grad").write_text(PROGRAM)
    done = run_gradsh("convert", "program.grad")
    assert (done.returncode, done.stdout, done.stderr) == (1, CONVERTED, REFUSALS)


def test_a_program_is_written_to_a_file(run_gradsh: Run, tmp_path: Path) -> None:
    (tmp_path / "program.grad").write_text("print 1\n")
    done = run_gradsh("convert", "program.grad", "--to=torch", "-o", "out.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = '"""Converted from program.grad."""\n\nprint(1)\n'
    assert (tmp_path / "out.py").read_text() == text
    assert run_gradsh("convert", "-", given="print 1").stdout == text.replace(
        "program.grad", "<stdin>"
    )


def test_programs_that_are_run_come_along(run_gradsh: Run, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "outer.grad").write_text('x = 1\nrun "inner/a.grad"\nprint x\nrun "no.grad"\n')
    (tmp_path / "inner" / "a.grad").write_text('# a\nx = 2\nrun "b.grad"\nrun "a.grad"\n')
    (tmp_path / "inner" / "b.grad").write_text("print x + 1  # b\n")
    done = run_gradsh("convert", "outer.grad")
    assert done.returncode == 1
    assert (
        done.stdout
        == '''\
"""Converted from outer.grad."""

x = 1
# a
x = 2
print(x + 1)  # b
# not converted, line 4: only a file that is there, and named at the top level, is brought in
#     run "a.grad"
print(x)
# not converted, line 4: only a file that is there, and named at the top level, is brought in
#     run "no.grad"
'''
    )
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        str(Path("inner", "a.grad:4")),
        "outer.grad:4",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert"], "convert takes one file, not no file"),
        (["convert", "a.grad", "b.grad"], "convert takes one file, not 2 files"),
        (["convert", "no.grad"], "cannot read 'no.grad': No such file or directory"),
        (["convert", "p.grad", "--to", "rust"], "a program cannot be converted to 'rust'"),
        (["convert", "p.grad", "--to"], "--to needs TARGET after it"),
        (["convert", "p.grad", "--too=torch"], "unknown option --too"),
        (["convert", "p.grad", "-o", "p.grad"], "'p.grad' is the program itself"),
        (["convert", "p.grad", "-o", "no/p.py"], "cannot write 'no/p.py'"),
        (["convert", "p.grad", "--to", "gradsh"], "'p.grad' is not taken for Python code"),
        (["convert", "p.py", "--to", "torch"], "'p.py' is Python code"),
    ],
)
def test_a_wrong_command_line_exits_with_2(
    arguments: list[str], message: str, run_gradsh: Run, tmp_path: Path
) -> None:
    (tmp_path / "p.grad").write_text("1\n")
    (tmp_path / "p.py").write_text("1\n")
    done = run_gradsh(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_what_is_no_program_is_told_as_when_it_runs(run_gradsh: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.grad").write_text("x = 1\ny = (2\n")
    (tmp_path / "binary.grad").write_bytes(b"x = 1\n\xff")
    for name in ("bad.grad", "binary.grad"):
        converted, ran = run_gradsh("convert", name), run_gradsh(name)
        assert converted.returncode == 1
        assert converted.stderr == ran.stderr
        assert converted.stdout == ""


def test_help_tells_of_the_options(run_gradsh: Run) -> None:
    done = run_gradsh("convert", "--help")
    assert done.returncode == 0
    assert all(
        word in done.stdout for word in ("--to TARGET", "-o, --output OUT", "notebook.ipynb")
    )
    assert "gradsh convert FILE" in run_gradsh("--help").stdout


def test_export_writes_what_ran_so_far(run_gradsh: Run, tmp_path: Path) -> None:
    (tmp_path / "inner.grad").write_text("x * 2  # from the file\n")
    program = """\
x = ones(2) grad  # a leaf
run "inner.grad"
y = x * [1., 2.]
x + "a"
graph y
export "out.py"
export "again.py" torch
export "wrong.py" rust
export 3
"""
    (tmp_path / "program.grad").write_text(program)
    done = run_gradsh("--keep-going", "program.grad")
    expected = '''\
"""Exported from a session of gradsh."""

import torch

x = torch.ones(2, requires_grad=True)  # a leaf
print(x * 2)  # from the file
y = x * torch.tensor([1., 2.])

# not converted, line 5: PyTorch draws no graphs
#     graph y
'''
    assert (tmp_path / "out.py").read_text() == expected
    assert (tmp_path / "again.py").read_text() == expected
    told = "program.grad:5: not converted: PyTorch draws no graphs\n"
    assert done.stdout.count(told) == 2
    assert "a program cannot be converted to 'rust'" in done.stderr
    assert "export takes the path of a file as a text, not int" in done.stderr


def test_export_touches_no_file_in_a_safe_session(run_gradsh: Run, tmp_path: Path) -> None:
    done = run_gradsh("--safe", "-c", 'export "out.py"')
    assert done.returncode == 1
    assert "'export' may not be used here" in done.stderr
    assert not (tmp_path / "out.py").exists()


def test_export_in_a_shell_knows_what_stands(tmp_path: Path) -> None:
    session = Session(Collected(), echo=True, numbered=True)
    session.run("before = 1", "program.grad")
    loop = Loop(session, lambda: "")
    path = str(tmp_path / "out.py")
    for entry in (
        "x = ones(2) grad  # a leaf",
        "x * 2",
        "x +",
        'x + "a"',
        "y = 3",
        "undo",
        "_3 + before; vars",
        f'export "{path}"',
    ):
        loop.evaluate(entry)
    assert (
        Path(path).read_text()
        == '''\
"""Exported from a session of gradsh."""

import torch

before = 1
x = torch.ones(2, requires_grad=True)  # a leaf
_3 = x * 2
print(_3)
print(_3 + before)
'''
    )
