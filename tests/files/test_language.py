"""`load`, `save`, `record` and `stdin()` in programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]


def test_data_from_a_pipe(run_gradsh: Run) -> None:
    done = run_gradsh("-c", "d = stdin(); mean(d.price); stdin().n", given="price,n\n1,2\n3,4\n")
    assert done.stdout == "tensor(2.)\ntensor([2., 4.])\n"


def test_the_program_itself_is_no_data(run_gradsh: Run) -> None:
    done = run_gradsh(given="stdin()\n")
    assert done.returncode == 1
    assert "standard input is the program itself, not data" in done.stderr


def test_what_json_output_says_is_read_back(run_gradsh: Run) -> None:
    written = run_gradsh("--json", "-c", "x = ones(2).double()", "-c", "x; 3")
    done = run_gradsh("-c", "stdin()", given=written.stdout)
    assert done.stdout == "(tensor([1., 1.], dtype=torch.float64), 3)\n"


def test_a_file_beside_the_program(run_gradsh: Run, tmp_path: Path) -> None:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "d.csv").write_text("a\n1\n")
    (tmp_path / "lessons" / "p.grad").write_text('load("d.csv").a\n')
    assert run_gradsh("lessons/p.grad").stdout == "tensor([1.])\n"
    (tmp_path / "d.csv").write_text("a\n2\n")
    assert run_gradsh("lessons/p.grad").stdout == "tensor([2.])\n"


def test_saving_and_loading(run_gradsh: Run, tmp_path: Path) -> None:
    done = run_gradsh(
        "-c",
        'w = randn(2) grad; save(record(w=w, n=3), "m.npz"); m = load("m.npz"); '
        "print (m.w == w).all(), m.n, m.w.requires_grad, m.names",
    )
    assert done.stdout == "tensor(True) tensor(3) False ('w', 'n')\n"


def test_errors_are_plain(run_gradsh: Run) -> None:
    for text, message in [
        ('load("no.csv")', "cannot read 'no.csv': No such file or directory"),
        ('save(1, "no/x.npy")', "cannot write 'no/x.npy': No such file or directory"),
        ('load("x.xyz")', "'x.xyz' does not say its format by an ending that gradsh knows"),
        ('save(x -> x, "x.npy")', "function cannot be saved as an array"),
        ("load(3)", "load() takes the path of a file as a text"),
        ('load("x.npy", header=true)', "cannot read 'x.npy': No such file or directory"),
    ]:
        done = run_gradsh("-c", text)
        assert done.returncode == 1
        assert done.stderr.startswith(f"-c:1:1: error: {message}\n")


def test_a_safe_session_touches_no_file(run_gradsh: Run, tmp_path: Path) -> None:
    for text in ('save(1, "x.npy")', 'load("x.npy")'):
        done = run_gradsh("--safe", "-c", text)
        assert done.returncode == 1
        assert "may not be used here" in done.stderr
    assert not list(tmp_path.iterdir())
