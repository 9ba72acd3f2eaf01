"""The benchmark's own arithmetic, table and manners; its figures are nobody's test."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "dev" / "bench"
sys.path.insert(0, str(BENCH.parent))

contests, registry, report, rows, units = (
    import_module(f"benchmarks.{name}")
    for name in ("contests", "registry", "report", "rows", "units")
)
ROWS = registry.ROWS


def outcome(**samples: list[float]) -> Any:
    return contests.Outcome(samples=samples)


def row(**fields: Any) -> Any:
    return registry.Row("name", "title", lambda quick: contests.Race({}), **fields)


@pytest.mark.parametrize(
    ("unit", "quantity", "text", "limit"),
    [
        (units.TIME, 1.5, "1.5 s", "≤ 1.5 s"),
        (units.TIME, 200e-6, "200 µs", "≤ 200 µs"),
        (units.TIME, 3e-10, "0.3 ns", "≤ 0.3 ns"),
        (units.BYTES, 600, "600 B", "≤ 600 B"),
        (units.BYTES, 3 * 2**20, "3 MiB", "≤ 3 MiB"),
        (units.RATE, 1 / 40_000, "40,000 /s", "≥ 40,000 /s"),
        (units.SHARE, 0.05, "5 %", "≤ 5 %"),
    ],
)
def test_units(unit: Any, quantity: float, text: str, limit: str) -> None:
    assert unit.text(quantity) == text
    assert unit.limit(quantity) == limit


def test_ratios_are_taken_within_a_round() -> None:
    # The second round was three times slower for both: the ratio does not see it.
    taken = outcome(gradsh=[1.0, 3.0, 1.0], torch=[2.0, 6.0, 2.0])
    assert taken.ratio("gradsh", "torch") == 0.5
    assert taken.median("gradsh") == 1.0
    assert taken.ratio("gradsh", "numpy") is None


def test_lines_say_what_held_what_missed_and_what_is_not_there() -> None:
    taken = outcome(gradsh=[1.0], torch=[2.0], numpy=[0.9])
    taken.missing["autograd"] = "not installed"
    against = {"torch": 0.6, "numpy": 1.0, "autograd": 0.5}
    lines = report.compared(row(against=against, limit=0.5), taken)
    assert [line.held for line in lines] == [False, True, False, None]
    text = "\n".join(report.table_lines(row(against=against, limit=0.5), taken))
    assert "≤ 0.6 held" in text
    assert "≤ 1 MISSED" in text
    assert "autograd: not installed" in text
    missing = contests.Outcome(missing={"gradsh": "no such function"})
    assert "not available: no such function" in report.table_lines(row(), missing)[0]


def test_contenders_take_turns_and_one_that_fails_drops_out() -> None:
    order: list[str] = []

    class Counting:
        def __init__(self, name: str) -> None:
            self.name = name

        def sample(self) -> float:
            order.append(self.name)
            if self.name == "c" and len(order) > 3:
                raise contests.Unavailable("gone")
            return 1.0

    taken = contests.Outcome()
    contests.in_turn({name: Counting(name) for name in "abc"}, 3, taken)
    assert "".join(order) == "abc" + "bc" + "a" + "ab"
    assert taken.missing == {"c": "gone"}
    assert set(taken.samples) == {"a", "b"}


def test_contenders_that_compute_different_things_are_named() -> None:
    assert contests.disagreements({"gradsh": 1.0, "torch": 1.0005, "numpy": None}) == []
    assert contests.disagreements({"gradsh": 1.0, "torch": 2.0}) == ["gradsh computed 1, torch 2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file.grad:1:2: error: no\n  1 | x\nhint: try", "file.grad:1:2: error: no"),
        ("Traceback\n  File x\nValueError: two\n lines", "ValueError: two"),
        ("gradsh: what?", "gradsh: what?"),
        ("", ""),
    ],
)
def test_the_reason_is_found_in_a_report(text: str, expected: str) -> None:
    assert contests.reason(text) == expected


def test_every_row_has_a_target_or_a_peer_and_makes_a_contest() -> None:
    assert rows
    for name, each in ROWS.items():
        assert each.against or each.limit is not None, name
        for quick in (False, True):
            assert hasattr(each.make(quick), "run"), name


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCH), *words], capture_output=True, text=True, check=False
    )


def test_rows_are_listed() -> None:
    listed = bench("--list", "--only", "op-*").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [name for name in ROWS if name[:3] == "op-"]


def test_a_row_nobody_knows_is_refused() -> None:
    ended = bench("--only", "nonsense")
    assert ended.returncode == 2
    assert "no row is named nonsense" in ended.stderr


def test_an_environment_without_gradsh_is_said_and_fails_nothing(tmp_path: Path) -> None:
    venv.create(tmp_path / "empty")
    python = tmp_path / "empty" / "bin" / "python"
    samples = tmp_path / "samples.json"
    ended = bench("--quick", "--only", "line-*", "--only", "cold-start", "--python", str(python),
                  "--json", str(samples))  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "No module named 'gradsh'" in ended.stdout
    assert "0 of 0 targets held, 3 rows not available yet" in ended.stdout
    assert {each["name"] for each in json.loads(samples.read_text())["rows"]} == {
        "cold-start",
        "line-new",
        "line-seen",
    }
