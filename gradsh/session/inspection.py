"""The commands that show what was recorded: `graph`, `explain`, `check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsh.display.check_view import Comparison
from gradsh.display.explain_view import STEPS, Explanation, pages
from gradsh.display.graph_view import LINES, PICTURE, GraphView, Names
from gradsh.display.values import field_names
from gradsh.display.values import text as value_text
from gradsh.engine.arguments import type_name
from gradsh.engine.backward import root_cotangents, walk
from gradsh.engine.differences import Evaluation, compare, gradients, in_double
from gradsh.engine.dtypes import is_inexact
from gradsh.engine.evidence import MADE, Witness
from gradsh.engine.graph import Node, Output
from gradsh.engine.recording import Edge, Recording, outermost
from gradsh.engine.steps import steps
from gradsh.engine.tensor import Tensor
from gradsh.session.output import JsonOutput

if TYPE_CHECKING:
    from gradsh.session.session import Session

Parts = dict[str, Any]


def graph(session: Session, values: tuple[Any, ...], parts: Parts) -> None:
    """Show the recorded graph of the values, or draw it into the file that `to` names.

    `at` opens the part behind one node, by its number in the drawing, its name or a variable, and
    `depth` cuts what is further away. Raises TypeError for what is no tensor, RuntimeError for a
    tensor without a history, ValueError where `at` or `depth` mean nothing, and for a file what
    `gradsh.session.pictures.draw` raises.
    """
    tensors = list(_tensors("graph", values, parts["text"]))
    names = names_of(session)
    limit: int | None = PICTURE
    if "to" not in parts:
        limit = None if isinstance(session.output, JsonOutput) else LINES
    if parts.keys() & {"at", "depth"}:
        whole = Recording(tensors)
        depth = parts.get("depth")
        if depth is not None and (type(depth) is not int or depth < 0):
            raise ValueError(f"depth is a number of edges, not {value_text(depth)}")
        roots = _opened(whole, names, parts["at"]) if "at" in parts else whole.roots
        recording = whole.part(roots, limit, depth)
    else:
        recording = Recording(tensors, limit)
    view = GraphView(recording, names)
    if "to" in parts:
        from gradsh.session.pictures import draw

        draw(view, parts["to"])
    else:
        session.output.show(view)


def _opened(whole: Recording, names: Names, place: Any) -> list[Edge]:
    """The nodes that `graph ... at` names, outermost first. ValueError if there is none."""
    node = None
    if isinstance(place, Tensor) and place.node is not None:
        node = place.node.owner if isinstance(place.node, Output) else place.node
    found = [
        Edge(None, vertex.node, vertex.result, vertex.results)
        for vertex in whole.vertices.values()
        if vertex.node is node
        or (type(place) is int and vertex.number == place)
        or (isinstance(place, str) and place in (vertex.node.name, names.all(vertex.node)))
    ]
    if found:
        return outermost(found)
    told = "like this tensor" if isinstance(place, Tensor) else value_text(place)
    error = ValueError(f"the graph has no node {told}")
    error.add_note("a node goes by its number in the drawing, by a variable, or by its name")
    raise error


def explain(session: Session, value: Any, parts: Parts) -> None:
    """Tell the backward pass of a tensor, to all its leaves or to those after `over`.

    With `step` every step is told; in the shell the user goes through them key by key. Nothing is
    freed, and no `.grad` changes. Raises TypeError and RuntimeError as `graph`, and what a
    backward pass raises.
    """
    (text,) = parts["text"]
    tensor = traced("explain", value, text)
    if tensor.array.size != 1 or tensor.array.dtype.kind == "c":
        raise _no_scalar(f"explain sum({text})")
    ((root, cotangent),) = root_cotangents([tensor], [None], create_graph=False)
    wanted: list[Node] | None = None
    if "over" in parts:
        sources = zip(parts["over"], parts["over_text"], strict=True)
        wanted = [_place(traced("explain ... over", each, name)) for each, name in sources]
    limit = None if "step" in parts or isinstance(session.output, JsonOutput) else STEPS
    told = Explanation(text, steps(root, cotangent, wanted), names_of(session), limit)
    reached = {step.node for step in told.ends}
    for node, name in zip(wanted or (), parts.get("over_text", ()), strict=True):
        if node not in reached:
            error = RuntimeError(f"{text} does not depend on {name}")
            error.add_note(f"`graph {text}` shows what it was computed from")
            raise error
    if not told.has_hooks:  # they would be called a second time
        walked = walk([(root, cotangent)], keep_saved=True, record=False, wanted=wanted)
        arrived = dict(walked.arrived)
        for step in told.ends:
            told.differences[step.node] = _difference(step.gradient, arrived.get(step.node))
    walker = session.output.walker
    if "step" in parts and walker is not None:
        listed = pages(told)
        session.output.write(listed[walker(listed)] + "\n")
    else:
        session.output.show(told)


def check(session: Session, function: Callable[[], Any], parts: Parts) -> None:
    """Compare the gradient of an expression with central differences, in double precision.

    The expression is evaluated again for every entry. Raises TypeError and RuntimeError as
    `graph`, RuntimeError for what is no scalar or does not depend on the tensors.
    """
    (text,) = parts["text"]
    names: tuple[str, ...] = parts["over_text"]
    sources: tuple[Any, ...] = parts["over"]
    for source, name in zip(sources, names, strict=True):
        _refuse_source(source, name)
    evaluation = Evaluation(function)
    before = evaluation.tensor()
    if not isinstance(before, Tensor):
        raise TypeError(f"check takes a tensor, and {text} is of the type {type_name(before)}")
    if before.array.size != 1 or before.array.dtype.kind == "c":
        raise _no_scalar(f"check sum({text}) over {', '.join(names)}")
    recorded = gradients(before, sources)
    others = [tensor for _, tensor in _named_tensors(session.variables)]
    with in_double(sources, others):
        output = evaluation.tensor()
        found = gradients(output, sources)
        for name, gradient in zip(names, found, strict=True):
            if gradient is None:
                error = RuntimeError(f"{text} does not depend on {name}")
                error.add_note(
                    "what is checked is evaluated again for each entry: write the whole "
                    "expression, not a name for its value"
                    if name.isidentifier()
                    else f"{name} is a new tensor each time: check over a variable"
                )
                raise error
        precision = output.dtype.finfo.eps
        total = sum(source.array.size for source in sources)
        with session.output.progress("check", total) as progress:
            entries = compare(evaluation, sources, found, precision, progress.update)
    notes = [
        f"part of what leads to {name} was computed before, and is held constant here"
        for name, old, new in zip(names, recorded, found, strict=True)
        if old is not None and not np.allclose(old, new, 1e-2, 1e-4, equal_nan=True)
    ]
    session.output.show(Comparison(text, names, entries, notes))


def _refuse_source(source: Any, name: str) -> None:
    if not isinstance(source, Tensor):
        error = TypeError(
            f"check ... over takes tensors, and {name} is of the type {type_name(source)}"
        )
        error.add_note(f"write `{name} = tensor({name})` before")
        raise error
    if not is_inexact(source.array.dtype):
        error = TypeError(f"{name} is {source.dtype}: only floating elements have a gradient")
        error.add_note(f"write `{name} = {name}.float()` before")
        raise error


def _no_scalar(instead: str) -> RuntimeError:
    error = RuntimeError("grad can be implicitly created only for scalar outputs")
    error.add_note(f"it takes one real number: `{instead}`")
    return error


def _place(tensor: Tensor) -> Node:
    assert tensor.node is not None
    return tensor.node.shown


def _difference(told: Any, given: Any) -> float:
    """How far two gradients are apart; places where both are nan, or the same infinity, agree."""
    if given is None:
        return inf
    apart = np.where(
        (told == given) | (np.isnan(told) & np.isnan(given)), 0, np.abs(np.subtract(told, given))
    )
    return float(apart.max(initial=0))


def _tensors(command: str, values: Iterable[Any], texts: Iterable[str]) -> Iterator[Tensor]:
    for value, text in zip(values, texts, strict=True):
        recorded: list[Tensor] = []
        if isinstance(value, (tuple, list)):
            recorded = [x for x in value if isinstance(x, Tensor) and x.node is not None]
        yield from recorded or [traced(command, value, text)]


def traced(command: str, value: Any, text: str) -> Tensor:
    """`value`, if it is a tensor with a history; `text` is how the user wrote it."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{command} takes a tensor, and {text} is of the type {type_name(value)}")
    if value.node is None:
        error = RuntimeError(f"{text} does not require grad and does not have a grad_fn")
        error.add_note(
            "nothing it was computed from requires grad: make a leaf with `x = ... grad`, "
            "outside `nograd`, and compute it again"
        )
        raise error
    return value


def names_of(session: Session) -> Names:
    """The session's names for the nodes of its tensors: `x`, `pair[0]`, `x.grad`.

    Several names of one node are joined; those of results of several have the result's number.
    """
    found: dict[tuple[Node, int | None], list[str]] = {}
    for name, tensor in _named_tensors(session.variables):
        node = None if tensor.node is None else tensor.node.single
        if node is None:
            continue
        key = (node.owner, node.index) if isinstance(node, Output) else (node, None)
        names = found.setdefault(key, [])
        if name not in names:
            names.append(name)
    return Names({key: ", ".join(names) for key, names in found.items()}, _recorded)


def _recorded(node: Node) -> tuple[str | None, dict[str, Any] | None]:
    """The variable that was bound to a node's result when it was recorded, and where that was."""
    from gradsh.session.error_data import related_fields
    from gradsh.session.related import spot_of_witness

    spot = spot_of_witness(Witness(MADE, node.place, node))
    if spot is None:
        return None, None
    place = related_fields(spot.related(""))
    del place["what"]
    return None if node.is_leaf else spot.name, place


def _named_tensors(variables: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    for name, value in variables.items():
        if isinstance(value, Tensor):
            yield name, value
            if value.box is not None and value.box.value is not None:
                yield f"{name}.grad", value.box.value
        elif isinstance(value, (tuple, list)):
            fields = field_names(value) if isinstance(value, tuple) else None
            for index, item in enumerate(value):
                if isinstance(item, Tensor):
                    yield f"{name}[{index}]" if fields is None else f"{name}.{fields[index]}", item
