"""Reading text that may be unfinished or wrong: for highlighting and for the shell's editor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from gradsh.language.grammar import (
    ACTIONS,
    ANY_NAME,
    BLANK,
    BLOCK_CLOSE,
    BLOCK_OPEN,
    END,
    FIRST_COMMAND,
    FIRST_DECLARED,
    FIRST_HARD,
    FIRST_SPECIAL,
    FSTRING,
    GOTOS,
    GROUP_TERMINAL,
    LEFT_BRACE,
    LEFT_BRACKET,
    LEFT_PAREN,
    NAME,
    NEWLINE,
    NUMBER,
    RIGHT_BRACE,
    RIGHT_BRACKET,
    RIGHT_PAREN,
    RULES,
    SEMICOLON,
    SPELLING,
    START,
    STRING,
    TOKEN,
    accepts,
)
from gradsh.language.lexer import SKIP, Lexer

_DOT: Final = SPELLING["."]
_WORDS: Final = {word: number for word, number in SPELLING.items() if word.isidentifier()}
_LEADING = re.compile(rf"\ufeff?{BLANK}*(?:#[^\n]*)?")
_LAST_WORD: Final = re.compile(rf"\b([^\W\d]\w*){BLANK}*\Z")
_WORD_OPERATORS: Final = frozenset(SPELLING[word] for word in ("and", "or", "not", "in"))
_BRACKETS: Final = frozenset(
    (LEFT_PAREN, LEFT_BRACKET, LEFT_BRACE, RIGHT_PAREN, RIGHT_BRACKET, RIGHT_BRACE)
) | {BLOCK_OPEN, BLOCK_CLOSE}


class Token:
    """A piece of text with its kind: name, keyword, command, number, string, operator, bracket,
    comment, newline or error. `start` and `end` are offsets in the text.
    """

    __slots__ = ("end", "kind", "start", "text")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end

    def moved(self, by: int) -> Token:
        """The same token so many characters later."""
        return Token(self.kind, self.text, self.start + by, self.end + by)

    def __repr__(self) -> str:
        return f"Token({self.kind!r}, {self.text!r}, {self.start}, {self.end})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and (self.kind, self.text, self.start, self.end) == (
            other.kind, other.text, other.start, other.end,
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]


class Recognizer:
    """Follows the parser's states over a text without building anything.

    After an error it stays in the last good state until the statement ends, and is `lost`.
    """

    __slots__ = ("failed", "lexer", "lost", "states")

    def __init__(self) -> None:
        self.failed = False
        self.begin()

    def begin(self) -> None:
        """Begin a new statement."""
        self.states = [START]
        self.lexer = Lexer()
        self.lost = False

    def snapshot(self) -> tuple[tuple[int, ...], tuple[Any, ...], int, bool]:
        """The state between two tokens, which `restore` brings back."""
        return tuple(self.states), tuple(self.lexer.brackets), self.lexer.previous, self.lost

    def restore(self, state: tuple[tuple[int, ...], tuple[Any, ...], int, bool]) -> None:
        """Be in the state that `snapshot` gave."""
        states, brackets, self.lexer.previous, self.lost = state
        self.states, self.lexer.brackets = [*states], [*brackets]

    @property
    def inside(self) -> bool:
        """Whether an unfinished statement is held."""
        return len(self.states) > 1 or bool(self.lexer.brackets)

    def terminal(self, group: int, word: str, text: str, end: int) -> int:
        """Take a token; the terminal that it stands for, SKIP for one without meaning, or
        NEWLINE or SEMICOLON for one that ends a statement.
        """
        terminal = SPELLING.get(word, GROUP_TERMINAL[group])
        if terminal < 0:
            self._fail()
            return SKIP
        lexer, row = self.lexer, ACTIONS[self.states[-1]]
        raw = terminal
        if terminal >= FIRST_SPECIAL:
            terminal = lexer.terminal(terminal, text, end, row, 0, 0)
        if terminal == SKIP:
            return SKIP
        if terminal == END:
            if self.inside and not self._take(END):
                self._fail()
            self.begin()
            return raw
        is_name = terminal >= FIRST_HARD and (ANY_NAME in row or lexer.previous == _DOT)
        if not self.lost and not self._take(terminal):
            self._fail()
        lexer.previous = terminal
        return ANY_NAME if is_name and terminal < FIRST_DECLARED else terminal

    def _fail(self) -> None:
        self.failed = self.lost = True

    def _take(self, terminal: int) -> bool:
        states = self.states
        while True:
            action = ACTIONS[states[-1]].get(terminal)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                return True
            made, length, _ = RULES[~action]
            if length:
                del states[-length:]
            states.append(GOTOS[states[-1]][made])


def _kind(terminal: int, group: int, word: str) -> str:
    if terminal in (NEWLINE, SEMICOLON) or word[0] == "\n":
        return "newline" if word != ";" else "operator"
    if terminal == SKIP:
        return "error"
    if terminal in (NAME, ANY_NAME):
        return "name"
    if terminal == NUMBER:
        return "number"
    if terminal in (STRING, FSTRING):
        return "string"
    if terminal in _BRACKETS:
        return "bracket"
    if terminal in _WORD_OPERATORS or terminal < FIRST_HARD:
        return "operator"
    return "command" if terminal >= FIRST_COMMAND else "keyword"


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens, blanks left out. Never raises: what is no token is an error."""
    return [token for token in tokens_from(text, None, Recognizer()) if not isinstance(token, int)]


def tokens_from(text: str, position: int | None, recognizer: Recognizer) -> Iterator[Token | int]:
    """The tokens from a position on, None for the start; before each line, its position.

    `recognizer` is in the state that it has at the position.
    """
    if position is None:
        begin = _LEADING.match(text)
        position = begin.end() if begin else 0
        yield from _comments(text, 0, position)
    for match in TOKEN.finditer(text, position):
        group = match.lastindex or 0
        word = match[group]
        start, end = match.start(), match.end(group)
        terminal = recognizer.terminal(group, word, text, end)
        if word[0] == "\n":
            yield from _newlines(text, start, end)
        else:
            yield Token(_kind(terminal, group, word), word, start, end)
        yield from _comments(text, end, match.end())
        if word[0] == "\n":
            yield match.end()


def _newlines(text: str, start: int, end: int) -> Iterator[Token]:
    """The line ends and the comments between them in text[start:end]."""
    while start < end:
        yield Token("newline", "\n", start, start + 1)
        following = text.find("\n", start + 1, end)
        stop = end if following < 0 else following
        yield from _comments(text, start + 1, stop)
        start = stop


def _comments(text: str, start: int, end: int) -> Iterator[Token]:
    comment = text.find("#", start, end)
    if comment >= 0:
        yield Token("comment", text[comment:end], comment, end)


def words_after(text: str) -> tuple[list[str], bool]:
    """The words of the language that may follow a text, and whether a name may.

    A last word that may begin a command or be a name is taken as both; after an error in the
    statement there is nothing that may not follow.
    """
    last = _LAST_WORD.search(text)
    recognizer = _followed(text if last is None else text[: last.start()])
    ways = []
    if last is not None:
        command = SPELLING.get(last[1], NAME)
        begun = list(recognizer.states)
        if command >= FIRST_COMMAND and recognizer.lexer.previous != _DOT:
            trial = Recognizer()
            trial.states = begun
            if accepts(begun, command) and trial._take(command):
                ways.append(trial.states)
        recognizer = _followed(text)
    ways.append(recognizer.states)
    if recognizer.lost:
        return [*_WORDS], True
    words = [
        word
        for word, terminal in _WORDS.items()
        if any(accepts(states, terminal) for states in ways)
    ]
    return words, any(accepts(states, NAME) or accepts(states, ANY_NAME) for states in ways)


def _followed(text: str) -> Recognizer:
    """A recognizer that has read the whole text."""
    recognizer = Recognizer()
    begin = _LEADING.match(text)
    for match in TOKEN.finditer(text, begin.end() if begin else 0):
        group = match.lastindex or 0
        recognizer.terminal(group, match[group], text, match.end(group))
    return recognizer


def is_complete(text: str) -> bool:
    """Whether a text can be run as it is: complete, or wrong whatever may follow."""
    recognizer = _followed(text + "\n")
    return recognizer.failed or not recognizer.inside


def closing_indent(text: str) -> int:
    """How many brackets and blocks are open at the end of a text."""
    return len(_followed(text + "\n").lexer.brackets)
