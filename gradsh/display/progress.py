"""A bar on a terminal for work that takes long: how far, how fast, and the loss as it falls."""

from __future__ import annotations

import math
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from rich.constrain import Constrain
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType
    from rich.progress import ProgressColumn

__all__ = ["BLOCKS", "Bar", "sparkline"]

PATIENCE: Final = 2.0
"""Seconds of work before the bar appears."""

_EVERY: Final = 0.1
BLOCKS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 16


class _Bars(Progress):
    """Leaves room at the end of the line for the `^C` that a terminal writes there itself.

    Where it starts a line of its own, what takes the bar off takes off that line instead.
    """

    def __init__(self, *columns: ProgressColumn, console: Console, **options: Any) -> None:
        self._screen = console
        super().__init__(*columns, console=console, **options)

    def get_renderable(self) -> RenderableType:
        """The bar, a little narrower than the screen."""
        return Constrain(super().get_renderable(), self._screen.width - 3)


class Bar:
    """A bar for `total` steps (None: nobody knows how many), which appears when they take long.

    `update` costs next to nothing while there is nothing to draw. When it is closed the bar is
    gone from the screen.
    """

    def __init__(
        self, console: Console, label: str, total: int | None, patience: float = PATIENCE
    ) -> None:
        self._console = console
        self._label = label
        self._total = total
        self._started = monotonic()
        self._next = self._started + patience
        self._losses: list[float] = []
        self._progress: Progress | None = None

    def update(self, done: int, loss: float | None = None) -> None:
        """So many steps are done, the last of them with this loss."""
        if loss is not None:
            self._losses.append(loss)
        now = monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            self._draw(done, done / max(now - self._started, 1e-9))

    def _draw(self, done: int, rate: float) -> None:
        if self._progress is None:
            self._progress = self._open()
        task = self._progress.task_ids[0]
        loss = f"loss {self._losses[-1]:.4g}" if self._losses else ""
        spark = sparkline(self._losses, _WIDTH) if self._losses else ""
        self._progress.update(
            task, completed=done, rate=f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s",
            loss=loss, spark=spark,
        )  # fmt: skip
        self._progress.refresh()

    def _open(self) -> Progress:
        progress = _Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("[cyan]{task.fields[loss]}"),
            TextColumn("[green]{task.fields[spark]}"),
            TextColumn("[dim]{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        progress.add_task(self._label, total=self._total, rate="", loss="", spark="")
        progress.start()
        return progress

    def write_above(self, text: str) -> None:
        """Write text to the terminal that the bar is on; the bar moves down."""
        if self._progress is not None:
            self._progress.stop()
        self._console.file.write(text)
        self._console.file.flush()
        if self._progress is not None:
            self._progress.start()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def sparkline(values: Sequence[float], width: int) -> str:
    """Numbers as a line of blocks, at most `width` of them; on a logarithmic scale if that helps.

    Values that are not finite leave a blank.
    """
    count = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(count - 1, 1))] for i in range(count)]
    finite = [value for value in picked if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > 100 * min(finite):
        picked = [math.log(value) if value > 0 else value for value in picked]
        finite = [math.log(value) for value in finite]
    if not finite:
        return " " * count
    low, high = min(finite), max(finite)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        BLOCKS[round((value - low) * scale)] if math.isfinite(value) else " " for value in picked
    )
