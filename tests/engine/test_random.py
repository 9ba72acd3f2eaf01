"""The random streams against PyTorch's: live where torch is installed, recorded elsewhere."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsh.engine import mersenne, shuffle
from gradsh.engine.fused import fused_multiply_add
from gradsh.engine.random import Generator, default_generator, initial_seed, manual_seed

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment,unused-ignore]

RECORDED = Path(__file__).with_name("random_streams.json")
SEEDS = (0, 1, 42, 2**40 + 3, -1)
SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 623, 625, 1000)
LARGE = 100_000  # tried with the first seed only
FLOATING = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
# Distributions that are made with the C library's functions, whose last bits are its own.
BY_C_LIBRARY = ("normal scattered", "exponential", "cauchy", "log_normal", "geometric")

pytestmark = pytest.mark.filterwarnings("ignore:.* is out of bounds:UserWarning")
same_processor = pytest.mark.skipif(
    torch is None or torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"),
    reason="needs torch on a processor with AVX2: its other kernels round differently",
)

Draw = Callable[[Any, int, str], Any]


def torch_type(name: str) -> Any:
    return getattr(torch, name)


def empty(size: int, dtype: str) -> Any:
    return torch.empty(size, dtype=torch_type(dtype))


def weights(size: int, dtype: str, rows: int = 3) -> Any:
    """Positive weights that a dtype holds exactly."""
    counts = np.arange(rows * size).reshape(rows, size) * 37 % 101 + 1
    return (counts / 128).astype(dtype)


def probabilities(size: int, dtype: str) -> Any:
    return (np.arange(size) * 37 % 129 / 128).astype(dtype)


class Case:
    """A distribution: how gradsh draws it, how torch does, and the dtypes and sizes to try."""

    def __init__(
        self,
        ours: Draw,
        theirs: Draw,
        dtypes: tuple[str, ...] = FLOATING,
        largest: int = LARGE,
        smallest: int = 0,
    ) -> None:
        self.ours = ours
        self.theirs = theirs
        self.dtypes = dtypes
        self.sizes = [size for size in (*SIZES, LARGE) if smallest <= size <= largest]

    def sizes_for(self, seed: int) -> list[int]:
        return self.sizes if seed == SEEDS[0] else [size for size in self.sizes if size < LARGE]


CASES: dict[str, Case] = {
    "rand": Case(
        lambda g, n, d: g.rand(n, d),
        lambda g, n, d: torch.rand(n, dtype=torch_type(d), generator=g),
        (*FLOATING, "complex64", "complex128"),
    ),
    "uniform": Case(
        lambda g, n, d: g.uniform(-2.7, 3.1, n, d),
        lambda g, n, d: empty(n, d).uniform_(-2.7, 3.1, generator=g),
    ),
    "randn": Case(
        lambda g, n, d: g.randn(n, d),
        lambda g, n, d: torch.randn(n, dtype=torch_type(d), generator=g),
        (*FLOATING, "complex64", "complex128"),
    ),
    "normal": Case(
        lambda g, n, d: g.normal(0.3, 1.7, n, d),
        lambda g, n, d: empty(n, d).normal_(0.3, 1.7, generator=g),
    ),
    "normal scattered": Case(
        lambda g, n, d: g.normal(-0.3, 0.7, n, d, contiguous=False),
        lambda g, n, d: empty(2 * n, d)[::2].normal_(-0.3, 0.7, generator=g),
        largest=1000,
        smallest=2,
    ),
    "normal of tensors": Case(
        lambda g, n, d: g.normal_each(weights(n, d), weights(n, d, 1)),
        lambda g, n, d: torch.normal(
            torch.from_numpy(weights(n, d)), torch.from_numpy(weights(n, d, 1)), generator=g
        ),
        ("float16", "float32", "float64"),
    ),
    "normal of means": Case(
        lambda g, n, d: g.normal_each(weights(n, d), 0.7),
        lambda g, n, d: torch.normal(torch.from_numpy(weights(n, d)), 0.7, generator=g),
        ("float16", "float32", "float64"),
    ),
    "normal of deviations": Case(
        lambda g, n, d: g.normal_each(0.7, weights(n, d)),
        lambda g, n, d: torch.normal(0.7, torch.from_numpy(weights(n, d)), generator=g),
        ("float16", "float32", "float64"),
    ),
    "exponential": Case(
        lambda g, n, d: g.exponential(1.3, n, d),
        lambda g, n, d: empty(n, d).exponential_(1.3, generator=g),
    ),
    "cauchy": Case(
        lambda g, n, d: g.cauchy(0.3, 1.3, n, d),
        lambda g, n, d: empty(n, d).cauchy_(0.3, 1.3, generator=g),
    ),
    "log_normal": Case(
        lambda g, n, d: g.log_normal(0.3, 90.0, n, d),
        lambda g, n, d: empty(n, d).log_normal_(0.3, 90.0, generator=g),
    ),
    "geometric": Case(
        lambda g, n, d: g.geometric(0.07, n, d),
        lambda g, n, d: empty(n, d).geometric_(0.07, generator=g),
        (*FLOATING, *INTEGERS),
    ),
    "bernoulli": Case(
        lambda g, n, d: g.bernoulli(0.3, n, d),
        lambda g, n, d: empty(n, d).bernoulli_(0.3, generator=g),
        (*FLOATING, *INTEGERS, "bool"),
    ),
    "bernoulli of tensor": Case(
        lambda g, n, d: g.bernoulli(probabilities(n, d)),
        lambda g, n, d: torch.bernoulli(torch.from_numpy(probabilities(n, d)), generator=g),
        ("float16", "float32", "float64"),
    ),
    "randint narrow": Case(
        lambda g, n, d: g.randint(3, 100, n, d),
        lambda g, n, d: torch.randint(3, 100, (n,), dtype=torch_type(d), generator=g),
        (*FLOATING, *INTEGERS),
    ),
    "randint wide": Case(
        lambda g, n, d: g.randint(-(2**50) - 3, 2**62 + 12345, n, d),
        lambda g, n, d: torch.randint(
            -(2**50) - 3, 2**62 + 12345, (n,), dtype=torch_type(d), generator=g
        ),
        ("bfloat16", "float32", "float64", "int64"),
    ),
    "randint widest": Case(
        lambda g, n, d: g.randint(-(2**63), 2**63 - 1, n, d),
        lambda g, n, d: torch.randint(-(2**63), 2**63 - 1, (n,), dtype=torch_type(d), generator=g),
        ("int64",),
    ),
    "random": Case(
        lambda g, n, d: g.random(n, d),
        lambda g, n, d: empty(n, d).random_(generator=g),
        (*FLOATING, *INTEGERS, "bool"),
    ),
    "random from": Case(
        lambda g, n, d: g.random(n, d, 1),
        lambda g, n, d: empty(n, d).random_(1, None, generator=g),
        (*FLOATING, *INTEGERS, "bool"),
    ),
    "random of all bits": Case(
        lambda g, n, d: g.random(n, d, -(2**63)),
        lambda g, n, d: empty(n, d).random_(-(2**63), None, generator=g),
        ("bfloat16", "float32", "float64", "int64"),
    ),
    "randperm": Case(
        lambda g, n, d: g.randperm(n, d),
        lambda g, n, d: torch.randperm(n, dtype=torch_type(d), generator=g),
        ("int32", "int64", "float32", "float64"),
    ),
    "randperm short": Case(
        lambda g, n, d: g.randperm(n, d),
        lambda g, n, d: torch.randperm(n, dtype=torch_type(d), generator=g),
        ("uint8", "int8", "int16", "float16"),
        largest=100,
    ),
    "multinomial of one": Case(
        lambda g, n, d: g.multinomial(weights(n, d), 1),
        lambda g, n, d: torch.multinomial(torch.from_numpy(weights(n, d)), 1, generator=g),
        ("float16", "float32", "float64"),
        largest=1000,
        smallest=1,
    ),
    "multinomial": Case(
        lambda g, n, d: g.multinomial(weights(n, d), n // 2 + 1),
        lambda g, n, d: torch.multinomial(torch.from_numpy(weights(n, d)), n // 2 + 1, generator=g),
        ("float32", "float64"),
        largest=1000,
        smallest=1,
    ),
    "multinomial with replacement": Case(
        lambda g, n, d: g.multinomial(weights(n, d), 2 * n, replacement=True),
        lambda g, n, d: torch.multinomial(
            torch.from_numpy(weights(n, d)), 2 * n, True, generator=g
        ),
        ("float16", "float32", "float64"),
        largest=1000,
        smallest=1,
    ),
}
DRAWS = [(name, dtype) for name, case in CASES.items() for dtype in case.dtypes]


def as_array(value: Any) -> Any:
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def theirs(name: str, dtype: str) -> Iterator[tuple[str, Any]]:
    """Every stream of a case as torch draws it, and the states between."""
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        for size in CASES[name].sizes_for(seed):
            yield f"seed {seed}, {size}", as_array(CASES[name].theirs(generator, size, dtype))
            yield f"seed {seed}, state after {size}", generator.get_state().numpy()


def ours(name: str, dtype: str) -> Iterator[tuple[str, Any]]:
    """The same as gradsh draws it."""
    for seed in SEEDS:
        generator = Generator(seed)
        for size in CASES[name].sizes_for(seed):
            yield f"seed {seed}, {size}", CASES[name].ours(generator, size, dtype)
            yield f"seed {seed}, state after {size}", generator.state()


def digest(streams: Iterator[tuple[str, Any]]) -> str:
    """One hash for all arrays of a case: `scripts/dev/record_random.py` records torch's."""
    total = hashlib.sha256()
    for where, array in streams:
        total.update(f"{where} {array.dtype.name} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def assert_same(where: str, mine: Any, torchs: Any) -> None:
    assert mine.dtype == torchs.dtype, where
    assert mine.shape == torchs.shape, where
    if mine.tobytes() != torchs.tobytes():
        different = np.flatnonzero(mine.reshape(-1) != torchs.reshape(-1))
        shown = [(int(i), mine.flat[i], torchs.flat[i]) for i in different[:5]]
        pytest.fail(f"{where}: {different.size} of {mine.size} differ: {shown}")


@same_processor
@pytest.mark.parametrize(("name", "dtype"), DRAWS)
def test_streams_equal_torch(name: str, dtype: str) -> None:
    for (where, mine), (_, torchs) in zip(ours(name, dtype), theirs(name, dtype), strict=True):
        assert_same(where, mine, torchs)


@pytest.mark.parametrize(("name", "dtype"), DRAWS)
def test_streams_equal_recorded(name: str, dtype: str) -> None:
    by_c_library = (
        name in BY_C_LIBRARY or "randn" in name or "normal" in name or name.startswith("multi")
    )
    if by_c_library and platform.libc_ver()[0] != "glibc":
        pytest.skip("recorded with glibc: other C libraries differ in the last bit of log and sin")
    assert digest(ours(name, dtype)) == json.loads(RECORDED.read_text())[f"{name} {dtype}"]


@same_processor
@pytest.mark.parametrize("seed", range(12))
def test_mixed_calls_stay_in_step_with_torch(seed: int) -> None:
    choose = random.Random(seed)
    mine, torchs = Generator(seed), torch.Generator().manual_seed(seed)
    for _ in range(60):
        name, dtype = choose.choice(DRAWS)
        size = choose.choice(CASES[name].sizes[:-1])
        where = f"{name} {dtype} {size}"
        torch_draw = as_array(CASES[name].theirs(torchs, size, dtype))
        assert_same(where, CASES[name].ours(mine, size, dtype), torch_draw)
        assert_same(f"state after {where}", mine.state(), torchs.get_state().numpy())


@same_processor
@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.73, 1.0])
def test_dropout_equals_torch(dtype: str, p: float) -> None:
    before = torch.get_rng_state()
    try:
        torch.manual_seed(5)
        expected = torch.nn.functional.dropout(torch.ones(3, 77, dtype=torch_type(dtype)), p)
        state = torch.get_rng_state().numpy()
    finally:
        torch.set_rng_state(before)
    generator = Generator(5)
    assert_same("mask", generator.dropout_mask(p, (3, 77), dtype), as_array(expected))
    assert_same("state", generator.state(), state)


@same_processor
def test_multinomial_of_a_transposed_matrix_equals_torch() -> None:
    table = weights(7, "float64")
    expected = torch.multinomial(
        torch.from_numpy(table).T, 2, generator=torch.Generator().manual_seed(1)
    )
    assert_same("", Generator(1).multinomial(table.T, 2), expected.numpy())


@same_processor
def test_zero_dimensional_parameters_equal_torch() -> None:
    means = weights(9, "float16")
    std = np.array(0.3)
    expected = torch.normal(
        torch.from_numpy(means), torch.from_numpy(std), generator=torch.Generator().manual_seed(1)
    )
    assert_same("", Generator(1).normal_each(means, std), expected.numpy())


def test_the_numbers_everybody_knows() -> None:
    generator = Generator(0)
    assert [f"{x:.4f}" for x in generator.randn(3)] == ["1.5410", "-0.2934", "-2.1788"]
    assert manual_seed(0) is default_generator
    assert initial_seed() == 0
    assert f"{default_generator.rand(1)[0]:.4f}" == "0.4963"
    assert np.array_equal(Generator(0).randperm(5), [4, 0, 1, 3, 2])


# Seeds and states


@pytest.mark.parametrize(
    ("seed", "initial"),
    [(0, 0), (-1, 2**64 - 1), (-(2**63), 2**63), (2**64 - 1, 2**64 - 1), (True, 1)],
)
def test_seeds_in_range(seed: int, initial: int) -> None:
    assert Generator(seed).initial_seed() == initial


@pytest.mark.parametrize("seed", [2**64, 2**70, -(2**63) - 1])
def test_seeds_out_of_range(seed: int) -> None:
    generator = Generator(3)
    with pytest.raises(ValueError, match=r"^Overflow when unpacking long long$"):
        generator.manual_seed(seed)
    assert generator.initial_seed() == 3


def test_unseeded_generators_differ_and_tell_their_seed() -> None:
    first, second = Generator(), Generator()
    assert not np.array_equal(first.rand(8), second.rand(8))
    assert np.array_equal(
        Generator(first.initial_seed()).rand(8), Generator(first.initial_seed()).rand(8)
    )
    assert 0 <= first.seed() < 2**53


@pytest.mark.parametrize("drawn", [0, 1, 3, 311, 312, 313, 1000])
def test_state_brings_back_what_follows(drawn: int) -> None:
    generator = Generator(11)
    generator.normal(0, 1, drawn, "float64", contiguous=False)
    state = generator.state()
    expected = [generator.randn(3), generator.rand(700), generator.randn(1), generator.randn(20)]
    other = Generator(0)
    other.set_state(state)
    assert other.initial_seed() == 11
    assert np.array_equal(other.state(), state)
    again = [other.randn(3), other.rand(700), other.randn(1), other.randn(20)]
    assert all(np.array_equal(a, b) for a, b in zip(expected, again, strict=True))


def test_broken_states_are_refused() -> None:
    generator = Generator(0)
    with pytest.raises(RuntimeError, match="size 5056 but found the input RNG state size to be 10"):
        generator.set_state(np.zeros(10, dtype=np.uint8))
    with pytest.raises(RuntimeError, match=r"^Invalid mt19937 state$"):
        generator.set_state(np.zeros(5056, dtype=np.uint8))
    assert generator.rand(1)[0] == Generator(0).rand(1)[0]


# Errors: PyTorch's types and texts, and nothing drawn


def torch_call(expression: str) -> Any:
    return eval(expression, {"torch": torch, "t": torch.tensor, "x": torch.empty(3)})


REQUEST = (
    "(Could this error message be improved?  If so, please report an enhancement request to "
    "PyTorch.)"
)

ERRORS: list[tuple[Callable[[Generator], Any], str, type[Exception], str]] = [
    (
        lambda g: g.normal(0, -1, 3),
        "x.normal_(0, -1)",
        RuntimeError,
        "normal expects std >= 0.0, but found std -1",
    ),
    (
        lambda g: g.normal(0, math.nan, 3),
        "x.normal_(0, float('nan'))",
        RuntimeError,
        "normal expects std >= 0.0, but found std nan",
    ),
    (
        lambda g: g.normal_each(0.0, np.array([1.0, -1.0])),
        "torch.normal(0., t([1., -1.]))",
        RuntimeError,
        "normal expects all elements of std >= 0.0",
    ),
    (
        lambda g: g.normal_each(np.zeros(3), np.ones(2)),
        "torch.normal(torch.zeros(3), torch.ones(2))",
        RuntimeError,
        "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0",
    ),
    (
        lambda g: g.normal_each(np.zeros(2), np.ones(2, dtype=np.complex64)),
        "torch.normal(torch.zeros(2), torch.ones(2, dtype=torch.complex64))",
        RuntimeError,
        "normal expects standard deviation to be non-complex",
    ),
    (
        lambda g: g.randn(3, np.int64),
        "torch.randn(3, dtype=torch.long)",
        NotImplementedError,
        "\"normal_kernel_cpu\" not implemented for 'Long'",
    ),
    (
        lambda g: g.rand((2, -3)),
        "torch.rand(2, -3)",
        RuntimeError,
        "Trying to create tensor with negative dimension -3: [2, -3]",
    ),
    (
        lambda g: g.rand(3, np.int64),
        "torch.rand(3, dtype=torch.long)",
        NotImplementedError,
        "\"check_uniform_bounds\" not implemented for 'Long'",
    ),
    (
        lambda g: g.uniform(2, 1, 3),
        "x.uniform_(2, 1)",
        RuntimeError,
        "uniform_ expects to return a [from, to) range, but found from=2 > to=1",
    ),
    (
        lambda g: g.uniform(-3e38, 3e38, 3),
        "x.uniform_(-3e38, 3e38)",
        RuntimeError,
        (
            "uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found to=3e+38 and "
            "from=-3e+38 which result in to-from to exceed the limit"
        ),
    ),
    (
        lambda g: g.uniform(0, math.nan, 3),
        "x.uniform_(0, float('nan'))",
        RuntimeError,
        "to is out of bounds for float",
    ),
    (
        lambda g: g.bernoulli(2, 3),
        "x.bernoulli_(2)",
        RuntimeError,
        "bernoulli_ expects p to be in [0, 1], but got p=2",
    ),
    (
        lambda g: g.bernoulli(np.array([0.5, math.nan])),
        "torch.bernoulli(t([0.5, float('nan')]))",
        RuntimeError,
        f"Expected p_in >= 0 && p_in <= 1 to be true, but got false.  {REQUEST}",
    ),
    (
        lambda g: g.bernoulli(np.array([1])),
        "torch.bernoulli(t([1]))",
        NotImplementedError,
        "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'",
    ),
    (
        lambda g: g.bernoulli(0.5, 3, np.complex64),
        "torch.empty(3, dtype=torch.complex64).bernoulli_(0.5)",
        NotImplementedError,
        "\"bernoulli_scalar_cpu_\" not implemented for 'ComplexFloat'",
    ),
    (
        lambda g: g.dropout_mask(1.5, 3),
        "torch.nn.functional.dropout(x, 1.5)",
        ValueError,
        "dropout probability has to be between 0 and 1, but got 1.5",
    ),
    (
        lambda g: g.exponential(0, 3),
        "x.exponential_(0)",
        RuntimeError,
        "exponential_ expects lambda > 0.0, but found lambda=0",
    ),
    (
        lambda g: g.exponential(1, 3, np.int64),
        "x.long().exponential_(1)",
        RuntimeError,
        (
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            "floating point but you specified Long"
        ),
    ),
    (
        lambda g: g.cauchy(0, 0, 3),
        "x.cauchy_(0, 0)",
        RuntimeError,
        "cauchy_ expects sigma > 0.0, but found sigma=0",
    ),
    (
        lambda g: g.cauchy(0, 1, 3, np.int64),
        "x.long().cauchy_()",
        RuntimeError,
        (
            "Cauchy distribution is a continuous probability distribution. dtype must be a "
            "floating point but you specified long int"
        ),
    ),
    (
        lambda g: g.log_normal(0, 0, 3),
        "x.log_normal_(0, 0)",
        RuntimeError,
        "log_normal_ expects std > 0.0, but found std=0",
    ),
    (
        lambda g: g.log_normal(0, 1, 3, np.int64),
        "x.long().log_normal_()",
        NotImplementedError,
        "\"log_normal_cpu\" not implemented for 'Long'",
    ),
    (
        lambda g: g.geometric(1, 3),
        "x.geometric_(1)",
        RuntimeError,
        "geometric_ expects p to be in (0, 1), but got p=1",
    ),
    (
        lambda g: g.geometric(0.5, 3, np.bool_),
        "x.bool().geometric_(0.5)",
        NotImplementedError,
        "\"geometric_cpu\" not implemented for 'Bool'",
    ),
    (
        lambda g: g.randint(5, 3, 2),
        "torch.randint(5, 3, (2,))",
        RuntimeError,
        "random_ expects 'from' to be less than 'to', but got from=5 >= to=3",
    ),
    (
        lambda g: g.randint(0, 2**63, 2),
        "torch.randint(0, 2**63, (2,))",
        ValueError,
        "Overflow when unpacking long long",
    ),
    (
        lambda g: g.randint(0, 300, 2, np.uint8),
        "torch.randint(0, 300, (2,), dtype=torch.uint8)",
        RuntimeError,
        "to - 1 is out of bounds for unsigned char",
    ),
    (
        lambda g: g.randint(-1, 3, 2, np.uint8),
        "torch.randint(-1, 3, (2,), dtype=torch.uint8)",
        RuntimeError,
        "from is out of bounds for unsigned char",
    ),
    (
        lambda g: g.randint(0, 3, 2, np.bool_),
        "torch.randint(0, 3, (2,), dtype=torch.bool)",
        RuntimeError,
        "to - 1 is out of bounds for bool",
    ),
    (
        lambda g: g.randint(0, 70000, 2, np.float16),
        "torch.randint(0, 70000, (2,), dtype=torch.float16)",
        RuntimeError,
        "to - 1 is out of bounds for c10::Half",
    ),
    (
        lambda g: g.randint(0, 7, 2, np.complex64),
        "torch.randint(0, 7, (2,), dtype=torch.complex64)",
        RuntimeError,
        "check_random_bounds handles only integral, floating-point and boolean types",
    ),
    (
        lambda g: g.random(3, np.complex64),
        "torch.empty(3, dtype=torch.complex64).random_()",
        NotImplementedError,
        "\"random_kernel_cpu\" not implemented for 'ComplexFloat'",
    ),
    (
        lambda g: g.random(3, np.int32, -(2**63)),
        "x.int().random_(-(2**63), None)",
        RuntimeError,
        "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16",
    ),
    (
        lambda g: g.randperm(-1),
        "torch.randperm(-1)",
        RuntimeError,
        "Trying to create tensor with negative dimension -1: [-1]",
    ),
    (
        lambda g: g.randperm(300, np.uint8),
        "torch.randperm(300, dtype=torch.uint8)",
        RuntimeError,
        "value cannot be converted to type uint8_t without overflow",
    ),
    (
        lambda g: g.randperm(3000, np.float16),
        "torch.randperm(3000, dtype=torch.float16)",
        RuntimeError,
        "n cannot be greater than 2049 for Half type.",
    ),
    (
        lambda g: g.randperm(3, np.bool_),
        "torch.randperm(3, dtype=torch.bool)",
        NotImplementedError,
        "\"randperm\" not implemented for 'Bool'",
    ),
    (
        lambda g: g.multinomial(np.array([1.0, 2.0]), 3),
        "torch.multinomial(t([1., 2.]), 3)",
        RuntimeError,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
    ),
    (
        lambda g: g.multinomial(np.array([1.0, 2.0]), 0),
        "torch.multinomial(t([1., 2.]), 0)",
        RuntimeError,
        "cannot sample n_sample <= 0 samples",
    ),
    (
        lambda g: g.multinomial(np.array([0.0, 0.0]), 2, True),
        "torch.multinomial(t([0., 0.]), 2, True)",
        RuntimeError,
        "invalid multinomial distribution (sum of probabilities <= 0)",
    ),
    (
        lambda g: g.multinomial(np.array([-1.0, 2.0]), 1),
        "torch.multinomial(t([-1., 2.]), 1)",
        RuntimeError,
        "probability tensor contains either `inf`, `nan` or element < 0",
    ),
    (
        lambda g: g.multinomial(np.array(1.0), 1),
        "torch.multinomial(t(1.), 1)",
        RuntimeError,
        "prob_dist must be 1 or 2 dim",
    ),
    (
        lambda g: g.multinomial(np.array([1, 2]), 1),
        "torch.multinomial(t([1, 2]), 1)",
        RuntimeError,
        "multinomial only supports floating-point dtypes for input, got: Long",
    ),
]


@pytest.mark.parametrize(("call", "expression", "kind", "text"), ERRORS, ids=[e[1] for e in ERRORS])
def test_errors(
    call: Callable[[Generator], Any], expression: str, kind: type[Exception], text: str
) -> None:
    generator = Generator(0)
    before = generator.state()
    with pytest.raises(kind) as raised:
        call(generator)
    assert (type(raised.value), str(raised.value)) == (kind, text)
    assert np.array_equal(generator.state(), before)
    if torch is not None:
        with pytest.raises(kind) as torchs:
            torch_call(expression)
        assert str(torchs.value).splitlines()[0].startswith(text)


# The parts below the generator


def test_words_are_the_same_by_every_road(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [1, 5, 623, 624, 625, 1247, 1248, 1249, 5000, 0, 3, 100_000, 7]
    plain = mersenne.MersenneTwister(123)
    by_plain = [plain.words(count) for count in counts]
    monkeypatch.setattr(mersenne, "PATIENCE", 0)
    bulk = mersenne.MersenneTwister(123)
    by_bulk = [bulk.words(count) for count in counts]
    assert all(np.array_equal(a, b) for a, b in zip(by_plain, by_bulk, strict=True))
    assert (plain.position, plain.key.tolist()) == (bulk.position, bulk.key.tolist())


def test_small_draws_do_not_import_numpy_random() -> None:
    program = (
        "import sys; from gradsh.engine.random import Generator\n"
        "g = Generator(0); g.randn((3, 3)); g.rand(1000); g.randperm(100); g.randint(0, 9, 50)\n"
        "sys.exit('numpy.random' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@given(st.data(), st.integers(1, 70), st.integers(1, 40))
@settings(deadline=None)
def test_batched_swaps_equal_single_ones(data: st.DataObject, length: int, batch: int) -> None:
    targets = [data.draw(st.integers(step, length - 1)) for step in range(length - 1)]
    places = list(range(length))
    for step, target in enumerate(targets):
        places[step], places[target] = places[target], places[step]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_SHORT", 0)
        patch.setattr(shuffle, "_BATCH", batch)
        assert shuffle.swapped(np.array(targets, dtype=np.int64)).tolist() == places
    assert shuffle.swapped(np.array(targets, dtype=np.int64)).tolist() == places


@given(st.data(), st.integers(1, 70))
@settings(deadline=None)
def test_insertions_equal_single_ones(data: st.DataObject, length: int) -> None:
    sources = [data.draw(st.integers(0, step)) for step in range(length)]
    places: list[int] = []
    for step, source in enumerate(sources):
        places.append(step)
        places[step], places[source] = places[source], step
    assert shuffle.inserted(np.array(sources, dtype=np.int64)).tolist() == places


def exact(number: float) -> int:
    """A float, times 2**2200, as an integer."""
    numerator, denominator = number.as_integer_ratio()
    return (numerator << 2200) // denominator


FACTORS = st.one_of(
    st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
    st.integers(-4095, 4095).map(lambda n: n / 4096),
)


@given(FACTORS, FACTORS, FACTORS, st.sampled_from([np.float32, np.float64]))
@settings(max_examples=500, deadline=None)
def test_fused_multiply_add_rounds_once(a: float, b: float, c: float, dtype: Any) -> None:
    a, b, c = (float(dtype(number)) for number in (a * 1.000_000_1, b / 3, c))
    result = fused_multiply_add(np.array([a], dtype=dtype), b, c)[0]
    wanted = exact(a) * exact(b) + (exact(c) << 2200)
    below, above = np.nextafter(result, dtype(-np.inf)), np.nextafter(result, dtype(np.inf))
    misses = [abs((exact(float(x)) << 2200) - wanted) for x in (below, result, above)]
    assert misses[1] == min(misses)
    if misses.count(min(misses)) > 1:
        assert result.view(f"i{result.nbytes}") % 2 == 0
