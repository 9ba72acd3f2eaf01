"""What `torch.nn.functional` means by names that `torch` gives another meaning or signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.engine.inplace import in_place_form
from gradsh.engine.op import FUNCTIONS, METHODS


def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The blocks of images as columns."""
    from gradsh.engine.ops.image_blocks import image_blocks  # only wanted here

    return image_blocks(input, kernel_size, dilation, padding, stride)


def _with_inplace(name: str, others: int) -> Callable[..., Any]:
    """An activation that has an argument `inplace` after its `others`."""

    def call(input: Any, *arguments: Any, inplace: bool = False, **named: Any) -> Any:
        if len(arguments) > others:
            *arguments, inplace = arguments  # type: ignore[assignment]
        function = FUNCTIONS[name]
        if inplace:
            form = name + "_"
            function = METHODS.get(form) or in_place_form(form, function, True)
        return function(input, *arguments, **named)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"torch.nn.functional.{name}."
    return call


FUNCTIONAL: dict[str, Callable[..., Any]] = {
    "unfold": unfold,
    **{
        name: _with_inplace(name, others)
        for name, others in {
            "celu": 1,
            "elu": 1,
            "hardsigmoid": 0,
            "hardswish": 0,
            "hardtanh": 2,
            "leaky_relu": 1,
            "mish": 0,
            "relu": 0,
            "relu6": 0,
            "rrelu": 3,
            "selu": 0,
            "silu": 0,
            "threshold": 2,
        }.items()
    },
}
"""The functions by their names in `torch.nn.functional`."""
