"""Files that others wrote, good and bad."""

from __future__ import annotations

import io
import pickle
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradsh.display.values import shown
from gradsh.engine.dtypes import DTYPES
from gradsh.files import Record, load, read
from gradsh.files.arrays import MAPPED


def table(text: str | bytes, **options: Any) -> Any:
    content = text.encode() if isinstance(text, str) else text
    return read(io.BytesIO(content), "t.csv", ".csv", **options)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1,2\n3,4\n", {}, "tensor([[1., 2.],\n        [3., 4.]])"),
        ("1,2\n3,4", {}, "tensor([[1., 2.],\n        [3., 4.]])"),
        ("\ufeff1\r\n2\r\n\r\n", {}, "tensor([1., 2.])"),
        ("a\n1\n2\n", {}, "record(\na=tensor([1., 2.]))"),
        ("a,a,\n1,2,3\n", {}, "record(\na=tensor([1.]),\na_2=tensor([2.]),\ncolumn3=tensor([3.]))"),
        ("x;y\n1,5;2\n", {"decimal": ","}, "record(\nx=tensor([1.5000]),\ny=tensor([2.]))"),
        ("x\ty\n1\tNA\n", {}, "record(\nx=tensor([1.]),\ny=tensor([nan]))"),
        ("1 2  3\n4 5 6\n", {}, "tensor([[1., 2., 3.],\n        [4., 5., 6.]])"),
        ("1|2\n", {}, "tensor([[1., 2.]])"),
        ("1:2\n", {"separator": ":"}, "tensor([[1., 2.]])"),
        ("1,2\n3,4\n", {"header": True}, "record(\n1=tensor([3.]),\n2=tensor([4.]))"),
        ("a\nb\n", {"header": False}, "record(\ncolumn1=('a', 'b'))"),
        ("5\n6\n", {"dtype": DTYPES["int64"]}, "tensor([5, 6])"),
        ('n,v\n"a, ""b""",1e3\n', {}, "record(\nn=('a, \"b\"',),\nv=tensor([1000.]))"),
        ("n\n" + "t\n" * 9, {}, "record(\nn=('t', 't', 't', ..., 't', 't', 't'))"),
        ("inf,-inf,nan\n", {"header": False}, "tensor([[inf, -inf, nan]])"),
        (
            "a;b\n1,5;2\n-,25;NA\n",
            {},
            "record(\na=tensor([ 1.5000, -0.2500]),\nb=tensor([2., nan]))",
        ),
        ("1,5;2,5\n", {}, "tensor([[1.5000, 2.5000]])"),
        ("n;v\nx;1,5\n", {}, "record(\nn=('x',),\nv=tensor([1.5000]))"),
        ("t,v\na;b,1\n", {}, "record(\nt=('a;b',),\nv=tensor([1.]))"),
        ("v;w\n1.234,5;1\n", {"decimal": ","}, "record(\nv=('1.234,5',),\nw=tensor([1.]))"),
        ("t,v\nx\vy,1\nz\u2028,2\n", {}, "record(\nt=('x\\x0by', 'z'),\nv=tensor([1., 2.]))"),
        ("a,b\r1,2\r\r3,\r", {}, "record(\na=tensor([1., 3.]),\nb=tensor([2., nan]))"),
        ("a,b\n", {}, "record(\na=tensor([]),\nb=tensor([]))"),
        ('"a\nb",c\n"1",2\n', {}, "record(\na\nb=tensor([1.]),\nc=tensor([2.]))"),
        ("1e400,12345678901234567890\n", {}, "tensor([[       inf, 1.2346e+19]])"),
    ],
)
def test_tables(text: str, options: dict[str, Any], expected: str) -> None:
    assert shown(table(text, **options)) == expected


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("x,y\n1,2\n3,abc\n", {}, "t.csv:3:3: 'abc' is not a number (column y)"),
        ("x\n1\n\n\nno\n", {}, "t.csv:5:1: 'no' is not a number (column x)"),
        ("1,2\n3\n", {}, "t.csv:2: 1 cell, but the first line has 2"),
        ("1\n2,3,4\n", {}, "t.csv:2: 3 cells, but the first line has 1"),
        ("", {}, "t.csv is empty"),
        ("\n\n", {}, "t.csv is empty"),
        (b"a\n\xff\n", {}, "t.csv:2: the byte 0xff is not UTF-8"),
        ('a\n"b\n', {}, "t.csv:2: the quote that opens here is not closed"),
        ('a,b\n1,"\n2\n', {}, "t.csv:2: the quote that opens here is not closed"),
        ('a,b\n"1\n2",3\n4,x\n5,6,7\n', {}, "t.csv:5: 3 cells, but the first line has 2"),
        ('a,b\n"1\n2",3\n4,x\n', {}, "t.csv:4:3: 'x' is not a number (column b)"),
        (
            "a\n1.5\n",
            {"dtype": DTYPES["int64"]},
            "t.csv:2:1: '1.5' is not a whole number of the type int64 (column a)",
        ),
        (
            "a\n300\n",
            {"dtype": DTYPES["uint8"]},
            "t.csv:2:1: '300' is not a whole number of the type uint8 (column a)",
        ),
    ],
)
def test_bad_tables(text: str | bytes, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(message)}(\n|$)"):
        table(text, **options)


def test_a_decimal_comma_that_is_no_number_is_explained() -> None:
    with pytest.raises(ValueError, match="'1,5' is not a number") as caught:
        table("v\tw\n1\t2\n1,5\t2\n")
    assert caught.value.__notes__ == ['if its comma is a decimal one, load it with `decimal=","`']


def test_a_table_of_numbers_takes_little_memory_besides_them() -> None:
    rows = 20_000
    content = ("a,b\n" + "0.123456789012345678,\n" * rows).encode()
    tracemalloc.start()
    read(io.BytesIO(content), "t.csv", ".csv")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * len(content)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2]", "tensor([1, 2])"),
        ("[1.5, null]", "tensor([1.5000,    nan])"),
        ("[[true], [false]]", "tensor([[ True],\n        [False]])"),
        ('{"w": [1.0], "n": {"a": null}}', "record(\nw=tensor([1.]),\nn=record(\na=None))"),
        ('[{"x": 1, "y": "a"}, {"x": 2, "y": "b"}]', "record(\nx=tensor([1, 2]),\ny=('a', 'b'))"),
        ('["a", 1]', "('a', 1)"),
        ("3", "3"),
        ("1\n2\n", "tensor([1, 2])"),
    ],
)
def test_json(text: str, expected: str) -> None:
    assert shown(read(io.BytesIO(text.encode()), "t.json", ".json")) == expected


def test_bad_json_says_where() -> None:
    with pytest.raises(ValueError, match=r"t\.json:2:5: not JSON: Expecting value"):
        read(io.BytesIO(b'{\n"a":}'), "t.json", ".json")


def test_what_is_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects, which gradsh never unpickles"):
        load(str(tmp_path / "x.npy"))
    (tmp_path / "y.npy").write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match="it does not begin as such a file does"):
        load(str(tmp_path / "y.npy"))
    np.savez(tmp_path / "z.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects, which gradsh never unpickles"):
        load(str(tmp_path / "z.npz"))


@pytest.mark.parametrize("ending", [".npy", ".npz", ".safetensors"])
def test_files_cut_short(tmp_path: Path, ending: str) -> None:
    from gradsh.files import save

    path = tmp_path / f"x{ending}"
    save(Record({"a": load_sample()}) if ending != ".npy" else load_sample(), str(path))
    content = path.read_bytes()
    for length in (0, 5, 40, len(content) - 3):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="cannot be read as an array"):
            load(str(path))


def load_sample() -> Any:
    from gradsh.engine.tensor import new_tensor

    return new_tensor(np.arange(30.0))


def test_other_layouts_and_types(tmp_path: Path) -> None:
    path = str(tmp_path / "x.npy")
    np.save(path, np.arange(3, dtype=">f4"))
    assert shown(load(path)) == "tensor([0., 1., 2.])"
    np.save(path, np.asfortranarray(np.arange(4.0).reshape(2, 2)))
    assert shown(load(path)).startswith("tensor([[0., 1.],")
    np.save(path, np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]))
    assert isinstance(load(path), Record)
    np.save(path, np.array(["a", "b"]))
    assert load(path) == ("a", "b")
    np.save(path, np.array(["2020-01-01"], dtype="M8[D]"))
    with pytest.raises(TypeError, match=r"datetime64\[D\], which no tensor has"):
        load(path)


def test_a_large_array_is_mapped_and_the_file_stays_as_it_was(tmp_path: Path) -> None:
    path = str(tmp_path / "x.npy")
    np.save(path, np.zeros(MAPPED // 8 + 1))
    x = load(path)
    assert isinstance(x.array.base, np.memmap)
    x.add_(1)
    assert x.sum().item() == x.numel()
    assert load(path).sum().item() == 0


def test_records() -> None:
    record = Record({"a": 1, "names": 2})
    assert getattr(record, ".names") == 2
    assert [*record] == [1, 2]
    assert len(record) == 2
    assert record["a"] == record[0] == 1
    for read_it in (lambda: getattr(record, ".b"), lambda: record["b"]):
        with pytest.raises((AttributeError, KeyError), match="there is no 'b' in this record"):
            read_it()
