"""Pooling by power means, and the normalization of channels by their neighbours."""

from __future__ import annotations

import math
from typing import Any

from gradsh.engine.arguments import check_tensors
from gradsh.engine.op import composite
from gradsh.engine.ops.elementary import abs, relu
from gradsh.engine.ops.elementary import sign as sign_of
from gradsh.engine.ops.padding import pad
from gradsh.engine.ops.pointwise import add, div, mul, neg, pow
from gradsh.engine.ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from gradsh.engine.ops.shape import squeeze, unsqueeze, view
from gradsh.engine.ops.volume_pooling import avg_pool3d, max_pool3d

_POOLS = {1: (max_pool1d, avg_pool1d), 2: (max_pool2d, avg_pool2d), 3: (max_pool3d, avg_pool3d)}


def _power_pooled(
    count: int, input: Any, norm_type: Any, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Any:
    check_tensors(f"lp_pool{count}d", input=input)
    largest, average = _POOLS[count]
    if norm_type == math.inf:
        return largest(abs(input), kernel_size, stride, 0, 1, ceil_mode)
    if norm_type == -math.inf:
        return neg(largest(neg(abs(input)), kernel_size, stride, 0, 1, ceil_mode))
    size = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * count
    means = average(pow(input, norm_type), kernel_size, stride, 0, ceil_mode)
    sums = mul(mul(sign_of(means), relu(abs(means))), math.prod(size))
    return pow(sums, 1.0 / norm_type)


@composite(method=False)
def lp_pool1d(
    input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """The power sum of each window that slides along the last dimension: its norm_type-norm.

    lp_pool1d(rand(2, 3, 8) + 0.1, 2, 3)
    lp_pool1d(rand(2, 3, 8) + 0.1, norm_type=2, kernel_size=3, stride=2, ceil_mode=true)
    lp_pool1d(randn(2, 3, 8), inf, 2)
    """
    return _power_pooled(1, input, norm_type, kernel_size, stride, ceil_mode)


@composite(method=False)
def lp_pool2d(
    input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """The power sum of each window that slides over an image: its norm_type-norm.

    lp_pool2d(rand(2, 3, 5, 6) + 0.1, 2, 2)
    lp_pool2d(rand(2, 5, 6) + 0.1, 1.5, (2, 3), stride=(2, 1), ceil_mode=true)
    lp_pool2d(randn(2, 5, 6), -inf, 2)
    """
    return _power_pooled(2, input, norm_type, kernel_size, stride, ceil_mode)


@composite(method=False)
def lp_pool3d(
    input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """The power sum of each window that slides over a volume: its norm_type-norm.

    lp_pool3d(rand(2, 2, 4, 5, 6) + 0.1, 2, 2)
    """
    return _power_pooled(3, input, norm_type, kernel_size, stride, ceil_mode)


@composite(method=False)
def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """input divided by a power of the mean square of the size channels around each.

    Source: Krizhevsky et al., ImageNet Classification with Deep Neural Networks (2012).

    local_response_norm(randn(2, 5, 6), 3)
    local_response_norm(randn(2, 5, 3, 2), 2, alpha=0.5, beta=0.5, k=2.0)
    """
    check_tensors("local_response_norm", input=input)
    if input.ndim < 3:
        raise ValueError(
            "Expected 3D or higher dimensionality                          input "
            f"(got {input.ndim} dimensions)"
        )
    if not input.array.size:
        return input
    squares = mul(input, input)
    around = (size // 2, (size - 1) // 2)
    if input.ndim == 3:
        padded = pad(unsqueeze(squares, 1), (0, 0, *around))
        means = squeeze(avg_pool2d(padded, (size, 1), 1), 1)
    else:
        shape = tuple(input.shape)
        grouped = view(squares, (shape[0], 1, shape[1], shape[2], -1))
        padded = pad(grouped, (0, 0, 0, 0, *around))
        means = view(squeeze(avg_pool3d(padded, (size, 1, 1), 1), 1), shape)
    return div(input, pow(add(mul(means, alpha), k), beta))
