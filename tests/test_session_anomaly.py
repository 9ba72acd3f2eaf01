"""`anomaly on`: the first operation whose result or gradient becomes nan or inf."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from gradsh.engine import Tensor
from gradsh.session import Fault, Session

from .sessions import Collected


@pytest.fixture(autouse=True)
def nothing_is_left_watching() -> Iterator[None]:
    yield
    assert sys.getprofile() is None


def report(program: str, session: Session | None = None) -> str:
    with pytest.raises(Fault) as caught:
        (session or Session(Collected())).run("anomaly on\n" + program, "p.grad")
    assert not caught.value.internal
    return caught.value.diagnostic.render()


def cause(program: str) -> str:
    return report(program).partition("\nhint: ")[2]


def output_of(program: str) -> str:
    output = Collected()
    Session(output).run("anomaly on\n" + program)
    return output.text


def test_forward() -> None:
    assert (
        report("x = [[0., 1., 3.]] grad\ny = x + log(x)")
        == """\
p.grad:3:9: error: Function 'log' returned inf values in its forward pass.
  1 of 3 elements, the first at [0, 0]
  input is from 0 to 3
  3 | y = x + log(x)
    |         ^^^^^^
hint: log of 0 is -inf: its argument is 0 there; keep it above 0, for example \
with clamp(x, min=1e-12)\
"""
    )


def test_backward_names_the_line_of_the_operation() -> None:
    assert (
        report("x = [1., 0.] grad\ndef f(x) {\n  return sqrt(x)\n}\ny = f(x)\nbackward sum(y)")
        == """\
p.grad:7:1: error: Function 'SqrtBackward0' returned inf values in its 0th output.
  1 of 2 elements, the first at [1]
  sqrt was called at p.grad:4:10: return sqrt(x)
  out is from 0 to 1
  what arrived is 1
  7 | backward sum(y)
    | ^^^^^^^^^^^^^^^
hint: the slope of sqrt at 0 is infinite: add a small number, as in sqrt(x + 1e-12)\
"""
    )


def test_the_branch_that_where_did_not_choose() -> None:
    assert (
        report("x = [1., 0.] grad\ny = where(x > 0, sqrt(x), 0.)\nbackward sum(y)")
        == """\
p.grad:4:1: error: Function 'SqrtBackward0' returned nan values in its 0th output.
  1 of 2 elements, the first at [1]
  sqrt was called at p.grad:3:18: y = where(x > 0, sqrt(x), 0.)
  out is from 0 to 1
  what arrived is from 0 to 1
  4 | backward sum(y)
    | ^^^^^^^^^^^^^^^
hint: the slope of sqrt at 0 is infinite: add a small number, as in sqrt(x + 1e-12), and what \
arrives is 0: if `where` picks another branch there, give this one a safe argument, as in \
log(where(x > 0, x, 1))\
"""
    )


@pytest.mark.parametrize(
    ("program", "likely"),
    [
        ("log([1., -2.])", "log of a number below 0 is nan: its argument is -2 there"),
        ("log1p(-ones(1))", "log1p of -1 is -inf: its argument is -1 there; keep it above -1"),
        ("sqrt([-4.])", "sqrt of a negative number is nan: its argument is -4 there"),
        ("zeros(1) / 0", ("0 / 0 is nan: both operands are 0 there; "
         "add a small number to the divisor")),
        ("ones(1) / zeros(1)", "1 / 0: the divisor is 0 there; add a small number to it"),
        ("remainder([1.], [0.])", "the divisor is 0 there"),
        ("exp([1000.])", ("exp of 1000 is larger than its type can hold; "
         "subtract the maximum first, as logsumexp and softmax do")),
        ("[0.]^-1", ("0 ^ -1 is 1 / 0: the base is 0 there; "
         "keep it above 0, for example with clamp(x, min=1e-12)")),
        ("[-8.]^(1/3)", "-8 ^ 0.333333 is no real number: a negative base needs a whole exponent"),
        ("[1e30]^2", "1e+30 ^ 2 is larger than its type can hold"),
        ("acos([2.])", "acos is finite for numbers from -1 to 1: its argument is 2 there"),
        ("mean(zeros(0))", "mean of no elements: the tensor is empty"),
        ("std(ones(1))", ("std divides by the number of elements - 1: of one element it is 0 / 0; "
         "use correction=0")),
        ("x = full((2,), inf); x - x", "inf - inf, 0 * inf and inf / inf are nan"),
        ("[3e38] * 2", ("the result is larger than 3.4e+38, the largest float32: "
         "make the values smaller, or compute in float64")),
        ("x = zeros(2) grad; backward sum(x^0.5)", ("the slope of x^0.5 at 0 is infinite: "
         "the base is 0 there; keep it above 0, for example with clamp(x, min=1e-12)")),
        ("x = ones(1) grad; backward acos(x)", ("the slope of acos at 1 is infinite: "
         "keep its argument inside of -1 and 1")),
    ],
)  # fmt: skip
def test_causes(program: str, likely: str) -> None:
    assert cause(program) == likely


def test_a_range_has_no_negative_zero() -> None:
    assert "  input is 0\n" in report("log(-zeros(2))")


def test_what_is_nan_or_inf_already_is_no_anomaly() -> None:
    program = """\
x = [inf, nan, 1.]
x + 1; x * 2; sum(x); full((2,), nan); masked_fill(ones(2), [true, false], -inf)
softmax([-inf, 1.], 0); nan_to_num(x); binary_cross_entropy([0., 1.], [0., 1.])
print 'done'
"""
    assert output_of(program).endswith("done\n")


def test_a_refused_change_in_place_changes_nothing() -> None:
    session = Session(Collected())
    report("x = [0., 1.]\nx.log_()", session)
    tensor = session.variables["x"]
    assert isinstance(tensor, Tensor)
    assert tensor.tolist() == [0.0, 1.0]
    assert tensor._version == 0


def test_a_refused_backward_pass_leaves_gradients_as_they_were() -> None:
    session = Session(Collected())
    report("w = ones(1) grad; x = zeros(1) grad\nbackward sum(w + sqrt(x))", session)
    assert session.variables["w"].grad is None


def test_it_goes_on_after_an_error() -> None:
    session = Session(Collected())
    report("log(zeros(1))", session)
    with pytest.raises(Fault, match="'log' returned inf"):
        session.run("log(zeros(1))")
    with pytest.raises(Fault, match="'sqrt' returned nan"):
        session.run("try { log(zeros(1)) } catch e { sqrt(-ones(1)) }")


def test_in_loops_functions_and_derivatives_of_functions() -> None:
    assert "called at p.grad:2:" in report(
        "def f(x) = log(x); for i in range(3) { f(ones(1) * i) }"
    )
    assert report("x = [0.]; jacobian(y -> sqrt(y), x)").startswith(
        "p.grad:2:11: error: Function 'SqrtBackward0' returned inf values in its 0th output."
    )


def test_off_is_off() -> None:
    assert output_of("anomaly off; log(zeros(1))") == "tensor([-inf])\n"
    assert output_of("x = zeros(1) grad; anomaly off; backward sqrt(x); x.grad") == (
        "tensor([inf])\n"
    )
