#!/usr/bin/env python3
"""Record the hashes of PyTorch's random streams that tests/engine/test_random.py compares with.

Needs torch on a processor with AVX2. Run it after adding a case there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write one hash for each distribution and dtype."""
    sys.path.insert(0, str(ROOT))
    path = ROOT / "tests" / "engine" / "test_random.py"
    spec = importlib.util.spec_from_file_location("test_random", path)
    assert spec is not None
    assert spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    recorded = {
        f"{name} {dtype}": cases.digest(cases.theirs(name, dtype)) for name, dtype in cases.DRAWS
    }
    cases.RECORDED.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
