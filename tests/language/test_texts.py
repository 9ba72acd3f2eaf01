"""Numbers, texts and f-strings have the values that they have in Python."""

from __future__ import annotations

import math

import pytest

from gradsh.language import SyntaxFault


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("1_000", 1000),
        ("12345678901234567890123", 12345678901234567890123),
        (".5", 0.5),
        ("1.", 1.0),
        ("1_0.2_5", 10.25),
        ("1e-3", 0.001),
        ("1.5E+3", 1500.0),
        ("1e999", math.inf),
        ('"a\\tb\\\\\\"\\x41\\u00e9\\U0001F600\\0"', 'a\tb\\"A\u00e9\U0001f600\0'),
        ("'it\\'s'", "it's"),
        ('"日本 # no comment; no end"', "日本 # no comment; no end"),
        ('f"{1}{2}"', "12"),
        ('f"{{{1}}}"', "{1}"),
        ('f"a{1 + 1:>4}b{0.5:.2f}\\n"', "a   2b0.50\n"),
        ("f'{\"x\"}'", "x"),
        ("f'{\"x\"!r:>5}'", "  'x'"),
        ('f"{(1, 2)[0]}"', "1"),
        ('f"{max(1, 2)}: {1 != 2} {3:+}"', "2: True +3"),
        ('f"{ 5 }"', "5"),
        ('f"{(x -> x*2)(4)}"', "8"),
        ('f"{nograd < mode() >}"', "nograd"),
        ('f""', ""),
        ("F\"{f'{1}'}\"", "1"),
    ],
)
def test_value(session, text, value):
    shown = session.run(text).shown[0]
    assert shown == value
    assert type(shown) is type(value)


def test_parts_of_an_f_string_know_their_places(session):
    from gradsh.language import Reader, diagnose

    (unit,) = Reader("a.grad").feed('x = f"é {1} {missing:.2f}"\n')
    with pytest.raises(NameError) as caught:
        unit.run(session.names)
    found = diagnose(caught.value, unit)
    assert (found.column, found.end) == (14, 21)


@pytest.mark.parametrize("text", ['"\\x4"', '"\\u12"', '"\\U00110000"', '"\\q"', '"\\N{DASH}"'])
def test_unknown_escape(session, text):
    with pytest.raises(SyntaxFault):
        session.run(text)


def test_composed_and_decomposed_names_are_one(session):
    session.run("µ = 3\n\u03bc + 1")
    assert session.shown == [4]


def test_names_that_would_become_reserved(session):
    for name in ("__builtins__", "x.__class__", "_\uff3f_x"):
        with pytest.raises(SyntaxFault):
            session.run(name)
