"""Every form of the language, and the Python that it becomes (forms.txt)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsh.language import _tables


def _forms() -> list[tuple[str, list[str], str]]:
    """The sources, kinds and Python texts in forms.txt."""
    forms = []
    for part in Path(__file__).with_name("forms.txt").read_text(encoding="utf-8").split("\n\n"):
        lines = part.strip("\n").split("\n")
        source = "\n".join(line[2:] for line in lines if line.startswith("$"))
        kinds = [line for line in lines if not line.startswith(("$", "    "))]
        python = "\n".join(line[4:] for line in lines if line.startswith("    "))
        forms.append((source, kinds, python))
    return forms


FORMS = _forms()


@pytest.mark.parametrize(("source", "kinds", "expected"), FORMS, ids=[form[0] for form in FORMS])
def test_form(source, kinds, expected, python):
    made = python(source)
    text = "\n".join(line for part in made for line in part.split("\n") if line.strip())
    assert text == expected
    assert [unit.kind + " quiet" * unit.quiet for unit in made.units] == kinds


@pytest.mark.parametrize(("source", "kinds", "expected"), FORMS, ids=[form[0] for form in FORMS])
def test_form_with_carriage_returns_and_without_last_newline(source, kinds, expected, python):
    made = python(source.replace("\n", "\r\n") + "\r\n")
    assert [unit.kind + " quiet" * unit.quiet for unit in made.units] == kinds


def test_every_production_is_used_by_some_form(monkeypatch):
    """A new form in the grammar needs an example in forms.txt."""
    from gradsh.language import Reader, reader
    from gradsh.language.builder import Builder

    used = set()
    productions = {step for _, _, step in _tables.RULES if step}

    class Counting(Builder):
        def __getattribute__(self, name):
            value = super().__getattribute__(name)
            if name not in productions:
                return value

            def counted(*parts):
                used.add((name, len(parts)))
                return value(*parts)

            return counted

    monkeypatch.setattr(reader, "Builder", Counting)
    monkeypatch.setattr(reader, "_cache", {})
    for source, _, _ in FORMS:
        read = Reader("test.grad")
        assert [*read.feed(source), *read.finish()]
    assert {(step, length) for _, length, step in _tables.RULES if step} - used == set()
