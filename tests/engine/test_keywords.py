"""Arguments by name: every sample call with its positional arguments named as declared."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS

from .oracle import INPUTS, GradshSide, Run, TorchSide, Variation, describe, same, samples, torch

PLAIN = Variation("float32")
CALLS = [(name, text) for name, text in samples() if name not in INPUTS]
OVERLOADED = {
    "arange": "a single number is the end",
    "dsplit": "indices or sections",
    "float_power": "input or self",
    "flip": "several numbers, or one without parentheses, by position only",
    "hsplit": "indices or sections",
    "isin": "element or elements",
    "max": "dim or other",
    "min": "dim or other",
    "pow": "input or self",
    "scatter": "src or value",
    "searchsorted": "input or self",
    "tensor_split": "indices or sections",
    "unfold": "PyTorch has the image blocks under this name, and the windows as a method only",
    "vsplit": "indices or sections",
    "xlog1py": "input or self",
    "zeta": "input or self",
}
"""Functions whose arguments PyTorch names by what is given."""


def parameters(name: str) -> list[str]:
    """The names of a function's positional arguments, as its declaration has them."""
    function = FUNCTIONS[name]
    op = getattr(function, "op", None)
    if op is not None:
        return list(op.parameters)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [x.name for x in inspect.signature(function).parameters.values() if x.kind == kind]


def by_name(name: str, function: Callable[..., Any], plain: Any) -> Callable[..., Any]:
    """`function`, called with its positional arguments by the names that gradsh gives them.

    `plain` is called for what has no name: several numbers or tensors without parentheses.
    """
    names = parameters(name)

    def call(*args: Any, **named: Any) -> Any:
        if len(args) > len(names):
            return plain(*args, **named)
        return function(**dict(zip(names, args, strict=False)), **named)

    return call


class Named(GradshSide):
    """gradsh, with the arguments of one function named."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def names(self, inputs: Callable[..., Any]) -> dict[str, Any]:
        function = FUNCTIONS[self.name]
        return {**super().names(inputs), self.name: by_name(self.name, function, function)}


class NamedTorch(TorchSide):
    """PyTorch, with the arguments of one of its functions named as gradsh names them."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def names(self, inputs: Callable[..., Any]) -> dict[str, Any]:
        names = super().names(inputs)
        function = self.plain_function(self.name)
        if function is None or isinstance(function, torch.dtype):  # a method only
            return names
        return {**names, self.name: by_name(self.name, function, names[self.name])}


@pytest.mark.parametrize(("name", "text"), CALLS, ids=[text for _, text in CALLS])
def test_names_are_those_of_the_declaration(name: str, text: str) -> None:
    plain, named = Run(GradshSide(), text, PLAIN), Run(Named(name), text, PLAIN)
    assert repr(named.error) == repr(plain.error)
    if not text.startswith("empty"):
        assert same(describe(plain.side, plain.result), describe(named.side, named.result))


@pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")
@pytest.mark.parametrize(("name", "text"), CALLS, ids=[text for _, text in CALLS])
def test_names_are_pytorchs(name: str, text: str) -> None:
    if name not in OVERLOADED:
        plain, named = Run(TorchSide(), text, PLAIN), Run(NamedTorch(name), text, PLAIN)
        assert type(named.error) is type(plain.error), named.error
