"""The commands that inspect: `vars`, `time`."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from gradsh.session import Fault, Session
from gradsh.session.output import ColourOutput, JsonOutput
from gradsh.session.timing import Duration, seconds_text

from .sessions import Collected, output_of


def objects_of(program: str) -> list[dict[str, Any]]:
    stream = io.StringIO()
    Session(JsonOutput(stream)).run(program)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def coloured(program: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal shows, without its colours."""
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    Session(ColourOutput(stream)).run(program)
    return re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue())


VARIABLES = """\
w = ones(2, 3) grad
y = sum(w^2)
backward y
n = 3; t = (w, 1); def f(a) = a; v = w.data[0]; o = sgd(w, lr=0.1); e = none; s = "a"
"""


def test_vars_is_a_table() -> None:
    assert (
        output_of(VARIABLES + "vars")
        == """\
name  kind       shape   dtype    requires_grad  grad  memory
w     tensor     (2, 3)  float32  yes            yes     48 B
y     tensor     ()      float32  yes            no       4 B
n     number     -       -        -              -          -
t     tuple      -       -        -              -       48 B
f     function   -       -        -              -          -
v     tensor     (3,)    float32  no             no      12 B
o     optimiser  -       -        -              -          -
e     none       -       -        -              -          -
s     text       -       -        -              -          -
9 variables, 52 B
"""
    )


def test_vars_without_variables() -> None:
    assert output_of("vars") == "no variables yet\n"


def test_vars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = coloured("x = zeros(1000, 1000); vars", monkeypatch)
    assert (
        shown
        == """\
name   kind     shape          dtype     requires_grad   grad    memory
───────────────────────────────────────────────────────────────────────
x      tensor   (1000, 1000)   float32   no              no     3.8 MiB
1 variable, 3.8 MiB
"""
    )


def test_a_long_name_is_cut_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a_very_long_name_of_a_variable"
    shown = coloured(f"{name} = zeros(1000, 1000); vars", monkeypatch)
    assert shown.splitlines()[2] == (
        "a_very_long_…   tensor   (1000, 1000)   float32   no              no     3.8 MiB"
    )


def test_vars_as_json() -> None:
    (shown,) = objects_of("x = ones(2) grad; n = 1; vars")
    assert shown["kind"] == "vars"
    assert shown["data"] == [
        {
            "name": "x", "kind": "tensor", "shape": [2], "dtype": "float32",
            "requires_grad": True, "grad": False, "bytes": 8,
        },
        {
            "name": "n", "kind": "number", "shape": None, "dtype": None,
            "requires_grad": None, "grad": None, "bytes": None,
        },
    ]  # fmt: skip


def test_time_shows_the_value_and_the_time() -> None:
    shown = output_of("x = ones(2)\ntime x + 1")
    assert re.fullmatch(r"time [\d.]+ (ms|µs|s).*\ntensor\(\[2., 2.\]\)\n", shown)


def test_time_of_statements() -> None:
    shown = output_of("time y = 3\nprint y\ntime for i in range(3) { y = y + i }\nprint y")
    assert re.sub(r"time .*", "time", shown) == "time\n3\ntime\n6\n"


def test_time_of_what_fails_shows_nothing() -> None:
    output = Collected()
    with pytest.raises(Fault, match="name 'zz' is not defined"):
        Session(output).run("time zz")
    assert output.text == ""


def test_time_as_json() -> None:
    duration, value = objects_of("time 1 + 1")
    assert duration["kind"] == "time"
    assert duration["data"]["statement"] == "1 + 1"
    assert 0 <= duration["data"]["wall"] < 10
    assert value["data"] == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.345, "12.3 s"), (1.0, "1.00 s"), (0.0123456, "12.3 ms"), (3.3e-4, "330 µs"),
     (2.5e-6, "2.50 µs"), (1e-8, "0.01 µs"), (754.2, "754 s")],
)  # fmt: skip
def test_seconds(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_cpu_time_is_told_where_it_differs() -> None:
    assert str(Duration("x", 1.0, 1.1)) == "time 1.00 s"
    assert str(Duration("x", 1.0, 1.9)) == "time 1.00 s (CPU 1.90 s)"
    assert str(Duration("x", 2.0, 0.01)) == "time 2.00 s (CPU 10.0 ms)"
