"""The modules of PyTorch as Python code names them, and what gradsh calls their contents."""

from __future__ import annotations

import ast
from typing import Final

from gradsh.conversion import torch_names
from gradsh.conversion.words import words
from gradsh.engine import DIFFERENTIATION, FUNCTIONS
from gradsh.engine.dtypes import ALIASES, DTYPES

OPTIMISERS: Final = {path.rpartition(".")[2]: name for name, path in torch_names.OPTIMISERS.items()}
SCHEDULES: Final = {path.rpartition(".")[2]: name for name, path in torch_names.SCHEDULES.items()}
_MODULES: Final = (
    "torch",
    "torch.nn.functional",
    "torch.special",
    "torch.fft",
    "torch.autograd",
    "torch.autograd.functional",
    "torch.utils.checkpoint",
    "torch.nn.utils",
    "torch.linalg",
)
"""Modules in which names mean what they mean in gradsh."""

LOSSES: Final = {
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss",
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "KLDivLoss": "kl_div",
}
ACTIVATIONS: Final = {
    "ReLU": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "GELU": "gelu",
    "SiLU": "silu",
    "ELU": "elu",
    "LeakyReLU": "leaky_relu",
    "Softplus": "softplus",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Flatten": "flatten",
}
"""Modules without parameters, each a function of one tensor or, of the losses, of two."""

_OTHER_IN_LINALG: Final = words(
    "svd cross eig lu vander norm diagonal solve lstsq matrix_rank cond"
)
"""Names for which `torch.x` and `torch.linalg.x` differ."""

_ALIKE: Final = words("cholesky qr det slogdet matrix_power matrix_exp norm diagonal")


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """The names that an import binds, with what they stand for: `nn` for `torch.nn`."""
    names: dict[str, str] = {}
    for part in node.names:
        if isinstance(node, ast.ImportFrom):
            names[part.asname or part.name] = f"{node.module}.{part.name}"
        elif part.asname:
            names[part.asname] = part.name
        else:
            root = part.name.partition(".")[0]
            names[root] = root
    return names


def own_name(path: str) -> str | None:
    """What gradsh calls a function, constant or type of PyTorch; None if it has no such.

    `path` is the whole one, as `torch.nn.functional.relu`.
    """
    module, _, name = path.rpartition(".")
    if module == "torch.optim":
        return OPTIMISERS.get(name)
    if module == "torch.optim.lr_scheduler":
        return SCHEDULES.get(name)
    if module not in _MODULES:
        return None
    if module == "torch.linalg" and name in ("norm", "diagonal"):
        return f"torch.linalg.{name}"
    if module == "torch" and name in _OTHER_IN_LINALG and name not in _ALIKE:
        return None
    if name in FUNCTIONS or name in DIFFERENTIATION or name in DTYPES or name in ALIASES:
        return name
    if name in ("pi", "inf", "nan", "clip_grad_norm_", "clip_grad_value_", "manual_seed"):
        return name
    return None


def why_not(path: str) -> str:
    """Why a name of a module cannot be converted."""
    module, _, name = path.rpartition(".")
    if module == "torch" and name in _OTHER_IN_LINALG:
        return f"torch.{name} is not what torch.linalg.{name} is, which gradsh has"
    if path.startswith("torch.nn.") and name[:1].isupper():
        return f"gradsh has no modules such as {name}: write its tensors and functions out"
    if not path.startswith("torch"):
        return f"gradsh has nothing of {path.partition('.')[0]}"
    return f"gradsh has no {path}"
