"""What a function makes of a list among its arguments: several tensors, a list, or a tensor."""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final

TENSOR_LISTS: Final = frozenset(("Operands", "tensors", "grad_tensors"))
LISTS: Final = frozenset(
    (
        "Any", "Dims", "Shape", "Shape | None", "betas",
        "data", "destination", "dilation", "dim", "dims", "grad_outputs", "indices_or_sections",
        "inputs", "kernel_size", "normalized_shape", "operands", "output_padding", "output_size",
        "outputs", "pad", "padding", "parameters", "params", "repeats", "shape", "shifts", "size",
        "sizes", "source", "split_size_or_sections", "stride",
    )
)  # fmt: skip
"""Annotations of operations, and parameters of functions composed of them, that take a list."""

_VARIABLE_ARGUMENTS: Final = 0x04  # inspect.CO_VARARGS; inspect itself is slow to load


def takes_any_number(function: Any) -> bool:
    """Whether a function gathers its positional arguments."""
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & _VARIABLE_ARGUMENTS)


def wanted(function: Any, place: int | str) -> str:
    """What a parameter takes: its annotation, or its name where it has none that says more.

    The parameter is given by position or name. A function of a program, and what is no function,
    says nothing of what it takes.
    """
    if not isinstance(function, FunctionType):
        method = getattr(function, "__func__", None)
        if method is None:
            return ""
        return wanted(method, place + 1 if isinstance(place, int) else place)
    op = getattr(function, "op", None)
    if op is not None:
        name = place if isinstance(place, str) else op.parameters[min(place, op.positional - 1)]
        annotation: str = op.annotations.get(name, "")
        return annotation
    code = function.__code__
    if code.co_filename.startswith("<gradsh>"):
        return ""
    if isinstance(place, int):
        rest = code.co_argcount + code.co_kwonlyargcount
        position = place if place < code.co_argcount else rest
        return code.co_varnames[position] if position < len(code.co_varnames) else ""
    return place
