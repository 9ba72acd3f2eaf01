"""What the functional derivatives refuse in strict mode, in PyTorch's words.

Without strict mode a derivative that does not depend on an input is zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gradsh.engine.tensor import Tensor


class Complaints(NamedTuple):
    """The messages for a derivative that is `absent`, and for one that has no history."""

    absent: str
    constant: str


_CONSTANT = (
    "The {} of the user-provided function is independent of input {{}}. This is not allowed in "
    "strict mode when create_graph=True."
)
JACOBIAN = Complaints(
    "The output of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode.",
    _CONSTANT.format("jacobian"),
)
WEIGHTS = Complaints(
    "The gradient with respect to the input is independent of entry {} in the grad_outputs when "
    "using the double backward trick to compute forward mode gradients. This is not allowed in "
    "strict mode.",
    _CONSTANT.format("jacobian"),
)
GRADIENT = Complaints(
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode.",
    _CONSTANT.format("hessian"),
)
HESSIAN = Complaints(
    "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. "
    "This is not allowed in strict mode as it prevents from using the double backward trick to "
    "replace forward mode AD.",
    _CONSTANT.format("hessian"),
)
JACOBIAN_CONSTANT = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input {} is independent of the input. This is not allowed in strict mode. You "
    "should ensure that your function is twice differentiable and that the jacobian depends on "
    "the inputs (this would be violated by a linear function for example)."
)
HESSIAN_CONSTANT = (
    "The hessian of the user-provided function with respect to input {} is independent of the "
    "input. This is not allowed in strict mode. You should ensure that your function is thrice "
    "differentiable and that the hessian depends on the inputs."
)


def check_outputs(outputs: Sequence[Tensor]) -> None:
    """Refuse outputs that do not depend on the inputs."""
    for index, output in enumerate(outputs):
        if output.node is None:
            raise RuntimeError(
                f"Output {index} of the user-provided function does not require gradients. The "
                "outputs must be computed in a differentiable manner from the input when running "
                "in strict mode."
            )


def check_filled(
    gradient: Tensor | None, index: int, create_graph: bool, complaints: Complaints
) -> None:
    """Refuse a derivative that zeros would stand for, or one that lacks a wanted history."""
    if gradient is None:
        raise RuntimeError(complaints.absent.format(index))
    if create_graph and gradient.node is None:
        raise RuntimeError(complaints.constant.format(index))


def check_gradients(gradients: Sequence[Tensor | None]) -> None:
    """Refuse gradients for jvp to differentiate again that do not depend on the inputs."""
    check_dependence(
        gradients,
        "The gradient with respect to input {} is independent of the inputs of the user-provided "
        "function. This is not allowed in strict mode.",
    )


def check_dependence(found: Sequence[Tensor | None], complaint: str) -> None:
    """Refuse gradients to be differentiated again that are absent or constant."""
    for index, gradient in enumerate(found):
        if gradient is None:
            raise RuntimeError(JACOBIAN.absent.format(index))
        if gradient.node is None:
            raise RuntimeError(complaint.format(index))


def check_rows(
    rows: Sequence[Tensor | None], output: int, position: int, create_graph: bool
) -> None:
    """Refuse rows of a Jacobian, of one output for the input at `position`, as `check_filled`."""
    for row in rows:
        if row is None:
            raise RuntimeError(
                f"Output {output} of the user-provided function is independent of input "
                f"{position}. This is not allowed in strict mode."
            )
        if create_graph and row.node is None:
            raise RuntimeError(JACOBIAN.constant.format(output))
