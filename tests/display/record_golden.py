"""Record what PyTorch prints: `python tests/display/record_golden.py` (needs torch).

Writes `golden_tensor_text.json`, which holds the display to PyTorch where torch is missing.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from test_tensor_text_oracle import Case, random_case, text_of_torch

GOLDEN = Path(__file__).with_name("golden_tensor_text.json")
SEED = 20_260
RANDOM_CASES = 250
LARGEST = 60

inf, nan = float("inf"), float("nan")


def case(
    values: Any, dtype: str, suffix: str = "", default: str = "float32", **settings: Any
) -> Case:
    return Case(np.asarray(values, dtype), settings, default, suffix)


CHOSEN = {
    "a matrix that requires grad": case(np.ones((2, 2)), "float32", "requires_grad=True"),
    "a matrix with a grad_fn": case(np.full((2, 2), 3), "float32", "grad_fn=<CubeBackward>"),
    "zero-dim": case(27, "float32"),
    "zero-dim with a grad_fn": case(27, "float32", "grad_fn=<CubeBackward>"),
    "zero-dim complex": case(1 - 2j, "complex64"),
    "zero-dim bool": case(True, "bool"),
    "mixed magnitudes": case([1e-3, 1.0, 123.456], "float32"),
    "ratio of exactly 1000": case([1.0, 1000.0, 0.0], "float32"),
    "ratio above 1000": case([1.5, 1500.1], "float32"),
    "smallest below 1e-4 only in float32": case([1e-4, 1e-4], "float32"),
    "smallest 1e-4 in float64": case([1e-4, 1e-4], "float64"),
    "whole numbers above 1e8": case([1e8, 2e8], "float32"),
    "whole numbers up to 1e8": case([1e8, 1e6], "float32"),
    "three-digit exponents": case([1e-200, -1e5, 1.0], "float64"),
    "negative zero": case([-0.0, 0.0], "float32"),
    "negative zero among fractions": case([-0.0, 0.5], "float32"),
    "not finite": case([nan, inf, -inf], "float32"),
    "not finite among whole numbers": case([nan, 1, -inf, 1000], "float32"),
    "not finite among fractions": case([nan, 0.5, -inf, -7.25], "float32"),
    "complex, not finite": case([complex(nan, -inf), complex(-0.0, 2)], "complex64"),
    "float16": case([0.1, 65504], "float16"),
    "float64 is said": case([0.5], "float64"),
    "float32 is said when the default is float64": case([0.5], "float32", default="float64"),
    "float64 as the default": case([0.5], "float64", default="float64"),
    "complex128 as the default": case([0.5j], "complex128", default="float64"),
    "int64 limits": case([-(2**63), 2**63 - 1], "int64"),
    "int32": case([1, -20, 300], "int32"),
    "uint8": case([[1, 255]], "uint8"),
    "bool": case([[True, False], [False, True]], "bool"),
    "empty": case([], "float32"),
    "empty, two dimensions": case(np.zeros((2, 0)), "float32", "requires_grad=True"),
    "empty int64": case([], "int64"),
    "1000 elements": case(np.arange(1000), "int64"),
    "1001 elements": case(np.arange(1001), "int64"),
    "a summarised matrix": case(np.arange(1200).reshape(30, 40) / 7, "float32"),
    "a summary of four dimensions": case(np.arange(4096).reshape(8, 8, 8, 8), "int32"),
    "a summary that leaves nothing out": case(np.arange(1296).reshape(6, 6, 6, 6), "int64"),
    "three dimensions": case(np.arange(12).reshape(2, 3, 2) / 3, "float32"),
    "rows longer than the line": case(np.arange(60).reshape(2, 30) / 7, "float32"),
    "a suffix on a line of its own": case(
        np.arange(8) / 7, "float32", "grad_fn=<SeparableConvolutionBackward>"
    ),
    "no edge items": case(np.arange(6).reshape(2, 3), "float32", threshold=2, edgeitems=0),
    "scientific by choice": case([1.5, 0.0], "float32", sci_mode=True),
    "never scientific": case([1e10, 1e-10], "float32", sci_mode=False),
    "precision 0": case([1.5, 2.5], "float32", precision=0),
    "profile short": case(np.arange(2000) / 7, "float32", profile="short"),
    "profile full": case(np.arange(1100), "int16", profile="full"),
}


def record() -> list[dict[str, Any]]:
    rng = np.random.default_rng(SEED)
    cases = dict(CHOSEN)
    while len(cases) < len(CHOSEN) + RANDOM_CASES:
        chance = random_case(rng)
        if chance.array.size <= LARGEST:
            cases[f"random {len(cases) - len(CHOSEN)}"] = chance
    return [
        {
            "title": title,
            "dtype": chosen.array.dtype.name,
            "shape": list(chosen.array.shape),
            "bytes": base64.b64encode(chosen.array.tobytes()).decode(),
            "settings": chosen.settings,
            "default_dtype": chosen.default_dtype,
            "suffix": chosen.suffix,
            "text": text_of_torch(chosen),
        }
        for title, chosen in cases.items()
    ]


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(entry) for entry in record())
    GOLDEN.write_text(f"[\n{lines}\n]\n")
