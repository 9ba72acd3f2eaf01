"""A converted program prints, under PyTorch, byte for byte what the program prints in gradsh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gradsh.conversion import Conversion, Program, convert_program
from gradsh.conversion.torch_names import METHODS_ONLY, NO_METHODS, path
from gradsh.engine import DIFFERENTIATION, FUNCTIONS, METHODS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.engine.optim import OPTIMISATION

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = sorted([*ROOT.glob("scripts/*.grad"), *ROOT.glob("tests/programs/*.grad")])
FORMS = dict(
    part.split("\n", 1)
    for part in ("\n" + (HERE / "forms.txt").read_text(encoding="utf-8")).split("\n== ")[1:]
)


def converted(text: str, name: str = "program.grad", target: str = "torch") -> Conversion:
    return convert_program(Program.parsed(text, name, Path.read_text), "A program.", target)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_print_the_same(
    path: Path,
    in_python: Callable[[str], str],
    in_gradsh: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(path.parent)
    text = path.read_text(encoding="utf-8")
    program, refusals = converted(text, str(path))
    assert refusals == []
    assert in_python(program) == in_gradsh(text, str(path))


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_forms_print_the_same(
    text: str, in_python: Callable[[str], str], in_gradsh: Callable[..., str]
) -> None:
    program, refusals = converted(text)
    assert refusals == []
    assert in_python(program) == in_gradsh(text)


def test_every_function_has_its_place_in_pytorch(needs_torch: None) -> None:
    import math

    import torch
    import torch.utils.checkpoint

    known = {"torch": torch, "math": math, "F": torch.nn.functional}
    names = [*FUNCTIONS, *DIFFERENTIATION, *DTYPES, *ALIASES]
    names += [name for name in OPTIMISATION if name != "group"]
    for name in names:
        where = f"torch.Tensor.{name}" if name in METHODS_ONLY else path(name)
        found = eval(where, known)
        assert callable(found) or isinstance(found, torch.dtype), where
        assert not isinstance(found, ModuleType), where
    for name in METHODS:
        if name not in NO_METHODS and name != "numpy":
            assert hasattr(torch.Tensor, name), name
