"""The text of a tensor, byte for byte what PyTorch's `print(tensor)` gives on the CPU.

The text is made in two halves. The shape alone gives a template, with one placeholder of
Python's `%` formatting for each number (`[%7.4f, %7.4f]`); the values alone decide what the
placeholder looks like. One `template % values` then makes the whole text, with no loop over rows
or elements in Python. Elements that are summarised away are never looked at.
"""

from __future__ import annotations

from itertools import product
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.print_options import PrintOptions, options
from gradsh.engine.dtypes import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gradsh.engine.tensor import Tensor

__all__ = ["PrintOptions", "options", "render", "tensor_text"]

_PREFIX = "tensor("
_INDENT = len(_PREFIX)


def tensor_text(tensor: Tensor, options: PrintOptions = options) -> str:
    """What PyTorch prints for a tensor, with its `grad_fn=<...>` or `requires_grad=True`."""
    node = tensor.grad_fn
    if node is not None:
        suffixes: tuple[str, ...] = (f"grad_fn=<{node.name}>",)
    elif tensor.requires_grad:
        suffixes = ("requires_grad=True",)
    else:
        suffixes = ()
    return render(tensor.array, suffixes, options, DEFAULTS.floating.name)


def render(
    array: NDArray[Any],
    suffixes: Sequence[str] = (),
    options: PrintOptions = options,
    default_dtype: str = "float32",
) -> str:
    """The text of an array as a tensor.

    `suffixes` are what follows the `size=` and `dtype=` that the array itself calls for; a
    suffix that does not fit into `options.linewidth` starts a line. `default_dtype` is the name
    of the floating dtype that needs no `dtype=`. dtypes that numpy does not have itself
    (ml_dtypes' bfloat16) are known by their names.
    """
    dtype = array.dtype.name
    if array.size == 0:
        contents = "[]"
        size_said = array.ndim != 1
        dtype_said = dtype != default_dtype
    else:
        contents = _contents(array, options)
        size_said = not options.edgeitems
        dtype_said = dtype != default_dtype and dtype not in ("int64", "bool")
        if dtype_said and array.dtype.kind == "c":
            dtype_said = dtype != ("complex128" if default_dtype == "float64" else "complex64")
    if size_said or dtype_said:
        own = [f"size={array.shape}"] if size_said else []
        if dtype_said:
            own.append(f"dtype=torch.{dtype}")
        suffixes = (*own, *suffixes)

    text = _PREFIX + contents
    if not suffixes:
        return text + ")"
    # PyTorch counts two columns more than a text of one line has, one more than the last of
    # several: the closing parenthesis has its place on the line.
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        column += len(suffix) + 2
        if column > options.linewidth:
            text += ",\n" + " " * _INDENT + suffix
            column = _INDENT + len(suffix)
        else:
            text += ", " + suffix
    return text + ")"


def _contents(array: NDArray[Any], options: PrintOptions) -> str:
    shown = array
    if array.size > options.threshold and array.ndim:
        if not options.edgeitems:
            return "[...]"
        shown = _edges(array, options.edgeitems)
    kind = shown.dtype.kind
    if kind in "biu":
        values: list[Any] = shown.ravel().tolist()
        # The ends of the range are the widest; False, the smaller bool, is wider than True.
        width = max(len(str(min(values))), len(str(max(values))))
        placeholder = f"%{width}s"
    elif kind == "c":
        placeholder, width, reals = _float_column(shown.real.ravel().tolist(), options)
        second, second_width, imaginaries = _float_column(
            shown.imag.ravel().tolist(), options, signed=True
        )
        placeholder += second + "j"
        width += second_width + 1
        values = [part for pair in zip(reals, imaginaries, strict=True) for part in pair]
    else:
        if kind != "f":
            shown = shown.astype(np.float32)
        placeholder, width, values = _float_column(shown.ravel().tolist(), options)
    if not shown.ndim:
        return placeholder % tuple(values)
    return _template(array.shape, shown.shape, placeholder, width, options) % tuple(values)


def _edges(array: NDArray[Any], edge: int) -> NDArray[Any]:
    """The elements that a summary shows: `edge` at both ends of every longer dimension."""
    ends = [
        ((slice(None, edge), slice(-edge, None)) if length > 2 * edge else (slice(None),))
        for length in array.shape
    ]
    shape = [min(length, 2 * edge) for length in array.shape]
    corners = np.empty(shape, array.dtype)
    for corner in product(*ends):
        corners[corner] = array[corner]
    return corners


def _float_column(
    values: list[float], options: PrintOptions, signed: bool = False
) -> tuple[str, int, list[Any]]:
    """How PyTorch lays out these numbers: a placeholder, the width it counts, the values for it.

    `signed` is for an imaginary part: it carries its sign, and is not padded.
    """
    numbers = [value for value in values if value and -inf < value < inf]
    if not numbers:
        whole, scientific = True, False
    else:
        magnitudes = [*map(abs, numbers)]
        smallest, largest = min(magnitudes), max(magnitudes)
        whole = all(map(float.is_integer, numbers))
        if options.sci_mode is None:
            scientific = largest / smallest > 1000.0 or largest > 1e8 or smallest < 1e-4
        else:
            scientific = options.sci_mode

    if scientific:
        form = f".{options.precision}e"
    elif whole:
        form = ".0f."
    else:
        form = f".{options.precision}f"

    # Zeros, infinities and nan do not count for the width, they may stick out of it.
    if not numbers:
        width = 1
    elif scientific:
        width = max(map(len, map(("%" + form).__mod__, numbers)))
    else:
        # Written without an exponent, a number is at least as wide as any that lies between
        # it and zero.
        width = max(len(("%" + form) % end) for end in (min(numbers), max(numbers)))

    if scientific or not whole:
        return f"%{'+' if signed else width}{form}", width, values
    if len(numbers) == len(values) or all(map(isfinite, values)):
        return f"%{'+' if signed else width - 1}{form}", width, values
    # A whole number ends with a point, inf and nan do not.
    sign = "+" if signed else ""
    texts = [f"{v:{sign}.0f}." if isfinite(v) else f"{v:{sign}.0f}" for v in values]
    return "%s" if signed else f"%{width}s", width, texts


def _template(
    full: Sequence[int],
    shown: Sequence[int],
    placeholder: str,
    width: int,
    options: PrintOptions,
) -> str:
    """The text of a tensor with a placeholder for each number.

    A dimension that is shorter in `shown` than in `full` has its middle left out.
    """
    last = len(shown) - 1
    indent = _INDENT + last
    items = [placeholder] * shown[last]
    if shown[last] < full[last]:
        items.insert(shown[last] // 2, " ...")
    # Two columns for the comma and the space after each element.
    per_line = max(1, (options.linewidth - indent) // (width + 2))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    text = "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    for axis in range(last - 1, -1, -1):
        blocks = [text] * shown[axis]
        if shown[axis] < full[axis]:
            blocks.insert(shown[axis] // 2, "...")
        between = "," + "\n" * (last - axis) + " " * (_INDENT + axis + 1)
        text = "[" + between.join(blocks) + "]"
    return text
