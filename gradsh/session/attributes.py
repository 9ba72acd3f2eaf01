"""What a program may read, call and set of a value: one table for each class.

A user's `E.name` is compiled to the Python attribute `.name`, with the dot as its first letter.
Only the attributes that are given such a name here exist for a program; nothing else of Python
can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from gradsh.display.tensor_text import tensor_text
from gradsh.engine import Size, Tensor
from gradsh.engine.attach import give_methods
from gradsh.engine.dtypes import FLOAT, INTEGER, NUMBER_CATEGORY, DType, FloatLimits
from gradsh.engine.graph import Node, verify_saved
from gradsh.engine.hooks import RemovableHandle
from gradsh.engine.lazy import Lazy
from gradsh.engine.ops.shape import to
from gradsh.engine.optim import LBFGS, Group, Optimizer, Schedule
from gradsh.engine.registers import AFTER_LOADING
from gradsh.engine.results import RESULT_TYPES
from gradsh.session.faults import ErrorValue

_PYTHON_METHODS = frozenset({"numpy"})
"""Methods that only a Python caller has a use for."""


def _read_only(name: str) -> property:
    return property(attrgetter(name))


def _settable(name: str) -> property:
    def change(value: Any, new: Any) -> None:
        setattr(value, name, new)

    return property(attrgetter(name), change)


def expose(kind: type, attributes: dict[str, object]) -> None:
    """Give the values of a class attributes that a program can use, by their names."""
    for name, attribute in attributes.items():
        setattr(kind, "." + name, attribute)


def _methods(kind: type, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(kind, name) for name in names}


def _read(names: Iterable[str]) -> dict[str, object]:
    return {name: _read_only(name) for name in names}


class _NodeName(str):
    """A node's name; PyTorch's is a method, so a pasted line calls it."""

    def __call__(self) -> str:
        return str(self)


def _node_name(node: Node) -> str:
    return _NodeName(node.name)


def _saved(node: Node) -> tuple[Tensor, ...]:
    """What a node keeps for its derivative. RuntimeError if that is gone or was changed."""
    verify_saved(node)
    kept = tuple([tensor for tensor in node.saved or () if tensor is not None])
    for tensor in kept:
        if isinstance(tensor.array, Lazy):
            tensor.array = tensor.array.compute()
    return kept


def _format(tensor: Tensor, specification: str) -> str:
    """A tensor in an f-string: as its number if it has no dimensions, else as it is printed."""
    if not tensor.ndim:
        return format(tensor.item(), specification)
    if specification:
        raise TypeError("unsupported format string passed to Tensor.__format__")
    return tensor_text(tensor)


def _converted(dtype: DType, value: Any = 0) -> Any:
    """`float(x)`, `int64(x)`: a tensor in that type; a number, or a text's number, stays one.

    ValueError for a text that is no number, TypeError for what is neither.
    """
    if isinstance(value, Tensor):
        return to(value, dtype)
    if isinstance(value, str):
        if dtype.category == INTEGER:
            return int(value)
        if dtype.category == FLOAT:
            return float(value)
    if type(value) not in NUMBER_CATEGORY:
        raise TypeError(
            f"{dtype.name}() argument must be a tensor or a number, not {type(value).__name__}"
        )
    if dtype.category == INTEGER:
        return int(value)
    if dtype.category == FLOAT:
        return float(value)
    return complex(value) if dtype.is_complex else bool(value)


_TABLES: tuple[tuple[type, dict[str, object]], ...] = (
    (
        Tensor,
        {
            **_read(("T", "_version", "dtype", "grad_fn", "is_leaf", "mT", "ndim", "H", "mH")),
            **_read(("retains_grad", "shape", "real", "imag")),
            "data": _settable("data"),
            "grad": _settable("grad"),
            "requires_grad": _settable("requires_grad"),
        },
    ),
    (
        Node,
        {
            **_read(("next_functions",)),
            "name": property(_node_name),
            "saved": property(_saved),
        },
    ),
    (RemovableHandle, {"remove": RemovableHandle.remove}),
    (
        Optimizer,
        {
            **_methods(Optimizer, ("step", "zero_grad", "add_group")),
            **_read(("groups", "param_groups")),
            "lr": _settable("lr"),
        },
    ),
    (LBFGS, _methods(LBFGS, ("step",))),
    (Group, {**_read(("tensors",)), "lr": _settable("lr")}),
    (Schedule, {**_methods(Schedule, ("step", "get_last_lr")), **_read(("epoch", "lr"))}),
    (Size, {"numel": Size.numel}),
    (DType, _read(("name", "itemsize", "is_floating_point", "is_complex"))),
    (FloatLimits, _read(FloatLimits.__slots__)),
    (ErrorValue, _read(("message", "source", "line", "column", "hint"))),
)


def _expose_results() -> None:
    """Give the fields of every named result declared since a name for programs."""
    for result, fields in RESULT_TYPES.loaded.values():
        if fields and not hasattr(result, "." + fields[0]):
            expose(result, _read(fields))


def attach() -> None:
    """Give the engine's classes the attributes that programs use, and their texts."""
    for kind, attributes in _TABLES:
        expose(kind, attributes)
    give_methods(".", without=_PYTHON_METHODS)
    _expose_results()
    AFTER_LOADING.append(_expose_results)
    methods: dict[str, Callable[..., Any]] = {
        "__repr__": tensor_text,
        "__str__": tensor_text,
        "__format__": _format,
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)
    setattr(DType, "__call__", _converted)  # noqa: B010
