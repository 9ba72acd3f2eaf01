"""The work as PyTorch does it, eagerly and with its default threads."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch.nn import functional

from benchmarks.tasks import Task, resident_memory

Expression = Callable[[], torch.Tensor]
Shape = tuple[int, ...]


def operations(size: int, record: bool, steps: int = 100) -> Task:
    """A chain of a product and a sum in turn, with its backward pass or without recording."""
    x = torch.ones(size, requires_grad=True)
    v = torch.ones(size)

    def chain() -> torch.Tensor:
        y: torch.Tensor = x
        for _ in range(steps):
            y = y * 1.0001 + 0.1
        return y

    def forward_and_backward() -> None:
        x.grad = None
        chain().backward(v)  # type: ignore[no-untyped-call]

    def forward() -> None:
        with torch.no_grad():
            chain()

    if not record:
        return Task(forward, 2 * steps)
    return Task(forward_and_backward, 2 * steps, result=lambda: gradient(x).sum().item())


def gradient(x: torch.Tensor) -> torch.Tensor:
    """The gradient, which the work has filled."""
    assert x.grad is not None
    return x.grad


def mixture(x: torch.Tensor) -> Expression:
    """The log-likelihood of the points under a mixture of ten normal distributions."""
    mu, s, w = (torch.linspace(a, b, 10) for a, b in ((-2, 2), (0.5, 1), (-3, -2)))
    return lambda: torch.logsumexp(w - torch.log(s) - 0.5 * ((x - mu) / s) ** 2, 1).sum()


def huber(x: torch.Tensor) -> Expression:
    """Huber's loss, on both sides of its bend."""
    t = 1 - x.detach()
    return lambda: functional.huber_loss(4 * x, t)


EXPRESSIONS: dict[str, Callable[[torch.Tensor], Expression]] = {
    "example": lambda x: lambda: torch.mean(3 * (x + 2) ** 2),
    "tanh-exp": lambda x: lambda: torch.sum(torch.tanh(x) * torch.exp(-(x**2))),
    "activations": lambda x: (
        lambda: functional.softplus(functional.silu(functional.gelu(torch.sigmoid(x)))).sum()
    ),
    "mixture": mixture,
    "huber": huber,
}


def expression(name: str, shape: list[int]) -> Task:
    """The value of an expression in `x` and its gradient."""
    x = torch.linspace(0, 1, prod(shape)).reshape(shape).requires_grad_()
    value = EXPRESSIONS[name](x)

    def run() -> None:
        x.grad = None
        value().backward()  # type: ignore[no-untyped-call]

    return Task(run, result=lambda: gradient(x).abs().mean().item())


def along_rows(name: str, shape: list[int]) -> Task:
    """An operation on the rows of a matrix, forward and backward."""
    count = prod(shape)
    x = (torch.linspace(0, 1, count) * 7 % 1).reshape(shape).requires_grad_()
    v = torch.linspace(-1, 1, count).reshape(shape)
    w = torch.linspace(1, 2, shape[1]).requires_grad_()
    b = torch.zeros(shape[1], requires_grad=True)

    def run() -> None:
        x.grad = w.grad = b.grad = None
        if name == "softmax":
            y = functional.softmax(x, 1)
        else:
            y = functional.layer_norm(x, w.shape, w, b)
        y.backward(v)  # type: ignore[no-untyped-call]

    return Task(run, result=lambda: gradient(x).abs().mean().item())


def mlp_loss(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Cross entropy by hand, with probabilities."""
    return (torch.logsumexp(z, 1) - (z * t).sum(1)).mean()


# The leaves, the constants and what is computed of them; `v` is the cotangent of the result.
LAYERS: dict[str, tuple[dict[str, Shape], dict[str, Shape], Callable[..., torch.Tensor]]] = {
    "conv2d": (
        {"x": (32, 16, 28, 28), "w": (32, 16, 3, 3), "b": (32,)},
        {"v": (32, 32, 28, 28)},
        lambda x, w, b: functional.conv2d(x, w, b, padding=1),
    ),
    "matmul": ({"a": (1000, 1000), "b": (1000, 1000)}, {"v": (1000, 1000)}, torch.matmul),
    "mlp": (
        {"w1": (128, 64), "b1": (128,), "w2": (10, 128), "b2": (10,)},
        {"x": (256, 64), "t": (256, 10), "v": ()},
        lambda w1, b1, w2, b2, x, t: mlp_loss(
            functional.linear(torch.relu(functional.linear(x, w1, b1)), w2, b2), t
        ),
    ),
}


def layer(name: str) -> Task:
    """A layer's result and the gradients of all its leaves."""
    leaves, constants, function = LAYERS[name]

    def made(shape: Shape) -> torch.Tensor:
        return torch.linspace(-1, 1, prod(shape)).reshape(shape).sin() * 0.1

    given = [made(shape).requires_grad_() for shape in leaves.values()]
    *fixed, v = [made(shape) for shape in constants.values()]

    def run() -> None:
        for leaf in given:
            leaf.grad = None
        function(*given, *fixed).backward(v)  # type: ignore[no-untyped-call]

    def result() -> float:
        return sum(gradient(leaf).abs().mean().item() for leaf in given)

    return Task(run, result=result)


def regression(steps: int) -> Task:
    """Linear regression by gradient descent: 100 examples of 3 features."""
    torch.manual_seed(0)
    features = torch.randn(100, 3)
    y = features @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(100)
    w = torch.zeros(3, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)

    def run() -> None:
        with torch.no_grad():
            w.zero_()
            b.zero_()
        for _ in range(steps):
            loss = ((features @ w + b - y) ** 2).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                w.sub_(0.1 * gradient(w))
                b.sub_(0.1 * gradient(b))
            w.grad = None
            b.grad = None

    return Task(run, steps, result=lambda: w.detach().sum().item())


def network(steps: int, optimiser: str | None) -> Task:
    """A network of two layers, 64 to 128 to 10, on a batch of 256."""
    torch.manual_seed(0)
    x = torch.randn(256, 64)
    labels = torch.randint(0, 10, (256,))
    y = torch.randn(256, 10)
    start1 = torch.randn(64, 128) * 0.1
    start2 = torch.randn(128, 10) * 0.1

    def fresh() -> list[torch.Tensor]:
        return [
            start1.clone().requires_grad_(),
            torch.zeros(128, requires_grad=True),
            start2.clone().requires_grad_(),
            torch.zeros(10, requires_grad=True),
        ]

    def by_hand() -> None:
        weights = w1, b1, w2, b2 = fresh()
        for _ in range(steps):
            loss = ((torch.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                for weight in weights:
                    weight.sub_(0.1 * gradient(weight))
            for weight in weights:
                weight.grad = None

    def by_optimiser() -> None:
        weights = w1, b1, w2, b2 = fresh()
        made = getattr(torch.optim, {"adam": "Adam"}[str(optimiser)])(weights, lr=0.001)
        for _ in range(steps):
            made.zero_grad()
            loss = functional.cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            made.step()

    return Task(by_hand if optimiser is None else by_optimiser, steps)


def doubling(rounds: int, iterations: int) -> Task:
    """`while norm(y.data) < 1000`, from so small a start that it takes many turns."""
    x = torch.full((3,), 1e-18, requires_grad=True)
    last: list[torch.Tensor] = []

    def run() -> None:
        for _ in range(rounds):
            y: torch.Tensor = x
            while torch.norm(y.data) < 1000:
                y = y * 2
        last[:] = [y]

    return Task(run, rounds * iterations, result=lambda: torch.norm(last[0].data).item())


def newton(steps: int) -> Task:
    """Newton's iteration for a square root, on a number that requires a gradient."""
    a = torch.tensor(3.0, requires_grad=True)

    def run() -> None:
        a.grad = None
        t: torch.Tensor = a
        for _ in range(steps):
            t = t - (t * t - a) / (2 * t)
        t.backward()  # type: ignore[no-untyped-call]

    return Task(run, steps, result=lambda: gradient(a).item())


class Chain:
    """A chain of products with numbers, from one leaf."""

    def __init__(self, nodes: int) -> None:
        self.x = torch.ones(1, requires_grad=True)
        self.v = torch.ones(1)
        self.nodes = nodes
        self.y: torch.Tensor | None = None

    def build(self) -> None:
        """Record the chain anew."""
        self.y = None
        self.x.grad = None
        y: torch.Tensor = self.x
        for _ in range(self.nodes):
            y = y * 1.0000001
        self.y = y

    def run(self) -> None:
        """Go back over it."""
        assert self.y is not None
        self.y.backward(self.v)  # type: ignore[no-untyped-call]


def chain(nodes: int) -> Task:
    """The backward pass over a chain of nodes, a node."""
    made = Chain(nodes)
    return Task(made.run, nodes, made.build, once=True, result=lambda: gradient(made.x).item())


def chain_memory(nodes: int) -> Task:
    """What a node of a chain takes beyond its four bytes of data."""
    Chain(10_000).build()
    made = Chain(nodes)

    def measure() -> float:
        before = resident_memory()
        made.build()
        return (resident_memory() - before) - 4 * nodes

    return Task(measure=measure, units=nodes)


def fan_in(edges: int, size: int) -> Task:
    """The backward pass of a sum in which one leaf stands many times, an edge."""
    x = torch.ones(size, requires_grad=True)
    sums: list[torch.Tensor] = []

    def build() -> None:
        x.grad = None
        s = x * 0.5
        for _ in range(edges):
            s = s + x
        sums[:] = [s.sum()]

    return Task(
        lambda: sums[0].backward(),  # type: ignore[no-untyped-call]
        edges,
        build,
        once=True,
        result=lambda: gradient(x).sum().item(),
    )


def hessian(size: int) -> Task:
    """The matrix of second derivatives of Rosenbrock's function."""
    x = torch.linspace(-1, 1, size)
    second: list[torch.Tensor] = []

    def f(x: torch.Tensor) -> torch.Tensor:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def run() -> None:
        second[:] = [torch.autograd.functional.hessian(f, x)]  # type: ignore[no-untyped-call]

    return Task(run, result=lambda: second[0].sum().item())
