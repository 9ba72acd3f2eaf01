"""What the journal keeps brings back everything that has changed, and the change itself."""

from __future__ import annotations

import numpy as np
import pytest

from gradsh.engine.graph import next_sequence_number
from gradsh.engine.journal import KEEP, REFUSE, SKIP, Journal, exchange
from gradsh.engine.modes import CHANGES
from gradsh.engine.tensor import Tensor
from gradsh.session import Session
from gradsh.session.output import TextOutput

SETUP = """
x = tensor([1., 2., 3.]) grad
w = tensor([[1., 2.], [3., 4.]])
row = w[0]
turned = w.t()
twin = w.detach()
b = tensor([0.5, 0.5]) grad
y = x * x * x
loss = sum(y) + sum(exp(b))
mid = x * 2
mid.retain_grad()
base = b * 3
part = base[0]
n = tensor([1, 2])
opt = adam(x, b, lr=0.1)
momentum = sgd(x, lr=0.1, momentum=0.9)
lb = lbfgs(b)
schedule = step_lr(opt, 1)
mean_ = zeros(2)
var_ = ones(2)
def double(g) = 2 * g
"""
CHANGED = [
    "w.add_(1)",
    "row.mul_(2)",
    "turned[1] = 9",
    "twin.zero_()",
    "w[[0, 1], [1, 0]] = 7",
    "w[w > 2] = 0",
    "n += 5",
    "w.requires_grad_()",
    "x.requires_grad_(false)",
    "w.data = ones(2, 2)",
    "x.grad = ones(3)",
    "backward loss",
    "backward loss retain_graph",
    "backward loss; backward sum(x * 2)",
    "backward sum(mid)",
    "g = grad(loss, x)",
    "backward loss; opt.step()",
    "backward loss; opt.step(); opt.step(); opt.zero_grad()",
    "backward loss; opt.zero_grad(false)",
    "backward loss; momentum.step(); momentum.step()",
    "lb.step(() -> sum((b - 1)^2))",
    "minimize sum((b - 2)^2) over b steps 3",
    "schedule.step()",
    "opt.lr = 0.5",
    'opt.groups[0]["lr"] = 0.7',
    "opt.add_group(w.requires_grad_())",
    "mid.mul_(3)",
    "base.mul_(3)",
    "part.add_(1)",
    "part.add_(1); backward sum(base)",
    "x.register_hook(double)",
    "y.register_hook(double); backward loss",
    "w.t_()",
    "w.unsqueeze_(0)",
    "mid.detach_()",
    "batch_norm(w, mean_, var_, training=true)",
    "w.normal_()",
    "backward loss; clip_grad_norm_([x, b], 0.1)",
    "backward loss; clip_grad_value_([x, b], 0.1)",
    "try { x.register_hook(g -> ones(2)); backward loss } catch e { }",
    "for i in range(5) { z = ones(3) grad; backward sum(z * x); z = zeros(2); z.add_(1) }",
]


def described(value: object, depth: int = 0) -> object:
    """Everything about a value that a program can see."""
    if isinstance(value, Tensor):
        box = value.box
        node = value.node
        return (
            value.array.tolist(), value._version, value.is_leaf, value.requires_grad,
            None if node is None else node.name, value.restricted,
            None if node is None or node.is_leaf else saved(node),
            0 if node is None or node.hooks is None else len(node.hooks.functions),
            None if box is None or box.value is None else described(box.value),
            box is not None and box.filled is not None,
        )  # fmt: skip
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return [described(item, depth + 1) for item in value.values()]
    if isinstance(value, (list, tuple)):
        return [described(item, depth + 1) for item in value]
    if callable(value):
        return value.__name__
    if hasattr(value, "__dict__") and depth < 9:
        return described(vars(value), depth + 1)
    return value


def saved(node):
    return [None if t is None else t.array.tolist() for t in node.saved or ()]


def state(session):
    return {name: described(value) for name, value in session.variables.items()}


def session_with(text):
    session = Session(TextOutput(None))
    session.run(text)
    return session


def journaled(session, text, judge=lambda array: KEEP):
    journal = Journal(judge)
    CHANGES.begin(journal, next_sequence_number())
    try:
        session.run(text)
    finally:
        CHANGES.end()
    return journal


@pytest.mark.parametrize("change", CHANGED)
def test_a_change_is_taken_back_and_made_again(change):
    session = session_with(SETUP)
    names = set(session.variables)
    before = state(session)
    journal = journaled(session, change)
    after = state(session)
    journal.swap()
    assert {name: value for name, value in state(session).items() if name in names} == before
    journal.swap()
    assert state(session) == after


def test_what_was_taken_back_can_be_differentiated_as_if_nothing_had_been():
    session = session_with(SETUP)
    journal = journaled(session, "backward loss; x.data.add_(1); part.mul_(2)")
    journal.swap()
    session.run("backward loss + sum(base)")
    alone = session_with(SETUP + "backward loss + sum(base)")
    assert state(session) == state(alone)


def test_what_came_and_went_is_not_held():
    session = session_with(SETUP)
    journal = journaled(session, "for i in range(100) { z = zeros(1000); z.add_(1) }")
    assert journal.held == 4000
    session.run("del z")
    assert journal.held == 0
    assert not journal.storages()


def test_too_much_breaks_the_journal_and_nothing_else():
    session = session_with(SETUP)
    judge = {12: KEEP, 16: REFUSE, 8: SKIP}
    journal = journaled(
        session, "x.data.add_(1); x.grad = x * 2; w.add_(1)", lambda array: judge[array.nbytes]
    )
    assert journal.refused == 16
    assert (journal.held, list(journal.objects()), journal.storages()) == (0, [], set())
    before = state(session)
    journal.swap()
    assert state(session) == before


def test_an_error_in_a_backward_pass_leaves_the_graph_usable():
    session = session_with(SETUP)
    journaled(
        session,
        "handle = b.register_hook(g -> ones(7)); try { backward loss } catch e { }; "
        "handle.remove()",
    )
    session.run("backward loss")
    assert session.variables["x"].grad.tolist() == [3.0, 12.0, 27.0]


@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 4), (1000, 700), (2, 500, 300)])
def test_arrays_are_exchanged_block_by_block(shape):
    generator = np.random.default_rng(0)
    one, other = generator.random(shape), generator.random(shape)
    before = one.copy(), other.copy()
    exchange(one, other)
    assert np.array_equal(one, before[1])
    assert np.array_equal(other, before[0])
    turned = np.array(before[0], order="F")
    exchange(turned, other)
    assert np.array_equal(turned, before[0])


def test_a_copy_that_does_not_fit_breaks_the_journal_not_the_statement():
    class Full(np.ndarray):
        def copy(self, order="C"):
            raise MemoryError

    journal = Journal(lambda array: KEEP)
    journal.array(np.ones(3))
    array = Full(2)
    assert journal.array(array) is None
    assert (journal.refused, journal.held) == (array.nbytes, 0)
