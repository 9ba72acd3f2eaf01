"""Texts of great depth or length either work or are refused in words; none takes long."""

from __future__ import annotations

import sys
import time

import pytest

from gradsh.language import Reader, SyntaxFault, closing_indent, is_complete, tokenize

N = 10_000
DEEP = "this is nested too deeply"
BLOCKS = "blocks are nested too deeply"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * N + "x" + ")" * N, None),
        ("+".join("x" * 500), None),
        ("+".join("x" * 5000), DEEP),
        ("[" * N + "1" + "]" * N, DEEP),
        ("x -> " * 5000 + "x", DEEP),
        ("not " * N + "x", DEEP),
        ("-" * N + "x", DEEP),
        ("^".join("2" * 5000), DEEP),
        (" or ".join("x" * N), None),
        ("f(" * N + "x" + ")" * N, DEEP),
        ("x[" * N + "1" + "]" * N, DEEP),
        ("x" + ".a" * N, DEEP),
        ("(" * N + "x" + ",)" * N, DEEP),
        ("f(" + ",".join("x" * 20_000) + ")", None),
        ("if a { b }" + " else if a { b }" * 200, None),
        ("if a { b }" + " else if a { b }" * 5000, DEEP),
        ("if a {" * 1000 + "x" + "}" * 1000, DEEP),
        ("while a {" * 25 + "}" * 25, BLOCKS),
        ("try { " * 300 + "x" + "} catch {}" * 300, BLOCKS),
        ("nograd < " * 25 + "x" + ">" * 25, BLOCKS),
        ("y = " + "nograd < " * 1000 + "x" + ">\n" * 1000, DEEP),
        ("y = " + "1 + nograd < " * 1000 + "x" + ">\n" * 1000, DEEP),
        ("time " * 3000 + "x", DEEP),
        ("def f() {" * 100 + "}" * 100, None),
        ("def f() = x -> " * 1 + "y -> " * 2000 + "x", DEEP),
        ('f"{' + "(" * 5000 + "x" + ")" * 5000 + '}"', None),
        ('f"{' + "-" * 5000 + 'x}"', DEEP),
        ("(" * 100_000, "'(' is not closed"),
        (")" * 1000, "')' closes nothing"),
        ("1" * 4300, None),
        ("1" * 4301, "a whole number may have at most 4300 digits"),
        ("1" * 5000 + ".5", None),
        ("1e" + "9" * 5000, None),
        ("x" * 1_000_000, None),
        ('"' + "\\n" * 200_000 + '"', None),
        (" " * 1_000_000 + "x", None),
        ("\n" * 500_000 + "x", None),
        ("# note\n" * 100_000 + "x", None),
        ("(\n" * 5000 + "x" + ")" * 5000, None),
        ("x=1;" * 10_000, None),
        (";" * 200_000, None),
        ('"' * 10_001, "expected"),
        ("x = '" + "a" * 1_000_000, "this text is not closed"),
        ("<".join("x" * 5000), "comparisons do not chain"),
        ("(" * N + ",)" * N, "expected an expression or ')'"),
        ("x " * N, "expected an operator"),
    ],
    ids=range(46),
)  # fmt: skip
def test_extreme(text, message):
    start = time.process_time()
    reader = Reader("test.grad")
    fault = None
    try:
        for _ in [*reader.feed(text), *reader.finish()]:
            pass
    except SyntaxFault as caught:
        fault = caught
    assert time.process_time() - start < 10
    if message in (DEEP, BLOCKS) and sys.version_info >= (3, 12):
        assert fault is None or fault.message in (DEEP, BLOCKS), "each Python has its own limits"
    elif message is None:
        assert fault is None
    else:
        assert fault is not None
        assert fault.message.startswith(message)
        assert len(fault.diagnostic.render()) < 2000


def test_highlighting_of_extremes_takes_no_time():
    start = time.process_time()
    for piece in ("(", ")", "nograd <", ">", '"', "if x {\n", "é", "1.", "y = nograd < x > "):
        text = piece * N
        tokenize(text)
        is_complete(text)
        closing_indent(text)
    assert time.process_time() - start < 10


def test_closing_signs_in_a_row_take_no_time():
    """Each looks at those behind it; a row of them must not take the square of its length."""
    start = time.process_time()
    for end in ("", "y", ")"):
        text = "nograd < " * N + "x " + "> " * 2 * N + end
        tokenize(text)
        with pytest.raises(SyntaxFault):
            for _ in [*Reader("test.grad").feed(text + "\n")]:
                pass
    assert time.process_time() - start < 5


def test_null_characters_in_texts_and_comments(session):
    session.run('x = "a\0b" # \0\nf = () -> "a\0b"\nf()')
    assert session.variables["x"] == "a\0b"
    assert session.shown == ["a\0b"]


def test_surrogates_in_texts_and_comments(session):
    session.run('x = "a\udc80b" # \udc80\nf = () -> x\nf()')
    assert session.shown == ["a\udc80b"]


def test_words_of_python_are_names(session):
    session.run("class = 1; is = 2; global = class + is; def lambda(yield) = yield\nlambda(global)")
    assert session.shown == [3]
