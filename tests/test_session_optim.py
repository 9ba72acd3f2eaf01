"""Optimisers as a program uses them."""

from __future__ import annotations

import pytest

from gradsh.session import Fault

from .sessions import output_of


def fault_of(text: str) -> Fault:
    with pytest.raises(Fault) as caught:
        output_of(text)
    assert not caught.value.internal
    return caught.value


LEAF = "w = tensor([3., -2.]) grad; b = zeros(1) grad\n"


@pytest.mark.parametrize("form", ["w, b", "[w, b]", "(w, b)"])
def test_a_loop_of_steps(form: str) -> None:
    text = f"""{LEAF}opt = sgd({form}, lr=0.1)
for i in range(3) {{ opt.zero_grad(); backward sum((w - b - 1)^2); opt.step() }}
print w, b"""
    assert (
        output_of(text) == "tensor([ 1.9360, -0.6240], requires_grad=True) "
        "tensor([-0.3120], requires_grad=True)\n"
    )


def test_a_step_with_the_loss_as_a_function() -> None:
    text = f"{LEAF}opt = adam(w, b, lr=0.1)\nprint opt.step(() -> sum(w^2))\nprint w.data"
    assert output_of(text) == "tensor(13., grad_fn=<SumBackward0>)\ntensor([ 2.9000, -1.9000])\n"


def test_lbfgs_minimises() -> None:
    text = f"""{LEAF}opt = lbfgs(w, line_search_fn="strong_wolfe")
opt.step(() -> sum((w - 1)^2));
print round(w.data)"""
    assert output_of(text) == "tensor([1., 1.])\n"
    fault = fault_of(f"{LEAF}lbfgs(w).step()")
    assert fault.diagnostic.message == "step() missing 1 required positional argument: 'closure'"
    assert "opt.step(() -> loss(w))" in (fault.diagnostic.hint or "")


def test_groups_and_rates() -> None:
    text = f"""{LEAF}opt = sgd(group(w, lr=0.1), b, lr=0.01)
print opt.lr, opt.groups[1].lr, opt.param_groups[1]["lr"]
opt.lr = 0.5
opt.groups[1].lr = 0.25
print opt.lr, opt.groups[1].lr
for g in opt.param_groups {{ g["lr"] = 0.125 }}
print opt.lr
schedule = exponential(opt, 0.5)
schedule.step()
print opt.lr, schedule.lr, schedule.epoch, schedule.get_last_lr()"""
    assert output_of(text) == "0.1 0.01 0.01\n0.5 0.25\n0.125\n0.0625 0.0625 1 [0.0625, 0.0625]\n"


def test_an_optimiser_is_shown_as_pytorch_shows_it() -> None:
    shown = """SGD (
Parameter Group 0
    dampening: 0
    differentiable: False
    foreach: None
    fused: None
    lr: 0.1
    maximize: False
    momentum: 0.9
    nesterov: False
    weight_decay: 0
)
"""
    assert output_of(f"{LEAF}print sgd(w, lr=0.1, momentum=0.9)") == shown
    assert output_of(f"{LEAF}print torch.optim.SGD([w], lr=0.1, momentum=0.9)") == shown


def test_clipping() -> None:
    text = f"""{LEAF}backward sum(w * tensor([3., 4.]))
print clip_grad_norm_([w, b], 1)
print w.grad
torch.nn.utils.clip_grad_value_(w, 0.5)
print w.grad"""
    assert output_of(text) == "tensor(5.)\ntensor([0.6000, 0.8000])\ntensor([0.5000, 0.5000])\n"


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("sgd(w, lr=-1)", "Invalid learning rate: -1", None),
        ("adam()", "optimizer got an empty parameter list", "name the tensors first"),
        (
            "adam(w, 0.1)",
            "optimizer can only optimize Tensors, but one of the params is float",
            "lr=0.1",
        ),
        ("adam(w * 2)", "can't optimize a non-leaf Tensor", "detach"),
        ('sgd(w).groups[0]["foo"]', "a group has no setting 'foo'", "it has dampening"),
        ('sgd(w).groups[0]["foo"] = 1', "a group has no setting 'foo'", "it has dampening"),
        ("adam(group(w, momentum=1))", "adam() got an unexpected keyword argument 'momentum'", ""),
    ],
)
def test_what_is_wrong_is_said(call: str, message: str, hint: str | None) -> None:
    fault = fault_of(LEAF + call)
    assert fault.diagnostic.message == message
    if hint is not None:
        assert hint in (fault.diagnostic.hint or "")


@pytest.mark.parametrize("name", ["state", "defaults", "update", "memory", "__class__"])
def test_nothing_else_of_an_optimiser_can_be_reached(name: str) -> None:
    fault_of(f"{LEAF}sgd(w).{name}")


def test_tensors_are_added() -> None:
    text = f"{LEAF}opt = sgd(w, lr=0.1)\nopt.add_group(b)\nopt.add_group(group(ones(1) grad, lr=2))"
    assert output_of(text + "\nprint opt.groups[1].lr, opt.groups[2].lr") == "0.1 2\n"
