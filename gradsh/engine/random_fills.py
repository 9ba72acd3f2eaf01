"""Tensors filled with random numbers, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradsh.engine import random
from gradsh.engine.arguments import number
from gradsh.engine.assignment import Fill
from gradsh.engine.graph import Node, next_sequence_number
from gradsh.engine.inplace import check_in_place
from gradsh.engine.modes import GRAD_MODE, RUNNING
from gradsh.engine.ops.shape import memory_order
from gradsh.engine.rebasing import refuse_overlap, write
from gradsh.engine.tensor import Tensor

Draw = Callable[[tuple[int, ...]], Any]


def _filled(input: Tensor, name: str, draw: Draw) -> Tensor:
    """Fill `input` in the order of its memory, as PyTorch does; what was there gets no gradient."""
    check_in_place(input)
    array = input.array
    refuse_overlap(array)
    order = memory_order(array)
    values = draw(tuple(array.shape[dim] for dim in order)).transpose(np.argsort(order))
    node = None
    if GRAD_MODE.recording and input.node is not None:
        node = Node()
        node.op = Fill(name)
        node.seq = next_sequence_number()
        node.place = RUNNING.place
        node.parents = (input.node, None)
    write(input, values, node)
    return input


def _floats(name: str, **values: Any) -> list[float]:
    return [
        float(number(value, name, argument, position))
        for position, (argument, value) in enumerate(values.items(), 2)
    ]


def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Every element becomes a normal random number of that mean and deviation; in place."""
    mean, std = _floats("normal_", mean=mean, std=std)
    dense = input.array.flags.c_contiguous
    generator = random.default_generator
    return _filled(
        input,
        "NormalBackward0",
        lambda shape: generator.normal(mean, std, shape, input.array.dtype, dense),
    )


def uniform_(input: Tensor, low: float = 0.0, high: float = 1.0, **named: Any) -> Tensor:
    """Every element becomes a random number from low to below high; in place.

    As in PyTorch the bounds are also called `from` and `to`.
    """
    low, high = named.pop("from", low), named.pop("to", high)
    if named:
        raise TypeError(f"uniform_() got an unexpected keyword argument '{next(iter(named))}'")
    low, high = _floats("uniform_", low=low, high=high)
    return _filled(
        input,
        "UniformBackward0",
        lambda shape: random.default_generator.uniform(low, high, shape, input.array.dtype),
    )


def bernoulli_(input: Tensor, p: Any = 0.5) -> Tensor:
    """Every element becomes one with probability p (a number or a tensor), else zero; in place."""
    storage = input.array.dtype
    if isinstance(p, Tensor):
        chances = p.array
        return _filled(
            input,
            "BernoulliBackward1",
            lambda shape: random.default_generator.bernoulli(chances, shape, storage),
        )
    (chance,) = _floats("bernoulli_", p=p)
    return _filled(
        input,
        "BernoulliBackward2",
        lambda shape: random.default_generator.bernoulli(chance, shape, storage),
    )


def exponential_(input: Tensor, lambd: float = 1.0) -> Tensor:
    """Every element becomes an exponential random number of rate lambd; in place."""
    (rate,) = _floats("exponential_", lambd=lambd)
    return _filled(
        input,
        "ExponentialBackward0",
        lambda shape: random.default_generator.exponential(rate, shape, input.array.dtype),
    )


def random_(input: Tensor, low: int | None = None, high: int | None = None) -> Tensor:
    """Every element becomes a random whole number; in place.

    Without bounds from all that the type can tell apart, with one from 0 to below it, with two
    from `low` to below `high`.
    """
    generator, storage = random.default_generator, input.array.dtype
    if low is None:
        return _filled(input, "RandomBackward2", lambda shape: generator.random(shape, storage))
    if high is None:
        bound = int(low)
        return _filled(
            input, "RandomBackward1", lambda shape: generator.randint(0, bound, shape, storage)
        )
    first, last = int(low), int(high)
    return _filled(
        input, "RandomBackward0", lambda shape: generator.randint(first, last, shape, storage)
    )


def cauchy_(input: Tensor, median: float = 0.0, sigma: float = 1.0) -> Tensor:
    """Every element becomes a random number of the Cauchy distribution; in place."""
    median, sigma = _floats("cauchy_", median=median, sigma=sigma)
    return _filled(
        input,
        "CauchyBackward0",
        lambda shape: random.default_generator.cauchy(median, sigma, shape, input.array.dtype),
    )


def geometric_(input: Tensor, p: float) -> Tensor:
    """Every element becomes the number of trials until one of probability p succeeds; in place."""
    (chance,) = _floats("geometric_", p=p)
    return _filled(
        input,
        "GeometricBackward0",
        lambda shape: random.default_generator.geometric(chance, shape, input.array.dtype),
    )


def log_normal_(input: Tensor, mean: float = 1.0, std: float = 2.0) -> Tensor:
    """Every element becomes a random number whose logarithm is normal; in place."""
    mean, std = _floats("log_normal_", mean=mean, std=std)
    return _filled(
        input,
        "LogNormalBackward0",
        lambda shape: random.default_generator.log_normal(mean, std, shape, input.array.dtype),
    )


RANDOM_FILLS = (
    normal_,
    uniform_,
    bernoulli_,
    exponential_,
    random_,
    cauchy_,
    geometric_,
    log_normal_,
)
