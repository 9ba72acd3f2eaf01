"""What is saved comes back: values, shapes, element types, names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsh.engine.dtypes import DTYPES, is_inexact
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.files import Record, load, save

SHAPES = [(), (1,), (3,), (2, 3), (0,), (0, 3), (2, 1, 2)]


def numbers(shape: tuple[int, ...], dtype: Any) -> Tensor:
    values = np.random.default_rng(0).normal(size=shape) * 10
    return new_tensor(np.asarray(values).astype(dtype.numpy))


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return (
            isinstance(b, Tensor)
            and a.dtype is b.dtype
            and a.shape == b.shape
            and np.array_equal(a.array, b.array, equal_nan=is_inexact(a.array.dtype))
        )
    if isinstance(a, Record):
        return a.values.keys() == b.values.keys() and all(map(same, a, b))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


@pytest.mark.parametrize("ending", [".npy", ".npz", ".json", ".safetensors"])
@pytest.mark.parametrize("shape", SHAPES, ids=repr)
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=repr)
def test_a_tensor(tmp_path: Path, dtype: Any, shape: tuple[int, ...], ending: str) -> None:
    path = str(tmp_path / f"x{ending}")
    x = numbers(shape, dtype)
    lacking = {".safetensors": "complex128", ".npy": "bfloat16", ".npz": "bfloat16"}
    if dtype.name == lacking.get(ending):
        with pytest.raises(TypeError, match="cannot hold"):
            save(x, path)
        return
    save(x, path)
    assert same(load(path), x)


@pytest.mark.parametrize("ending", [".npy", ".json", ".safetensors"])
def test_a_part_of_a_tensor(tmp_path: Path, ending: str) -> None:
    path = str(tmp_path / f"x{ending}")
    x = numbers((4, 6), DTYPES["float32"])
    for part in (x.T, x[::2, 1], x[0].expand(3, 6)):
        save(part, path)
        assert same(load(path), part)


@pytest.mark.parametrize("ending", [".npz", ".json", ".safetensors"])
def test_several(tmp_path: Path, ending: str) -> None:
    path = str(tmp_path / f"x{ending}")
    a, b = numbers((2, 3), DTYPES["float64"]), numbers((4,), DTYPES["int64"])
    for value in ((a, b), Record({"b": b, "a": a, "file": a})):
        save(value, path)
        assert same(load(path), value)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt"])
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 4),
    data=st.data(),
)
def test_a_table(
    tmp_path_factory: pytest.TempPathFactory, ending: str, rows: int, columns: int, data: Any
) -> None:
    path = str(tmp_path_factory.mktemp("table") / f"x{ending}")
    cells = st.lists(st.floats(width=32), min_size=rows * columns, max_size=rows * columns)
    values = np.array(data.draw(cells), np.float32).reshape(rows, columns)
    matrix = new_tensor(values if columns > 1 else values[:, 0].copy())
    if not np.isnan(values).all():
        save(matrix, path)
        assert same(load(path), matrix)


def test_a_table_with_names_and_texts(tmp_path: Path) -> None:
    path = str(tmp_path / "x.csv")
    value = Record(
        {
            "length (cm)": new_tensor(np.array([1.5, np.nan], np.float32)),
            "kind": ('a "b", c', "d"),
        }
    )
    save(value, path)
    back = load(path)
    assert same(back, value)
    assert getattr(back, ".length_cm") is back["length (cm)"]


def test_float64_digits_survive_a_table(tmp_path: Path) -> None:
    path = str(tmp_path / "x.csv")
    x = new_tensor(np.random.default_rng(1).normal(size=(20, 3)))
    save(x, path)
    assert same(load(path, dtype=DTYPES["float64"]), x)
