"""What both sides of a comparison say besides their results is not compared."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Numbers go to inf and nan without a word, and PyTorch's advice is not an error."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
