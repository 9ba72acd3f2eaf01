"""`why` and `grads`: how a gradient came about, and how large the gradients are."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from gradsh.engine.passes import PASSES
from gradsh.session import Fault, Session
from gradsh.session.output import JsonOutput
from tests.sessions import Collected, output_of


@pytest.fixture(autouse=True)
def no_pass_before() -> None:
    """Each program is the first one."""
    PASSES.forget()


def as_json(program: str) -> Any:
    """The data of the last JSON object that a program shows."""
    stream = io.StringIO()
    Session(JsonOutput(stream)).run(program)
    return json.loads(stream.getvalue().splitlines()[-1])["data"]


TUTORIAL = """\
x = ones(2, 2) grad
y = x + 2
z = y*y*3
out = mean(z)
backward out
"""


def test_the_way_of_a_gradient_over_the_graph() -> None:
    assert (
        output_of(TUTORIAL + "why x.grad")
        == """\
x.grad comes from the backward pass in line 5
  name  node           line  expression
  out   MeanBackward0     4  mean(z)
  z     MulBackward0      3  y*y*3
        MulBackward0      3  y*y
  y     AddBackward0      2  x + 2
  x     leaf              1  x = ones(2, 2) grad
and on 1 other path; what they bring is added up
"""
    )


def test_a_loop_is_one_row() -> None:
    program = """\
x = ones(2) grad
def power(x) {
  y = x
  for i in range(30) {
    y = y * 1.1
  }
  return sum(y)
}
loss = power(x)
backward loss
why x.grad
"""
    assert (
        output_of(program)
        == """\
x.grad comes from the backward pass in line 10
  name  node                    line  expression
  loss  SumBackward0               7  sum(y)
  y     MulBackward0, 30 times     5  y * 1.1
  x     leaf                       1  x = ones(2) grad
"""
    )


def test_the_way_over_the_program_if_the_graph_is_gone() -> None:
    program = "x = ones(2) grad\nh = x*2\nh2 = h.sin()\nbackward sum(h2)\nh = h2 = none\nwhy x.grad"
    assert "line 4" in output_of(program)
    program = "x = ones(2) grad\nbackward sum(x^2)\nwhy x.grad"
    assert (
        output_of(program)
        == """\
x.grad comes from the backward pass in line 2
  name  node  line  expression
                 2  sum(x^2)
  x     leaf     1  x = ones(2) grad
"""
    )


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            "x = ones(2) grad\nwhy x.grad",
            (
                "x.grad is none: no backward pass has run yet\n"
                "hint: `backward E`, where E is computed from x\n"
            ),
        ),
        (
            (
                "x = ones(2) grad; w = ones(2) grad\nh = x * 2\ny = h.detach() * w\n"
                "backward sum(y)\nwhy x.grad"
            ),
            (
                "x.grad is none: the backward pass in line 4 did not reach it\n"
                "`h.detach()` in line 3 gives the values without their history:\n"
                "  3 | y = h.detach() * w\n"
                "    |     ^^^^^^^^^^\n"
                "hint: compute it again without what cuts its history\n"
            ),
        ),
        (
            (
                "x = ones(2) grad; w = ones(2) grad\nnograd <\n  h = x * 2\n>\n"
                "backward sum(h * w)\nwhy x.grad"
            ),
            (
                "x.grad is none: the backward pass in line 5 did not reach it\n"
                "inside `nograd`, in line 3, nothing is recorded:\n"
                "  3 |   h = x * 2\n"
                "    |       ~~^~~\n"
                "hint: compute it again without what cuts its history\n"
            ),
        ),
        (
            "x = ones(2) grad; u = ones(2) grad\nbackward sum(x)\nwhy u.grad",
            (
                "u.grad is none: the backward pass in line 2 did not reach it\n"
                "hint: sum(x) was not computed from u\n"
            ),
        ),
        (
            "x = ones(2) grad; w = ones(2) grad\nbackward sum(x*w) inputs x\nwhy w.grad",
            (
                "w.grad is none: the backward pass in line 2 did not reach it\n"
                "hint: it was asked for the gradients of other tensors alone (inputs)\n"
            ),
        ),
        (
            "x = ones(2) grad\nbackward sum(x)\nx.grad = none\nwhy x.grad",
            (
                "x.grad is none: it was cleared since the backward pass in line 2\n"
                "hint: run a backward pass again\n"
            ),
        ),
        (
            "x = ones(2) grad\ny = x * 2\nwhy y.grad",
            (
                "y is no leaf, and only leaves keep a gradient\n"
                "y was made in line 2:\n"
                "  2 | y = x * 2\n"
                "    |     ~~^~~\n"
                "hint: `y.retain_grad()` before the backward pass keeps it\n"
            ),
        ),
        (
            "v = [1, 2]\nwhy v.grad",
            (
                "v does not require grad, so it has no gradient\n"
                "`v`, from line 1, is int64, which has no gradient:\n"
                "  1 | v = [1, 2]\n"
                "    |     ^^^^^^\n"
                "hint: only floating elements have a gradient: write them with a point\n"
            ),
        ),
        (
            "x = ones(2) grad\nh = x * 2\nwhy h.detach()",
            (
                "h.detach() does not require grad\n"
                "`h.detach()` in line 3 gives the values without their history:\n"
                "  3 | why h.detach()\n"
                "    |     ^^^^^^^^^^\n"
                "hint: compute it again without what cuts its history\n"
            ),
        ),
        (
            "x = ones(2) grad\nh = x * 2\nwhy h",
            (
                "h requires grad because it was computed from x\n"
                "  name  node          line  expression\n"
                "  h     MulBackward0     2  x * 2\n"
                "  x     leaf             1  x = ones(2) grad\n"
            ),
        ),
    ],
)
def test_why(program: str, expected: str) -> None:
    assert output_of(program) == expected


def test_a_retained_gradient() -> None:
    program = (
        "x = ones(2) grad\nh = x * 2\nh.retain_grad()\nloss = sum(h)\nbackward loss\nwhy h.grad"
    )
    assert output_of(program).splitlines()[0] == "h.grad comes from the backward pass in line 5"


def test_why_as_data() -> None:
    data = as_json(TUTORIAL + "why x.grad")
    assert data["sentence"] == "x.grad comes from the backward pass in line 5"
    assert [row["name"] for row in data["path"]] == ["out", "z", None, "y", "x"]
    assert data["path"][2]["grad_fn"] == "MulBackward0"
    assert data["path"][2]["place"] == {
        "what": None, "source": "<text>", "line": 3, "column": 5, "end": 8,
        "source_line": "z = y*y*3",
    }  # fmt: skip
    assert data["paths"] == 2


def test_why_takes_a_tensor() -> None:
    with pytest.raises(Fault, match="why takes a tensor, and 3 is of the type int"):
        Session(Collected()).run("why 3")


GRADIENTS = """\
w = (ones(3)*1e6) grad; b = ones(2) grad; c = zeros(4) grad; d = ones(2) grad
h = b*2
h.retain_grad()
backward sum(w^2) + 1e-9*sum(h) + sum(c*0) + sum(log(d-1))
"""


def test_the_table_of_gradients() -> None:
    assert (
        output_of(GRADIENTS + "grads")
        == """\
gradients after the backward pass in line 4
name  shape       norm    min    max  zeros
w     (3,)   3.464e+06  2e+06  2e+06     0%  exploding
b     (2,)   2.828e-09  2e-09  2e-09     0%  vanishing
c     (4,)           0      0      0   100%  all zero
d     (2,)         inf    inf    inf     0%  inf
h     (2,)   1.414e-09  1e-09  1e-09     0%  vanishing
"""
    )


def test_gradients_that_are_gone() -> None:
    assert output_of("grads") == "no backward pass has run yet\n"
    cleared = "x = ones(2) grad; y = ones(1) grad\nbackward sum(x*y)\nx.grad = none\ngrads"
    assert output_of(cleared).splitlines()[0].endswith("in line 2; 1 cleared since")
    gone = "x = ones(2) grad\nbackward sum(x)\ndel x\ngrads"
    assert "left no gradient that is still there" in output_of(gone)


def test_a_variable_of_that_name_is_shown() -> None:
    assert output_of("grads = 3\ngrads") == "3\n"


def test_gradients_as_data() -> None:
    data = as_json(GRADIENTS + "grads")
    assert (data["line"], data["source"]) == (4, "<text>")
    assert [row["flag"] for row in data["gradients"]] == [
        "exploding", "vanishing", "all zero", "inf", "vanishing",
    ]  # fmt: skip
    assert data["gradients"][2] == {
        "name": "c", "shape": [4], "norm": 0.0, "min": 0.0, "max": 0.0, "zeros": 1.0,
        "flag": "all zero",
    }  # fmt: skip
