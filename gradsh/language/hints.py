"""What to say of a text that does not parse: the message, and a hint in gradsh's own words.

Most hints are for people who come from Python, and from other languages of the kind.
"""

from __future__ import annotations

import re
from typing import Final

from gradsh.language.faults import Fault, Place, described, expected, quoted
from gradsh.language.grammar import (
    ACTIONS,
    BLOCK_OPEN,
    END,
    FIRST_COMMAND,
    FIRST_DECLARED,
    FIRST_HARD,
    FIRST_SOFT,
    FSTRING,
    LEFT_BRACKET,
    LEFT_PAREN,
    NAME,
    NEWLINE,
    NUMBER,
    NUMBER_OF,
    SPELLING,
    START,
    STRING,
    TEXT_OF,
    TOKEN,
    accepts,
)
from gradsh.language.lexer import OPENER_OF, Lexer

FOREIGN_WORDS: Final = {
    "elif": "write `} else if C {`",
    "except": "write `try { ... } catch e { ... }`",
    "finally": "write `try { ... } catch e { ... }`",
    "lambda": "write `x -> E`, or `(x, y) -> E`",
    "is": "write `==` or `!=`: `x.grad == none`",
    "pass": "a block may be empty: `{ }`",
    "raise": 'write `assert false, "text"`',
    "class": "a function with its own derivative is `def f(x) { ... } backward(g) { ... }`",
    "global": "inside a function, give back a new value or change a tensor in place",
    "nonlocal": "inside a function, give back a new value or change a tensor in place",
    "yield": "collect the values in a tuple",
    "async": "gradsh runs one thing at a time",
    "await": "gradsh runs one thing at a time",
    "let": "a variable needs no word before it: `x = 3`",
    "var": "a variable needs no word before it: `x = 3`",
    "const": "a variable needs no word before it: `x = 3`",
    "local": "a variable needs no word before it: `x = 3`",
    "function": "write `def f(x) = E` or `def f(x) { ... }`",
    "func": "write `def f(x) = E` or `def f(x) { ... }`",
    "fn": "write `def f(x) = E` or `def f(x) { ... }`",
    "end": "a block ends with `}`",
    "endif": "a block ends with `}`",
    "then": "a block stands in braces: `if C { ... }`",
    "do": "a block stands in braces: `while C { ... }`",
    "null": "write `none`",
    "nil": "write `none`",
    "elseif": "write `} else if C {`",
    "elsif": "write `} else if C {`",
    "no_grad": "write `nograd < ... >`",
    "enable_grad": "write `enablegrad < ... >`",
    "exit": "Ctrl-D leaves the shell",
    "quit": "Ctrl-D leaves the shell",
}
"""Words of other languages that are not gradsh's, and what to write instead."""

_LOOKALIKES: Final = {
    "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u00d7": "*", "\u00b7": "*", "\u22c5": "*",
    "\u2217": "*", "\u00f7": "/", "\u2215": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
    "\u2192": "->", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'",
    "\uff08": "(", "\uff09": ")", "\uff0c": ",", "\uff1d": "=", "\u2026": "...",
    "\u221a": "sqrt( )",
    "\u00b2": "^2", "\u00b3": "^3", "\u2211": "sum( )", "\u221e": "inf", "\u00ac": "not",
}  # fmt: skip

_PYTHON_LINES: Final = (
    (re.compile(r"\s*(async\s+)?with\b.*\bno_grad\b"), "write `nograd < ... >`"),
    (re.compile(r"\s*(async\s+)?with\b.*\benable_grad\b"), "write `enablegrad < ... >`"),
    (re.compile(r"\s*@(torch\.)?no_grad\b"), "write `nograd < ... >` inside the function"),
    (re.compile(r"\s*def\b.*:\s*(#.*)?$"), "write `def f(x) = E` or `def f(x) { ... }`"),
    (re.compile(r"\s*\}?\s*elif\b"), FOREIGN_WORDS["elif"]),
    (re.compile(r"\s*\}?\s*except\b"), FOREIGN_WORDS["except"]),
    (
        re.compile(r"\s*(if|while|for|else|try|elif|with|finally)\b.*:\s*(#.*)?$"),
        "a block stands in braces: `if C { ... }`",
    ),
    (re.compile(r".*\blambda\b"), FOREIGN_WORDS["lambda"]),
    (re.compile(r".*\bis\s+(not\s+)?(None|none)\b"), FOREIGN_WORDS["is"]),
    (re.compile(r".*\bnot\s+in\b"), "write `any(x == y)`"),
    (re.compile(r".*\S\s+if\b.*\belse\b"), "write `where(C, a, b)`, or an `if` statement"),
    (re.compile(r".*[\[(].*\bfor\b.*\bin\b"), "write a `for` statement"),
)
_LONGEST_LINE: Final = 500
"""Longer lines are not compared with Python's; that could take the square of their length."""

_NUMBER_THEN_NAME = re.compile(
    r"(?!0\w)([0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?![eE]?(?:_|$))([^\W\d]\w*)$"
)
_REST = re.compile(r"[^\n;]*")
_RUN = re.compile(r"[\w.]+")

_VALUES: Final = (NAME, NUMBER, STRING, FSTRING)
_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_PAIRS: Final = {
    "&&": "write `and`, or one `&` for each element",
    "||": "write `or`, or one `|` for each element",
    "<>": "write `!=`",
    "=<": "write `<=`",
    "=>": "write `>=` to compare, or `->` for a function",
    "===": "write `==`",
    "//=": "write it out: `x = x // y`",
    "%=": "write it out: `x = x % y`",
    "&=": "write it out: `x = x & y`",
    "|=": "write it out: `x = x | y`",
}
_CHARACTER_HINTS: Final = {
    "!": "write `not x`, or `!=` to compare",
    "\\": "a line goes on inside brackets, or after an operator",
    "?": "write `help NAME`",
    "$": "a variable needs no sign before it",
    "`": 'a text stands in quotes: "text"',
}
_SAME_LINE: Final = "'{0}' stands in the line of the closing brace: `}} {0}`"
_TRIPLE_QUOTES: Final = ('"' * 3, "'" * 3)
_TRIPLE_HINT: Final = (
    "a text stands in one line and one pair of quotes; `\\n` begins a new line in it"
)


def not_a_name(name: str, line: int, column: int) -> Fault:
    """The fault of a word with characters that no name may have."""
    for position, character in enumerate(name):
        if not ("a" + character).isidentifier():
            place = (line, column + position, column + position + 1)
            hint = _LOOKALIKES.get(character)
            return Fault(
                f"'{character}' cannot be part of a name", place, hint and f"write `{hint}`"
            )
    return Fault(f"'{name}' is not a name", (line, column, column + len(name)))


def lexical_fault(text: str, start: int, line: int, column: int) -> Fault:
    """The fault of a character that begins no token."""
    character = text[start]
    if character in "\"'":
        return _unclosed_text(text, start, line, column)
    if character.isdigit() and character.isascii():
        run = _RUN.match(text, start)
        written = run[0] if run else character
        place = (line, column, column + len(written))
        parts = _NUMBER_THEN_NAME.match(written)
        hint = f"write `{parts[1]}*{parts[2]}` for a product" if parts else None
        return Fault(f"'{written}' is not a number", place, hint)
    place = (line, column, column + 1)
    if character in _LOOKALIKES:
        return Fault(f"unknown character '{character}'", place, f"write `{_LOOKALIKES[character]}`")
    if not character.isprintable() or "\ud800" <= character <= "\udfff":
        return Fault(f"unknown character U+{ord(character):04X}", place)
    return Fault(f"unknown character '{character}'", place, _CHARACTER_HINTS.get(character))


def _unclosed_text(text: str, start: int, line: int, column: int) -> Fault:
    stop = text.find("\n", start)
    length = (len(text) if stop < 0 else stop) - start
    before = text[start - 1 : start]
    hint = f"it begins with {text[start]} and must end with it in the same line"
    if text[start] == "'" and (before.isalnum() or before in ("_", ")", "]")):
        hint = "write `x.T` for the transpose"
    elif text[start : start + 3] in _TRIPLE_QUOTES or text[start - 2 : start + 1] in _TRIPLE_QUOTES:
        hint = _TRIPLE_HINT
    return Fault("this text is not closed", (line, column, column + max(length, 1)), hint)


class _Situation:
    """A token that fits nowhere, and what stands around it."""

    __slots__ = ("before", "line_text", "states", "terminal", "tokens", "word")

    def __init__(self, states: list[int], terminal: int, word: str, text: str, start: int) -> None:
        self.states = states
        self.terminal = terminal
        self.word = word
        line_start = text.rfind("\n", 0, start) + 1
        rest = _REST.match(text, start)
        self.line_text = text[line_start : rest.end() if rest else start]
        words = [match[match.lastindex or 0] for match in TOKEN.finditer(text, line_start, start)]
        self.tokens = [word for word in words if word.strip()]
        self.before = self.tokens[-1] if self.tokens else ""

    def takes(self, text: str) -> bool:
        """Whether this word or symbol would have fitted."""
        return accepts(self.states, SPELLING[text])

    @property
    def begins_line(self) -> bool:
        """Whether the line looks like the start of another statement."""
        if not self.tokens:
            return self.terminal in _VALUES or self.terminal >= FIRST_HARD
        return len(self.tokens) == 1 and self.word == "=" and self.before.isidentifier()

    @property
    def after_value(self) -> bool:
        """Whether a value has just ended, so that an operator could follow."""
        return self.takes("+") and not accepts(self.states, NUMBER)


def unexpected(
    states: list[int],
    terminal: int,
    lexeme: tuple[str, int, int, int],
    lexer: Lexer,
    text: str,
    start: int,
) -> Fault:
    """The fault of a token that fits nowhere; `start` is its place in `text`."""
    word, line, column, end = lexeme
    place = (line, column, column + 1 if terminal in (END, NEWLINE) else end)
    found = described(terminal, word)
    bracket = lexer.brackets[-1] if lexer.brackets else None
    if terminal in OPENER_OF and lexer.closed is None:
        return _wrong_closer(bracket, place, found)
    here = _Situation(states, terminal, word, text, start)
    if word in ("else", "catch") and here.takes("while"):
        opening = "if C { ... }" if word == "else" else "try { ... }"
        return Fault(f"'{word}' without `{opening}` before it", place, _SAME_LINE.format(word))
    if (
        bracket is not None
        and bracket[0] in (LEFT_PAREN, LEFT_BRACKET)
        and bracket[1] < line
        and here.begins_line
    ):
        message = f"'{TEXT_OF[bracket[0]]}' is not closed"
        return Fault(message, (bracket[1], bracket[2], bracket[2] + 1))
    if word in _COMPARISONS and here.after_value:
        return Fault("comparisons do not chain", place, "write `(a < b) & (b < c)`")
    after = f" after {quoted(here.before)}" if here.before else ""
    return Fault(f"expected {expected(states)}{after}, found {found}", place, _hint(here))


def _wrong_closer(bracket: tuple[int, int, int] | None, place: Place, found: str) -> Fault:
    if bracket is None:
        return Fault(f"{found} closes nothing", place)
    opener, line, _ = bracket
    closer = next(closing for closing, opening in OPENER_OF.items() if opening == opener)
    where, mentioned = ("", None) if line == place[0] else (" of line {line}", line)
    if opener == BLOCK_OPEN:
        message = f"expected '>' to close the 'nograd <'{where}, found {found}"
        return Fault(message, place, "a `nograd <` block ends with `>`", mentioned)
    message = f"expected '{TEXT_OF[closer]}' to close the '{TEXT_OF[opener]}'{where}, found {found}"
    return Fault(message, place, None, mentioned)


def _hint(here: _Situation) -> str | None:
    """The first hint that fits: the whole line, then the words, then the symbols."""
    if len(here.line_text) <= _LONGEST_LINE:
        for pattern, hint in _PYTHON_LINES:
            if pattern.match(here.line_text):
                return hint
    return _word_hint(here) or _symbol_hint(here)


def _word_hint(here: _Situation) -> str | None:
    word, before = here.word, here.before
    if word in FOREIGN_WORDS:
        return FOREIGN_WORDS[word]
    if before in FOREIGN_WORDS and len(here.tokens) == 1:
        return FOREIGN_WORDS[before]
    if word == "{" and here.tokens[:1] == ["backward"]:
        return _SAME_LINE.format("backward")
    for block_word in ("catch", "else"):
        if here.takes(block_word) and here.terminal in (END, NEWLINE):
            return _SAME_LINE.format(block_word)
    if here.terminal == NUMBER_OF["GRAD"] or before == "grad":
        return "`grad` stands at the end of a statement, an assigned value or an argument"
    terminal = SPELLING.get(before, 0)
    if FIRST_COMMAND <= terminal < FIRST_DECLARED and len(here.tokens) == 1 and here.after_value:
        following = expected([START, ACTIONS[START][terminal]])
        return f"the command `{before}` goes on with {following}"
    if terminal >= FIRST_HARD and word == "=" and terminal < FIRST_SOFT:
        return f"'{before}' is a word of the language; choose another name"
    if before == "del" or here.tokens[:1] == ["del"]:
        return "`del` takes names; `x.grad = none` clears a gradient"
    if not here.after_value:
        if FIRST_HARD <= here.terminal < FIRST_SOFT and accepts(here.states, NUMBER):
            if before == "->":
                return f"a function of statements has a name: `def f(x) {{ {word} ... }}`"
            return f"`{word}` begins a statement; it has no value"
        return None
    if here.terminal == NAME:
        near = _near_word(here)
        if near is not None:
            return f"did you mean `{near}`?"
    if here.tokens[:1] == ["print"] and (here.terminal in _VALUES or word == "="):
        return "`print` takes values with `,` between them"
    called = before.isidentifier() and before not in SPELLING and not word.startswith(".")
    if here.terminal in _VALUES and called:
        begins = _statement_word(before) if len(here.tokens) == 1 else None
        if begins is not None:
            return f"did you mean `{begins}`?"
        return f"a call needs parentheses: `{before}({word})`"
    if here.terminal in _VALUES and before[-1:] in ("'", '"'):
        return _TRIPLE_HINT if before in ('""', "''") else "texts are joined with `+`"
    return None


def _near_word(here: _Situation) -> str | None:
    """A soft word that could stand here and looks like the one that does."""
    from difflib import get_close_matches

    words = [
        TEXT_OF[terminal]
        for terminal in range(FIRST_SOFT, FIRST_COMMAND)
        if accepts(here.states, terminal)
    ]
    near = get_close_matches(here.word, words, 1, 0.6)
    return near[0] if near else None


def _statement_word(word: str) -> str | None:
    """A word that begins a statement and looks like this one, which is none."""
    from difflib import get_close_matches

    words = [text for terminal, text in TEXT_OF.items() if terminal in ACTIONS[START]]
    near = get_close_matches(word, [text for text in words if text.isidentifier()], 1, 0.75)
    return near[0] if near else None


def _symbol_hint(here: _Situation) -> str | None:
    word, before, both = here.word, here.before, here.before + here.word
    if both in _PAIRS:
        return _PAIRS[both]
    if word == "=" and here.after_value:
        return "write `==` to compare"
    if word == ":" and here.takes("=") and here.takes("{"):
        return "a function is `def f(x) = E` or `def f(x) { ... }`"
    if word == ":" and here.takes("="):
        written = here.line_text.partition(":")[2][:1]
        return "write `=`" if written == "=" else "a variable needs no type: `x = 3`"
    if word == ":" and here.takes("{"):
        return "a block stands in braces: `if C { ... }`"
    if before in ("nograd", "enablegrad"):
        return f"write `{before} < ... >`"
    if word == "{" and before == "->":
        return "a function of statements has a name: `def f(x) { ... }`"
    if word == "{":
        return "braces hold the statements of a block"
    if before == "}" and (accepts(here.states, END) or accepts(here.states, NEWLINE)):
        return "a new statement stands in a new line, or after `;`"
    if word in ("*", "**") and before in ("(", ","):
        return f"values cannot be spread with `{word}`"
    if here.terminal in (NEWLINE, END) and here.takes("{"):
        return "the opening brace stands in the same line"
    return None


def unfinished(states: list[int], lexer: Lexer, text: str, line: int, column: int) -> Fault:
    """The fault of a text that ends inside a statement, at `line` and `column`."""
    if lexer.brackets:
        terminal, opened_line, opened_column = lexer.brackets[-1]
        hint = None
        if terminal == BLOCK_OPEN:
            hint = "a `>` closes the block only where nothing follows that it could compare"
        message = f"'{'<' if terminal == BLOCK_OPEN else TEXT_OF[terminal]}' is not closed"
        return Fault(message, (opened_line, opened_column, opened_column + 1), hint)
    tokens = [match[match.lastindex or 0].strip() for match in TOKEN.finditer(text)]
    tokens = [token for token in tokens if token]
    after = f" after {quoted(tokens[-1])}" if tokens else ""
    hint = None
    if tokens[-2:] in (["+", "+"], ["-", "-"]):
        hint = f"write `x {tokens[-1]}= 1`"
    place = (line, column, column + 1)
    return Fault(f"expected {expected(states)}{after}, found end of input", place, hint)
