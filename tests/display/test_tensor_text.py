"""The text of a tensor, without PyTorch: what it printed was recorded by `record_golden.py`."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradsh.display.print_options import PrintOptions
from gradsh.display.tensor_text import render

GOLDEN = json.loads(Path(__file__).with_name("golden_tensor_text.json").read_text())


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden["title"] for golden in GOLDEN])
def test_recorded_texts(golden: dict[str, Any]) -> None:
    data = np.frombuffer(base64.b64decode(golden["bytes"]), golden["dtype"])
    options = PrintOptions()
    options.change(**golden["settings"])
    suffixes = [golden["suffix"]] if golden["suffix"] else []
    array = data.reshape(golden["shape"])
    assert render(array, suffixes, options, golden["default_dtype"]) == golden["text"]


def test_the_layout_of_the_memory_does_not_matter() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7
    text = render(array)
    assert render(np.asfortranarray(array)) == text
    assert render(array[::-1, :, ::-1][::-1, :, ::-1]) == text
    assert render(array.astype(">f4")) == text


def test_as_many_dimensions_as_numpy_has() -> None:
    array = np.ones((1,) * 64, np.float32)
    text = render(array)
    assert text.startswith("tensor(" + "[" * 64 + "1.]")
    assert render(np.ones((2,) * 12, np.float32)).count("...") == 0


def test_what_is_left_out_is_not_read() -> None:
    class Untouchable(np.ndarray[Any, Any]):
        """An array that cannot be converted, copied or reduced as a whole."""

        def _refuse(self, *arguments: Any, **keywords: Any) -> Any:
            assert self.size < 1000
            return np.asarray(self).ravel()

        ravel = flatten = _refuse

    array = np.zeros((100, 100, 100), np.float32).view(Untouchable)
    assert render(array).count("0.") == 216

    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (10**9, 10**9), (0, 0))
    start = time.process_time()
    assert render(huge).count("0.") == 36
    assert time.process_time() - start < 0.1


def test_the_import_brings_nothing_slow() -> None:
    program = (
        "import sys, gradsh.engine.tensor, gradsh.engine.dtypes; before = set(sys.modules);"
        "import gradsh.display.tensor_text, gradsh.display.values;"
        "print(*(set(sys.modules) - before))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert loaded
    assert {name.partition(".")[0] for name in loaded} <= {"gradsh", "__future__"}
    assert not {"gradsh.display.colour", "gradsh.display.json"} & set(loaded)
