"""Statements come as soon as they are complete, whatever the pieces in which the text comes."""

from __future__ import annotations

import tracemalloc

import pytest

from gradsh.language import Reader, SyntaxFault

PROGRAM = """\
#!/usr/bin/env gradsh
x = 1; y = 2   # two
x + y;
if x {
  y = 3

  # inside
  print y;
} else { z = f(1,
    2) }
nograd <
  a > b >
s = "a;b # c"; t = 'd'
def f(x) { return x } backward(g) {
  return g }
w = x +
  y
v = 5;  # quiet
u"""


def parts(units):
    return [(unit.line, unit.column, unit.kind, unit.quiet, unit.text) for unit in units]


def read(text):
    reader = Reader("test.grad")
    return parts([*reader.feed(text), *reader.finish()])


WHOLE = [
    (2, 1, "assignment", False, "x = 1"),
    (2, 8, "assignment", False, "y = 2"),
    (3, 1, "expression", True, "x + y"),
    (4, 1, "statement", False, PROGRAM[PROGRAM.index("if x") : PROGRAM.index("\nnograd")]),
    (11, 1, "expression", False, "nograd <\n  a > b >"),
    (13, 1, "assignment", False, 's = "a;b # c"'),
    (13, 16, "assignment", False, "t = 'd'"),
    (14, 1, "statement", False, "def f(x) { return x } backward(g) {\n  return g }"),
    (16, 1, "assignment", False, "w = x +\n  y"),
    (18, 1, "assignment", True, "v = 5"),
    (19, 1, "expression", False, "u"),
]


def test_whole_text():
    assert read(PROGRAM) == WHOLE
    assert read(PROGRAM) == WHOLE, "and again from the cache"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
def test_pieces(size):
    reader = Reader("test.grad")
    units = []
    for start in range(0, len(PROGRAM), size):
        units += reader.feed(PROGRAM[start : start + size])
    units += reader.finish()
    assert parts(units) == WHOLE


def test_statement_comes_with_its_terminator():
    reader = Reader("test.grad")
    assert not list(reader.feed("x = 1"))
    assert reader.pending
    assert parts(reader.feed("\n")) == [(1, 1, "assignment", False, "x = 1")]
    assert not reader.pending
    assert not list(reader.feed("a; b"[:2])), "a comment could follow, or nothing"
    assert [unit.text for unit in reader.feed(" b")] == ["a"]
    assert [unit.text for unit in reader.feed("; 'c;")] == ["b"]
    assert [unit.text for unit in reader.feed("'\n")] == ["'c;'"]


def test_separators_in_texts_brackets_and_blocks_end_nothing():
    reader = Reader("test.grad")
    assert not list(reader.feed('x = "a; b"; '))
    assert [unit.text for unit in reader.feed("if x { y; z; w")] == ['x = "a; b"']
    assert [unit.text for unit in reader.feed("; v }\n")] == ["if x { y; z; w; v }"]


def test_block_over_many_feeds():
    reader = Reader("test.grad")
    for line in ("while x {\n", "  # note\n", "    y = (1 +\n", "  # more\n", "   2)\n"):
        assert not list(reader.feed(line))
        assert reader.pending
    (unit,) = reader.feed("  } ; z")
    assert unit.text == "while x {\n  # note\n    y = (1 +\n  # more\n   2)\n  }"
    assert (unit.line, unit.quiet) == (1, False)
    (unit,) = reader.finish()
    assert (unit.line, unit.column, unit.text) == (6, 7, "z")


def test_first_line_and_name():
    reader = Reader("<shell>", first_line=10)
    first, second = reader.feed("\nx\ny\n")
    assert (first.source, first.line, second.line) == ("<shell>", 11, 12)


def test_quiet_is_a_semicolon_at_the_end_of_a_line():
    units = [*Reader("test.grad").feed("a; b;\nc; # note\nd ;  \ne;;\nf; g\n")]
    assert [unit.quiet for unit in units] == [False, True, True, True, True, False, False]


def test_byte_order_mark_before_the_text_is_nothing():
    assert read("\ufeffx\n") == [(1, 1, "expression", False, "x")]
    assert go_on("x\n\ufeffy\n") == ["x", 2]


def test_names_and_their_places():
    (unit,) = Reader("test.grad").feed("  long, b = f(x)\n")
    assert unit.names == ("long", "b")
    assert unit.places == ((1, 2, 6), (1, 8, 9))
    units = list(Reader("test.grad").feed("x += 1\nx[0] = 1\nx == 1\na = c = 2\nif x { y = 1 }\n"))
    assert [unit.names for unit in units] == [("x",), (), (), ("a", "c"), ()]


def test_unfinished_statement_at_the_end():
    reader = Reader("test.grad")
    assert not list(reader.feed("x = [1,\n"))
    with pytest.raises(SyntaxFault, match="'\\[' is not closed"):
        list(reader.finish())
    assert not reader.pending
    assert [unit.line for unit in [*reader.feed("y\n")]] == [2]


def test_reset_forgets():
    reader = Reader("test.grad")
    list(reader.feed("if x {\n  y = "))
    reader.reset()
    assert not reader.pending
    assert parts(reader.feed("z\n")) == [(2, 1, "expression", False, "z")]


def go_on(text):
    """What a reader gives that goes on after each fault: texts, and lines of faults."""
    reader = Reader("test.grad")
    found = []
    units = reader.feed(text)
    finished = False
    while True:
        try:
            found.extend(unit.text for unit in units)
        except SyntaxFault as fault:
            found.append(fault.line)
            units = reader.feed("")
        else:
            if finished:
                return found
            finished = True
            units = reader.finish()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a; b c; d\ne\n", ["a", 1, "e"]),
        ("a\n) b\nc\n", ["a", 2, "c"]),
        ("while a {\n  b c\n  d\n}\ne\n", [2, "e"]),
        ("while a {\n if b { c d }\n if e {\n f\n }\n}\ng\n", [2, "g"]),
        ("while a {\n  nograd < b c\n  d >\n}\ne\n", [2, "e"]),
        ("x = {\n 1: 2\n}\ny\n", [1, "y"]),
        ('a = "open {\nb\n', [1, "b"]),
        ("a = (1,\nb = 2\nc\n", [1, "c"]),
        ("break; a\nb\n", [1, "b"]),
        ("f(a=1, a=2)\nb\n", [1, "b"]),
        ("a\n\n\nb c\n\n\nd e\n\n", ["a", 4, 7]),
        ("a ) # {\nb\n", [1, "b"]),
        ("if a {\n b\n", [1]),
        ("x = \n\n y\n", [1, "y"]),
        ("x + )\n}\nz\n", [1, 2, "z"]),
        ("def f(x):\n    return x\ny\n", [1, 2, "y"]),
        ("a b; c d\ne\n", [1, "e"]),
    ],
)
def test_going_on_after_a_fault(text, found):
    assert go_on(text) == found


def test_faulty_line_in_pieces():
    reader = Reader("test.grad")
    with pytest.raises(SyntaxFault):
        list(reader.feed("a b; c; d"))
    assert not list(reader.feed(" e"))
    assert [unit.text for unit in reader.feed("\nf\n")] == ["f"]


def test_abandoned_iteration_goes_on():
    reader = Reader("test.grad")
    assert next(reader.feed("a\nb\nc\n")).text == "a"
    assert [unit.text for unit in reader.feed("d\n")] == ["b", "c", "d"]


def test_cached_lines_share_their_code():
    reader = Reader("test.grad")
    first, second = reader.feed("aaa = bbb + 1\naaa = bbb + 1\n")
    assert first.code is second.code
    assert (first.line, second.line) == (1, 2)


def test_functions_are_not_cached():
    reader = Reader("test.grad")
    for line in ("f = x -> x\n", "def g(x) = x\n", "minimize x over y\n"):
        first, second = reader.feed(line + line)
        assert first.code is not second.code


def test_a_cached_line_inside_a_block_is_not_taken_from_the_cache():
    reader = Reader("test.grad")
    list(reader.feed("qqq = 1\n"))
    units = list(reader.feed("if a {\nqqq = 1\n}\nqqq = 1\n"))
    assert [unit.kind for unit in units] == ["statement", "assignment"]


def test_the_end_of_a_line_is_not_taken_from_the_cache():
    reader = Reader("test.grad")
    list(reader.feed(" kkk = 1\n"))
    _, unit = reader.feed("jjj = 1; kkk = 1\n")
    assert (unit.column, unit.lines) == (10, "jjj = 1; kkk = 1")


def test_memory_is_constant_over_a_long_stream():
    reader = Reader("test.grad")

    def feed(count, start):
        for number in range(count):
            list(reader.feed(f"x = {start + number}; y\n\n# note\nif x {{\n  y = 1\n}}\n"))

    feed(3000, 0)
    tracemalloc.start()
    feed(200, 10_000)
    before = tracemalloc.get_traced_memory()[0]
    feed(2500, 20_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 4_000_000
