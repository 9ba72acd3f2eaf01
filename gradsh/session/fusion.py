"""Running the parts of expressions that the compiler found, block by block, over large tensors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from gradsh.engine import FUNCTIONS, Tensor
from gradsh.engine.dtypes import NUMBER_CATEGORY
from gradsh.engine.op import OPS
from gradsh.session.namespaces import Namespace

_COMPOSED: Final = frozenset(
    (
        "add", "binary_cross_entropy_with_logits", "celu", "clamp", "clip", "div", "divide", "elu",
        "hardtanh", "huber_loss", "l1_loss", "logsumexp", "mean", "mse_loss", "mul", "multiply",
        "negative", "pow", "relu6", "selu", "silu", "smooth_l1_loss", "softsign", "square", "sub",
        "subtract", "sum", "true_divide",
    )
)  # fmt: skip
"""Functions that work element by element, or reduce, and are no pointwise declarations."""
_READ: Final = frozenset((".data", ".shape", ".ndim", ".dtype"))


def _is_known(name: str) -> bool:
    """Whether the function of a name can be part of what is computed block by block."""
    if name in _COMPOSED:
        return True
    op = OPS.loaded.get(name)
    return op is not None and op.kind == "pointwise" and FUNCTIONS.loaded.get(name) is not None


class Fusion:
    """What compiled code calls for a part: `fuse`, and if it succeeds `fused` for the value."""

    def __init__(self) -> None:
        self.on = True
        self._value: Any = None

    def fuse(self, function: Callable[..., Any], attributes: tuple[str, ...], *values: Any) -> bool:
        """Compute a part block by block; False if it must be computed as it is written."""
        if not self.on or sys.getprofile() is not None:
            return False
        for value in values:
            kind = type(value)
            if kind is Tensor or kind in NUMBER_CATEGORY or kind is Namespace:
                continue
            name = getattr(value, "__name__", "")
            if not _is_known(name) or FUNCTIONS.loaded.get(name) is not value:
                return False
        if not all(name in _READ or _is_known(name[1:]) for name in attributes):
            return False
        from gradsh.engine.fusion.expression import evaluate  # only large tensors need it

        self._value = evaluate(function, values)
        return self._value is not None

    def fused(self) -> Any:
        """The value that `fuse` computed."""
        value, self._value = self._value, None
        return value


FUSION: Final = Fusion()
