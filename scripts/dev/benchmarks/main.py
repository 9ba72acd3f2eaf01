"""The command line of `scripts/dev/bench`."""

from __future__ import annotations

import argparse
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks import rows
from benchmarks.environment import machine, prepared, say, versions
from benchmarks.registry import ROWS, Row
from benchmarks.report import as_data, compared, table_head, table_lines

ROUNDS = 9
QUICK_ROUNDS = 3


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure gradsh against numpy, PyTorch and HIPS autograd in one run and print "
        "a table of ratios: medians of samples taken in turn, each contender in a process of its "
        "own, gradsh as pip installs it.",
        epilog="Without --python the tree is installed, with its peers, in an environment under "
        "$XDG_CACHE_HOME (~/.cache) that later runs reuse; pip's own variables, such as "
        "PIP_EXTRA_INDEX_URL, say where from.",
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        help="measure this row only; may be repeated, and may hold * as in op-*",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and smaller samples")
    parser.add_argument("--rounds", type=int, help=f"samples of each contender (default {ROUNDS})")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all samples there too")
    parser.add_argument(
        "--python", metavar="PATH", type=Path, help="measure the environment of this Python"
    )
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    asked = parser.parse_args()
    asked.rows = chosen(parser, asked.only)
    return asked


def chosen(parser: argparse.ArgumentParser, patterns: list[str]) -> list[Row]:
    """The rows that a pattern names, in the table's order; all of them without patterns."""
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in ROWS):
            parser.error(f"no row is named {pattern} (see --list)")
    return [
        row
        for name, row in ROWS.items()
        if not patterns or any(fnmatch(name, pattern) for pattern in patterns)
    ]


def main() -> int:
    """Measure what was asked for, row by row."""
    assert rows  # imported for what it registers
    asked = arguments()
    if asked.list:
        for row in asked.rows:
            print(f"{row.name:<16} {row.title}")
        return 0
    installation = prepared(asked.python)
    measured = {"versions": versions(installation), "machine": machine()}
    for kind in measured.values():
        print(", ".join(f"{name} {value}" for name, value in kind.items()))
    rounds = asked.rounds or (QUICK_ROUNDS if asked.quick else ROUNDS)
    print(f"medians of {rounds} samples taken in turn\n\n{table_head()}", flush=True)
    data: list[dict[str, Any]] = []
    verdicts: list[bool] = []
    for row in asked.rows:
        say(f"measuring {row.name}")
        outcome = row.make(asked.quick).run(installation, rounds)
        print("\n".join(table_lines(row, outcome)), flush=True)
        data.append(as_data(row, outcome))
        verdicts.extend(line.held for line in compared(row, outcome) if line.held is not None)
    absent = sum("gradsh" in row["missing"] for row in data)
    print(f"\n{sum(verdicts)} of {len(verdicts)} targets held", end="")
    print(f", {absent} rows not available yet" if absent else "")
    if asked.json:
        asked.json.write_text(json.dumps({**measured, "rows": data}, indent=1) + "\n")
    return 0
