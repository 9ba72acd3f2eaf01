"""The session: names, running, showing, errors, interrupts."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from gradsh.display.values import shown
from gradsh.engine import Tensor
from gradsh.engine.modes import GRAD_MODE, INTERRUPTS
from gradsh.session import ErrorValue, Fault, Interrupted, Output, Session
from gradsh.session.interrupts import install

from .sessions import output_of


class Collected(Output):
    """An output that keeps what it gets."""

    def __init__(self) -> None:
        self.text = ""
        self.values: list[tuple[str | None, object]] = []

    def write(self, text: str) -> None:
        self.text += text

    def show(self, value: object, name: str | None = None) -> None:
        self.values.append((name, value))


def fault_of(text: str, session: Session | None = None) -> Fault:
    with pytest.raises(Fault) as caught:
        (session or Session(Collected())).run(text)
    return caught.value


def test_variables_are_the_users_names() -> None:
    session = Session(Collected())
    session.run("x = ones(2); def f(a) = a + 1")
    assert list(session.variables) == ["x", "f"]
    assert isinstance(session.variables["x"], Tensor)
    session.run("y = f(x); del x")
    assert list(session.variables) == ["f", "y"]


def test_sessions_do_not_share_names() -> None:
    first, second = Session(Collected()), Session(Collected())
    first.run("x = 1")
    assert fault_of("x", second).diagnostic.message == "name 'x' is not defined"


def test_a_users_name_hides_a_built_in_one_until_it_is_deleted() -> None:
    assert output_of("def mean(x) = 'own'; print mean(1); del mean; print mean(ones(2))") == (
        "own\ntensor(1.)\n"
    )


def test_names_for_completion() -> None:
    session = Session(Collected())
    session.run("own = 1")
    assert {"own", "mean", "torch", "F", "float64", "pi", "args"} <= set(session.names)
    assert not any(name.startswith(("@", "__")) for name in session.names)


def test_what_is_shown() -> None:
    output = Collected()
    Session(output).run("1; none; 2;\nx = 3\nx\nprint 4\nif true { 5 }\nnograd < x + 3 >")
    assert output.values == [(None, 1), (None, 3), (None, 6)]
    assert output.text == "4\n"


def test_a_quiet_line() -> None:
    output = Collected()
    session = Session(output, echo=True)
    session.run("x = 1;\nx;\ny = 2 # shown")
    assert output.values == [("y", 2)]


def test_the_echo_of_assignments() -> None:
    output = Collected()
    Session(output, echo=True).run("x = 1\na, b = (2, 3)\nx += 1\nz = ones(2)\nz[0] = 5\nq = none")
    names = [name for name, _ in output.values]
    assert names[:3] == ["x", "a", "b"]
    assert ("x", 2) in output.values
    assert names[-1] == "q"
    assert "z" in names


def test_the_echo_keeps_the_columns_of_a_tensor() -> None:
    assert output_of("xy = eye(2)", echo=True) == (
        "xy = tensor([[1., 0.],\n             [0., 1.]])\n"
    )


def test_the_last_shown_value() -> None:
    assert output_of("1 + 2; _ * 2; x = 5; 7; print _") == "3\n6\n7\n7\n"
    assert output_of("3; 4; _ = 9; _; del _; _") == "3\n4\n9\n9\n"


def test_numbered_values_are_the_shells() -> None:
    assert output_of("3; x = 4; 5; print _1, _2, _3", numbered=True, echo=True) == (
        "3\nx = 4\n5\n3 4 5\n"
    )
    assert "_1" in fault_of("3; _1").diagnostic.message


def test_print_goes_to_the_output_at_once() -> None:
    seen = []

    class Watched(Output):
        def write(self, text: str) -> None:
            seen.append(text)

    Session(Watched()).run("for i in range(2) { print i, 'a' }\nprint")
    assert seen == ["0 a\n", "1 a\n", "\n"]


def test_arguments_are_a_tuple_of_texts() -> None:
    assert output_of("args; len(args)", arguments=["a", "b"]) == "('a', 'b')\n2\n"
    assert output_of("args") == "()\n"


def test_a_fault_has_its_place_and_cause() -> None:
    fault = fault_of("x = 1\n\ny = x +\n  zz")
    place = fault.diagnostic
    assert (place.source, place.line, place.column) == ("<text>", 4, 3)
    assert str(fault) == place.message == "name 'zz' is not defined"
    assert isinstance(fault.__cause__, NameError)
    assert not fault.internal


def test_what_ran_before_a_fault_stays() -> None:
    session = Session(Collected())
    fault_of("x = 1\nx = y\nx = 3", session)
    assert session.variables == {"x": 1}
    fault_of("for i in range(5) { x = x + i; if i == 2 { nothing } }", session)
    assert session.variables["x"] == 4
    fault_of("x = 9\nx = (", session)
    assert session.variables["x"] == 9


def test_a_syntax_fault_is_a_fault_too() -> None:
    fault = fault_of("x = )")
    assert fault.diagnostic.render().startswith("<text>:1:5: error: ")


def test_going_on_after_faults() -> None:
    output = Collected()
    faults: list[Fault] = []
    pieces = iter(["1\ny\n", "2; z; 3\n)", "\n4\nx = ("])
    Session(output).run_pieces(pieces, "p", faults.append)
    assert [value for _, value in output.values] == [1, 2, 3, 4]
    assert [fault.diagnostic.line for fault in faults] == [2, 3, 4, 6]


def test_the_grad_mode_survives_faults() -> None:
    session = Session(Collected())
    fault_of("nograd < x = ones(2); enablegrad < nothing > >", session)
    assert GRAD_MODE.recording
    fault_of("nograd < try { nograd < nothing > } catch e { }; nothing >", session)
    assert GRAD_MODE.recording


def test_endless_recursion_is_a_fault_and_loses_nothing() -> None:
    session = Session(Collected())
    session.run("x = 5\ndef f(n) = f(n + 1)\ndef g(n) { x = ones(2); return g(n) * x }")
    for call in ("f(1)", "g(1)"):
        fault = fault_of(call, session)
        assert fault.diagnostic.message == "functions call each other too deeply"
        assert not fault.internal
    session.run("try { f(1) } catch e { message = e.message }; y = x + 1")
    assert session.variables["y"] == 6
    assert session.variables["message"] == "functions call each other too deeply"


def test_deep_but_finite_recursion_works() -> None:
    assert output_of("def f(n) { if n == 0 { return 0 }; return f(n - 1) + 1 }\nf(400)") == "400\n"


def test_a_caught_error() -> None:
    session = Session(Collected())
    session.run("try {\n  x = 1\n  ones(2) @ ones(3)\n} catch e { print e; line = e.line }")
    error = session.variables["e"]
    assert isinstance(error, ErrorValue)
    assert session.variables["line"] == 3
    assert error.source == "<text>"
    assert "\n" not in str(error)
    assert shown(error) == str(error)
    assert error.__traceback__ is None


def test_errors_of_every_kind_are_caught() -> None:
    for statement in (
        "zz",
        "1/0",
        "assert false",
        "(1,)[3]",
        "ones(2).x",
        "'a' + 1",
        "graph 1",
        "plot 1",
    ):
        assert output_of(f"try {{ {statement} }} catch e {{ print 'caught' }}") == "caught\n"


def test_assert() -> None:
    assert fault_of("assert 1 > 2").diagnostic.message == "assertion failed"
    assert fault_of("assert 1 > 2, 'so it goes'").diagnostic.message == "so it goes"


def test_safe_refuses_files_even_behind_a_try() -> None:
    session = Session(Collected(), safe=True)
    assert "may not be used here" in fault_of('run "x.grad"', session).diagnostic.message
    session.run('try { run "x.grad" } catch e { m = e.message }')
    assert session.variables["m"] == "'run' may not be used here"


def test_a_fault_of_ours_is_told_from_one_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    import gradsh.session.commands as commands

    def broken(*values: object) -> None:
        None.missing  # type: ignore[attr-defined]  # noqa: B018

    def refusing(*values: object) -> None:
        raise KeyError("so it says")

    monkeypatch.setitem(commands.COMMANDS, "vars", commands.Command("", "", broken))
    monkeypatch.setitem(commands.COMMANDS, "help", commands.Command("", "", refusing))
    session = Session(Collected())
    fault = fault_of("x = 1\nvars", session)
    assert fault.internal
    assert fault.diagnostic.line == 2
    assert fault.diagnostic.message.startswith("internal error: AttributeError: ")
    assert "report" in (fault.diagnostic.hint or "")
    assert not fault_of("help", session).internal
    session.run("y = x + 1")
    assert session.variables["y"] == 2


def test_nothing_of_python_can_be_reached() -> None:
    for expression in (
        "open('x')", "eval('1')", "exec('1')", "getattr(1, 'real')", "object", "type(1)",
        "(1).real", "'a'.format(1)", "f.__globals__", "f.func_globals", "mean.__globals__",
        "torch.__dict__", "torch._table", "torch.autograd._name", "F.__class__",
        "ones(1).__class__", "ones(1).array", "ones(1).numpy()", "ones(1).node", "e.args",
        "e.__traceback__", "range(2).start", "ones(1).shape.__class__", "pi.hex()",
        "float32.numpy", "(x -> x).__code__", "len.__self__", "ones(1).mean.__func__",
    ):  # fmt: skip
        program = "def f(a) = a; try { 1/0 } catch e { }\n" + expression
        diagnostic = fault_of(program).diagnostic
        assert diagnostic.line == 2
        assert "internal" not in diagnostic.message


@pytest.fixture
def our_interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    install()
    yield
    signal.signal(signal.SIGINT, before)


def interrupts_at(session: Session, count: int) -> None:
    """Let the program call `press()`; its call number `count` sends the signal that Ctrl-C does.

    A timer would do so at a moment of its own, on a busy machine before or after the statement.
    """
    presses = itertools.count(1)

    def press() -> None:
        if next(presses) == count:
            signal.raise_signal(signal.SIGINT)

    session.namespace["press"] = press


@pytest.mark.usefixtures("our_interrupts")
def test_an_interrupt_has_a_place_and_leaves_everything_usable() -> None:
    session = Session(Collected())
    session.run("x = 1")
    interrupts_at(session, 100)
    with pytest.raises(Interrupted) as caught:
        session.run("nograd <\n  while true {\n    x = x + 1; press()\n  }\n>")
    assert caught.value.diagnostic.line in (2, 3)
    assert GRAD_MODE.recording
    assert session.variables["x"] == 101
    session.run("x = 2")
    assert session.variables["x"] == 2


@pytest.mark.usefixtures("our_interrupts")
def test_an_interrupt_never_leaves_a_value_half_changed() -> None:
    """The signal comes from another thread, wherever the loop is then."""
    session = Session(Collected())
    for _ in range(10):
        session.run("x = zeros(5)")
        begun = threading.Event()

        def interrupt(begun: threading.Event = begun) -> None:
            begun.wait()
            time.sleep(0.01)
            signal.raise_signal(signal.SIGINT)

        session.namespace["begin"] = begun.set
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(Interrupted):
            session.run("while true { x += 1; begin() }")
        thread.join()
        tensor = session.variables["x"]
        assert tensor.tolist() == [tensor._version] * 5
        assert tensor._version > 0


@pytest.mark.usefixtures("our_interrupts")
def test_an_interrupt_waits_for_the_end_of_a_critical_section() -> None:
    finished = []

    def section() -> None:
        with INTERRUPTS:
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.01)
            finished.append(True)

    with pytest.raises(KeyboardInterrupt):
        section()
    assert finished
