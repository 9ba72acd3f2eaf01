"""Asking for gradients: leaves, and what a user may set on a tensor."""

from __future__ import annotations

from typing import Any

from gradsh.engine.dtypes import FROM_NUMPY, is_inexact
from gradsh.engine.evidence import tell
from gradsh.engine.graph import Leaf
from gradsh.engine.journal import change_attributes
from gradsh.engine.notices import NO_LEAF, NOTICES
from gradsh.engine.tensor import GradientBox, Tensor, new_tensor
from gradsh.engine.views import Unrecorded


def requires_grad_(input: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for gradients of a leaf, or stop asking; in place, returns the tensor.

    RuntimeError for integer types, and for switching off a tensor that an operation made.
    """
    if not requires_grad:
        if not input.is_leaf:
            error = RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
            error.add_note("`y.detach()` gives the same values without a history")
            raise error
        _forget_history(input)
        _ask_of_views(input)
    elif input.node is None:
        if not is_inexact(input.array.dtype):
            raise _no_floats("only Tensors of floating point dtype can require gradients", input)
        change_attributes(input)
        if input.box is None:
            input.box = GradientBox()
        change_attributes(input.box)
        input.box.requires_grad = True
        input.node = Leaf(input.box, input.array)
        _ask_of_views(input)
    return input


def _no_floats(message: str, tensor: Tensor) -> RuntimeError:
    error = RuntimeError(message)
    error.add_note("make it a float first: `x.float()`, or write the numbers with a point")
    tell(error, tensors=[tensor])
    return error


def _ask_of_views(base: Tensor) -> None:
    """Let the views that have no history require grad like their base.

    What reaches them is dropped.
    """
    for reference in (base.version and base.version.views) or ():
        view = reference()
        if view is None or view.base is not base:
            continue
        if view.node is None or isinstance(view.node, Unrecorded):
            change_attributes(view)
            view.node = None if base.node is None else Unrecorded()


def finished(array: Any, requires_grad: bool) -> Tensor:
    """A new tensor over `array`, a leaf that requires grad if asked."""
    tensor = new_tensor(array)
    if requires_grad:
        if not is_inexact(array.dtype):
            raise _no_floats(
                "Only Tensors of floating point and complex dtype can require gradients", tensor
            )
        requires_grad_(tensor)
    return tensor


def detach(input: Tensor) -> Tensor:
    """The same storage without the history: nothing computed from it reaches input's leaves.

    detach(randn(3))
    """
    detached = new_tensor(input.array)
    detached.version = input.shared_version()
    return detached


def detach_(input: Tensor) -> Tensor:
    """Cut the tensor itself off its history; in place."""
    if input.base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as "
            "True, gradients are views of DDP buckets, and hence detach_() cannot be called on "
            "these gradients. To fix this error, please refer to the Optimizer.zero_grad() "
            "function in torch/optim/optimizer.py as the solution."
        )
    _forget_history(input)
    return input


def _forget_history(input: Tensor) -> None:
    change_attributes(input)
    input.node = None
    if input.box is not None:
        change_attributes(input.box)
        input.box.requires_grad = False


def _get_data(self: Tensor) -> Tensor:
    """The same storage without history and without a watch on changes through it."""
    return new_tensor(self.array)


def _set_data(self: Tensor, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    if self.node is not None and not is_inexact(value.array.dtype):
        raise RuntimeError(
            "data set to a tensor that requires gradients must be floating point or complex dtype"
        )
    change_attributes(self)
    self.array = value.array
    if self.node is not None and self.node.is_leaf:
        self.node = Leaf(self.box or GradientBox(), value.array)


def _get_grad(self: Tensor) -> Tensor | None:
    """The gradient that backward passes have accumulated here, or None."""
    if self.box is not None:
        return self.box.value
    if NOTICES.tell is not None and not self.is_leaf:
        NOTICES.tell(NO_LEAF, self)
    return None


def _refuse_gradient_type(value: Tensor, held_by: Tensor) -> None:
    if value.array.dtype is not held_by.array.dtype:
        given, held = FROM_NUMPY[value.array.dtype], FROM_NUMPY[held_by.array.dtype]
        raise RuntimeError(
            "attempting to assign a gradient with dtype "
            f"'{given.c_name}' to a tensor with grad_dtype "
            f"'{held.type_name}'. The gradient must match the tensor's grad_dtype (defaults "
            "to the tensor's dtype). You can set the tensor's grad_dtype attribute with a "
            "specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging "
            "the dtypes of a tensor and its gradient may break downstream systems that assume "
            "they match."
        )


def _set_grad(self: Tensor, value: Any) -> None:
    if value is not None:
        if not isinstance(value, Tensor):
            raise TypeError(
                "assigned grad expected to be a Tensor or None but got grad of type "
                f"{type(value).__name__}"
            )
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        _refuse_gradient_type(value, self)
        if value.array.shape != self.array.shape:
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value.array.shape)}' to a tensor "
                f"of size '{list(self.array.shape)}'. Please ensure that the gradient and the "
                "tensor are the same size"
            )
    if self.box is None:
        change_attributes(self)
        self.box = GradientBox()
    change_attributes(self.box)
    self.box.value = value


def _set_requires_grad(self: Tensor, value: Any) -> None:
    if not isinstance(value, bool):
        raise RuntimeError("requires_grad must be a bool")
    if value and not self.is_leaf:
        raise RuntimeError("you can only change requires_grad flags of leaf variables.")
    if value and self.node is None and not is_inexact(self.array.dtype):
        raise _no_floats(
            "only Tensors of floating point and complex dtype can require gradients", self
        )
    requires_grad_(self, bool(value))


def attach_attributes() -> None:
    """Give Tensor the attributes that can be set: data, grad, requires_grad."""
    setattr(Tensor, "data", property(_get_data, _set_data))  # noqa: B010
    setattr(Tensor, "grad", property(_get_grad, _set_grad))  # noqa: B010
    setattr(  # noqa: B010
        Tensor, "requires_grad", property(lambda self: self.node is not None, _set_requires_grad)
    )
