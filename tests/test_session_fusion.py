"""Expressions over large tensors: computed block by block, they are what they are op by op."""

from __future__ import annotations

import ast
import gc
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradsh.engine import Tensor
from gradsh.engine.fusion import deferred, execution, expression, node, plan
from gradsh.language import fusion
from gradsh.session import Session
from gradsh.session.faults import Interrupted
from gradsh.session.fusion import FUSION
from tests.engine.oracle import sample_lines, samples
from tests.sessions import Collected

MADE = """
    seed {seed}
    x = randn({shape}) grad; y = randn({shape}) grad; z = rand({shape}) + 0.1
    wide = rand({shape}, dtype=float64) grad
    row = randn({last}) grad; column = randn({first}{ones}) grad; one = tensor(1.3) grad
    whole = randint(-3, 4, ({shape},)); mask = z > 0.5
"""
RECORDED = Path(__file__).parent / "programs"
LEAVES = ("x", "y", "wide", "row", "column", "one")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fusion from 4096 elements on, in blocks of 2048."""
    monkeypatch.setattr(fusion, "LARGE", 4096)
    monkeypatch.setattr(deferred, "LARGE", 4096)
    monkeypatch.setattr(plan, "BLOCK", 2048)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often an expression, and a backward pass, was computed in blocks."""
    counted = {"forward": 0, "backward": 0}

    def counting(owner: Any, name: str, key: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def call(*args: Any) -> Any:
            result = inner(*args)
            counted[key] += result is not None
            return result

        monkeypatch.setattr(owner, name, call)

    counting(expression, "evaluate", "forward")
    counting(node.Fused, "_in_blocks", "backward")
    return counted


@pytest.fixture(autouse=True)
def switched_on() -> Iterator[None]:
    yield
    FUSION.on = True


def told(made: str, program: str, *, fused: bool) -> tuple[str, Any, dict[str, Any]]:
    """What a program prints, its error, and its variables."""
    FUSION.on = True
    output = Collected()
    session = Session(output)
    session.run(made)
    FUSION.on = fused
    error = None
    try:
        session.run(program)
    except Exception as fault:  # noqa: BLE001 (whatever it is: both must raise the same)
        shown = getattr(fault, "diagnostic", None)
        error = (shown.message, shown.line, shown.column) if shown else repr(fault)
    return output.text, error, session.variables


def names_behind(tensor: Any) -> list[Any]:
    """The names of all nodes behind a tensor, depth first."""
    names: list[Any] = []
    stack = [tensor.grad_fn]
    while stack and len(names) < 500:
        found = stack.pop()
        names.append(found and found.name)
        stack.extend(parent for parent, _ in (found.next_functions if found else ()))
    return names


def assert_alike(ours: Any, theirs: Any, exact: bool) -> None:
    assert (ours is None) == (theirs is None)
    if ours is None:
        return
    assert ours.dtype == theirs.dtype
    assert ours.array.shape == theirs.array.shape
    assert ours.array.strides == theirs.array.strides
    if exact:
        np.testing.assert_array_equal(ours.array, theirs.array)
    else:
        finite = theirs.array[np.isfinite(theirs.array)]
        single = ours.array.dtype == np.float32
        scale = float(np.abs(finite).max(initial=1))
        np.testing.assert_allclose(
            ours.array,
            theirs.array,
            rtol=2e-4 if single else 1e-9,
            atol=scale * (1e-4 if single else 1e-9),
        )


UNARY = (
    "abs", "atan", "celu", "cos", "elu", "erf", "exp", "expm1", "floor", "gelu", "leaky_relu",
    "log1p", "logsigmoid", "mish", "neg", "reciprocal", "relu", "relu6", "rsqrt", "selu",
    "sigmoid", "sign", "silu", "sin", "sinh", "softplus", "softsign", "sqrt", "square", "tanh",
)  # fmt: skip
BINARY = (
    "atan2", "copysign", "fmod", "hypot", "logaddexp", "maximum", "minimum", "remainder", "xlogy",
)  # fmt: skip
OPERANDS = st.sampled_from((*LEAVES, "x", "y", "z", "whole", "mask", "0.5", "2", "-1.5"))


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}({})".format, st.sampled_from(UNARY), inner),
        st.builds("({1} {0} {2})".format, st.sampled_from(("+", "-", "*", "/")), inner, inner),
        st.builds("{}({}, {})".format, st.sampled_from(BINARY), inner, inner),
        st.builds("({})^{}".format, inner, st.sampled_from(("2", "3", "0.5", "-1", "2.5"))),
        st.builds("where({} > {}, {}, {})".format, inner, OPERANDS, inner, inner),
        st.builds("clamp({}, -1, 1)".format, inner),
        st.builds("({}).tanh()".format, inner),
    )


EXPRESSIONS = st.recursive(OPERANDS, combined, max_leaves=6)
REDUCTIONS = st.sampled_from(
    (
        "{}", "{}", "{}", "sum({})", "mean({})*3", "({}).sum(-1)", "mean({}, -1, keepdim=true)",
        "logsumexp({}, -1)", "logsumexp({}, -1).sum()", "mse_loss({}, y)",
        "huber_loss({}, y, delta=0.3)", "sum({}, 0)",
    )
)  # fmt: skip
SHAPES = st.sampled_from(((44, 50, 20), (40, 1000), (48000,), (4000, 10)))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(inner=EXPRESSIONS, reduction=REDUCTIONS, shape=SHAPES, seed=st.integers(0, 99))
def test_random_expressions_are_what_they_are_op_by_op(
    small_blocks: None, inner: str, reduction: str, shape: tuple[int, ...], seed: int
) -> None:
    made = MADE.format(
        seed=seed,
        shape=", ".join(map(str, shape)),
        first=shape[0],
        last=shape[-1],
        ones=", 1" * (len(shape) - 1),
    )
    program = f"""
        out = {reduction.format(inner)}
        print out.grad_fn
        weight = randn_like(out * 1.0)
        if out.requires_grad {{ backward out with weight }}
    """
    printed, error, ours = told(made, program, fused=True)
    expected, expected_error, theirs = told(made, program, fused=False)
    assert (printed, error) == (expected, expected_error)
    if error is not None:
        return
    assert names_behind(ours["out"]) == names_behind(theirs["out"])
    assert_alike(ours["out"], theirs["out"], exact=reduction == "{}")
    for name in LEAVES:
        assert_alike(ours[name].grad, theirs[name].grad, exact=False)


def _with_names(sample: str) -> tuple[str, str] | None:
    """A sample call with names for its tensors, and what binds them; None where it has no call."""
    (statement,) = ast.parse(sample.replace("^", "**")).body
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return None
    made = []

    def named(argument: ast.expr) -> ast.expr:
        text = ast.unparse(argument)
        if not isinstance(argument, (ast.Call, ast.BinOp)) or "lambda" in text:
            return argument
        name = f"a{len(made)}"
        made.append(f"{name} = {text}; if {name}.is_floating_point() {{ {name}.requires_grad_() }}")
        return ast.Name(name)

    call.args = [named(argument) for argument in call.args]
    for keyword in call.keywords:
        keyword.value = named(keyword.value)
    return ast.unparse(call), "\n".join(made)


@pytest.mark.parametrize("name", sorted({name for name, _ in samples()}))
def test_samples_of_every_function_are_what_they_are_op_by_op(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (fusion, deferred):
        monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(plan, "BLOCK", 4)
    for sample in sample_lines(name):
        named = _with_names(sample)
        if named is None:
            continue
        written, made = named
        program = f"""
            out = {written} * 2 + 1
            print out
            total = sum(out * out)
            if total.requires_grad {{ backward total }}
        """
        results = [told(f"seed 1\n{made}", program, fused=fused) for fused in (True, False)]
        (printed, error, ours), (expected, expected_error, theirs) = results
        assert (printed, error) == (expected, expected_error), sample
        for key, value in theirs.items():
            if isinstance(value, Tensor) and value.is_leaf and value.grad is not None:
                assert_alike(ours[key].grad, value.grad, exact=False)


def test_pointwise_gradients_have_the_same_bits(small_blocks: None, count: dict[str, int]) -> None:
    made = MADE.format(seed=1, shape="1000, 40", first=1000, last=40, ones=", 1")
    for program in (
        "out = tanh(x)*exp(-x^2) + row*sin(y); backward out with z",
        "out = gelu(x*2)*softplus(y)/(1 + abs(x)); backward out with z",
        "out = where(x > y, x*y, silu(x))*wide; backward out with wide.detach()",
    ):
        _, error, ours = told(made, program, fused=True)
        assert error is None
        _, _, theirs = told(made, program, fused=False)
        for name in ("x", "y", "wide"):
            assert_alike(ours[name].grad, theirs[name].grad, exact=True)
    assert count["forward"] == count["backward"] == 3


PROGRAMS = (
    # what was read before a change in place stays what it was, or is a fault as in PyTorch
    "o = sum(3*(x+2)^2); nograd < x += 1 >; backward o; print x.grad.sum(), x._version",
    "o = sum(3*(x+2)); nograd < x += 1 >; backward o; print x.grad.sum()",
    "o = sum(x*x*y); nograd < x += 1 >; backward o; print x.grad.sum()",
    "o = sum(x*y); nograd < y += 1 >; backward o; print x.grad.sum()",
    "o = sum(x*x + 3*x); x.data.mul_(2); backward o; print x.grad.sum()",
    "o = sum((x+1)*(x+2)); x.data.mul_(2); backward o; print x.grad.sum()",
    "o = sum(sin(x)*3 + x*x); x.data = y; backward o; print x.grad.sum()",
    "l = mean((x*w-y)^2); w.detach().add_(1); backward l",
    "a = x*2; o = sum(a*a + a); a.add_(1); backward o",
    "a = x*2; o = sum(a+a+1); a.add_(1); backward o; print x.grad.sum()",
    "o = exp(x*1); o.mul_(2); backward o.sum(); print x.grad.sum()",
    "o = 2*exp(x*1); o.mul_(2); print o.grad_fn, o.grad_fn.next_functions; backward o.sum()",
    "o = tanh(x*2); v = o[0]; v += 1; backward o.sum(); print x.grad.sum()",
    # a second pass
    "o = sum(3*(x+2)^2); backward o; backward o",
    "o = sum(3*x+2); backward o; backward o; print x.grad.sum()",
    "o = sum(3*(x+2)^2); backward o retain_graph; backward o; print x.grad.sum()",
    # hooks and retained gradients
    "o = sigmoid(x*1)+1; o.register_hook(g -> g*2); backward o.sum(); print x.grad.sum()",
    "o = sigmoid(x*1)+1; o.retain_grad(); backward (o^2).sum(); print x.grad.sum(), o.grad.sum()",
    "x.register_hook(g -> g*3); o = sum(tanh(x)*2 + 1); backward o; print x.grad.sum()",
    # some gradients, higher ones, and those of functions
    "o = sum(exp(x)*x*w); g, = grad(o, x, create_graph=true); backward (g^2).sum(); print x.grad",
    "o = sum(exp(x)*x*w); g, = grad(o, w); print g.shape; g, = grad(o, x)",
    "o = sum(exp(x)*x*w); g, = grad(o, w, retain_graph=true); h, = grad(o, x); print h.sum()",
    "o = sum(exp(x)*x*w); backward o inputs w; print x.grad, w.grad.shape",
    "o = jvp(a -> tanh(a)*2*w, x, y); print o[0].sum(), o[1].sum()",
    "o = hvp(a -> sum(tanh(a)*2*a), x, y); print o[0].sum(), o[1].sum()",
    "o = checkpoint(a -> tanh(a)*2*a, x); backward o.sum(); print x.grad.sum()",
    # what is shown
    "o = mean(3*(x+2)^2); f = o.grad_fn.next_functions[0][0].next_functions[0][0]; print f.saved",
    "o = mean(3*(x+w)^2); graph o; backward o; graph o",
    "explain mean(3*(x+w)^2) over x",
    "anomaly on; o = sum(log(x*0+0)*0); backward o",
    # names that mean something else
    'def mean(a) { print "mine"; return a.sum()*2 }; o = mean(3*(x+2)^2); print o',
    "exp = 3; o = exp*(x+2)*exp; print o.sum()",
    # errors and their places
    "o = sum(x*w + foo(x))",
    "o = 2*x + tensor([1.,2.,3.])",
    "q = randn(3); try { o = 2*x*q + 1 } catch e { print e, e.line, e.column }",
    # several reductions, steps of optimisers, random numbers
    "o = mean((x - mean(x))^2)/std(x); backward o; print o, x.grad.abs().sum()",
    "o = (x*2 + 1).sum(); p = (x*3).exp().sum()*o; backward p; print x.grad.abs().sum()",
    "for i in range(2) { l = mean((x*w - y)^2); x.grad = none; backward l; print l }",
    "p = sgd(x, lr=0.1); for i in range(2) { l = mean((x-y)^2); backward l; p.step(); print l }",
    "o = dropout(x*2, 0.5, true)*2; print o.sum(); print rand(2)",
    "u = x.view(-1); o = sum(tanh(u)*2 + 1); backward o; print x.grad.sum()",
    "u = x.T; o = tanh(u)*2; print o.is_contiguous(), o.stride(); backward o.sum(); print x.grad",
    "b = x.half(); o = b*2+1; print o.sum(), (b*x + 1).dtype, (x*1j*2 + 1).dtype",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_are_what_they_are_op_by_op(small_blocks: None, program: str) -> None:
    made = "seed 3; x = randn(300, 400) grad; y = randn(300, 400); w = randn(400) grad"
    ours, theirs = told(made, program, fused=True), told(made, program, fused=False)
    assert ours[:2] == theirs[:2]


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.out")), ids=lambda path: path.stem)
def test_recorded_programs_print_the_same_when_all_tensors_are_large(
    monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr(fusion, "LARGE", 1)
    monkeypatch.setattr(deferred, "LARGE", 1)
    program = path.with_suffix(".grad")
    if not program.exists():
        program = RECORDED.parents[1] / "scripts" / program.name
    output = Collected()
    Session(output).run_file(str(program))
    assert output.text == path.read_text(encoding="utf-8")


def test_a_sum_over_blocks_has_the_bits_of_numpys(small_blocks: None) -> None:
    for size in (100_000, 1_000_003, 300_000):
        for dtype in ("float32", "float64"):
            made = f"seed 1; x = randn({size}, dtype={dtype}) grad"
            program = "a = sum(x*2 + 1); b = mean(exp(x)*x)"
            _, _, ours = told(made, program, fused=True)
            _, _, theirs = told(made, program, fused=False)
            assert_alike(ours["a"], theirs["a"], exact=True)
            assert_alike(ours["b"], theirs["b"], exact=True)


def test_rows_are_added_up_in_numpys_order(small_blocks: None) -> None:
    for length in (2, 7, 8, 9, 16, 31, 127, 128, 200):
        made = f"seed 1; x = randn({200_000 // length}, {length})"
        program = "a = sum(x*2 + 1, 1); b = logsumexp(x*3, 1); c = mean(x/3, -1, keepdim=true)*2"
        _, _, ours = told(made, program, fused=True)
        _, _, theirs = told(made, program, fused=False)
        for name in "abc":
            assert_alike(ours[name], theirs[name], exact=True)


def test_no_result_depends_on_the_number_of_threads(
    small_blocks: None, monkeypatch: pytest.MonkeyPatch, count: dict[str, int]
) -> None:
    made = "seed 1; x = randn(3000, 100) grad; w = randn(100) grad; v = randn(3000, 1) grad"
    program = "out = mean(tanh(x*w + v)^2)*2; backward out"
    results = []
    for threads in (1, 3):
        monkeypatch.setattr(execution, "THREADS", threads)
        _, _, variables = told(made, program, fused=True)
        results.append(variables)
    first, second = results
    assert_alike(first["out"], second["out"], exact=True)
    for name in "xwv":
        assert_alike(first[name].grad, second[name].grad, exact=True)
    assert count == {"forward": 2, "backward": 2}


def test_nothing_is_kept_but_operands_and_gradients() -> None:
    session = Session(Collected())
    session.run(
        "x = randn(2000, 2000) grad\n"
        "def work() { x.grad = none; out = mean(3*(x+2)^2); backward out }\n"
        "work(); x.grad = none"
    )
    tracemalloc.start()
    try:
        session.run("work();")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = 4 * 2000 * 2000
    assert peak < size + size * 0.1  # each thread has buffers of its own


def test_graphs_are_freed_without_the_garbage_collector(small_blocks: None) -> None:
    session = Session(Collected())
    session.run(
        "x = randn(100, 100) grad; w = randn(100) grad\n"
        "def step() { out = mean(3*(x+w)^2); y = nograd < tanh(x)*3 >; backward out }\n"
    )
    step = session.variables["step"]
    step()
    gc.collect()
    gc.disable()
    try:
        step()
        assert not [x for x in gc.get_objects() if type(x) is node.Fused]
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_interrupt_ends_all_threads_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session(Collected())
    session.run("x = randn(1000, 1000) grad; y = x.data")
    run = execution._Frame.run
    main = threading.current_thread()

    def interrupted(self: Any, index: int, part: int) -> None:
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        run(self, index, part)

    monkeypatch.setattr(execution._Frame, "run", interrupted)
    with pytest.raises(Interrupted):
        session.run("y = tanh(x)*2")
    monkeypatch.undo()
    session.run("z = sum(tanh(x)*2); backward z")
    assert session.variables["y"].requires_grad is False
    assert session.variables["x"].grad is not None


def test_the_setting_switches_it_off(small_blocks: None, count: dict[str, int]) -> None:
    session = Session(Collected())
    session.run("x = randn(300, 300); set fusion off\ny = tanh(x)*2; set fusion on\nz = tanh(x)*2")
    assert count["forward"] == 1
    assert (session.variables["y"].array == session.variables["z"].array).all()
    with pytest.raises(Exception, match="fusion"):
        session.run("set fusion 3")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_a_forked_process_has_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "THREADS", 2)
    session = Session(Collected())
    session.run("x = randn(1000, 1000) grad; out = mean(3*(x+2)^2); backward out")
    expected = session.variables["x"].grad.array
    child = os.fork()
    if not child:
        session.run("x.grad = none; out = mean(3*(x+2)^2); backward out")
        os._exit(not (session.variables["x"].grad.array == expected).all())
    assert os.waitpid(child, 0)[1] == 0


def test_what_a_pass_freed_can_be_put_back() -> None:
    session = Session(Collected())
    session.run("x = randn(1000, 1000) grad; out = mean(3*(x+2)^2)")
    fused = session.variables["out"].node
    kept = fused.saved
    session.run("backward out")
    with pytest.raises(Exception, match="backward through the graph a second time"):
        session.run("backward out")
    fused.saved = kept
    session.run("backward out")
