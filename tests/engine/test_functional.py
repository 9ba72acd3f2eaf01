"""The functional derivatives against `torch.autograd.functional`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from gradsh.engine import DIFFERENTIATION, FUNCTIONS, Tensor
from gradsh.engine.forward import linearised
from gradsh.engine.leaf import finished

from .oracle import GradshSide, Run, Variation, samples

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the oracle, is not installed")

CASES: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "square": (lambda x: x**2, ((3,),)),
    "matrix": (lambda x: (x.exp() @ x.sin()).sum(0), ((2, 2),)),
    "scalar": (lambda x: (x**3).sum(), ((2, 3),)),
    "one element": (lambda x: x.sin() * x, ((1,),)),
    "zero-dim": (lambda x: x.sin() * x, ((),)),
    "two outputs": (lambda x: (x * 2, x.exp().sum()), ((3,),)),
    "one in a tuple": (lambda x: (x.exp(),), ((2,),)),
    "two inputs": (lambda x, y: x * y.exp(), ((2,), (2,))),
    "two inputs, scalar": (lambda x, y: (x**2 * y).sum(), ((2,), (1,))),
    "two inputs, two outputs": (lambda x, y: (x * y, (x + y * y).sum()), ((2,), (2,))),
    "linear": (lambda x: x.sum(), ((3,),)),
    "unused": (lambda x, y: (x**3).sum(), ((2,), (2,))),
    "constant": (lambda x: x.detach() * 2, ((2,),)),
    "constant scalar": (lambda x: x.detach().sum(), ((2,),)),
    "no tensor": (lambda x: 3, ((2,),)),
    "a list": (lambda x: [x, x], ((2,),)),
    "view and change": (lambda x: x.clone().index_fill(0, torch_index(x), 2.0), ((3,),)),
    "in place": (lambda x: changed(x), ((3,),)),
    "several results": (lambda x: x.sort()[0] * x.max(0)[0], ((3,),)),
    "mixed": (lambda x: x.reshape(3, 2).transpose(0, 1).tanh().cumsum(0)[1], ((6,),)),
    "empty": (lambda x: x * 2, ((0,),)),
}  # fmt: skip


def torch_index(x: Any) -> Any:
    return FUNCTIONS["tensor"]([1]) if isinstance(x, Tensor) else torch.tensor([1])


def changed(x: Any) -> Any:
    y = x * 2
    y[1:] *= x[1:].exp()
    y += 1
    return y


def ours(array: np.ndarray[Any, Any], requires_grad: bool) -> Any:
    return finished(array.copy(), requires_grad)


def theirs(array: np.ndarray[Any, Any], requires_grad: bool) -> Any:
    return torch.tensor(array, requires_grad=requires_grad)


def described(value: Any) -> Any:
    """Structure, types, shapes, nodes and values of a result."""
    if isinstance(value, (tuple, list)):
        return tuple(map(described, value))
    if isinstance(value, Tensor):
        node = None if value.grad_fn is None else value.grad_fn.name
        return str(value.dtype), tuple(value.shape), node, value.requires_grad, value.tolist()
    if torch is not None and isinstance(value, torch.Tensor):
        node = None if value.grad_fn is None else value.grad_fn.name()
        return str(value.dtype), tuple(value.shape), node, value.requires_grad, value.tolist()
    return value


def close(a: Any, b: Any) -> bool:
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))
    return bool(a == b)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return described(call())
    except Exception as error:  # noqa: BLE001 (compared with the other side's)
        text = str(error).splitlines()[0]
        for ours_name, theirs_name in (("gradsh.engine.tensor.", "torch."),):
            text = text.replace(ours_name, theirs_name)
        kind = type(error).__name__
        return "ValueError" if kind == "AssertionError" else kind, text


def arguments(name: str, case: str, make: Any, requires_grad: bool, with_v: bool) -> list[Any]:
    shapes = CASES[case][1]
    numbers = np.random.default_rng(3)
    arrays = [numbers.normal(size=shape).astype(np.float32) for shape in shapes]
    inputs = tuple([make(array, requires_grad) for array in arrays])
    given: list[Any] = [inputs if len(inputs) > 1 else inputs[0]]
    if not with_v or name in ("jacobian", "hessian"):
        return given
    references: Any = inputs
    if name == "vjp":
        references = CASES[case][0](*inputs)
        if not isinstance(references, (tuple, list)):
            references = (references,)
    vectors = tuple(
        [make(numbers.normal(size=tuple(x.shape)).astype(np.float32), False) for x in references]
        if not any(isinstance(x, int) for x in references)
        else [inputs[0]]
    )
    packed = len(inputs) > 1 if name != "vjp" else len(vectors) > 1 or case == "one in a tuple"
    return [*given, vectors if packed else vectors[0]]


@needs_torch
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("with_v", [False, True])
@pytest.mark.parametrize(
    ("name", "case"), list(product(["vjp", "jvp", "jacobian", "hessian", "vhp", "hvp"], CASES))
)
def test_as_pytorch(
    name: str, case: str, with_v: bool, strict: bool, create_graph: bool, requires_grad: bool
) -> None:
    function = CASES[case][0]

    def call(derivatives: Any, make: Any) -> Any:
        given = arguments(name, case, make, requires_grad, with_v)
        return derivatives(function, *given, create_graph=create_graph, strict=strict)

    found = outcome(lambda: call(DIFFERENTIATION[name], ours))
    expected = outcome(lambda: call(getattr(torch.autograd.functional, name), theirs))
    assert close(found, expected), f"\ngradsh:  {found}\nPyTorch: {expected}"


@needs_torch
@pytest.mark.parametrize("case", CASES)
def test_forward_mode_jacobians_are_the_same(case: str) -> None:
    function = CASES[case][0]
    (inputs,) = arguments("jacobian", case, ours, False, False)
    jacobian = DIFFERENTIATION["jacobian"]
    if case in ("empty", "no tensor", "a list"):
        return
    reverse = outcome(lambda: jacobian(function, inputs))
    assert close(outcome(lambda: jacobian(function, inputs, strategy="forward-mode")), reverse)


@needs_torch
@pytest.mark.parametrize("v", [(1,), (2, 2), "tuple", "number"])
@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp"])
def test_vectors_that_do_not_fit(name: str, v: Any) -> None:
    def call(functions: Any, make: Any) -> Any:
        vectors = {"tuple": (make(np.ones(2), False),) * 2, "number": 3.0}
        vector = vectors[v] if isinstance(v, str) else make(np.ones(v), False)
        return functions(lambda x: (x**2).sum(), make(np.ones(3), False), vector)

    found = outcome(lambda: call(DIFFERENTIATION[name], ours))
    expected = outcome(lambda: call(getattr(torch.autograd.functional, name), theirs))
    assert close(found, expected), f"\ngradsh:  {found}\nPyTorch: {expected}"


def test_what_the_function_captures_is_a_constant() -> None:
    x = finished(np.array([1.0, 2.0]), True)
    jacobian = DIFFERENTIATION["jacobian"](lambda y: x * y, x)
    assert jacobian.tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert x.grad is None


def test_six_derivatives_of_tanh() -> None:
    x = finished(np.array([0.3, -1.2]), True)
    value = FUNCTIONS["tanh"](x)
    for _ in range(6):
        (value,) = DIFFERENTIATION["grad"](value.sum(), x, create_graph=True)
    t = np.tanh(np.array([0.3, -1.2]))
    expected = -16 * t * (1 - t**2) * (45 * t**4 - 60 * t**2 + 17)
    np.testing.assert_allclose(value.tolist(), expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("name", "text"), samples(), ids=[text for _, text in samples()])
def test_forward_mode_of_every_operation_is_the_transpose_of_backward(
    name: str, text: str, dtype: str
) -> None:
    """For every cotangent w and tangent v, the real part of <w, J v> is that of <J^H w, v>."""
    run = Run(GradshSide(), text, Variation(dtype, dtype))
    outputs = [out for out in run.results() if out.requires_grad] if run.error is None else []
    if not outputs:
        return
    numbers = np.random.default_rng(5)

    def like(array: Any) -> Any:
        values = numbers.normal(size=array.shape)
        if array.dtype.kind == "c":
            values = values + 1j * numbers.normal(size=array.shape)
        return np.asarray(values).astype(array.dtype)

    tangents = [like(leaf.array) for leaf in run.leaves]
    weights = [like(out.array) for out in outputs]
    try:
        pulled = DIFFERENTIATION["grad"](
            outputs,
            run.leaves,
            [finished(weight, False) for weight in weights],
            create_graph=True,
            allow_unused=True,
        )
    except (RuntimeError, NotImplementedError):
        return  # it has no derivative, and says so
    try:
        moved = linearised(outputs, [leaf.node for leaf in run.leaves])(tangents)
    except (RuntimeError, NotImplementedError) as error:
        # what cannot be differentiated twice has no transpose, as in PyTorch
        assert "is not implemented" in str(error)  # noqa: PT017
        return
    there = sum(
        np.vdot(weight, tangent)
        for weight, tangent in zip(weights, moved, strict=True)
        if tangent is not None
    )
    back = sum(
        np.vdot(gradient.array, tangent)
        for gradient, tangent in zip(pulled, tangents, strict=True)
        if gradient is not None
    )
    single = any(x.array.dtype.itemsize < 8 for x in (*run.leaves, *outputs))
    close = 1e-4 if single else 1e-8
    assert np.isclose(np.real(there), np.real(back), rtol=close, atol=close, equal_nan=True)
