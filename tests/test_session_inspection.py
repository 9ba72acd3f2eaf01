"""`graph`, `explain`, `check`: what was recorded, how gradients come about, whether they hold."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gradsh.session import Fault, Session
from gradsh.session.output import JsonOutput
from tests.sessions import Collected, output_of

TUTORIAL = "x = ones(2, 2) grad; y = x + 2; z = y * y * 3; out = mean(z)\n"


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
        output_of(TUTORIAL + "graph out")
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
        output_of(TUTORIAL + "backward out; graph out")
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
        output_of(program)
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
        output_of(program)
        == """\
1 MulBackward0             g  (2,) float32  saves input (4 bytes)
└─ 2 MulBackward0             (2,) float32  saves other (4 bytes)
   └─ 3 PowBackward0          (2,) float32  saves input (8 bytes), exponent=2
      └─ 4 AccumulateGrad  x  (2,) float32  leaf
3 operations, 1 leaf, 16 bytes saved
"""
    )


def test_graph_knows_shapes_of_what_keeps_nothing() -> None:
    text = output_of("x = rand(2, 3, 4) grad; y = x.transpose(0, 2).reshape(4, 6)[1:3]; graph y")
    assert "?" not in text
    assert "(2, 6) float32" in text
    assert "(4, 6) float32" in text
    assert "(4, 3, 2) float32" in text


def test_graph_of_changes_in_place() -> None:
    text = output_of("w = ones(4) grad; h = w * 1; h[1:3] = h[1:3] * 2; graph h")
    assert "?" not in text
    assert text.startswith("1 CopySlices")


LONG = "x = ones(2) grad; y = x; for i in range(90) { y = sin(y) }; h = y * y\n"


def test_graph_can_be_opened_by_number_by_name_and_by_variable() -> None:
    assert (
        output_of(LONG + "graph h at 47 depth 2")
        == """\
47 SinBackward0           y (line 1)  (2,) float32  saves input (8 bytes)
└─ 48 SinBackward0        y (line 1)  (2,) float32  saves input (8 bytes)
   └─ 49 SinBackward0     y (line 1)  (2,) float32  saves input (8 bytes)
      └─ 50 SinBackward0  y (line 1)  ...
45 operations, 1 leaf, 360 bytes saved, 43 nodes not shown
"""
    )
    by_variable = output_of(LONG + "graph h at y depth 0")
    assert by_variable == output_of(LONG + "graph h at 2 depth 0")
    assert by_variable == output_of(LONG + 'graph h at "y" depth 0')
    assert by_variable.startswith("2 SinBackward0     y           (2,) float32")
    shown = output_of(LONG + 'graph h at "MulBackward0" depth 1')
    assert shown.splitlines()[0].startswith("1 MulBackward0        h")
    assert output_of(LONG + 'graph h at "SinBackward0"') == output_of(LONG + "graph h at y")


def test_graph_counts_only_what_stands_behind_the_part_that_is_opened() -> None:
    program = "x = ones(2) grad; w = ones(2) grad; a = exp(x); z = a * sin(w); graph z at a"
    assert output_of(program).splitlines()[-1] == "1 operation, 1 leaf, 8 bytes saved"


def test_a_part_of_a_graph_in_files_and_as_json(tmp_path: Path) -> None:
    output_of(LONG + f'graph h depth 3 to "{tmp_path}/a.dot"')
    dot = (tmp_path / "a.dot").read_text()
    assert dot.count("SinBackward0") == 3
    assert '[label="...", style=dashed]' in dot
    output_of(LONG + f'graph h at 90 to "{tmp_path}/a.html"')
    assert (tmp_path / "a.html").read_text().count("SinBackward0") == 2
    data = as_json(LONG + "graph h at 88 depth 1")["data"]
    assert [node["id"] for node in data["nodes"]] == [88, 89]
    assert [(edge["from"], edge["to"]) for edge in data["edges"]] == [(89, 88)]


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ("at 99", "the graph has no node 99"),
        ('at "ExpBackward0"', "the graph has no node ExpBackward0"),
        ("at ones(2)", "the graph has no node like this tensor"),
        ("depth -1", "depth is a number of edges, not -1"),
        ("depth 1.5", "depth is a number of edges, not 1.5"),
    ],
)
def test_a_part_that_a_graph_does_not_have(part: str, complaint: str) -> None:
    assert message(LONG + f"graph h {part}")[0] == complaint


def test_graph_of_a_leaf() -> None:
    assert output_of("x = ones(3) grad; graph x") == (
        "1 AccumulateGrad  x  (3,) float32  leaf\n0 operations, 1 leaf, 0 bytes saved\n"
    )


def test_a_long_chain_is_cut_with_a_count() -> None:
    program = "x = ones(2) grad; y = x; for i in range(100000) { y = y * 2 }\ngraph y"
    lines = output_of(program).splitlines()
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
    output_of(TUTORIAL + f'graph out to "{tmp_path}/a.dot"')
    dot = (tmp_path / "a.dot").read_text()
    assert dot.startswith("digraph gradsh {\n")
    assert 'n5 [label="x\\nAccumulateGrad\\n(2, 2) float32\\nleaf", fillcolor=lightblue];' in dot
    assert 'n4 -> n3 [label="other"];' in dot

    output_of(TUTORIAL + f'graph out to "{tmp_path}/a.html"')
    page = (tmp_path / "a.html").read_text()
    assert page.count("<details") == page.count("</details>") == 4
    assert "to other: g * input" in page
    assert "http" not in page

    text, hint = message(TUTORIAL + f'graph out to "{tmp_path}/a.bmp"')
    assert text.endswith("a.bmp': its ending names no format")
    assert hint == "the endings are .dot, .html, .svg, .png, .pdf"
    assert "cannot write" in message(TUTORIAL + 'graph out to "/nowhere/at/all.dot"')[0]
    assert "as a text" in message(TUTORIAL + "graph out to 3")[0]

    with pytest.raises(Fault) as caught:
        output_of(TUTORIAL + f'graph out to "{tmp_path}/safe.dot"', safe=True)
    assert "may not be used here" in caught.value.diagnostic.message
    assert not (tmp_path / "safe.dot").exists()

    monkeypatch.setenv("PATH", str(tmp_path))
    text, hint = message(TUTORIAL + f'graph out to "{tmp_path}/a.svg"')
    assert text == "a graph as .svg needs Graphviz, which is not installed"
    assert "apt install graphviz" in (hint or "")
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\nread first\necho "$1 $first"\n')
    program.chmod(0o755)
    output_of(TUTORIAL + f'graph out to "{tmp_path}/a.svg"')
    assert (tmp_path / "a.svg").read_text() == "-Tsvg digraph gradsh {\n"


# ----------------------------------------------------------------------------------- explain


def test_explain_of_the_tutorial_fits_on_a_screen() -> None:
    text = output_of(TUTORIAL + "explain out")
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


def test_explain_says_what_broadcasting_sums_and_what_promotion_casts() -> None:
    program = """
    x = [1., 2.] grad
    w = tensor([[1., 2.], [3., 4.]], dtype=float64)
    loss = (w * x).sum()
    x.grad = [1., 1.]
    explain loss over x
    """
    assert (
        output_of(program)
        == """\
1  loss, SumBackward0: g = 1
   to step 2: spread(g, dim, keepdim, input.shape), with dim = none,
     keepdim = false, input.shape = (2, 2)
     = [[1, 1], [1, 1]]
2  MulBackward0: g = [[1, 1], [1, 1]]
   to x: g * input, with input = [[1, 2], [3, 4]]
     = [[1, 2], [3, 4]]
     summed over what was broadcast, (2, 2) -> (2,): = [4, 6]
     in the operand's type, float32
gradient of x: [4, 6]
   `backward` adds it to what x.grad holds, [1, 1]
   as `backward` gives it
spread(g, dim, keepdim, shape): A reduced value repeated over the dimensions
   `dim` of `shape` it was reduced from
"""
    )


def test_explain_tells_the_case_that_holds() -> None:
    assert "to x: g * input * 2, with" in output_of("x = [1., 2.] grad; explain sum(x^2)")
    text = output_of("x = [1., 2.] grad; explain sum(x^3)")
    assert "to x: g * input^(exponent - 1) * exponent," in text
    assert "= [3, 12]" in text


def test_explain_of_large_tensors_gives_shapes_and_norms() -> None:
    text = output_of(
        "seed 0; A = rand(30, 20) grad; b = rand(20) grad; explain (A @ b).relu().sum()"
    )
    assert "to b: mv(t(input), g), with input = (30, 20) float32 norm" in text
    assert "gradient of A: (30, 20) float32 norm" in text
    assert max(map(len, text.splitlines())) <= 80


def test_explain_over_a_result_stops_there() -> None:
    text = output_of(TUTORIAL + "explain out over y")
    assert "gradient of y: [[4.5, 4.5], [4.5, 4.5]]\n   as `backward` gives it" in text
    assert "gradient of x" not in text


def test_explain_changes_nothing() -> None:
    assert output_of(TUTORIAL + "explain out;\nx.grad\nbackward out; x.grad").endswith(
        "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])\n"
    )


def test_explain_calls_hooks_once_and_shows_what_they_make() -> None:
    program = """
    x = [1., 2.] grad
    h = x * 2
    def hook(g) { print "called"; return g * 10 }
    h.register_hook(hook)
    explain h.sum()
    """
    text = output_of(program)
    assert text.count("called") == 1
    assert "after its hooks: g = [10, 10]" in text
    assert "gradient of x: [20, 20]" in text


def test_explain_refuses_what_has_no_gradient() -> None:
    text, hint = message("x = ones(2) grad; explain x * 2")
    assert text == "grad can be implicitly created only for scalar outputs"
    assert hint == "it takes one real number: `explain sum(x * 2)`"
    assert message("x = ones(2) grad; y = ones(1) grad; explain x.sum() over y")[0] == (
        "x.sum() does not depend on y"
    )
    assert "second time" in message(TUTORIAL + "backward out; explain out")[0]


def test_explain_of_a_long_chain_is_cut_and_ends_in_the_gradient() -> None:
    program = "x = tensor(1.) grad; y = x; for i in range(20000) { y = y * 1 }\nexplain y"
    lines = output_of(program).splitlines()
    assert "... 19,940 more steps; `explain y step` shows all" in lines
    assert lines[-2:] == ["gradient of x: 1", "   as `backward` gives it"]
    assert output_of(program.replace("20000", "100") + " step").count("MulBackward0") == 100


def test_explain_as_json() -> None:
    data = as_json(TUTORIAL + "explain out")["data"]
    assert [step["grad_fn"] for step in data["steps"]] == [
        "MeanBackward0", "MulBackward0", "MulBackward0", "AddBackward0",
    ]  # fmt: skip
    assert data["gradients"] == [
        {"name": "x", "gradient": [[4.5, 4.5], [4.5, 4.5]], "paths": 1, "difference": 0.0}
    ]


# ------------------------------------------------------------------------------------- check


def verdicts(program: str) -> list[tuple[Any, ...]]:
    """The entries that `check` finds, in its order."""
    entries = as_json(program)["data"]["entries"]
    return [(entry["name"], *entry["index"], entry["verdict"]) for entry in entries]


def test_check_of_a_wrong_derivative_says_where() -> None:
    program = """
    def cube(x) { return x^3 } backward(g) { return g * 2 * x^2 }
    x = [1., 2.] grad
    check cube(x).sum() over x
    """
    assert (
        output_of(program)
        == """\
entry  gradient  difference    error
x[1]          8          12  4.0e+00  wrong
x[0]          2           3  1.0e+00  wrong
the gradient is wrong at 2 entries
"""
    )


def test_check_tells_a_kink_from_a_fault() -> None:
    text = output_of("w = [[0., 1.], [-1., 2.]] grad; check abs(w).sum() over w")
    lines = text.splitlines()
    assert lines[1].endswith("kink: slope -1 below, 1 above")
    assert lines[1].startswith("w[0, 0]         0           0  ")
    assert lines[5].startswith("the gradient is right at 3 entries: errors up to ")
    assert lines[6:] == [
        "1 entry at a kink, where any slope between the two sides is right: no fault"
    ]
    wrong = """
    def f(x) { return abs(x) } backward(g) { return g * 5 }
    x = tensor(0.) grad
    check f(x) over x
    """
    assert verdicts(wrong) == [("x", "differs")]


def test_check_of_jumps_and_of_what_is_not_finite() -> None:
    assert verdicts("x = [1., 1.5] grad; check floor(x).sum() over x") == [
        ("x", 0, "jump"), ("x", 1, "agrees"),
    ]  # fmt: skip
    assert verdicts("x = tensor(0.) grad; check sqrt(x) over x") == [("x", "not finite")]


def test_check_is_done_in_double_precision_and_leaves_all_as_it_was() -> None:
    program = """
    seed 3
    x = rand(3, 4) grad
    w = rand(2, 4) grad
    b = rand(2)
    view = x[0]
    h = linear(x, w, b)
    def loss() = cross_entropy(linear(x, w, b), [0, 1, 1])
    check loss() over x, w
    """
    after = "print x.dtype, x.is_leaf, view.grad_fn.name, h.grad_fn.name, x.grad, [1.].dtype"
    text = output_of(program + after)
    assert text.endswith("torch.float32 True SelectBackward0 AddmmBackward0 None torch.float32\n")
    assert "the gradient is right: errors up to" in text
    assert {entry[-1] for entry in verdicts(program)} == {"agrees"}
    assert len(verdicts(program)) == 20


def test_check_after_a_failure_leaves_all_as_it_was() -> None:
    session = Session(Collected())
    session.run("x = ones(2) grad; y = x * 2")
    before = {name: vars(session.variables[name]).copy() for name in "xy"}
    with pytest.raises(Fault):
        session.run("check (x @ ones(3)).sum() over x")
    with pytest.raises(Fault):
        session.run("check sum(y) over x")
    assert {name: vars(session.variables[name]) for name in "xy"} == before


def test_check_draws_the_same_random_numbers_each_time() -> None:
    program = "seed 1; x = ones(8) grad; check dropout(x).sum() over x"
    assert {entry[-1] for entry in verdicts(program)} == {"agrees"}


def test_check_of_complex_numbers() -> None:
    program = "z = complex([1., 0.5], [2., -1.]) grad; check abs(z).sum() over z"
    assert {entry[-1] for entry in verdicts(program)} == {"agrees"}
    assert len(verdicts(program)) == 4


def test_check_needs_the_whole_expression() -> None:
    text, hint = message("x = ones(2) grad; out = mean(x^2); check out over x")
    assert text == "out does not depend on x"
    assert "write the whole expression" in (hint or "")
    text, hint = message("x = ones(2) grad; check mean(x^2) over x[0]")
    assert text == "mean(x^2) does not depend on x[0]"
    assert hint == "x[0] is a new tensor each time: check over a variable"
    text = output_of("x = ones(2) grad; out = mean(x^2); check out + sum(x) over x")
    assert text.endswith("part of what leads to x was computed before, and is held constant here\n")


def test_check_refuses() -> None:
    text, hint = message("x = ones(2); check x * 2 over x")
    assert text == "grad can be implicitly created only for scalar outputs"
    assert hint == "it takes one real number: `check sum(x * 2) over x`"
    assert message("x = 3; check x over x")[0] == (
        "check ... over takes tensors, and x is of the type int"
    )
    assert "only floating elements" in message("x = [1, 2]; check sum(x) over x")[0]
    assert "is of the type int" in message("x = ones(2); check 3 over x")[0]


def test_a_leaf_with_many_uses_is_drawn_at_each(tmp_path: Path) -> None:
    program = "x = ones(2) grad; y = x; for i in range(9) { y = y * x }\n"
    output_of(program + f'graph y to "{tmp_path}/a.dot"')
    dot = (tmp_path / "a.dot").read_text()
    assert dot.count('[label="x", style=dashed]') == 10
    output_of(program.replace("9", "900") + f'graph y to "{tmp_path}/b.dot"')
    dot = (tmp_path / "b.dot").read_text()
    assert 'label="701 nodes not shown"' in dot
