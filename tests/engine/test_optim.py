"""Optimisers: 50 steps as PyTorch's, on three problems, for many settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradsh.engine import FUNCTIONS, Tensor
from gradsh.engine.modes import INTERRUPTS
from gradsh.engine.optim import OPTIMISATION, descent
from gradsh.engine.tensor import new_tensor

from .oracle import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")

CLASSES = {
    "sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad",
    "lbfgs": "LBFGS",
}  # fmt: skip
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"lr": 0.01}),
    ("sgd", {"lr": 0.001, "maximize": True}),
    ("sgd", {"lr": 0.01, "momentum": 0.9}),
    ("sgd", {"lr": 0.01, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("sgd", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("adam", {}),
    ("adam", {"lr": 0.05, "amsgrad": True}),
    ("adam", {"lr": 0.05, "weight_decay": 0.1, "betas": (0.8, 0.99)}),
    ("adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("adam", {"lr": 0.01, "maximize": True, "eps": 1e-3, "weight_decay": 0.1}),
    ("adamw", {"lr": 0.05}),
    ("adamw", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("rmsprop", {}),
    ("rmsprop", {"momentum": 0.9, "lr": 0.005}),
    ("rmsprop", {"centered": True}),
    ("rmsprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "alpha": 0.9}),
    ("adagrad", {"lr": 0.1}),
    ("adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("adagrad", {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("lbfgs", {"lr": 0.1}),
    ("lbfgs", {"line_search_fn": "strong_wolfe"}),
    ("lbfgs", {"lr": 0.5, "max_iter": 4, "history_size": 2}),
    ("lbfgs", {"line_search_fn": "strong_wolfe", "max_iter": 5, "history_size": 3}),
]
NUMBERS = np.random.default_rng(5)
INPUTS = NUMBERS.normal(size=(20, 3))
TARGETS = np.sin(INPUTS.sum(1, keepdims=True))
PROBLEMS = {
    "quadratic": [np.array([3.0, -2.0, 0.5]), np.array(2.0)],
    "rosenbrock": [np.array([-0.5, 1.0])],
    "network": [NUMBERS.normal(size=shape) * 0.5 for shape in ((3, 8), (8,), (8, 1), (1,))],
}


class Side:
    """A problem's tensors in one engine, and their loss."""

    def __init__(self, problem: str, dtype: str, make: Any) -> None:
        self.problem = problem
        self.make = lambda array: make(np.asarray(array).astype(dtype))
        self.tensors = [self.make(array).requires_grad_() for array in PROBLEMS[problem]]

    def loss(self) -> Any:
        x = self.tensors[0]
        if self.problem == "quadratic":
            c = self.tensors[1]
            return ((x - 1) ** 2 * self.make([1.0, 5.0, 20.0])).sum() + (c - 1) ** 2
        if self.problem == "rosenbrock":
            return (1 - x[0]) ** 2 + (x[1] - x[0] ** 2) ** 2 * 10
        w1, b1, w2, b2 = self.tensors
        out = (self.make(INPUTS) @ w1 + b1).tanh() @ w2 + b2
        return ((out - self.make(TARGETS)) ** 2).mean()

    def values(self) -> list[Any]:
        """The tensors' values."""
        return [np.array(tensor.detach().tolist()) for tensor in self.tensors]


def ours(problem: str, dtype: str) -> Side:
    return Side(problem, dtype, lambda array: new_tensor(array.copy()))


def theirs(problem: str, dtype: str) -> Side:
    return Side(problem, dtype, lambda array: torch.tensor(array))


def run(side: Side, opt: Any, steps: int) -> None:
    """Steps with a backward pass before each, or in each."""

    def closure() -> Any:
        opt.zero_grad()
        loss = side.loss()
        loss.backward()
        return loss

    for _ in range(steps):
        if "LBFGS" in repr(opt):
            opt.step(closure)
        else:
            closure()
            opt.step()


STEPS = 50
LBFGS_STEPS = {"quadratic": 10, "rosenbrock": 10, "network": 1}
"""Near a minimum the directions of lbfgs are made of differences that rounding decides."""


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("name", "options"), SETTINGS, ids=str)
def test_steps_as_pytorch(name: str, options: dict[str, Any], problem: str, dtype: str) -> None:
    sides = ours(problem, dtype), theirs(problem, dtype)
    made = (
        OPTIMISATION[name](*sides[0].tensors, **options),
        getattr(torch.optim, CLASSES[name])(sides[1].tensors, **options),
    )
    assert repr(made[0]) == repr(made[1])
    for side, opt in zip(sides, made, strict=True):
        run(side, opt, LBFGS_STEPS[problem] if name == "lbfgs" else STEPS)
    close = 1e-9 if dtype == "float64" else 1e-4
    for a, b in zip(sides[0].values(), sides[1].values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=close, atol=close)


@needs_torch
def test_the_first_sums_of_adagrad_are_the_same_in_all_groups() -> None:
    sides = ours("network", "float64"), theirs("network", "float64")
    mine = OPTIMISATION["group"](*sides[0].tensors[:2], initial_accumulator_value=0.5, lr=0.3)
    theirs_ = {"params": sides[1].tensors[:2], "initial_accumulator_value": 0.5, "lr": 0.3}
    run(sides[0], OPTIMISATION["adagrad"](mine, *sides[0].tensors[2:]), 5)
    run(sides[1], torch.optim.Adagrad([theirs_, {"params": sides[1].tensors[2:]}]), 5)
    for a, b in zip(sides[0].values(), sides[1].values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@needs_torch
@pytest.mark.parametrize(
    ("name", "ours_made", "theirs_made"),
    [
        ("step_lr", lambda f, opt: f(opt, 3, gamma=0.5), lambda t, opt: t.StepLR(opt, 3, 0.5)),
        ("exponential", lambda f, opt: f(opt, 0.9), lambda t, opt: t.ExponentialLR(opt, 0.9)),
        (
            "cosine",
            lambda f, opt: f(opt, 4, eta_min=0.01),
            lambda t, opt: t.CosineAnnealingLR(opt, 4, 0.01),
        ),
    ],
)
def test_schedules_as_pytorch(name: str, ours_made: Any, theirs_made: Any) -> None:
    tensors = ours("network", "float32").tensors
    group = OPTIMISATION["group"]
    opt = OPTIMISATION["sgd"](group(*tensors[:2], lr=0.2), group(*tensors[2:]), lr=0.1)
    others = theirs("network", "float32").tensors
    twin = torch.optim.SGD([{"params": others[:2], "lr": 0.2}, {"params": others[2:]}], lr=0.1)
    schedule = ours_made(OPTIMISATION[name], opt)
    twin_schedule = theirs_made(torch.optim.lr_scheduler, twin)
    for _ in range(20):
        opt.step()
        twin.step()
        schedule.step()
        twin_schedule.step()
        assert schedule.get_last_lr() == twin_schedule.get_last_lr()
    assert repr(opt) == repr(twin)


@needs_torch
@pytest.mark.parametrize("bound", [0.1, 100.0])
@pytest.mark.parametrize("order", [1.0, 2.0, float("inf")])
def test_clipping_as_pytorch(bound: float, order: float) -> None:
    a, b = ours("network", "float32"), theirs("network", "float32")
    for side in (a, b):
        (side.loss() * 10).backward()
    norm = OPTIMISATION["clip_grad_norm_"](a.tensors, bound, norm_type=order)
    other = torch.nn.utils.clip_grad_norm_(b.tensors, bound, norm_type=order)
    np.testing.assert_allclose(norm.item(), other.item(), rtol=1e-6)
    OPTIMISATION["clip_grad_value_"](a.tensors, bound / 3)
    torch.nn.utils.clip_grad_value_(b.tensors, bound / 3)
    for x, y in zip(a.tensors, b.tensors, strict=True):
        np.testing.assert_allclose(x.grad.array, y.grad.numpy(), rtol=1e-5)


def test_the_norm_must_be_finite_if_asked() -> None:
    x = new_tensor(np.array([1.0])).requires_grad_()
    x.grad = new_tensor(np.array([np.inf]))
    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        OPTIMISATION["clip_grad_norm_"](x, 1.0, error_if_nonfinite=True)


def leaf(*values: float) -> Tensor:
    tensor: Tensor = new_tensor(np.array(values, np.float32)).requires_grad_()
    return tensor


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sgd", {"lr": -1}, "Invalid learning rate: -1"),
        ("sgd", {"momentum": -1}, "Invalid momentum value: -1"),
        ("sgd", {"weight_decay": -0.5}, "Invalid weight_decay value: -0.5"),
        ("sgd", {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ("adam", {"lr": -1.0}, "Invalid learning rate: -1.0"),
        ("adam", {"eps": -1.0}, "Invalid epsilon value: -1.0"),
        ("adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        ("adamw", {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
        ("rmsprop", {"alpha": -1.0}, "Invalid alpha value: -1.0"),
        ("adagrad", {"lr_decay": -1.0}, "Invalid lr_decay value: -1.0"),
        (
            "adagrad",
            {"initial_accumulator_value": -1.0},
            "Invalid initial_accumulator_value value: -1.0",
        ),
        ("lbfgs", {"lr": -2}, "Invalid learning rate: -2"),
    ],
)
def test_settings_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        OPTIMISATION[name](leaf(1.0), **options)
    assert str(caught.value) == message
    if torch is not None:
        with pytest.raises(ValueError, match=message):
            getattr(torch.optim, CLASSES[name])([torch.ones(1, requires_grad=True)], **options)


@pytest.mark.parametrize(
    ("tensors", "kind", "message"),
    [
        ((), ValueError, "optimizer got an empty parameter list"),
        ((1.0,), TypeError, "optimizer can only optimize Tensors, but one of the params is float"),
        ((leaf(1.0) * 2,), ValueError, "can't optimize a non-leaf Tensor"),
    ],
)
def test_tensors_are_refused(tensors: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        OPTIMISATION["adam"](*tensors)
    assert str(caught.value) == message


def test_a_tensor_is_in_one_group() -> None:
    x = leaf(1.0)
    group = OPTIMISATION["group"]
    with pytest.raises(ValueError, match="some parameters appear in more than one"):
        OPTIMISATION["sgd"](group(x), group(x))


def test_a_step_computes_the_gradients_of_a_loss_that_is_a_function() -> None:
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    opt, twin = OPTIMISATION["sgd"](x, lr=0.1), OPTIMISATION["sgd"](y, lr=0.1)

    def with_backward() -> Any:
        twin.zero_grad()
        loss = FUNCTIONS["sum"](y * y)
        loss.backward()
        return loss

    for _ in range(3):
        loss = opt.step(lambda: FUNCTIONS["sum"](x * x))
        assert loss.item() == twin.step(with_backward).item()
    np.testing.assert_array_equal(x.array, y.array)


def test_a_step_is_whole_when_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = leaf(1.0), leaf(1.0)
    for tensor in (x, y):
        tensor.grad = new_tensor(np.ones(1, np.float32))
    opt = OPTIMISATION["sgd"](x, y, lr=0.5)
    plain = descent.add_scaled

    def interrupted(*arguments: Any) -> None:
        INTERRUPTS.request()
        plain(*arguments)

    monkeypatch.setattr(descent, "add_scaled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opt.step()
    assert x.array == y.array == 0.5
    assert x._version == y._version == 1


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_an_interrupted_line_search_leaves_no_trial_behind(search: str | None) -> None:
    x = leaf(3.0, -2.0)
    opt = OPTIMISATION["lbfgs"](x, line_search_fn=search)
    seen = []

    def loss() -> Any:
        seen.append(x.array.copy())
        if len(seen) == 2:
            raise KeyboardInterrupt
        return FUNCTIONS["sum"](x**4)

    with pytest.raises(KeyboardInterrupt):
        opt.step(loss)
    if search is not None:
        np.testing.assert_array_equal(x.array, seen[0])
    before = FUNCTIONS["sum"](x**4).item()
    opt.step(lambda: FUNCTIONS["sum"](x**4))
    assert FUNCTIONS["sum"](x**4).item() < before


def test_gradients_are_forgotten_or_made_zero() -> None:
    x = leaf(1.0)
    opt = OPTIMISATION["sgd"](x)
    FUNCTIONS["sum"](x * 2).backward()
    opt.zero_grad(set_to_none=False)
    assert x.grad.array == 0
    opt.zero_grad()
    assert x.grad is None


def test_complex_tensors_are_optimised_by_their_parts() -> None:
    start = np.array([[1 + 2j, -1j], [3, 0.5 - 1j]], np.complex64)
    for name in ("sgd", "adam", "rmsprop", "adagrad"):
        x = new_tensor(start.T.copy().T).requires_grad_()
        parts = new_tensor(np.stack((start.real, start.imag), -1)).requires_grad_()
        x.grad = new_tensor(start * 2)
        parts.grad = new_tensor(parts.array * 2)
        for tensor in (x, parts):
            OPTIMISATION[name](tensor, lr=0.1).step()
        np.testing.assert_allclose(np.stack((x.array.real, x.array.imag), -1), parts.array, 1e-6)
