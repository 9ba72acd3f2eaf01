"""Numbers go to inf and nan without a word from numpy, as in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet_numbers() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield
