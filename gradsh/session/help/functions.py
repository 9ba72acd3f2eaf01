"""Pages on functions: how one is called, what it computes, and how it is differentiated."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from textwrap import fill
from typing import Any

from gradsh.display.pages import Page
from gradsh.engine import FUNCTIONS, METHODS, OPS, Op, Tensor
from gradsh.engine.graph import Node, Output
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.random import default_generator
from gradsh.engine.reference import alias_of, paragraphs, signature
from gradsh.engine.symbols import derivative
from gradsh.session import output

WIDTH = 78
_MOST_EXAMPLES = 6


def function_page(name: str, function: Callable[..., Any]) -> Page:
    """The page on a built-in function."""
    words, code = paragraphs(function)
    call = signature(name, function)
    forms = [f"x.{form}(...)" for form in (name, f"{name}_") if form in METHODS]
    nodes, derivatives, notes, parts = _differentiated(name, code)
    blocks = [fill(paragraph, WIDTH) for paragraph in words]
    facts: list[str] = []
    if forms:
        facts.append(f"also      {', '.join(forms)}")
    alias = alias_of(name) if name in FUNCTIONS else None
    if alias:
        facts.append(f"same as   {alias}")
    if nodes:
        facts.append(f"grad_fn   {', '.join(nodes)}")
    for index, (operand, formula) in enumerate(derivatives.items()):
        told = f"{'' if index else 'gradient':8}  of {operand}: {formula}"
        facts.append(fill(told, WIDTH, subsequent_indent=" " * 14, break_long_words=False))
    if parts:
        facts.append(f"made of   {', '.join(parts)}")
    if facts:
        blocks.append("\n".join(facts))
    if derivatives:
        lines = ["In a gradient, g is what arrives at the result, and out the result."]
        for call_of, note in notes.items():
            lines.append(fill(f"{call_of}: {note}", WIDTH, subsequent_indent="  "))
        blocks.append("\n".join(lines))
    if code:
        blocks.append("\n".join(f"    {line}" for line in code[:_MOST_EXAMPLES]))
    data = {
        "name": name,
        "signature": call,
        "text": "\n".join(words),
        "forms": forms,
        "grad_fn": nodes,
        "gradients": derivatives,
        "notes": notes,
        "made_of": parts,
        "examples": code,
    }
    return Page(call, "\n\n".join(blocks), data)


def _differentiated(
    name: str, samples: list[str]
) -> tuple[list[str], dict[str, str], dict[str, str], list[str]]:
    """The names of a function's own nodes, their formulas by operand, and its other operations.

    The third part has the calls in the formulas that are no functions of the language.
    """
    nodes: list[str] = []
    formulas: dict[str, str] = {}
    notes: dict[str, str] = {}
    parts: list[str] = []
    for node in _nodes(name, samples) if name in FUNCTIONS else ():
        op = node.op
        if not isinstance(op, Op):
            continue
        if op.name in FUNCTIONS and op.name != name:
            if op.name not in parts:
                parts.append(op.name)
            continue
        if node.name not in nodes:
            nodes.append(node.name)
        for operand in op.formulas:
            if operand not in formulas:
                said = derivative(OPS[op.name], operand)
                formulas[operand] = said.text
                notes |= said.notes
    return nodes, formulas, notes, parts


def _nodes(name: str, samples: list[str]) -> Iterator[Node]:
    """The nodes that the sample calls of a function make, those of their arguments left out."""
    found: list[Any] = []
    function = FUNCTIONS[name]

    def call(*values: Any, **named: Any) -> Any:
        result = function(*map(_leaf, values), **{key: _leaf(x) for key, x in named.items()})
        found.append(result)
        return result

    _run_apart(name, call, samples)
    seen: set[Node] = set()
    waiting = [tensor.node for result in found for tensor in _tensors(result)]
    while waiting:
        node = waiting.pop(0)
        if node is None or node.is_leaf:
            continue
        owner = node.owner if isinstance(node, Output) else node
        if owner not in seen:
            seen.add(owner)
            yield owner
            waiting += owner.parents


def _run_apart(name: str, call: Callable[..., Any], samples: list[str]) -> None:
    """Run sample calls in a session of their own, in which `name` is `call`.

    What they print goes nowhere, and the random numbers of the user's session stay as they are.
    """
    from gradsh.session.faults import Fault
    from gradsh.session.session import Session

    session = Session(output.TextOutput(None), safe=True)
    session.namespace[name] = call
    state, profile = default_generator.state(), sys.getprofile()
    sys.setprofile(None)  # no anomaly of theirs is the user's
    try:
        with set_grad_enabled(True):
            for sample in samples:
                try:
                    session.run(sample)
                except Fault:
                    continue  # some show what is refused
    finally:
        sys.setprofile(profile)
        default_generator.set_state(state)


def _leaf(value: Any) -> Any:
    if isinstance(value, list):
        return [_leaf(item) for item in value]
    if isinstance(value, Tensor) and value.dtype.is_floating_point:
        return value.detach().clone().requires_grad_()
    return value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
