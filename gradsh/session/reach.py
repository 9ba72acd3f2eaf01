"""What values hold: the tensors, arrays and other objects that can be reached from them."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

import numpy as np

from gradsh.engine.graph import Leaf, Node
from gradsh.engine.journal import storage_of
from gradsh.engine.tensor import Tensor
from gradsh.session.namespaces import Namespace


def reached(values: Iterable[Any], nodes: int = 0) -> dict[int, Any]:
    """What can be reached from values, by identity; arrays as the storage that they look into.

    Of the graphs behind them at most so many `nodes` are looked at.
    """
    found: dict[int, Any] = {}
    stack = list(values)
    while stack:
        value = stack.pop()
        key = id(value)
        if key in found:
            continue
        if isinstance(value, Tensor):
            found[key] = value
            stack.append(value.array)
            if value.box is not None:
                stack.append(value.box)
            if value.base is not None:
                stack.append(value.base)
            if value.node is not None and nodes:
                stack.append(value.node)
        elif isinstance(value, np.ndarray):
            owner = storage_of(value)
            found[id(owner)] = owner
        elif isinstance(value, Node):
            found[key] = value
            nodes -= 1
            if nodes > 0:
                stack.extend(parent for parent in value.parents if parent is not None)
            if isinstance(value, Leaf):
                stack.append(value.box)
            stack.extend(value.saved or ())
        elif isinstance(value, (tuple, list)):
            found[key] = value
            stack.extend(value)
        elif isinstance(value, dict):
            found[key] = value
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, FunctionType):
            found[key] = value
            stack.extend(value.__defaults__ or ())
            stack.extend(
                cell.cell_contents for cell in value.__closure__ or () if cell != _EMPTY_CELL
            )
        elif _is_ours(value):
            found[key] = value
            stack.extend(_attributes(value))
    return found


_EMPTY_CELL = type((lambda x: lambda: x)(0).__closure__[0])()  # type: ignore[index]


def _is_ours(value: Any) -> bool:
    """Whether a value is an object of gradsh's own, such as an optimiser or a record."""
    kind = type(value)
    return kind.__module__.startswith("gradsh.") and kind is not Namespace


def _attributes(value: Any) -> Iterable[Any]:
    if hasattr(value, "__dict__"):
        return list(vars(value).values())
    return [getattr(value, name, None) for name in getattr(value, "__slots__", ())]


def arrays_among(found: dict[int, Any]) -> dict[int, Any]:
    """The storages among what was reached."""
    return {key: value for key, value in found.items() if isinstance(value, np.ndarray)}
