"""The rows of the table: what is compared, on what, and what gradsh is to reach."""

from __future__ import annotations

from typing import Any

from benchmarks.contests import Command, Commands, Contest, Race, Throughput, Work, work
from benchmarks.prompts import FirstPrompt
from benchmarks.registry import row
from benchmarks.units import BYTES, RATE, SHARE

EXAMPLE = "x = ones(2,2) grad; out = mean(3*(x+2)^2); backward out; print x.grad"
TWIN = (
    "import torch; x = torch.ones(2, 2, requires_grad=True); "
    "out = (3 * (x + 2) ** 2).mean(); out.backward(); print(x.grad)"
)
PRINTED = "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])"


def everyone(function: str, **arguments: Any) -> dict[str, Work]:
    """The same work by gradsh and torch."""
    return {side: work(side, function, **arguments) for side in ("gradsh", "torch")}


# Starting


def starts(peak: bool) -> Contest:
    """The example from a cold start, against numpy's import and the torch twin."""
    return Commands(
        peak=peak,
        gradsh=Command(["{gradsh}", "-c", EXAMPLE], prints=PRINTED),
        numpy=Command(["{python}", "-c", "import numpy"]),
        torch=Command(["{python}", "-c", TWIN], prints=PRINTED),
    )


@row("cold-start", "cold start of -c, example", against={"numpy": 1.25, "torch": None})
def cold_start(quick: bool) -> Contest:
    return starts(peak=False)


@row("peak-memory", "peak memory of the same", BYTES, against={"numpy": 1.4, "torch": None})
def peak_memory(quick: bool) -> Contest:
    return starts(peak=True)


@row("first-prompt", "the shell's first prompt", against={"imports": 2.2})
def first_prompt(quick: bool) -> Contest:
    return FirstPrompt()


# The language


@row("line-new", "parse and compile, a new line", limit=200e-6)
def line_new(quick: bool) -> Contest:
    return Race({"gradsh": work("gradsh", "reading", repeated=False)})


@row("line-seen", "parse and compile, a line seen before", limit=5e-6)
def line_seen(quick: bool) -> Contest:
    return Race({"gradsh": work("gradsh", "reading", repeated=True)})


@row("pipe-distinct", "distinct lines through a pipe", RATE, limit=1 / 4_000)
def pipe_distinct(quick: bool) -> Contest:
    count = 2_000 if quick else 10_000
    return Throughput(["x = ones(2,2)", *(f"out = mean({n}*(x+2)^2)" for n in range(count))])


@row("pipe-repeated", "repeated lines through a pipe", RATE, limit=1 / 40_000)
def pipe_repeated(quick: bool) -> Contest:
    count = 2_000 if quick else 10_000
    return Throughput(["x = ones(2,2)", *(["y = x + 2", "z = 3*y", "a = 5", "b = a + 1"] * count)])


# Single operations


def recorded(size: int) -> Contest:
    """Operations with their backward pass."""
    return Race(
        everyone("operations", size=size, record=True)
        | {"autograd": work("autograd", "operations", size=size)}
    )


def unrecorded(size: int) -> Contest:
    """Operations without recording, with bare numpy beside them."""
    return Race(
        everyone("operations", size=size, record=False)
        | {"numpy": work("numpy", "operations", size=size)}
    )


@row("op-4", "an op forward and backward, 4", against={"torch": 0.35, "autograd": None})
def op_4(quick: bool) -> Contest:
    return recorded(4)


@row("op-1000", "an op forward and backward, 1000", against={"torch": 0.35, "autograd": None})
def op_1000(quick: bool) -> Contest:
    return recorded(1000)


@row("op-4-nograd", "an op without recording, 4", against={"torch": 0.4, "numpy": 1.6})
def op_4_nograd(quick: bool) -> Contest:
    return unrecorded(4)


@row("op-1000-nograd", "an op without recording, 1000", against={"torch": 0.4, "numpy": 1.6})
def op_1000_nograd(quick: bool) -> Contest:
    return unrecorded(1000)


# Large expressions


SQUARE = [2000, 2000]


def many(quick: bool) -> int:
    """Ten million elements, or a tenth of them."""
    return 1_000_000 if quick else 10_000_000


@row("example", "mean(3*(x+2)^2), 2000x2000", against={"torch": 0.4, "numpy": None})
def example(quick: bool) -> Contest:
    return Race(
        everyone("expression", name="example", shape=SQUARE)
        | {"numpy": work("numpy", "example", shape=SQUARE)}
    )


@row("example-memory", "the same, peak above x and x.grad", SHARE, limit=0.05)
def example_memory(quick: bool) -> Contest:
    return Race({"gradsh": work("gradsh", "expression_memory", name="example", shape=SQUARE)})


@row("tanh-exp", "sum(tanh(x)*exp(-x^2)), 2000x2000", against={"torch": 0.6})
def tanh_exp(quick: bool) -> Contest:
    return Race(everyone("expression", name="tanh-exp", shape=SQUARE))


@row("activations", "sigmoid, gelu, silu, softplus, 10^7", against={"torch": 0.6})
def activations(quick: bool) -> Contest:
    return Race(everyone("expression", name="activations", shape=[many(quick)]))


@row("mixture", "log-likelihood of a mixture, 10^7", against={"torch": 0.6})
def mixture(quick: bool) -> Contest:
    # Each point meets ten components.
    return Race(everyone("expression", name="mixture", shape=[many(quick) // 10, 1]))


@row("huber", "Huber loss, 10^7", against={"torch": 0.6})
def huber(quick: bool) -> Contest:
    return Race(everyone("expression", name="huber", shape=[many(quick)]))


# Networks


@row("softmax", "softmax 512x1024, forward and backward", against={"torch": 1.5})
def softmax(quick: bool) -> Contest:
    return Race(everyone("along_rows", name="softmax", shape=[512, 1024]))


@row("layer-norm", "layer_norm 512x1024, forward and backward", against={"torch": 1.5})
def layer_norm(quick: bool) -> Contest:
    return Race(everyone("along_rows", name="layer-norm", shape=[512, 1024]))


@row("conv2d", "conv2d 32x16x28x28, 3x3, 32 out", against={"torch": 2.5})
def conv2d(quick: bool) -> Contest:
    return Race(everyone("layer", name="conv2d"))


@row("mlp", "two linear layers 256x64-128-10", against={"torch": 1.0})
def mlp(quick: bool) -> Contest:
    return Race(everyone("layer", name="mlp"))


@row("matmul", "matmul 1000x1000", against={"torch": 1.2})
def matmul(quick: bool) -> Contest:
    return Race(everyone("layer", name="matmul"))


# Training


@row("regression", "linear regression 100x3, a step", against={"torch": 0.5})
def regression(quick: bool) -> Contest:
    return Race(everyone("regression", steps=100 if quick else 1000))


@row("network", "two-layer network, a step by hand", against={"torch": 0.8})
def network(quick: bool) -> Contest:
    return Race(everyone("network", steps=50 if quick else 1000, optimiser=None))


@row("network-adam", "two-layer network, a step of adam", against={"torch": 0.8})
def network_adam(quick: bool) -> Contest:
    return Race(everyone("network", steps=50 if quick else 1000, optimiser="adam"))


# Loops over small values


@row("while", "while norm(y.data) < 1000, a turn", against={"torch": 0.4})
def while_loop(quick: bool) -> Contest:
    # From 1e-18 * sqrt(3) to 1000 it is 69 doublings.
    return Race(everyone("doubling", rounds=10, iterations=69))


@row("newton", "Newton's square root, a turn", against={"torch": 0.4})
def newton(quick: bool) -> Contest:
    return Race(everyone("newton", steps=100))


# Large graphs


@row("chain", "backward over 1,000,000 nodes, a node", against={"short chain": 1.5, "torch": 0.5})
def chain(quick: bool) -> Contest:
    nodes = 100_000 if quick else 1_000_000
    return Race(
        everyone("chain", nodes=nodes) | {"short chain": work("gradsh", "chain", nodes=10_000)}
    )


@row("chain-memory", "memory of such a node", BYTES, against={"torch": None}, limit=600)
def chain_memory(quick: bool) -> Contest:
    return Race(everyone("chain_memory", nodes=100_000 if quick else 1_000_000), fresh=True)


@row("fan-in", "10,000 uses of a leaf, an edge", against={"1,000 uses": 1.5, "torch": None})
def fan_in(quick: bool) -> Contest:
    return Race(
        everyone("fan_in", edges=10_000, size=1000)
        | {"1,000 uses": work("gradsh", "fan_in", edges=1_000, size=1000)}
    )


# Second derivatives


@row("hessian", "hessian of a function of 100", against={"torch": 0.7})
def hessian(quick: bool) -> Contest:
    return Race(everyone("hessian", size=100))
