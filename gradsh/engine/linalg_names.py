"""What `torch.linalg` means by names that `torch` gives another meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.engine.op import FUNCTIONS


def norm(
    A: Any,  # noqa: N803 (PyTorch's)
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Any:
    """The norm of a vector or, with two dimensions and an ord, that of a matrix.

    Without ord it is the root of the sum of squares. RuntimeError where an ord is given and the
    dimensions are neither one nor two.
    """
    dims = (dim,) if isinstance(dim, int) else dim
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is specified, it must be of length 1 or 2. "
            f"Got [{', '.join(map(str, dims))}]"
        )
    if ord is None:
        return FUNCTIONS["vector_norm"](A, 2, dims, keepdim, dtype=dtype)
    if dims is None:
        if A.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                f"Got {A.ndim}D."
            )
        dims = (0,) if A.ndim == 1 else (0, 1)
    of_matrix = isinstance(ord, str) or len(dims) == 2
    name = "matrix_norm" if of_matrix else "vector_norm"
    return FUNCTIONS[name](A, ord, dims, keepdim, dtype=dtype)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:  # noqa: N803
    """The diagonal of each matrix of a batch."""
    return FUNCTIONS["diagonal"](A, offset, dim1, dim2)


LINALG: dict[str, Callable[..., Any]] = {"norm": norm, "diagonal": diagonal}
"""The functions by their names in `torch.linalg`."""
