"""Where PyTorch has what gradsh calls by a bare name."""

from __future__ import annotations

from typing import Final

from gradsh.conversion.words import words

_FUNCTIONAL: Final = words(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d alpha_dropout
    avg_pool1d avg_pool2d batch_norm bilinear binary_cross_entropy binary_cross_entropy_with_logits
    celu conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
    cosine_embedding_loss cosine_similarity cross_entropy dropout dropout1d dropout2d dropout3d elu
    embedding feature_alpha_dropout gaussian_nll_loss gelu group_norm hardtanh
    hinge_embedding_loss huber_loss instance_norm kl_div l1_loss layer_norm leaky_relu linear
    logsigmoid margin_ranking_loss max_pool1d max_pool2d mish mse_loss
    multilabel_soft_margin_loss nll_loss normalize one_hot pad pairwise_distance poisson_nll_loss
    relu6 rms_norm scaled_dot_product_attention selu silu smooth_l1_loss soft_margin_loss softmin
    adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d max_pool3d fold glu gumbel_softmax
    hardsigmoid hardswish interpolate local_response_norm lp_pool1d lp_pool2d lp_pool3d
    multi_margin_loss multilabel_margin_loss softshrink tanhshrink upsample upsample_bilinear
    upsample_nearest softplus softsign triplet_margin_loss triplet_margin_with_distance_loss
    elu_ hardtanh_ leaky_relu_
    """
)
_LINALG: Final = words(
    """
    cholesky cond cross eig eigh eigvals eigvalsh inv lstsq lu lu_factor matrix_norm matrix_rank
    multi_dot pinv qr slogdet solve solve_triangular vander svd svdvals vecdot vector_norm
    """
)
_SPECIAL: Final = words(
    """
    bessel_j0 bessel_j1 bessel_y0 bessel_y1 entr erfcx expit gammainc gammaincc gammaln i0e i1 i1e
    log_ndtr multigammaln ndtr ndtri psi xlog1py zeta
    """
)
_FFT: Final = words(
    """
    fft fft2 fftfreq fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn rfft
    rfft2 rfftfreq rfftn
    """
)
_FUNCTIONS_OF_FUNCTIONS: Final = words("hessian hvp jacobian jvp vhp vjp")
_ELSEWHERE: Final = {
    "checkpoint": "torch.utils.checkpoint.checkpoint",
    "clip_grad_norm_": "torch.nn.utils.clip_grad_norm_",
    "clip_grad_value_": "torch.nn.utils.clip_grad_value_",
    "grad": "torch.autograd.grad",
    "gradcheck": "torch.autograd.gradcheck",
    "gradgradcheck": "torch.autograd.gradgradcheck",
    "inf": "math.inf",
    "nan": "math.nan",
    "pi": "math.pi",
    "len": "len",
    "range": "range",
    "str": "str",
}
OPTIMISERS: Final = {
    "adagrad": "torch.optim.Adagrad",
    "adam": "torch.optim.Adam",
    "adamw": "torch.optim.AdamW",
    "lbfgs": "torch.optim.LBFGS",
    "rmsprop": "torch.optim.RMSprop",
    "sgd": "torch.optim.SGD",
}
SCHEDULES: Final = {
    "cosine": "torch.optim.lr_scheduler.CosineAnnealingLR",
    "exponential": "torch.optim.lr_scheduler.ExponentialLR",
    "step_lr": "torch.optim.lr_scheduler.StepLR",
}
METHODS_ONLY: Final = words(
    """
    contiguous expand expand_as reshape_as repeat sum_to_size to type_as unfold view view_as
    byte char new_empty new_full new_ones new_tensor new_zeros
    bfloat16 double half long short cfloat cdouble flip permute reshape tile
    """
)
"""Names that PyTorch has as methods only, or as functions that do not take lengths one by one."""

NO_METHODS: Final = words(
    """
    alpha_dropout batch_norm bucketize cdist celu celu_ cond cosine_similarity dropout dropout1d
    dropout2d dropout3d eigh eigvalsh elu elu_ embedding feature_alpha_dropout gelu group_norm
    hardtanh hardtanh_ instance_norm inv layer_norm leaky_relu leaky_relu_ matrix_norm matrix_rank
    mish normalize one_hot pairwise_distance pinv relu6 relu6_ rms_norm rsub
    scaled_dot_product_attention selu selu_ silu softplus softsign solve_triangular svdvals
    tensordot vecdot vector_norm view_as_complex view_as_real
    cholesky lstsq qr slogdet solve svd cross eig eigvals lu lu_factor vander mish_ rrelu silu_
    """
)
"""Methods that a tensor has in gradsh and not, or with another meaning, in PyTorch."""

WITH_INPLACE: Final = words("mish_ relu6_ silu_")
"""Functions in place that PyTorch has as those of the same name with `inplace=True`."""

CREATION: Final = words(
    """
    arange empty eye full linspace logspace ones rand randn zeros zeros_like ones_like empty_like
    full_like rand_like randn_like tensor
    """
)
"""Functions with the argument `requires_grad`."""

SIZED: Final = frozenset(("rand", "randn", "zeros", "ones", "empty"))
"""Functions of lengths, which PyTorch wants even where there are none."""

LISTS: Final = words(
    """
    block_diag broadcast_tensors cat column_stack concat concatenate dstack hstack multi_dot
    row_stack stack vstack
    """
)
"""Functions that take several tensors: PyTorch wants them in a list."""


def path(name: str) -> str:
    """The path of a built-in function, constant or type in a PyTorch program."""
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    if name in _FUNCTIONAL:
        return f"F.{name}"
    if name in _LINALG:
        return f"torch.linalg.{name}"
    if name in _SPECIAL:
        return f"torch.special.{name}"
    if name in _FFT:
        return f"torch.fft.{name}"
    if name in _FUNCTIONS_OF_FUNCTIONS:
        return f"torch.autograd.functional.{name}"
    return OPTIMISERS.get(name) or SCHEDULES.get(name) or f"torch.{name}"
