"""`gradsh convert`: which way a file is converted, and what a fault in it looks like."""

from __future__ import annotations

import os
from typing import Final

from gradsh.conversion import (
    TARGETS,
    Conversion,
    Program,
    convert_notebook,
    convert_program,
    convert_python,
)
from gradsh.files.atomic import replacing
from gradsh.language import SyntaxFault
from gradsh.session.faults import Fault
from gradsh.session.sources import chunks, decoded, open_program

_PYTHON: Final = (".py", ".ipynb")
GRADSH: Final = "gradsh"
"""The target that PyTorch code is converted to."""


class ConversionError(Exception):
    """What is asked for cannot be done with any content of the file."""


def read_program(path: str) -> str:
    """The text of the program at a path. OSError if there is none, Fault if it is no text."""
    descriptor = open_program(path)
    try:
        return "".join(decoded(chunks(descriptor), path))
    finally:
        os.close(descriptor)


def convert(path: str, text: str, target: str | None) -> Conversion:
    """The program `text` at `path` for `target`, or for the one that the path's ending suggests.

    Raises ConversionError for a target that is
    none, and Fault for a text that is no program.
    """
    python = path.endswith(_PYTHON)
    if target is None:
        target = GRADSH if python else "torch"
    if target not in (*TARGETS, GRADSH):
        raise _explained(
            f"a program cannot be converted to '{target}'",
            f"it can be to {', '.join(TARGETS)}, and Python code to {GRADSH}",
        )
    if python and target != GRADSH:
        raise _explained(
            f"'{path}' is Python code, which is converted to {GRADSH}",
            f"`gradsh convert {path}` writes a .grad program",
        )
    if not python and target == GRADSH and path != "-":
        raise _explained(
            f"'{path}' is not taken for Python code", "PyTorch code ends with .py or .ipynb"
        )
    name = "<stdin>" if path == "-" else path
    try:
        if target == GRADSH:
            return (convert_notebook if path.endswith(".ipynb") else convert_python)(text, name)
        return convert_program(
            Program.parsed(text, name, read_program),
            f"Converted from {os.path.basename(name)}.",
            target,
        )
    except SyntaxFault as fault:
        raise Fault(fault.diagnostic) from None


def write(text: str, output: str, source: str) -> None:
    """Write a converted program. ConversionError if it is its own source or cannot be written."""
    if os.path.exists(output) and source != "-" and os.path.samefile(output, source):
        raise _explained(f"'{output}' is the program itself", "give another name after -o")
    try:
        with replacing(output) as stream:
            stream.write(text.encode())
    except OSError as error:
        message = f"cannot write '{output}': {error.strerror or error}"
        raise ConversionError(message) from None


def _explained(message: str, hint: str) -> ConversionError:
    error = ConversionError(message)
    error.add_note(hint)
    return error
