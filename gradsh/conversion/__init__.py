"""gradsh programs as programs of other libraries, and PyTorch programs as gradsh programs."""

from __future__ import annotations

from gradsh.conversion.convert import TARGETS, convert_program
from gradsh.conversion.from_python import convert_python
from gradsh.conversion.notebooks import convert_notebook
from gradsh.conversion.program import Program, Statement
from gradsh.conversion.refusals import Conversion, Refusal

__all__ = [
    "TARGETS",
    "Conversion",
    "Program",
    "Refusal",
    "Statement",
    "convert_notebook",
    "convert_program",
    "convert_python",
]
