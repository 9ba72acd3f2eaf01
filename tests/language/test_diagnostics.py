"""Errors at run time: the place, the caret, the words and the hint."""

from __future__ import annotations

import textwrap

import pytest

from gradsh.language import Diagnostic, Reader, Unit, diagnose


class Dotted:
    """A value with attributes for a program, as the engine's are."""

    def __init__(self) -> None:
        setattr(self, ".value", 3)


setattr(Dotted, ".item", lambda self: 1)
setattr(Dotted, ".detach", lambda self: self)


def failure(session, program, /, **names):
    """The report of the first statement of a program that fails."""
    session.names.update(names)
    reader = Reader("file.grad")
    for unit in [*reader.feed(program), *reader.finish()]:
        try:
            unit.run(session.names)
        except Exception as error:  # noqa: BLE001 - any error is to be reported
            return diagnose(error, unit)
    raise AssertionError("nothing failed")


def rendered(text):
    return textwrap.dedent(text).strip("\n")


def test_report_of_the_contract(session):
    found = failure(session, "x = 1\n\nz = x + y\n")
    assert found.render() == rendered(
        """
        file.grad:3:9: error: name 'y' is not defined
          3 | z = x + y
            |         ^
        """
    )
    assert (found.source, found.line, found.column, found.end) == ("file.grad", 3, 9, 10)
    assert found.source_line == "z = x + y"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("z = 1 + text", "    ~~^~~~~~"),
        ("z = 1  -  (text)", "    ~~~^~~~~~~~~"),
        ("z = (1)/text", "    ~~~^~~~~"),
        ("z = 2*(1 + text)", "      ~~~^~~~~~~"),
        ("z = 1 <= text", "    ~~^^~~~~~"),
        ("z = 1 ** text", "    ~~^^~~~~~"),
        ("z = text ^ 2", "    ~~~~~^~~"),
        ("z = 7 % text", "    ~~^~~~~~"),
        ("n = 1; n += text", "       ~~^^~~~~~"),
        ("z = -text", "    ^^^^^"),
        ("z = 1 + -text", "        ^^^^^"),
        ("z = max(1, text)", "    ^^^^^^^^^^^^"),
        ("z = [1, missing]", "        ^^^^^^^"),
        ("z = value.nothing + 1", "    ^^^^^^^^^^^^^"),
        ("z = value.item(1)", "    ^^^^^^^^^^^^^"),
        ("z = text[9]", "    ^^^^^^^"),
        ("f(1, missing)", "     ^^^^^^^"),
        ("missing(1)", "^^^^^^^"),
        ("print 1, missing", "         ^^^^^^^"),
        ("if missing { 1 }", "   ^^^^^^^"),
        ("for i in 5 { i }", "         ^"),
        ("a, b = (1, 2, 3)", "       ^^^^^^^^^"),
        ("assert 1 == 2", "       ~~^^~~"),
        ('z = "é" + 1', "    ~~~~^~~"),
        ("z = nograd < 1 + text >", "             ~~^~~~~~"),
        ("z = max(1, nograd < w = text; 1 + w >)", "                              ~~^~~"),
        ("time z = 1 + text", "         ~~^~~~~~"),
    ],
)
def test_marks(session, text, marks):
    found = failure(session, text, text="abc", value=Dotted(), f=lambda *values: None)
    line, under = found.marked_line()
    assert line == text
    assert under == marks


def test_place_in_a_block_of_several_lines(session):
    found = failure(session, "x = 1\nwhile true {\n  y = 2\n  z = (x +\n    missing)\n}\n")
    assert (found.line, found.column, found.source_line) == (5, 5, "    missing)")


def test_operation_over_two_lines_is_marked_in_its_first(session):
    found = failure(session, 'z = 1 +\n  "a"\n')
    assert (found.line, found.marked_line()) == (1, ("z = 1 +", "    ^^^"))


def test_functions_of_earlier_units_and_the_calls_that_led_there(session):
    found = failure(
        session,
        "def f(a) {\n  b = a\n  return b + missing\n}\ng = x ->  f(x)\ng(1)\nz = 1; y = g(2) + 1\n",
    )
    assert found.render() == rendered(
        """
        file.grad:3:14: error: name 'missing' is not defined
          3 |   return b + missing
            |              ^^^^^^^
          called at file.grad:5:11
          called at file.grad:6:1
        """
    )


def test_function_keeps_its_place_whatever_its_source(session):
    first = Reader("<shell>", first_line=7)
    for unit in first.feed("def f(x) = x + missing\n"):
        unit.run(session.names)
    (unit,) = Reader("other.grad").feed("\n\n f(1)\n")
    with pytest.raises(NameError) as caught:
        unit.run(session.names)
    found = diagnose(caught.value, unit)
    assert (found.source, found.line, found.column) == ("<shell>", 7, 16)
    assert found.source_line == "def f(x) = x + missing"
    assert found.calls == (("other.grad", 3, 2),)


def test_cached_line_fails_at_its_own_line(session):
    reader = Reader("file.grad")
    lines = []
    for unit in reader.feed("missing\nmissing\n"):
        with pytest.raises(NameError) as caught:
            unit.run(session.names)
        lines.append((diagnose(caught.value, unit).line, diagnose(caught.value).line))
    assert lines == [(1, 1), (2, 2)]


def test_many_calls_are_cut_short(session):
    found = failure(session, "def f(n) { if n == 0 { return missing }; return f(n - 1) }\nf(20)\n")
    text = found.render()
    assert text.count("called at") == 5
    assert "... 16 more calls" in text


def test_error_that_is_caught_knows_its_place(session):
    places = []

    def caught(error):
        found = diagnose(error)
        places.append((found.source, found.line, found.column))
        return str(error)

    session.names["__builtins__"]["@caught"] = caught
    reader = Reader("file.grad")
    for unit in reader.feed("x = 1\ntry {\n  y = missing\n} catch e { }\n"):
        unit.run(session.names)
    assert places == [("file.grad", 3, 7)]


def test_error_without_traceback_is_placed_at_the_statement():
    (unit,) = Reader("file.grad").feed("\n  x + 1\n")
    found = diagnose(RuntimeError("no"), unit)
    assert (found.source, found.line, found.column, found.message) == ("file.grad", 2, 3, "no")
    assert diagnose(RuntimeError("no")).message == "no"


def test_first_note_is_the_hint(session):
    def fail():
        error = RuntimeError("first line\nsecond line")
        error.add_note("do this")
        error.add_note("not shown")
        raise error

    found = failure(session, "fail()\n", fail=fail)
    assert found.render() == rendered(
        """
        file.grad:1:1: error: first line
          second line
          1 | fail()
            | ^^^^^^
        hint: do this
        """
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("lenght", "name 'lenght' is not defined", "did you mean `length`?"),
        ("LENGTH", "name 'LENGTH' is not defined", "did you mean `length`?"),
        ("maxx(1)", "name 'maxx' is not defined", "did you mean `max`?"),
        ("qqqqqq", "name 'qqqqqq' is not defined", None),
        ("null", "name 'null' is not defined", "write `none`"),
        ("def f() { inner_valve = 1; y = inner_value }; f()",
         "name 'inner_value' is not defined", "did you mean `inner_valve`?"),
        ("value.itme()", "'Dotted' object has no attribute 'itme'", "did you mean `item`?"),
        ("value.qqqqq", "'Dotted' object has no attribute 'qqqqq'", None),
        ('"text".upper()', "'str' object has no attribute 'upper'", None),
        ("(x -> x).code", "'function' object has no attribute 'code'", None),
        ("def f(a, b) = a; f(1)", "f() missing 1 required positional argument: 'b'", None),
        ("def f(a, b) = a; f()",
         "f() missing 2 required positional arguments: 'a' and 'b'", None),
        ("def f(a) = a; f(1, 2)", "f() takes 1 positional argument but 2 were given", None),
        ("def f(a, b=1) = a; f(1, 2, 3)",
         "f() takes from 1 to 2 positional arguments but 3 were given", None),
        ("def f() = 1; f(1)", "f() takes 0 positional arguments but 1 was given", None),
        ("def f(a) = a; f(b=1)", "f() got an unexpected keyword argument 'b'",
         "its arguments are a"),
        ("def f(a) = a; f(1, a=1)", "f() got multiple values for argument 'a'", None),
        ("def f() { def g(x) = x; return g() }; f()",
         "g() missing 1 required positional argument: 'x'", None),
        ("(x -> x)()", "this function is missing 1 required positional argument: 'x'", None),
        ("(x -> nograd < y = x; y >)(1, 2)",
         "this function takes 1 positional argument but 2 were given", None),
        ("3 ^ text", "unsupported operand type(s) for ^: 'int' and 'str'", None),
        ("length += text", "unsupported operand type(s) for +=: 'int' and 'str'", None),
        ("length ^= text", "unsupported operand type(s) for ^=: 'int' and 'str'", None),
        ("none + 1", "unsupported operand type(s) for +: 'NoneType' and 'int'",
         "one of the two is none"),
        ("length(2)", "'int' object is not callable", "write `*` for a product"),
        ("1/0", "division by zero", None),
        ("0.0 // 0", "division by zero", None),
        ("1e300^2", "Numerical result out of range", "use a tensor or a number with a point"),
        ("def f(n) = f(n)+1; f(1)", "functions call each other too deeply",
         "a function that calls itself needs a case in which it does not"),
        ("def f() { length += 1 }; f()", "name 'length' has no value yet",
         ("a function that assigns to a name has its own variable of that name; "
          "pass the value in, or change a tensor in place")),
        ("def f() { g = () -> late; g(); late = 1 }; f()", "name 'late' has no value yet", None),
    ],
)  # fmt: skip
def test_words(session, text, message, hint):
    found = failure(session, text, length=4, text="abc", value=Dotted())
    assert found.message == message
    assert found.hint == hint
    assert "@" not in found.render()


def test_wide_characters_and_tabs_keep_the_caret_in_place(session):
    found = failure(session, 'print "日本", missing')
    _, under = found.marked_line()
    assert under == " " * len("print ..日本.., ") + "^" * 7
    found = failure(session, "if true {\n\tmissing\n}")
    assert found.marked_line() == ("\tmissing", "\t^^^^^^^")


def test_long_line_is_cut_around_the_fault(session):
    found = failure(session, "x = " + "1 + " * 100 + "missing" + " + 1" * 100)
    line, under = found.marked_line()
    assert len(line) <= 200
    assert line[under.index("^") :].startswith("missing")
    assert under.count("^") == 7
    assert line.startswith("...")
    assert line.endswith("...")


def test_diagnostic_without_line_or_hint():
    assert Diagnostic("a", 1, 2, 3, "no", "").render() == "a:1:2: error: no"
    assert repr(Diagnostic("a", 1, 2, 3, "no", "")) == "<Diagnostic a:1:2: no>"


def test_control_characters_are_not_shown(session):
    found = failure(session, 'print "\x1b[31m", missing')
    assert "\x1b" not in found.render()


def test_place_of_every_node_lies_in_the_text(monkeypatch):
    """Compile many forms, and look at each instruction's place."""
    from pathlib import Path

    source = Path(__file__).with_name("forms.txt").read_text(encoding="utf-8")
    for part in source.split("\n\n"):
        text = "\n".join(line[2:] for line in part.split("\n") if line.startswith("$"))
        for unit in [*Reader("a").feed(text + "\n")]:
            assert isinstance(unit, Unit)
            lines = unit.lines.split("\n")
            codes = [unit.code]
            while codes:
                code = codes.pop()
                codes += [constant for constant in code.co_consts if hasattr(constant, "co_code")]
                for line, end_line, column, end in code.co_positions():
                    if line is None or column is None or (column, end) == (0, 0) or line == 0:
                        continue
                    assert 1 <= line <= end_line <= len(lines)
                    assert 0 <= column <= len(lines[line - 1])
                    assert 0 <= end <= len(lines[end_line - 1])
