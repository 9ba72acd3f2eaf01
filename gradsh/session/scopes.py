"""The variables that a place in a program sees, and the names of tensors and nodes among them."""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType, TracebackType
from typing import Any

from gradsh.engine.graph import Node, Output
from gradsh.engine.op import Op
from gradsh.engine.tensor import Tensor
from gradsh.language.origins import Trace
from gradsh.language.units import FILENAME

_DEPTH = 6


class Scope:
    """Names and their values, the nearer ones first; `code` is what runs there."""

    def __init__(self, *tables: Mapping[str, Any], code: CodeType | None = None) -> None:
        self.code = code
        self.values: dict[str, Any] = {}
        for table in reversed(tables):
            self.values.update(
                (name, value) for name, value in table.items() if name[:1] not in ("@", ".", "")
            )
        self.values.pop("__builtins__", None)

    def name_of(self, tensor: Tensor) -> str | None:
        """The variable that holds a tensor."""
        return next((name for name, value in self.values.items() if value is tensor), None)

    def name_of_memory(self, tensor: Tensor) -> str | None:
        """The variable that holds a tensor, or else one over the same memory."""
        found = self.name_of(tensor)
        if found is not None:
            return found
        for name, value in self.values.items():
            if isinstance(value, Tensor) and (
                value.array is tensor.array
                or (value.version is not None and value.version is tensor.version)
            ):
                return name
        return None

    def name_of_node(self, node: Node) -> str | None:
        """The variable that holds the result of a node, or what accumulates there."""
        for name, value in self.values.items():
            if isinstance(value, Tensor) and value.node is not None and value.node == node:
                return name
        return None


def scope_of(traceback: TracebackType | None) -> Scope:
    """What the innermost place of a program in a traceback sees."""
    found = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename.startswith(FILENAME):
            found = traceback.tb_frame
        traceback = traceback.tb_next
    if found is None:
        return Scope()
    return Scope(found.f_locals, found.f_globals, code=found.f_code)


def trace_of(node: Node, depth: int = _DEPTH) -> Trace:
    """A node as what `gradsh.language.origins` looks for in the statement that recorded it."""
    owner = node.owner if isinstance(node, Output) else node
    if owner.is_leaf:
        return "requires_grad", ()
    op = owner.op
    name = op.name if isinstance(op, Op) else owner.name.partition("Backward")[0].lower()
    if not depth:
        return name, ()
    inputs = [
        trace_of(parent, depth - 1)
        if parent is not None and not parent.is_leaf and parent.place is owner.place
        else None
        for parent in owner.parents
    ]
    return name, tuple(inputs)
