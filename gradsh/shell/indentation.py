"""Where the lines of an entry begin."""

from __future__ import annotations

STEP = 4
CLOSERS = ")]}>"


def next_indentation(before: str) -> str:
    """The blanks that begin a new line after the text `before`."""
    from gradsh.language import closing_indent, is_complete

    depth = closing_indent(before)
    if not depth and before.strip() and not is_complete(before):
        depth = 1  # an operator at the end of the line
    return " " * (STEP * depth)


def closer_indentation(before: str, closer: str) -> str | None:
    """The blanks before a bracket that is typed first on its line and closes one.

    None where the bracket is not first, or closes nothing.
    """
    from gradsh.language import closing_indent

    above, newline, line = before.rpartition("\n")
    if not newline or line.strip() or closer not in CLOSERS:
        return None
    depth = closing_indent(above)
    return " " * (STEP * (depth - 1)) if depth else None


def outdent_width(line: str) -> int:
    """How many characters a backspace takes when only blanks stand before it on the line."""
    if not line or line.strip(" "):
        return 1
    return (len(line) - 1) % STEP + 1
