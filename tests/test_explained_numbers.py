"""The numbers that `explain` tells add up, on random programs: sums, formulas, gradients."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from gradsh.engine import Tensor
from gradsh.engine.fit import fit
from gradsh.engine.graph import Node
from gradsh.engine.op import Op
from gradsh.engine.recording import Recording
from gradsh.engine.steps import MOST_ARRIVALS, Step, steps
from gradsh.engine.symbols import derivative
from gradsh.engine.tensor import new_tensor
from gradsh.session import Session
from tests.sessions import Collected

LEAVES = {
    "a": "rand(3, 4) + 0.5", "b": "rand(4) + 0.5", "c": "rand(3, 1) + 0.5", "d": "rand(()) + 0.5",
    "e": "rand(3, 4).double() + 0.5",
}  # fmt: skip
UNARY = (
    "exp(-{0})", "log({0})", "sqrt({0})", "tanh({0})", "{0}^2", "{0}^3", "1 / {0}", "sigmoid({0})",
    "relu({0} - 0.7)", "abs({0} - 0.7)", "-{0}", "2^{0}", "softmax({0}, -1)", "{0}.clamp(0.6, 1)",
    "{0} - mean({0})", "{0} / {0}.sum(-1, keepdim=true)", "{0}.sort(-1).values", "{0}.cumsum(-1)",
    "{0}.amax(-1, keepdim=true) + {0}", "{0}.flip(0)", "std({0}) * {0}",
)  # fmt: skip
BINARY = (
    "{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / ({1} + 1)", "maximum({0}, {1})",
    "where({0} > {1}, {0}, {1})", "cat([{0} * {1}, {0} + {1}])[:3]", "(abs({0}) + 0.1)^{1}",
)  # fmt: skip


def random_program(seed: int) -> Session:
    """A session with leaves `a` to `e` and a scalar `out` computed from some of them."""
    choose = random.Random(seed)
    session = Session(Collected())
    session.run(f"seed {seed}")
    for name, text in LEAVES.items():
        session.run(f"{name} = {text}\n{name}.requires_grad_();")
    values = [choose.choice("ae"), *choose.sample(sorted(LEAVES), 2)]
    for number in range(choose.randint(2, 9)):
        if choose.random() < 0.5:
            text = choose.choice(UNARY).format(_wide(choose, values))
        else:
            text = choose.choice(BINARY).format(_wide(choose, values), choose.choice(values))
        session.run(f"v{number} = {text}")
        values.append(f"v{number}")
    session.run(f"out = sum({' + '.join(f'mean({value})' for value in values)})")
    return session


def _wide(choose: random.Random, values: list[str]) -> str:
    """A value with all dimensions, so that each operation can be applied."""
    return choose.choice([value for value in values if value not in "bcd"])


def told(session: Session, out: Tensor) -> list[Step]:
    assert out.node is not None
    return list(steps(out.node, np.ones_like(out.array)))


@pytest.mark.parametrize("seed", range(60))
def test_it_adds_up(seed: int) -> None:
    session = random_program(seed)
    out = session.variables["out"]
    before = {name: session.variables[name].array.copy() for name in LEAVES}
    listed = told(session, out)
    sums_hold(listed)
    formulas_hold(listed)
    session.run("backward out")
    found = {step.node: step.gradient for step in listed if step.gradient is not None}
    for name, array in before.items():
        leaf = session.variables[name]
        assert np.array_equal(leaf.array, array)
        if leaf.grad is None:
            assert leaf.node not in found
        else:
            assert np.array_equal(found[leaf.node], leaf.grad.array, equal_nan=True)


def sums_hold(listed: list[Step]) -> None:
    """What leaves the nodes arrives at their inputs, and is added there in that order."""
    sent: dict[tuple[Node, int | None], list[Any]] = {}
    for number, step in enumerate(listed):
        if isinstance(step.g, list):
            for index, g in enumerate(step.g):
                parts = sent.pop((step.node, index), [])
                assert (g is None) == (not parts)
                if parts:
                    assert np.array_equal(g, sum(parts[1:], parts[0]), equal_nan=True)
        else:
            parts = sent.pop((step.node, None), [])
            assert number == 0 or len(parts) == step.count
            if number:
                assert np.array_equal(step.g, sum(parts[1:], parts[0]), equal_nan=True)
        assert len(step.arrivals) == min(step.count, MOST_ARRIVALS)
        for position, departure in enumerate(step.departures):
            sent.setdefault((departure.target, departure.result), []).append(departure.cotangent)
            if step.node.fit is not None:
                entry = [e for e, p in zip(step.node.fit, step.node.parents, strict=True) if p]
                fitted = departure.raw
                if entry[position] is not None:
                    fitted = fit(departure.raw, *entry[position])
                assert np.array_equal(fitted, departure.cotangent, equal_nan=True)
    assert not sent


def formulas_hold(listed: list[Step]) -> None:
    """A formula's text, run with the values that are put in, gives what it is said to give."""
    for step in listed:
        op = step.node.op if not step.node.is_leaf else None
        if not isinstance(op, Op) or isinstance(step.g, list):
            continue
        for departure in step.departures:
            if departure.parameter is None or "Operands" in op.annotations.values():
                continue
            read = derivative(op, departure.parameter)
            (case, *others) = read.cases
            if others or case.parts or read.notes or not read.is_expression:
                continue
            session = Session(Collected())
            session.namespace["g"] = new_tensor(np.asarray(step.g))
            text = case.expression
            for name, value in departure.values.items():
                base = name.removesuffix("_shape")
                text = text.replace(f"{base}.shape", name)
                session.namespace[name] = (
                    new_tensor(value) if isinstance(value, np.ndarray) else value
                )
            session.run(f"told = {text}")
            result = session.variables["told"].array
            assert np.allclose(result, departure.raw, 1e-5, 1e-6, equal_nan=True), text


@pytest.mark.parametrize("seed", range(60))
def test_the_recorded_graph_is_complete(seed: int) -> None:
    session = random_program(seed)
    out = session.variables["out"]
    recording = Recording([out])
    listed = told(session, out)
    reached = {step.node for step in listed}
    assert reached <= recording.vertices.keys()
    assert [vertex.number for vertex in recording.vertices.values()] == list(
        range(1, len(recording.vertices) + 1)
    )
    shapes = {step.node: step.g for step in listed if not isinstance(step.g, list)}
    for node, vertex in recording.vertices.items():
        assert vertex.like is not None, node.name
        if node in shapes:
            assert vertex.like == (shapes[node].shape, shapes[node].dtype), node.name
