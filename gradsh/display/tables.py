"""Tables of short texts: aligned columns where there is only text, a rich table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

Rows = Sequence[Sequence[str]]
_GAP = "  "


def aligned(heads: Sequence[str], rows: Rows, right: Sequence[int] = ()) -> str:
    """Columns with their heads, two blanks between them; those in `right` end at one edge."""
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        _GAP.join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def rich_table(
    heads: Sequence[str], rows: Rows, right: Sequence[int] = (), folded: int | None = None
) -> Table:
    """The same for a terminal.

    Where there is no room, the column `folded` takes more lines; without one, the first is cut.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    gives_way = folded or 0
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for index, head in enumerate(heads):
        table.add_column(
            head,
            justify="right" if index in right else "left",
            style="" if index else "cyan",
            no_wrap=index != gives_way,  # only the others give way where there is no room
        )
    for row in rows:
        table.add_row(
            *(
                Text(cell, no_wrap=index != folded, overflow="ellipsis")
                for index, cell in enumerate(row)
            )
        )
    return table


def bytes_text(count: int) -> str:
    """A number of bytes with the unit that suits it: `16 B`, `3.9 KiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
