"""The work as gradsh does it: programs in the language, run by its session.

Imports are by name and inside functions: the package measured is the installed one, and a part of
it that is not there yet must fail only the rows that need it.
"""

from __future__ import annotations

import importlib
import tracemalloc
from itertools import count
from math import prod
from typing import Any

from benchmarks.tasks import Task, resident_memory


class Silence:
    """An output that drops what is written."""

    shows_progress = False

    def write(self, text: str) -> None:
        """Drop a text."""

    def show(self, value: object, name: str | None) -> None:
        """Drop a value."""


def session(program: str) -> Any:
    """A session that has run the program."""
    started = importlib.import_module("gradsh.session").Session(Silence())
    started.run(program)
    return started


def number(started: Any, expression: str) -> float:
    """The value of an expression that has one element."""
    started.run(f"result = {expression}")
    value = started.variables["result"]
    return float(value.item() if hasattr(value, "item") else value)


def program(text: str, units: float, result: str | None = None, prepare: str | None = None) -> Task:
    """A task that runs the program once and then times its function `work()`.

    `prepare` is a line that is run before each sample, which `work()` then uses up.
    """
    started = session(text)
    return Task(
        run=lambda: started.run("work();"),
        units=units,
        prepare=(lambda: started.run(prepare)) if prepare else (lambda: None),
        once=prepare is not None,
        result=(lambda: number(started, result)) if result else None,
    )


# The language


def reading(repeated: bool) -> Task:
    """Parse and compile one line, always the same or always another."""
    reader = importlib.import_module("gradsh.language").Reader("<bench>")
    numbers = count()

    def run() -> None:
        first = 3 if repeated else next(numbers)
        for unit in reader.feed(f"out = mean({first}*(x+2)^2)\n"):
            assert unit.code

    return Task(run)


# Single operations


def operations(size: int, record: bool, steps: int = 100) -> Task:
    """A chain of a product and a sum in turn, with its backward pass or without recording."""
    if record:
        body = f"""
            x.grad = none
            y = x
            for i in range({steps}) {{ y = y*1.0001 + 0.1 }}
            backward y with v
        """
    else:
        body = f"""
            nograd <
                y = x
                for i in range({steps}) {{ y = y*1.0001 + 0.1 }}
            >
        """
    text = f"x = ones({size}) grad; v = ones({size})\ndef work() {{{body}}}"
    return program(text, 2 * steps, "x.grad.sum()" if record else None)


# Large expressions

# What has to be there besides `x`, and the expression.
EXPRESSIONS = {
    "example": ("", "mean(3*(x+2)^2)"),
    "tanh-exp": ("", "sum(tanh(x)*exp(-x^2))"),
    "activations": ("", "sum(softplus(silu(gelu(sigmoid(x)))))"),
    "mixture": (
        "mu = linspace(-2, 2, 10); s = linspace(0.5, 1, 10); w = linspace(-3, -2, 10)",
        "sum(logsumexp(w - log(s) - 0.5*((x - mu)/s)^2, 1))",
    ),
    "huber": ("t = 1 - x.detach()", "huber_loss(4*x, t)"),
}


def expression_text(name: str, shape: list[int]) -> str:
    """A program whose `work()` takes an expression's value and gradient."""
    setup, text = EXPRESSIONS[name]
    return f"""
        x = linspace(0, 1, {prod(shape)}).reshape({shape}) grad
        {setup}
        def work() {{ x.grad = none; out = {text}; backward out }}
    """


def expression(name: str, shape: list[int]) -> Task:
    """The value of an expression in `x` and its gradient."""
    return program(expression_text(name, shape), 1, "x.grad.abs().mean()")


def expression_memory(name: str, shape: list[int]) -> Task:
    """The peak of the arrays made above the input and its gradient, as a share of the input."""
    started = session(expression_text(name, shape))
    started.run("work();")
    size = 4 * prod(shape)

    def measure() -> float:
        tracemalloc.start()
        started.run("work();")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (peak - size) / size

    return Task(measure=measure, prepare=lambda: started.run("x.grad = none"))


# Networks

ALONG_ROWS = {"softmax": "softmax(x, 1)", "layer-norm": "layer_norm(x, w.shape, w, b)"}


def along_rows(name: str, shape: list[int]) -> Task:
    """An operation on the rows of a matrix, forward and backward."""
    text = f"""
        x = (linspace(0, 1, {prod(shape)})*7 % 1).reshape({shape}) grad
        v = linspace(-1, 1, {prod(shape)}).reshape({shape})
        w = linspace(1, 2, {shape[1]}) grad; b = zeros({shape[1]}) grad
        def work() {{
            x.grad = none; w.grad = none; b.grad = none
            y = {ALONG_ROWS[name]}
            backward y with v
        }}
    """
    return program(text, 1, "x.grad.abs().mean()")


# The leaves, the constants and what is computed of them; `v` is the cotangent of the result.
LAYERS = {
    "conv2d": (
        {"x": (32, 16, 28, 28), "w": (32, 16, 3, 3), "b": (32,)},
        {"v": (32, 32, 28, 28)},
        "conv2d(x, w, b, padding=1)",
    ),
    "matmul": ({"a": (1000, 1000), "b": (1000, 1000)}, {"v": (1000, 1000)}, "a @ b"),
    "mlp": (
        {"w1": (128, 64), "b1": (128,), "w2": (10, 128), "b2": (10,)},
        {"x": (256, 64), "t": (256, 10), "v": ()},
        "mlp_loss(linear(relu(linear(x, w1, b1)), w2, b2), t)",
    ),
}


def layer(name: str) -> Task:
    """A layer's result and the gradients of all its leaves."""
    leaves, constants, text = LAYERS[name]
    made = [
        f"{key} = linspace(-1, 1, {prod(shape)}).reshape({shape}).sin() * 0.1"
        for key, shape in (leaves | constants).items()
    ]
    text = f"""
        def mlp_loss(z, t) = mean(logsumexp(z, 1) - sum(z*t, 1))
        {"; ".join(made)}
        {"; ".join(f"{key}.requires_grad_()" for key in leaves)};
        def work() {{
            {"; ".join(f"{key}.grad = none" for key in leaves)}
            out = {text}
            backward out with v
        }}
    """
    return program(text, 1, " + ".join(f"{key}.grad.abs().mean()" for key in leaves))


# Training


def regression(steps: int) -> Task:
    """Linear regression by gradient descent: 100 examples of 3 features."""
    text = f"""
        seed 0
        X = randn(100, 3); y = X @ [1., -2., 0.5] + 0.1*randn(100)
        w = zeros(3) grad; b = zeros(1) grad
        def work() {{
            nograd < w.zero_(); b.zero_() >
            for i in range({steps}) {{
                loss = mean((X@w + b - y)^2)
                backward loss
                nograd < w.sub_(0.1*w.grad); b.sub_(0.1*b.grad) >
                w.grad = none; b.grad = none
            }}
        }}
    """
    return program(text, steps, "w.detach().sum()")


def network(steps: int, optimiser: str | None) -> Task:
    """A network of two layers, 64 to 128 to 10, on a batch of 256."""
    head = """
        seed 0
        X = randn(256, 64); labels = randint(0, 10, (256,)); Y = randn(256, 10)
        start1 = randn(64, 128)*0.1; start2 = randn(128, 10)*0.1
    """
    fresh = """
            W1 = start1.clone() grad; b1 = zeros(128) grad
            W2 = start2.clone() grad; b2 = zeros(10) grad
    """
    if optimiser is None:
        body = """
                loss = mean((tanh(X@W1 + b1)@W2 + b2 - Y)^2)
                backward loss
                nograd <
                    W1 -= 0.1*W1.grad; b1 -= 0.1*b1.grad; W2 -= 0.1*W2.grad; b2 -= 0.1*b2.grad
                >
                W1.grad = none; b1.grad = none; W2.grad = none; b2.grad = none
        """
        made = ""
    else:
        made = f"opt = {optimiser}(W1, b1, W2, b2, lr=0.001)"
        body = """
                opt.zero_grad()
                loss = cross_entropy(relu(X@W1 + b1)@W2 + b2, labels)
                backward loss
                opt.step()
        """
    text = f"""{head}
        def work() {{{fresh}
            {made}
            for i in range({steps}) {{{body}
            }}
            return loss.item()
        }}
    """
    return program(text, steps, None)


# Loops over small values


def doubling(rounds: int, iterations: int) -> Task:
    """`while norm(y.data) < 1000`, from so small a start that it takes many turns."""
    text = f"""
        x = full((3,), 1e-18) grad
        def work() {{
            for i in range({rounds}) {{
                y = x
                while norm(y.data) < 1000 {{ y = y*2 }}
            }}
            return y
        }}
    """
    return program(text, rounds * iterations, "norm(work().data)")


def newton(steps: int) -> Task:
    """Newton's iteration for a square root, on a number that requires a gradient."""
    text = f"""
        a = tensor(3.) grad
        def work() {{
            a.grad = none
            t = a
            for i in range({steps}) {{ t = t - (t*t - a)/(2*t) }}
            backward t
        }}
    """
    return program(text, steps, "a.grad")


# Large graphs


CHAIN = """
    x = ones(1) grad; v = ones(1)
    def build(n) {{ y = x; for i in range(n) {{ y = y*1.0000001 }}; return y }}
    def work() {{ backward y with v }}
"""


def chain(nodes: int) -> Task:
    """The backward pass over a chain of nodes, a node."""
    text = CHAIN.format()
    return program(text, nodes, "x.grad", prepare=f"y = none; x.grad = none; y = build({nodes})")


def chain_memory(nodes: int) -> Task:
    """What a node of a chain takes beyond its four bytes of data."""
    started = session(CHAIN.format())
    started.run("y = build(10_000); y = none")

    def measure() -> float:
        before = resident_memory()
        started.run(f"y = build({nodes})")
        return (resident_memory() - before) / nodes - 4

    return Task(measure=measure)


def fan_in(edges: int, size: int) -> Task:
    """The backward pass of a sum in which one leaf stands many times, an edge."""
    text = f"""
        x = ones({size}) grad
        def build() {{ s = x*0.5; for i in range({edges}) {{ s = s + x }}; return sum(s) }}
        def work() {{ backward y }}
    """
    return program(text, edges, "x.grad.sum()", prepare="y = none; x.grad = none; y = build()")


# Second derivatives


def hessian(size: int) -> Task:
    """The matrix of second derivatives of Rosenbrock's function."""
    text = f"""
        x = linspace(-1, 1, {size})
        def f(x) = sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)
        def work() {{ return hessian(f, x) }}
    """
    return program(text, 1, "work().sum()")
