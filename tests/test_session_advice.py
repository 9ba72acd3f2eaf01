"""Every common mistake comes with one line that says what to do."""

from __future__ import annotations

import pytest

from gradsh.session import Fault, Session


@pytest.mark.parametrize(
    ("program", "advice"),
    [
        ("ones(2) + ones(3)", "lengths must be equal or 1"),
        ("x = ones(3); x[:2] = [1., 2., 3.]", "the value must fit the shape"),
        ("ones(3)[3]", "the last one 2 or -1"),
        ("ones(0)[0]", "this dimension is empty"),
        ("ones(3)[0, 0]", "the shape has 1 lengths"),
        ("ones(2, 3).sum(2)", "the last one 1 or -1"),
        ("ones(6).view(4)", "the lengths must multiply to 6"),
        ("ones(2) @ ones(3)", "must have one length in both"),
        ("ones(2, 3) @ ones(2, 3)", "`.T` transposes"),
        ("cat([ones(2, 2), ones(3, 3)], 0)", "only dimension 0 may differ"),
        ("stack([ones(2), ones(3)])", "joined with `cat`"),
        ("[ones(2), 3]", "kept in a tuple"),
        ("ones(2).item()", "`x[0].item()`"),
        ("if ones(2) { }", "`all(...)` or `any(...)`"),
        ("a, b = (1, 2, 3)", "as many names as there are values"),
        ("x = ones(2) grad; y = 2*x; backward y with ones(3)", "the shape of what"),
        ("x = [1, 2]; x += 1.5", "an in-place change keeps the type"),
        ("x = ones(2, 3).t(); x.view(6)", "`.reshape(...)`"),
        ("3 @ 4", "for numbers write `*`"),
        ("ones(3)[::-1]", "`flip(x, 0)`"),
        ("adjoint(1)", "write `tensor(...)` around the number"),
        ("zeros(2, dtype='float64')", "without quotes"),
        ("ones(2).grad_fn.name", "what stands before the point is none"),
        ("ones(2).sun()", "did you mean `sum`?"),
        ("ones(2).sum(dimm=0)", "did you mean `dim`?"),
        ("ones(2).softmax(dimm=0)", "did you mean `dim`?"),
        ("def f(rate) = rate\nf(rates=1)", "did you mean `rate`?"),
        ("relu(ones(2), xyz=1)", "its arguments are input"),
        ("sum = 3; sum(ones(2))", "`del sum` gives the built-in function back"),
        ("mean([1, 2])", "make it a float first"),
        ("x = ones(2) grad; x += 1", "`nograd < ... >`"),
        ("x = ones(2) grad; backward x", "reduce it first"),
    ],
)
def test_advice(program: str, advice: str) -> None:
    with pytest.raises(Fault) as caught:
        Session().run(program)
    assert advice in (caught.value.diagnostic.hint or "")
