"""Every function, by the sample calls of its docstring: gradsh against PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS

from .oracle import (
    VARIATIONS,
    GradshSide,
    Run,
    TorchSide,
    Variation,
    describe,
    first_line,
    forms,
    plain,
    same,
    sample_lines,
    samples,
    torch,
)

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_has_a_sample(name: str) -> None:
    assert sample_lines(name), f"the docstring of {name} has no sample call"


NOT_FINITE = "LAPACK says nothing of matrices with inf or nan: PyTorch's gives what it gives"
NOT_FINITE_CALLS = (
    "cholesky_inverse(triu(randn(2, 3, 3)",
    "eigvalsh(randn(2, 4, 4)",
    "lstsq(randn(4, 3)",
    "pinv(randn(2, 4, 3)",
    "qr(randn(2, 3, 4)",
    "qr(randn(3, 3)",
    "svd(randn(3, 3)",
    "svdvals(",
)
UNSET = "PyTorch's result is what the memory held: test_decompositions.py checks ours"


def differences(text: str, variation: Variation, orders: Iterable[int] = (1, 2)) -> list[str]:
    """What gradsh does otherwise than PyTorch, in words."""
    ours = Run(GradshSide(), text, variation)
    theirs = Run(TorchSide(), text, variation)
    if "'ComplexHalf'" in str(ours.error):
        return []  # numpy has no such type
    if theirs.error is not None or ours.error is not None:
        if (
            type(ours.error) is type(theirs.error)
            and (ours.error is not None and theirs.error is not None)
            and (
                isinstance(ours.error, TypeError)
                or first_line(ours.error) == first_line(theirs.error)
            )
        ):
            return []
        return [f"gradsh: {ours.error!r}", f"PyTorch: {theirs.error!r}"]
    found = []
    a, b = describe(ours.side, ours.result), describe(theirs.side, theirs.result)
    if not text.startswith(("empty", "manual_seed")) and not same(a, b):
        found.append(f"result\ngradsh:  {a}\nPyTorch: {b}")
    for order in orders:
        again = [Run(run.side, text, variation) for run in (ours, theirs)]
        gradients: list[Any] = []
        for run in again:
            try:
                gradients.append(list(run.gradients(order)))
            except Exception as error:  # noqa: BLE001 (compared with the other side)
                gradients.append(f"{type(plain(error)).__name__}: {first_line(error)}")
        if not same(*gradients):
            found.append(
                f"gradients of order {order}\ngradsh:  {gradients[0]}\nPyTorch: {gradients[1]}"
            )
            break
    return found


@needs_torch
@pytest.mark.parametrize("variation", VARIATIONS, ids=repr)
@pytest.mark.parametrize(("name", "text"), samples(), ids=[text for _, text in samples()])
def test_as_pytorch(name: str, text: str, variation: Variation) -> None:
    if variation.special and text.startswith(NOT_FINITE_CALLS):
        pytest.skip(NOT_FINITE)
    if name == "matrix_exp" and variation.dtype in ("float16", "bfloat16"):
        pytest.skip(UNSET)
    # inf times 0 is nan: which factors of a second derivative meet first decides where they are
    orders = (1,) if name == "prod" and variation.special else (1, 2)
    found = differences(text, variation, orders)
    assert not found, "\n".join(found)


@needs_torch
@pytest.mark.parametrize("variation", VARIATIONS, ids=repr)
@pytest.mark.parametrize("text", forms())
def test_form_as_pytorch(text: str, variation: Variation) -> None:
    found = differences(text, variation)
    assert not found, "\n".join(found)
