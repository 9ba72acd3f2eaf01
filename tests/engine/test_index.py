"""Operations are imported when they are used, whether the index is new, old or missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

REPORT = """
import json, sys
from gradsh import engine
from gradsh.engine.attach import REGISTERS
at_start = sorted(m for m in sys.modules if m.startswith("gradsh.engine.ops."))
known = {name: sorted(register) for name, register in REGISTERS.items()}
determinant = engine.FUNCTIONS["eye"](2).det().item()
engine.load_all()
there = {name: sorted(register.loaded) for name, register in REGISTERS.items()}
print(json.dumps([at_start, known, there, determinant]))
"""


DECLARED = """
from gradsh import engine
{first}
for register in (engine.FUNCTIONS, engine.METHODS):
    for name in sorted(register):
        value = register[name]
        code = getattr(value, "__code__", None)
        print(name, value.__module__, code and code.co_varnames[: code.co_argcount])
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree with an index."""
    shutil.copytree(ROOT / "gradsh", tmp_path / "gradsh")
    shutil.copytree(ROOT / "scripts" / "dev", tmp_path / "scripts" / "dev")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    run(tmp_path, "scripts/dev/build_index.py")
    return tmp_path


def run(tree: Path, *arguments: str) -> str:
    """What Python prints when it runs in a tree."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout


def report(tree: Path) -> tuple[set[str], bool]:
    """The modules there are at the start; and all names must be known, and no others."""
    at_start, known, there, determinant = json.loads(run(tree, "-c", REPORT))
    assert known == there
    assert determinant == 1.0
    return set(at_start), "gradsh.engine.ops.determinants" in at_start


def test_a_module_is_imported_at_the_first_use_of_a_name(tree: Path) -> None:
    at_start, all_of_them = report(tree)
    assert not all_of_them
    assert len(at_start) < len(list((tree / "gradsh/engine/ops").glob("*.py"))) / 2


def test_a_name_that_is_declared_twice_means_the_later_one_from_the_start(tree: Path) -> None:
    late = run(tree, "-c", DECLARED.format(first=""))
    assert late == run(tree, "-c", DECLARED.format(first="engine.load_all()"))
    program = 'print div(tensor(7.), 2, rounding_mode="floor"), tensor(7.).div(2)'
    assert run(tree, "-m", "gradsh", "-c", program) == "tensor(3.) tensor(3.5000)\n"


def test_without_an_index_all_are_there(tree: Path) -> None:
    (tree / "gradsh/engine/_index.py").unlink()
    assert report(tree)[1]


def test_a_new_operation_is_seen_before_the_index_is_made_again(tree: Path) -> None:
    index = tree / "gradsh/engine/_index.py"
    with (tree / "gradsh/engine/ops/determinants.py").open("a") as module:
        module.write(
            "\n\n@composite(in_place=True)\ndef brand_new(input):\n"
            '    """input."""\n    return input * 2\n'
        )
    os.utime(index, (1, 1))
    assert report(tree)[1]
    assert run(tree, "-m", "gradsh", "-c", "brand_new(2.0)") == "4.0\n"
    run(tree, "scripts/dev/build_index.py")
    assert not report(tree)[1]
    program = "x = tensor([1.0]); x.brand_new_(); torch.brand_new(x)"
    assert run(tree, "-m", "gradsh", "-c", program) == "tensor([2.])\ntensor([4.])\n"


def test_names_are_known_that_are_not_imported(tree: Path) -> None:
    program = """
import sys
from gradsh.session import Session
from gradsh.engine import Tensor
session = Session()
assert {"det", "conv2d"} <= set(session.names)
assert {".det", ".elu_"} <= set(dir(Tensor))
assert ".det" in dir(session.builtins["torch"])
assert "gradsh.engine.ops.determinants" not in sys.modules
session.run("def f(x) = x.det() + slogdet(x).logabsdet")
assert "gradsh.engine.ops.determinants" in sys.modules
session.run("f(eye(3)); max(eye(2), 1).indices; torch.linalg.qr(eye(2)).R.shape")
"""
    shown = "tensor(1.)\ntensor([0, 1])\ntorch.Size([2, 2])\n"
    assert run(tree, "-c", program) == shown
