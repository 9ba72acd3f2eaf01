"""What numpy, and JAX's numpy, call the functions of gradsh."""

from __future__ import annotations

from typing import Final

ELEMENTWISE: Final = {
    "abs": "abs", "absolute": "abs", "acos": "arccos", "acosh": "arccosh", "add": "add",
    "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh",
    "ceil": "ceil", "copysign": "copysign", "cos": "cos", "cosh": "cosh", "div": "true_divide",
    "eq": "equal", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "floor": "floor",
    "floor_divide": "floor_divide", "fmod": "fmod", "ge": "greater_equal", "gt": "greater",
    "hypot": "hypot", "isfinite": "isfinite", "isinf": "isinf", "isnan": "isnan",
    "le": "less_equal", "log": "log", "log10": "log10", "log1p": "log1p", "log2": "log2",
    "logaddexp": "logaddexp", "logical_and": "logical_and", "logical_not": "logical_not",
    "logical_or": "logical_or", "logical_xor": "logical_xor", "lt": "less", "maximum": "maximum",
    "minimum": "minimum", "mul": "multiply", "ne": "not_equal", "neg": "negative",
    "remainder": "remainder", "round": "round", "sign": "sign", "sin": "sin", "sinc": "sinc",
    "sinh": "sinh", "sqrt": "sqrt", "square": "square", "sub": "subtract", "tan": "tan",
    "tanh": "tanh", "trunc": "trunc",
}  # fmt: skip
"""Functions of one or two tensors, element by element."""

REDUCTIONS: Final = {
    "all": "all", "amax": "max", "amin": "min", "any": "any", "argmax": "argmax",
    "argmin": "argmin", "max": "max", "mean": "mean", "min": "min", "prod": "prod", "sum": "sum",
    "cumsum": "cumsum", "cumprod": "cumprod", "count_nonzero": "count_nonzero",
}  # fmt: skip
"""Functions along `dim`, here `axis`, or over everything."""

FORMULAS: Final = {
    "sigmoid": "1 / (1 + {np}.exp(-{0}))",
    "relu": "{np}.maximum({0}, 0)",
    "softplus": "{np}.logaddexp({0}, 0)",
    "rsqrt": "1 / {np}.sqrt({0})",
    "reciprocal": "1 / {0}",
    "dot": "{np}.dot({0}, {1})",
    "mm": "{0} @ {1}",
    "mv": "{0} @ {1}",
    "bmm": "{0} @ {1}",
    "matmul": "{0} @ {1}",
    "outer": "{np}.outer({0}, {1})",
    "trace": "{np}.trace({0})",
    "t": "{0}.T",
    "inv": "{np}.linalg.inv({0})",
    "det": "{np}.linalg.det({0})",
    "solve": "{np}.linalg.solve({0}, {1})",
    "eigvalsh": "{np}.linalg.eigvalsh({0})",
    "pow": "{0} ** {1}",
    "where": "{np}.where({0}, {1}, {2})",
    "clamp": "{np}.clip({0}, {1}, {2})",
    "clip": "{np}.clip({0}, {1}, {2})",
    "unsqueeze": "{np}.expand_dims({0}, {1})",
    "flip": "{np}.flip({0}, {1})",
    "transpose": "{np}.swapaxes({0}, {1}, {2})",
    "mse_loss": "{np}.mean(({0} - {1}) ** 2)",
    "l1_loss": "{np}.mean({np}.abs({0} - {1}))",
    "clone": "{0}.copy()",
    "detach": "{0}",
    "contiguous": "{0}",
    "numel": "{0}.size",
    "dim": "{0}.ndim",
    "item": "{0}.item()",
    "zeros_like": "{np}.zeros_like({0})",
    "ones_like": "{np}.ones_like({0})",
    "tril": "{np}.tril({0})",
    "triu": "{np}.triu({0})",
    "diag": "{np}.diag({0})",
    "flatten": "{0}.reshape(-1)",
    "norm": "{np}.sqrt({np}.sum({0} ** 2))",
    "std": "{np}.std({0}, ddof=1)",
    "var": "{np}.var({0}, ddof=1)",
    "isclose": "{np}.isclose({0}, {1})",
}
"""Expressions for functions of so many arguments."""

HELPED: Final = {
    "logsumexp": 2,
    "softmax": 2,
    "log_softmax": 2,
    "silu": 1,
    "binary_cross_entropy_with_logits": 2,
    "cross_entropy": 2,
}
"""Functions that the program brings along, and how many arguments they take."""
