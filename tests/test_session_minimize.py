"""`minimize E over w [using ...] [steps N] [until TOL]`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradsh.session import Fault, Session

from .sessions import Collected, output_of

KEPT = "the last good values of z are kept: try a smaller lr"


DATA = "seed 0; x = randn(50, 2); y = x @ [1., -2.] + 3; w = zeros(2) grad; b = tensor(0.) grad\n"
LOSS = "minimize mse_loss(x @ w + b, y) over w, b"


@pytest.mark.parametrize(
    ("maker", "named"),
    [
        ("adam(lr=0.1)", "adam(w, b, lr=0.1)"),
        ("sgd(lr=0.05, momentum=0.9)", "sgd(w, b, lr=0.05, momentum=0.9)"),
        ("rmsprop", "rmsprop(w, b)"),
        ("torch.optim.AdamW(lr=0.1)", "adamw(w, b, lr=0.1)"),
    ],
)
def test_it_is_the_loop_that_one_would_write(maker: str, named: str) -> None:
    loop = f"""opt = {named}
    losses = ()
    for i in range(30) {{
        opt.zero_grad()
        loss = mse_loss(x @ w + b, y)
        backward loss
        opt.step()
        losses = losses + (loss.item(),)
    }}
    print tensor(losses), w, b"""
    short = f"h = {LOSS} using {maker} steps 30\nprint h, w, b"
    assert output_of(DATA + short) == output_of(DATA + loop)


def test_by_itself_it_goes_to_the_bottom() -> None:
    assert output_of(f"{DATA}h = {LOSS}\nprint w, b, h[-1] < 1e-6, len(h) < 50") == (
        "tensor([ 1.0000, -2.0000], requires_grad=True) tensor(3.0000, requires_grad=True) "
        "tensor(True) True\n"
    )


def test_until_stops_when_the_loss_stands() -> None:
    program = "q = tensor(1.) grad; h = minimize (q - 2)^2 over q using sgd(lr=0.1) until 1e-3\n"
    assert output_of(
        program + "print (h[:-1] - h[1:])[-1] <= 1e-3, (h[:-2] - h[1:-1]).min() > 1e-3"
    ) == ("tensor(True) tensor(True)\n")


def test_gradients_are_cleared_and_others_are_left_alone() -> None:
    program = """v = ones(1) grad; backward v * 7; w = ones(1); u = ones(1)
    minimize sum((w - v)^2 + u) over w, u using sgd(lr=0.1) steps 2
    print w.grad, w.requires_grad, u.grad, v.grad, v"""
    assert output_of(program) == "None False None tensor([7.]) tensor([1.], requires_grad=True)\n"


def test_an_optimiser_that_is_there_keeps_its_memory() -> None:
    loop = "q = tensor(1.) grad; opt = sgd(q, lr=0.1, momentum=0.9)\n"
    twice = loop + "minimize q^2 over q using opt steps 2; minimize q^2 over q using opt steps 3\n"
    once = loop + "minimize q^2 over q using opt steps 5\n"
    assert output_of(twice + "print q") == output_of(once + "print q")


def test_it_works_in_functions_and_blocks() -> None:
    program = """def fit(start) {
        p = start.clone() grad
        for i in range(2) { minimize (p - i)^2 over p using sgd(lr=0.5) steps 4 }
        return p.detach()
    }
    print fit(tensor(9.))
    nograd < a = tensor(1.); minimize (a - 3)^2 over a using sgd(lr=0.5) steps 4; print a >"""
    assert output_of(program) == "tensor(1.)\ntensor(3.)\n"


@pytest.mark.parametrize(
    ("program", "message", "hint"),
    [
        (
            "minimize z + log(z - 0.2) over z using sgd(lr=0.3)",
            "the loss is nan at step 3, which log gave first",
            "the first nan came from `log(z - 0.2)`; " + KEPT,
        ),
        (
            "minimize sqrt(z - 5) over z",
            "the loss is nan at step 1, which sqrt gave first",
            "the first nan came from `sqrt(z - 5)`; start from other values of z",
        ),
        (
            "r = 2; minimize r^2 over r",
            "minimize changes tensors, and r is of the type int",
            "write `r = tensor(r) grad` before",
        ),
        (
            "y = z * 2; minimize y^2 over y",
            "can't optimize a non-leaf Tensor",
            "y was computed: `y = y.detach() grad` cuts it off",
        ),
        (
            "r = tensor(2); minimize r^2 over r",
            "minimize needs floating elements, and r is torch.int64",
            "write `r = r.float()` before",
        ),
        (
            "w = ones(2); minimize w * z over w",
            "grad can be implicitly created only for scalar outputs",
            "a loss is one number: write `mean(...)` or `sum(...)` around it",
        ),
        (
            "w = ones(2) grad; minimize z^2 over w",
            "element 0 of tensors does not require grad and does not have a grad_fn",
            "the loss does not depend on what stands after `over`",
        ),
        ("minimize 3 over z", "the loss must be a tensor, not int", None),
        (
            "minimize z^2 over z using 3",
            "int is no optimiser",
            "write `using adam(lr=0.1)`, for example",
        ),
        (
            "minimize z^2 over z steps 1.5",
            "steps must be a whole number of at least 1, not 1.5",
            None,
        ),
        ("minimize z^2 over z until -1", "until must be a tolerance of at least 0, not -1", None),
    ],
)
def test_what_is_wrong(program: str, message: str, hint: str | None) -> None:
    with pytest.raises(Fault) as raised:
        output_of("z = tensor(1.) grad\n" + program)
    assert raised.value.diagnostic.message == message
    assert raised.value.diagnostic.hint == hint


def test_nan_leaves_the_last_good_values() -> None:
    program = """z = tensor(1.) grad
    try { minimize z + log(z - 0.2) over z using sgd(lr=0.3) } catch e { print e.message }
    print z > 0.2, z.grad, z.requires_grad"""
    assert output_of(program).endswith("tensor(True) None True\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_ends_a_script_with_130(tmp_path: Path, environment: dict[str, str]) -> None:
    program = 'print "go"\nq = tensor(1.) grad\nminimize q^2 over q using sgd(lr=1e-9) steps 10^8\n'
    process = subprocess.Popen(
        [sys.executable, "-m", "gradsh", "-c", program],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.fullmatch(r"-c:3:\d+: interrupted\n", complaint)


def test_an_interrupt_keeps_the_values_reached() -> None:
    session = Session(Collected())
    calls = []

    def interrupt() -> int:
        calls.append(None)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return 0

    session.namespace["maybe"] = interrupt
    session.run("q = tensor(1.) grad")
    with pytest.raises(KeyboardInterrupt):
        session.run("minimize q^2 + maybe() over q using sgd(lr=0.25) steps 100")
    session.run("print q, q.grad")
    assert isinstance(session.output, Collected)
    assert session.output.text == "tensor(0.0625, requires_grad=True) None\n"


def test_in_a_shell_a_line_tells_how_far_the_loss_fell() -> None:
    start = "q = tensor(1.) grad;\n"
    command = "minimize (q - 2)^2 over q using sgd(lr=0.25) steps"
    assert output_of(f"{start}{command} 3", echo=True) == "loss 1 -> 0.0625, 3 steps\n"
    assert output_of(f"{start}{command} 1", echo=True) == "loss 1 -> 1, 1 step\n"
    assert output_of(f"{start}{command} 3") == ""
    assert output_of(f"{start}{command} 3;", echo=True) == ""
    assert output_of(f"{start}for i in range(2) {{ {command} 3 }}", echo=True) == ""
    assert "loss" not in output_of(f"{start}h = {command} 3", echo=True)
