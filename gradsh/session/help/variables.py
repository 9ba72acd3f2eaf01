"""Pages on values: what this tensor is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent
from types import FunctionType
from typing import Any

from gradsh.display.pages import Page
from gradsh.display.statistics import statistics, summary
from gradsh.display.tables import bytes_text
from gradsh.display.values import shown
from gradsh.engine.dtypes import DType
from gradsh.engine.graph import Node
from gradsh.engine.tensor import Tensor
from gradsh.session.variables import gradient_of, kind_of

_LONGEST = 1000
_MOST_USERS = 8
_MOST_NODES = 10_000
"""How much of one variable's graph is searched for another variable."""


def value_page(name: str, value: Any, variables: Mapping[str, Any] | None = None) -> Page:
    """The page on a variable, or on another value that has a name.

    For a tensor it tells which of the `variables` were computed from it or look into it.
    """
    if isinstance(value, Tensor):
        return _tensor_page(name, value, list(_users(value, variables or {})))
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


def _tensor_page(name: str, tensor: Tensor, users: list[str]) -> Page:
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
        "used_by": users,
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
    if users:
        more = len(users) - _MOST_USERS
        rest = f" and {more} more" if more > 0 else ""
        facts.append(("used by", ", ".join(users[:_MOST_USERS]) + rest))
    width = max(len(head) for head, _ in facts)
    return Page(
        f"{name}: tensor", "\n".join(f"{head:{width}}  {text}" for head, text in facts), data
    )


def _users(tensor: Tensor, variables: Mapping[str, Any]) -> Iterator[str]:
    """The names of other tensors that were computed from this one, or are views of it."""
    for name, value in variables.items():
        if isinstance(value, Tensor) and value is not tensor:
            recorded = tensor.node is not None and value.node is not tensor.node
            if value.base is tensor or (recorded and _comes_from(value.node, tensor.node)):
                yield name


def _comes_from(node: Node | None, origin: Node | None) -> bool:
    """Whether an operation used what another one made, directly or through others."""
    seen: set[Node] = set()
    stack = [node]
    while stack and len(seen) < _MOST_NODES:
        here = stack.pop()
        if here is origin:
            return True
        if here is not None and here not in seen:
            seen.add(here)
            stack.extend(here.parents)
    return False


def _recording(tensor: Tensor) -> str:
    if tensor.node is None:
        return "false"
    return "true, a leaf" if tensor.grad_fn is None else f"true, made by {tensor.grad_fn.name}"
