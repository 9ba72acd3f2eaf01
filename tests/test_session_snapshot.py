"""`save session` and `load session`: what comes back is what was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("safetensors", reason="safetensors, an extra, is not installed")

from gradsh.session import Fault, Session

from .sessions import Collected

NESTED = """\
def make(n) { def up(k) { if k == n { return k }; return up(k + 1) }; return up }
f = make(9); g = make(5)"""


def ran(program: str, session: Session | None = None) -> str:
    """What a program shows, in a new session or in a given one."""
    session = session or Session(Collected())
    assert isinstance(session.output, Collected)
    before = len(session.output.text)
    session.run(program)
    return session.output.text[before:]


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ("x = randn(2, 3) grad; backward sum(x^2)", "print x, x.grad, x.is_leaf"),
        ("x = ones(2) grad; y = x * 2", "print y.detach(), x.grad"),
        ("x = ones(2); y = x; y += 1", "x += 1; print y"),
        ("x = ones(2, 3).t(); e = zeros(0, 3); z = tensor(3)", "print x, x.shape, e, z"),
        ("x = ones(2).to(complex128); h = ones(2).to(float16); b = x == x", "print x, h, b"),
        ('v = (1, -2.5, inf, nan, none, true, "a\\nb", 2^100, float64, range(1, 9, 2))', "print v"),
        ("s = ones(2, 3).shape; m = max(ones(2, 2), 1)", "print s, m.indices"),
        ("r = record(a=ones(2), b=record(c=1))", "print r.b.c, r.a"),
        ("def f(a, b=ones(2)) = a * b", "print f(3), f(3, 4)"),
        ("def f(n) { if n <= 1 { return 1 }; return n * f(n - 1) }", "print f(10)"),
        (
            NESTED,
            "print f(0), g(0)",
        ),
        ("def f(x) { y = 3*x; return y } backward(g) { return 10*g }",
         "x = ones(1) grad; backward f(x); print f(x), x.grad"),
        ("x = 2; f = a -> a^x; h = mean", "print f(3), h(ones(2)), h; x = 3; print f(3)"),
        ("x = ones(1); fs = (a -> a + x, a -> a - 1)", "print fs[0](1), fs[1](1)"),
    ],
)  # fmt: skip
def test_what_comes_back(tmp_path: Path, made: str, asked: str) -> None:
    path = tmp_path / "s"
    first = Session(Collected())
    assert ran(f'{made}\nsave session "{path}"\n', first) == ""
    expected = ran(f"{asked}\n", first)
    assert ran(f'load session "{path}"\n{asked}\n') == expected


@pytest.mark.parametrize(
    "optimiser",
    [
        "sgd(w, b, lr=tensor(0.1), momentum=0.9, nesterov=true)",
        "adam(group(w, lr=0.1), group(b, betas=(0.5, 0.9)), amsgrad=true)",
        "adamw(w, b, lr=0.3)",
        "rmsprop(w, b, momentum=0.5, centered=true)",
        "adagrad(w, b, lr=0.1, lr_decay=0.1)",
        "lbfgs(w, b, lr=0.5, max_iter=3)",
        'lbfgs(w, b, max_iter=2, line_search_fn="strong_wolfe")',
    ],
)
@pytest.mark.parametrize("rates", ["step_lr(opt, 2)", "exponential(opt, 0.9)", "cosine(opt, 9)"])
def test_an_optimiser_goes_on_where_it_was(tmp_path: Path, optimiser: str, rates: str) -> None:
    path = tmp_path / "s"
    made = f"seed 2; w = randn(3) grad; b = randn(()) grad; opt = {optimiser}; rates = {rates}\n"
    steps = (
        "for i in range(3) { opt.step(() -> sum((w - 3)^2) + (b + w[0])^4); rates.step() }\n"
        "print w, b, opt, rates\n"
    )
    first = Session(Collected())
    ran(made + steps, first)
    ran(f'same = opt; save session "{path}"\n', first)
    expected = ran(steps, first)
    assert ran(f'load session "{path}"\n{steps}') == expected
    assert ran(f'load session "{path}"\nprint same == opt') == "True\n"


def test_the_random_numbers_go_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    expected = ran(f'seed 4; rand(3); randn(3);\nsave session "{path}"\nprint rand(2), randn(20)')
    assert ran(f'seed 0\nload session "{path}"\nprint rand(2), randn(20)') in expected


def test_what_cannot_be_kept_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s"
    program = (
        "x = ones(2) grad; n = (1, (x*2).grad_fn); "
        'def f(n) { m = n.grad_fn; return () -> m }\nc = f(x * 2)\nk = 1\nsave session "%s"'
    )
    assert ran(program % path) == "not saved, as no file can hold it: n, c\n"
    assert ran(f'load session "{path}"\nprint k, x') == "1 tensor([1., 1.], requires_grad=True)\n"


def test_loading_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s"
    shown = ran(f'print "once"; def f(x) = x\nsave session "{path}"')
    assert shown == "once\n"
    assert ran(f'load session "{path}"\nprint f(2)') == "2\n"


def test_other_variables_stay_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s"
    session = Session(Collected())
    ran(f'x = 1; save session "{path}"; x = 2; y = 3; load session "{path}"', session)
    assert session.variables == {"x": 1, "y": 3}
    bad: list[Any] = [b"", b"nonsense", path.read_bytes()[:-5]]
    for content in bad:
        path.write_bytes(content)
        with pytest.raises(Fault):
            ran(f'load session "{path}"', session)
    with pytest.raises(Fault, match="holds tensors, but no session"):
        ran(f'save(ones(2), "{path}.safetensors"); load session "{path}.safetensors"', session)
    assert session.variables == {"x": 1, "y": 3}


def test_a_safe_session_saves_nothing(tmp_path: Path) -> None:
    session = Session(Collected(), safe=True)
    with pytest.raises(Fault, match="may not be used here"):
        session.run(f'save session "{tmp_path / "s"}"')
