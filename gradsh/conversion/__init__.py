"""gradsh programs as programs of other libraries, and PyTorch programs as gradsh programs."""

from __future__ import annotations

from gradsh.conversion.convert import TARGETS, Conversion, convert_program
from gradsh.conversion.program import Program, Statement
from gradsh.conversion.translator import Refusal

__all__ = ["TARGETS", "Conversion", "Program", "Refusal", "Statement", "convert_program"]
