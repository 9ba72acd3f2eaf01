"""Convolutions of many images are shared among threads, and have the bits of one thread."""

from __future__ import annotations

import numpy as np
import pytest

from gradsh.engine import blocks
from gradsh.engine.sliding import Slide, correlate, spread, weigh


@pytest.mark.parametrize(
    ("images", "kernels", "slide"),
    [
        ((32, 16, 28, 28), (32, 16, 3, 3), Slide((1, 1), (1, 1), (1, 1))),
        ((41, 8, 33, 33), (16, 4, 5, 5), Slide((2, 2), (2, 2), (1, 1), 2)),
        ((64, 4, 50, 50), (8, 1, 3, 3), Slide((1, 1), (0, 0), (2, 2), 4)),
    ],
)
def test_threads_change_no_bit(
    images: tuple[int, ...],
    kernels: tuple[int, ...],
    slide: Slide,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    input, weight = (
        generator.standard_normal(shape, dtype=np.float32) for shape in (images, kernels)
    )
    places = slide.places(images[2:], kernels[2:])

    def results() -> list[bytes]:
        output = correlate(input, weight, slide, places)
        to_input = spread(output, weight, slide, images[2:], False)
        to_weight = weigh(output, input, slide, kernels[2:], None)
        return [array.tobytes() for array in (output, to_input, to_weight)]

    monkeypatch.setattr(blocks, "THREADS", 1)
    alone = results()
    monkeypatch.setattr(blocks, "THREADS", 2)
    assert results() == alone
