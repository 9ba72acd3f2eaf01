"""One sample call, computed by gradsh and by PyTorch on the same inputs.

A sample is a line of gradsh in a declaration's docstring. Names stand for gradsh's functions on
one side and PyTorch's on the other; the functions that make inputs (`randn`, `rand`, `tensor`)
hand out the same numbers to both, in the element type and memory layout of a `Variation`.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any

import numpy as np

from gradsh.engine import FUNCTIONS, Tensor
from gradsh.engine.dtypes import DTYPES, DType, FloatLimits, bfloat16, is_inexact
from gradsh.engine.random import manual_seed

try:
    import torch
except ImportError:
    torch = None

INPUTS = ("randn", "rand", "tensor")


def samples() -> list[tuple[str, str]]:
    """(function, sample call) for every line of code in the functions' docstrings."""
    return [(name, line) for name in sorted(FUNCTIONS) for line in sample_lines(name)]


def sample_lines(name: str) -> list[str]:
    """The sample calls in the docstring of one function."""
    start = re.compile(rf"(\w+ = )?.*\b{re.escape(name)}\(")
    lines = cleandoc(FUNCTIONS[name].__doc__ or "").splitlines()[1:]
    return [line for line in lines if start.match(line) and line.rstrip().endswith(")")]


def forms() -> list[str]:
    """Calls without a function's name: indexing, operators, changes in place."""
    lines = (Path(__file__).parent / "forms.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def changed(tensor: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of `tensor`, changed in place."""
    copy = tensor.clone()
    change(copy)
    return copy


def seen(tensor: Any, view: Callable[[Any], Any], change: Callable[[Any], Any]) -> Any:
    """A view of a copy of `tensor` that was changed in place after the view was made."""
    copy = tensor.clone()
    look = view(copy)
    change(copy)
    return look


class Variation:
    """How the inputs of a sample are made: their element type, layout and lengths."""

    def __init__(
        self,
        name: str,
        dtype: str | None = None,
        layout: str = "plain",
        lengths: dict[int, int] | None = None,
        zero_dim: bool = False,
        special: bool = False,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.layout = layout
        self.lengths = lengths or {}
        self.zero_dim = zero_dim
        self.special = special

    def __repr__(self) -> str:
        return self.name

    def shape(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape to make where a sample asks for `sizes`."""
        return () if self.zero_dim else tuple(self.lengths.get(size, size) for size in sizes)


VARIATIONS = [
    Variation("float32"),
    *(Variation(name, name) for name in DTYPES if name != "float32"),
    Variation("transposed", layout="transposed"),
    Variation("sliced", layout="sliced"),
    Variation("expanded", layout="expanded"),
    Variation("empty", lengths={3: 0}),
    Variation("empty last", lengths={4: 0}),
    Variation("single", lengths={3: 1}),
    Variation("single last", lengths={4: 1}),
    Variation("mismatched", lengths={4: 5, 3: 4}),
    Variation("zero-dim", zero_dim=True),
    Variation("special values", special=True),
    Variation("special float64", "float64", special=True),
]

SPECIAL = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 0.5, 2.0, 3.5, -2.0]


class Side:
    """One engine's way to make tensors and to call functions."""

    def __init__(self, function: Callable[[str], Any], dtype: Callable[[str], Any]) -> None:
        self.function = function
        self.dtype = dtype

    def tensor(self, array: np.ndarray[Any, Any]) -> Any:
        """A constant tensor with a copy of `array`."""
        raise NotImplementedError

    def array(self, tensor: Any) -> np.ndarray[Any, Any]:
        """The values of a tensor."""
        raise NotImplementedError

    def names(self, inputs: Callable[..., Any]) -> dict[str, Any]:
        """The namespace that a sample is evaluated in."""
        names: dict[str, Any] = {name: self.function(name) for name in FUNCTIONS}
        for name in DTYPES:
            if name not in names:
                names[name] = self.dtype(name)
        # PyTorch imports some of its own modules only when they are needed
        builtin = {"__import__": builtins.__import__}
        names |= {"true": True, "false": False, "none": None, "__builtins__": builtin}
        names |= {
            "inf": math.inf,
            "nan": math.nan,
            "slice": slice,
            "changed": changed,
            "seen": seen,
        }
        for name in INPUTS:
            names[name] = lambda *sizes, _kind=name: inputs(_kind, *sizes)
        return names


class GradshSide(Side):
    """gradsh."""

    def __init__(self) -> None:
        super().__init__(FUNCTIONS.__getitem__, DTYPES.__getitem__)
        self.Tensor: Any = Tensor

    def tensor(self, array: np.ndarray[Any, Any]) -> Any:
        return FUNCTIONS["tensor"](Tensor_over(array))

    def array(self, tensor: Any) -> np.ndarray[Any, Any]:
        return np.asarray(tensor.detach().array)


def Tensor_over(array: np.ndarray[Any, Any]) -> Tensor:
    from gradsh.engine.tensor import new_tensor

    return new_tensor(np.array(array))


class TorchSide(Side):
    """PyTorch; a method where it has one, because samples write sizes without parentheses."""

    def __init__(self) -> None:
        super().__init__(self._function, lambda name: getattr(torch, name))
        self.Tensor: Any = torch.Tensor

    @staticmethod
    def plain_function(name: str) -> Any:
        """The function of this name, None where PyTorch has only a method."""
        if name not in ("norm", "matmul", "diagonal") and hasattr(torch.linalg, name):
            return getattr(torch.linalg, name)
        for module in (torch.nn.functional, torch, torch.special, torch.fft):
            function = getattr(module, name, None)
            if callable(function):
                return function
        return None

    @staticmethod
    @cache  # looking all of them up for every call took half of the tests' time
    def _function(name: str) -> Any:
        function = TorchSide.plain_function(name)
        if hasattr(torch.linalg, name) and function is getattr(torch.linalg, name):
            return function
        method = None if name == "where" else getattr(torch.Tensor, name, None)
        if not callable(method):
            method = None

        def call(*args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], torch.Tensor) and method is not None:
                return method(*args, **kwargs)
            assert function is not None, f"PyTorch has no {name}"
            return function(*args, **kwargs)

        return call

    def tensor(self, array: np.ndarray[Any, Any]) -> Any:
        if array.dtype.name == "bfloat16":  # PyTorch takes none from numpy, and gives it none
            return self.tensor(array.astype(np.float32)).bfloat16()
        made = torch.tensor(np.ascontiguousarray(array).reshape(array.shape))
        # an empty array's strides say nothing, and PyTorch would keep them
        return torch.empty(made.shape, dtype=made.dtype).copy_(made)

    def array(self, tensor: Any) -> np.ndarray[Any, Any]:
        if tensor.dtype is torch.bfloat16:
            return np.asarray(self.array(tensor.float())).astype(bfloat16.numpy)
        return np.asarray(tensor.detach().numpy(force=True))


class Run:
    """A sample evaluated on one side."""

    def __init__(self, side: Side, text: str, variation: Variation, seed: int = 0) -> None:
        self.side = side
        self.variation = variation
        self.numbers = np.random.default_rng(seed)
        self.leaves: list[Any] = []
        self.error: Exception | None = None
        self.result: Any = None
        (manual_seed if isinstance(side, GradshSide) else torch.manual_seed)(3)
        names = side.names(self.make)
        try:
            self.result = builtins.eval(text, names)
        except Exception as error:  # noqa: BLE001 (any error is compared with the other side's)
            self.error = plain(error)

    def make(self, kind: str, *sizes: Any) -> Any:
        """An input: of the sample's shape, changed as the variation says."""
        if kind == "tensor":
            array = np.array(sizes[0])
            if array.dtype == np.float64:
                array = array.astype(np.float32)
            return self._given(array)
        if len(sizes) == 1 and isinstance(sizes[0], tuple):
            sizes = sizes[0]
        shape = self.variation.shape(sizes)
        layout = self.variation.layout if shape else "plain"
        stored = shape
        if layout == "transposed":
            stored = shape[::-1]
        elif layout == "sliced":
            stored = (*shape[:-1], shape[-1] * 2)
        elif layout == "expanded":
            stored = (*shape[:-1], 1)
        leaf = self._given(self._values(kind, stored))
        if layout == "transposed":
            return leaf.permute(tuple(range(len(shape)))[::-1])
        if layout == "sliced":
            return leaf[..., ::2]
        if layout == "expanded":
            return leaf.expand(shape)
        return leaf

    def _values(self, kind: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        draw = self.numbers.normal if kind == "randn" else self.numbers.uniform
        if self.variation.special:
            values = self.numbers.choice(SPECIAL, shape)
        else:
            values = draw(size=shape)
        dtype = DTYPES[self.variation.dtype or "float32"].numpy
        if dtype.kind in "iu":
            values = np.abs(np.round(values * 3)) if dtype.kind == "u" else np.round(values * 3)
        elif dtype.kind == "b":
            values = values > 0.4
        elif dtype.kind == "c":
            values = values + 1j * draw(size=shape)
        return np.asarray(values).astype(dtype)

    def _given(self, array: np.ndarray[Any, Any]) -> Any:
        leaf = self.side.tensor(array)
        if is_inexact(array.dtype):
            leaf.requires_grad_()
            self.leaves.append(leaf)
        return leaf

    def results(self) -> list[Any]:
        """The tensors that the sample gave."""
        found = self.result if isinstance(self.result, (tuple, list)) else (self.result,)
        return [x for x in found if isinstance(x, self.side.Tensor)]  # type: ignore[attr-defined]

    def gradients(self, order: int) -> Iterator[tuple[str, Any]]:
        """The leaves' gradients of a weighted sum of the results: of `order` 1, then 2."""
        total = weighted(self, [x for x in self.results() if x.requires_grad])
        if total is None:
            return
        total.backward(create_graph=order > 1)
        first = [leaf.grad for leaf in self.leaves]
        for index, grad in enumerate(first):
            yield f"grad {index}", None if grad is None else self.side.array(grad).copy()
        if order < 2:
            return
        second = weighted(self, [g for g in first if g is not None and g.requires_grad])
        for leaf in self.leaves:
            leaf.grad = None
        if second is None:
            yield "second", None
            return
        second.backward()
        for index, leaf in enumerate(self.leaves):
            grad = leaf.grad
            yield f"second {index}", None if grad is None else self.side.array(grad).copy()


def plain(error: Exception) -> Exception:
    """PyTorch's error of linear algebra as the RuntimeError that it is a kind of."""
    if torch is not None and isinstance(error, torch.linalg.LinAlgError):
        return RuntimeError(*error.args)
    return error


def weighted(run: Run, tensors: list[Any]) -> Any:
    """The sum of all elements, each with its own fixed weight."""
    total = None
    for x in tensors:
        size = math.prod(x.shape)
        weights = np.cos(np.arange(size, dtype=np.float64)).reshape(tuple(x.shape)) + 0.5
        dtype = run.side.array(x).dtype
        if dtype.kind == "c":
            weights = weights + 1j * np.sin(weights)
        part = (x * run.side.tensor(weights.astype(dtype))).sum()
        part = part.real if dtype.kind == "c" else part
        total = part if total is None else total + part
    return total


_INPUTS_DIFFER = ("CopySlices", "NotImplemented")
"""Nodes that have other inputs in gradsh: what was written into a view, and what is refused."""


def describe(side: Side, value: Any) -> Any:
    """What two sides must agree on, for one value."""
    if isinstance(value, side.Tensor):  # type: ignore[attr-defined]
        grad_fn = value.grad_fn
        node = constant = None
        if grad_fn is not None:
            node = grad_fn.name if isinstance(grad_fn.name, str) else type(grad_fn).__name__
            if node not in _INPUTS_DIFFER:
                constant = [before is None for before, _ in grad_fn.next_functions]
        array = side.array(value)
        return str(value.dtype), tuple(value.shape), node, constant, value.requires_grad, array
    if isinstance(value, (DType, FloatLimits)) or (
        torch is not None and isinstance(value, (torch.dtype, torch.finfo))
    ):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [describe(side, item) for item in value]
    return value


_REQUEST = (
    "  (Could this error message be improved?  If so, please report an enhancement request to "
    "PyTorch.)"
)


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    line = (str(error).splitlines() or [""])[0]
    return line.removesuffix(_REQUEST)


def same(ours: Any, theirs: Any, tolerance: float = 0.0) -> bool:
    """Equal values; floating ones to within a few units in the last place."""
    if isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return False
        if not is_inexact(ours.dtype):
            return bool(np.array_equal(ours, theirs))
        if ours.dtype.name == "bfloat16":  # one unit in the last place, as of float16
            ours, theirs, close = ours.astype(np.float32), theirs.astype(np.float32), 1.6e-2
        else:
            close = {2: 2e-3, 4: 2e-5, 8: 1e-11}[ours.real.dtype.itemsize]
        close = tolerance or close
        return bool(np.allclose(ours, theirs, rtol=close, atol=close, equal_nan=True))
    if isinstance(ours, (tuple, list)) and isinstance(theirs, (tuple, list)):
        return len(ours) == len(theirs) and all(
            same(a, b, tolerance) for a, b in zip(ours, theirs, strict=True)
        )
    if isinstance(ours, float) and math.isnan(ours):
        return isinstance(theirs, float) and math.isnan(theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)
