"""The command `why`: how a gradient came about, or what cut it off."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from json import dumps
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gradsh.display import json, values
from gradsh.display.graph_view import title
from gradsh.display.tables import aligned, rich_table
from gradsh.engine.arguments import type_name
from gradsh.engine.evidence import MADE, Witness
from gradsh.engine.graph import Node, Output
from gradsh.engine.passes import PASSES, Pass
from gradsh.engine.tensor import GradientBox, Tensor
from gradsh.language.diagnostics import Related, marked, numbered
from gradsh.language.origins import Spot, Statement, operands_of, shown_value, spot_of, statement_at
from gradsh.session.cuts import Cut, Definition, Search
from gradsh.session.error_data import related_fields
from gradsh.session.related import spot_of_witness
from gradsh.session.scopes import Scope

if TYPE_CHECKING:
    from gradsh.session.session import Session

_HEADS: Final = ("name", "node", "line", "expression")
_LEAF: Final = "AccumulateGrad"
_MOST_ROWS: Final = 24
_MOST_NODES: Final = 200_000
_MOST_PATHS: Final = 1_000_000
_LONGEST: Final = 60


class Row(NamedTuple):
    """A node on the way from an output to a tensor, and where it was recorded."""

    name: str | None
    node: str | None
    spot: Spot | None


class Why:
    """What there is to say: a sentence, the way from the output, places, what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.rows: list[Row] = []
        self.paths = 1
        self.places: list[Related] = []
        self.advice: str | None = None

    def _cells(self) -> list[list[str]]:
        """The rows as text: those that a loop repeats once, and of too many the ends."""
        cells: list[list[str]] = []
        for (name, node, spot), repeated in groupby(self.rows):
            times = sum(1 for _ in repeated)
            line = "" if spot is None else str(spot.line)
            text = "" if spot is None else spot.text.strip()
            if len(text) > _LONGEST:
                text = text[: _LONGEST - 3] + "..."
            shown = "leaf" if node == _LEAF else node or ""
            cells.append([name or "", shown + f", {times} times" * (times > 1), line, text])
        if len(cells) <= _MOST_ROWS:
            return cells
        half = _MOST_ROWS // 2
        left_out = ["", f"... {len(cells) - 2 * half} more", "", ""]
        return [*cells[:half], left_out, *cells[-half:]]

    def _below(self) -> list[str]:
        lines = []
        if self.paths > 1:
            count = "more than a million" if self.paths > _MOST_PATHS else f"{self.paths - 1:,}"
            other = "path" if self.paths == 2 else "paths"
            lines.append(f"and on {count} other {other}; what they bring is added up")
        for place in self.places:
            lines.append(f"{place.what.replace('{line}', f'line {place.line}')}:")
            lines += numbered(
                place.line, *marked(place.source_line, place.column, place.end, place.operator)
            )
        if self.advice is not None:
            lines.append(f"hint: {self.advice}")
        return lines

    def __str__(self) -> str:
        table = []
        if self.rows:
            text = aligned(_HEADS, self._cells(), (2,))
            table = [f"  {line}" for line in text.split("\n")]
        return "\n".join([self.sentence, *table, *self._below()])

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.text import Text

        parts: list[Any] = [Text(self.sentence, "bold")]
        if self.rows:
            parts.append(Padding(rich_table(_HEADS, self._cells(), (2,)), (0, 0, 0, 2)))
        for line in self._below():
            text = Text(line)
            if line.startswith("hint:"):
                text.stylize("bold cyan", 0, 5)
            parts.append(text)
        return Group(*parts)

    def fields(self) -> dict[str, Any]:
        """The same as data."""
        return {
            "sentence": self.sentence,
            "path": [
                {
                    "name": row.name,
                    "grad_fn": row.node,
                    "place": None if row.spot is None else related_fields(row.spot.related("")),
                }
                for row in self.rows
            ],
            "paths": self.paths if self.rows else 0,
            "related": [related_fields(place) for place in self.places],
            "hint": self.advice,
        }


def why(session: Session, value: Any, parts: dict[str, Any]) -> Why:
    """What `why E` and `why x.grad` show. TypeError for what is no tensor."""
    (text,) = parts["text"]
    if not isinstance(value, Tensor):
        error = TypeError(f"why takes a tensor, and {text} is of the type {type_name(value)}")
        raise error
    return _Inquiry(session, value, text).answer(gradient="gradient" in parts)


class _Inquiry:
    """One question: the tensor and how it is written, and the session that knows the rest."""

    def __init__(self, session: Session, tensor: Tensor, text: str) -> None:
        self.tensor = tensor
        self.text = text
        self.scope = Scope(session.variables)
        self.search = Search(self.scope.values, session.recent)
        self.last = PASSES.last

    def answer(self, *, gradient: bool) -> Why:
        node = self.tensor.node
        if node is None:
            return self._without_history(gradient)
        if node.is_leaf or gradient:
            return self._gradient(node)
        return self._history(node)

    # ------------------------------------------------------------------- what has none

    def _without_history(self, gradient: bool) -> Why:
        """A tensor that does not require grad."""
        told = Why(f"{self.text} does not require grad" + ", so it has no gradient" * gradient)
        name = self.scope.name_of(self.tensor)
        cuts = self._cuts_in_text() if name is None else self.search.of_name(name)
        told.places = [cut.spot.related(cut.words) for cut in cuts]
        if any(cut.certain for cut in cuts):
            told.advice = "compute it again without what cuts its history"
        elif self.tensor.array.dtype.kind in "iub":
            told.advice = "only floating elements have a gradient: write them with a point"
        else:
            told.advice = "ask for gradients where it is made, with `x = ... grad`"
        return told

    def _cuts_in_text(self) -> list[Cut]:
        """The same for an expression, which stands in the statement that asks."""
        unit = self.search.recent[-1]
        start = unit.text.find(self.text)
        if start < 0 or "\n" in unit.text:
            return []
        column = unit.column - 1 + start
        here = Statement(unit.source, unit.line, column, self.text, unit.lines)
        value = shown_value(here.trees)
        if value is None:
            return []
        return self.search.cuts(value, Definition(here, value, recorded=True, blocks={}))

    def _history(self, node: Node) -> Why:
        """A result: the way to a leaf that it was computed from."""
        path = _path(node, None)
        leaf = path[-1] if path else node
        name = self.scope.name_of_node(leaf) or "a leaf without a name"
        told = Why(f"{self.text} requires grad because it was computed from {name}")
        self._add_path(told, path)
        return told

    # ------------------------------------------------------------------- what has one

    def _gradient(self, node: Node) -> Why:
        """The gradient of a leaf, or of a result that may retain it."""
        box = self.tensor.box
        here = None if box is None else box.value
        if not node.is_leaf and (box is None or self.tensor.retains_grad is False):
            told = self._result(node)
        elif self.last is None:
            told = Why(f"{self.text}.grad is none: no backward pass has run yet")
            told.advice = f"`backward E`, where E is computed from {self.text}"
        elif here is not None:
            told = Why(f"{self.text}.grad comes from {self._pass(self.last)}")
            if not self.last.filled(box):
                told.sentence = f"{self.text}.grad comes from an earlier backward pass, or was set"
            else:
                self._add_route(told, node)
        else:
            told = self._missing(node, box, self.last)
        return told

    def _result(self, node: Node) -> Why:
        told = Why(f"{self.text} is no leaf, and only leaves keep a gradient")
        spot = spot_of_witness(Witness(MADE, node.place, node))
        if spot is not None:
            told.places.append(spot.related(f"{self.text} was made in {{line}}"))
        told.advice = f"`{self.text}.retain_grad()` before the backward pass keeps it"
        return told

    def _missing(self, node: Node, box: GradientBox | None, last: Pass) -> Why:
        """A leaf without a gradient though there was a backward pass."""
        if last.filled(box):
            told = Why(f"{self.text}.grad is none: it was cleared since {self._pass(last)}")
            told.advice = "run a backward pass again"
            return told
        told = Why(f"{self.text}.grad is none: {self._pass(last)} did not reach it")
        if any(_path(tensor.node, node) for tensor in self._outputs(last)):
            told.advice = "it was asked for the gradients of other tensors alone (inputs)"
            return told
        name = self.scope.name_of(self.tensor)
        output = _output_of(last)
        if name is None or output is None:
            told.advice = f"nothing that was differentiated was computed from {self.text}"
            return told
        path = self.search.route(name, output.value, output)
        if path is None:
            what = output.statement.spot(output.value).text
            told.advice = f"{what} was not computed from {self.text}"
            return told
        cut = self.search.cut_between(name, path)
        if cut is None and last.only:
            told.advice = "it was asked for the gradients of other tensors alone (inputs)"
        elif cut is not None:
            told.places.append(cut.spot.related(cut.words))
            told.advice = "compute it again without what cuts its history"
        else:
            told.rows = [_text_row(each) for each in path]
            told.advice = f"{self.text} may have been bound again since"
        return told

    def _outputs(self, last: Pass) -> list[Tensor]:
        """The outputs of the pass that a variable still holds."""
        values = self.scope.values.values()
        return [x for x in values if isinstance(x, Tensor) and last.has_output(x)]

    def _pass(self, last: Pass) -> str:
        spot = spot_of(last.place)
        if spot is None:
            return "the last backward pass"
        return f"the backward pass in line {spot.line}"

    # ---------------------------------------------------------------------------- ways

    def _add_route(self, told: Why, node: Node) -> None:
        """The way from the output: over the graph, or over the program if that is gone."""
        assert self.last is not None
        for tensor in self._outputs(self.last):
            path = _path(tensor.node, node)
            if path:
                self._add_path(told, path)
                told.paths = _count_paths(path[0], path[-1])
                return
        name = self.scope.name_of(self.tensor)
        output = _output_of(self.last)
        route = (
            None
            if name is None or output is None
            else self.search.route(name, output.value, output)
        )
        if route is not None:
            told.rows = [_text_row(each) for each in route]
            leaf = spot_of(node.place)
            told.rows.append(Row(name, _LEAF, leaf))

    def _add_path(self, told: Why, path: list[Node]) -> None:
        for node in path:
            spot = spot_of_witness(Witness(MADE, node.place, node))
            name = self.scope.name_of_node(node)
            if name is None and spot is not None and not node.is_leaf:
                name = spot.name
            told.rows.append(Row(name, _LEAF if node.is_leaf else title(node), spot))


def _owner(node: Node) -> Node:
    return node.owner if isinstance(node, Output) else node


def _path(start: Node | None, end: Node | None) -> list[Node]:
    """The shortest way between two nodes, against the direction of computing; none: empty.

    Without an end it is the way to the nearest leaf.
    """
    if start is None:
        return []
    start = _owner(start)
    wanted = None if end is None else _owner(end)
    before: dict[Node, Node | None] = {start: None}
    waiting = [start]
    for node in waiting:
        if node is wanted or (wanted is None and node.is_leaf):
            path: list[Node] = []
            step: Node | None = node
            while step is not None:
                path.append(step)
                step = before[step]
            return path[::-1]
        if len(before) > _MOST_NODES:
            break
        for parent in node.parents:
            if parent is not None:
                parent = _owner(parent)
                if parent not in before:
                    before[parent] = node
                    waiting.append(parent)
    return []


def _count_paths(start: Node, end: Node) -> int:
    """How many ways there are between two nodes; not counted on beyond a million."""
    seen = {start}
    waiting = [start]
    for node in waiting:
        for parent in node.parents:
            if parent is not None and _owner(parent) not in seen and len(seen) < _MOST_NODES:
                seen.add(_owner(parent))
                waiting.append(_owner(parent))
    counts = dict.fromkeys(seen, 0)
    counts[start] = 1
    for node in sorted(seen, key=lambda node: -node.seq):
        for parent in node.parents:
            if parent is not None and _owner(parent) in counts:
                inner = _owner(parent)
                counts[inner] = min(counts[inner] + counts[node], _MOST_PATHS + 1)
    return counts.get(end, 0)


def _output_of(last: Pass) -> Definition | None:
    """What a backward pass differentiated, as its statement says."""
    statement = statement_at(last.place)
    if statement is None:
        return None
    for tree in statement.trees:
        for part in ast.walk(tree):
            if not isinstance(part, ast.Call):
                continue
            is_statement = isinstance(part.func, ast.Name) and part.func.id == "@backward"
            is_method = isinstance(part.func, ast.Attribute) and part.func.attr == ".backward"
            if is_statement or is_method:
                return Definition(statement, operands_of(part)[0], recorded=True, blocks={})
    value = shown_value(statement.trees)
    return None if value is None else Definition(statement, value, recorded=True, blocks={})


def _text_row(definition: Definition) -> Row:
    spot = definition.statement.spot(definition.value)
    name = None
    for tree in definition.statement.trees:
        for part in ast.walk(tree):
            if isinstance(part, ast.Assign) and part.value is definition.value:
                target = part.targets[0]
                name = target.id if isinstance(target, ast.Name) else None
    return Row(name, None, spot)


def _data(value: Why) -> Iterator[str]:
    yield dumps(value.fields())


values.register(Why, Why.__str__)
json.register(Why, "why", _data)
