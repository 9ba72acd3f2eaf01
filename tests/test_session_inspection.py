"""`graph`, `explain`, `check`: what was recorded, how gradients come about, whether they hold."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gradsh.session import Fault, Output, Session
from gradsh.session.output import JsonOutput

TUTORIAL = "x = ones(2, 2) grad; y = x + 2; z = y * y * 3; out = mean(z)\n"


class Collected(Output):
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def ran(program: str) -> str:
    """What a program shows."""
    output = Collected()
    Session(output).run(program)
    return output.text


def message(program: str) -> tuple[str, str | None]:
    """The error that a program ends with, and its hint."""
    with pytest.raises(Fault) as caught:
        Session(Collected()).run(program)
    assert not caught.value.internal
    return caught.value.diagnostic.message, caught.value.diagnostic.hint


def as_json(program: str) -> Any:
    """The one JSON object that a program shows."""
    stream = io.StringIO()
    Session(JsonOutput(stream)).run(program)
    return json.loads(stream.getvalue())


# ------------------------------------------------------------------------------------- graph


def test_graph_of_the_tutorial_draws_the_shared_node_once() -> None:
    assert (
        ran(TUTORIAL + "graph out")
        == """\
1 MeanBackward0               out  () float32
└─ 2 MulBackward0             z    (2, 2) float32  saves other (4 bytes)
   └─ 3 MulBackward0               (2, 2) float32  saves input, other (16 bytes)
      ├─ 4 AddBackward0       y    (2, 2) float32
      │  └─ 5 AccumulateGrad  x    (2, 2) float32  leaf
      └─ 4 AddBackward0       y    above
4 operations, 1 leaf, 20 bytes saved
"""
    )


def test_graph_after_a_backward_pass_says_what_is_gone() -> None:
    assert (
        ran(TUTORIAL + "backward out; graph out")
        == """\
1 MeanBackward0               out  () float32
└─ 2 MulBackward0             z    (2, 2) float32  saved values freed
   └─ 3 MulBackward0               (2, 2) float32  saved values freed
      ├─ 4 AddBackward0       y    (2, 2) float32
      │  └─ 5 AccumulateGrad  x    (2, 2) float32  leaf
      └─ 4 AddBackward0       y    above
4 operations, 1 leaf, 0 bytes saved
"""
    )


def test_graph_of_several_outputs_and_of_results_of_several() -> None:
    program = """
    x = [[3., 1.], [2., 4.]] grad
    s = x.sort(0)
    t = s.values.sum()
    graph t, x * 2
    """
    assert (
        ran(program)
        == """\
1 SumBackward0             t         () float32
└─ 2 SortBackward0.values  s.values  (2, 2) float32  saves indices (32 bytes), dim=0
   └─ 3 AccumulateGrad     x         (2, 2) float32  leaf
4 MulBackward0                       (2, 2) float32  saves other (4 bytes)
└─ 3 AccumulateGrad        x         above
3 operations, 1 leaf, 36 bytes saved
"""
    )


def test_graph_of_the_second_order() -> None:
    program = "x = [1., 2.] grad; y = x^3; g, = grad(sum(y), x, create_graph=true); graph g"
    assert (
        ran(program)
        == """\
1 MulBackward0             g  (2,) float32  saves input (4 bytes)
└─ 2 MulBackward0             (2,) float32  saves other (4 bytes)
   └─ 3 PowBackward0          (2,) float32  saves input (8 bytes), exponent=2
      └─ 4 AccumulateGrad  x  (2,) float32  leaf
3 operations, 1 leaf, 16 bytes saved
"""
    )


def test_graph_knows_shapes_of_what_keeps_nothing() -> None:
    text = ran("x = rand(2, 3, 4) grad; y = x.transpose(0, 2).reshape(4, 6)[1:3]; graph y")
    assert "?" not in text
    assert "(2, 6) float32" in text
    assert "(4, 6) float32" in text
    assert "(4, 3, 2) float32" in text


def test_graph_of_changes_in_place() -> None:
    text = ran("w = ones(4) grad; h = w * 1; h[1:3] = h[1:3] * 2; graph h")
    assert "?" not in text
    assert text.startswith("1 CopySlices")


def test_graph_of_a_leaf() -> None:
    assert ran("x = ones(3) grad; graph x") == (
        "1 AccumulateGrad  x  (3,) float32  leaf\n0 operations, 1 leaf, 0 bytes saved\n"
    )


def test_a_long_chain_is_cut_with_a_count() -> None:
    program = "x = ones(2) grad; y = x; for i in range(100000) { y = y * 2 }\ngraph y"
    lines = ran(program).splitlines()
    assert len(lines) < 80
    assert lines[-1] == "100,000 operations, 1 leaf, 4 bytes saved, 99,941 nodes not shown"
    assert max(map(len, lines)) <= 100


def test_graph_refuses_what_has_none() -> None:
    assert message("graph 1") == ("graph takes a tensor, and 1 is of the type int", None)
    text, hint = message("graph ones(2)")
    assert text == "ones(2) does not require grad and does not have a grad_fn"
    assert "make a leaf" in (hint or "")


def test_graph_as_json() -> None:
    shown = as_json(TUTORIAL + "graph out")
    assert shown["kind"] == "graph"
    nodes, edges = shown["data"]["nodes"], shown["data"]["edges"]
    assert [node["grad_fn"] for node in nodes] == [
        "MeanBackward0", "MulBackward0", "MulBackward0", "AddBackward0", "AccumulateGrad",
    ]  # fmt: skip
    assert [node["name"] for node in nodes] == ["out", "z", None, "y", "x"]
    assert {(edge["from"], edge["to"], edge["operand"]) for edge in edges} == {
        (2, 1, "input"), (3, 2, "input"), (4, 3, "input"), (4, 3, "other"), (5, 4, "input"),
    }  # fmt: skip
    assert shown["data"]["saved_bytes"] == 20


def test_graph_to_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(TUTORIAL + f'graph out to "{tmp_path}/a.dot"')
    dot = (tmp_path / "a.dot").read_text()
    assert dot.startswith("digraph gradsh {\n")
    assert 'n5 [label="x\\nAccumulateGrad\\n(2, 2) float32\\nleaf", fillcolor=lightblue];' in dot
    assert 'n4 -> n3 [label="other"];' in dot

    ran(TUTORIAL + f'graph out to "{tmp_path}/a.html"')
    page = (tmp_path / "a.html").read_text()
    assert page.count("<details") == page.count("</details>") == 4
    assert "to other: g * input" in page
    assert "http" not in page

    text, hint = message(TUTORIAL + f'graph out to "{tmp_path}/a.bmp"')
    assert text.endswith("a.bmp': its ending names no format")
    assert hint == "the endings are .dot, .html, .svg, .png, .pdf"
    assert "cannot write" in message(TUTORIAL + 'graph out to "/nowhere/at/all.dot"')[0]
    assert "as a text" in message(TUTORIAL + "graph out to 3")[0]

    monkeypatch.setenv("PATH", str(tmp_path))
    text, hint = message(TUTORIAL + f'graph out to "{tmp_path}/a.svg"')
    assert text == "a graph as .svg needs Graphviz, which is not installed"
    assert "apt install graphviz" in (hint or "")
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\nread first\necho "$1 $first"\n')
    program.chmod(0o755)
    ran(TUTORIAL + f'graph out to "{tmp_path}/a.svg"')
    assert (tmp_path / "a.svg").read_text() == "-Tsvg digraph gradsh {\n"


# ----------------------------------------------------------------------------------- explain


def test_explain_of_the_tutorial_fits_on_a_screen() -> None:
    text = ran(TUTORIAL + "explain out")
    assert (
        text
        == """\
1  out, MeanBackward0: g = 1
   to z: spread(g, dim, keepdim, input.shape) / count_of(input.shape, dim),
     with dim = none, keepdim = false, input.shape = (2, 2)
     = [[0.25, 0.25], [0.25, 0.25]]
2  z, MulBackward0: g = [[0.25, 0.25], [0.25, 0.25]]
   to step 3: g * other, with other = 3
     = [[0.75, 0.75], [0.75, 0.75]]
3  MulBackward0: g = [[0.75, 0.75], [0.75, 0.75]]
   to y: g * other, with other = [[3, 3], [3, 3]]
     = [[2.25, 2.25], [2.25, 2.25]]
   to y: g * input, with input = [[3, 3], [3, 3]]
     = [[2.25, 2.25], [2.25, 2.25]]
4  y, AddBackward0: g is the sum of what 2 paths bring,
   [[2.25, 2.25], [2.25, 2.25]] (step 3, input)
     + [[2.25, 2.25], [2.25, 2.25]] (step 3, other)
   = [[4.5, 4.5], [4.5, 4.5]]
   to x: g = [[4.5, 4.5], [4.5, 4.5]]
gradient of x: [[4.5, 4.5], [4.5, 4.5]]
   as `backward` gives it
spread(g, dim, keepdim, shape): A reduced value repeated over the dimensions
   `dim` of `shape` it was reduced from
count_of(shape, dim): How many elements a reduction over `dim` takes together
"""
    )
    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) <= 80
