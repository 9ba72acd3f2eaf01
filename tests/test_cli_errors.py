"""What the command line does when something goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RunGradsh = Callable[..., "subprocess.CompletedProcess[str]"]


posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
FULL = Path("/dev/full")


def test_an_error_ends_the_program_with_its_place(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    (tmp_path / "p.grad").write_text("x = [1., 2.]\nprint x\n  y = x + zeros(3)\nprint 'never'\n")
    done = run_gradsh("p.grad")
    assert done.returncode == 1
    assert done.stdout == "tensor([1., 2.])\n"
    assert done.stderr.startswith(
        "p.grad:3:7: error: The size of tensor a (2) must match the size of tensor b (3) at "
        "non-singleton dimension 0\n"
        "  3 |   y = x + zeros(3)\n"
        "    |       ~~^~~~~~~~~~\n"
    )


@pytest.mark.parametrize(
    ("arguments", "given", "place"),
    [
        (("-c", "print 1", "-c", "y", "-c", "print 2"), "", "-c:1:1"),
        ((), "print 1\ny\nprint 2\n", "<stdin>:2:1"),
        ((), "print 1\nx = )\nprint 2\n", "<stdin>:2:5"),
    ],
)
def test_the_first_error_ends_everything(
    run_gradsh: RunGradsh, arguments: tuple[str, ...], given: str, place: str
) -> None:
    done = run_gradsh(*arguments, given=given)
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr.startswith(f"{place}: error: ")


def test_keep_going(run_gradsh: RunGradsh) -> None:
    given = "print 1\ny\nx = )\nprint 2; z; print 3\nassert false, 'no'\nprint 4"
    done = run_gradsh("--keep-going", given=given)
    assert (done.returncode, done.stdout) == (1, "1\n2\n3\n4\n")
    places = [line.split(" error")[0] for line in done.stderr.splitlines() if "error:" in line]
    assert places == ["<stdin>:2:1:", "<stdin>:3:5:", "<stdin>:4:10:", "<stdin>:5:8:"]
    done = run_gradsh("--keep-going", "-c", "y", "-c", "print 1")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert run_gradsh("--keep-going", "-c", "1").returncode == 0


def test_an_unfinished_statement(run_gradsh: RunGradsh) -> None:
    done = run_gradsh(given="print 1\nx = (2 +\n")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr.startswith("<stdin>:2:5: error: '(' is not closed\n")


def test_an_error_in_a_file_that_is_run_has_its_place_there(
    run_gradsh: RunGradsh, tmp_path: Path
) -> None:
    (tmp_path / "b.grad").write_text("x = 1\nx + y\n")
    done = run_gradsh("-c", 'run "b.grad"')
    assert done.stderr.startswith("b.grad:2:5: error: name 'y' is not defined\n  2 | x + y\n")
    done = run_gradsh("-c", 'try { run "b.grad" } catch e { print e, e.line, e.source }')
    assert done.stdout == "name 'y' is not defined 2 b.grad\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("none.grad",), "gradsh: cannot read 'none.grad': No such file or directory\n"),
        (
            ("there",),
            (
                "gradsh: cannot read 'there': No such file or directory\n"
                "hint: did you mean there.grad?\n"
            ),
        ),
        (
            ("x = 3",),
            (
                "gradsh: cannot read 'x = 3': No such file or directory\n"
                "hint: to run a text, write `gradsh -c 'TEXT'`\n"
            ),
        ),
        (("folder",), "gradsh: cannot read 'folder': Is a directory\n"),
    ],
)
def test_a_file_that_cannot_be_read(
    run_gradsh: RunGradsh, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.grad").write_text("1")
    done = run_gradsh(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", complaint)


def test_run_of_a_file_that_cannot_be_read(run_gradsh: RunGradsh) -> None:
    done = run_gradsh("-c", 'run "none.grad"')
    assert done.returncode == 1
    assert done.stderr.startswith(
        "-c:1:1: error: cannot read 'none.grad': No such file or directory\n"
    )
    assert "run takes the path" in run_gradsh("-c", "run 3").stderr


@pytest.mark.parametrize(
    ("content", "output", "report"),
    [
        (
            "print 1\nprint 'Grüße'\n".encode("latin-1"),
            "1\n",
            (
                ":2:10: error: the byte 0xfc is not UTF-8 text\n"
                "  2 | print 'Gr\ufffd\n"
                "    |          ^\n"
                "hint: save the program in the encoding UTF-8\n"
            ),
        ),
        (b"print 1\nx = '\xe2\x82", "1\n", ":2:6: error: the byte 0xe2 is not UTF-8 text\n"),
        (b"\x7fELF\x02\0\0", "", ":1:6: error: this is a binary file, not a gradsh program\n"),
        (b"\x89PNG\r\n", "", ":1:1: error: the byte 0x89 is not UTF-8 text\n"),
        (
            b"print 1\n\0",
            "1\n",
            ":2:1: error: this is a binary file, not a gradsh program\n",
        ),
    ],
)
def test_what_is_no_text(
    run_gradsh: RunGradsh, tmp_path: Path, content: bytes, output: str, report: str
) -> None:
    (tmp_path / "p.grad").write_bytes(content)
    for name, done in (
        ("p.grad", run_gradsh("p.grad")),
        ("<stdin>", run_gradsh(given=content)),
        ("<stdin>", run_gradsh("--keep-going", given=content)),
    ):
        assert (done.returncode, done.stdout) == (1, output)
        assert done.stderr.startswith(name + report)


@posix
def test_a_text_on_the_command_line_that_is_not_utf_8(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"gradsh", b"-c", b"print '\xff'"],
        capture_output=True,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"-c:1:8: error: the byte 0xff is not UTF-8 text\n")


@posix
def test_a_closed_output_ends_the_program_silently(environment: dict[str, str]) -> None:
    for program in (
        "while true { print 1 }",
        "while true { try { print 1 } catch e { } }",
        "for i in range(100000) { print i }",
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "gradsh", "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(60) == 0
        process.stderr.close()


@posix
@pytest.mark.parametrize(
    ("closed", "program"),
    [
        ("<&-", ""),
        ("<&-", "-c 'print 1'"),
        (">&-", "-c 'print 1'"),
        (">&-", "--help"),
        ("<&- >&-", "-c 'print 1; 2'"),
        ("2>&- | cat", "-c y"),
        ("--json >&-", "-c 2"),
    ],
)
def test_closed_standard_streams(environment: dict[str, str], closed: str, program: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m gradsh {program} {closed}'],
        capture_output=True,
        timeout=60,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (b"1\n" if closed == "<&-" and program else b"")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("-c", "print 1; print 2"), ("--help",)])
def test_an_output_that_cannot_be_written(
    environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gradsh", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            env=environment,
        )
    assert done.returncode == 1
    assert done.stderr == b"gradsh: cannot write the output: No space left on device\n"


def interrupted(
    environment: dict[str, str], *arguments: str, after: bytes = b"ready\n"
) -> subprocess.CompletedProcess[bytes]:
    """Run, wait until `after` is printed, interrupt, and give what came of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gradsh", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout
    assert process.stdout.readline() == after
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, complaint = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, output, complaint)


@posix
def test_an_interrupt_says_where_and_exits_with_130(environment: dict[str, str]) -> None:
    done = interrupted(environment, "-c", "print 'ready'\nx = 1\nwhile true { x = x + 1 }")
    assert done.returncode == 130
    assert done.stderr.startswith(b"-c:3:")
    assert done.stderr.endswith(b": interrupted\n")


@posix
def test_an_interrupt_is_not_caught(environment: dict[str, str]) -> None:
    program = "print 'ready'; while true { try { while true { } } catch e { print 'caught' } }"
    done = interrupted(environment, "-c", program)
    assert (done.returncode, done.stdout) == (130, b"")


@posix
def test_an_interrupt_while_the_pipe_is_silent(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gradsh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"print 'ready'\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (130, b"")


@posix
def test_where_interrupts_are_ignored_they_stay_so(environment: dict[str, str]) -> None:
    program = "print 1; x = 0; while x < 3000000 { x = x + 1 }; print 2"
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' INT; exec \"{sys.executable}\" -m gradsh -c '{program}'"],
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout
    assert process.stdout.readline() == b"1\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.read() == b"2\n"
    assert process.wait(60) == 0
    process.stdout.close()


def test_without_columns_there_is_still_a_line(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    (tmp_path / "p.grad").write_text("x = 1\nx + y\n")
    for more in ({"PYTHONNODEBUGRANGES": "1"}, {"PYTHONOPTIMIZE": "2"}):
        done = run_gradsh("p.grad", **more)
        assert done.returncode == 1
        assert done.stderr.startswith("p.grad:2:")
        assert "name 'y' is not defined" in done.stderr
    assert run_gradsh("-c", "assert false, 'no'", PYTHONOPTIMIZE="2").returncode == 1


def test_a_fault_of_gradsh_itself_is_reported_as_one(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import gradsh.session.commands as commands\n"
        "def seed(session, values, parts): return {}['nothing']\n"
        "commands.COMMANDS['seed'] = commands.Command('', '', seed)\n"
        "import sys; from gradsh.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", program, "--keep-going", "-c", "seed 0\nprint 'on'"]
    done = subprocess.run(arguments, capture_output=True, timeout=60, env=environment)
    assert (done.returncode, done.stdout) == (1, b"on\n")
    report = done.stderr.decode()
    assert report.startswith("-c:1:1: error: internal error: KeyError: 'nothing'\n  1 | seed 0\n")
    assert "CONTRIBUTING.md" in report
    assert "Traceback" not in report
    done = subprocess.run(
        arguments, capture_output=True, timeout=60, env={**environment, "GRADSH_TRACEBACK": "1"}
    )
    assert b"Traceback (most recent call last)" in done.stderr


def test_a_warning_has_its_place_and_comes_once(run_gradsh: RunGradsh, tmp_path: Path) -> None:
    (tmp_path / "p.grad").write_text(
        "def f(x) {\n  return softmax(x)\n}\nfor i in range(3) { print f(zeros(2)) }\n"
    )
    done = run_gradsh("p.grad")
    assert (done.returncode, done.stdout) == (0, "tensor([0.5000, 0.5000])\n" * 3)
    assert done.stderr == (
        "p.grad:2:10: warning: Implicit dimension choice for softmax has been deprecated. "
        "Change the call to include dim=X as an argument.\n"
    )
