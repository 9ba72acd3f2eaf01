"""Every formula against central differences: first and second derivatives, backward and forward.

The points are those of the sample calls, in float64 and, where gradsh computes with complex
numbers, in complex128. Numbers that a sample writes out are moved a little, so that no point is
one where a derivative jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, OPS, Tensor
from gradsh.engine.gradcheck import GradcheckError, gradcheck, gradgradcheck
from gradsh.engine.random import manual_seed
from gradsh.engine.symbols import derivative

from .oracle import Run, Tensor_over, Variation, forms, samples
from .reached import Functional, reached

SYMMETRIC = [
    "eigh((lambda a: a + a.mT)(randn(3, 3)))",
    "eigvalsh((lambda a: a + a.mT)(randn(2, 3, 3)))",
]
SCATTERED = "lambda x: scatter_add(zeros(2, 5, dtype=x.dtype), 1, tensor([[0, 2], [4, 4]]), x)"
DEEPER = [
    "vjp(lambda x: max(x, 1)[0], randn(3, 4), randn(3), create_graph=true)[1]",
    "vjp(lambda x: max_pool2d(x, 2), randn(1, 1, 4, 4), randn(1, 1, 2, 2), create_graph=true)[1]",
    'cdist(randn(3, 4), randn(5, 4), compute_mode="use_mm_for_euclid_dist")',
    f"vjp({SCATTERED}, randn(2, 3), randn(2, 5), create_graph=true)[1]",
]
LINES = list(dict.fromkeys([*(line for _, line in samples()), *forms(), *SYMMETRIC, *DEEPER]))
# complex numbers go through the same formulas: one call of each function shows their conjugates
COMPLEX_LINES = list(
    dict.fromkeys([*dict(reversed(samples())).values(), *forms(), *SYMMETRIC, *DEEPER])
)


class Replay(Run):
    """A sample call as a function of its inputs."""

    def __init__(self, text: str, dtype: str) -> None:
        self.side = Functional()
        self.variation = Variation(dtype, "float64")
        self.dtype = np.dtype(dtype)
        self.code = compile(text, "<sample>", "eval")
        self.names = self.side.names(self.make)
        self.values: list[Any] | None = None
        self.finite: list[Any] = []
        self.error = None
        try:
            results = self()
        except (RuntimeError, ValueError, TypeError) as error:
            self.error = error
        else:
            self.finite = [np.isfinite(x.array) for x in results]

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        """The results that require grad; of those that are not all finite, the finite elements."""
        self.numbers = np.random.default_rng(0)
        self.leaves: list[Any] = []
        self.values = list(values) if values else None
        manual_seed(3)
        self.result = eval(self.code, self.names)
        results = [x for x in self.results() if x.requires_grad]
        for index, finite in enumerate(self.finite):
            if not finite.all():
                results[index] = results[index][Tensor_over(finite)]
        return tuple(results)

    def _given(self, array: np.ndarray[Any, Any]) -> Any:
        if array.dtype.kind != "f":
            return super()._given(array)
        if self.values is not None:
            return self.values.pop(0)
        if array.dtype == np.float32:  # written out in the sample
            array = array + 0.01 * np.sin(np.arange(1.0, array.size + 1)).reshape(array.shape)
        if self.dtype.kind == "c":
            array = array + 1j * self.numbers.normal(size=array.shape) / 2
        leaf = self.side.tensor(array.astype(self.dtype)).requires_grad_()
        self.leaves.append(leaf)
        return leaf


def refusal(results: Sequence[Tensor]) -> str | None:
    """Why there is no derivative, where the operation says so."""
    try:
        for result in results:
            result.backward(FUNCTIONS["ones_like"](result), retain_graph=True)
    except RuntimeError as error:
        return str(error)
    return None


SPREAD = "PyTorch spreads the gradient over both triangles, and the function reads one"
NOT_THE_DERIVATIVE = {
    "eps=1.0": "PyTorch's cosine_similarity takes no derivative of where eps replaces a norm",
    ".detach()": "the call itself asks for no gradient of that input",
    "padding_idx=": "PyTorch gives the padding's row no gradient",
    "scale_grad_by_freq=": "PyTorch divides a row's gradient by how often it is looked up",
    "eigh(rand": SPREAD,
    "eigvalsh(rand": SPREAD,
    "hermitian=true": SPREAD,
}
"""Calls whose gradient is by PyTorch's convention another than the derivative; their other calls
are checked, and these are compared with PyTorch alone."""


NOT_OF_COMPLEX = {
    "cholesky(eye": "PyTorch's Cholesky factorization reads no imaginary part on the diagonal",
    "eigvalsh((": "a symmetric complex matrix is no Hermitian one",
}


def checked(lines: Sequence[str], conventions: dict[str, str]) -> list[Any]:
    """The lines as parameters, those with a convention of their own expected to differ."""
    marked = []
    for line in lines:
        why = [reason for part, reason in conventions.items() if part in line]
        marks = pytest.mark.xfail(reason=why[0], raises=GradcheckError, strict=False) if why else ()
        marked.append(pytest.param(line, marks=marks))
    return marked


_SMALL = 48
"""Up to so many numbers a call is compared entry by entry."""


def check(replay: Replay) -> None:
    """Compare the derivatives of a call with differences; GradcheckError where they differ.

    The first derivative of a real call is compared entry by entry, and in forward mode too; that of
    a complex call, or a large one, in a random projection, as is the second one of a real call.
    """
    inputs = tuple(replay.leaves)
    coarse = any(x.array.dtype == np.float32 for x in replay(*inputs))
    width = {"eps": 1e-3, "atol": 1e-3, "rtol": 1e-2} if coarse else {}
    full = replay.dtype.kind == "f" and sum(x.array.size for x in inputs) <= _SMALL
    assert gradcheck(replay, inputs, fast_mode=not full, **width)
    try:
        if full:
            assert gradcheck(
                replay, inputs, check_forward_ad=True, check_backward_ad=False, **width
            )
        if replay.dtype.kind == "f":
            assert gradgradcheck(replay, inputs, fast_mode=True, **width)
    except RuntimeError as error:  # PyTorch has no second derivative either
        if isinstance(error, GradcheckError) or "is not implemented" not in str(error):
            raise


def differs(line: str, dtype: str) -> bool:
    """Whether the derivatives of a call are not what the differences say."""
    replay = Replay(line, dtype)
    if replay.error is not None or not replay.leaves:
        return False
    try:
        check(replay)
    except (GradcheckError, RuntimeError):
        return True
    except ValueError:  # nothing requires grad
        return False
    return False


@pytest.mark.parametrize("line", checked(LINES, NOT_THE_DERIVATIVE))
def test_differences(line: str) -> None:
    compare(line, "float64")


@pytest.mark.parametrize("line", checked(COMPLEX_LINES, NOT_THE_DERIVATIVE | NOT_OF_COMPLEX))
def test_complex_differences(line: str) -> None:
    compare(line, "complex128")


def compare(line: str, dtype: str) -> None:
    replay = Replay(line, dtype)
    if replay.error is not None:
        return  # the error is compared with PyTorch's
    leaves = list(replay.leaves)
    results = replay(*leaves)
    if not results:
        assert not any(x.requires_grad for x in replay.results())
        return
    why = refusal(results)
    if why is not None:
        assert "not implemented" in why or "in the complex case" in why
        return
    replay.leaves = leaves
    check(replay)


def test_every_formula_is_reached() -> None:
    found = reached(LINES)
    missing = {
        (name, operand)
        for name, op in OPS.items()
        for operand in op.formulas
        if operand not in found.get(name, ())
        and not derivative(op, operand).text.startswith("none: ")
    }
    assert not missing
