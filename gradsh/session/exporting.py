"""The command `export "f.py" [torch|jax|numpy]`: what ran so far as a Python program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gradsh.conversion import Program, Statement, convert_program
from gradsh.files.atomic import replacing
from gradsh.session.converting import read_program

if TYPE_CHECKING:
    from gradsh.session.session import Session

TITLE: Final = "Exported from a session of gradsh."
_SHELL: Final = "<shell>"


def export(session: Session, path: Any, target: str = "torch") -> None:
    """Write the statements that ran without an error to a file, as a program for `target`.

    What cannot be converted is told line by line, and stands in the file as a comment. TypeError
    if the path is no text, ValueError for an unknown target, RuntimeError if the session has run
    more statements than it remembers, OSError from the file.
    """
    if not isinstance(path, str):
        raise TypeError(f"export takes the path of a file as a text, not {type(path).__name__}")
    text, refusals = convert_program(_program(session), TITLE, target)
    try:
        with replacing(path) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise type(error)(f"cannot write '{path}': {error.strerror or error}") from None
    if session.dialogue is not None:
        session.dialogue.wrote(path)
    for refusal in refusals:
        session.output.write(f"{refusal}\n")


def _program(session: Session) -> Program:
    """What was run: the statements of programs, then in a shell the entries that stand."""
    from gradsh.session.session import MAXIMUM_DONE

    if len(session.done) >= MAXIMUM_DONE:
        error = RuntimeError(f"more than {MAXIMUM_DONE} statements were run, too many to export")
        error.add_note("`gradsh convert program.grad` converts a program in a file")
        raise error
    statements = [Statement(*done) for done in session.done]
    texts = _texts(statements)
    if session.dialogue is not None:
        from gradsh.session.recorder import program_of

        entries = program_of(session.dialogue.entries).partition("\n")[2]
        statements += Program.parsed(entries, _SHELL, read_program).statements
        texts[_SHELL] = entries
    return Program(statements, texts)


def _texts(statements: list[Statement]) -> dict[str, str]:
    """The texts of the sources, for the comments in them: of a file the whole, else statements."""
    texts: dict[str, str] = {}
    for source in dict.fromkeys(statement.source for statement in statements):
        try:
            texts[source] = read_program(source)
        except OSError:
            texts[source] = _assembled([each for each in statements if each.source == source])
    return texts


def _assembled(statements: list[Statement]) -> str:
    """The statements of a source in their lines."""
    text = ""
    line = 1
    for statement in statements:
        text += "\n" * max(statement.line - line, 0) + statement.text + " "
        line = max(line, statement.line) + statement.text.count("\n")
    return text
