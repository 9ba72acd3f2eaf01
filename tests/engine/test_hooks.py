"""Hooks and retained gradients: order, removal, replacement, changes in place, several results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, Tensor, grad
from gradsh.engine.leaf import finished

f = FUNCTIONS


def leaf(*values: float) -> Tensor:
    return finished(np.array(values), True)


def gradient(x: Tensor) -> Any:
    return None if x.grad is None else x.grad.tolist()


def test_hooks_run_in_order_and_may_replace_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    seen: list[Any] = []
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.retain_grad()
    y.register_hook(lambda g: g + 1)
    y.sum().backward()
    assert seen == [[10.0, 10.0]]
    assert gradient(y) == [11.0, 11.0]
    assert gradient(x) == [22.0, 22.0]


def test_a_removed_hook_runs_no_more_even_if_it_removes_itself() -> None:
    x = leaf(1.0)
    calls: list[int] = []

    def once(g: Tensor) -> None:
        calls.append(1)
        handle.remove()

    handle = x.register_hook(once)
    other = x.register_hook(lambda g: g * 2)
    (x * 1).backward()
    (x * 1).backward()
    assert calls == [1]
    assert gradient(x) == [4.0]
    other.remove()
    other.remove()
    (x * 1).backward()
    assert gradient(x) == [5.0]


def test_what_a_hook_keeps_is_not_changed_afterwards() -> None:
    x = leaf(1.0, 2.0)
    kept: list[Tensor] = []
    x.register_hook(kept.append)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    assert [g.tolist() for g in kept] == [[3.0, 3.0], [4.0, 4.0]]
    assert gradient(x) == [7.0, 7.0]


def test_hooks_under_create_graph_are_differentiated() -> None:
    x = leaf(1.0, 3.0)
    y = x * x
    handle = y.register_hook(lambda g: g * y)
    (g,) = grad((y * y).sum(), x, create_graph=True)  # 2y * y * 2x = 4 x^5
    assert g.tolist() == [4.0, 972.0]
    handle.remove()  # the second pass goes through y too
    assert grad(g.sum(), x)[0].tolist() == [20.0, 1620.0]


def test_hooks_belong_to_the_value_before_a_change_and_retained_gradients_to_the_tensor() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    seen: list[Any] = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.retain_grad()
    y *= 3
    assert y.retains_grad
    (y * 5).sum().backward()
    assert seen == [[15.0, 15.0]]
    assert gradient(y) == [5.0, 5.0]


def test_each_result_of_an_operation_has_its_own_hooks() -> None:
    x = leaf(3.0, 1.0, 2.0)
    values, _ = x.sort()
    first, rest = x.split([1, 2])
    seen: dict[str, Any] = {}
    values.register_hook(lambda g: seen.update(values=g.tolist()))
    first.register_hook(lambda g: seen.update(first=g.tolist()))
    rest.register_hook(lambda g: g * 0)
    (values * f["tensor"]([1.0, 2.0, 4.0]) + first + rest.sum()).sum().backward()
    assert seen == {"values": [1.0, 2.0, 4.0], "first": [3.0]}
    assert gradient(x) == [7.0, 1.0, 2.0]


def test_the_gradient_of_one_result_of_several() -> None:
    x = leaf(3.0, 1.0, 2.0)
    values = x.sort()[0]
    y = (values**3).sum()
    first = grad(y, (values, x), create_graph=True)
    assert first[0] is not None
    assert first[0].tolist() == [3.0, 12.0, 27.0]
    assert grad(first[0].sum(), values)[0].tolist() == [6.0, 12.0, 18.0]


def test_hooks_of_a_leaf_stay_with_the_tensor() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: g * 2)
    x.requires_grad_(False)
    x.requires_grad_(True)
    (x * 3).backward()
    assert gradient(x) == [6.0]


def test_a_failing_hook_leaves_every_gradient_as_it_was() -> None:
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    y.retain_grad()

    def fails(g: Tensor) -> None:
        raise ValueError("no")

    w.register_hook(fails)
    with pytest.raises(ValueError, match="no"):
        y.backward()
    assert gradient(x) is None
    assert gradient(w) is None
    assert gradient(y) is None


def test_after_accumulation() -> None:
    x = leaf(1.0, 2.0)
    seen: list[Any] = []

    def step(p: Tensor) -> None:
        assert p is x
        seen.append(gradient(p))
        p.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * 3).sum().backward()
    assert seen == [[3.0, 3.0]]
    assert x.grad is None
    grad((x * 3).sum(), x)
    assert len(seen) == 1
    handle.remove()
    (x * 3).sum().backward()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (lambda: f["ones"](1).register_hook(print), "cannot register a hook on a tensor that"),
        (lambda: f["ones"](1).retain_grad(), "can't retain_grad on Tensor that has"),
        (
            lambda: (leaf(1.0) * 2).register_post_accumulate_grad_hook(print),
            "post accumulate grad hooks cannot be registered on non-leaf tensors",
        ),
    ],
)
def test_refused(register: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        register()


def test_the_gradient_lies_in_memory_as_the_leaf_does() -> None:
    x = finished(np.arange(6.0).reshape(2, 3).T, True)
    (x * x).sum().backward()
    assert x.grad is not None
    assert x.grad.stride() == (1, 3)
    x.grad = None
    (x * x).sum().backward(create_graph=True)
    assert x.grad is not None
    assert x.grad.stride() == (1, 3)
    assert x.grad.grad_fn is not None
    assert x.grad.grad_fn.name == "CopyBackwards"
