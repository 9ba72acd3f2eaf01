"""Random programs: nothing but a Fault comes out, nothing hangs, no variable is lost."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradsh.display.json import to_json
from gradsh.display.values import shown
from gradsh.engine.modes import GRAD_MODE
from gradsh.session import Fault, Output, Session

pytestmark = pytest.mark.usefixtures("own_settings")

# no `while`, and numbers that make nothing large: what is left always ends
WORDS = [
    "x",
    "y",
    "n",
    "f",
    "g",
    "s",
    "t",
    "mean",
    "sum",
    "ones",
    "zeros",
    "tensor",
    "cat",
    "stack",
    "reshape",
    "float64",
    "torch",
    "F",
    "pi",
    "args",
    "_",
    "len",
    "str",
    "range",
    "print",
    "if",
    "else",
    "for",
    "in",
    "break",
    "continue",
    "return",
    "def",
    "try",
    "catch",
    "e",
    "assert",
    "del",
    "nograd",
    "enablegrad",
    "backward",
    "with",
    "grad",
    "retain_graph",
    "inputs",
    "set",
    "precision",
    "seed",
    "true",
    "false",
    "none",
    "not",
    "and",
    "or",
    "0",
    "1",
    "2",
    "3",
    "1.5",
    "'a'",
    '"b"',
    "f'{x}'",
    "f'{n:.2f}'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    ",",
    ":",
    ";",
    ".",
    "=",
    "==",
    "!=",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "@",
    "^",
    "|",
    "&",
    "~",
    "->",
    "+=",
    "-=",
    "*=",
    "^=",
    ".shape",
    ".grad",
    ".data",
    ".T",
    ".sum()",
    ".item()",
    ".requires_grad",
    ".grad_fn",
    "[0]",
    "[1:]",
    "[...]",
    "(x)",
    "(n)",
    "(2,",
    "2)",
    "#",
    "?",
]
PROGRAMS = st.lists(st.sampled_from([*WORDS, "\n", "\n", "\n"]), max_size=25).map(" ".join)
SETUP = """\
x = tensor([1., 2.]) grad; y = x * 2; n = 3; s = 'text'; t = (1, x)
def f(a) = a + 1
g = a -> a * x
"""


class Examined(Output):
    """An output that makes every text there is of a value."""

    def write(self, text: str) -> None:
        pass

    def show(self, value: object, name: str | None = None) -> None:
        shown(value)
        to_json(name, value)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PROGRAMS)
def test_random_programs(program: str) -> None:
    session = Session(Examined(), echo=True)
    session.run(SETUP)
    session.run_pieces([program], "random", lambda fault: None)
    assert GRAD_MODE.recording
    # a name is gone only if the program says so
    deleted = "del" in program.split()
    assert deleted or {"x", "y", "n", "s", "t", "f", "g"} <= set(session.variables)
    session.run("own = 41 + 1")
    assert session.variables["own"] == 42


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=40))
def test_random_text(text: str) -> None:
    session = Session(Examined())
    session.run("x = 1")
    raised = None
    try:
        session.run(text)
    except Fault as fault:
        raised = fault
    assert raised is None or (raised.diagnostic.render() and not raised.internal)
    assert session.variables["x"] == 1 or "x" in text
