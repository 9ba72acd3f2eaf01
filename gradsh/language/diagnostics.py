"""Errors at run time: their place in the program, and their message in the user's words."""

from __future__ import annotations

import ast
import re
from types import CodeType, FrameType, TracebackType
from typing import Final, NamedTuple

from gradsh.language.advice import advice_on
from gradsh.language.blocks import Shown
from gradsh.language.builder import Builder
from gradsh.language.expressions import GuardedOperation
from gradsh.language.faults import Fault, SyntaxFault
from gradsh.language.hints import FOREIGN_WORDS
from gradsh.language.parser import Parser
from gradsh.language.units import FILENAME, Unit, written_in

MAXIMUM_CALLS_SHOWN: Final = 5
MAXIMUM_LINE_SHOWN: Final = 200
_CONTEXT: Final = 80


class Related(NamedTuple):
    """Another place that an error is about, and in a few words what it has to do with it.

    The columns are as those of a Diagnostic.
    """

    what: str
    source: str
    line: int
    column: int
    end: int
    source_line: str
    operator: tuple[int, int] | None = None


class Diagnostic:
    """An error with its place, ready to be shown.

    `line` and `column` count from 1, `end` is the column after the last character at fault, and
    `operator` the columns of the operator between two operands, if the fault is an operation.
    `calls` are the places (source, line, column) of the calls that led there, innermost first.
    `details` are lines that show what the fault is, such as two shapes one above the other, and
    `related` other places that it is about.
    """

    __slots__ = (
        "source", "line", "column", "end", "message", "source_line", "hint", "operator", "calls",
        "details", "related",
    )  # fmt: skip

    def __init__(
        self,
        source: str,
        line: int,
        column: int,
        end: int,
        message: str,
        source_line: str,
        hint: str | None = None,
        operator: tuple[int, int] | None = None,
        calls: tuple[tuple[str, int, int], ...] = (),
    ) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.end = end
        self.message = message
        self.source_line = source_line
        self.hint = hint
        self.operator = operator
        self.calls = calls
        self.details: list[str] = []
        self.related: list[Related] = []

    def __repr__(self) -> str:
        return f"<Diagnostic {self.source}:{self.line}:{self.column}: {self.message}>"

    def render(self) -> str:
        """The whole report: place and message, the source line with a caret, more places, a hint.

        In between stand the details, and after the other places the calls that led there.
        """
        first, *rest = self.message.split("\n")
        parts = [f"{self.source}:{self.line}:{self.column}: error: {first}"]
        parts += [f"  {line}".rstrip() for line in rest]
        if self.source_line.strip():
            parts += numbered(self.line, *self.marked_line())
        parts += [f"  {line}".rstrip() for line in self.details]
        for place in self.related:
            where = f"line {place.line}" if place.source == self.source else _at(place)
            parts.append(f"  {place.what.replace('{line}', where)}:")
            parts += numbered(
                place.line,
                *marked(place.source_line, place.column, place.end, place.operator),
            )
        for source, line, column in self.calls[:MAXIMUM_CALLS_SHOWN]:
            parts.append(f"  called at {source}:{line}:{column}")
        if len(self.calls) > MAXIMUM_CALLS_SHOWN:
            parts.append(f"  ... {len(self.calls) - MAXIMUM_CALLS_SHOWN} more calls")
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)

    def marked_line(self) -> tuple[str, str]:
        """The source line as it is shown, and the line of carets that goes under it."""
        return marked(self.source_line, self.column, self.end, self.operator)


def numbered(number: int, shown: str, marks: str) -> list[str]:
    """A source line with its number, and the carets under it."""
    return [f"  {number} | {shown}".rstrip(), f"  {' ' * len(str(number))} | {marks}"]


def _at(place: Related) -> str:
    return f"{place.source}:{place.line}"


def marked(
    source_line: str, column: int, end: int, operator: tuple[int, int] | None
) -> tuple[str, str]:
    """A source line as it is shown, and the line of carets that goes under it."""
    line = source_line.rstrip()
    column = min(max(column - 1, 0), len(line))
    end = max(min(end - 1, len(line)), column + 1)
    marks = ["^"] * (end - column)
    if operator is not None:
        marks = ["~"] * (end - column)
        for position in range(operator[0] - 1, operator[1] - 1):
            if column <= position < end:
                marks[position - column] = "^"
    before, tail = "", ""
    if len(line) > MAXIMUM_LINE_SHOWN:
        start = max(0, column - _CONTEXT)
        stop = min(len(line), start + MAXIMUM_LINE_SHOWN - 10)
        before, tail = "..." if start else "", "..." if stop < len(line) else ""
        marks = marks[: max(stop - column, 1)]
        line, column = line[start:stop], column - start
    blank = "".join(
        "\t" if character == "\t" else " " * _width(character) for character in line[:column]
    )
    under = zip(line[column:] + " " * len(marks), marks, strict=False)
    carets = "".join(mark * max(_width(character), 1) for character, mark in under)
    shown = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line)
    return before + shown + tail, " " * len(before) + blank + carets


def _width(character: str) -> int:
    """The columns of the terminal that a character takes."""
    if character.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


class _Place:
    """A place in the program: a frame's code, with the text of the statement it belongs to."""

    __slots__ = ("column", "end", "end_line", "line", "relative", "source", "text")

    def __init__(
        self,
        source: str,
        first_line: int,
        text: str,
        positions: tuple[int | None, int | None, int | None, int | None],
    ) -> None:
        line, end_line, column, end = positions
        self.source = source
        self.text = text
        self.relative = line or 1
        self.line = first_line + self.relative - 1
        self.column = column or 0
        self.end_line = end_line or self.relative
        self.end = self.column + 1 if end is None else end

    @property
    def source_line(self) -> str:
        lines = self.text.split("\n", self.relative)
        return lines[self.relative - 1] if self.relative <= len(lines) else ""

    @property
    def end_in_line(self) -> int:
        return self.end if self.end_line == self.relative else len(self.source_line.rstrip())


def _places(traceback: TracebackType | None, unit: Unit | None) -> list[tuple[_Place, FrameType]]:
    """The places in gradsh programs that a traceback passes, outermost first."""
    places: list[tuple[_Place, FrameType]] = []
    if unit is None and traceback is not None:
        unit = _running_unit(traceback.tb_frame)
    while traceback is not None:
        frame = traceback.tb_frame
        code = frame.f_code
        if code is Unit.run.__code__:
            unit = frame.f_locals["self"]
        elif code.co_filename.startswith(FILENAME):
            place = _place_in(code, traceback.tb_lasti, unit)
            if place is not None:
                places.append((place, frame))
        traceback = traceback.tb_next
    return places


def _place_in(code: CodeType, offset: int, unit: Unit | None) -> _Place | None:
    """The place of the instruction at `offset` of compiled code, which `unit` runs."""
    positions = _positions(code, offset)
    written = written_in(code)
    if written is not None:
        return _Place(*written, positions)
    return None if unit is None else _Place(unit.source, unit.line, unit.lines, positions)


def running_place(frame: FrameType | None) -> tuple[str, int, int] | None:
    """Source, line and column of the program's innermost place around a frame that runs."""
    here = moment(frame)
    place = None if here is None else _place_in(*here)
    return None if place is None else (place.source, place.line, place.column + 1)


Moment = tuple[CodeType, int, "Unit | None"]
"""Where a program was, kept cheaply: code, the offset of its instruction, and its unit."""


def moment(frame: FrameType | None) -> Moment | None:
    """Where the program is around a frame that runs."""
    while frame is not None and not frame.f_code.co_filename.startswith(FILENAME):
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lasti, _running_unit(frame))


def expression_at(moment: Moment) -> str | None:
    """The text of the expression that was computed at a moment; None if it takes several lines."""
    place = _place_in(*moment)
    if place is None or place.end_line != place.relative:
        return None
    return place.source_line[place.column : place.end]


def _running_unit(frame: FrameType | None) -> Unit | None:
    """The unit that is being run around a frame, for an error that is caught inside it."""
    while frame is not None and frame.f_code is not Unit.run.__code__:
        frame = frame.f_back
    unit = frame.f_locals["self"] if frame is not None else None
    return unit if isinstance(unit, Unit) else None


def _positions(
    code: CodeType, offset: int
) -> tuple[int | None, int | None, int | None, int | None]:
    """Line, last line, column and end of the instruction at `offset`."""
    for number, positions in enumerate(code.co_positions()):
        if number == offset // 2:
            return positions
    return None, None, None, None


def diagnose(error: BaseException, unit: Unit | None = None) -> Diagnostic:
    """The report of an error that a unit of code has raised.

    The place is the innermost one in a gradsh program, also in functions that earlier units
    defined; without a traceback it is the start of `unit`.
    """
    if isinstance(error, SyntaxFault):
        return error.diagnostic
    places = _places(error.__traceback__, unit)
    frame = places[-1][1] if places else None
    message, hint = explained(error, frame)
    notes = getattr(error, "__notes__", None)
    if notes:
        hint = str(notes[0])
    elif places and message.endswith("object is not callable"):
        hint = _shadowed(*places[-1]) or hint
    elif hint is None:
        hint = advice_on(message)
    if not places:
        source, line, column, text = ("", 1, 1, "")
        if unit is not None:
            source, line, column = unit.source, unit.line, unit.column
            text = unit.lines.split("\n", 1)[0]
        return Diagnostic(source, line, column, len(text) + 1, message, text, hint)
    place = places[-1][0]
    _narrow_to_condition(place)
    calls = tuple(
        [(outer.source, outer.line, outer.column + 1) for outer, _ in reversed(places[:-1])]
    )
    return Diagnostic(
        place.source,
        place.line,
        place.column + 1,
        place.end_in_line + 1,
        message,
        place.source_line,
        hint,
        _operator(place),
        calls,
    )


def _narrow_to_condition(place: _Place) -> None:
    """What can fail of an `if` or `while` itself is the truth of its condition: point at that."""
    statement = place.source_line[place.column :]
    word = next((word for word in ("if", "while") if statement.startswith(word + " ")), None)
    if word is None:
        return
    from gradsh.language.highlighting import tokenize

    opener = next(
        (token for token in tokenize(statement) if token.kind == "bracket" and token.text == "{"),
        None,
    )
    stop = len(statement) if opener is None else opener.start
    condition = statement[len(word) : stop]
    start = place.column + len(word) + len(condition) - len(condition.lstrip())
    place.end = start + len(condition.strip())
    place.column = start
    place.end_line = place.relative


def place_at(moment: Moment) -> _Place | None:
    """The place of a moment."""
    return _place_in(*moment)


def _operator(place: _Place) -> tuple[int, int] | None:
    """The columns of the operator if the place is an operation between two operands."""
    line = place.source_line
    if place.end_line != place.relative:
        return None
    segment = line[place.column : place.end]
    builder = Builder(lambda: segment)
    parser = Parser(builder)
    try:
        if parser.run(segment + "\n", 0, len(segment) + 1) < 0:
            return None
    except Fault:
        return None
    statement = parser.value[0]
    if not isinstance(statement, (Shown, ast.AugAssign)):
        return None
    value = statement if isinstance(statement, ast.AugAssign) else statement.value
    found = operator_between(value, segment)
    return None if found is None else (found[0] + place.column, found[1] + place.column)


def operator_between(value: ast.AST, line: str) -> tuple[int, int] | None:
    """The columns of the operator of an operation between two operands, both in this line."""
    left: ast.expr
    if isinstance(value, ast.AugAssign):
        left, right = value.target, value.value
    elif isinstance(value, ast.BinOp):
        left, right = value.left, value.right
    elif isinstance(value, ast.Compare):
        left, right = value.left, value.comparators[0]
    elif isinstance(value, GuardedOperation):
        left, right = value.args
    else:
        return None
    if left.end_lineno != right.lineno:
        return None
    start, stop = left.end_col_offset or 0, right.col_offset
    between = line[start:stop]
    operator = between.strip(" \t()")
    if not operator:
        return None
    start += between.index(operator)
    return start + 1, start + 1 + len(operator)


# ------------------------------------------------------------------------------- messages

_DOTTED = re.compile(r"'\.(\w+)'")
_QUALIFIED = re.compile(r"(?:[@\w]+\.<locals>\.)+")
_INTERNAL_FUNCTION = re.compile(r"(?:<lambda>|@lambda\d*)\(\)")
_CALLED = re.compile(r"([^\W\d]\w*)\s*\(")
_UNEXPECTED = re.compile(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\(\) missing (\d+) required positional arguments?: (.*)")
_POWER: Final = "** or pow()"


def explained(error: BaseException, frame: FrameType | None) -> tuple[str, str | None]:
    """The message of an error in the user's words, and a hint where one is known."""
    if isinstance(error, UnboundLocalError):
        name = error.name or _quoted(str(error))
        return f"name '{name}' has no value yet", (
            "a function that assigns to a name has its own variable of that name; "
            "pass the value in, or change a tensor in place"
        )
    if isinstance(error, NameError):
        return _unknown_name(error, frame)
    if isinstance(error, AttributeError):
        return _unknown_attribute(error)
    if isinstance(error, RecursionError):
        return "functions call each other too deeply", (
            "a function that calls itself needs a case in which it does not"
        )
    if isinstance(error, MemoryError):
        return str(error) or "there is not enough memory", None
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0]), None
    message = str(error)
    if isinstance(error, TypeError):
        return _type_error(message, frame)
    if isinstance(error, ZeroDivisionError):
        return "division by zero", None
    if isinstance(error, OverflowError):
        return re.sub(r"^\(\d+, '(.*)'\)$", r"\1", message), "use a tensor or a number with a point"
    if isinstance(error, ValueError) and message.startswith("Exceeds the limit"):
        return "this whole number is too long to be shown", "use a tensor or a number with a point"
    return _plain(message) or type(error).__name__, None


def _shadowed(place: _Place, frame: FrameType) -> str | None:
    """The hint for a call of a variable that has the name of a built-in function."""
    called = _CALLED.match(place.source_line, place.column)
    if called is None:
        return None
    name = called[1]
    if not callable(frame.f_builtins.get(name)):
        return None
    return f"`{name}` is a variable here; `del {name}` gives the built-in function back"


def _plain(message: str) -> str:
    """A message without the marks that only compiled code has."""
    return _QUALIFIED.sub("", _DOTTED.sub(r"'\1'", message))


def _quoted(message: str) -> str:
    match = re.search(r"'([^']*)'", message)
    return match[1] if match else ""


def _unknown_name(error: NameError, frame: FrameType | None) -> tuple[str, str | None]:
    name = error.name or _quoted(str(error))
    if "free variable" in str(error):
        return f"name '{name}' has no value yet", None
    message = f"name '{name}' is not defined"
    known: set[str] = set()
    if frame is not None:
        known = {*frame.f_locals, *frame.f_globals, *frame.f_builtins}
    hint = FOREIGN_WORDS.get(name) or suggestion(name, known)
    return message, hint


def _unknown_attribute(error: AttributeError) -> tuple[str, str | None]:
    message = _plain(str(error))
    name = error.name
    if name is None or not name.startswith("."):
        return message, None
    attributes = {attribute[1:] for attribute in dir(type(error.obj)) if attribute.startswith(".")}
    return message, suggestion(name[1:], attributes)


def _named_otherwise(function: str, argument: str, frame: FrameType | None) -> str | None:
    """The hint for a keyword argument that a function does not have."""
    code = _code_of(function, frame)
    if code is None:
        return None
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if not parameters:
        return "it takes no arguments by name"
    return suggestion(argument, set(parameters)) or f"its arguments are {', '.join(parameters)}"


def _code_of(function: str, frame: FrameType | None) -> CodeType | None:
    """The code of the function that a name means in a frame."""
    if frame is None:
        return None
    names = frame.f_builtins | frame.f_globals | frame.f_locals
    code = getattr(names.get(function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _is_built_in(function: str, frame: FrameType | None) -> bool:
    code = _code_of(function, frame)
    return code is not None and not code.co_filename.startswith(FILENAME)


def suggestion(name: str, known: set[str]) -> str | None:
    """The hint that names what `name` was probably meant to be, if anything known is near."""
    from difflib import get_close_matches

    candidates = sorted(word for word in known if word.isidentifier() and not word.startswith("__"))
    folded = {word.lower(): word for word in reversed(candidates)}
    if name.lower() in folded and folded[name.lower()] != name:
        return f"did you mean `{folded[name.lower()]}`?"
    cutoff = 0.6 if len(name) > 2 else 0.7
    slack = max(1, len(name) // 3)
    alike = [
        word
        for word in candidates
        if word != name and (abs(len(word) - len(name)) <= slack or word.startswith(name))
    ]
    near = get_close_matches(name, alike, 1, cutoff)
    return f"did you mean `{near[0]}`?" if near else None


def _type_error(message: str, frame: FrameType | None) -> tuple[str, str | None]:
    message = _plain(message)
    unexpected = _UNEXPECTED.match(message)
    if unexpected is not None:
        return message, _named_otherwise(unexpected[1], unexpected[2], frame)
    missing = _MISSING.fullmatch(message)
    if missing is not None and _is_built_in(missing[1], frame):
        names = ", ".join(f'"{name}"' for name in re.findall(r"'(\w+)'", missing[3]))
        message = f"{missing[1]}() missing {missing[2]} required positional arguments: {names}"
    message = message.replace(_POWER, "^").replace("for **=:", "for ^=:")
    message = _INTERNAL_FUNCTION.sub("this function", message)
    message = message.replace("this function missing", "this function is missing")
    hint = None
    if message.endswith("object is not callable"):
        hint = "write `*` for a product"
    elif "'NoneType'" in message and "unsupported operand" in message:
        hint = "one of the two is none"
    return message, hint
