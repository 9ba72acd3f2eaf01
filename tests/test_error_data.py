"""Errors under `--json`: text on standard error as ever, and an object with all places as data."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PROGRAM = """\
x = ones(2) grad
y = exp(x)
y += 1
print sum(y)
backward sum(y)
"""


def run(text: str, *options: str) -> tuple[int, list[Any], str]:
    """The exit status, the objects on standard output, and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "gradsh", "--json", *options],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_fault_is_an_object_after_the_values() -> None:
    status, (value, error), complaint = run(PROGRAM)
    assert status == 1
    assert value["kind"] == "tensor"
    assert complaint.startswith("<stdin>:5:1: error: one of the variables needed for gradient")
    assert (error["kind"], error["name"], error["dtype"]) == ("error", None, None)
    data = error["data"]
    assert data["message"].startswith("one of the variables needed for gradient computation")
    assert (data["source"], data["line"], data["column"], data["end"]) == ("<stdin>", 5, 1, 16)
    assert data["source_line"] == "backward sum(y)"
    assert data["related"] == [
        {
            "what": "`y` was kept for a derivative in line 2",
            "source": "<stdin>",
            "line": 2,
            "column": 5,
            "end": 11,
            "source_line": "y = exp(x)",
        },
        {
            "what": "`y` was changed in line 3",
            "source": "<stdin>",
            "line": 3,
            "column": 1,
            "end": 7,
            "source_line": "y += 1",
        },
    ]
    assert data["hint"].startswith("ExpBackward0 keeps this value")


def test_shapes_are_details() -> None:
    _, (error,), _ = run("ones(2, 3) + ones(4)")
    assert error["data"]["details"] == [
        "ones(2, 3)  (2, 3)",
        "ones(4)        (4)",
        "                ^",
    ]


def test_every_fault_with_keep_going() -> None:
    program = "def f(x) = x + undefined_name\nf(1)\nbackward 3\n2"
    status, objects, _ = run(program, "--keep-going")
    assert status == 1
    assert [each["kind"] for each in objects] == ["error", "error", "number"]
    assert objects[0]["data"]["calls"] == [{"source": "<stdin>", "line": 2, "column": 1}]


def test_a_caught_error_is_the_same_object() -> None:
    _, (error,), complaint = run("try { ones(2) + ones(3) } catch e { print e }")
    assert error["data"]["message"].startswith("The size of tensor a (2) must match")
    assert complaint == ""
