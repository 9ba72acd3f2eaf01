"""Putting the engine together: every declared operation becomes a method of Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradsh.engine import assignment, hooks, inplace, leaf, modes
from gradsh.engine.backward import backward_of, grad
from gradsh.engine.checkpoint import checkpoint
from gradsh.engine.dtypes import NUMBER_CATEGORY
from gradsh.engine.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from gradsh.engine.gradcheck import gradcheck, gradgradcheck
from gradsh.engine.op import FUNCTIONS, METHODS
from gradsh.engine.ops import (
    activations,
    added_products,
    affine,
    aliases,
    arrange,
    assembly,
    attention,
    binary_losses,
    bitwise,
    complex_numbers,
    convolution,
    creation,
    cross_entropy,
    decompositions,
    determinants,
    diagonals,
    distances,
    dropout,
    einsum,
    elementary,
    embedding,
    extremes,
    gathering,
    index_along,
    indexing,
    least_squares,
    linalg,
    logic,
    losses,
    margin_losses,
    masking,
    matrix_functions,
    nll,
    normalization,
    norms,
    operators,
    ordering,
    padding,
    partition,
    pointwise,
    pooling,
    products,
    reductions,
    remainders,
    rounding,
    selection,
    shape,
    similarity,
    softmax,
    solvers,
    special,
    statistics,
    strided,
    transcendental,
    windows,
)
from gradsh.engine.ops.relayout import RELAYOUTS
from gradsh.engine.random_fills import RANDOM_FILLS
from gradsh.engine.tensor import Tensor

FAMILIES = (
    activations, added_products, affine, aliases, arrange, assembly, attention, binary_losses,
    bitwise, complex_numbers, convolution, creation, cross_entropy, decompositions,
    determinants, diagonals, distances, dropout, einsum, elementary, embedding, extremes,
    gathering, index_along, indexing, least_squares, linalg, logic, losses, margin_losses,
    masking, matrix_functions, nll, normalization, norms, ordering, padding, partition,
    pointwise, pooling, products, reductions, remainders, rounding, selection, shape,
    similarity, softmax, solvers, special, statistics, strided, transcendental, windows,
)  # fmt: skip
"""The modules that declare operations; importing them fills the registers."""

DIFFERENTIATION: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        checkpoint,
        grad,
        gradcheck,
        gradgradcheck,
        hessian,
        hvp,
        jacobian,
        jvp,
        vhp,
        vjp,
    )
}
"""The functions that differentiate; what they compute is no operation."""

_AUGMENTED = {
    "__iadd__": "add_",
    "__isub__": "sub_",
    "__imul__": "mul_",
    "__itruediv__": "div_",
    "__ifloordiv__": "floor_divide_",
    "__imod__": "remainder_",
    "__ipow__": "pow_",
    "__iand__": "bitwise_and_",
    "__ior__": "bitwise_or_",
}


def _augmented(method: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Any]:
    """An in-place method as `+=` and the like; what is no operand is left to Python to refuse."""

    def change(self: Tensor, other: Any) -> Any:
        if type(other) is Tensor or type(other) in NUMBER_CATEGORY:
            return method(self, other)
        return NotImplemented

    return change


def attach() -> None:
    """Fill METHODS with everything a user may call on a tensor, and give it to Tensor."""
    METHODS.update(inplace.in_place_forms())
    changes = assignment.copy_, assignment.fill_, assignment.zero_
    for change in (*changes, *RANDOM_FILLS, *RELAYOUTS):
        METHODS[change.__name__] = change
    METHODS.update(
        {
            "backward": backward_of,
            "retain_grad": hooks.retain_grad,
            "register_hook": hooks.register_hook,
            "register_post_accumulate_grad_hook": hooks.register_post_accumulate_grad_hook,
            "requires_grad_": leaf.requires_grad_,
            "detach": leaf.detach,
            "detach_": leaf.detach_,
        }
    )
    FUNCTIONS["detach"] = leaf.detach
    FUNCTIONS["is_grad_enabled"] = modes.is_grad_enabled
    for name in ("item", "tolist", "dim", "numel", "size", "stride", "is_contiguous",
                 "element_size", "is_floating_point", "is_complex", "numpy"):  # fmt: skip
        METHODS[name] = getattr(Tensor, name)
    for name, method in METHODS.items():
        setattr(Tensor, name, method)
    for operator, name in _AUGMENTED.items():
        setattr(Tensor, operator, _augmented(METHODS[name]))
    leaf.attach_attributes()
    shape.attach_attributes()
    complex_numbers.attach_attributes()
    operators.attach_operators()
    linalg.attach_operators()
    setattr(Tensor, "retains_grad", property(hooks.retains_grad))  # noqa: B010
    setattr(Tensor, "__getitem__", indexing.getitem)  # noqa: B010
    setattr(Tensor, "__setitem__", assignment.setitem)  # noqa: B010
    setattr(Tensor, "__iter__", indexing.iterate)  # noqa: B010
