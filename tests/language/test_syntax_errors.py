"""Each program in errors/ has one mistake, and the whole report on it beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsh.language import Reader, SyntaxFault

ERRORS = Path(__file__).with_name("errors")
PROGRAMS = sorted(ERRORS.glob("*.grad"))


def fault_of(text: str, name: str = "test.grad") -> SyntaxFault:
    reader = Reader(name)
    with pytest.raises(SyntaxFault) as caught:
        for _ in [*reader.feed(text), *reader.finish()]:
            pass
    return caught.value


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.stem for program in PROGRAMS])
def test_report(program):
    fault = fault_of(program.read_text(encoding="utf-8"), program.name)
    expected = program.with_suffix(".txt").read_text(encoding="utf-8")
    assert fault.diagnostic.render() + "\n" == expected
    assert fault.message == str(fault)


def test_there_are_programs_and_no_stray_reports():
    assert len(PROGRAMS) > 80
    assert {path.stem for path in ERRORS.glob("*.txt")} == {path.stem for path in PROGRAMS}


def test_no_report_speaks_of_the_compiler():
    for report in ERRORS.glob("*.txt"):
        text = report.read_text(encoding="utf-8")
        for word in ("@", "LALR", "Traceback", "terminal", "token", "SyntaxError"):
            assert word not in text.replace("@ b", ""), report.name


def test_place_counts_from_one_and_end_is_behind_the_fault():
    fault = fault_of("x = 1\n  yy zz", "a.grad")
    assert (fault.source, fault.line, fault.column, fault.end) == ("a.grad", 2, 6, 8)
    assert fault.source_line == "  yy zz"


def test_place_follows_the_first_line_of_the_reader():
    reader = Reader("<shell>", first_line=41)
    with pytest.raises(SyntaxFault) as caught:
        list(reader.feed("x = 1\nx = )\n"))
    assert caught.value.line == 42
