"""Whatever the text: only SyntaxFault, always an end, and always the same result."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradsh.language import (
    Reader,
    SyntaxFault,
    closing_indent,
    is_complete,
    reader,
    tokenize,
)
from gradsh.language.grammar import SPELLING
from gradsh.language.highlighting import Token

PIECES = [
    *SPELLING, "\n", "\n", " ", "\t", "x", "y", "f", "f(", "x = ", "_1", "é", "1", "2.5", "1e3",
    '"a"', "'b'", '"', "'", 'f"{x}"', 'f"{', '}"', "# c\n", ";", "nograd <", " >", "> ", "{ ", " }",
    "\\", "!", "$", "\0", "\r\n", "\u00a0", "\ufeff", "elif", "lambda", "__x", "0x1", "if x {",
    "def f(x) {", "} else {", "} catch e {", "} backward(g) {", "x -> ", "return ", "break",
]  # fmt: skip

program_soup = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
spaced_soup = st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join)
any_text = st.text(max_size=60)
texts = st.one_of(program_soup, spaced_soup, any_text)

many = settings(
    max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def fresh_cache(monkeypatch):
    monkeypatch.setattr(reader, "_cache", {})


def outcome(chunks):
    """Everything that a reader gives for these pieces of text, going on after each fault."""
    source = Reader("test.grad")
    found = []

    def collect(units):
        for _ in range(200):
            try:
                found.extend(
                    (unit.kind, unit.names, unit.quiet, unit.text, unit.line, unit.column)
                    for unit in units
                )
                return
            except SyntaxFault as caught:
                fault = caught
            assert fault.line >= 1
            assert 1 <= fault.column < fault.end
            assert fault.diagnostic.render()
            found.append((fault.message, fault.line, fault.column, fault.end, fault.hint))
            units = source.feed("")
        raise AssertionError("a reader does not get on")

    for chunk in chunks:
        collect(source.feed(chunk))
    collect(source.finish())
    collect(source.finish())
    assert not source.pending
    return found


@many
@given(texts)
def test_any_text_gives_units_or_faults(text):
    outcome([text])


@many
@given(texts)
def test_character_by_character_is_the_same_as_whole(text):
    assert outcome(text) == outcome([text])


@many
@given(texts, st.data())
def test_any_pieces_are_the_same_as_whole(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    places = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert outcome(pieces) == outcome([text])


@many
@given(texts)
def test_twice_is_the_same_as_once(text):
    assert outcome([text]) == outcome([text]), "the second time from the cache"


@many
@given(texts)
def test_tokens_cover_the_text(text):
    position = 0
    for token in tokenize(text):
        assert position <= token.start < token.end
        between = text[position : token.start]
        if not position:
            between = between.removeprefix("\ufeff")
        assert not between.strip(" \t\r\f\v\u00a0"), "only blanks between tokens"
        assert text[token.start : token.end] == token.text
        assert token.kind in {
            "name", "keyword", "command", "number", "string",
            "operator", "bracket", "comment", "newline", "error",
        }  # fmt: skip
        position = token.end
    assert not text[position:].strip(" \t\r\f\v\u00a0\ufeff" if not position else " \t\r\f\v\u00a0")


@many
@given(texts)
def test_complete_text_leaves_nothing_pending(text):
    closing_indent(text)
    source = Reader("test.grad")
    try:
        for _ in source.feed(text + "\n"):
            pass
    except SyntaxFault as fault:
        if fault.message.startswith(("expected", "unknown character")):
            assert is_complete(text), "nothing that follows can mend it"
        return
    assert is_complete(text) == (not source.pending)


@many
@given(st.text(alphabet=" \t\r\f\v\u00a0x", max_size=8))
def test_blanks_before_and_after_change_nothing(blanks):
    words = [token for token in tokenize(blanks) if token.kind != "name"]
    assert words == []


def test_token_equality_is_by_value():
    assert Token("name", "x", 0, 1) == Token("name", "x", 0, 1)
    assert Token("name", "x", 0, 1) != Token("name", "x", 1, 2)
