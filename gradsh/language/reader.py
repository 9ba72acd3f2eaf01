"""From a stream of text to compiled statements, each as soon as it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gradsh.language.builder import Builder
from gradsh.language.faults import Fault, SyntaxFault
from gradsh.language.fusion import Parts
from gradsh.language.grammar import BLANK, BLOCK_OPEN, LEFT_BRACE, OTHER_GROUP, SPELLING, TOKEN
from gradsh.language.lexer import closes_block
from gradsh.language.parser import Parser
from gradsh.language.units import Unit, compile_statement

MAXIMUM_CACHED_LINES: Final = 2048
MAXIMUM_CACHED_LENGTH: Final = 500
"""Longer lines are compiled again each time, so that the cache stays small."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""What some editors put at the start of a file."""

_SPACE = re.compile(rf"(?:{BLANK}+|#[^\n]*|[\n;]+)*")
_INDENTATION = re.compile(rf"{BLANK}*(?:#[^\n]*)?")
_QUIET = re.compile(rf"(?:{BLANK}|;)*(?:$|\n|#)")
_BLOCK_WORDS: Final = (SPELLING["nograd"], SPELLING["enablegrad"])
_cache: dict[str, tuple[Unit, ...]] = {}


class Reader:
    """Reads statements from text that comes piece by piece.

    `name` says where the text comes from, in error messages; `first_line` is the number of its
    first line, `parts` where to look for what can be computed together.
    """

    def __init__(self, name: str, first_line: int = 1, parts: Parts = Parts.NONE) -> None:
        self.name = name
        self._parts = parts
        self._builder = Builder(self._text_from_first_line)
        self._parser = Parser(self._builder)
        self._line = first_line
        self._chunks: list[str] = []
        self._text = ""
        self._position = 0
        self._certain = 0
        self._undecided = False
        self._begun = False
        self._batch: list[Unit] | None = None
        self._inside = False
        self._held: list[str] = []
        self._first = 0
        self._column = 0
        self._skipped: list[tuple[int, int, int]] | None = None
        self._shared: tuple[str, int, int, str, int] = ("", 0, 0, "", 0)

    # `_text` begins at the start of a line. Everything before `_position` has been read;
    # everything before `_certain` cannot change its meaning by what comes after it; what has
    # come since without a chance to end a statement waits in `_chunks`; `_undecided` says that
    # a `;` came last, which may end a line or only a statement. While a statement is unfinished
    # (`_inside`), its first line starts at `_first`, after the lines in `_held`.

    @property
    def pending(self) -> bool:
        """Whether an unfinished statement is held."""
        return self._inside or bool(self._rest().strip())

    def _rest(self) -> str:
        return self._text[max(self._certain, self._position) :] + "".join(self._chunks)

    def reset(self) -> None:
        """Forget the unfinished statement and what has not been read yet."""
        self._line += (self._text[self._position :] + "".join(self._chunks)).count("\n")
        self._line += self._parser.line - 1 if self._inside else 0
        self._chunks = []
        self._text = ""
        self._position = self._certain = 0
        self._undecided = False
        self._abandon()
        self._skipped = None

    def _abandon(self) -> None:
        self._inside = False
        self._held = []
        self._batch = None
        self._parser.reset()

    def feed(self, text: str) -> Iterator[Unit]:
        """Take more text, and yield each statement that it completes.

        After a SyntaxFault the faulty lines are dropped and `feed("")` goes on behind them.
        """
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix(BYTE_ORDER_MARK)
        if "\n" in text or ";" in text or (text and self._undecided):
            self._add("".join(self._chunks) + text)
            self._chunks = []
        elif text:
            self._chunks.append(text)
        return self._units()

    def finish(self) -> Iterator[Unit]:
        """Yield what the end of the input completes.

        Raises SyntaxFault if a statement is unfinished.
        """
        if self._rest():
            yield from self.feed("\n")
        else:
            yield from self._units()
        self._skipped = None
        if self._inside:
            fault = self._located(self._unfinished())
            self._line += self._parser.line - 1
            self._abandon()
            raise fault

    def _unfinished(self) -> Fault:
        from gradsh.language.hints import unfinished

        lines = self._text_from_first_line().rstrip().split("\n")
        parser = self._parser
        return unfinished(parser.states, parser.lexer, lines[-1], len(lines), len(lines[-1]))

    def _add(self, text: str) -> None:
        """Append to the text, and let go of the lines that have been read."""
        keep = self._text.rfind("\n", 0, self._position) + 1
        if self._inside:
            if self._first < keep:
                self._held.append(self._text[self._first : keep])
            self._first = max(self._first - keep, 0)
            self._parser.line_start -= keep
        self._text = text = self._text[keep:] + text
        self._position -= keep
        newline = text.rfind("\n")
        self._certain = max(newline + 1, self._certain - keep)
        self._undecided = text.find(";", self._certain) >= 0
        if self._undecided:
            self._certain = _last_separator(text, self._certain)

    def _text_from_first_line(self) -> str:
        return "".join(self._held) + self._text[self._first : self._certain]

    def _units(self) -> Iterator[Unit]:
        while True:
            if self._skipped is not None and not self._skip():
                return
            if not self._inside:
                text, position = self._text, self._position
                stop = 0
                if not position or text[position - 1] == "\n":
                    stop = text.find("\n", position, self._certain) + 1
                cached = None
                if stop and self._parts is not Parts.EVERYWHERE:
                    cached = _cache.get(text[position:stop])
                if cached is not None:
                    self._position = stop
                    line = self._line
                    self._line += 1
                    for unit in cached:
                        yield unit.at(self.name, line)
                    continue
                if not self._begin():
                    return
            else:
                self._pass_blanks()
            read = self._read()
            if read is None:
                return
            yield read

    def _begin(self) -> bool:
        """Go to the start of the next statement. False if there is none yet."""
        text = self._text
        match = _SPACE.match(text, self._position, self._certain)
        assert match is not None
        start = match.end()
        newlines = text.count("\n", self._position, start)
        self._line += newlines
        self._position = start
        if start >= self._certain:
            return False
        self._first = text.rfind("\n", 0, start) + 1
        self._column = start - self._first
        if _INDENTATION.match(text, self._first, start).end() == start:  # type: ignore[union-attr]
            self._batch = []
        self._inside = True
        self._parser.reset()
        self._parser.line_start = self._first
        self._builder.begin()
        return True

    def _pass_blanks(self) -> None:
        """Inside a statement: go on behind the indentation of a line that has just come."""
        match = _INDENTATION.match(self._text, self._position, self._certain)
        assert match is not None
        self._position = match.end()

    def _read(self) -> Unit | None:
        """Go on with the statement, and compile it if its end is found."""
        parser, text = self._parser, self._text
        try:
            after = parser.run(text, self._position, self._certain)
            if after < 0:
                self._position = self._certain
                return None
            lines, line_end = self._lines_of_statement()
            unit = compile_statement(
                self._builder, parser.value, self.name, self._line, lines, self._parts
            )
        except Fault as fault:
            located = self._located(fault)
            self._recover()
            raise located from None
        unit.source = self.name
        unit.line = self._line
        unit.column = self._column + 1
        unit.lines = lines
        if self._held:
            written = "".join(self._held) + text[self._first : parser.stop]
            unit.text = _without_comment(written, parser.line_start - self._first)[self._column :]
        else:
            start = self._first + self._column
            unit.text = _without_comment(text[start : parser.stop], parser.line_start - start)
        unit.quiet = text[parser.stop] == ";" and _QUIET.match(text, after) is not None
        self._line += parser.line - 1 + text.count("\n", parser.stop, after)
        self._position = after
        self._inside = False
        self._held = []
        self._remember(unit, parser.line == 1, line_end)
        return unit

    def _lines_of_statement(self) -> tuple[str, int]:
        """The whole lines that hold the statement, and where the last of them ends in the text.

        Statements in one line share them: a copy for each would take the square of its length.
        """
        text, first, last = self._text, self._first, self._parser.line_start
        shared = self._shared
        if self._held or shared[0] is not text or shared[1:3] != (first, last):
            end = text.find("\n", last)
            end = len(text) if end < 0 else end
            self._shared = shared = text, first, last, "".join(self._held) + text[first:end], end
        return shared[3:]

    def _remember(self, unit: Unit, one_line: bool, line_end: int) -> None:
        """Keep the units of a line that can be run again as they are."""
        batch = self._batch
        if batch is None or self._parts is Parts.EVERYWHERE:
            return
        if not one_line or unit.cached is False:
            self._batch = None
            return
        batch.append(unit)
        if not unit.quiet and self._text[self._parser.stop] == ";":
            return
        line = self._text[self._first : line_end + 1]
        if line.endswith("\n") and len(line) <= MAXIMUM_CACHED_LENGTH:
            if len(_cache) >= MAXIMUM_CACHED_LINES:
                del _cache[next(iter(_cache))]
            _cache[line] = tuple(batch)
        self._batch = None

    def _located(self, fault: Fault) -> SyntaxFault:
        """The fault with its place in the source."""
        line, column, end = fault.place
        lines = (self._text_from_first_line() + self._rest()).split("\n", line)
        source_line = lines[line - 1] if line <= len(lines) else ""
        message = fault.message
        if fault.mentioned is not None:
            message = message.replace("{line}", str(self._line + fault.mentioned - 1))
        return SyntaxFault(
            message,
            self.name,
            self._line + line - 1,
            column + 1,
            end + 1,
            source_line,
            fault.hint,
        )

    def _recover(self) -> None:
        """Give up the statement, and begin to skip what belongs to its faulty lines."""
        parser, text = self._parser, self._text
        open_blocks = [
            bracket for bracket in parser.lexer.brackets if bracket[0] in (LEFT_BRACE, BLOCK_OPEN)
        ]
        match = TOKEN.match(text, parser.stop, self._certain)
        position = self._certain
        if match is not None:
            position = match.end(match.lastindex or 0)
            if match[0][0] == "\n":
                position = parser.stop
            elif match[0][0] in "\"'" and match.lastindex == OTHER_GROUP:
                position = self._end_of_line(position)
        self._line += parser.line - 1
        self._position = position
        self._abandon()
        self._skipped = open_blocks

    def _end_of_line(self, position: int) -> int:
        newline = self._text.find("\n", position, self._certain)
        return newline if newline >= 0 else self._certain

    def _skip(self) -> bool:
        """Pass over the rest of the faulty lines. False if they do not end in what has come."""
        assert self._skipped is not None
        text, brackets = self._text, self._skipped
        previous = 0
        position = self._position
        while position < self._certain:
            match = TOKEN.match(text, position, self._certain)
            assert match is not None
            group = match.lastindex or 0
            token = match[group]
            position = match.end()
            if group == OTHER_GROUP and token in "\"'":
                position = self._end_of_line(position)
            elif token == "{":
                brackets.append((LEFT_BRACE, 0, 0))
            elif token == "<" and previous in _BLOCK_WORDS:
                brackets.append((BLOCK_OPEN, 0, 0))
            elif token == "}":
                while brackets and brackets.pop()[0] != LEFT_BRACE:
                    pass
            elif token == ">" and brackets and brackets[-1][0] == BLOCK_OPEN:
                if closes_block(text, match.end(group), brackets):
                    brackets.pop()
            elif token[0] == "\n":
                self._line += token.count("\n")
                if not brackets:
                    self._position = match.end(group)
                    self._skipped = None
                    return True
            previous = SPELLING.get(token, 0)
        self._position = position
        return False


def in_parts(unit: Unit) -> Unit:
    """A simple statement compiled with its parts, which large tensors are computed by."""
    kept = unit.in_parts
    if not kept:
        reader = Reader(unit.source, 1, Parts.EVERYWHERE)
        text = " " * (unit.column - 1) + unit.text + "\n"
        made = next(reader.feed(text), unit)
        kept.append((made.code, made.form))
    same = unit.at(unit.source, unit.line)
    same.code, same.form = kept[0]
    same.column, same.lines = unit.column, unit.lines
    return same


def _last_separator(text: str, start: int) -> int:
    """The end of the last `;` from `start` on behind which something else stands, or `start`."""
    found = last = start
    for match in TOKEN.finditer(text, start):
        if match[match.lastindex or 0] == ";":
            last = match.end()
        elif not match[0].isspace():
            found = last
            if match.lastindex == OTHER_GROUP:
                break
    return found


def _without_comment(text: str, line_start: int) -> str:
    """A statement's text without the blanks and the comment after it."""
    if "#" not in text:
        return text.rstrip()
    end = max(line_start, 0)
    for match in TOKEN.finditer(text, end):
        end = match.end(match.lastindex or 0)
    return text[:end]
