"""Random tensors and settings, printed by gradsh and by PyTorch, must be the same bytes.

To try other cases than the suite's: `python tests/display/test_tensor_text_oracle.py SEED COUNT`.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

from gradsh.display.print_options import PrintOptions
from gradsh.display.tensor_text import render

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

CASES = 1500
BATCH = 100

FLOATS = ("float32", "float32", "float32", "float64", "float64", "float16")
INTEGERS = ("int64", "int64", "int32", "int16", "int8", "uint8")
COMPLEX = ("complex64", "complex128")


class Case(NamedTuple):
    array: np.ndarray[Any, Any]
    settings: dict[str, Any]
    default_dtype: str
    suffix: str


def random_shape(rng: np.random.Generator) -> tuple[int, ...]:
    kind = rng.integers(12)
    if kind == 0:
        return ()
    if kind == 1:
        shape = rng.integers(1, 5, rng.integers(1, 5))
        shape[rng.integers(len(shape))] = 0
    elif kind <= 4:
        shape = rng.integers(1, 40, 1)
    elif kind == 5:
        shape = rng.integers(900, 1300, 1)
    elif kind <= 8:
        shape = rng.integers(1, 9, 2)
    elif kind == 9:
        shape = rng.integers(1, 60, 2)
    elif kind == 10:
        shape = rng.integers(1, 9, 3)
    else:
        shape = rng.integers(1, 4, rng.integers(4, 8))
    return tuple(shape.tolist())


def random_reals(rng: np.random.Generator, count: int, dtype: str) -> np.ndarray[Any, Any]:
    kind = rng.integers(12)
    with np.errstate(all="ignore"):
        if kind <= 1:
            values = rng.standard_normal(count)
        elif kind == 2:
            values = rng.integers(-20, 20, count).astype(np.float64)
        elif kind == 3:
            values = np.round(rng.standard_normal(count) * 10.0 ** rng.integers(0, 12))
        elif kind == 4:
            values = 10.0 ** rng.uniform(-6, 9, count) * rng.choice([-1, 1], count)
        elif kind == 5:
            values = rng.standard_normal(count) * 10.0 ** rng.integers(-12, 12)
        elif kind == 6:  # on what makes the text scientific, just below or just above
            few = [[1.0, 1000.0], [1e-4], [1e8, 1e6], [1e-4, 0.1], [0.1, 100.0], [1e5], [9.99995]]
            chosen = few[rng.integers(len(few))]
            values = rng.choice(chosen, count).astype(dtype)
            values[:1], values[-1:] = chosen[0], chosen[-1]
            towards = rng.choice([0.0, np.inf, np.nan])
            if not np.isnan(towards):
                nudged = np.nextafter(values, towards.astype(dtype))
                values = np.where(rng.random(count) < rng.choice([0.5, 1.0]), nudged, values)
            values = values * rng.choice([-1, 1], count)
        elif kind == 7:  # any bits at all
            size = np.dtype(dtype).itemsize
            values = np.frombuffer(rng.bytes(size * count), dtype)
        elif kind == 8:
            values = np.zeros(count)
        elif kind == 9:
            values = rng.choice([0.5, 1.5, 2.5, 0.00005, 0.00015, 1e-45, 5e-324], count)
        elif kind == 10:
            values = np.full(count, rng.choice([1.0, 3.14159, 1e10, 1e-10, -7.0]))
        else:
            values = rng.random(count)
        values = np.array(values, dtype)
        if rng.random() < 0.25:
            strange = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan], count).astype(dtype)
            values = np.where(rng.random(count) < rng.choice([0.1, 0.5, 1.0]), strange, values)
    return values.astype(dtype)


def random_array(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    shape = random_shape(rng)
    count = int(np.prod(shape))
    kind = rng.integers(10)
    if kind <= 5:
        flat = random_reals(rng, count, str(rng.choice(FLOATS)))
    elif kind == 6:
        dtype = str(rng.choice(COMPLEX))
        part = "float32" if dtype == "complex64" else "float64"
        flat = np.empty(count, dtype)
        flat.real = random_reals(rng, count, part)
        flat.imag = random_reals(rng, count, part)
    elif kind == 7:
        flat = rng.random(count) < rng.choice([0.0, 0.5, 1.0])
    else:
        dtype = str(rng.choice(INTEGERS))
        limits = np.iinfo(dtype)
        if rng.random() < 0.5:
            flat = rng.integers(limits.min, limits.max, count, dtype, endpoint=True)
        else:
            flat = rng.integers(0, 100, count).astype(dtype)
        if count and rng.random() < 0.2:
            flat[rng.integers(count)] = rng.choice([limits.min, limits.max])
    array = flat.reshape(shape)
    if array.ndim > 1 and rng.random() < 0.2:
        array = array.T
    if array.ndim and rng.random() < 0.1:
        array = array[::2]
    return array


def random_settings(rng: np.random.Generator) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if rng.random() < 0.5:
        return settings
    if rng.random() < 0.15:
        settings["profile"] = str(rng.choice(["default", "short", "full"]))
    if rng.random() < 0.4:
        settings["precision"] = int(rng.integers(0, 12))
    if rng.random() < 0.4:
        settings["threshold"] = float(rng.choice([0, 1, 5, 20, 100, np.inf]))
    if rng.random() < 0.3:
        settings["edgeitems"] = int(rng.integers(0, 6))
    if rng.random() < 0.4:
        settings["linewidth"] = int(rng.integers(0, 200))
    if rng.random() < 0.3:
        settings["sci_mode"] = [True, False, None][rng.integers(3)]
    return settings


def random_case(rng: np.random.Generator) -> Case:
    array = random_array(rng)
    default_dtype = str(rng.choice(["float32"] * 8 + ["float64", "float16"]))
    suffix = ""
    if array.dtype.kind in "fc" and rng.random() < 0.5:
        suffix = "requires_grad=True"
        if rng.random() < 0.7:
            suffix = f"grad_fn=<{'N' * rng.integers(1, 70)}Backward>"
    return Case(array, random_settings(rng), default_dtype, suffix)


def text_of_gradsh(case: Case) -> str:
    options = PrintOptions()
    options.change(**case.settings)
    suffixes = (case.suffix,) if case.suffix else ()
    return render(case.array, suffixes, options, case.default_dtype)


def text_of_torch(case: Case) -> str:
    tensor = torch.from_numpy(np.array(case.array))
    if case.suffix:
        tensor.requires_grad_()
    if case.suffix.startswith("grad_fn"):
        name = case.suffix.removeprefix("grad_fn=<").removesuffix("Backward>")
        forward = staticmethod(lambda context, value: value.clone())
        tensor = type(name, (torch.autograd.Function,), {"forward": forward}).apply(tensor)
    try:
        torch.set_printoptions(profile="default")
        torch.set_printoptions(**case.settings)
        torch.set_default_dtype(getattr(torch, case.default_dtype))
        return str(tensor)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")


def compare(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    for number in range(count):
        case = random_case(rng)
        expected, given = text_of_torch(case), text_of_gradsh(case)
        assert given == expected, f"seed {seed}, case {number}: {case}"


@pytest.mark.skipif(torch is None, reason="torch, the oracle, is not installed")
@pytest.mark.parametrize("seed", range(CASES // BATCH))
def test_random_tensors_print_as_in_torch(seed: int) -> None:
    compare(seed, BATCH)


@pytest.mark.skipif(torch is None, reason="torch, the oracle, is not installed")
def test_bfloat16_prints_as_in_torch() -> None:
    reason = "ml_dtypes, which brings bfloat16 to numpy, is not installed"
    ml_dtypes = pytest.importorskip("ml_dtypes", reason=reason)
    rng = np.random.default_rng(0)
    for _ in range(200):
        shape = random_shape(rng)
        values = random_reals(rng, int(np.prod(shape)), "float32").reshape(shape)
        expected = str(torch.from_numpy(values).bfloat16())
        with np.errstate(all="ignore"):
            array = values.astype(ml_dtypes.bfloat16)
        assert render(array) == expected


if __name__ == "__main__":
    compare(int(sys.argv[1]), int(sys.argv[2]))
