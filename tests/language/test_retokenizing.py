"""Tokens of a text that is being edited: always those of the whole text, and cut quickly."""

from __future__ import annotations

import random
from time import perf_counter

import pytest

from gradsh.language import tokenize
from gradsh.language.retokenizing import Tokenizer

PIECES = (
    "x = 1\n", "def f(x) {\n", "}\n", "nograd <\n", " y > 2 >\n", "# c\n", "\n", "   \n", "[1,\n",
    "2]\n", "(", ")", "{", "}", "<", ">", '"a"', '"', "'", "mean(", "x.", "print x;", "; ", "é",
    "if x > 2 { ", "else ", "+", "+\n", "set a 3\n", "help print\n", " #c", "\\", 'f"{x}"', "9",
    "backward ", "grad\n", "1e", "...\n",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_the_tokens_are_those_of_the_whole_text(seed: int) -> None:
    draw = random.Random(seed)
    tokenizer = Tokenizer()
    text = "".join(draw.choices(PIECES, k=draw.randint(0, 40)))
    for _ in range(40):
        assert tokenizer.tokens(text) == tokenize(text)
        start = draw.randint(0, len(text))
        end = min(len(text), start + draw.choice([0, 0, 0, 1, 2, 10]))
        text = text[:start] + draw.choice(["", "a", *PIECES]) + text[end:]


@pytest.mark.parametrize(
    "text",
    ["y = mean(3*(x + 2)^2)  # c\n" * 300, "def f(x) {\n" + "    y = sin(x) + [1, 2]\n" * 300],
    ids=["statements", "one block"],
)
def test_a_key_in_a_long_text_costs_little(text: str) -> None:
    tokenizer = Tokenizer()
    tokenizer.tokens(text)
    fastest = 1.0
    for place in (len(text), len(text) // 2 + 3):
        for typed in ("a", "ab", "abc", "abcd"):
            edited = text[:place] + typed + text[place:]
            before = perf_counter()
            tokens = tokenizer.tokens(edited)
            fastest = min(fastest, perf_counter() - before)
            assert tokens == tokenize(edited)
    assert fastest < 0.005
