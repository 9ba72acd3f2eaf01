"""A gradient against central differences in double precision, entry by entry.

Where the two differ, the one-sided differences say why: at a kink they stay apart however small
the step, at a smooth point they meet, and then the gradient itself is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.backward import root_cotangents, walk
from gradsh.engine.dtypes import DEFAULTS, float64, is_inexact
from gradsh.engine.leaf import requires_grad_
from gradsh.engine.modes import INTERRUPTS, enable_grad
from gradsh.engine.random import default_generator
from gradsh.engine.tensor import Tensor

AGREES, KINK, JUMP, NOT_FINITE, DIFFERS = "agrees", "kink", "jump", "not finite", "differs"

_TOLERANCE = 1e-5
_SMOOTH = 1e-4
_FINER = 16.0


class Entry(NamedTuple):
    """One number of one source: where it is, its two derivatives, and what to make of them.

    `position` is its index in the tensor `source` (the number of one of those given), `part` is
    "real" or "imag" for a complex one. `below` and `above` are the one-sided differences.
    `verdict` is one of AGREES, KINK, JUMP, NOT_FINITE, DIFFERS.
    """

    source: int
    position: tuple[int, ...]
    part: str
    gradient: float
    difference: float
    below: float
    above: float
    verdict: str

    @property
    def error(self) -> float:
        """How far the gradient is from the central difference."""
        return abs(self.gradient - self.difference)


@contextmanager
def in_double(sources: Sequence[Tensor], others: Iterable[Tensor]) -> Iterator[None]:
    """A context in which the tensors hold double-precision copies of their values.

    The sources are leaves that require grad there, the others constants; so nothing that was
    computed before counts. When the context ends all are what they were.
    """
    kept: dict[int, tuple[Tensor, dict[str, Any]]] = {}
    default = DEFAULTS.floating
    try:
        DEFAULTS.floating = float64
        for tensor in (*sources, *others):
            if id(tensor) in kept:
                continue
            kept[id(tensor)] = tensor, dict(vars(tensor))
            array = _widened(tensor.array)
            vars(tensor).clear()
            tensor.array = array
        for source in sources:
            requires_grad_(source)
        yield
    finally:
        with INTERRUPTS:
            DEFAULTS.floating = default
            for tensor, attributes in kept.values():
                vars(tensor).clear()
                vars(tensor).update(attributes)


def _widened(array: Any) -> Any:
    if not is_inexact(array.dtype):
        return array.copy()
    return np.array(array, np.complex128 if array.dtype.kind == "c" else np.float64, order="C")


class Evaluation:
    """A function of no arguments, evaluated with the same random numbers each time."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._state = default_generator.state()

    def tensor(self) -> Any:
        """The function's result."""
        default_generator.set_state(self._state)
        with enable_grad():
            return self._function()

    def number(self) -> float:
        """The function's one number."""
        return float(self.tensor().array.item())


def gradients(output: Tensor, sources: Sequence[Tensor]) -> list[Any]:
    """The gradients (arrays) of a scalar; None for a source that it does not depend on."""
    if output.node is None:
        return [None] * len(sources)
    ((root, cotangent),) = root_cotangents([output], [None], create_graph=False)
    wanted = [source.node for source in sources if source.node is not None]
    walked = walk([(root, cotangent)], keep_saved=True, record=False, wanted=wanted)
    arrived = dict(walked.arrived)
    return [None if source.node is None else arrived.get(source.node) for source in sources]


def compare(
    evaluation: Evaluation,
    sources: Sequence[Tensor],
    found: Sequence[Any],
    precision: float,
    report: Callable[[int], None],
) -> list[Entry]:
    """Every entry of every source, inside `in_double`.

    `found` are the gradients, `precision` is the relative rounding of the result. `report` is
    told after each entry how many are done.
    """
    entries: list[Entry] = []
    middle = evaluation.number()
    for given, (source, gradient) in enumerate(zip(sources, found, strict=True)):
        numbers = source.array.reshape(-1).view(np.float64)
        slopes = np.ascontiguousarray(gradient).reshape(-1).view(np.float64)
        is_complex = source.array.dtype.kind == "c"
        for number in range(numbers.size):
            place, part = divmod(number, 2) if is_complex else (number, 0)
            position = tuple(int(i) for i in np.unravel_index(place, source.array.shape))
            point = _Point(evaluation, numbers, number, middle, precision)
            below, above, difference, verdict = point.judge(float(slopes[number]))
            entries.append(
                Entry(
                    given,
                    position,
                    ("real", "imag")[part] if is_complex else "",
                    float(slopes[number]),
                    difference,
                    below,
                    above,
                    verdict,
                )
            )
            report(len(entries))
    return entries


class _Point:
    """One number that is moved to both sides."""

    def __init__(
        self, evaluation: Evaluation, numbers: Any, number: int, middle: float, precision: float
    ) -> None:
        self.evaluation = evaluation
        self.numbers = numbers
        self.number = number
        self.middle = middle
        self.precision = precision
        self.value = float(numbers[number])
        self.step = precision ** (1 / 3) * max(1.0, abs(self.value))

    def slopes(self, step: float) -> tuple[float, float, float]:
        """The differences below, above and across, for a step to both sides."""
        try:
            self.numbers[self.number] = self.value + step
            upper = self.evaluation.number()
            self.numbers[self.number] = self.value - step
            lower = self.evaluation.number()
        finally:
            self.numbers[self.number] = self.value
        width = ((self.value + step) - (self.value - step)) / 2
        with np.errstate(all="ignore"):
            return (
                (self.middle - lower) / width,
                (upper - self.middle) / width,
                (upper - lower) / (2 * width),
            )

    def judge(self, gradient: float) -> tuple[float, float, float, str]:
        """The differences, and what they say about the gradient."""
        below, above, across = self.slopes(self.step)
        if not np.isfinite([gradient, below, above]).all():
            return below, above, across, NOT_FINITE
        scale = max(1.0, abs(gradient), abs(across))
        rounding = 8 * self.precision * abs(self.middle) / self.step
        allowed = _TOLERANCE * scale + rounding
        gap = abs(above - below)
        if gap <= _SMOOTH * scale + 2 * rounding:
            return below, above, across, AGREES if abs(gradient - across) <= allowed else DIFFERS
        finer = self.slopes(self.step / _FINER)
        finer_gap = abs(finer[1] - finer[0])
        if finer_gap > gap * 2:
            return (*finer, JUMP)
        if finer_gap > gap / 2:
            lowest, highest = min(finer[:2]), max(finer[:2])
            between = lowest - allowed <= gradient <= highest + allowed
            return (*finer, KINK if between else DIFFERS)
        rounding *= _FINER
        if abs(gradient - across) > allowed:
            below, above, across = finer
        good = abs(gradient - across) <= _TOLERANCE * scale + rounding
        return below, above, across, AGREES if good else DIFFERS
