"""Timing contenders in turn, so that what slows the machine slows all of them alike."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

# The folder above this package stands in for the current one, so that no source tree is imported.
WORKER = (
    f"import sys; sys.path[0] = {str(Path(__file__).resolve().parents[1])!r}; "
    "from benchmarks.worker import main; main()"
)
MEASURED = "gradsh"  # without it there is nothing to compare the others with
PATIENCE = 900.0  # seconds for one sample
# What would make one contender's start or arithmetic differ from what a user gets.
CLEARED = ("PYTHON", "OPENBLAS", "MKL_", "OMP_", "NUMEXPR_", "GRADSH_", "TORCH")


class Unavailable(Exception):
    """A contender cannot run: the feature or the package is not there."""


@dataclass(frozen=True)
class Installation:
    """The environment that is measured."""

    python: Path

    @property
    def gradsh(self) -> Path:
        """The command that pip made."""
        return self.python.with_name("gradsh")

    @property
    def variables(self) -> dict[str, str]:
        """The process environment, without what changes how Python or the libraries run."""
        return {k: v for k, v in os.environ.items() if not k.startswith(CLEARED)}


@dataclass
class Outcome:
    """The samples of each contender, a round at a time, and why any is missing."""

    samples: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def median(self, name: str) -> float | None:
        """The median of a contender's samples."""
        samples = self.samples.get(name)
        return statistics.median(samples) if samples else None

    def ratio(self, first: str, second: str) -> float | None:
        """The median over the rounds of the ratio within a round."""
        pairs = zip(self.samples.get(first, []), self.samples.get(second, []), strict=False)
        ratios = [a / b for a, b in pairs if b > 0]
        return statistics.median(ratios) if ratios else None


class Contest(Protocol):
    """A way of measuring contenders against each other."""

    def run(self, installation: Installation, rounds: int) -> Outcome:
        """Measure every contender once a round, in an order that turns."""
        ...


class Contender(Protocol):
    """Something that can be measured again and again."""

    def sample(self) -> float:
        """Measure once."""
        ...


def reason(report: str) -> str:
    """What standard error says was wrong: gradsh's `error:` line, or the end of a traceback."""
    lines = report.splitlines()
    named = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Fault)\b", line)]
    for found in ([line for line in lines if " error: " in line], named[-1:], lines[-1:]):
        if found:
            return found[0].strip()
    return ""


def in_turn(contenders: dict[str, Contender], rounds: int, outcome: Outcome) -> None:
    """Take `rounds` samples of each contender; the first of a round is another each time."""
    names = list(contenders)
    for turn in range(rounds):
        shift = turn % max(len(names), 1)
        for name in names[shift:] + names[:shift]:
            if name not in outcome.missing:
                try:
                    outcome.samples.setdefault(name, []).append(contenders[name].sample())
                except Unavailable as error:
                    outcome.missing[name] = str(error)
                    outcome.samples.pop(name, None)


# Whole processes


@dataclass(frozen=True)
class Command:
    """A program to start, and what it must print for the measurement to count.

    `{python}` and `{gradsh}` in the words stand for the installation's. `peak` measures memory
    instead of time.
    """

    words: Sequence[str]
    given: str | None = None
    prints: str | None = None


class Commands:
    """A contest of programs: the time from start to end, or the peak of their memory."""

    def __init__(self, peak: bool = False, **commands: Command) -> None:
        self._peak = peak
        self._commands = commands

    def run(self, installation: Installation, rounds: int) -> Outcome:
        """Check each program's output once, then measure all in turn."""
        outcome = Outcome()
        with ExitStack() as stack:
            contenders: dict[str, Contender] = {}
            for name, command in self._commands.items():
                try:
                    started = stack.enter_context(Started.checked(command, installation))
                    contenders[name] = Peak(started) if self._peak else started
                except Unavailable as error:
                    outcome.missing[name] = str(error)
                    if name == MEASURED:
                        return outcome
            in_turn(contenders, rounds, outcome)
        return outcome


class Started:
    """A program that is run for its time."""

    def __init__(
        self, words: list[str], given: Path | None, variables: dict[str, str], room: Path
    ) -> None:
        self._words = words
        self._given = given
        self._variables = variables
        self._room = room

    @classmethod
    @contextmanager
    def checked(cls, command: Command, installation: Installation) -> Iterator[Started]:
        """The program, after one run that shows that it does what it should."""
        words = [
            word.replace("{python}", str(installation.python)).replace(
                "{gradsh}", str(installation.gradsh)
            )
            for word in command.words
        ]
        with tempfile.TemporaryDirectory(prefix="gradsh-bench-") as room:
            given = None
            if command.given is not None:
                given = Path(room, "given")
                given.write_text(command.given)
            started = cls(words, given, installation.variables, Path(room))
            started.check(command.prints)
            yield started

    def check(self, prints: str | None) -> None:
        """Raise Unavailable unless the program ends well and prints what it should."""
        try:
            with self.input() as given:
                ended = subprocess.run(
                    self._words,
                    stdin=given,
                    capture_output=True,
                    text=True,
                    check=False,
                    env=self._variables,
                    cwd=self._room,
                )
        except OSError as error:
            raise Unavailable(str(error)) from None
        if ended.returncode:
            raise Unavailable(reason(ended.stderr) or f"exit status {ended.returncode}")
        if prints is not None and ended.stdout.strip() != prints.strip():
            raise Unavailable(f"printed {ended.stdout.strip()!r}, not {prints.strip()!r}")

    @contextmanager
    def input(self) -> Iterator[Any]:
        """What the program reads: a pipe, if it is given anything."""
        if self._given is None:
            yield subprocess.DEVNULL
        else:
            with subprocess.Popen(["cat", str(self._given)], stdout=subprocess.PIPE) as feeder:
                yield feeder.stdout

    def measure(self) -> tuple[float, float]:
        """Run once: the seconds and the peak of the resident memory in bytes."""
        with self.input() as given:
            start = time.perf_counter()
            process = subprocess.Popen(
                self._words,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._variables,
                cwd=self._room,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Unavailable(f"exit status {process.returncode}")
        return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    def sample(self) -> float:
        """The seconds of one run."""
        return self.measure()[0]


class Peak:
    """A program that is run for its memory."""

    def __init__(self, started: Started) -> None:
        self._started = started

    def sample(self) -> float:
        """The peak of one run in bytes."""
        return self._started.measure()[1]


class Throughput:
    """A contest of one: the seconds a line that gradsh takes of a pipe, without its start."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def run(self, installation: Installation, rounds: int) -> Outcome:
        """Time the lines and an empty pipe in turn; the difference is the lines'."""
        outcome = Commands(
            full=Command(["{gradsh}"], given="\n".join(self._lines) + "\n"),
            empty=Command(["{gradsh}"], given="\n"),
        ).run(installation, rounds)
        pairs = zip(outcome.samples.pop("full", []), outcome.samples.pop("empty", []), strict=False)
        samples = [(full - empty) / len(self._lines) for full, empty in pairs]
        if outcome.missing:
            return Outcome(missing={"gradsh": next(iter(outcome.missing.values()))})
        return Outcome(samples={"gradsh": samples})


# Work inside a process


@dataclass(frozen=True)
class Work:
    """A function of `<side>_side.py`, and what to call it with."""

    side: str
    function: str
    arguments: dict[str, Any]


def work(side: str, function: str, **arguments: Any) -> Work:
    """Name a piece of work."""
    return Work(side, function, arguments)


class Race:
    """A contest of workers: each in its own process, timed in turn.

    `fresh` gives every sample a new process, for what depends on what ran before, such as memory.
    The results the contenders report must agree, or the row says that they do not.
    """

    def __init__(
        self, contenders: dict[str, Work], seconds: float = 0.05, fresh: bool = False
    ) -> None:
        self._contenders = contenders
        self._seconds = seconds
        self._fresh = fresh

    def run(self, installation: Installation, rounds: int) -> Outcome:
        """Start the workers, then let each take a sample a round."""
        outcome = Outcome()
        with ExitStack() as stack:
            workers: dict[str, Contender] = {}
            for name, contender in self._contenders.items():
                try:
                    worker = Worker(contender, installation, self._seconds)
                    stack.callback(worker.close)
                    worker.open()
                    workers[name] = Renewed(worker) if self._fresh else worker
                except Unavailable as error:
                    outcome.missing[name] = str(error)
                    if name == MEASURED:
                        return outcome
            in_turn(workers, rounds, outcome)
            if not self._fresh:
                outcome.notes.extend(disagreements(self._results(workers)))
        return outcome

    def _results(self, workers: dict[str, Contender]) -> dict[str, float | None]:
        """What each side computed; where gradsh stands twice, the second does other work."""
        return {
            name: worker.result
            for name, worker in workers.items()
            if isinstance(worker, Worker)
            and (name == MEASURED or self._contenders[name].side != MEASURED)
        }


def disagreements(results: dict[str, float | None]) -> list[str]:
    """What to say where contenders computed different things."""
    known = {name: result for name, result in results.items() if result is not None}
    if not known:
        return []
    first, *others = known
    return [
        f"{first} computed {known[first]:.6g}, {other} {known[other]:.6g}"
        for other in others
        if abs(known[first] - known[other]) > 1e-3 * max(abs(known[first]), abs(known[other]))
    ]


class Worker:
    """A process that prepares a piece of work and times it when asked."""

    def __init__(self, contender: Work, installation: Installation, seconds: float) -> None:
        self.result: float | None = None
        self._installation = installation
        self._request = json.dumps(
            {
                "side": contender.side,
                "function": contender.function,
                "arguments": contender.arguments,
                "seconds": seconds,
            }
        )
        self._process: subprocess.Popen[str] | None = None

    def open(self) -> None:
        """Start the process and wait until the work is prepared."""
        self._room = tempfile.TemporaryDirectory(prefix="gradsh-bench-")
        self._report = Path(self._room.name, "report")
        with self._report.open("w") as report:
            self._process = subprocess.Popen(
                [str(self._installation.python), "-B", "-c", WORKER, self._request],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=report,
                text=True,
                env=self._installation.variables,
                cwd=self._room.name,
            )
        self._answer(self._process)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.communicate()
        self._room.cleanup()

    def sample(self) -> float:
        """One sample: seconds, or whatever the work measures, for each of its units."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended(self._process) from None
        answer = self._answer(self._process)
        self.result = answer.get("result")
        return float(answer["sample"])

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        alarm = threading.Timer(PATIENCE, process.kill)
        alarm.start()
        line = process.stdout.readline()
        alarm.cancel()
        if not line:
            raise self._ended(process)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self, process: subprocess.Popen[str]) -> Unavailable:
        status = process.wait()
        return Unavailable(reason(self._report.read_text()) or f"ended with status {status}")


class Renewed:
    """A worker that starts anew for each sample."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        worker.close()

    def sample(self) -> float:
        """One sample of a new process."""
        self._worker.open()
        try:
            return self._worker.sample()
        finally:
            self._worker.close()
