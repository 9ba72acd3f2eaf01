"""The tables: as the grammar says, the same every time, and all that the compiler needs."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gradsh.language import _tables, grammar
from gradsh.language.builder import Builder

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "grammar" / "build_tables.py"
GRAMMAR = ROOT / "grammar" / "gradsh.lark"


@pytest.fixture(scope="module")
def build_tables():
    pytest.importorskip("lark")
    specification = importlib.util.spec_from_file_location("build_tables", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_grammar(build_tables, tmp_path):
    build_tables.build(GRAMMAR, tmp_path / "tables.py")
    made = (tmp_path / "tables.py").read_text(encoding="utf-8")
    assert made == Path(_tables.__file__).read_text(encoding="utf-8"), "build the tables again"


def test_tables_do_not_depend_on_the_hash_seed(tmp_path):
    pytest.importorskip("lark")
    made = []
    for seed in ("1", "2"):
        output = tmp_path / f"tables{seed}.py"
        subprocess.run(
            [sys.executable, SCRIPT, GRAMMAR, output], check=True, env={"PYTHONHASHSEED": seed}
        )
        made.append(output.read_bytes())
    assert made[0] == made[1]


def test_ambiguous_grammar_is_refused(build_tables, tmp_path):
    text = GRAMMAR.read_text(encoding="utf-8")
    ambiguous = text.replace(
        "negation: comparison\n", "negation: comparison\n | negation negation -> unary\n"
    )
    assert ambiguous != text
    (tmp_path / "ambiguous.lark").write_text(ambiguous, encoding="utf-8")
    with pytest.raises(build_tables.GrammarError, match="ambiguous"):
        build_tables.build(tmp_path / "ambiguous.lark", tmp_path / "tables.py")
    assert not (tmp_path / "tables.py").exists()


def test_production_without_a_name_is_refused(build_tables, tmp_path):
    text = GRAMMAR.read_text(encoding="utf-8")
    nameless = re.sub(r"-> while_statement\b", "", text)
    assert nameless != text
    (tmp_path / "nameless.lark").write_text(nameless, encoding="utf-8")
    with pytest.raises(build_tables.GrammarError, match="needs a name"):
        build_tables.build(tmp_path / "nameless.lark", tmp_path / "tables.py")


def test_unchanged_tables_are_not_written_again(build_tables, tmp_path):
    output = tmp_path / "tables.py"
    build_tables.build(GRAMMAR, output)
    before = output.stat().st_mtime_ns
    build_tables.build(GRAMMAR, output)
    assert output.stat().st_mtime_ns == before


def test_every_production_has_its_step():
    """A step must take as many parts as its production has, or an error would reach the user."""
    builder = Builder(lambda: "")
    for _, length, step in _tables.RULES:
        if step:
            inspect.signature(getattr(builder, step)).bind(*range(length))


def test_soft_words_and_names_meet_only_at_the_start_of_a_statement():
    """Elsewhere the state alone must decide; the lexer relies on it."""
    begin = {
        terminal for terminal in grammar.ACTIONS[grammar.START] if terminal >= grammar.FIRST_SOFT
    }
    for state in range(len(_tables.ACTIONS)):
        row = grammar.ACTIONS[state]
        if grammar.NAME in row and grammar.ANY_NAME not in row:
            both = {terminal for terminal in row if terminal >= grammar.FIRST_SOFT}
            assert both & set(range(grammar.FIRST_DECLARED)) <= begin


def test_running_needs_no_lark():
    code = (
        "import sys, gradsh.language as language\n"
        "list(language.Reader('x').feed('y = mean(3*(x+2)^2)\\n'))\n"
        "late = 'lark', 'pygments', 'difflib', 'inspect', 'dataclasses', 'unicodedata'\n"
        "print(sorted(set(late) & set(sys.modules)))\n"
        "print(sorted(name for name in sys.modules if name.startswith('gradsh.language.')))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    late, loaded = process.stdout.splitlines()
    assert late == "[]"
    assert "diagnostics" not in loaded
    assert "highlighting" not in loaded
