"""The autograd engine: tensors over numpy arrays, with PyTorch's semantics.

from gradsh.engine import FUNCTIONS as f

x = f["ones"](2, 2, requires_grad=True)
f["mean"](3 * (x + 2) ** 2).backward()
x.grad
"""

from __future__ import annotations

from gradsh.engine.attach import DIFFERENTIATION, attach
from gradsh.engine.backward import backward, grad
from gradsh.engine.gradcheck import GradcheckError, gradcheck, gradgradcheck
from gradsh.engine.op import FUNCTIONS, METHODS, OPS, Op
from gradsh.engine.registers import load_all
from gradsh.engine.size import Size
from gradsh.engine.tensor import Tensor

attach()

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
