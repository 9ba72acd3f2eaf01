"""Every formula against central differences: first and second derivatives, backward and forward.

The points are those of the sample calls, in float64 and, where gradsh computes with complex
numbers, in complex128. Numbers that a sample writes out are moved a little, so that no point is
one where a derivative jumps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, OPS, Tensor
from gradsh.engine.gradient_check import GradcheckError, gradcheck, gradgradcheck
from gradsh.engine.random import manual_seed
from gradsh.engine.symbols import derivative

from .oracle import Run, Tensor_over, Variation, forms, samples
from .reached import Functional, reached

SYMMETRIC = [
    "eigh((lambda a: a + a.mT)(randn(3, 3)))",
    "eigvalsh((lambda a: a + a.mT)(randn(2, 3, 3)))",
]
SCATTERED = "lambda x: scatter_add(zeros(2, 5, dtype=x.dtype), 1, tensor([[0, 2], [4, 4]]), x)"
TWICE = "vjp(lambda v: vjp({}, v, create_graph=true)[1], {}, create_graph=true)[1]"
DEEPER = [
    TWICE.format(
        "lambda x: max_pool2d(x, 2), randn(1, 1, 4, 4)", "randn(1, 1, 2, 2), randn(1, 1, 4, 4)"
    ),
    TWICE.format(
        "lambda x: max_pool3d(x, 2), randn(1, 1, 2, 4, 2)",
        "randn(1, 1, 1, 2, 1), randn(1, 1, 2, 4, 2)",
    ),
    TWICE.format(
        "lambda b, x=randn(1, 2, 5), w=randn(4, 2, 2): conv1d(x, w, b), randn(4)",
        "randn(1, 4, 4), randn(4)",
    ),
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
        self.constants: set[int] = set()
        self.error = None
        try:
            results = self()
        except (RuntimeError, ValueError, TypeError) as error:
            self.error = error
            return
        if ".detach()" in text:
            self.constants = self._detached(results)
            results = self()
        self.finite = [np.isfinite(x.array) for x in results]

    def _detached(self, results: Sequence[Tensor]) -> set[int]:
        """The inputs that the call itself cuts from the graph: they stay where they are."""
        for result in results:
            result.backward(FUNCTIONS["ones_like"](result))
        return {index for index, leaf in enumerate(self.leaves) if leaf.grad is None}

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        """The results that require grad; of those that are not all finite, the finite elements."""
        self.numbers = np.random.default_rng(0)
        self.leaves: list[Any] = []
        self.made = 0
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
        self.made += 1
        constant = self.made - 1 in self.constants
        if self.values is not None and not constant:
            return self.values.pop(0)
        if array.dtype == np.float32:  # written out in the sample
            array = array + 0.01 * np.sin(np.arange(1.0, array.size + 1)).reshape(array.shape)
        if self.dtype.kind == "c":
            array = array + 1j * self.numbers.normal(size=array.shape) / 2
        made = self.side.tensor(array.astype(self.dtype))
        if not constant:
            self.leaves.append(made.requires_grad_())
        return made


def refusal(results: Sequence[Tensor]) -> str | None:
    """Why there is no derivative, where the operation says so."""
    try:
        for result in results:
            # a complex cotangent sees what depends on the phase of a complex result
            factor = 1 + 1j if result.is_complex() else 1
            result.backward(FUNCTIONS["ones_like"](result) * factor, retain_graph=True)
    except RuntimeError as error:
        return str(error)
    return None


SPREAD = "PyTorch spreads the gradient over both triangles, and the function reads one"
EPS = "PyTorch's cosine_similarity takes no derivative of where eps replaces a norm"
UNSEEN = "what is done to a detached tensor is not recorded"
NOT_THE_DERIVATIVE = {
    "y.detach().mul_": UNSEEN,
    "cosine_similarity(randn(2, 3, 4), randn(3, 4), dim=-1, eps=1.0)": EPS,
    "gumbel_softmax(randn(3, 4), hard=true)": "a hard choice has the gradient of the relaxed one",
    "padding_idx=": "PyTorch gives the padding's row no gradient",
    "scale_grad_by_freq=": "PyTorch divides a row's gradient by how often it is looked up",
    "eigh(rand": SPREAD,
    "eigvalsh(rand": SPREAD,
    "pinv(randn(3, 3) + 4 * eye(3), hermitian=true)": SPREAD,
}
"""Calls whose gradient is by PyTorch's convention another than the derivative; their other calls
are checked, and these are compared with PyTorch alone."""


NOT_OF_COMPLEX = {
    "y.detach().mul_": UNSEEN,
    "eigvalsh(rand": SPREAD,
    "eigvalsh((": "a symmetric complex matrix is no Hermitian one",
}


def checked(lines: Sequence[str], conventions: dict[str, str]) -> list[Any]:
    """The lines as parameters, those with a convention of their own expected to differ."""
    marked = []
    for line in lines:
        why = [reason for part, reason in conventions.items() if part in line]
        marks = pytest.mark.xfail(reason=why[0], raises=GradcheckError) if why else ()
        marked.append(pytest.param(line, marks=marks))
    return marked


NO_DERIVATIVE = re.compile(r"(the )?derivative for '?(aten::)?\w+'? is not implemented")
"""How an operation refuses; the oracle compares which do."""

_SMALL = 48
"""Up to so many numbers a call is compared entry by entry."""


def check(replay: Replay) -> None:
    """Compare the derivatives of a call with differences; GradcheckError where they differ.

    The first derivative of a real call is compared entry by entry, and in forward mode too; that of
    a complex call, or a large one, in a random projection, as is the second one.
    """
    inputs = tuple(replay.leaves)
    coarse = any(x.array.dtype == np.float32 for x in replay(*inputs))
    width = {"eps": 1e-3, "atol": 1e-3, "rtol": 1e-2} if coarse else {}
    full = replay.dtype.kind == "f" and sum(x.array.size for x in inputs) <= _SMALL
    assert gradcheck(replay, inputs, fast_mode=not full, **width)
    if full:
        with where_there_is_one():
            assert gradcheck(
                replay, inputs, check_forward_ad=True, check_backward_ad=False, **width
            )
    with where_there_is_one():
        assert gradgradcheck(replay, inputs, fast_mode=True, **width)


@contextmanager
def where_there_is_one() -> Iterator[None]:
    """Passes over a derivative that is refused; with PyTorch the refusals are compared."""
    try:
        yield
    except GradcheckError:
        raise
    except RuntimeError as error:
        if not NO_DERIVATIVE.match(str(error)):
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


@pytest.mark.parametrize("line", checked(COMPLEX_LINES, NOT_OF_COMPLEX))
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
        assert NO_DERIVATIVE.match(why) or "in the complex case" in why
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
