#!/usr/bin/env python3
"""Record what PyTorch prints for each twin in tests/programs.

Every `tests/programs/NAME.py` is a PyTorch program that does what `NAME.grad` (beside it, or in
`scripts/`) does. This runs the twins and writes their output to `NAME.out`; the tests compare
gradsh with those files, so they hold where PyTorch is not installed.

    python scripts/dev/record_torch.py [--check] [NAME ...]

With `--check` nothing is written; it fails if a recording is not what PyTorch prints now.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
import warnings
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "tests" / "programs"


def output_of(twin: Path) -> str:
    """What a PyTorch program prints."""
    captured = io.StringIO()
    with contextlib.redirect_stdout(captured), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(str(twin))
    return captured.getvalue()


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if argument != "--check"]
    twins = [PROGRAMS / f"{name}.py" for name in names] or [
        path for path in sorted(PROGRAMS.glob("*.py")) if not path.stem.startswith("test_")
    ]
    stale = 0
    for twin in twins:
        recording = twin.with_suffix(".out")
        output = output_of(twin)
        if "--check" not in arguments:
            recording.write_text(output, encoding="utf-8")
            print(f"recorded {twin.stem}")
        elif not recording.exists() or recording.read_text(encoding="utf-8") != output:
            stale += 1
            print(f"{recording.name} is not what PyTorch prints")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
