"""`plot` and `show`: on a terminal, in a pipe, in files, as JSON."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from gradsh.session import Fault, Session
from gradsh.session.output import ColourOutput, JsonOutput, TextOutput

from .sessions import Collected, output_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def size_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "20")


def on_terminal(program: str) -> str:
    stream = Terminal()
    Session(TextOutput(stream)).run(program)
    return stream.getvalue()


def coloured(program: str) -> str:
    stream = Terminal()
    Session(ColourOutput(stream)).run(program)
    return stream.getvalue()


def as_json(program: str) -> Any:
    stream = io.StringIO()
    Session(JsonOutput(stream)).run(program)
    return json.loads(stream.getvalue())


def message(program: str, **settings: Any) -> tuple[str, str | None]:
    with pytest.raises(Fault) as caught:
        Session(Collected(), **settings).run(program)
    assert not caught.value.internal
    return caught.value.diagnostic.message, caught.value.diagnostic.hint


# ------------------------------------------------------------------------------------ plot


def test_plot_on_a_terminal() -> None:
    pytest.importorskip("plotext")
    assert (
        on_terminal("plot [1., 4., 9.]")
        == """\
   ┌──────────────────────────────────────────────────────┐
9.0┤ ▞▞ [1., 4., 9.]                                    ▄▞│
   │                                                ▄▄▀▀  │
7.7┤                                            ▗▄▀▀      │
   │                                        ▗▄▞▀▘         │
6.3┤                                    ▗▄▞▀▘             │
5.0┤                                 ▄▄▀▘                 │
   │                             ▄▄▀▀                     │
3.7┤                        ▄▄▄▀▀                         │
   │                  ▄▄▄▀▀▀                              │
2.3┤            ▄▄▄▀▀▀                                    │
   │      ▄▄▄▀▀▀                                          │
1.0┤▄▄▄▀▀▀                                                │
   └┬────────────┬─────────────┬────────────┬────────────┬┘
  0.00         0.50          1.00         1.50        2.00
                             index
"""
    )


def test_plot_in_colour_has_the_same_characters() -> None:
    pytest.importorskip("plotext")
    program = "plot sin(x), cos(x) over x from 0 to 6"
    plain = re.sub(r"\x1b\[[\d;]*m", "", coloured(program))
    assert [line.rstrip() for line in plain.splitlines()] == on_terminal(program).splitlines()
    assert "sin(x)" in plain
    assert "cos(x)" in plain


def test_plot_with_neither_terminal_nor_file_says_so() -> None:
    assert message("y = ones(3); plot y, y") == (
        "plot needs a terminal or a file, and the output is neither",
        'write `plot y, y to "plot.png"`',
    )


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "plotext", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    install = 'install it: pip install "gradsh[plot]"'
    with pytest.raises(Fault) as caught:
        on_terminal("plot [1., 2.]")
    assert caught.value.diagnostic.message == (
        "plot on a terminal needs plotext, which is not installed"
    )
    assert caught.value.diagnostic.hint == install
    assert message(f'plot [1., 2.] to "{tmp_path / "a.png"}"') == (
        "a plot in a file needs matplotlib, which is not installed", install
    )  # fmt: skip


def test_what_plot_draws() -> None:
    assert as_json("plot [1., nan]")["data"] == {
        "axis": "index",
        "series": [{"name": "[1., nan]", "x": [0.0, 1.0], "y": [1.0, "nan"]}],
    }
    assert as_json("x = [1, 2]; plot x, x^2, [3., 4.]")["data"] == {
        "axis": "x",
        "series": [
            {"name": "x^2", "x": [1.0, 2.0], "y": [1.0, 4.0]},
            {"name": "[3., 4.]", "x": [1.0, 2.0], "y": [3.0, 4.0]},
        ],
    }
    columns = as_json("m = [[1., 2.], [3., 4.]] grad; plot m")["data"]["series"]
    assert [(s["name"], s["y"]) for s in columns] == [
        ("m[:, 0]", [1.0, 3.0]), ("m[:, 1]", [2.0, 4.0])
    ]  # fmt: skip


@pytest.mark.parametrize("written", ["x^2", "f", "f(x)", "sum(x * x)", "x.item()^2"])
def test_plot_of_functions(written: str) -> None:
    data = as_json(f"def f(a) = a * a; plot {written} over x from -2 to 2")["data"]
    (series,) = data["series"]
    assert data["axis"] == "x"
    assert (series["name"], series["x"][0], series["x"][-1]) == (written, -2.0, 2.0)
    if written != "sum(x * x)":
        assert series["y"] == pytest.approx([x * x for x in series["x"]], rel=1e-5)


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("plot 3", "3 is one number, and no curve"),
        ('plot "a"', 'plot takes numbers, and "a" is str'),
        ("plot ones(3, 20)", "plot takes vectors, and ones(3, 20) has the shape (3, 20)"),
        ("plot [1, 2], [1, 2, 3]", "[1, 2, 3] has 3 points, and the axis has 2"),
        ("plot x over x from 1 to 0",
         "plot goes from a number to a larger one, not from 1.0 to 0.0"),
        ("plot complex(ones(2), ones(2))",
         "plot takes real numbers, and complex(ones(2), ones(2)) is complex"),
    ],
)  # fmt: skip
def test_what_is_no_curve(program: str, complaint: str) -> None:
    assert message(program)[0] == complaint


def test_files(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, start in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")):
        output_of(f'plot x^2, x over x from 0 to 1 to "{tmp_path / name}"')
        assert (tmp_path / name).read_bytes().startswith(start)
    output_of(f'show randn(3, 4), eye(3), rand(3, 4, 3) to "{tmp_path / "b.png"}"')
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    assert "endings are " in (message(f'plot [1, 2] to "{tmp_path / "c.xyz"}"')[1] or "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg", "b.png"]


def test_safe_refuses_files() -> None:
    for command in ("plot", "show"):
        complaint, _ = message(f'{command} ones(2, 2) to "f.png"', safe=True)
        assert complaint == "'to' may not be used here"


def test_curves_have_the_names_that_are_given() -> None:
    data = as_json('x = [1., 2.]; plot x, x^2 as "square", x')["data"]
    assert [series["name"] for series in data["series"]] == ["square", "x"]
    assert as_json('x = [1., 2.]; plot x as "t", x')["data"]["axis"] == "t"


@pytest.mark.parametrize(
    "written", ["x^3", "f", "f(x)", "sum(x * x * x)", "by_number(x)", "3 * 0 + x^3"]
)
def test_a_derivative_beside_its_function(written: str) -> None:
    pytest.importorskip("torch")
    import torch

    program = "def f(a) = a^3; def by_number(a) { assert a.ndim == 0; return a^3 }\n"
    data = as_json(f"{program}plot {written} over x from -2 to 2 with derivative")["data"]
    value, slope = data["series"]
    assert slope["name"] == f"d/dx {written}"
    x = torch.tensor(slope["x"], requires_grad=True)
    if written != "sum(x * x * x)":
        (x**3).sum().backward()
        assert value["y"] == pytest.approx((x.detach() ** 3).tolist(), rel=1e-4, abs=1e-5)
        assert slope["y"] == pytest.approx(x.grad.tolist(), rel=1e-4, abs=1e-5)


def test_a_derivative_that_is_not_recorded() -> None:
    assert message('plot x.item()^2 over x with derivative to "f.png"')[0] == (
        "the derivative of x.item()^2 is not recorded: its value is no tensor"
    )
    assert as_json("plot 3 * ones(1) + 0 * x over x with derivative")["data"]["series"][1]["y"] == (
        [0.0] * 200
    )


# ------------------------------------------------------------------------------------ hist


def test_hist_counts() -> None:
    data = as_json("w = [0., 0.1, 0.9, 1., nan, inf]; hist w, w * 2 bins 2")["data"]
    assert data == {
        "edges": [0.0, 1.0, 2.0],
        "counts": [
            {"name": "w", "inside": [3, 1], "outside": 2},
            {"name": "w * 2", "inside": [2, 2], "outside": 2},
        ],
    }


def test_hist_chooses_as_many_bins_as_the_spread_asks_for() -> None:
    assert len(as_json("hist randn(1000)")["data"]["edges"]) > 20
    assert len(as_json("hist [1., 1., 1.]")["data"]["edges"]) == 4
    assert len(as_json("hist cat([randn(1000), [1e9]])")["data"]["edges"]) == 51


def test_hist_on_a_terminal() -> None:
    pytest.importorskip("plotext")
    shown = on_terminal('hist [0, 0, 1, nan] as "numbers" bins 2')
    assert "numbers" in shown
    assert shown.splitlines()[-1] == "numbers: 1 not finite"
    plain = re.sub(r"\x1b\[[\d;]*m", "", coloured('hist [0, 0, 1, nan] as "numbers" bins 2'))
    assert [line.rstrip() for line in plain.splitlines()] == shown.splitlines()


# --------------------------------------------------------------------------------- contour


def test_contour_of_expressions_and_functions() -> None:
    programs = (
        "contour x + 2*y over x, y from -1 to 1",
        "def f(x, y) = x + 2*y; contour f from -1 to 1",
        "def f(p) = p[0] + 2*p[1]; contour f from -1 to 1",
        "def f(p) { assert p.ndim == 1; return dot(p, [1., 2.]) }; contour f from -1 to 1",
        "def f(x, y) = x.item() + 2*y.item(); contour f from (-1, -1) to (1, 1)",
        "def f(x, y) = x + 2*y; contour f over x, y from -1 to 1",
    )
    for program in programs:
        data = as_json(program)["data"]
        x, y, heights = data["x"], data["y"], data["heights"]
        assert (len(x), len(y), len(heights), len(heights[0])) == (61, 61, 61, 61)
        assert (x[0], x[-1], y[0], y[-1]) == (-1, 1, -1, 1)
        for row in range(0, 61, 10):
            expected = [across + 2 * y[row] for across in x]
            assert heights[row] == pytest.approx(expected, abs=1e-6)
    axes = [as_json(program)["data"]["axes"] for program in programs]
    assert axes == [["x", "y"], ["x", "y"], ["p[0]", "p[1]"], ["p[0]", "p[1]"], *[["x", "y"]] * 2]


def test_contour_on_a_terminal_says_where_the_ends_are() -> None:
    pytest.importorskip("contourpy")
    shown = on_terminal("contour x^2 + log(y) over x, y from (-1, -1) to (1, 2)")
    assert shown.splitlines()[-1] == ("x^2 + log(y): from -inf at (-1, 0) to 1.693 at (-1, 2)")
    flat = on_terminal("contour x * 0 + y * 0 over x, y")
    assert flat.splitlines()[-1].startswith("x * 0 + y * 0: from 0 at ")


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ('hist "a"', 'hist takes numbers, and "a" is str'),
        ("hist [nan]", "there is no number to count in [nan]"),
        ("hist [1., 2.] bins 0", "bins is a number from 1 to 1000, not 0"),
        ("hist [1., 2.] bins 2.5", "bins is a number from 1 to 1000, not 2.5"),
        ("contour 3", "contour draws a function of two variables, and 3 is none"),
        ("contour x over x, y from 1 to 1",
         "contour goes from a number to a larger one, not from 1.0 to 1.0"),
        ("contour x over x, y from (1, 2, 3) to 4",
         "an end of contour's range is a number or 2, not (1, 2, 3)"),
        ("plot x over x from (1, 2) to 4",
         "an end of plot's range is a number, not (1, 2)"),
        ("contour log(-1 - x^2) + y over x, y",
         "log(-1 - x^2) + y is finite at no point of the picture"),
        ("contour stack([x, y]) over x, y",
         "contour draws a function whose value is one real number"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_or_has_no_contours(program: str, complaint: str) -> None:
    assert message(program)[0] == complaint


def test_the_other_drawings_in_files(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for command in ("hist randn(9), rand(9)", "hist randn(9)", "contour x*y over x, y from 0 to 1"):
        output_of(f'{command} to "{tmp_path / "a.png"}"')
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
        (tmp_path / "a.png").unlink()
    assert message("contour x*y over x, y from 0 to 1")[1] == (
        'write `contour x*y ... to "contour.png"`'
    )


# ------------------------------------------------------------------------------------ show


def test_show_in_a_pipe() -> None:
    assert (
        output_of("A = [[0., 1., 2.], [3., 4., nan]]; show A, eye(2) > 0")
        == """\
┌──────┐
│  ░░▒▒│
│▓▓██??│
└──────┘
A: (2, 3) from 0 to 4
┌────┐
│██  │
│  ██│
└────┘
eye(2) > 0: (2, 2) from 0 to 1
"""
    )


def test_show_of_a_large_matrix_shows_means() -> None:
    lines = output_of("show eye(100)").splitlines()
    assert lines[-1] == "eye(100): (100, 100) from 0 to 1, shown as 34 x 34 means"
    assert len(lines) == 34 + 3
    assert max(map(len, lines[:-1])) == 2 * 34 + 2


def test_show_on_a_terminal_writes_small_numbers_on_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = coloured("A = [[0., 1.5], [-2., 1.]]; show A")
    assert "\x1b[97;48;2;33;102;172m  -2 \x1b[0m" in shown
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert plain == "   0  1.5 \n  -2    1 \nA: (2, 2) from -2 to 1.5\n"


def test_show_on_a_terminal_puts_two_rows_of_a_large_one_on_a_line() -> None:
    plain = re.sub(r"\x1b\[[\d;]*m", "", coloured("A = rand(21, 30); show A"))
    assert plain.splitlines()[:-1] == ["▀" * 30] * 11
    images = re.sub(r"\x1b\[[\d;]*m", "", coloured("A = rand(3, 4, 5); show A"))
    assert images.splitlines()[:-1] == ["▀" * 5] * 2


def test_show_as_json() -> None:
    data = as_json("A = eye(2); show A")["data"]
    assert (data["name"], data["low"], data["high"]) == ("A", 0.0, 1.0)
    assert data["tensor"]["data"] == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("show 3", "show takes a tensor, and 3 is int"),
        ("show zeros(0)",
         "show takes a matrix, or an image with 3 channels, and zeros(0) has the shape (0,)"),
        ("show eye(0)",
         "show takes a matrix, or an image with 3 channels, and eye(0) has the shape (0, 0)"),
        ("z = complex(ones(1), ones(1)); show z", "show takes real numbers, and z is complex"),
    ],
)  # fmt: skip
def test_what_has_no_picture(program: str, complaint: str) -> None:
    assert message(program)[0] == complaint
