"""Converting a whole program: its text in, the other program and what could not be turned out."""

from __future__ import annotations

from typing import Final

from gradsh.conversion.array_target import NumpyTranslator
from gradsh.conversion.jax_target import JaxTranslator
from gradsh.conversion.program import Program
from gradsh.conversion.refusals import Conversion
from gradsh.conversion.torch_target import TorchTranslator
from gradsh.conversion.translator import Translator

TARGETS: Final[dict[str, type[Translator]]] = {
    "torch": TorchTranslator,
    "jax": JaxTranslator,
    "numpy": NumpyTranslator,
}
"""What writes a gradsh program for each library."""


def convert_program(program: Program, title: str, target: str) -> Conversion:
    """A gradsh program as a Python program for a library; ValueError for one not in TARGETS."""
    if target not in TARGETS:
        error = ValueError(f"a program cannot be converted to '{target}'")
        error.add_note(f"it can to {', '.join(TARGETS)}")
        raise error
    translator = TARGETS[target](program, title)
    return Conversion(translator.translate(), translator.refusals)
