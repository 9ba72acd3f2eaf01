"""gradcheck and gradgradcheck: what they find, and PyTorch's report of it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS, GradcheckError, Tensor, gradcheck, gradgradcheck
from gradsh.engine.dtypes import DTYPES
from gradsh.session.custom import custom

f = FUNCTIONS


def leaf(*values: Any) -> Tensor:
    made: Tensor = f["tensor"](list(values), dtype=DTYPES["float64"], requires_grad=True)
    return made


def wrong(x: Tensor, y: Tensor) -> Any:
    return x * y, lambda g: (g, g * 2)


PRODUCT = custom("product", wrong)  # type: ignore[arg-type]
REPORT = """Jacobian mismatch for output 0 with respect to input 0,
numerical:tensor([[3.0000, 0.0000],
        [0.0000, 4.0000]], dtype=torch.float64)
analytical:tensor([[1., 0.],
        [0., 1.]], dtype=torch.float64)
"""


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_wrong_derivative_is_reported_as_pytorch_reports_it(fast_mode: bool) -> None:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(PRODUCT, (leaf(1.0, 2.0), leaf(3.0, 4.0)), fast_mode=fast_mode)
    assert str(caught.value) == REPORT
    assert "the worst entry is [1, 1]: numerical 4, analytical 1" in caught.value.__notes__[0]
    assert not gradcheck(
        PRODUCT, (leaf(1.0, 2.0), leaf(3.0, 4.0)), fast_mode=fast_mode, raise_exception=False
    )


def test_right_derivatives_pass() -> None:
    x, y = leaf(0.5, 2.0), leaf(3.0, 4.0)
    for fast_mode in (False, True):
        assert gradcheck(lambda x: x.exp(), x, fast_mode=fast_mode)
        assert gradcheck(lambda x, y: (x * y, (x + y).sum()), (x, y), fast_mode=fast_mode)
        assert gradcheck(lambda x, n: x**n, (x, 3), fast_mode=fast_mode)
        assert gradgradcheck(lambda x, y: x / y, (x, y), fast_mode=fast_mode)
    assert gradcheck(lambda x: x.exp(), x, check_forward_ad=True)
    assert gradcheck(lambda x: x > 1, x)
    assert x.tolist() == [0.5, 2.0]
    assert x.grad is None


def test_a_wrong_second_derivative_is_found() -> None:
    def cube(x: Tensor) -> Any:
        return x**3, lambda g: g * 3 * (x * x).detach()

    function = custom("cube", cube)  # type: ignore[arg-type]
    assert gradcheck(function, leaf(1.0, 2.0))
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to"):
        gradgradcheck(function, leaf(1.0, 2.0))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (x * 2).detach(), "Numerical gradient for function expected to be zero"),
        (lambda x: 3, "gradcheck expects a function that returns tensors, not int"),
    ],
)
def test_functions_that_cannot_be_checked(function: Any, message: str) -> None:
    with pytest.raises((GradcheckError, TypeError), match=message):
        gradcheck(function, leaf(1.0, 2.0))


def test_backward_must_be_linear_and_repeatable() -> None:
    constant = custom("constant", lambda x: (x.sum(), lambda g: leaf(1.0, 1.0)))  # type: ignore[arg-type]
    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(constant, leaf(1.0, 2.0))
    calls = []

    def shaky(x: Tensor) -> Any:
        def backward(g: Tensor) -> Tensor:
            calls.append(g)
            return g + 1e-9 * len(calls)

        return x * 1, backward

    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(custom("shaky", shaky), leaf(1.0, 2.0))  # type: ignore[arg-type]


def test_inputs_that_cannot_be_checked() -> None:
    for inputs in (f["ones"](2), (), 3):
        with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
            gradcheck(lambda x: x, inputs)
    with pytest.raises(RuntimeError, match="The 0th input has a dimension with stride 0"):
        gradcheck(lambda x: x, leaf(1.0).expand(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Input #0 requires gradient and is not a double"):
            gradcheck(lambda x: x * 2, f["ones"](2, requires_grad=True))


def test_an_error_while_checking_leaves_the_input_as_it_was() -> None:
    x = leaf(1.0, 2.0)

    def fails(x: Tensor) -> Tensor:
        if x[1].item() > 2:
            raise RuntimeError("too large")
        return x * 2

    with pytest.raises(RuntimeError, match="too large"):
        gradcheck(fails, x)
    assert x.tolist() == [1.0, 2.0]
