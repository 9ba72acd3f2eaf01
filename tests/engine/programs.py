"""Random programs, run statement by statement on gradsh and on PyTorch.

A program is Python text in the vocabulary that both share. After every statement the two sides
must hold the same values, types, graphs and versions, or have refused in the same words.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradsh.engine import FUNCTIONS, Tensor, grad
from gradsh.engine.dtypes import DTYPES
from gradsh.engine.modes import enable_grad, no_grad

from .grammar import GRAMMAR
from .oracle import Tensor_over, first_line, same, torch


class Writer:
    """Writes one random program."""

    def __init__(self, choices: random.Random) -> None:
        self.random = choices
        self.names: list[str] = []

    def program(self, length: int) -> list[str]:
        """The lines of a program; the first three make tensors."""
        return [self.line("creation" if number < 3 else "line") for number in range(length)]

    def line(self, kind: str) -> str:
        """One statement."""
        text = self.text(kind)
        return text.replace("<new>", self.fresh()) if "<new>" in text else text

    def text(self, kind: str) -> str:
        """One of the texts that the grammar has for `kind`, its blanks filled."""
        if kind == "name":
            return self.random.choice(self.names)
        if kind == "seed":
            return str(self.random.randrange(1000))
        texts = GRAMMAR[kind]
        if isinstance(texts, dict):
            (text,) = self.random.choices(list(texts), list(texts.values()))
        else:
            text = self.random.choice(texts)
        return re.sub(r"\{(\w+)\}", lambda blank: self.text(blank[1]), text)

    def fresh(self) -> str:
        """A name for a new value: there are eight."""
        number = len(self.names)
        if number >= 8:
            return self.random.choice(self.names)
        self.names.append(f"v{number}")
        return self.names[-1]


def make_values(seed: int, shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    """Small numbers, some of them zero, equal or whole."""
    numbers = np.random.default_rng(seed)
    values = numbers.choice([0.0, 1.0, 2.0, -1.0, 0.5, -2.5, 3.0, 1.25, -0.75], shape)
    if seed % 3 == 0:
        values = values + numbers.normal(size=shape)
    if dtype == "uint8":
        values = np.abs(values)
    if dtype == "complex64":
        values = values + 1j * numbers.choice([0.0, 1.0, -0.5], shape)
    return np.asarray(values).astype(dtype)


SHORT = {
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "i64": "int64",
    "u8": "uint8",
    "bool_": "bool",
    "c64": "complex64",
}
"""How programs call the types: bare names that hide nothing of Python's."""


def maker(tensor_over: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function that makes a program's tensors, on one side."""

    def make(seed: int, shape: tuple[int, ...], dtype: str, requires_grad: bool) -> Any:
        x = tensor_over(make_values(seed, shape, dtype))
        return x.requires_grad_() if requires_grad else x

    return make


def torch_over(array: np.ndarray[Any, Any]) -> Any:
    """A tensor of PyTorch's with the values of `array`, laid out as PyTorch does by itself."""
    made = torch.from_numpy(array)
    return made if made.numel() else torch.empty(made.shape, dtype=made.dtype)


def torch_function(name: str) -> Any:
    """PyTorch's function of that name."""
    return getattr(torch, name, None) or getattr(torch.nn.functional, name)


def namespaces() -> tuple[dict[str, Any], dict[str, Any]]:
    """The names that programs use, for gradsh and for PyTorch."""
    functions = ("cat", "stack", "where", "zeros_like", "ones_like", "eye", "einsum", "solve")
    functions += ("gelu", "softplus", "elu", "leaky_relu", "silu", "logsigmoid")
    ours = {name: FUNCTIONS[name] for name in functions}
    ours |= {name: DTYPES[dtype] for name, dtype in SHORT.items()}
    ours |= {
        "t": FUNCTIONS["tensor"],
        "make": maker(Tensor_over),
        "grad": grad,
        "no_grad": no_grad,
        "enable_grad": enable_grad,
        "inf": float("inf"),
    }
    theirs = {name: torch_function(name) for name in functions if name != "solve"}
    theirs |= {name: getattr(torch, dtype) for name, dtype in SHORT.items()}
    theirs |= {
        "solve": torch.linalg.solve,
        "t": torch.tensor,
        "make": maker(torch_over),
        "grad": torch.autograd.grad,
        "no_grad": torch.no_grad,
        "enable_grad": torch.enable_grad,
        "inf": float("inf"),
    }
    return ours, theirs


def state(value: Any, kind: Any, with_grad: bool = True) -> Any:
    """What can be seen of a value; the error, where the value refuses to be looked at."""
    if isinstance(value, (tuple, list)):
        return [state(item, kind) for item in value]
    if not isinstance(value, kind):
        return value
    try:
        node = value.grad_fn
    except RuntimeError as error:
        return first_line(error)
    name = None
    if node is not None:
        name = node.name if isinstance(node.name, str) else node.name().split("::")[-1]
    array = value.detach().array if kind is Tensor else value.detach().numpy(force=True)
    steps = zip(value.stride(), value.shape, strict=True)
    strides = [step for step, length in steps if length > 1] if value.numel() > 1 else None
    seen = [
        str(value.dtype),
        tuple(value.shape),
        name,
        value.requires_grad,
        value.is_leaf,
        value._version if with_grad else None,
        strides,
        np.array(array),
    ]
    if with_grad and (value.is_leaf or value.retains_grad):
        seen.append(state(value.grad, kind, with_grad=False))
    return seen


def execute(line: str, names: dict[str, Any]) -> BaseException | None:
    """Run one statement; the error it ended with, if any."""
    try:
        exec(line, names)
    except Exception as error:  # noqa: BLE001 (compared with the other side's)
        return error
    return None


PARTLY_DONE = (
    "ZeroDivisionError",
    "out of bounds",
    "its base or another view of its base has been modified",
    "has been modified by an inplace operation",
    "Trying to backward through the graph a second time",
    "derivative for ",
    "Number of elements of source < number of ones in mask",
)
"""Errors after which PyTorch has changed some values already; gradsh never has."""

MANY_CONDITIONS = re.compile(
    r"\.(scatter|index_|masked_|gather|take|addmm|addc|lerp|arg|sort|topk|max|min|cum|softmax|log_s"
    r"|kth|median|std|var|logsumexp|clamp|roll|tri|rot90|tile|diag|m[mv]\(|dot|outer|hypot|atan2)"
    r"|trace|norm|addc|einsum|where|solve|grad\("
)
"""Calls that ask much of their arguments. Such a call with several faults is refused for one of
them, and not always for the one that PyTorch finds first."""
REFUSALS = (RuntimeError, IndexError, TypeError, AttributeError, NameError)
"""What refuses a call; any other error would be numpy's or Python's own."""


def same_errors(line: str, ours: BaseException | None, theirs: BaseException | None) -> bool:
    """Whether a statement ended alike on both sides."""
    if ours is None or theirs is None:
        return ours is theirs
    if MANY_CONDITIONS.search(line) and isinstance(theirs, REFUSALS):
        return isinstance(ours, REFUSALS)
    if type(ours) is not type(theirs):
        return False
    return isinstance(ours, TypeError) or first_line(ours) == first_line(theirs)


COARSER = re.compile("float32|complex64|int|uint8|bool|[/]")


def accuracy(lines: list[str]) -> float:
    """How far numbers may differ: a float64 number that came of coarser ones is no better."""
    text = "".join(lines)
    if "16" in text:
        return 4e-3
    return 2e-5 if COARSER.search(text) else 0.0


def run(lines: list[str]) -> str | None:
    """The first difference between the two sides, or None."""
    ours, theirs = namespaces()
    tolerance = accuracy(lines)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number, line in enumerate(lines):
            expected = execute(line, theirs)
            got = execute(line, ours)
            if "ComplexHalf" in str(expected):
                return None  # a type that gradsh does not have
            if not same_errors(line, got, expected):
                return f"line {number}: {line}\n  gradsh:  {got!r}\n  PyTorch: {expected!r}"
            if expected is not None and any(word in str(expected) for word in PARTLY_DONE):
                return None
            for name in [name for name in theirs if name[0] == "v" and name[1:].isdigit()]:
                a = state(ours.get(name), Tensor)
                b = state(theirs[name], torch.Tensor)
                if not same(a, b, tolerance):
                    return f"line {number}: {line}\n  {name}\n  gradsh:  {a}\n  PyTorch: {b}"
    return None
