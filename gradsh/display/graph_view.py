"""The recorded graph as a tree in text, as DOT for Graphviz, and as JSON."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from json import dumps
from typing import Any

from gradsh.display import json, values
from gradsh.display.summaries import bytes_text, count_text, like_text, plain_text
from gradsh.engine.dtypes import FROM_NUMPY
from gradsh.engine.graph import Node
from gradsh.engine.recording import (
    Edge,
    Recording,
    Vertex,
    chosen,
    held_bytes,
    is_freed,
    result_name,
    saved_by,
    storage,
)

LINES = 60
"""A text tree has at most so many nodes."""

PICTURE = 200
"""A picture has at most so many nodes; with more nobody can read it."""

_PLACED = 10_000  # of more nodes the places are not looked for
_DEEPEST = 8
_MOST_USES = 4  # of a leaf with more, each use is drawn: edges across a whole picture tell nothing
_SHORT = 24


class Names:
    """The variables that hold the results of nodes.

    `given` has them by the node and the number of the result, None for a node with one result.
    `place` tells of a node where it was recorded, and the variable that was bound to it then.
    """

    def __init__(
        self,
        given: Mapping[tuple[Node, int | None], str],
        place: Callable[[Node], tuple[str | None, dict[str, Any] | None]] | None = None,
    ) -> None:
        self._place = place
        self._given = given
        self._of_node: dict[Node, str] = {}
        for (node, _), name in given.items():
            before = self._of_node.get(node)
            self._of_node[node] = name if before is None else f"{before}, {name}"

    def of(self, node: Node, result: int | None = None) -> str | None:
        """The variables that hold this result; None where there is no such variable."""
        return self._given.get((node, result))

    def all(self, node: Node) -> str | None:
        """The variables that hold any result of a node."""
        return self._of_node.get(node)

    def was(self, node: Node) -> str | None:
        """The variable that held a result which no variable holds any more, with its line."""
        name, place = self.recorded(node)
        return None if name is None or place is None else f"{name} (line {place['line']})"

    def recorded(self, node: Node) -> tuple[str | None, dict[str, Any] | None]:
        """The variable that a node's statement bound to its result, and the place as data."""
        return (None, None) if self._place is None else self._place(node)


class GraphView:
    """A recording with the names of variables: what `graph` shows."""

    def __init__(self, recording: Recording, names: Names) -> None:
        self.recording = recording
        self.names = names


def title(node: Node, result: int | None = None) -> str:
    """A node's name, and which of its results is meant: `SortBackward0.values`."""
    return node.name if result is None else f"{node.name}.{result_name(node, result)}"


def details(node: Node) -> str:
    """What a node keeps: `saves input, other (16 bytes), exponent 3`; of a leaf that it is one."""
    if node.is_leaf:
        return "leaf"
    parts = []
    if is_freed(node):
        parts.append("saved values freed")
    saved = list(saved_by(node))
    if saved:
        distinct = {id(storage(each.tensor.array)): each.tensor.array for each in saved}
        size = bytes_text(sum(map(held_bytes, distinct.values())))
        unnamed = [each for each in saved if each.name is None]
        what = [each.name for each in saved if each.name is not None]
        if unnamed:
            what.append(count_text(len(unnamed), "tensor"))
        parts.append(f"saves {', '.join(what)} ({size})")
    for name, value in chosen(node).items():
        text = plain_text(value)
        if text is not None and len(text) <= _SHORT:
            parts.append(f"{name}={text}")
    return ", ".join(parts)


def tree(view: GraphView) -> str:
    """The graph as a tree: a node that is used several times is drawn once, then named."""
    recording = view.recording
    rows: list[tuple[str, str, str, str]] = []
    drawn: set[Node] = set()
    sections = deque((edge, True) for edge in recording.roots)
    while sections:
        section, is_root = sections.popleft()
        if section.source in drawn and not is_root:
            continue
        pending: list[tuple[Edge, str, str, int]] = [(section, "", "", 0)]
        while pending:
            edge, lead, indent, depth = pending.pop()
            vertex = recording.vertices.get(edge.source)
            if vertex is None and edge.source not in recording.beyond:
                rows.append((f"{lead}...", "", "", ""))
                continue
            shown = vertex or recording.beyond[edge.source]
            left = f"{lead}{shown.number} {title(edge.source, edge.result)}"
            name = view.names.of(edge.source, edge.result) or view.names.was(edge.source) or ""
            if vertex is None:
                rows.append((left, name, "...", ""))
            elif edge.source in drawn:
                rows.append((left, name, "above", ""))
            elif depth > _DEEPEST:
                rows.append((left, name, "below", ""))
                sections.append((edge, False))
            else:
                drawn.add(edge.source)
                rows.append((left, name, like_text(vertex.like), details(edge.source)))
                pending.extend(reversed(list(_branches(vertex, indent, depth))))
    return "\n".join([*_aligned(rows), footer(recording)])


def _branches(vertex: Vertex, indent: str, depth: int) -> Iterator[tuple[Edge, str, str, int]]:
    last = len(vertex.edges) - 1
    for position, edge in enumerate(vertex.edges):
        turn, further = ("└─ ", "   ") if position == last else ("├─ ", "│  ")
        yield edge, indent + turn, indent + further, depth + 1


def _aligned(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    """The rows' columns side by side; a column that is empty everywhere takes no room."""
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        yield "  ".join(cells).rstrip()


def footer(recording: Recording) -> str:
    """How large the whole graph is, and how much of it is not shown."""
    parts = [
        count_text(recording.operations, "operation"),
        count_text(recording.leaves, "leaf", "leaves"),
        f"{bytes_text(recording.saved_bytes)} saved",
    ]
    hidden = recording.operations + recording.leaves - len(recording.vertices)
    if hidden:
        parts.append(f"{hidden:,} nodes not shown")
    return ", ".join(parts)


def dot(view: GraphView) -> str:
    """The graph in Graphviz's language, inputs above what is made of them."""
    recording = view.recording
    lines = [
        "digraph gradsh {",
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="monospace"];',
        '  edge [fontname="monospace", fontsize=10];',
    ]
    for vertex in recording.vertices.values():
        node = vertex.node
        parts = [view.names.all(node), title(node), like_text(vertex.like), details(node)]
        colour = ", fillcolor=lightblue" if node.is_leaf else ""
        lines.append(f"  n{vertex.number} [label={_quoted(filter(None, parts))}{colour}];")
    hidden = recording.operations + recording.leaves - len(recording.vertices)
    if hidden:
        lines.append(f'  label="{hidden:,} nodes not shown";')
    uses = Counter(edge.source for vertex in recording.vertices.values() for edge in vertex.edges)
    for vertex in recording.vertices.values():
        for position, edge in enumerate(vertex.edges):
            source = recording.vertices.get(edge.source)
            label = edge.operand if len(vertex.edges) > 1 and edge.operand else ""
            if edge.result is not None:
                label = f"{result_name(edge.source, edge.result)} {label}".strip()
            if source is not None and (not edge.source.is_leaf or uses[edge.source] <= _MOST_USES):
                start = f"n{source.number}"
            else:
                start = f"n{vertex.number}_{position}"
                text = (
                    "..." if source is None else view.names.all(edge.source) or title(edge.source)
                )
                lines.append(f"  {start} [label={_quoted([text])}, style=dashed];")
            labelled = f" [label={_quoted([label])}]" if label else ""
            lines.append(f"  {start} -> n{vertex.number}{labelled};")
    return "\n".join([*lines, "}", ""])


def _quoted(parts: Iterator[str] | list[str] | filter[str]) -> str:
    escaped = [part.replace("\\", "\\\\").replace('"', '\\"') for part in parts]
    return '"' + "\\n".join(escaped) + '"'


def _json(view: GraphView) -> Iterator[str]:
    recording = view.recording
    opening = '{"nodes": ['
    for vertex in recording.vertices.values():
        node, like = vertex.node, vertex.like
        assigned, place = (None, None)
        if vertex.number <= _PLACED:
            assigned, place = view.names.recorded(node)
        entry = {
            "id": vertex.number,
            "grad_fn": node.name,
            "name": view.names.all(node),
            "assigned": assigned,
            "place": place,
            "leaf": node.is_leaf,
            "shape": None if like is None else list(like[0]),
            "dtype": None if like is None else FROM_NUMPY[like[1]].name,
            "saved": [
                {
                    "name": saved.name,
                    "shape": list(saved.tensor.array.shape),
                    "dtype": FROM_NUMPY[saved.tensor.array.dtype].name,
                    "bytes": held_bytes(saved.tensor.array),
                }
                for saved in saved_by(node)
            ],
            "freed": is_freed(node),
        }
        yield opening + dumps(entry)
        opening = ", "
    yield '], "edges": ['
    opening = ""
    for vertex in recording.vertices.values():
        for edge in vertex.edges:
            if edge.source not in recording.vertices:
                continue
            link = {
                "from": recording.vertices[edge.source].number,
                "to": vertex.number,
                "operand": edge.operand,
                "result": edge.result,
            }
            yield opening + dumps(link)
            opening = ", "
    outputs = [recording.vertices[edge.source].number for edge in recording.roots]
    yield f'], "outputs": {outputs}, "saved_bytes": {recording.saved_bytes}}}'


values.register(GraphView, tree)
json.register(GraphView, "graph", _json)
