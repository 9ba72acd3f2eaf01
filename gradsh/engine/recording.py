"""The recorded graph as data: its nodes, how they are connected, and what each one keeps.

Nothing here recurses, so that a chain of a million operations can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.assignment import Copy, Fill
from gradsh.engine.fit import fit_all
from gradsh.engine.graph import Freed, Leaf, Node, Output
from gradsh.engine.op import Op
from gradsh.engine.rebasing import CopySlices
from gradsh.engine.tensor import Tensor

Like = tuple[tuple[int, ...], "np.dtype[Any]"]
"""A shape and a numpy dtype."""


class Saved(NamedTuple):
    """A tensor that a node keeps: what its formulas call it (None: no name), and the tensor."""

    name: str | None
    tensor: Tensor


class Edge(NamedTuple):
    """One input of a node.

    `operand` is the input's name (None where the operation gives it none), `source` the node that
    made it, and `result` which of that node's `results` it is (None where there is only one).
    """

    operand: str | None
    source: Node
    result: int | None
    results: int


class Vertex:
    """A node as it is shown: its number, its inputs, and the shape and type of its result.

    `like` is None where neither the node nor those that use it tell. `result` is the number of
    the result that was met first, None for a node with one result.
    """

    __slots__ = ("edges", "like", "node", "number", "result", "results")

    def __init__(self, number: int, edge: Edge, like: Like | None) -> None:
        self.number = number
        self.node = edge.source
        self.result = edge.result
        self.results = edge.results
        self.like = like
        self.edges = list(edges_of(edge.source))


class Recording:
    """The graph behind some tensors.

    `roots` stand for the tensors; `vertices` are numbered depth first, at most `limit` of them.
    `operations`, `leaves` and `saved_bytes` count everything behind the roots; tensors that share
    their memory count once. A part of another recording has that one's vertices in `beyond`.
    """

    def __init__(self, tensors: Iterable[Tensor], limit: int | None = None) -> None:
        self.roots: list[Edge] = []
        self.vertices: dict[Node, Vertex] = {}
        self.beyond: Mapping[Node, Vertex] = {}
        self.operations = 0
        self.leaves = 0
        self.saved_bytes = 0
        likes: list[Like] = []
        for tensor in tensors:
            if tensor.node is not None:
                self.roots.append(_edge(None, tensor.node))
                likes.append((tensor.array.shape, tensor.array.dtype))
        self._count()
        self._number(likes, limit)

    def part(
        self, roots: Sequence[Edge], limit: int | None = None, depth: int | None = None
    ) -> Recording:
        """What stands behind some of its vertices, which keep their numbers.

        It has at most `limit` vertices, and none that is more than `depth` edges away from all
        of the `roots`.
        """
        part = Recording(())
        part.roots = list(roots)
        part.beyond = self.vertices
        part._count()
        near = None if depth is None else _within(roots, depth)
        stack = [edge.source for edge in reversed(part.roots)]
        while stack and (limit is None or len(part.vertices) < limit):
            node = stack.pop()
            if node in part.vertices or (near is not None and node not in near):
                continue
            vertex = part.vertices[node] = self.vertices[node]
            stack.extend(edge.source for edge in reversed(vertex.edges))
        return part

    def _count(self) -> None:
        """Go once over the whole graph, in plain loops: it may have millions of nodes."""
        seen: set[Node] = set()
        storages: dict[int, Any] = {}
        stack = [edge.source for edge in self.roots]
        while stack:
            node = stack.pop()
            node = node.owner if isinstance(node, Output) else node.shown
            if node in seen:
                continue
            seen.add(node)
            if node.is_leaf:
                self.leaves += 1
                continue
            for parent in node.parents:
                if parent is not None and parent not in seen:
                    stack.append(parent)  # noqa: PERF401 (extend with a generator costs more)
            for tensor in node.saved or ():
                if isinstance(tensor, Tensor):
                    array = storage(tensor.array)
                    storages[id(array)] = array
        self.operations = len(seen) - self.leaves
        self.saved_bytes = sum(map(held_bytes, storages.values()))

    def _number(self, likes: list[Like], limit: int | None) -> None:
        """Make the vertices, depth first."""
        stack: list[tuple[Edge, Vertex | None, int]] = [
            (edge, None, position) for position, edge in enumerate(self.roots)
        ]
        stack.reverse()
        while stack and (limit is None or len(self.vertices) < limit):
            edge, user, position = stack.pop()
            node = edge.source
            if node in self.vertices:
                continue
            like = likes[position] if user is None else _input_like(user, position)
            vertex = Vertex(len(self.vertices) + 1, edge, _own_like(edge, like))
            self.vertices[node] = vertex
            positions = [index for index, parent in enumerate(node.parents) if parent is not None]
            pairs = zip(reversed(vertex.edges), reversed(positions), strict=True)
            stack.extend((edge, vertex, position) for edge, position in pairs)


def _within(roots: Iterable[Edge], depth: int) -> set[Node]:
    """The nodes at most `depth` edges away from the roots."""
    level = {edge.source for edge in roots}
    near = set(level)
    for _ in range(depth):
        level = {edge.source for node in level for edge in edges_of(node)} - near
        if not level:
            break
        near |= level
    return near


def outermost(edges: Sequence[Edge]) -> list[Edge]:
    """Those of some nodes that stand behind none of the others."""
    behind: set[Node] = set()
    stack = [edge.source for outer in edges for edge in edges_of(outer.source)]
    while stack:
        node = stack.pop()
        if node not in behind:
            behind.add(node)
            stack.extend(edge.source for edge in edges_of(node))
    return [edge for edge in edges if edge.source not in behind]


def edges_of(node: Node) -> Iterator[Edge]:
    """A node's inputs that have a history, in the order of its operands."""
    for position, parent in enumerate(node.parents):
        if parent is not None:
            yield _edge(operand_name(node, position), parent)


def _edge(operand: str | None, node: Node) -> Edge:
    if isinstance(node, Output):
        return Edge(operand, node.owner, node.index, node.outputs)
    return Edge(operand, node.shown, None, 1)


def operand_name(node: Node, position: int) -> str | None:
    """The name of a node's input in the declaration of its operation."""
    op = node.op if not node.is_leaf else None
    if not isinstance(op, Op):
        return None
    if "Operands" in op.annotations.values():
        return f"{op.parameters[op.operands[0]]}[{position}]"
    return op.parameters[op.operands[position]]


def result_name(node: Node, result: int) -> str:
    """The name of one of a node's several results, or its number."""
    op = node.op
    if isinstance(op, Op) and result < len(op.outputs) > 1:
        return op.outputs[result]
    return str(result)


def saved_by(node: Node) -> Iterator[Saved]:
    """The tensors that a node keeps; none when a backward pass has freed them."""
    if node.is_leaf or not node.saved:
        return
    op = node.op
    names: Sequence[str | None] = (None,) * len(node.saved)
    if isinstance(op, Op) and len(op.saved_tensors) == len(node.saved):
        names = op.saved_tensors
    for name, tensor in zip(names, node.saved, strict=True):
        if isinstance(tensor, Tensor):
            yield Saved(name, tensor)


def is_freed(node: Node) -> bool:
    """Whether a backward pass has freed what the node kept."""
    return not node.is_leaf and type(node.saved) is Freed


def saved_plain(node: Node) -> dict[str, Any]:
    """What a node keeps besides tensors, by the names of its formulas."""
    if node.is_leaf or not isinstance(node.op, Op):
        return {}
    return dict(zip(node.op.saved_plain, node.context, strict=False))


def chosen(node: Node) -> dict[str, Any]:
    """The plain arguments among them that are not the operation's defaults."""
    if node.is_leaf or not isinstance(node.op, Op):
        return {}
    defaults = node.op.defaults
    return {
        name: value
        for name, value in saved_plain(node).items()
        if name in node.op.parameters and not (name in defaults and defaults[name] is value)
    }


def storage(array: Any) -> Any:
    """The array whose memory `array` looks into."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def held_bytes(array: Any) -> int:
    """The bytes of an array's elements; those that are repeated without memory count once."""
    elements = 1
    for length, step in zip(array.shape, array.strides, strict=True):
        elements *= length if step else min(length, 1)
    return elements * int(array.itemsize)


def _own_like(edge: Edge, like: Like | None) -> Like | None:
    """The shape and type of a node's result, from what its user says or what it keeps."""
    node = edge.source
    if isinstance(node, Leaf):
        return node.shape, node.dtype
    if like is None and not node.is_leaf and isinstance(node.op, Op):
        name = node.op.outputs[edge.result or 0]
        for saved in saved_by(node):
            if saved.name == name:
                return saved.tensor.array.shape, saved.tensor.array.dtype
    return like


def _input_like(user: Vertex, position: int) -> Like | None:
    """The shape and type of an input of `user`, by what the node keeps, or by its formula."""
    node, like = user.node, user.like
    entry: Like | None = None if node.fit is None else node.fit[position]
    if entry is not None:
        return entry
    op = node.op
    if isinstance(op, Op) and "Operands" not in op.annotations.values():
        operand = op.parameters[op.operands[position]]
        for saved in saved_by(node):
            if saved.name == operand:
                return saved.tensor.array.shape, saved.tensor.array.dtype
        if op.kind == "pointwise":
            return like
        shape = saved_plain(node).get(f"{operand}_shape")
        if shape is not None and like is not None:
            return tuple(shape), like[1]
    return _pulled_like(user, position)


def _pulled_like(user: Vertex, position: int) -> Like | None:
    """The shape and type of what the node's formula makes of zeros; None if it cannot say."""
    node, like = user.node, user.like
    if like is None or type(node.saved) is Freed or not _computes_alone(node):
        return None
    g: Any = np.zeros(*like)
    if user.result is not None:
        results: list[Any] = [None] * user.results
        results[user.result] = g
        g = results
    try:
        pulled = fit_all(node, node.op.pull(node, g))[position]
    except Exception:  # noqa: BLE001 (a saved value was changed, a result's zeros are missing)
        return None
    return None if pulled is None else (pulled.shape, pulled.dtype)


def _computes_alone(node: Node) -> bool:
    """Whether a node's backward step runs nothing of the user's."""
    op = node.op.inner.op if isinstance(node.op, CopySlices) else node.op
    return isinstance(op, (Op, Copy, Fill))
