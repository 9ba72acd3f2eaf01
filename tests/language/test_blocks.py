"""Blocks do what they say wherever they stand: modes, values, names, and ways out."""

from __future__ import annotations

import pytest

from gradsh.language import Reader, SyntaxFault


def test_block_is_in_its_mode_and_ends_it(session):
    session.run("nograd < mode() >\nmode()\nnograd < enablegrad < mode() > >")
    assert session.shown == ["nograd", "grad", "enablegrad"]


def test_block_gives_its_last_expression_and_none_without_one(session):
    session.run("a = nograd < 1; 2 >\nb = nograd < c = 3 >\nd = nograd < >\ne = 1, nograd < 5 >")
    assert session.variables == {"a": 2, "b": None, "c": 3, "d": None, "e": (1, 5)}


def test_block_without_value_is_no_expression(session):
    session.run("nograd < x = 1 >\nnograd < print x > 0 >\nnograd < if x { 5 } >")
    assert session.shown == []
    assert session.log == [(True,)]


def test_closing_signs_and_comparisons(session):
    session.run(
        """
        a = 3; b = 2
        nograd < print a > b >
        nograd < print (a > b) >  # a comment
        nograd < nograd < a > b >>
        x = nograd < a > b > ;
        if true { nograd < a > b > }
        max(nograd < a >, 1)
        (nograd < a >)
        if nograd < a > b > { print "yes" }
        nograd <
          a > b
        >
        print nograd < a >, nograd < b >
        """
    )
    assert session.log == [(True,), (True,), ("yes",), (3, 2)]
    assert session.shown == [True, 3, 3, True]
    assert session.variables["x"] is True


def test_only_the_value_is_in_the_mode(session):
    """What an element or a name in place is set to is computed in the block, not set there."""
    seen = []

    class Target:
        def __setitem__(self, key, value):
            seen.append((session.modes[-1:], key, value))

        def __iadd__(self, value):
            seen.append((session.modes[-1:], value))
            return self

    session.names["t"] = Target()
    session.run("t[0] = nograd < mode() >\nt += nograd < mode() >")
    assert seen == [([], 0, "nograd"), ([], "nograd")]


def test_names_are_bound_in_the_enclosing_scope(session):
    session.run(
        """
        y = 1 + nograd < a = 2; a >
        if nograd < b = true; b > { c = 1 + nograd < d = 1; d > }
        def f(x) { z = 1 + nograd < w = x*2; w >; return w + z }
        r = f(10)
        """
    )
    names = session.variables
    assert {name: names[name] for name in "abcdry"} == {
        "a": 2, "b": True, "c": 2, "d": 1, "r": 41, "y": 3,
    }  # fmt: skip
    assert not any(name.startswith("@") for name in names)
    assert "w" not in names
    assert "z" not in names


def test_assignment_in_a_nested_block_changes_the_function_s_variable(session):
    session.run(
        """
        def f() {
            n = 1
            m = max(nograd < n = n + 1; nograd < n = n + 1 >; n >, 0)
            return (n, m)
        }
        f()
        """
    )
    assert session.shown == [(3, 3)]
    assert "n" not in session.variables


def test_leaving_a_block_by_break_continue_and_return(session):
    session.run(
        """
        def f() { nograd < return mode() > }
        def g() {
            for i in range(9) { nograd < if i < 3 { continue }; break > }
            return (i, mode())
        }
        f()
        g()
        """
    )
    assert session.shown == ["nograd", (3, "grad")]


def test_a_loop_inside_a_block_value_has_its_own_break(session):
    session.run("x = 1 + nograd < n = 0; while true { n += 1; if n > 4 { break } }; n >")
    assert session.variables["x"] == 6


def test_blocks_in_functions_of_expressions(session):
    session.run(
        """
        f = v -> nograd < k = v*2; (k, mode()) >
        g = (a, b) -> max(nograd < c = a; c >, b)
        h = () -> x -> nograd < y = x; y + 1 >
        def e(x) = nograd < q = x; q >
        f(2)
        g(1, 5)
        h()(6)
        e(7)
        """
    )
    assert session.shown == [(4, "nograd"), 5, 7, 7]
    assert not {"k", "c", "y", "q"} & set(session.variables)


def test_a_condition_is_evaluated_each_time(session):
    session.run("n = 0\nwhile nograd < n = n + 1; n < 4 > { print n }")
    assert session.log == [(1,), (2,), (3,)]


def test_operands_are_evaluated_only_when_needed(session):
    session.run("x = true or nograd < print 1; false >\ny = false or nograd < print 2; true >")
    assert session.log == [(2,)]


def test_default_value_with_a_block(session):
    session.run("def f(a=nograd < b = 4; b >) = a\nf()\nb")
    assert session.shown == [4, 4]


def test_function_with_its_own_derivative(session):
    session.run(
        """
        def f(x, scale=2) {
            y = x*scale
            if x > 10 { return 0 }
            return y
        } backward(g) { return g*y }
        """
    )
    custom = session.names["f"]
    assert custom.name == "f"
    first, second = custom(3), custom(4)
    assert (first[0], second[0]) == (6, 8)
    assert (first[1](10), second[1](10)) == (60, 80)
    assert custom(11)[0] == 0


def test_backward_block_sees_locals_that_are_bound_later(session):
    session.run("def f(x) { y = x; r = y; y = 100; return r } backward(g) { return y }")
    assert session.names["f"](1)[1](0) == 100


def test_closures_recursion_defaults_and_keywords(session):
    session.run(
        """
        def make(n) { def add(x) = x + n; return add }
        def factorial(n) { if n < 2 { return 1 } else { return n*factorial(n - 1) } }
        def f(a, b=2) = (a, b)
        make(3)(4)
        factorial(5)
        f(b=5, a=1)
        f(1)
        """
    )
    assert session.shown == [7, 120, (1, 5), (1, 2)]


def test_try_and_catch(session):
    session.run(
        """
        try { x = 1/0 } catch e { print e }
        print e
        def f() { try { return missing } catch { return 5 } }
        f()
        try { assert 1 == 2, "they differ" } catch e { print e }
        try { assert 1 == 2 } catch e { print e }
        """
    )
    assert session.log[0] == session.log[1]
    assert session.log[2:] == [("they differ",), ("assertion failed",)]
    assert session.shown == [5]
    assert set(session.variables) == {"e", "f"}


def test_time_runs_its_statement_in_place(session):
    session.run("time x = 3\ntime x + 1\nfor i in range(5) { time if i > 1 { break } }\ni")
    assert session.variables["x"] == 3
    assert session.shown == [4, 2]
    assert [entry[2]["text"] for entry in session.log[:2]] == ["x = 3", "x + 1"]


def test_time_of_several_lines_has_the_whole_text(session):
    session.run("y = 0\ntime while y < 2 {\n  y += 1\n}")
    assert session.log[0][2] == {"text": "while y < 2 {\n  y += 1\n}"}


def test_text_of_a_statement_that_comes_line_by_line(session):
    reader = Reader("test.grad")
    for line in ("a = 1\n", "y = 0; time while y < 2 {\n", "  y += 1\n", "}\n"):
        for unit in reader.feed(line):
            unit.run(session.names)
    assert session.log[0][2] == {"text": "while y < 2 {\n  y += 1\n}"}


def test_a_very_long_text_is_cut(session):
    session.run("time x = max(" + "1, " * 1000 + "1)")
    text = session.log[0][2]["text"]
    assert len(text) == 1000
    assert text.startswith("x = max(1, 1,")
    assert text.endswith("...")


def test_command_evaluates_again_and_again(session):
    session.run("w = 2\nh = minimize w*w over w steps 3\nplot x^2 + w over x from 0 to 1")
    (_, (loss,), parts), (_, (function,), plotted) = session.log
    assert loss() == 4
    session.names["w"] = 5
    assert loss() == 25
    assert function(3) == 14
    assert parts == {"text": ("w*w",), "over": (2,), "over_text": ("w",), "steps": 3}
    assert plotted == {"text": ("x^2 + w",), "over": ("x",), "from": 0, "until": 1}
    assert session.variables["h"] == "result"


@pytest.mark.parametrize(
    "text",
    [
        "time return 3",
        "nograd < return 3 >",
        "x = 1 + nograd < break >",
        "def f() { x = 1 + nograd < return 3 > }",
        "while a { x = 1 + nograd < continue > }",
    ],
)
def test_no_way_out_of_a_value(session, text):
    with pytest.raises(SyntaxFault):
        session.run(text)
