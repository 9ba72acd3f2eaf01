"""The recorded graph as a page of its own: a tree to open and close, formulas to hover over."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gradsh.display.graph_view import GraphView, details, footer, title
from gradsh.display.summaries import array_text, like_text
from gradsh.engine.graph import Node
from gradsh.engine.op import Op
from gradsh.engine.recording import Edge, Vertex, saved_by
from gradsh.engine.symbols import derivative

_OPEN_DEPTH = 6

_HEAD = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>gradsh graph</title>
<style>
body { font: 14px/1.6 ui-monospace, monospace; margin: 2em; color: #222; background: #fff; }
details, .leaf { margin-left: 1.4em; border-left: 1px solid #ccc; padding-left: .6em; }
summary { cursor: pointer; }
b { color: #a0379b; }
i { color: #0b6e4f; font-style: normal; font-weight: bold; }
small { color: #666; }
:target > summary, :target { background: #fff3bf; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #1b1b1b; } b { color: #e58be0; } i { color: #6fd3a8; }
  small, a { color: #aaa; } :target > summary, :target { background: #554400; }
}
</style>
"""


def page(view: GraphView) -> str:
    """The whole page; it loads nothing from elsewhere."""
    parts = [_HEAD]
    for root in view.recording.roots:
        parts += _pieces(view, root)
    parts.append(f"<p><small>{escape(footer(view.recording))}</small></p>\n</html>\n")
    return "".join(parts)


def _pieces(view: GraphView, root: Edge) -> Iterator[str]:
    drawn: set[Node] = set()
    pending: list[tuple[Edge, str | None, int] | str] = [(root, None, 0)]
    while pending:
        entry = pending.pop()
        if isinstance(entry, str):
            yield entry
            continue
        edge, operand, depth = entry
        vertex = view.recording.vertices.get(edge.source)
        label = "" if operand is None else f"<small>{escape(operand)}:</small> "
        if vertex is None:
            yield f'<div class="leaf">{label}...</div>\n'
        elif edge.source in drawn:
            yield (
                f'<div class="leaf">{label}<a href="#n{vertex.number}">{vertex.number} '
                f"{escape(title(edge.source, edge.result))}</a> above</div>\n"
            )
        else:
            drawn.add(edge.source)
            line = _line(view, vertex, edge)
            hover = escape(_hover(edge.source), quote=True)
            if not vertex.edges:
                place = f'class="leaf" id="n{vertex.number}"'
                yield f'<div {place} title="{hover}">{label}{line}</div>\n'
                continue
            opened = " open" if depth < _OPEN_DEPTH else ""
            yield (
                f'<details id="n{vertex.number}"{opened}>'
                f'<summary title="{hover}">{label}{line}</summary>\n'
            )
            pending.append("</details>\n")
            several = len(vertex.edges) > 1
            pending.extend(
                (each, each.operand if several else None, depth + 1)
                for each in reversed(vertex.edges)
            )


def _line(view: GraphView, vertex: Vertex, edge: Edge) -> str:
    name = view.names.of(edge.source, edge.result)
    named = f" <i>{escape(name)}</i>" if name else ""
    return (
        f"{vertex.number} <b>{escape(title(edge.source, edge.result))}</b>{named} "
        f"{escape(like_text(vertex.like))} <small>{escape(details(edge.source))}</small>"
    )


def _hover(node: Node) -> str:
    """A node's formulas, and the values it keeps."""
    if node.is_leaf:
        return "the gradient is accumulated here"
    lines: list[str] = []
    op = node.op
    if isinstance(op, Op):
        lines += [f"to {operand}: {derivative(op, operand).text}" for operand in op.formulas]
    lines += [f"{name or 'saved'} = {array_text(kept.array)}" for name, kept in saved_by(node)]
    return "\n".join(lines)
