"""Scaled dot-product attention: values averaged with the weights that queries give to keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.appliers import check_broadcast
from gradsh.engine.arguments import Operand
from gradsh.engine.arguments import operand as read_operand
from gradsh.engine.derivative import general
from gradsh.engine.dtypes import BOOL, FLOAT, bfloat16, float16, float32
from gradsh.engine.inplace import check_shape
from gradsh.engine.op import composite
from gradsh.engine.ops.dropout import dropout
from gradsh.engine.ops.linalg import matmul
from gradsh.engine.ops.pointwise import add, mul
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import to, transpose, unsqueeze
from gradsh.engine.ops.softmax import safe_softmax_of, softmax_cotangent
from gradsh.engine.precision import single
from gradsh.engine.tensor import Tensor, new_tensor, wrap_dim

Array = np.ndarray[Any, np.dtype[Any]]

_SECOND = (
    "derivative for aten::_scaled_dot_product_flash_attention_for_cpu_backward is not implemented"
)


class Attention:
    """How one call attends, and the weights that it found, for the backward pass."""

    __slots__ = ("groups", "mask", "scale", "weights")

    def __init__(self, mask: Array | None, scale: float, groups: int) -> None:
        self.mask = mask
        self.scale = scale
        self.groups = groups
        self.weights: Any = None

    def spread(self, heads: Array) -> Array:
        """Keys or values, one head for each of the queries'."""
        return heads if self.groups == 1 else np.repeat(heads, self.groups, 1)

    def gathered(self, cotangents: Array) -> Array:
        """The cotangents of heads that several queries' heads shared, added up."""
        if self.groups == 1:
            return cotangents
        batch, heads, *rest = cotangents.shape
        return cotangents.reshape(batch, heads // self.groups, self.groups, *rest).sum(2)

    def scores(self, g: Array, query: Array, key: Array, value: Array) -> Array:
        """The cotangent of the scaled products of queries and keys."""
        towards = np.matmul(g, self.spread(value).swapaxes(-1, -2))
        kind = towards.dtype.type
        scores: Array = softmax_cotangent(towards, self.weights, -1) * kind(self.scale)
        return scores


def _no_second_derivative(g: Any) -> Any:
    error = RuntimeError(_SECOND)
    error.add_note("three-dimensional query, key and value are computed by other operations")
    raise error


def _cotangent_of(part: str) -> Any:
    """The cotangent of query, key or value, as an operation that has no derivative."""

    def forward(grad: Operand, query: Operand, key: Operand, value: Operand, plan: Any):
        """The cotangent of one of the operands of attention."""
        wide = [single(x) for x in (grad, query, key, value)]
        if part == "value":
            result = plan.gathered(np.matmul(plan.weights.swapaxes(-1, -2), wide[0]))
        elif part == "key":
            scores = plan.scores(*wide)
            result = plan.gathered(np.matmul(scores.swapaxes(-1, -2), wide[1]))
        else:
            result = np.matmul(plan.scores(*wide), plan.spread(wide[2]))
        return result.astype(query.dtype, copy=False)

    forward.__name__ = f"attention_{part}_cotangent"
    refusal = dict.fromkeys(("grad", "query", "key", "value"), _no_second_derivative)
    return general(**refusal, grad_fn="NotImplemented", hidden=True)(forward)


query_cotangent = _cotangent_of("query")
key_cotangent = _cotangent_of("key")
value_cotangent = _cotangent_of("value")


@general(
    query=lambda g, query, key, value, plan: query_cotangent(g, query, key, value, plan),
    key=lambda g, query, key, value, plan: key_cotangent(g, query, key, value, plan),
    value=lambda g, query, key, value, plan: value_cotangent(g, query, key, value, plan),
    grad_fn="ScaledDotProductFlashAttentionForCpuBackward0",
    hidden=True,
)
def flash_attention_of(query: Operand, key: Operand, value: Operand, plan: Any):
    """Attention of four-dimensional operands as one operation."""
    queries, keys, values = (single(x) for x in (query, key, value))
    kind = queries.dtype.type
    scores = np.matmul(queries, plan.spread(keys).swapaxes(-1, -2))
    scores *= kind(plan.scale)
    if plan.mask is not None:
        scores += plan.mask
    plan.weights = safe_softmax_of(scores, -1)
    result = np.matmul(plan.weights, plan.spread(values))
    # PyTorch's kernel lays the heads of one position side by side
    in_memory = np.ascontiguousarray(result.transpose(0, 2, 1, 3)).astype(query.dtype, copy=False)
    return in_memory.transpose(0, 2, 1, 3)


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    kinds = [x.dtype.c_name for x in (query, key, value)]
    if len(set(kinds)) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{kinds[0]} key.dtype: {kinds[1]} and value.dtype: {kinds[2]} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is not None and not (
        mask.dtype.category == BOOL or mask.dtype in (float32, query.dtype)
    ):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype.c_name} and  query.dtype: {kinds[0]} "
            "instead."
        )


def _is_one_operation(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, gqa: bool
) -> bool:
    """Whether PyTorch's CPU kernel for attention takes these operands.

    Source: the conditions in PyTorch's sdp_utils_cpp.
    """
    arrays = [x.array for x in (query, key, value)]
    if dropout_p > 0 or any(x.ndim != 4 for x in arrays) or query.dtype.category != FLOAT:
        return False
    q, k, v = arrays
    if not (q.shape[0] == k.shape[0] == v.shape[0] and k.shape[1:3] == v.shape[1:3]):
        return False
    if q.shape[1] != k.shape[1] and not (gqa and k.shape[1] and q.shape[1] % k.shape[1] == 0):
        return False
    if mask is not None and not _mask_fits(mask, q.shape, k.shape):
        return False
    if not q.shape[3] == k.shape[3] == v.shape[3] or 0 in q.shape or 0 in k.shape:
        return False
    return all(x.strides[3] == x.itemsize for x in arrays)


def _mask_fits(mask: Tensor, query: tuple[int, ...], key: tuple[int, ...]) -> bool:
    shape = mask.array.shape
    if mask.node is not None:
        return False
    if len(shape) < 2:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got -2)")
    if shape[-2] not in (1, query[2]) or shape[-1] not in (1, key[2]):
        return False
    if len(shape) == 4:
        return shape[0] in (1, query[0]) and shape[1] in (1, query[1])
    return len(shape) == 2


def _additive(mask: Array, dtype: np.dtype[Any]) -> Array:
    """A boolean mask as what is added to the scores: 0 or -inf."""
    if mask.dtype.kind != "b":
        return mask.astype(dtype, copy=False)
    return np.where(mask, dtype.type(0), dtype.type(-np.inf))


def _causal(query: Tensor, key: Tensor) -> Array:
    return np.tri(query.array.shape[-2], key.array.shape[-2], dtype=bool)


def _repeated(input: Any, groups: int) -> Any:
    """Heads (the third dimension from the end) repeated, each by itself."""
    if groups == 1:
        return input
    shape = tuple(input.shape)
    repeated = unsqueeze(input, -3).expand((*shape[:-2], groups, *shape[-2:]))
    return repeated.reshape((*shape[:-3], shape[-3] * groups, *shape[-2:]))


def _composed(
    query: Any, key: Any, value: Any, mask: Any, dropout_p: float, causal: bool, scale: float
) -> Any:
    """Attention made of matrix products and a softmax."""
    if causal:
        mask = new_tensor(_causal(query, key))
    dtype = query.dtype
    halves = dtype in (float16, bfloat16)
    if halves:
        query, key, value = (to(x, float32) for x in (query, key, value))
    root = math.sqrt(abs(scale))
    scores = matmul(mul(query, -root if scale < 0 else root), mul(transpose(key, -2, -1), root))
    if mask is not None:
        if mask.dtype.category == BOOL:
            mask = new_tensor(_additive(mask.array, scores.array.dtype))
        if mask.node is None:  # PyTorch adds it in place
            held = scores.array.shape
            check_shape(held, check_broadcast(held, mask.array.shape))
        scores = add(scores, mask)
    weights = safe_softmax_of(scores, -1)
    if dropout_p > 0:
        if dropout_p > 1:
            raise RuntimeError(
                f"dropout probability has to be between 0 and 1, but got {dropout_p:g}"
            )
        weights = dropout(weights, dropout_p)
    result = matmul(weights, value)
    return to(result, dtype) if halves else result


@composite()
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query @ key.mT * scale + attn_mask) @ value: each query's average of the values.

    A boolean attn_mask says which keys a query sees; is_causal lets it see those up to its own
    place. scale is by default 1 / sqrt(query.shape[-1]). enable_gqa lets several heads of query
    share one of key and value.

    scaled_dot_product_attention(tensor([[[[1.], [2.]]]]), tensor([[[[3.]]]]), tensor([[[[4.]]]]))
    scaled_dot_product_attention(randn(2, 3, 4), randn(2, 3, 4), randn(2, 3, 2), is_causal=true)
    scaled_dot_product_attention(randn(2, 3, 4), randn(2, 5, 4), randn(2, 5, 2), randn(3, 5))
    scaled_dot_product_attention(randn(3, 4), randn(5, 4), randn(5, 2), randn(3, 5), scale=-0.3)
    """
    name = "scaled_dot_product_attention"
    query, key, value = (
        read_operand(x, name, which, place)
        for place, (which, x) in enumerate((("query", query), ("key", key), ("value", value)), 1)
    )
    _check(query, key, value, attn_mask)
    if scale is None:
        width = query.array.shape[-1]
        scale = 1 / math.sqrt(width) if width else math.inf
    if _is_one_operation(query, key, value, attn_mask, dropout_p, enable_gqa):
        if dropout_p < 0:
            raise RuntimeError(
                "scaled_dot_product_attention_flash_attention: Currently do not support dropout > 0"
            )
        dtype = single(query.array).dtype
        mask = None if attn_mask is None else _additive(attn_mask.array, dtype)
        if is_causal:
            causal = _additive(_causal(query, key), dtype)
            mask = causal if mask is None else mask + causal
        groups = query.array.shape[1] // key.array.shape[1]
        return flash_attention_of(query, key, value, Attention(mask, scale, groups))
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    groups = 1
    if enable_gqa:
        heads, shared = (x.array.shape[wrap_dim(-3, x.ndim)] for x in (query, key))
        if heads % shared:
            raise RuntimeError(
                "Number of heads in key and value must divide the number of heads in query"
            )
        groups = heads // shared
    if _has_no_scores(query, value):
        return _nothing(query, key, value)
    key, value = _repeated(key, groups), _repeated(value, groups)
    return _composed(query, key, value, attn_mask, dropout_p, is_causal, scale)


def _has_no_scores(query: Tensor, value: Tensor) -> bool:
    """Whether there are no queries or no keys, and so no weights."""
    return 0 in query.array.shape[:-1] or 0 in value.array.shape


def _nothing(query: Tensor, key: Tensor, value: Tensor) -> Any:
    """Zeros that still have the operands as their history."""
    zeros = np.zeros((*query.array.shape[:-1], value.array.shape[-1]), query.array.dtype)
    return add(new_tensor(zeros), mul(add(add(sum(query), sum(key)), sum(value)), 0))
