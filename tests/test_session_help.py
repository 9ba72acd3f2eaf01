"""`help`: every page, its examples, and what is found for a name."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS, METHODS
from gradsh.engine.random import default_generator
from gradsh.language.grammar import TEXT_OF
from gradsh.session import Fault, Session
from gradsh.session.commands import COMMANDS
from gradsh.session.help.topics import INTRODUCTION, TOPICS
from gradsh.session.help.words import ATTRIBUTES, WORDS
from gradsh.session.output import ColourOutput, JsonOutput
from gradsh.session.settings import SETTINGS

from .sessions import Collected, output_of


def page(name: str) -> str:
    return output_of(f"help {name}")


def hint(name: str) -> str | None:
    with pytest.raises(Fault) as caught:
        Session(Collected()).run(f"help {name}")
    assert not caught.value.internal
    return caught.value.diagnostic.hint


def test_the_first_page_fits_a_screen() -> None:
    assert (
        page("")
        == """\
gradsh computes with tensors, records what it computes, and differentiates it.

    x = ones(2, 2) grad        # a tensor whose gradient is wanted
    y = mean(3*(x + 2)^2)      # what is computed from it is recorded
    backward y                 # run it backward
    x.grad                     # the derivative of y by each element of x

help NAME explains a function (help mean), a variable, a word (help backward),
or one of the topics below; apropos WORD lists all that mention a word.

  tensors     make, index and change tensors
  gradients   backward, grad, and derivatives of functions
  functions   def, functions without a name, own derivatives
  blocks      if, while, for, nograd, try
  printing    print, texts with values, digits
  optimising  minimize, optimisers, schedules
  files       load, save, run, sessions, data by pipe
  inspection  graph, explain, check, why, grads, plot, vars, time, anomaly
  shell       keys, history, completion, undo
  settings    set, the settings file, what runs at the start
  pytorch     what is the same, and what is not
  operations  all functions
"""
    )


def code_of(text: str) -> str:
    return "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))


@pytest.mark.usefixtures("own_settings")
@pytest.mark.parametrize("name", TOPICS)
def test_the_examples_of_a_topic_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Session(Collected()).run(code_of(INTRODUCTION))
    Session(Collected()).run(code_of(TOPICS[name].text))


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_fits_the_width_of_a_terminal(name: str) -> None:
    shown = page(f'"{name}"')
    assert shown.startswith(f"{name}: {TOPICS[name].summary}\n\n")
    assert max(map(len, shown.splitlines())) < 80


def test_every_function_method_word_attribute_and_setting_has_a_page() -> None:
    session = Session(Collected())
    names = {*FUNCTIONS, *METHODS, *WORDS, *ATTRIBUTES, *SETTINGS, *session.names}
    names |= {word.split()[0] for word in COMMANDS}
    for name in names:
        output = Collected()
        session.output = output
        session.run(f'help "{name}"')
        assert output.text
        assert "Nothing is called" not in output.text
        assert "Symbol" not in output.text


def test_every_word_of_the_language_is_told() -> None:
    words = {text for text in TEXT_OF.values() if text.isidentifier()}
    for word in words - {"as"}:  # only for pasted imports
        assert page(f'"{word}"')
    assert page("until").startswith(COMMANDS["minimize"].usage)


def test_a_function() -> None:
    assert (
        page("mul")
        == """\
mul(input, other)

Product of input and other.

also      x.mul(...), x.mul_(...)
grad_fn   MulBackward0
gradient  of input: g * other
          of other: g * input

In a gradient, g is what arrives at the result, and out the result.

    mul(randn(3, 4), randn(4))
"""
    )


def test_a_derivative_with_cases_has_a_line_for_each() -> None:
    assert (
        page("pow")
        == """\
pow(input, exponent)

input to the power exponent.

also      x.pow(...), x.pow_(...)
grad_fn   PowBackward0, PowBackward1, PowBackward2
gradient  of input:
            if exponent == 0: zeros_like(g)
            if exponent == 2: g * input * 2
            otherwise: g * input^(exponent - 1) * exponent
          of exponent: g * where((input == 0) & (exponent >= 0), out * 0, out
              * log(input))

In a gradient, g is what arrives at the result, and out the result.

    pow(rand(3, 4) + 1, 2.5)
    pow(rand(3, 4) + 1, randn(4))
    pow(2, randn(3, 4))
"""
    )


def test_names_of_pytorch_methods_and_forms_in_place_lead_to_the_same_page() -> None:
    for name in ("torch.mul", "mul_", "(mul)", '"mul"', "torch.Tensor.mul"):
        assert page(name) == page("mul")


def test_the_samples_of_a_page_leave_no_trace() -> None:
    session = Session(Collected())
    before = default_generator.state()
    session.run("x = 1; anomaly on; help dropout; help log; anomaly off")
    assert (default_generator.state() == before).all()
    assert [*session.variables] == ["x"]


def test_a_tensor() -> None:
    assert (
        output_of("x = [[1., 2.], [0., nan]] grad; y = x * 2; y += 1; help y; help x")
        == """\
y: tensor

shape          (2, 2), 4 elements
dtype          float32, 16 B
requires_grad  true, made by AddBackward0
grad           none
values         from 1 to 5, mean 3, std 1.633, 1 nan
changed        once in place
x: tensor

shape          (2, 2), 4 elements
dtype          float32, 16 B
requires_grad  true, a leaf
grad           none
values         from 0 to 2, mean 1, std 0.8165, 1 zero, 1 nan
used by        y
"""
    )


def test_a_tensor_knows_who_uses_it() -> None:
    start = "x = [1.,2.] grad; v = ones(2); y = sum(x^3); z = y*2; u = v[0]; c = x.detach()\n"

    def users(name: str) -> list[str]:
        lines = output_of(f"{start}backward z\nhelp {name}").split("\n")
        return [line.split(maxsplit=2)[2] for line in lines if line.startswith("used by")]

    assert users("x") == ["y, z"]
    assert users("y") == ["z"]
    assert users("v") == ["u"]
    assert users("z") == []
    many = "".join(f"r{number} = v * {number}; " for number in range(11))
    page = output_of(f"v = ones(2) grad; {many}\nhelp v")
    assert "used by        r0, r1, r2, r3, r4, r5, r6, r7 and 3 more\n" in page


def test_the_gradient_of_a_tensor() -> None:
    shown = output_of("x = ones(2) grad; backward sum(x * 3); help x.grad")
    assert shown.startswith("x.grad: tensor\n")
    assert "values         from 3 to 3, mean 3, std 0\n" in shown


def test_a_function_of_the_users() -> None:
    assert (
        output_of("def f(a, b=2) {\n  return a + b\n}\nhelp f")
        == """\
f(a, b=2)

defined in <text>, line 1:

    def f(a, b=2) {
      return a + b
    }
"""
    )


def test_a_word_and_a_command() -> None:
    assert page("nograd") == (
        "nograd < S >\n\nRecord nothing inside; its last expression is its value.\n"
    )
    assert page("minimize") == (
        "minimize E over w, b [using adam(lr=0.1)] [steps N] [until TOL]\n\n"
        "Change tensors so that a loss falls.\n"
    )
    assert page("vars").startswith(COMMANDS["vars"].usage)


def test_a_users_name_comes_first() -> None:
    assert output_of("mean = 3; help mean") == "mean: number\n\n    3\n"


def test_what_names_nothing_is_looked_for_in_the_texts() -> None:
    title, _, *found = page("Variance").splitlines()
    assert title == "Nothing is called Variance; these mention it:"
    assert [line for line in found if line.startswith("var  ")]
    assert max(map(len, found)) < 80
    assert found[-1].startswith("Names like it: ")


def test_what_is_nowhere_is_an_error_with_near_names() -> None:
    rest = "`help` lists the topics, `help operations` every function"
    assert (hint("softmx") or "").startswith("did you mean `softmax` or `softmin` or ")
    assert hint("zzzq") == rest


def test_as_json() -> None:
    stream = io.StringIO()
    Session(JsonOutput(stream)).run("x = ones(2); help mul; help x; help files; help; help if")
    objects: list[dict[str, Any]] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {shown["kind"] for shown in objects} == {"help"}
    function, variable, topic, _, word = [shown["data"] for shown in objects]
    assert function["gradients"] == {"input": "g * other", "other": "g * input"}
    assert function["grad_fn"] == ["MulBackward0"]
    assert (variable["shape"], variable["statistics"]["max"]) == ([2], 1.0)
    assert topic["title"] == "files: load, save, run, sessions, data by pipe"
    assert word["usage"] == ["if C { S } else if C { S } else { S }"]


def test_on_a_terminal_it_has_the_same_text() -> None:
    stream = io.StringIO()
    Session(ColourOutput(stream)).run("help gradients")
    assert stream.getvalue() == page("gradients")


def test_apropos_lists_what_mentions_a_word() -> None:
    listing = output_of("apropos histogram")
    assert listing.startswith("What mentions histogram:\n\n")
    assert "\nhistogram " in listing
    rows = output_of('apropos "abbreviated"').splitlines()
    assert any(row.startswith("set threshold ") for row in rows)
    assert any(
        row.startswith("help gradients ") for row in output_of("apropos nograd").splitlines()
    )
    with pytest.raises(Fault) as caught:
        output_of("apropos sqare")
    assert caught.value.diagnostic.message == "nothing mentions 'sqare'"
    assert (caught.value.diagnostic.hint or "").startswith("did you mean `square`")
