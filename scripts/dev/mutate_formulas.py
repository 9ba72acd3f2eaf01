#!/usr/bin/env python3
"""Plant an error in each formula in turn, and see that the comparison with differences finds it.

    python scripts/dev/mutate_formulas.py [NAME ...]

Each derivative is made 1.01 times itself, then negated, then moved by 0.01; the sample calls that
reach it must notice each time (a derivative that is always zero can only be moved). Prints the
errors that nothing noticed, and fails if there are any: their sample calls should say more.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from gradsh.engine import OPS, Op  # noqa: E402
from gradsh.engine.symbols import derivative  # noqa: E402
from tests.engine.reached import differentiated, visits  # noqa: E402
from tests.engine.test_derivatives import (  # noqa: E402
    LINES,
    NOT_OF_COMPLEX,
    NOT_THE_DERIVATIVE,
    differs,
)

ERRORS: dict[str, Callable[[Any], Any]] = {
    "times 1.01": lambda cotangent: cotangent * 1.01,
    "negated": lambda cotangent: -cotangent,
    "moved by 0.01": lambda cotangent: cotangent + 0.01,
}


@contextmanager
def planted(op: Op, operand: str, error: Callable[[Any], Any]) -> Iterator[list[bool]]:
    """A context in which the formula is wrong; the list tells whether it was ever not zero."""
    formula = op.formulas[operand]
    used: list[bool] = []

    def wrong(g: Any, *saved: Any) -> Any:
        right = formula(g, *saved)
        parts = right if isinstance(right, list) else [right]
        used.extend(bool(np.any(getattr(x, "array", x))) for x in parts if x is not None)
        changed = [None if x is None else error(x) for x in parts]
        return changed if isinstance(right, list) else changed[0]

    op.formulas[operand] = wrong
    op.order_saved(op.saved_tensors)  # which makes the callers of the formulas anew
    try:
        yield used
    finally:
        op.formulas[operand] = formula
        op.order_saved(op.saved_tensors)


Call = tuple[str, str]  # a sample call and the type of its numbers


def calls_by_formula() -> dict[tuple[str, str], list[Call]]:
    """The sample calls that use each formula, in derivatives of up to the third order."""
    found: dict[tuple[str, str], list[Call]] = {}
    for dtype in ("float64", "complex128"):
        for line in LINES:
            if any(part in line for part in NOT_THE_DERIVATIVE | NOT_OF_COMPLEX):
                continue
            for node, _ in visits(line, dtype):
                op: Any = node.op
                for operand in differentiated(node):
                    calls = found.setdefault((op.name, operand), [])
                    if (line, dtype) not in calls:
                        calls.append((line, dtype))
    return found


def unnoticed(op: Op, operand: str, calls: list[Call]) -> Iterator[str]:
    """The errors in one formula that no sample call notices."""
    for name, error in ERRORS.items():
        with planted(op, operand, error) as used:
            if not any(differs(*call) for call in calls) and (any(used) or name == "moved by 0.01"):
                yield name


def main(wanted: list[str]) -> int:
    started = time.perf_counter()
    by_formula = calls_by_formula()
    survivors = formulas = 0
    for op in OPS.values():
        for operand in op.formulas:
            said = derivative(op, operand).text
            if (wanted and op.name not in wanted) or said == "none" or said.startswith("none: "):
                continue
            formulas += 1
            for name in unnoticed(op, operand, by_formula.get((op.name, operand), [])):
                survivors += 1
                print(f"{op.name}.{operand} {name}: nothing noticed", flush=True)
    seconds = time.perf_counter() - started
    print(f"{formulas} formulas, {len(ERRORS)} errors each, {survivors} unnoticed, {seconds:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
