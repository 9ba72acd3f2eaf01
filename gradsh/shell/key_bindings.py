"""What the keys do, beyond prompt_toolkit's own emacs keys."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application.current import get_app
from prompt_toolkit.application.run_in_terminal import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    Condition,
    emacs_insert_mode,
    emacs_mode,
    has_focus,
    has_selection,
    vi_insert_mode,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.bindings.completion import generate_completions
from prompt_toolkit.key_binding.bindings.named_commands import get_by_name
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.keys import Keys

from gradsh.language import is_complete
from gradsh.shell.brackets import PAIRS, is_empty_pair, partner, steps_over
from gradsh.shell.indentation import (
    CLOSERS,
    STEP,
    closer_indentation,
    next_indentation,
    outdent_width,
)
from gradsh.shell.pasting import pasted, without_prompts
from gradsh.shell.preferences import PREFERENCES

Handler = Callable[[KeyPressEvent], None]


def key_bindings(leave_hint: Callable[[], None]) -> KeyBindings:
    """The shell's keys. `leave_hint` tells, at the first Ctrl-C, how to leave."""
    bindings = KeyBindings()
    editing = has_focus(DEFAULT_BUFFER)
    inserting = editing & (emacs_insert_mode | vi_insert_mode)

    bindings.add("enter", filter=inserting)(_enter)
    bindings.add("escape", "enter", filter=editing)(_newline)
    bindings.add("tab", filter=inserting)(_tab)
    bindings.add("backspace", filter=inserting & ~has_selection & _after_blanks)(_outdent)
    bindings.add("c-x", "c-e", filter=editing & emacs_mode)(_edit)
    bindings.add("v", filter=editing & vi_navigation_mode)(_edit)
    bindings.add(Keys.BracketedPaste, filter=editing)(_paste)
    for closer in CLOSERS:
        bindings.add(closer, filter=inserting)(_close)
    for opener in PAIRS:
        bindings.add(opener, filter=inserting & ~has_selection & _pairs)(_open)
    bindings.add("backspace", filter=inserting & ~has_selection & _pairs & _in_empty_pair)(_unpair)
    bindings.add("enter", filter=inserting & _pairs & _in_empty_braces)(_open_block)
    clear = _clear_with(leave_hint)
    bindings.add("c-c", filter=editing)(clear)
    bindings.add("<sigint>", filter=editing)(clear)
    return bindings


@Condition
def _after_blanks() -> bool:
    line = get_app().current_buffer.document.current_line_before_cursor
    return bool(line) and not line.strip(" ")


@Condition
def _pairs() -> bool:
    return PREFERENCES.auto_brackets


@Condition
def _in_empty_pair() -> bool:
    return is_empty_pair(get_app().current_buffer.document)


@Condition
def _in_empty_braces() -> bool:
    document = get_app().current_buffer.document
    return document.char_before_cursor == "{" and document.current_char == "}"


def _enter(event: KeyPressEvent) -> None:
    """Take the chosen completion, or run a complete entry, or go on in a new line."""
    buffer = event.current_buffer
    if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
        buffer.complete_state = None
        return
    typed = without_prompts(buffer.text)
    if typed != buffer.text:  # it came without the marks of a paste, as what is typed ahead does
        buffer.document = Document(typed)
    if not is_complete(buffer.text):
        _newline(event)
        return
    _strip_end(buffer)
    buffer.validate_and_handle()


def _strip_end(buffer: Buffer) -> None:
    stripped = buffer.text.rstrip()
    if stripped != buffer.text:
        buffer.document = Document(stripped)


def _newline(event: KeyPressEvent) -> None:
    """Begin a new line with the indentation that fits."""
    buffer = event.current_buffer
    after = buffer.document.current_line_after_cursor
    buffer.delete(len(after) - len(after.lstrip(" ")))
    before = buffer.document.text_before_cursor
    indentation = next_indentation(before)
    if buffer.document.current_char in tuple(CLOSERS):
        fitting = closer_indentation(before + "\n", buffer.document.current_char)
        indentation = indentation if fitting is None else fitting
    buffer.insert_text("\n" + indentation)


def _tab(event: KeyPressEvent) -> None:
    """Indent at the start of a line, complete elsewhere."""
    buffer = event.current_buffer
    line = buffer.document.current_line_before_cursor
    if buffer.complete_state is None and "\n" in buffer.text and not line.strip():
        buffer.insert_text(" " * (STEP - len(line) % STEP))
    else:
        generate_completions(event)


def _outdent(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    buffer.delete_before_cursor(outdent_width(buffer.document.current_line_before_cursor))


def _close(event: KeyPressEvent) -> None:
    """A closing bracket that is first on its line goes under the line that opened it."""
    buffer = event.current_buffer
    document = buffer.document
    if PREFERENCES.auto_brackets and steps_over(document, event.data):
        buffer.cursor_right()
        return
    indentation = closer_indentation(document.text_before_cursor, event.data)
    if indentation is not None:
        buffer.delete_before_cursor(len(document.current_line_before_cursor))
        buffer.insert_text(indentation)
    buffer.insert_text(event.data)


def _open(event: KeyPressEvent) -> None:
    """An opening bracket or a quote, and behind the cursor its partner."""
    buffer = event.current_buffer
    if steps_over(buffer.document, event.data):
        buffer.cursor_right()
        return
    closer = partner(buffer.document, event.data)
    buffer.insert_text(event.data)
    if closer is not None:
        buffer.insert_text(closer, move_cursor=False)


def _unpair(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    buffer.delete()
    buffer.delete_before_cursor()


def _open_block(event: KeyPressEvent) -> None:
    """A line inside the braces, and the closing one on a line of its own."""
    buffer = event.current_buffer
    before = buffer.document.text_before_cursor
    inside = next_indentation(before)
    buffer.insert_text("\n" + inside)
    buffer.insert_text("\n" + " " * max(len(inside) - STEP, 0), move_cursor=False)


def _paste(event: KeyPressEvent) -> None:
    """Insert the pasted lines, without prompts before them; Enter then runs them as a whole."""
    text = pasted(event.data)
    if "\n" in text and not event.current_buffer.document.text_after_cursor.strip():
        text = text.rstrip("\n")
    event.current_buffer.insert_text(text)


def _edit(event: KeyPressEvent) -> None:
    """Open the entry in the user's editor; it comes back to the prompt, and Enter runs it."""
    event.current_buffer.open_in_editor()


def _clear_with(leave_hint: Callable[[], None]) -> Handler:
    hinted = False

    def clear(event: KeyPressEvent) -> None:
        """Clear the entry (undo brings it back); the first time, say how to leave."""
        nonlocal hinted
        buffer = event.current_buffer
        get_by_name("end-of-history").call(event)
        if buffer.text:
            buffer.save_to_undo_stack()
            buffer.document = Document()
        buffer.history_search_text = None
        if not hinted:
            hinted = True
            run_in_terminal(leave_hint)

    return clear
