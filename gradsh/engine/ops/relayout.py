"""Dimensions exchanged, added and dropped in place: the tensor looks otherwise at its storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.engine.arguments import Dim, Dims, Operand
from gradsh.engine.derivative import linear
from gradsh.engine.graph import Node
from gradsh.engine.inplace import check_in_place
from gradsh.engine.journal import change_attributes, change_values
from gradsh.engine.modes import GRAD_MODE, INTERRUPTS
from gradsh.engine.op import OPS
from gradsh.engine.ops.shape import reshape, squeeze, t, transpose, unsqueeze
from gradsh.engine.rebasing import changed
from gradsh.engine.tensor import Tensor


@linear(
    input=lambda g, dim0, dim1: transpose(g, dim0, dim1),
    view=True,
    grad_fn="TransposeBackward1",
    hidden=True,
)
def exchanged(input: Operand, dim0: Dim, dim1: Dim):
    """input with two dimensions exchanged."""
    return transpose.op.forward(input, dim0, dim1)


@linear(input=lambda g: t(g), view=True, grad_fn="TBackward1", hidden=True)
def turned(input: Operand):
    """input with its two dimensions exchanged."""
    if input.ndim > 2:
        raise RuntimeError(f"t_() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return t.op.forward(input)


def _squeezed_name(node: Node) -> str:
    dim = OPS["squeezed"].argument(node, "dim")
    if dim is None:
        return "SqueezeBackward3"
    return "SqueezeBackward4" if isinstance(dim, int) else "SqueezeBackward5"


@linear(
    input=lambda g, dim, input_shape: reshape(g, input_shape),
    view=True,
    grad_fn=_squeezed_name,
    hidden=True,
)
def squeezed(input: Operand, dim: Dims = None):
    """input without dimensions of length one."""
    return squeeze.op.forward(input, dim)


@linear(
    input=lambda g, input_shape: reshape(g, input_shape),
    view=True,
    grad_fn="UnsqueezeBackward1",
    hidden=True,
)
def unsqueezed(input: Operand, dim: Dim):
    """input with a new dimension of length one."""
    return unsqueeze.op.forward(input, dim)


def _in_place(name: str, function: Callable[..., Tensor], does: str) -> Callable[..., Tensor]:
    def change(input: Tensor, *args: Any, **named: Any) -> Tensor:
        check_in_place(input)
        result = function(input, *args, **named)
        node = result.node
        change_values([input])
        change_attributes(input)
        with INTERRUPTS:
            input.array = result.array
            changed(input, None)  # for the other views of the storage
            if GRAD_MODE.recording:
                input.node = node
        return input

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"{does}; in place, the storage stays."
    return change


RELAYOUTS = (
    _in_place("transpose_", exchanged, "Exchange the dimensions dim0 and dim1"),
    _in_place("swapaxes_", exchanged, "Exchange the dimensions axis0 and axis1"),
    _in_place("swapdims_", exchanged, "Exchange the dimensions dim0 and dim1"),
    _in_place("t_", turned, "Exchange the two dimensions"),
    _in_place("squeeze_", squeezed, "Drop dimensions of length one, all or dim"),
    _in_place("unsqueeze_", unsqueezed, "Add a dimension of length one at dim"),
)
