"""checkpoint: the same gradients, with the function called again in the backward pass."""

from __future__ import annotations

from typing import Any

import pytest

from gradsh.engine import DIFFERENTIATION, FUNCTIONS, Tensor
from gradsh.engine.random import manual_seed

f = FUNCTIONS
checkpoint = DIFFERENTIATION["checkpoint"]
grad = DIFFERENTIATION["grad"]


def leaf(*values: float) -> Tensor:
    made: Tensor = f["tensor"](list(values), requires_grad=True)
    return made


def test_it_calls_the_function_again_and_gives_the_same_gradient() -> None:
    calls = []

    def function(x: Tensor) -> Any:
        calls.append(x)
        return (x * x).sin()

    x = leaf(1.0, 2.0)
    y = checkpoint(function, x)
    assert y.grad_fn.name == "CheckpointFunctionBackward"
    assert len(calls) == 1
    y.sum().backward()
    assert len(calls) == 2
    expected = grad((x * x).sin().sum(), x)[0]
    assert x.grad is not None
    assert x.grad.tolist() == expected.tolist()


def test_what_the_function_captures_gets_its_gradient_once() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    inner = w * x  # depends on x too: the part behind it must not be counted twice
    seen: list[Any] = []
    inner.register_hook(lambda g: seen.append(g.tolist()))
    y = checkpoint(lambda a: a * inner * inner, x)
    found = [g.tolist() for g in grad(y.sum(), (x, w))]
    assert found == [[27.0, 192.0], [6.0, 64.0]]
    assert seen == [[6.0, 32.0]]


def test_second_derivatives() -> None:
    x = leaf(0.5, 2.0)
    (first,) = grad(checkpoint(lambda a: a**4, x).sum(), x, create_graph=True)
    assert grad(first.sum(), x)[0].tolist() == [3.0, 48.0]


def test_several_arguments_and_results() -> None:
    x, c = leaf(1.0, 2.0), f["ones"](2)
    a, b, n = checkpoint(lambda p, q: (p * p, p * q, 3), x, c)
    assert n == 3
    (a.sum() * 2 + b.sum()).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [5.0, 9.0]


def test_each_result_shows_the_operation_that_made_it() -> None:
    x = leaf(1.0, 2.0)
    a, b = checkpoint(lambda p: (p.sum() * p, p**2), x, use_reentrant=False)
    assert [a.grad_fn.name, b.grad_fn.name] == ["MulBackward0", "PowBackward0"]
    (a * b).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [18.0, 45.0]


def test_the_random_numbers_are_those_of_the_first_call() -> None:
    x = leaf(1.0, 1.0)
    manual_seed(3)
    y = checkpoint(lambda a: a * f["rand"](2), x)
    after = f["rand"](1).tolist()
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == y.tolist()
    manual_seed(3)
    f["rand"](2)
    assert f["rand"](1).tolist() == after


def test_misuse() -> None:
    x = leaf(1.0)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        assert not checkpoint(lambda a: a * x, f["ones"](1)).requires_grad
    assert checkpoint(lambda a: a * x, f["ones"](1), use_reentrant=False).requires_grad
    with pytest.raises(ValueError, match="Unexpected keyword arguments: s"):
        checkpoint(lambda a, s: a * s, x, s=3)
    y = x * 1
    z = checkpoint(lambda a: a * a, y)
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    z = checkpoint(lambda a: a * a, x)
    z.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        z.backward()
