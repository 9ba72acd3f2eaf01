"""Pages on functions: how one is called, what it computes, and how it is differentiated."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from textwrap import fill
from typing import Any
from warnings import catch_warnings, simplefilter

from gradsh.display.pages import Page
from gradsh.engine import FUNCTIONS, METHODS, OPS, Op, Tensor
from gradsh.engine.graph import Node, Output
from gradsh.engine.modes import set_grad_enabled
from gradsh.engine.random import default_generator
from gradsh.engine.reference import alias_of, paragraphs, signature
from gradsh.engine.symbols import Derivative, derivative
from gradsh.session import output

WIDTH = 78
_MOST_EXAMPLES = 6
_HEAD = 10


class _Differentiated:
    """What is known of a function's derivative.

    `nodes` are the names of its own nodes, `formulas` the derivatives by operand, `notes` tells of
    the calls in them that are no functions of the language, and `parts` are the other operations
    that the function is made of.
    """

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.formulas: dict[str, Derivative] = {}
        self.notes: dict[str, str] = {}
        self.parts: list[str] = []

    def add(self, name: str, node: Node) -> None:
        """A node in the graph of a call of function `name`."""
        op = node.op
        if not isinstance(op, Op):
            return
        if op.name in FUNCTIONS and op.name != name:
            if op.name not in self.parts:
                self.parts.append(op.name)
            return
        if node.name not in self.nodes:
            self.nodes.append(node.name)
        for operand in op.formulas:
            if operand not in self.formulas:
                said = self.formulas[operand] = derivative(OPS[op.name], operand)
                self.notes |= said.notes


def function_page(name: str, function: Callable[..., Any]) -> Page:
    """The page on a built-in function."""
    words, code = paragraphs(function)
    call = signature(name, function)
    forms = [f"x.{form}(...)" for form in (name, f"{name}_") if form in METHODS]
    known = _Differentiated()
    if name in FUNCTIONS:
        for node in _nodes(name, code):
            known.add(name, node)
    alias = alias_of(name) if name in FUNCTIONS else None
    facts = [*_facts(forms, alias, known)]
    blocks = [fill(paragraph, WIDTH) for paragraph in words]
    if facts:
        blocks.append("\n".join(facts))
    if known.formulas:
        lines = ["In a gradient, g is what arrives at the result, and out the result."]
        lines += [_wrapped(f"{call_of}: {note}", 2) for call_of, note in known.notes.items()]
        blocks.append("\n".join(lines))
    if code:
        blocks.append("\n".join(f"    {line}" for line in code[:_MOST_EXAMPLES]))
    data = {
        "name": name,
        "signature": call,
        "text": "\n".join(words),
        "forms": forms,
        "grad_fn": known.nodes,
        "gradients": {operand: said.text for operand, said in known.formulas.items()},
        "notes": known.notes,
        "made_of": known.parts,
        "examples": code,
    }
    return Page(_wrapped(call, 4), "\n\n".join(blocks), data)


def _facts(forms: list[str], alias: str | None, known: _Differentiated) -> Iterator[str]:
    """Lines that begin with a head: other ways to call it, its nodes, its derivatives."""
    for head, names in (
        ("also", forms),
        ("same as", [alias] if alias else []),
        ("grad_fn", known.nodes),
    ):
        if names:
            yield _wrapped(f"{head:{_HEAD}}{', '.join(names)}", _HEAD)
    head = "gradient"
    for operand, said in known.formulas.items():
        if len(said.cases) == 1:
            yield _wrapped(f"{head:{_HEAD}}of {operand}: {said.text}", _HEAD + 4)
        else:
            yield f"{head:{_HEAD}}of {operand}:"
            for case in said.cases:
                condition = "otherwise" if case.condition is None else f"if {case.condition}"
                yield _wrapped(f"{'':{_HEAD + 2}}{condition}: {case.text}", _HEAD + 4)
        head = ""
    if known.parts:
        yield _wrapped(f"{'made of':{_HEAD}}{', '.join(known.parts)}", _HEAD)


def _wrapped(text: str, indent: int) -> str:
    """A text in lines of which the later ones are moved along; formulas break at blanks only."""
    return fill(
        text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


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
        with set_grad_enabled(True), catch_warnings():
            simplefilter("ignore")
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
