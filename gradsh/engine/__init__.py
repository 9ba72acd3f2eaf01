"""The autograd engine: tensors over numpy arrays, with PyTorch's semantics.

from gradsh.engine import FUNCTIONS as f

x = f["ones"](2, 2, requires_grad=True)
f["mean"](3 * (x + 2) ** 2).backward()
x.grad
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradsh.engine.attach import DIFFERENTIATION, attach
from gradsh.engine.backward import backward, grad
from gradsh.engine.op import FUNCTIONS, METHODS, OPS, Op
from gradsh.engine.registers import load_all
from gradsh.engine.size import Size
from gradsh.engine.tensor import Tensor

if TYPE_CHECKING:
    from gradsh.engine.gradient_check import GradcheckError, gradcheck, gradgradcheck

attach()


def __getattr__(name: str) -> Any:
    """What checks gradients, which is imported when it is asked for."""
    if name not in ("GradcheckError", "gradcheck", "gradgradcheck"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gradsh.engine import gradient_check

    return getattr(gradient_check, name)


__all__ = [
    "DIFFERENTIATION",
    "FUNCTIONS",
    "METHODS",
    "OPS",
    "GradcheckError",
    "Op",
    "Size",
    "Tensor",
    "backward",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "load_all",
]
