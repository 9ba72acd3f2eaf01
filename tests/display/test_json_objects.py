"""The JSON object of a shown value."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradsh.display.json import register, to_json, write_json
from gradsh.engine.dtypes import float32
from gradsh.engine.size import Size

MakeTensor = Callable[..., Any]

KEYS = ["name", "kind", "dtype", "shape", "data", "requires_grad", "grad_fn"]


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_tensor(tensor: MakeTensor) -> None:
    made = tensor([[0.1, 2], [3, 4]], grad_fn="AddBackward0")
    assert to_json("y", made) == (
        '{"name": "y", "kind": "tensor", "dtype": "float32", "shape": [2, 2], '
        '"data": [[0.10000000149011612, 2.0], [3.0, 4.0]], '
        '"requires_grad": true, "grad_fn": "AddBackward0"}'
    )
    leaf = strict(to_json(None, tensor(1.0)))
    assert list(leaf) == KEYS
    assert list(leaf.values()) == [None, "tensor", "float32", [], 1.0, False, None]


@pytest.mark.parametrize(
    ("dtype", "data", "expected"),
    [
        ("int64", [-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
        ("bool", [[True], [False]], [[True], [False]]),
        ("bool", True, True),
        ("float64", [math.nan, math.inf, -math.inf, -0.5], ["nan", "inf", "-inf", -0.5]),
        ("float16", -math.inf, "-inf"),
        ("complex64", [1 + 2j, complex(math.nan, -math.inf)], [[1.0, 2.0], ["nan", "-inf"]]),
        ("complex128", 1 - 2j, [1.0, -2.0]),
        ("float32", np.zeros((2, 0, 3)), [[], []]),
        ("float32", [], []),
    ],
)
def test_elements(tensor: MakeTensor, dtype: str, data: Any, expected: Any) -> None:
    assert strict(to_json("x", tensor(data, dtype)))["data"] == expected


@pytest.mark.parametrize(
    "shape", [(20_000,), (3, 5000, 2), (20_000, 3), (2, 3, 9000), (1, 1, 8193), (8192,), (99, 99)]
)
def test_a_large_tensor_is_written_in_full_and_in_parts(
    tensor: MakeTensor, shape: tuple[int, ...]
) -> None:
    data = np.random.default_rng(0).standard_normal(shape)
    value = tensor(data, "float64")

    class Stream(io.StringIO):
        longest = 0

        def write(self, text: str) -> int:
            self.longest = max(self.longest, len(text))
            return super().write(text)

        def writelines(self, lines: Any) -> None:
            for line in lines:
                self.write(line)

    stream = Stream()
    write_json(stream, "x", value)
    assert stream.getvalue() == to_json("x", value) + "\n"
    assert strict(stream.getvalue())["data"] == data.tolist()
    assert stream.longest < 250_000


@pytest.mark.parametrize(
    ("value", "kind", "data"),
    [
        (3, "number", 3),
        (2.5, "number", 2.5),
        (-math.inf, "number", "-inf"),
        (np.float64(0.5), "number", 0.5),
        (1 - 2j, "complex", [1.0, -2.0]),
        (True, "bool", True),
        (None, "none", None),
        ('é "\n\ud800', "text", 'é "\n\ud800'),
        (range(1, 9, 2), "range", [1, 9, 2]),
        (lambda x: x, "function", "<function (x)>"),
        (print, "function", "<function print>"),
        (ValueError("one\ntwo"), "error", "one"),
        ((), "tuple", []),
        (object(), "object", "<object>"),
    ],
)
def test_other_values(value: object, kind: str, data: object) -> None:
    made = strict(to_json("v", value))
    assert list(made) == KEYS
    assert list(made.values()) == ["v", kind, None, None, data, None, None]


def test_what_tensors_are_asked_for(node: Callable[[str], Any]) -> None:
    for value, kind, data in [
        (Size((2, 3)), "size", [2, 3]),
        (float32, "dtype", "float32"),
        (node("AddBackward0"), "node", "AddBackward0"),
    ]:
        made = strict(to_json(None, value))
        assert (made["kind"], made["data"]) == (kind, data)


def test_every_digit_of_a_long_integer() -> None:
    assert to_json(None, 10**5000).count("0") == 5000


def test_what_holds_values_holds_objects(tensor: MakeTensor) -> None:
    kind = type("max", (tuple,), {"_fields": ("values", "indices")})
    made = strict(to_json("m", (kind((tensor(4.0), tensor(1, "int64"))), "a")))
    assert made["kind"] == "tuple"
    inner, word = made["data"]
    assert list(inner) == list(word) == KEYS
    assert (word["name"], word["data"]) == (None, "a")
    assert [(e["name"], e["dtype"], e["data"]) for e in inner["data"]] == [
        ("values", "float32", 4.0),
        ("indices", "int64", 1),
    ]
    entries = strict(to_json("d", {"w": [1]}))["data"]
    assert (entries[0]["name"], entries[0]["kind"]) == ("w", "list")


def test_another_kind_can_be_registered() -> None:
    class Shape:
        pass

    register(Shape, "shape", lambda value: iter(("[", "1]")))
    assert strict(to_json("s", Shape()))["data"] == [1]
