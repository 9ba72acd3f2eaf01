"""Tokens of finished, unfinished and wrong texts; when a text is complete."""

from __future__ import annotations

import re

import pytest

from gradsh.language import closing_indent, is_complete, tokenize
from gradsh.language.grammar import SPELLING


def kinds(text):
    return " ".join(f"{token.text}:{token.kind}".replace("\n", "\\n") for token in tokenize(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 3", "x:name =:operator 3:number"),
        ("x.grad grad", "x:name .:operator grad:name grad:keyword"),
        ("grad(out)", "grad:name (:bracket out:name ):bracket"),
        ("graph x", "graph:command x:name"),
        ("graph = x", "graph:name =:operator x:name"),
        ("time graph x", "time:command graph:command x:name"),
        ("h = minimize f(w) over w steps 3",
         ("h:name =:operator minimize:command f:name (:bracket w:name ):bracket over:keyword "
          "w:name steps:keyword 3:number")),
        ("over = steps", "over:name =:operator steps:name"),
        ("nograd < a > b >", "nograd:keyword <:bracket a:name >:operator b:name >:bracket"),
        ("not a and true", "not:operator a:name and:operator true:keyword"),
        ('print "a", f"{x}" # end',
         'print:keyword "a":string ,:operator f"{x}":string # end:comment'),
        ("# first\nx", "# first:comment \\n:newline x:name"),
        ("x\n\n# c\n y", "x:name \\n:newline \\n:newline # c:comment \\n:newline y:name"),
        ("x; y", "x:name ;:operator y:name"),
        ("if x { y }", "if:keyword x:name {:bracket y:name }:bracket"),
        ("x.print + help", "x:name .:operator print:name +:operator help:name"),
        ("help print", "help:command print:name"),
        ("a -> a^2", "a:name ->:operator a:name ^:operator 2:number"),
        # wrong
        ("x = = if", "x:name =:operator =:operator if:keyword"),
        ('"open', '":error open:name'),
        ("2x $ y", "2:error x:name $:error y:name"),
        ("x ) x.print\nprint x",
         "x:name ):bracket x:name .:operator print:name \\n:newline print:keyword x:name"),
        ("a b\ntime x", "a:name b:name \\n:newline time:command x:name"),
        # unfinished
        ("while x {", "while:keyword x:name {:bracket"),
        ("y = f(", "y:name =:operator f:name (:bracket"),
        ("x.", "x:name .:operator"),
    ],
)  # fmt: skip
def test_kinds(text, expected):
    assert kinds(text) == expected


def test_every_word_of_the_grammar_has_a_kind_where_it_belongs():
    words = {word for word in SPELLING if word.isidentifier()}
    from pathlib import Path

    forms = Path(__file__).with_name("forms.txt").read_text(encoding="utf-8")
    found = set()
    for part in forms.split("\n\n"):
        text = "\n".join(line[2:] for line in part.split("\n") if line.startswith("$"))
        for token in tokenize(text):
            assert token.kind != "error", text
            if token.kind in ("keyword", "command", "operator"):
                found.add(token.text)
    assert {word for word in found if re.fullmatch(r"\w+", word)} == words


@pytest.mark.parametrize(
    ("text", "complete", "depth"),
    [
        ("", True, 0),
        ("# note", True, 0),
        ("x", True, 0),
        ("x = 1;", True, 0),
        ("x = 1; y", True, 0),
        ("x = f(1,", False, 1),
        ("x = [[1, 2],", False, 1),
        ("x = (\n[", False, 2),
        ("while x {", False, 1),
        ("while x {\n  y", False, 1),
        ("while x {\n  f(", False, 2),
        ("while x {\n  y\n}", True, 0),
        ("if x { y } else {", False, 1),
        ("nograd <", False, 1),
        ("nograd < x", False, 1),
        ("nograd < x >", True, 0),
        ("nograd < x > y", False, 1),
        ("x +", False, 0),
        ("x + # note", False, 0),
        ("f = x ->", False, 0),
        ("a, ", False, 0),
        ("x =", True, 0),
        ("x = )", True, 0),
        ("x = (1]", True, 1),
        ('x = "open', True, 0),
        ("if x", True, 0),
        ("def f(x) {\n  return x\n} backward(g) {", False, 1),
        ("x\ny +", False, 0),
        ("x x\ny", True, 0),
    ],
)
def test_complete_and_depth(text, complete, depth):
    assert is_complete(text) is complete
    assert closing_indent(text) == depth


def test_pygments():
    pygments = pytest.importorskip("pygments")
    from pygments.token import Comment, Keyword, Name, Number, Whitespace

    from gradsh.language.pygments_lexer import GradshLexer

    tokens = list(pygments.lex("  print x  # note\ngraph 3\n", GradshLexer(stripall=False)))
    assert "".join(text for _, text in tokens) == "  print x  # note\ngraph 3\n"
    assert [(kind, text) for kind, text in tokens if kind is not Whitespace] == [
        (Keyword, "print"),
        (Name, "x"),
        (Comment.Single, "# note"),
        (Name.Builtin, "graph"),
        (Number, "3"),
    ]
