"""Turn gradsh.lark into the parse tables that gradsh reads at run time.

Run as a script, or call `build` (the build hook does). Only this file needs lark: it works
out the LALR(1) automaton; what is written is a module of plain literals, the same text for
the same grammar whatever the hash seed.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import Lexer, TerminalDef, Token
from lark.parsers.lalr_analysis import Shift

HARD, SOFT, COMMAND, CONTINUES = 3, 2, 1, 1
END = "$END"
SCANNED = ("NAME", "NUMBER", "STRING", "FSTRING")
"""Terminals that the lexer finds by their pattern, in the order of their numbers."""
SPECIAL = (
    "LESS", "GREATER", "NEWLINE", "SEMICOLON",
    "LEFT_PAREN", "LEFT_BRACKET", "LEFT_BRACE",
    "RIGHT_PAREN", "RIGHT_BRACKET", "RIGHT_BRACE",
)  # fmt: skip
"""Terminals for which the lexer must look at what is open or what follows."""
INFIX_WORDS = ("AND", "OR")
DECLARED = ("ANY_NAME", "BLOCK_OPEN", "BLOCK_CLOSE")


class GrammarError(Exception):
    """The grammar cannot be turned into tables."""


class _NoLexer(Lexer):
    """lark's lexer is not wanted: gradsh has its own."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, lexer_state: object, parser_state: object = None) -> Iterator[Token]:
        return iter(())


class _ConflictHandler(logging.Handler):
    """lark settles shift/reduce conflicts silently; the grammar must have none."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.conflicts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "conflict" in message or message.startswith(" * "):
            self.conflicts.append(message)


def _analyse(grammar: str) -> lark.Lark:
    """Run lark over the grammar, and fail on any conflict."""
    handler = _ConflictHandler()
    level = lark.logger.level
    others = list(lark.logger.handlers)
    for other in others:
        lark.logger.removeHandler(other)
    lark.logger.addHandler(handler)
    lark.logger.setLevel(logging.DEBUG)
    try:
        parser = lark.Lark(
            grammar, parser="lalr", lexer=_NoLexer, keep_all_tokens=True, maybe_placeholders=False
        )
    finally:
        lark.logger.setLevel(level)
        lark.logger.removeHandler(handler)
        for other in others:
            lark.logger.addHandler(other)
    if handler.conflicts:
        raise GrammarError("the grammar is ambiguous:\n" + "\n".join(handler.conflicts))
    return parser


def _is_word(terminal: TerminalDef) -> bool:
    return terminal.pattern.type == "str" and str(terminal.pattern.value).isidentifier()


def _terminal_order(terminals: dict[str, TerminalDef]) -> tuple[list[str], dict[str, int]]:
    """The terminals' numbers, and where each class of them begins."""
    symbols, words = [], {HARD: [], SOFT: [], COMMAND: []}  # type: ignore[var-annotated]
    for name, terminal in terminals.items():
        if name in SCANNED or name in SPECIAL or name in ("BLANK", "COMMENT"):
            continue
        if _is_word(terminal):
            words[terminal.priority].append(name)
        else:
            symbols.append(name)
    order = [END, *SCANNED, *symbols]
    starts = {"FIRST_SPECIAL": len(order)}
    order += SPECIAL
    for variable, priority in (
        ("FIRST_HARD", HARD),
        ("FIRST_SOFT", SOFT),
        ("FIRST_COMMAND", COMMAND),
    ):
        starts[variable] = len(order)
        order += words[priority]
    starts["FIRST_DECLARED"] = len(order)
    order += DECLARED
    return order, starts


def _reachable_order(states: dict[int, dict[str, Any]], start: int) -> list[int]:
    """States in the order in which a walk from the start meets them, symbols by name."""
    order, seen = [start], {start}
    for state in order:
        for symbol in sorted(states[state]):
            action, target = states[state][symbol]
            if action is Shift and target not in seen:
                seen.add(target)
                order.append(target)
    return order


def _rule_order(states: dict[int, dict[str, Any]]) -> list[Rule]:
    rules = {
        argument
        for row in states.values()
        for action, argument in row.values()
        if action is not Shift
    }
    return sorted(rules, key=lambda rule: (rule.origin.name, rule.order, str(rule)))


def _token_pattern(terminals: dict[str, TerminalDef]) -> str:
    """One pattern for all tokens: groups for scanned terminals and symbols, then the blanks."""
    symbols = sorted(
        (
            str(terminal.pattern.value)
            for terminal in terminals.values()
            if terminal.pattern.type == "str" and not _is_word(terminal)
        ),
        key=lambda text: (-len(text), text),
    )
    longer = "|".join(re.escape(text) for text in symbols if len(text) > 1)
    single = "".join(re.escape(text) for text in symbols if len(text) == 1)
    groups = (
        terminals["FSTRING"].pattern.value,
        terminals["NAME"].pattern.value,
        terminals["NUMBER"].pattern.value,
        f"{longer}|[{single}]",
        terminals["NEWLINE"].pattern.value,
        terminals["STRING"].pattern.value,
        r"[\s\S]",
    )
    body = "|".join(f"({group})" for group in groups)
    blank, comment = terminals["BLANK"].pattern.value, terminals["COMMENT"].pattern.value
    return f"(?:{body}){blank}*(?:{comment})?"


def _tables(grammar: str) -> dict[str, object]:
    parser = _analyse(grammar)
    table = parser.parser.parser._parse_table
    terminals: dict[str, TerminalDef] = {terminal.name: terminal for terminal in parser.terminals}
    terminal_names, starts = _terminal_order(terminals)
    terminal_number = {name: number for number, name in enumerate(terminal_names)}

    rules = _rule_order(table.states)
    for rule in rules:
        if rule.alias is None and len(rule.expansion) != 1:
            raise GrammarError(f"this production needs a name: {rule}")
    origins = sorted({str(rule.origin.name) for rule in rules})
    origin_number = {name: number for number, name in enumerate(origins)}
    rule_number = {rule: number for number, rule in enumerate(rules)}

    start = table.start_states["start"]
    state_order = _reachable_order(table.states, start)
    state_number = {state: number for number, state in enumerate(state_order)}
    word_numbers = [terminal_number["NAME"], *range(starts["FIRST_HARD"], starts["FIRST_DECLARED"])]

    actions, gotos = [], []
    for state in state_order:
        action_row: dict[int, int] = {}
        goto_row: dict[int, int] = {}
        for symbol, (action, argument) in table.states[state].items():
            if action is not Shift:
                action_row[terminal_number[symbol]] = ~rule_number[argument]
            elif symbol in terminal_number:
                action_row[terminal_number[symbol]] = state_number[argument]
            elif symbol in origin_number:
                goto_row[origin_number[symbol]] = state_number[argument]
        if state == table.end_states["start"]:
            action_row[terminal_number[END]] = state_number[state]
        any_name = action_row.get(terminal_number["ANY_NAME"])
        if any_name is not None:
            for number in word_numbers:
                action_row.setdefault(number, any_name)
        actions.append(tuple(_flat(action_row)))
        gotos.append(tuple(_flat(goto_row)))

    spelling = {
        str(terminal.pattern.value): terminal_number[name]
        for name, terminal in terminals.items()
        if terminal.pattern.type == "str"
    }
    continues = [
        terminal_number[name]
        for name, terminal in terminals.items()
        if name in terminal_number
        and ((terminal.priority == CONTINUES and not _is_word(terminal)) or name in INFIX_WORDS)
    ]
    return {
        "TERMINALS": tuple(terminal_names),
        **starts,
        "SPELLING": dict(sorted(spelling.items(), key=lambda item: item[1])),
        "CONTINUES": tuple(sorted(continues)),
        "TOKEN": _token_pattern(terminals),
        "BLANK": terminals["BLANK"].pattern.value,
        "ORIGINS": tuple(origins),
        "RULES": tuple(
            (origin_number[rule.origin.name], len(rule.expansion), str(rule.alias or ""))
            for rule in rules
        ),
        "ACTIONS": tuple(actions),
        "GOTOS": tuple(gotos),
    }


def _flat(row: dict[int, int]) -> Iterator[tuple[int, ...]]:
    """The keys and the values of a row, apart: many rows then share one tuple of keys."""
    keys = sorted(row)
    yield tuple(keys)
    yield tuple(row[key] for key in keys)


def build(grammar_path: str | Path, output_path: str | Path) -> None:
    """Write the tables of the grammar at `grammar_path` to the Python module `output_path`.

    Raises GrammarError if the grammar is ambiguous or a production lacks its name, and
    lark's own errors if the file is not a grammar.
    """
    tables = _tables(Path(grammar_path).read_text(encoding="utf-8"))
    lines = [
        '"""The parse tables of gradsh.lark, made by grammar/build_tables.py. Not to be edited."""',
        "",
    ]
    lines += [f"{name} = {value!r}" for name, value in tables.items()]
    text = "\n".join(lines) + "\n"
    output = Path(output_path)
    if not output.exists() or output.read_text(encoding="utf-8") != text:
        output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    build(
        sys.argv[1] if len(sys.argv) > 1 else root / "grammar" / "gradsh.lark",
        sys.argv[2] if len(sys.argv) > 2 else root / "gradsh" / "language" / "_tables.py",
    )
