"""Functions with a derivative of their own, compared with torch.autograd.Function's rules."""

from __future__ import annotations

import pytest

from gradsh.session import Fault

from .sessions import output_of

SQUARE = "def square2(x) { y = x^2; return y } backward(g) { return 2*x*g }\n"


def message_of(text: str) -> str:
    with pytest.raises(Fault) as caught:
        output_of(text)
    assert not caught.value.internal
    return caught.value.diagnostic.message


def test_the_result_has_a_node_of_the_functions_name() -> None:
    assert output_of(SQUARE + "x = [1., 2.] grad; square2(x)") == (
        "tensor([1., 4.], grad_fn=<square2Backward>)\n"
    )
    assert output_of(SQUARE + "square2([1., 2.])") == "tensor([1., 4.])\n"
    assert output_of(SQUARE + "x = [1.] grad; nograd < print square2(x) >") == "tensor([1.])\n"
    assert output_of(SQUARE + "square2") == "<function square2(x)>\n"


def test_the_first_block_is_not_recorded() -> None:
    program = "def f(x) { y = x * 2; print y.requires_grad; return y } backward(g) { return g }\n"
    assert output_of(program + "x = [1.] grad; f(x);") == "False\n"


def test_the_second_block_gives_the_gradient() -> None:
    assert output_of(SQUARE + "x = [1., 3.] grad; backward sum(square2(x)); x.grad") == (
        "tensor([2., 6.])\n"
    )
    # ... whatever it says, and not the derivative of the first
    program = "def f(x) { return x^2 } backward(g) { return g * 10 }\n"
    assert output_of(program + "x = [3.] grad; backward f(x); x.grad") == "tensor([10.])\n"


def test_it_can_be_differentiated_again() -> None:
    program = SQUARE + "x = [3.] grad; backward square2(x) create_graph; g = x.grad\n"
    assert output_of(program + "g") == "tensor([6.], grad_fn=<CopyBackwards>)\n"
    assert output_of(program + "x.grad = none; backward g; x.grad") == "tensor([2.])\n"


def test_several_arguments_and_results() -> None:
    program = (
        "def f(x, k, y=2) { a = x * k; b = x + y; return (a, b) }\n"
        "backward(p, q) { return (p * k + q, none, q) }\n"
    )
    program = program.replace("}\nbackward", "} backward")
    assert output_of(program + "x = [1., 2.] grad; a, b = f(x, 3); print a; print b") == (
        "tensor([3., 6.], grad_fn=<fBackward>)\ntensor([3., 4.], grad_fn=<fBackward>)\n"
    )
    given = "x = [1., 2.] grad; y = [5., 5.] grad; a, b = f(x, y=y, k=3)\n"
    assert output_of(program + given + "backward sum(a); x.grad, y.grad") == (
        "(tensor([3., 3.]), tensor([0., 0.]))\n"
    )
    assert output_of(program + given + "backward sum(a + b); x.grad, y.grad") == (
        "(tensor([4., 4.]), tensor([1., 1.]))\n"
    )


def test_a_gradient_that_is_larger_is_summed() -> None:
    program = "def f(x) { return x } backward(g) { return ones(4, 2) }\n"
    assert output_of(program + "x = [1., 1.] grad; backward sum(f(x)); x.grad") == (
        "tensor([4., 4.])\n"
    )


def test_the_argument_itself_as_the_result() -> None:
    program = "def f(x) { return x } backward(g) { return -g }\n"
    assert output_of(program + "x = [1., 1.] grad; y = f(x); backward sum(y); x.grad; x") == (
        "tensor([-1., -1.])\ntensor([1., 1.], requires_grad=True)\n"
    )


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("1.0", "expected Variable or None (got float)"),
        (
            "ones(3)",
            (
                "Function fBackward returned an invalid gradient at index 0 - "
                "got [3] but expected shape compatible with [2]"
            ),
        ),
        (
            "ones(1)",
            (
                "Function fBackward returned an invalid gradient at index 0 - "
                "got [1] but expected shape compatible with [2]"
            ),
        ),
        (
            "(g, g)",
            "function fBackward returned an incorrect number of gradients (expected 1, got 2)",
        ),
    ],
)  # fmt: skip
def test_wrong_gradients(returned: str, message: str) -> None:
    program = f"def f(x) {{ return x * 2 }} backward(g) {{ return {returned} }}\n"
    assert message_of(program + "x = [1., 1.] grad; backward sum(f(x))") == message


def test_more_gradients_than_arguments_if_they_are_none() -> None:
    program = "def f(x) { return x * 2 } backward(g) { return (g, none, none) }\n"
    assert output_of(program + "x = [1.] grad; backward f(x); x.grad") == "tensor([1.])\n"


def test_what_the_second_block_uses_is_watched_and_freed() -> None:
    given = SQUARE + "x = [1., 2.] grad; z = x * 1; y = square2(z)\n"
    assert "modified by an inplace operation" in message_of(given + "z += 1; backward sum(y)")
    assert "a second time" in message_of(given + "s = sum(y); backward s; backward s")
    assert output_of(given + "s = sum(y); backward s retain_graph; backward s; x.grad") == (
        "tensor([4., 8.])\n"
    )


def test_an_error_in_the_second_block_has_its_place() -> None:
    program = "def f(x) { return x * 2 } backward(g) {\n  return nothing\n}\n"
    with pytest.raises(Fault) as caught:
        output_of(program + "x = [1.] grad; backward f(x)")
    assert caught.value.diagnostic.line == 2


def test_wrong_arguments() -> None:
    assert message_of(SQUARE + "square2()") == (
        "square2() missing 1 required positional argument: 'x'"
    )
    assert message_of(SQUARE + "square2(1, 2)") == (
        "square2() takes 1 positional argument but 2 were given"
    )


def test_recursion_and_defaults() -> None:
    program = (
        "def f(x, n=2) { if n == 0 { return x * 1 }; return f(x, n - 1) * 2 } "
        "backward(g) { return (g * 2^n, none) }\n"
    )
    assert output_of(program + "x = [1.] grad; y = f(x); y; backward y; x.grad") == (
        "tensor([4.], grad_fn=<fBackward>)\ntensor([4.])\n"
    )


def test_errors_name_the_function_and_the_argument() -> None:
    program = "def f(x, n) { return x * n } backward(g) { return RETURNED }\nx = [1., 1.] grad\n"
    for returned, hint in (
        ("g", "the backward block of f returns one gradient for each of x, n, none where"),
        ("(ones(3), none)", "that is what the backward block of f returns for its argument 'x'"),
        ("(g, g)", "that is what the backward block of f returns for its argument 'n'"),
    ):
        with pytest.raises(Fault) as caught:
            output_of(program.replace("RETURNED", returned) + "backward sum(f(x, 3))")
        assert str(caught.value.diagnostic.hint).startswith(hint)
