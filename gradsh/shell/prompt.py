"""The editor: prompt_toolkit's, put together from this package's parts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from gradsh.shell.early import release_echo
from gradsh.shell.plain import CONTINUATION, PROMPT, is_plain, read_plain
from gradsh.shell.preferences import PREFERENCES

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from gradsh.session import Session
    from gradsh.shell.lexer import GradshLexer
    from gradsh.shell.names import Names

LEAVE_HINT = "(Ctrl-D leaves)"


def open_prompt(session: Session) -> Callable[[], str]:
    """What reads the user's entries: an editor, or plain lines where there is no real terminal."""
    if is_plain():
        return read_plain
    offer_walk(session)
    return EditorReader(session).read


def offer_walk(session: Session) -> None:
    """Let commands that have pages of text to show be gone through key by key."""
    from gradsh.session.output import JsonOutput

    def walker(pages: Sequence[str]) -> int:
        from gradsh.shell.walk import walk_through

        return walk_through(pages)

    if not isinstance(session.output, JsonOutput):
        session.output.walker = walker


class EditorReader:
    """Reads entries with the editor, and measures how long each keeps the shell busy."""

    def __init__(self, session: Session) -> None:
        from gradsh.shell.lexer import GradshLexer
        from gradsh.shell.names import Names
        from gradsh.shell.toolbar import Toolbar, fitted

        names = Names(session)
        self._toolbar = Toolbar(session, names)
        self._fitted = fitted
        self._lexer = GradshLexer(names)
        self._editor = make_editor(session, names, self._lexer)
        self._begun: float | None = None
        self._seconds: float | None = None

    def read(self) -> str:
        """The user's next entry."""
        from prompt_toolkit.enums import EditingMode

        # prompt_toolkit leaves SIGINT as it found it only when it leaves in an orderly way
        from gradsh.session.interrupts import install

        if self._begun is not None:
            self._seconds = perf_counter() - self._begun
            self._begun = None
        self._lexer.forget()
        self._editor.bottom_toolbar = self._fragments if PREFERENCES.toolbar else None
        if PREFERENCES.toolbar:
            self._toolbar.refresh(self._seconds)
        release_echo()
        try:
            entry = self._editor.prompt(
                pre_run=preload,
                editing_mode=EditingMode(PREFERENCES.editing_mode.upper()),
            )
        finally:
            install()
        if entry.strip():
            self._begun = perf_counter()
        return entry

    def _fragments(self) -> StyleAndTextTuples:
        buffer = self._editor.default_buffer
        line = self._toolbar.fragments(buffer.text, buffer.cursor_position)
        return self._fitted(line, self._editor.output.get_size().columns)


def make_editor(session: Session, names: Names, lexer: GradshLexer) -> PromptSession[str]:
    """The editor of entries, on the terminal."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor

    from gradsh.shell.completer import GradshCompleter
    from gradsh.shell.history import EntryFile, open_history
    from gradsh.shell.key_bindings import key_bindings
    from gradsh.shell.style import STYLE

    history = open_history()
    if session.dialogue is not None:
        session.dialogue.store = history.append_string
        if isinstance(history, EntryFile):
            session.dialogue.past = history.earlier
    return PromptSession(
        [("class:prompt", PROMPT)],
        multiline=False,  # the keys make new lines; so the search stands in the prompt's place
        prompt_continuation=continuation,
        lexer=lexer,
        style=STYLE,
        include_default_pygments_style=False,
        history=history,
        enable_history_search=True,
        auto_suggest=AutoSuggestFromHistory(),
        completer=GradshCompleter(names),
        complete_while_typing=False,
        key_bindings=key_bindings(lambda: session.output.write(LEAVE_HINT + "\n")),
        input_processors=[HighlightMatchingBracketProcessor(chars="()[]{}")],
        enable_suspend=True,
        tempfile_suffix=".grad",
    )


def continuation(width: int, line_number: int, wrap_count: int) -> StyleAndTextTuples:
    """What stands before the second and later lines of an entry."""
    return [("class:continuation", " " * width if wrap_count else CONTINUATION)]


def preload() -> None:
    """Load what the first key and the first value need, while the user thinks."""
    if "rich.console" not in sys.modules:
        from threading import Thread

        Thread(target=_load_ahead).start()


def _load_ahead() -> None:
    from importlib import import_module

    for name in ("gradsh.session.foresight", "rich.console"):
        import_module(name)
