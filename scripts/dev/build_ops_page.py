#!/usr/bin/env python3
"""Write docs/ops.md: every function, its derivatives, and what it is tested against.

    python scripts/dev/build_ops_page.py [--check]

Everything is read from the declarations and from what their sample calls do. With `--check`
nothing is written; it fails if the page is not what the declarations say now.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from gradsh.engine import FUNCTIONS, METHODS, OPS  # noqa: E402
from gradsh.engine.random import default_generator, manual_seed  # noqa: E402
from gradsh.engine.reference import alias_of, family_of, signature  # noqa: E402
from gradsh.engine.symbols import derivative, first_sentence  # noqa: E402
from tests.engine.oracle import VARIATIONS, Run, sample_lines  # noqa: E402
from tests.engine.reached import DOUBLE, Alone, own_nodes  # noqa: E402

PAGE = ROOT / "docs" / "ops.md"

INTRODUCTION = """\
# Operations

Every function of the language, by family: what it computes, its derivatives, and what holds it to
PyTorch's results. This page is written by `python scripts/dev/build_ops_page.py` from the
declarations in `gradsh/engine/ops/`; the tests fail when it is out of date.

## How to read the derivatives

A derivative says what reaches an operand in the backward pass. `g` is what arrived at the result
(the cotangent), `out` the result itself; other names are arguments. So `g * (1 - out^2)` for
`tanh` is the chain rule with tanh's slope. The expressions are gradsh's own, read from the same
formulas that the backward pass runs:

- Where operands were broadcast, what reaches an operand is summed over the repeated dimensions,
  and where they were promoted, it is brought back to the operand's type; the formulas leave that
  out. They also leave out the conjugations that complex operands need.
- `x if c; y otherwise` has cases, of which the first that holds counts; `with u = ...` names what
  occurs several times. `none: ...` is the error of a backward pass, as PyTorch's.
- A derivative that is a program and no expression is told in words.
- `g.values` is what arrived at one of several results.
- Under *of* stand the operations that a function is made of, as `graph` shows them.

## What the tests compare

Every sample call below is run by gradsh and by PyTorch, over {variations} variations of its inputs
({names}).

| mark | compared |
|---|---|
| **v** | value, element type, shape, grad_fn, and the errors, with PyTorch |
| **g** | gradient and second gradient, with PyTorch |
| **d** | gradient and second gradient, with central differences in float64 |
| **n** | that the result requires no gradient, where PyTorch's does not |
| **r** | the random numbers, one by one, with those of PyTorch's generator |
"""


def page() -> str:
    """The whole page. What the sample calls warn of is not said here."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _page()


def _page() -> str:
    lines = [
        INTRODUCTION.format(variations=len(VARIATIONS), names=", ".join(map(repr, VARIATIONS)))
    ]
    notes: dict[str, str] = {}
    for module, names in sorted(families().items()):
        title = first_sentence(sys.modules[module].__doc__)
        lines += [f"## {title}\n", "| function | derivative | tested |", "|---|---|---|"]
        lines += [row(name, notes) for name in sorted(names)]
        lines.append("")
    lines += ["## Words in the derivatives\n", "| call | what it gives |", "|---|---|"]
    lines += [f"| `{name}` | {cell(note)} |" for name, note in sorted(notes.items())]
    return "\n".join(lines) + "\n"


def families() -> dict[str, list[str]]:
    """The names of the functions by the module that declares them."""
    found: dict[str, list[str]] = {}
    for name in FUNCTIONS:
        found.setdefault(family_of(name), []).append(name)
    return found


def row(name: str, notes: dict[str, str]) -> str:
    """The table's row of one function."""
    doc = inspect.getdoc(FUNCTIONS[name]) or ""
    words = [line for line in doc.splitlines() if line and line not in sample_lines(name)]
    about = [f"**`{signature(name, FUNCTIONS[name])}`**", " ".join(words)]
    forms = [f"x.{form}()" for form in (name, f"{name}_") if form in METHODS]
    if forms:
        about.append("also " + ", ".join(f"`{form}`" for form in forms))
    about += [f"`{line}`" for line in sample_lines(name)]
    told = [f"as `{alias_of(name)}`"] if alias_of(name) else list(derivatives(name, notes))
    return f"| {cell(*about)} | {cell(*told)} | {' '.join(marks(name))} |"


def cell(*lines: str) -> str:
    """Lines in one cell of a table."""
    return "<br>".join(line.replace("|", "\\|") for line in lines)


def derivatives(name: str, notes: dict[str, str]) -> Iterator[str]:
    """The derivatives of a function's nodes: in full where the operation is its own."""
    own: dict[str, list[str]] = {}
    others: list[str] = []
    for node in own_nodes(name):
        op: Any = node.op
        names = others if op.name in FUNCTIONS and op.name != name else own.setdefault(op.name, [])
        shown = op.name if names is others else f"`{node.name}`"
        if shown not in names:
            names.append(shown)
    for op_name, nodes in own.items():
        yield ", ".join(nodes)
        for operand in OPS[op_name].formulas:
            said = derivative(OPS[op_name], operand)
            notes.update(said.notes)
            yield f"{operand}: " + (f"`{said.text}`" if said.is_expression else said.text)
    if others:
        yield "of " + ", ".join(f"`{other}`" for other in others)


def marks(name: str) -> Iterator[str]:
    """What the sample calls of a function are compared in."""
    yield "v"
    differentiable = random = False
    for line in sample_lines(name):
        manual_seed(3)
        before = default_generator.state()
        run = Run(Alone(name), line, DOUBLE)
        random |= not np.array_equal(before, default_generator.state())
        differentiable |= any(x.requires_grad for x in run.results())
    yield from "gd" if differentiable else "n"
    if random:
        yield "r"


def main() -> int:
    written = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != written:
            print("docs/ops.md is out of date: run python scripts/dev/build_ops_page.py")
            return 1
        return 0
    PAGE.write_text(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
