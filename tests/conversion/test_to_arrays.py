"""Programs of numpy and of JAX print, byte for byte, what the gradsh program prints."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradsh.conversion import Program, convert_program

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ARRAYS = HERE / "arrays.grad"
GRADIENTS = HERE / "gradients_of_functions.grad"
FOR_JAX = [
    ARRAYS,
    GRADIENTS,
    ROOT / "scripts" / "two_moons.grad",
    ROOT / "tests" / "programs" / "regression.grad",
]
DOUBLE = """\
x = tensor([1.5, 2.], dtype=float64)
print x, x.sum(), x * [1., 2.], x.float(), [1, 2] / [2, 4], x.long()
"""

InGradsh = Callable[..., str]


def run_python(text: str, path: Path) -> str:
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, timeout=120)
    assert done.stderr.decode() == ""
    return done.stdout.decode()


@pytest.mark.parametrize(
    "text", [ARRAYS.read_text(encoding="utf-8"), DOUBLE], ids=["all", "double"]
)
def test_numpy_prints_the_same(text: str, in_gradsh: InGradsh, tmp_path: Path) -> None:
    program, refusals = convert_program(Program.parsed(text, "a.grad"), "Arrays.", "numpy")
    assert refusals == []
    assert "torch" not in program.replace("torch.", "")
    assert run_python(program, tmp_path / "program.py") == in_gradsh(text)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.parametrize("path", FOR_JAX, ids=lambda path: path.stem)
def test_jax_prints_the_same(path: Path, in_gradsh: InGradsh, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    program, refusals = convert_program(Program.parsed(text, "a.grad"), "Arrays.", "jax")
    assert refusals == []
    assert run_python(program, tmp_path / "program.py") == in_gradsh(text)


def test_a_backward_pass_becomes_a_function_of_the_leaves() -> None:
    text = "x = ones(2) grad\ny = x * 2\nbackward sum(y * y)\nx.grad\n"
    program, refusals = convert_program(Program.parsed(text, "a.grad"), "Functions.", "jax")
    assert refusals == []
    assert program.endswith(
        """\
def value_of(x):
    y = x * 2
    return jnp.sum(y * y)


x_grad = added(x_grad, jax.grad(value_of)(x))
show(x_grad)
"""
    )


NO_GRADIENTS = "numpy has no gradients: convert the program to torch or jax"


@pytest.mark.parametrize(
    ("target", "text", "line", "reason"),
    [
        ("numpy", "x = ones(2) grad\nbackward sum(x)", 2, NO_GRADIENTS),
        ("numpy", "x = ones(2) grad\nx.sum().backward()", 2, NO_GRADIENTS),
        ("numpy", "x = ones(2) grad\ng, = grad(x.sum(), x)", 2, NO_GRADIENTS),
        ("numpy", "w = ones(2) grad\nopt = adam(w)", 2, NO_GRADIENTS),
        ("numpy", "x = ones(2) grad\nprint (x * 2).cumsum(0)", 2, "print its .detach()"),
        ("numpy", "x = ones(2)\nx.svd()", 2, "there is no `svd` in numpy"),
        ("numpy", "x = ones(2)\nx.sum(0, dtype=int64)", 2, "with these arguments"),
        ("jax", "x = ones(2)\nx.double()", 2, "JAX counts with 32 bits"),
        ("numpy", "x = ones(2, 2)\nsoftmax(x, 1, dtype=float64)", 2, "with these arguments"),
        ("jax", "x = ones(2)\nx.int()", 2, "would be printed as that"),
        ("numpy", "x = ones(2, dtype=complex64)", 1, "complex64 cannot be converted"),
        ("jax", "x = ones(2)\ny = x\ny += 1", 3, "this changes x too"),
        ("jax", "x = ones(2)\nv = x[0:1]\nx[0] = 3", 3, "this changes v too"),
        ("jax", "def f(x) {\n    x[0] = 1\n    return x\n}", 2, "what the function was given"),
        ("jax", "x = ones(2) grad\na = 2\ny = x * a\na = 3\nbackward sum(y)", 5, "a is bound anew"),
        ("jax", "x = ones(2) grad\ny = x * randn(2)\nbackward sum(y)", 3, "drawn a second time"),
        ("jax", "x = ones(2) grad\nif true {\n    y = x * 2\n    print 1\n}\nbackward sum(y)", 6,
         "does more than to compute"),
        ("jax", "x = ones(2)\nbackward sum(x)", 2, "nothing that was made with `grad`"),
        ("jax", "x = ones(2) grad\ndef f() { backward sum(x) }", 2, "in a function"),
        ("jax", "x = ones(2) grad\nbackward sum(x) create_graph", 2, "recorded themselves"),
        ("jax", "x = ones(2) grad\ndef f(y) { print y }", 2, "print its .detach()"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused(target: str, text: str, line: int, reason: str) -> None:
    program, refusals = convert_program(Program.parsed(text, "a.grad"), "Refused.", target)
    assert [refusal.line for refusal in refusals] == [line]
    assert reason in refusals[0].reason
    compile(program, "converted", "exec")
