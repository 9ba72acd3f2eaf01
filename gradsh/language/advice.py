"""What to do about an error at run time: one line for each of PyTorch's commoner messages.

An error may carry advice of its own (as a note), which then goes first; a line here is for what
many operations can raise, or what only the text of the program explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Advice = str | Callable[[re.Match[str]], str]


def _two_sizes(match: re.Match[str]) -> str:
    return (
        f"lengths must be equal or 1, counted from the last dimension; here {match[1]} meets "
        f"{match[2]}; `reshape`, `unsqueeze` and `.T` change a shape"
    )


def _index_range(match: re.Match[str]) -> str:
    size = int(match[1])
    if not size:
        return "this dimension is empty"
    return f"the first element has index 0, the last one {size - 1} or -1"


def _unpacked(match: re.Match[str]) -> str:
    return f"write as many names as there are values, here {match[1]}"


def _too_deep(match: re.Match[str]) -> str:
    return f"the shape has {match[1]} lengths: write at most as many indices, or print `.shape`"


_ADVICE: Final[tuple[tuple[re.Pattern[str], Advice], ...]] = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (
            r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
            _two_sizes,
        ),
        (
            r"(?:The expanded size|output with shape|shape mismatch: value tensor)",
            "the value must fit the shape it goes to: equal lengths, or 1, from the last dimension",
        ),
        (
            r"index -?\d+ is out of bounds for dimension \d+ with size (\d+)",
            _index_range,
        ),
        (r"too many indices for tensor of dimension (\d+)", _too_deep),
        (
            r"Dimension out of range \(expected to be in range of \[-\d+, (\d+)\]",
            r"the first dimension is 0, the last one \1 or -1",
        ),
        (
            r"shape '.*' is invalid for input of size (\d+)",
            r"the lengths must multiply to \1; one of them may be -1, which means what is left",
        ),
        (
            r"(?:inconsistent tensor size|size mismatch, got)",
            "the dimension that is summed over must have one length in both",
        ),
        (
            r"Expected size for first two dimensions of batch2 tensor to be",
            "batches have one length; columns of the first meet rows of the second; try `.mT`",
        ),
        (
            r"Sizes of tensors must match except in dimension (\d+)",
            r"only dimension \1 may differ; `dim=` chooses another one",
        ),
        (
            r"stack expects each tensor to be equal size",
            "tensors of different lengths are joined with `cat`",
        ),
        (
            r"the elements of a bracket literal must have one shape",
            "tensors of different shapes are joined with `cat`, or kept in a tuple `(a, b)`",
        ),
        (
            r"a Tensor with \d+ elements cannot be converted to Scalar",
            "pick an element (`x[0].item()`), or reduce it first (`x.sum().item()`)",
        ),
        (
            r"Boolean value of Tensor with (?:more than one value|no values) is ambiguous",
            "reduce it with `all(...)` or `any(...)`; element by element are `&`, `|` and `where`",
        ),
        (
            r"(?:not enough|too many) values to unpack \(expected \d+, got (\d+)\)",
            _unpacked,
        ),
        (
            r"(?:not enough|too many) values to unpack",
            "write as many names as there are values; `x.shape` tells",
        ),
        (
            r"Mismatch in shape: grad_output",
            "the weights after `with` have the shape of what is differentiated",
        ),
        (
            r"Integers to negative integer powers",
            "make it a float first: `x.float()`, or write the numbers with a point",
        ),
        (
            r"result type \w+ can't be cast to the desired output type",
            "an in-place change keeps the type: write `x = x + ...`, or make x a float first",
        ),
        (
            r"expected (?:m1 and m2|both inputs|scalar type|mat1 and mat2)",
            "convert one of them: `x.float()`, `x.double()`, `x.to(dtype)`",
        ),
        (
            r"view size is not compatible",
            "write `.reshape(...)`, which copies where it must",
        ),
        (
            r"Unable to allocate|not enough memory",
            "this needs more memory than there is; make it in parts",
        ),
        (
            r"unsupported operand type\(s\) for @",
            "`@` multiplies tensors of at least one dimension; for numbers write `*`",
        ),
        (
            r"step must be greater than zero",
            "to go backwards write `flip(x, 0)`",
        ),
        (
            r"new\(\): invalid data type 'str'",
            'a tensor holds numbers; texts stand in a tuple: `("a", "b")`',
        ),
        (
            r"must be Tensor, not (?:int|float|bool)$",
            "write `tensor(...)` around the number",
        ),
        (
            r"must be torch\.dtype, not str$",
            "types are names, without quotes: `dtype=float64`",
        ),
        (
            r"'NoneType' object has no attribute",
            "what stands before the point is none: no gradient yet, or nothing was returned",
        ),
    )
)


def advice_on(message: str) -> str | None:
    """What to do about an error with this message, if that is known."""
    for pattern, advice in _ADVICE:
        match = pattern.search(message)
        if match is not None:
            return match.expand(advice) if isinstance(advice, str) else advice(match)
    return None
