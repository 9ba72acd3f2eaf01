"""Programs from the command line, from files and from pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RunGradsh = Callable[..., "subprocess.CompletedProcess[str]"]


needs_wait4 = pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4")
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


def test_texts_run_in_their_order_in_one_session(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("-c", "x = 1", "-c", "x = x + 1; x", "-c", "print x, args", "a", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2\n2 ('a', '--json')\n"


def test_a_text_may_have_many_lines(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("-c", "for i in range(2) {\n  print i\n}\n'done'")
    assert done.stdout == "0\n1\n'done'\n"


def test_a_script_shows_expressions_but_does_not_echo(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("-c", "x = 1", "-c", "x", "-c", "x;", "-c", "none", "-c", "print none")
    assert done.stdout == "1\nNone\n"


def test_a_file_with_arguments(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    (tmp_path / "p.grad").write_text("#!/usr/bin/env gradsh\nprint args[0], int(args[1]) + 1\n")
    done = run_gradsh("p.grad", "-x", "41")
    assert (done.returncode, done.stdout, done.stderr) == (0, "-x 42\n", "")


@posix
def test_a_file_that_names_gradsh_in_its_first_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    interpreter = tmp_path / "gradsh"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradsh "$@"\n')
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env gradsh\nprint args\n")
    for path in (interpreter, script):
        path.chmod(0o755)
    done = subprocess.run(
        [script, "a", "-b"],
        capture_output=True,
        timeout=60,
        env={**environment, "PATH": f"{tmp_path}{os.pathsep}{environment['PATH']}"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"('a', '-b')\n", b"")


@pytest.mark.parametrize("arguments", [(), ("-",), ("-", "a")])
def test_standard_input(run_gradsh: RunGradsh, arguments: tuple[str, ...]) -> None:
    done = run_gradsh(*arguments, given="mean(3*(ones(2,2)+2)^2)\nprint args")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"tensor(27.)\n{arguments[1:]}\n".replace("('a',)", "('a',)")


def test_windows_line_ends_and_a_byte_order_mark(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    text = b"\xef\xbb\xbfx = [1,\r\n  2]\r\nx\r\nif true {\r\n  print 'yes'\r\n}\r\n"
    (tmp_path / "p.grad").write_bytes(text)
    for done in (run_gradsh("p.grad"), run_gradsh(given=text)):
        assert (done.returncode, done.stdout, done.stderr) == (0, "tensor([1, 2])\nyes\n", "")


def test_output_is_utf_8_whatever_the_locale(run_gradsh: RunGradsh) -> None:
    for more in ({"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONUTF8": "0"}):
        done = run_gradsh(given='print "π ≈ 3"; yé', **more)
        assert done.stdout == "π ≈ 3\n"
        assert "name 'yé' is not defined" in done.stderr


@posix
def test_what_is_no_character_is_written_as_an_escape(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"gradsh", b"-c", b"print args[0]", b"a\xffb"],
        capture_output=True,
        timeout=60,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (0, b"a\\udcffb\n")


class Pipe:
    """gradsh with both ends of its pipes in the test's hands."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gradsh", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout

    def send(self, text: str | bytes) -> None:
        self.input.write(text.encode() if isinstance(text, str) else text)
        self.input.flush()

    def line(self) -> str:
        return self.output.readline().decode()

    def close(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode


def test_each_statement_runs_as_soon_as_it_is_complete(environment: dict[str, str]) -> None:
    pipe = Pipe(environment)
    pipe.send("x = 20\nx + 1\n")
    assert pipe.line() == "21\n"
    pipe.send("x + 2; x +")
    assert pipe.line() == "22\n"
    pipe.send(" 3; ")
    pipe.send("'π".encode()[:2])
    pipe.send("'π".encode()[2:] + b"'\n")
    assert pipe.line() == "23\n"
    assert pipe.line() == "'π'\n"
    pipe.send("for i in range(2) {\n print i")
    pipe.send("\n}\n")
    assert [pipe.line(), pipe.line()] == ["0\n", "1\n"]
    assert pipe.close() == 0


def test_what_a_loop_prints_comes_at_once(environment: dict[str, str]) -> None:
    pipe = Pipe(environment)
    pipe.send("while true { print 7 }\n")
    assert [pipe.line() for _ in range(3)] == ["7\n"] * 3
    pipe.process.kill()
    pipe.close()


@needs_wait4
def test_an_endless_pipe_takes_no_more_memory(environment: dict[str, str]) -> None:
    def peak(lines: int) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "gradsh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
        )
        assert process.stdin
        with process.stdin as pipe:
            for start in range(0, lines, 1000):
                # every line is another one, so that nothing kept by its text can hide
                numbers = range(start, start + 1000)
                pipe.write("".join([f"x = {n} + ones(2); x\n" for n in numbers]).encode())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss

    few, many = peak(4000), peak(24_000)
    assert many < 1.1 * few


def test_run_starts_from_the_file_that_runs(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "a.grad").write_text('x = 1\nrun "inner/b.grad"\nprint y\n')
    (inner / "b.grad").write_text('y = x + 1\ny\nrun "c.grad"\n')
    (inner / "c.grad").write_text("y = y + 1\n")
    done = run_gradsh("a.grad")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n3\n", "")
    done = run_gradsh("-c", 'x = 5; run "inner/b.grad"; y')
    assert done.stdout == "6\n7\n"


def test_a_file_that_runs_itself(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    (tmp_path / "a.grad").write_text('run "b.grad"\n')
    (tmp_path / "b.grad").write_text('print 1\nrun "./a.grad"\n')
    done = run_gradsh("a.grad")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr.startswith("b.grad:2:1: error: './a.grad' runs itself\n")
    # one after the other is no recursion
    (tmp_path / "c.grad").write_text("x = 1\n")
    assert run_gradsh("-c", 'run "c.grad"; run "c.grad"; x').stdout == "1\n"


def test_nothing_heavy_is_loaded_for_a_plain_program(
    run_gradsh: RunGradsh, environment: dict[str, str], tmp_path: Path
) -> None:
    heavy = [
        "argparse", "asyncio", "dataclasses", "difflib", "json", "lark", "logging", "pathlib",
        "platformdirs", "prompt_toolkit", "pygments", "rich", "subprocess", "tempfile", "torch",
    ]  # fmt: skip
    program = (
        "import sys; from gradsh.cli import main\n"
        "status = main(['-c', 'x = ones(2,2) grad; backward mean(3*(x+2)^2); x.grad'])\n"
        f"print(status, [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, env=environment
    )
    baseline = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, numpy; print([n for n in {heavy} if n in sys.modules])",
        ],
        capture_output=True,
        timeout=60,
        env=environment,
    )
    assert done.stdout.decode().splitlines()[-1] == f"0 {baseline.stdout.decode().strip()}"


def test_help_does_not_wait_for_numpy(environment: dict[str, str]) -> None:
    program = (
        "import sys; from gradsh.cli import main; main(['--help']); main(['--wrong'])\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, env=environment
    )
    assert done.stdout.endswith(b"\nFalse\n")


def test_start_and_end_are_quick(run_gradsh: RunGradsh) -> None:
    started = time.perf_counter()
    run_gradsh("-c", "1")
    assert time.perf_counter() - started < 5
