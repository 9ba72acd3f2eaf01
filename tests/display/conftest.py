"""Tensors for the tests of the display, with any grad_fn by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gradsh.engine.graph import Node
from gradsh.engine.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


class NamedNode(Node):
    name = ""


class MadeTensor(Tensor):
    requires_grad: bool = False
    grad_fn: Node | None = None


@pytest.fixture
def node() -> Callable[[str], Node]:
    def make(name: str) -> Node:
        made = NamedNode()
        made.name = name
        return made

    return make


@pytest.fixture
def tensor(node: Callable[[str], Node]) -> Callable[..., Tensor]:
    def make(
        data: Any,
        dtype: str = "float32",
        requires_grad: bool = False,
        grad_fn: str | None = None,
    ) -> Tensor:
        made = MadeTensor()
        made.array = np.asarray(data, dtype)
        made.requires_grad = requires_grad or grad_fn is not None
        made.grad_fn = node(grad_fn) if grad_fn else None
        return made

    return make
