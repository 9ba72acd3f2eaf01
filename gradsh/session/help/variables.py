"""Pages on values: what this tensor is."""

from __future__ import annotations

from textwrap import indent
from types import FunctionType
from typing import Any

from gradsh.display.pages import Page
from gradsh.display.statistics import statistics, summary
from gradsh.display.tables import bytes_text
from gradsh.display.values import shown
from gradsh.engine.dtypes import DType
from gradsh.engine.tensor import Tensor
from gradsh.session.variables import gradient_of, kind_of

_LONGEST = 1000


def value_page(name: str, value: Any) -> Page:
    """The page on a variable, or on another value that has a name."""
    if isinstance(value, Tensor):
        return _tensor_page(name, value)
    if isinstance(value, FunctionType):
        return _function_page(name, value)
    if isinstance(value, DType):
        text = f"{bytes_text(value.itemsize)} an element; {name}(x) converts a tensor or a number."
        return Page(f"{name}: a type of elements", text)
    text = shown(value)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + " ..."
    return Page(f"{name}: {kind_of(value)}", indent(text, "    "))


def _function_page(name: str, function: FunctionType) -> Page:
    """A function of the user's: the statement that defined it."""
    _, _, rest = function.__code__.co_filename.partition("\n")
    title = shown(function).removeprefix("<function ").removesuffix(">")
    if not rest:
        return Page(title, "")
    source, line, text = rest.split("\n", 2)
    return Page(title, f"defined in {source}, line {line}:\n\n{indent(text.rstrip(), '    ')}")


def _tensor_page(name: str, tensor: Tensor) -> Page:
    array = tensor.array
    gradient = gradient_of(tensor)
    data: dict[str, Any] = {
        "name": name,
        "shape": [*tensor.shape],
        "dtype": tensor.dtype.name,
        "bytes": array.nbytes,
        "is_leaf": tensor.is_leaf,
        "requires_grad": tensor.node is not None,
        "grad_fn": None if tensor.grad_fn is None else tensor.grad_fn.name,
        "grad": gradient is not None,
        "is_view": tensor.base is not None,
        "version": tensor._version,
        "statistics": statistics(array),
    }
    facts = [
        ("shape", f"{tuple(tensor.shape)}, {array.size} element{'s' * (array.size != 1)}"),
        ("dtype", f"{tensor.dtype.name}, {bytes_text(array.nbytes)}"),
        ("requires_grad", _recording(tensor)),
        ("grad", "none" if gradient is None else summary(gradient.array)),
        ("values", summary(array)),
    ]
    if tensor.base is not None:
        facts.append(("view", f"of a tensor of shape {tuple(tensor.base.shape)}"))
    if tensor._version:
        times = "once" if tensor._version == 1 else f"{tensor._version} times"
        facts.append(("changed", f"{times} in place"))
    width = max(len(head) for head, _ in facts)
    return Page(
        f"{name}: tensor", "\n".join(f"{head:{width}}  {text}" for head, text in facts), data
    )


def _recording(tensor: Tensor) -> str:
    if tensor.node is None:
        return "false"
    return "true, a leaf" if tensor.grad_fn is None else f"true, made by {tensor.grad_fn.name}"
