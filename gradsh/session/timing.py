"""The command `time S`: how long a statement takes."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from time import perf_counter, process_time

from gradsh.display import json, values
from gradsh.session.output import Output

_APART = 0.2
"""Times that differ by less than this part say nothing different to a reader."""

_NOTICED = 0.001


class Duration:
    """Seconds that a statement took: on the clock, and of the processors' work."""

    __slots__ = ("cpu", "text", "wall")

    def __init__(self, text: str, wall: float, cpu: float) -> None:
        self.text = text
        self.wall = wall
        self.cpu = cpu

    def __str__(self) -> str:
        told = f"time {seconds_text(self.wall)}"
        if abs(self.cpu - self.wall) > max(_APART * self.wall, _NOTICED):
            told += f" (CPU {seconds_text(self.cpu)})"
        return told


class Timing:
    """The context that the statement runs in; when it is over, its duration is shown.

    Nothing is shown for a statement that fails.
    """

    __slots__ = ("_cpu", "_output", "_text", "_wall")

    def __init__(self, output: Output, text: str) -> None:
        self._output = output
        self._text = text

    def __enter__(self) -> None:
        self._cpu = process_time()
        self._wall = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        wall = perf_counter() - self._wall
        cpu = process_time() - self._cpu
        if kind is None:
            self._output.show(Duration(self._text, wall, cpu))


def seconds_text(seconds: float) -> str:
    """A duration with three digits and the unit that suits it, as `12.3 ms`."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        scaled = seconds * factor
        if scaled >= 1:
            digits = max(0, 2 - len(str(int(scaled))) + 1)
            return f"{scaled:.{digits}f} {unit}"
    return f"{max(seconds, 0.0) * 1e6:.2f} µs"


def _data(value: Duration) -> Iterator[str]:
    yield dumps({"statement": value.text, "wall": value.wall, "cpu": value.cpu})


values.register(Duration, Duration.__str__)
json.register(Duration, "time", _data)
