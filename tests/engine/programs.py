"""Random programs, run statement by statement on gradsh and on PyTorch.

A program is Python text in the vocabulary that both share. After every statement the two sides
must hold the same values, types, graphs and versions, or have refused in the same words.
"""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np

from gradsh.engine import FUNCTIONS, Tensor
from gradsh.engine.dtypes import DTYPES
from gradsh.engine.modes import enable_grad, no_grad

from .oracle import first_line, same, torch

DTYPE_NAMES = ("float32", "float64", "int64", "int32", "uint8", "bool")
SHAPES = (
    "()",
    "(1,)",
    "(3,)",
    "(2, 3)",
    "(3, 1)",
    "(1, 3)",
    "(2, 2, 3)",
    "(2, 1, 3)",
    "(0,)",
    "(0, 3)",
    "(3, 3)",
)
NUMBERS = ("2", "-1", "0", "3", "0.5", "-1.5", "2.0", "True", "300", "-7", "0.0")
BINARY = ("+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", ">", ">=", "==", "!=", "&", "|")
UNARY = (
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "relu",
    "abs",
    "sign",
    "neg",
    "reciprocal",
    "square",
)
REDUCTIONS = ("sum", "mean", "prod", "amax", "amin", "norm", "all", "any")
EXPANSIONS = ("2, 3", "-1, 3", "3, -1", "2, -1, 3", "3", "-1", "2, 2, 3")
ORDERS = ("2", "1", "3", "0", "inf", "-inf", "0.5", "1.5")
IN_PLACE = ("+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=")
INDICES = (
    "0",
    "-1",
    "1",
    "2",
    ":",
    "1:",
    ":2",
    "::2",
    "None",
    "...",
    "-2:",
    "0:1",
    "True",
    "False",
    "[0, 1]",
    "[1, 1, 0]",
    "[]",
    "t([1, 0])",
    "t(0)",
    "t([True, False])",
    "t([True, False, True])",
    "t([[0, 1], [1, 0]])",
    "5",
    "1.5",
    "::-1",
    "[True, False]",
    "t(True)",
    "t([], dtype=i64)",
    "-5:10",
    "2:1",
)


class Writer:
    """Writes one random program."""

    def __init__(self, choices: random.Random) -> None:
        self.random = choices
        self.names: list[str] = []

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def name(self) -> str:
        return self.random.choice(self.names)

    def fresh(self) -> str:
        name = f"v{len(self.names)}" if len(self.names) < 8 else f"v{self.random.randrange(8)}"
        if name not in self.names:
            self.names.append(name)
        return name

    def program(self, length: int) -> list[str]:
        lines = [self.creation() for _ in range(3)]
        while len(lines) < length:
            lines.append(self.statement())
        return lines

    def creation(self) -> str:
        chance = self.random.random()
        shape = self.random.choice(SHAPES)
        seed = self.random.randrange(1000)
        if chance < 0.7:
            dtype = self.pick("float32", "float64", "float32")
            text = f"make({seed}, {shape}, {dtype!r}, {self.random.random() < 0.7})"
        else:
            text = f"make({seed}, {shape}, {self.pick(*DTYPE_NAMES)!r}, False)"
        return f"{self.fresh()} = {text}"

    def dim(self) -> str:
        return str(self.pick("0", "1", "-1", "0", "-1", "1", "2", "-2", "3"))

    def dims(self) -> str:
        return str(
            self.pick(
                "None",
                self.dim(),
                self.dim(),
                "()",
                f"({self.dim()},)",
                f"({self.dim()}, {self.dim()})",
            )
        )

    def operand(self) -> str:
        return self.name() if self.random.random() < 0.7 else str(self.pick(*NUMBERS))

    def index(self) -> str:
        count = self.pick(1, 1, 1, 2, 2, 3)
        return ", ".join(
            self.pick(*INDICES, self.name()) if self.random.random() < 0.93 else self.pick(*INDICES)
            for _ in range(count)
        )

    def view(self) -> str:
        x = self.name()
        return str(
            self.pick(
                f"{x}.reshape({self.shape()})",
                f"{x}.view({self.shape()})",
                f"{x}.transpose({self.dim()}, {self.dim()})",
                f"{x}.permute({self.pick('1, 0', '0', '0, 1', '2, 0, 1', '1, -1', '0, 0')})",
                f"{x}.t()",
                f"{x}.T",
                f"{x}.mT",
                f"{x}.expand({self.pick(*EXPANSIONS)})",
                f"{x}.squeeze({self.pick('', self.dim(), '(0, 1)', '(0, -1)')})",
                f"{x}.unsqueeze({self.dim()})",
                f"{x}[{self.index()}]",
                f"{x}[{self.index()}]",
                f"{x}[{self.index()}]",
                f"{x}.select({self.dim()}, {self.pick(0, 1, -1, 4)})",
                f"{x}.narrow({self.dim()}, {self.pick(0, 1, -1)}, {self.pick(1, 2, 0)})",
                f"{x}.unbind({self.dim()})[0]",
                f"{x}.flatten({self.pick('', '1', '0, 1')})",
                f"{x}.detach()",
                f"{x}.data",
                f"{x}.contiguous()",
                f"{x}.clone()",
            )
        )

    def shape(self) -> str:
        return str(
            self.pick(
                "-1",
                "3, -1",
                "2, -1",
                "1, -1",
                "3, 2",
                "6",
                "1, 3",
                "-1, 1",
                "3",
                "1",
                "()",
                "2, 3, 1",
                "0, -1",
                "-1, -1",
                "3, 3",
            )
        )

    def expression(self) -> str:
        x = self.name()
        kind = self.random.random()
        if kind < 0.3:
            a, b = self.operand(), self.operand()
            if a not in self.names and b not in self.names:
                a = x
            return f"{a} {self.pick(*BINARY)} {b}"
        if kind < 0.38:
            return f"{x}.{self.pick(*UNARY)}()"
        if kind < 0.40:
            return str(self.pick(f"-{x}", f"~{x}", f"+{x}"))
        if kind < 0.52:
            name = self.pick(*REDUCTIONS)
            keep = self.pick("", ", keepdim=True")
            dtype = self.pick("", "", "", ", dtype=f64") if name in ("sum", "mean", "prod") else ""
            if name == "norm":
                return f"{x}.norm({self.pick(*ORDERS)}, {self.dims()}{keep})"
            if self.random.random() < 0.4:
                return f"{x}.{name}({dtype[2:]})"
            return f"{x}.{name}({self.dims()}{keep}{dtype})"
        if kind < 0.78:
            return self.view()
        if kind < 0.82:
            return f"{self.pick('cat', 'stack')}([{x}, {self.name()}], {self.dim()})"
        if kind < 0.85:
            return f"where({self.name()} > 0, {self.operand()}, {self.operand()})"
        if kind < 0.88:
            return f"{x}.to({self.pick('f32', 'f64', 'i64', 'u8', 'bool_')})"
        if kind < 0.91:
            return f"{self.pick('zeros_like', 'ones_like')}({x})"
        if kind < 0.93:
            return str(
                self.pick(
                    f"{x}.grad.clone()",
                    f"{x}.item()",
                    f"len({x})",
                    f"bool({x})",
                    f"float({x})",
                    f"int({x})",
                    f"{x} is {self.name()}",
                    f"{x}.tolist()",
                    f"list({x})[-1]",
                    f"{x} == None",
                    f"{x} == 'a'",
                    f"{x}.is_contiguous()",
                    f"{x}.retains_grad",
                )
            )
        return self.creation().split(" = ", 1)[1]

    def statement(self) -> str:
        x = self.name()
        kind = self.random.random()
        if kind < 0.5:
            text = self.expression()
            prefix = "with no_grad(): " if self.random.random() < 0.07 else ""
            return f"{prefix}{self.fresh()} = {text}"
        if kind < 0.62:
            place = self.pick("", "", f"[{self.index()}]")
            change = f"{x}{place} {self.pick(*IN_PLACE, '+=', '*=')} {self.operand()}"
        elif kind < 0.70:
            change = f"{x}[{self.index()}] = {self.pick(self.operand(), self.expression())}"
        elif kind < 0.80:
            change = str(
                self.pick(
                    f"{x}.zero_()",
                    f"{x}.fill_({self.operand()})",
                    f"{x}.copy_({self.name()})",
                    f"{x}.{self.pick(*UNARY)}_()",
                    f"{x}.add_({self.operand()}, alpha={self.pick('2', '0.5')})",
                    f"{x}.mul_({self.operand()})",
                    f"{x}.requires_grad_({self.pick('', 'False')})",
                    f"{x}.detach_()",
                    f"{x}.retain_grad()",
                    f"{x}.requires_grad = {self.pick('True', 'False')}",
                    f"{x}.grad = {self.pick('None', self.name())}",
                    f"{x}.data = {self.name()}",
                    f"{x}.grad.zero_()",
                    f"{x}.pow_({self.operand()})",
                    f"{x}.data[{self.index()}] = {self.operand()}",
                )
            )
        else:
            options = self.pick(
                "",
                "",
                ", retain_graph=True",
                ", create_graph=True",
                f", inputs=[{self.name()}]",
                f", inputs={self.name()}, retain_graph=True",
            )
            return str(
                self.pick(
                    f"{x}.sum().backward({options[2:]})",
                    f"{x}.sum().backward({options[2:]})",
                    f"{x}.backward({options[2:]})",
                    f"{x}.backward(ones_like({x}){options})",
                    f"{x}.backward({self.name()}{options})",
                    f"({x} * {self.name()}).sum().backward({options[2:]})",
                )
            )
        if self.random.random() < 0.2:
            change = f"with no_grad(): {change}"
        return change


def make_values(seed: int, shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    """Small numbers, some of them zero, equal or whole."""
    numbers = np.random.default_rng(seed)
    values = numbers.choice([0.0, 1.0, 2.0, -1.0, 0.5, -2.5, 3.0, 1.25, -0.75], shape)
    if seed % 3 == 0:
        values = values + numbers.normal(size=shape)
    if dtype == "uint8":
        values = np.abs(values)
    return np.asarray(values).astype("bool" if dtype == "bool" else dtype)


def namespaces() -> tuple[dict[str, Any], dict[str, Any]]:
    """The names that programs use, for gradsh and for PyTorch."""
    from .oracle import Tensor_over

    def ours_make(seed: int, shape: tuple[int, ...], dtype: str, grad: bool) -> Any:
        x = Tensor_over(make_values(seed, shape, dtype))
        return x.requires_grad_() if grad else x

    def theirs_make(seed: int, shape: tuple[int, ...], dtype: str, grad: bool) -> Any:
        x = torch.from_numpy(make_values(seed, shape, dtype))
        return x.requires_grad_() if grad else x

    shared = {"inf": float("inf")}
    short = {"f32": "float32", "f64": "float64", "i64": "int64", "u8": "uint8", "bool_": "bool"}
    functions = ("cat", "stack", "where", "zeros_like", "ones_like")
    ours = {name: FUNCTIONS[name] for name in functions}
    ours |= {
        "t": FUNCTIONS["tensor"],
        "make": ours_make,
        "no_grad": no_grad,
        "enable_grad": enable_grad,
    }
    ours |= {name: DTYPES[dtype] for name, dtype in short.items()} | shared
    theirs = {name: getattr(torch, name) for name in functions}
    theirs |= {
        "t": torch.tensor,
        "make": theirs_make,
        "no_grad": torch.no_grad,
        "enable_grad": torch.enable_grad,
    }
    theirs |= {name: getattr(torch, dtype) for name, dtype in short.items()} | shared
    return ours, theirs


def state(value: Any, kind: Any, with_grad: bool = True) -> Any:
    """What can be seen of a value."""
    if not isinstance(value, kind):
        return value
    node = value.grad_fn
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
)
"""Errors after which PyTorch has changed some values already; gradsh never has."""


def same_errors(ours: BaseException | None, theirs: BaseException | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, TypeError):
        return True
    return first_line(ours) == first_line(theirs)


def run(lines: list[str]) -> str | None:
    """The first difference between the two sides, or None."""
    ours, theirs = namespaces()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number, line in enumerate(lines):
            expected = execute(line, theirs)
            got = execute(line, ours)
            if not same_errors(got, expected):
                return f"line {number}: {line}\n  gradsh:  {got!r}\n  PyTorch: {expected!r}"
            if expected is not None and any(word in str(expected) for word in PARTLY_DONE):
                return None
            for name in [name for name in theirs if name[0] == "v" and name[1:].isdigit()]:
                a = state(ours.get(name), Tensor)
                b = state(theirs[name], torch.Tensor)
                if not same(a, b):
                    return f"line {number}: {line}\n  {name}\n  gradsh:  {a}\n  PyTorch: {b}"
    return None


def smallest(lines: list[str]) -> tuple[list[str], str]:
    """A failing program with every line removed that the failure does not need."""
    failure = run(lines)
    assert failure is not None
    changed = True
    while changed:
        changed = False
        for index in reversed(range(len(lines))):
            shorter = lines[:index] + lines[index + 1 :]
            again = run(shorter)
            if again is not None and "NameError" not in again:
                lines, failure, changed = shorter, again, True
                break
    return lines, failure
