"""What statements and expressions call: unpacking, loops, powers, bracket lists, attributes."""

from __future__ import annotations

import re
import time
from inspect import cleandoc

import pytest

from gradsh.engine import DIFFERENTIATION
from gradsh.session import Fault, Session

from .sessions import Collected, output_of


def message_of(text: str) -> str:
    with pytest.raises(Fault) as caught:
        output_of(text)
    assert not caught.value.internal
    return caught.value.diagnostic.message


def hint_of(text: str) -> str | None:
    with pytest.raises(Fault) as caught:
        output_of(text)
    return caught.value.diagnostic.hint


def test_unpacking() -> None:
    assert output_of("a, b = (1, 2); print a, b") == "1 2\n"
    assert output_of("a, b = eye(2); print b") == "tensor([0., 1.])\n"
    assert (
        output_of("x = eye(2) grad; a, b = x; backward sum(a); x.grad[0]") == "tensor([1., 1.])\n"
    )
    assert output_of("a, b, c = range(3); print c") == "2\n"
    assert output_of("a, b = ones(4, 2).shape; print a + b") == "6\n"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("a, b, c = (1, 2)", "not enough values to unpack (expected 3, got 2)"),
        ("a, b = (1, 2, 3)", "too many values to unpack (expected 2)"),
        ("a, b = ones(3)", "too many values to unpack (expected 2)"),
        ("a, b = tensor(1)", "iteration over a 0-d tensor"),
        ("a, b = 3", "cannot unpack non-iterable int object"),
        ("a, b = none", "cannot unpack non-iterable NoneType object"),
        ("for i in 3 { }", "'int' object is not iterable"),
        ("for i in tensor(3) { }", "iteration over a 0-d tensor"),
        ("for i in mean { }", "'function' object is not iterable"),
    ],
)
def test_what_cannot_be_unpacked_or_looped_over(statement: str, message: str) -> None:
    assert message_of(statement) == message


def test_unpacking_a_long_tensor_fails_at_once() -> None:
    started = time.process_time()
    assert message_of("a, b = zeros(3000000)") == "too many values to unpack (expected 2)"
    assert time.process_time() - started < 2


def test_a_loop_over_a_number_has_a_hint() -> None:
    assert hint_of("for i in 3 { }") == "write `for i in range(3)`"


@pytest.mark.parametrize(
    "statement",
    [
        "a, x[5] = 1, 2",
        "x[0], x[7] = 5, 6",
        "x[0], a, b = 5, 6",
        "a = x[9] = 3",
        "del a, nothing",
        "a, b = (1, 2, 3)",
        "def f(n=nothing) = 2",
        "x += ones(3)",
        "x[[0, 7]] += 1",
        "x[:2] = [1., 2., 3.]",
    ],
)
def test_a_statement_that_fails_changes_nothing(statement: str) -> None:
    before = "a = 8; b = 9; x = ones(2); def f(n) = n\n"
    after = "\nprint a, b, x, x._version, f(4)"
    assert output_of(f"{before}try {{ {statement} }} catch e {{ }}{after}") == (
        "8 9 tensor([1., 1.]) 0 4\n"
    )


def test_unpacking_into_parts_of_a_tensor() -> None:
    text = "x = zeros(3); def f() { y = zeros(2); b, y[1] = (7, 8); return (b, y) }\n"
    assert output_of(text + "a, x[0], x[2] = (1, 5, 6); a; x") == "1\ntensor([5., 0., 6.])\n"
    assert output_of(text + "f()") == "(7, tensor([0., 8.]))\n"


def test_loops() -> None:
    assert output_of("for i in (1, 'a') { print i }") == "1\na\n"
    assert output_of("for row in eye(2) { print row }") == "tensor([1., 0.])\ntensor([0., 1.])\n"
    assert output_of("for a, b in ((1, 2), (3, 4)) { print a + b }") == "3\n7\n"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("2^10", "1024"),
        ("n = 10; 2^n", "1024"),
        ("n = 1000; len(str(2^n))", "302"),
        ("n = -1; 2^n", "0.5"),
        ("n = 10000000000; 1^n", "1"),
        ("n = 10000000001; (-1)^n", "-1"),
        ("n = 10000000000; 0^n", "0"),
        ("n = 0.5; 4^n", "2.0"),
        ("n = 3; tensor(2)^n", "tensor(8)"),
        ("n = tensor(3.); 2^n", "tensor(8.)"),
        ("-2^2", "-4"),
        ("2^3^2", "512"),
    ],
)
def test_powers(expression: str, text: str) -> None:
    assert output_of(expression) == text + "\n"


@pytest.mark.parametrize("power", ["10^1000000", "n = 10^9; 3^n", "n = 10^300; (-2)^n", "2^(10^7)"])
def test_a_power_without_end_is_refused_at_once(power: str) -> None:
    started = time.process_time()
    assert "digits" in message_of(power)
    assert time.process_time() - started < 1


def test_remainder_is_never_formatting() -> None:
    assert output_of("7 % 3; -7 % 3; tensor([7, -7]) % 3") == "1\n2\ntensor([1, 2])\n"
    assert message_of("'%d' % 3") == "unsupported operand type(s) for %: 'str' and 'int'"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("[1, 2.5]", "tensor([1.0000, 2.5000])"),
        ("sin([0., 0.])", "tensor([0., 0.])"),
        ("mean([1., 2., 3.])", "tensor(2.)"),
        ("zeros([2, 1])", "tensor([[0.],\n        [0.]])"),
        ("ones(4).reshape([2, 2])", "tensor([[1., 1.],\n        [1., 1.]])"),
        ("ones(2, 3).sum([0, 1])", "tensor(6.)"),
        ("ones(2, 3).sum(dim=[0, 1])", "tensor(6.)"),
        ("cat([ones(1), zeros(1)])", "tensor([1., 0.])"),
        ("cat([[1, 2], [3]])", "tensor([1, 2, 3])"),
        ("cat([1, 2], [3])", "tensor([1, 2, 3])"),
        ("meshgrid([1], [2])", "(tensor([[1]]), tensor([[2]]))"),
        ("block_diag([[1, 2]], [[3]])", "tensor([[1, 2, 0],\n        [0, 0, 3]])"),
        ("atleast_1d([1, 2])", "tensor([1, 2])"),
        ("hstack([[1], [2]])", "tensor([1, 2])"),
        ("stack([ones(1), zeros(1)], dim=1)", "tensor([[1., 0.]])"),
        ("matmul([[1., 2.]], [1., 1.])", "tensor([3.])"),
        ("where([true, false], [1, 2], [3, 4])", "tensor([1, 4])"),
        ("ones(2).add([1, 2])", "tensor([2., 3.])"),
        ("add(ones(2), other=[1, 2])", "tensor([2., 3.])"),
        ("tensor([1, 2], dtype=float)", "tensor([1., 2.])"),
        ("float([1, 2])", "tensor([1., 2.])"),
        ("len([1, 2, 3])", "3"),
        ("eye(3)[[0, 1], [0, 2]]", "tensor([1., 0.])"),
        ("def f(a) = a + 1\nf([1, 2])", "tensor([2, 3])"),
        ("f = a -> a.shape\nf([[1, 2]])", "torch.Size([1, 2])"),
        ("def f(a, b=1) = a + b\nf(1, b=[1, 2])", "tensor([2, 3])"),
        ("def f(a) { return 2*a } backward(g) { return g }\nf([1, 2])", "tensor([2, 4])"),
    ],
)
def test_bracket_lists(expression: str, text: str) -> None:
    assert output_of(expression) == text + "\n"


def test_a_bracket_list_in_a_call_is_differentiable() -> None:
    assert output_of("a = tensor(2.) grad; backward mean([a, 3*a]); a.grad") == "tensor(2.)\n"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("float", "torch.float32"),
        ("double, long, int, bool", "(torch.float64, torch.int64, torch.int32, torch.bool)"),
        ("ones(2, dtype=float64).dtype", "torch.float64"),
        ("int(3.7)", "3"),
        ("float('2.5')", "2.5"),
        ("int('12')", "12"),
        ("bool(0)", "False"),
        ("long(ones(2))", "tensor([1, 1])"),
        ("int(tensor(3.7))", "tensor(3, dtype=torch.int32)"),
        ("float64(2)", "2.0"),
        ("ones(1).to(double)", "tensor([1.], dtype=torch.float64)"),
        ("ones(1).double().float().dtype.name", "'float32'"),
        ("float64.itemsize", "8"),
        ("complex64.is_complex", "True"),
        ("str(ones(1)) + '!'", "'tensor([1.])!'"),
        ("str(none)", "'None'"),
        ("inf, -inf, nan, pi", "(inf, -inf, nan, 3.141592653589793)"),
    ],
)
def test_types_and_constants(expression: str, text: str) -> None:
    assert output_of(expression) == text + "\n"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("tensor(0.1, dtype=float64)", "0.1"),
        ("tensor([16777217, 0.5], dtype=int64)[0]", "16777217"),
        ("tensor(1e300, dtype=float64)", "1e+300"),
        ("tensor(-1, dtype=uint8)", "255"),
        ("tensor(1e-50, dtype=bool)", "True"),
    ],
)
def test_a_number_keeps_its_precision_on_the_way_into_a_type(expression: str, text: str) -> None:
    assert output_of(f"{expression}.item()") == text + "\n"


@pytest.mark.parametrize("number", ["300", "-1.5", "nan", "[1, 256]"])
def test_a_type_refuses_numbers_that_it_cannot_hold(number: str) -> None:
    message = "value cannot be converted to type uint8 without overflow"
    assert message_of(f"tensor({number}, dtype=uint8)") == message


def test_what_is_no_number() -> None:
    assert message_of("int('a')") == "invalid literal for int() with base 10: 'a'"
    assert message_of("float(none)") == (
        "float32() argument must be a tensor or a number, not NoneType"
    )


def test_pytorchs_prefixes_change_nothing() -> None:
    assert output_of(
        "import torch\nimport torch.nn.functional as F\n"
        "torch.mean(torch.ones(2, dtype=torch.float64)); torch.float32; torch.pi\n"
        "F.relu(torch.tensor([-1., 1.])); torch.nn.functional.relu(torch.tensor(-1.))\n"
        "torch.linalg.norm(torch.tensor([3., 4.])); torch.special.exp(torch.zeros(1))"
    ) == (
        "tensor(1., dtype=torch.float64)\ntorch.float32\n3.141592653589793\n"
        "tensor([0., 1.])\ntensor(0.)\ntensor(5.)\ntensor([1.])\n"
    )
    assert message_of("torch.meen(1)") == "module 'torch' has no attribute 'meen'"
    assert hint_of("torch.meen(1)") == "did you mean `mean`?"
    assert message_of("torch.linalg.x") == "module 'torch.linalg' has no attribute 'x'"
    assert output_of("torch; F") == "<module 'torch'>\n<module 'torch.nn.functional'>\n"


def test_modules_keep_their_names_without_torch() -> None:
    assert (
        output_of(
            "import torch.nn as nn\nfrom torch import linalg, optim\n"
            "nn.functional.relu(tensor(-1.)); linalg.det(eye(2)); special.exp(zeros(1))\n"
            "x = ones(1) grad\nautograd.grad(x * 2, x)\noptim.SGD([x], lr=0.1).lr\nnn = 3; nn"
        )
        == "tensor(0.)\ntensor(1.)\ntensor([1.])\n(tensor([2.]),)\n0.1\n3\n"
    )


def test_names_that_linalg_gives_another_meaning() -> None:
    assert output_of(
        "a = arange(1., 5).view(2, 2); linalg.norm(a, 1); norm(a, 1); torch.linalg.norm(a)\n"
        "linalg.norm(a, ord=inf, dim=0); linalg.norm(a, 'nuc', keepdim=true)\n"
        "linalg.norm(a, -inf, (1,)); linalg.norm(a.double(), dtype=float64)\n"
        "b = arange(8).view(2, 2, 2); linalg.diagonal(b); linalg.diagonal(b, offset=1); diagonal(b)"
    ) == (
        "tensor(6.)\ntensor(10.)\ntensor(5.4772)\ntensor([3., 4.])\ntensor([[5.8310]])\n"
        "tensor([1., 3.])\ntensor(5.4772, dtype=torch.float64)\n"
        "tensor([[0, 3],\n        [4, 7]])\ntensor([[1],\n        [5]])\n"
        "tensor([[0, 6],\n        [1, 7]])\n"
    )
    assert message_of("torch.linalg.norm(ones(2, 2, 2), 2)") == (
        "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got 3D."
    )
    assert message_of("torch.linalg.norm(ones(2, 2, 2), dim=(0, 1, 2))") == (
        "linalg.norm: If dim is specified, it must be of length 1 or 2. Got [0, 1, 2]"
    )


def test_a_prefix_gives_the_built_in_even_where_the_user_has_the_name() -> None:
    assert output_of("mean = 3; torch.mean(ones(2)); mean") == "tensor(1.)\n3\n"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("f'{tensor(1.5)}'", "'1.5'"),
        ("f'{tensor(1.5):.3f}'", "'1.500'"),
        ("f'{ones(2)}'", "'tensor([1., 1.])'"),
        ("x = ones(1) grad; f'{x * 2}'", "'tensor([2.], grad_fn=<MulBackward0>)'"),
        ("f'{(ones(1), true, none)}'", "'(tensor([1.]), True, None)'"),
        ("f'{ones(2).shape} {float32}'", "'torch.Size([2]) torch.float32'"),
    ],
)
def test_tensors_in_texts(expression: str, text: str) -> None:
    assert output_of(expression) == text + "\n"


def test_a_tensor_takes_no_format() -> None:
    assert message_of("f'{ones(2):.3f}'") == (
        "unsupported format string passed to Tensor.__format__"
    )


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("x.grad_fn, x.is_leaf, x.requires_grad, x.ndim", "(None, True, True, 2)"),
        ("x.shape, x.dtype, x._version", "(torch.Size([2, 2]), torch.float32, 0)"),
        ("y.grad_fn", "<MulBackward0>"),
        ("y.grad_fn.name", "'MulBackward0'"),
        ("y.grad_fn.next_functions", "((<AccumulateGrad>, 0), (None, 0))"),
        ("(x * x).grad_fn.saved[0].shape", "torch.Size([2, 2])"),
        ("x.T.shape.numel()", "4"),
        ("x.shape[1:], x.shape + (3,)", "(torch.Size([2]), torch.Size([2, 2, 3]))"),
        ("(3,) + x.shape, 2 * x.shape", "(torch.Size([3, 2, 2]), torch.Size([2, 2, 2, 2]))"),
        ("x.data.requires_grad, x.detach().requires_grad", "(False, False)"),
        ("y.retains_grad; y.retain_grad(); y.retains_grad", "False\nTrue"),
        ("x.sum(dim=0).tolist()", "[2.0, 2.0]"),
        ("x.requires_grad_(false).zero_()[0]; x.add_(2)[0]", "tensor([0., 0.])\ntensor([2., 2.])"),
        ("x.requires_grad = false; x.requires_grad", "False"),
        ("x.data = zeros(1); x", "tensor([0.], requires_grad=True)"),
        ("backward sum(x); x.grad = none; print x.grad", "None"),
        ("torch.autograd.backward(y, [[1., 2.], [3., 4.]]); x.grad[0]", "tensor([2., 4.])"),
        ("torch.autograd.functional.hessian(x -> (x^2).sum(), [3.])", "tensor([[2.]])"),
        ("torch.utils.checkpoint.checkpoint(x -> x, [3.] grad).requires_grad", "True"),
        ("torch.autograd.grad(sum(y * y), (x,))[0][0]", "tensor([8., 8.])"),
        ("y.sum(0).backward(gradient=[1., 2.], retain_graph=true); x.grad[0]", "tensor([2., 4.])"),
    ],
)  # fmt: skip
def test_attributes(expression: str, text: str) -> None:
    assert output_of("x = ones(2, 2) grad; y = x * 2\n" + expression) == text + "\n"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("x.gred", "'Tensor' object has no attribute 'gred'"),
        ("x.shape.nope", "'Size' object has no attribute 'nope'"),
        ("(3).item()", "'int' object has no attribute 'item'"),
        ("'a'.upper()", "'str' object has no attribute 'upper'"),
        ("x.grad = 3", "assigned grad expected to be a Tensor or None but got grad of type int"),
        ("x.data = 3", "Variable data has to be a tensor, but got int"),
        ("3 grad", "int cannot require grad, only a tensor can"),
        ("[1, 2] grad", "only Tensors of floating point dtype can require gradients"),
        ("backward 3", "'int' object has no attribute 'backward'"),
        (
            "backward sum(x) inputs 3",
            (
                "expected Tensor as element 0 in argument 'inputs' of backward(), "
                "but got int"
            ),
        ),
        ("3(4)", None),
        ("x(4)", "'Tensor' object is not callable"),
        ("x([4])", "'Tensor' object is not callable"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(statement: str, message: str | None) -> None:
    given = message_of("x = ones(2) grad\n" + statement)
    assert message is None or given == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("adjoint(3)", "adjoint(): argument 'input' (position 1) must be Tensor, not int"),
        ("outer([1.], none)",
         "outer(): argument 'vec2' (position 2) must be Tensor, not NoneType"),
        ("softmax('a', 0)", "softmax(): argument 'input' (position 1) must be Tensor, not str"),
        ("zeros(2, dtype='a')",
         "zeros(): argument 'dtype' (position 2) must be torch.dtype, not str"),
        ("sum()", 'sum() missing 1 required positional arguments: "input"'),
        ("def sum2(a) = a\nsum2()", "sum2() missing 1 required positional argument: 'a'"),
        ("hstack((1, 2))", "expected Tensor as element 0 in argument 0, but got int"),
        ("def f(x) = argwhere(x)\nf(true)",
         "argwhere(): argument 'input' (position 1) must be Tensor, not bool"),
        ("[" * 100 + "1" + "]" * 100, "too many dimensions 'list'"),
        ("[" * 500 + "1" + "]" * 500, "too many dimensions 'list'"),
        ("x = ones(2) grad\nx.sum().backward(weight=1)",
         "Tensor.backward() got an unexpected keyword argument 'weight'"),
        ("ones(2).shape + ('a',)", "torch.Size() takes an iterable of 'int' (item 1 is 'str')"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_the_programs_fault(call: str, message: str) -> None:
    assert message_of(call) == message


def test_no_built_in_function_takes_a_wrong_argument_for_a_fault_of_gradsh() -> None:
    session = Session(Collected())
    arguments = ("", "3", "none", "'a'", "[1., 2.]", "ones(2), 'a'", "(1, 2)", "x -> x", "[[]], 0")
    skipped = {"args", "stdin", "load", "save"}
    for name in session.names:
        if name in skipped or name.startswith("_"):
            continue
        for given in arguments:
            faults: list[Fault] = []
            session.run_pieces([f"{name}({given});"], "t", faults.append)
            assert not [fault for fault in faults if fault.internal], (name, given)


@pytest.mark.parametrize("name", sorted(DIFFERENTIATION))
def test_the_sample_calls_of_the_functions_that_differentiate_run(name: str) -> None:
    lines = cleandoc(DIFFERENTIATION[name].__doc__ or "").splitlines()
    samples = [line for line in lines if re.match(rf"(\w+ = .*; )?.*\b{name}\(.*\)$", line)]
    assert samples
    for line in samples:
        output_of(line)
