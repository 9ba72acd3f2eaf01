"""One contender in a process of its own: prepare the work, then time it whenever asked.

Run by `contests.Worker` with the measured environment's Python. It answers in lines of JSON; what
the work raises ends it, with Python's own report on standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

from benchmarks.tasks import Task


def repetitions(task: Task, seconds: float) -> int:
    """How often to repeat the work so that a sample takes about so long."""
    count = 1
    while True:
        task.prepare()
        start = time.perf_counter()
        for _ in range(count):
            task.run()
        spent = time.perf_counter() - start
        if spent >= seconds or task.once:
            return count
        count = max(count + 1, int(count * min(10.0, 1.2 * seconds / max(spent, 1e-9))))


def sample(task: Task, count: int) -> float:
    """Seconds (or what the task itself measures) for a unit of the work."""
    task.prepare()
    if task.measure is not None:
        return task.measure() / task.units
    start = time.perf_counter()
    for _ in range(count):
        task.run()
    return (time.perf_counter() - start) / count / task.units


def main() -> None:
    """Answer `ready` once, then a sample for each line read."""
    request = json.loads(sys.argv[1])
    # What the work prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stdout = sys.stderr

    def answer(**content: Any) -> None:
        answers.write(json.dumps(content) + "\n")

    side = importlib.import_module(f"benchmarks.{request['side']}_side")
    task: Task = getattr(side, request["function"])(**request["arguments"])
    count = 1 if task.measure is not None else repetitions(task, request["seconds"])
    answer(ready=True)
    for _ in sys.stdin:
        taken = sample(task, count)
        answer(sample=taken, result=task.result() if task.result else None)


if __name__ == "__main__":
    main()
