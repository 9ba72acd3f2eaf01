"""Looking into a storage by offset and strides, and its transpose; used by in-place changes."""

from __future__ import annotations

from typing import Any

from gradsh.engine.arguments import Operand
from gradsh.engine.derivative import linear


@linear(input=lambda g, layout: spread_view(g, layout), grad_fn="AsStridedBackward0", hidden=True)
def look_at_view(input: Operand, layout: Any):
    """The part of input that a view with this layout sees."""
    return layout.look(input)


@linear(input=lambda g, layout: look_at_view(g, layout), hidden=True)
def spread_view(input: Operand, layout: Any):
    """Zeros of the base's shape with input added where the view looks."""
    return layout.spread(input)


@linear(
    input=lambda g, part, layout: put_view(g, part * 0, layout),
    part=lambda g, layout: look_at_view(g, layout),
    hidden=True,
)
def put_view(input: Operand, part: Operand, layout: Any):
    """input with the part that the view sees replaced."""
    return layout.put(input, part)
