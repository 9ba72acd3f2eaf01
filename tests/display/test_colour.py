"""Colour never changes the text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from gradsh.display.colour import styled, write
from gradsh.display.values import shown, text

MakeTensor = Callable[..., Any]

ESCAPES = re.compile(r"\x1b\[[\d;]*m")


def terminal(**environment: str) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    environment = {"TERM": "xterm-256color", **environment}
    console = Console(
        file=stream, force_terminal=True, width=20, _environ=environment, legacy_windows=False
    )
    return console, stream


def written(value: object, show: Callable[[object], str] = shown, **environment: str) -> str:
    console, stream = terminal(**environment)
    write(console, show(value), value)
    return stream.getvalue()


@pytest.fixture
def samples(tensor: MakeTensor) -> list[object]:
    return [
        tensor([[1, 2], [3, 4]], grad_fn="AddBackward0"),
        tensor(range(2000), "float64", requires_grad=True),
        tensor([[1 + 2j, complex("nan")]], "complex64"),
        tensor([]),
        tensor([[[1e-10, 1e10]]] * 2),
        (tensor([True]), "a ) ( 'b'", None, 12),
        'a "text" with 1 tensor( in it   ',
        "tabs\tand \x1b[31mescapes\r and \x07",
        "trailing spaces   \n\n  [bold]no markup[/bold] :smile: 日本 \u2028",
        "",
        lambda x, y=2: x,
        ValueError("expected 1.5 but got ))"),
        2**200,
        "12345 " * 60_000,
    ]


@pytest.mark.parametrize("show", [text, shown])
def test_without_its_styles_the_text_is_the_plain_text(
    samples: list[object], show: Callable[[object], str]
) -> None:
    for value in samples:
        plain = show(value)
        if "\x1b" in plain:
            assert written(value, show) == plain + "\n"
        else:
            assert ESCAPES.sub("", written(value, show)) == plain + "\n"


def test_what_stands_out(tensor: MakeTensor) -> None:
    value = tensor([1.5, -2], "float64", grad_fn="MulBackward0")
    result = styled(shown(value), value)
    styles = {result.plain[span.start : span.end]: span.style for span in result.spans}
    assert styles == {
        "tensor(": "dim",
        "1.5000": "cyan",
        "-2.0000": "cyan",
        "dtype=torch.float64": "dim",
        "grad_fn=<MulBackward0>": "bold magenta",
        ")": "dim",
    }
    leaf = tensor([1], requires_grad=True)
    assert "\x1b[1;32mrequires_grad=True\x1b[0m" in written(leaf)


def test_only_the_parenthesis_of_a_frame_is_dim(tensor: MakeTensor) -> None:
    value = (tensor(1.0),)
    result = styled(shown(value), value)
    assert [(span.start, span.end) for span in result.spans if span.style == "dim"] == [
        (1, 8),
        (10, 11),
    ]


def test_a_text_of_the_user_has_no_styles_when_it_is_printed() -> None:
    assert written("1 tensor(2)", text) == "1 tensor(2)\n"
    assert "\x1b[32m'1 tensor(2)'\x1b[0m" in written("1 tensor(2)", shown)


def test_no_colour_where_none_is_wanted(tensor: MakeTensor) -> None:
    value = tensor([1.5], grad_fn="MulBackward0")
    assert not re.search(r"\x1b\[[\d;]*3\dm", written(value, NO_COLOR="1"))
    assert written(value, TERM="dumb") == shown(value) + "\n"
