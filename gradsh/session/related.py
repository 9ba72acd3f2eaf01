"""What an error report shows besides the place: other places, and shapes one above the other."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final

from gradsh.display.shapes import broadcast_lines, product_lines
from gradsh.display.summaries import shape_text
from gradsh.engine.evidence import CHANGED, FREED, LEAF, MADE, SAVED, Witness, evidence_of
from gradsh.engine.tensor import Tensor
from gradsh.language.origins import Spot, Statement, operands_of, parsed, shown_value, spot_of
from gradsh.language.units import written_in
from gradsh.session.scopes import Scope, scope_of, trace_of
from gradsh.session.variables import gradient_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradsh.language import Diagnostic, Unit

_MAY_SHOW_MORE: Final = (RuntimeError, AttributeError, TypeError)
_MOST_CUTS: Final = 3
_LONGEST_LABEL: Final = 24
_PRODUCTS: Final = (
    re.compile(r"mat1 and mat2 shapes cannot be multiplied \(([\dx]+) and ([\dx]+)\)"),
    re.compile(r"size mismatch, got input \(\d+\), mat \(([\dx]+)\), vec \((\d+)\)"),
    re.compile(r"inconsistent tensor size, expected tensor \[(\d+)\] and src \[(\d+)\]"),
)
_BATCHES: Final = re.compile(r"Expected size for first two dimensions of batch2 tensor to be")


def add_related(diagnostic: Diagnostic, error: BaseException, recent: Sequence[Unit] = ()) -> None:
    """Add to a report the places and the shapes that its error is about.

    `recent` are the statements that ran before, for a question that only the program answers.
    """
    evidence = evidence_of(error)
    if not evidence.tensors and not evidence.shapes and not isinstance(error, _MAY_SHOW_MORE):
        return
    scope = scope_of(error.__traceback__)
    if "'NoneType'" in diagnostic.message:
        _add_missing_gradient(diagnostic, scope)
        return
    if evidence.tensors and not evidence.witnesses:
        _add_cuts(diagnostic, evidence.tensors[0], scope, recent)
        return
    told = [(witness, spot_of_witness(witness)) for witness in evidence.witnesses]
    changed = next((s.name for w, s in told if w.role == CHANGED and s is not None), None)
    for witness, spot in told:
        if spot is not None:
            words = _words(witness, scope, evidence.tensors, changed or spot.name)
            diagnostic.related.append(spot.related(words))
    shapes: Sequence[Sequence[int]] = evidence.shapes
    if len(shapes) == 2:
        labels = _labels(diagnostic, scope, shapes)
        diagnostic.details += broadcast_lines(labels, shapes)
        return
    shapes = _factors(diagnostic, scope)
    if len(shapes) == 2:
        labels = _labels(diagnostic, scope, shapes)
        diagnostic.details += product_lines(labels, *shapes)


def _add_cuts(diagnostic: Diagnostic, tensor: Tensor, scope: Scope, recent: Sequence[Unit]) -> None:
    """Why a tensor in question has no history."""
    from gradsh.session.cuts import Definition, Search

    search = Search(scope.values, recent, function_text(scope))
    part, text = operation_at(diagnostic)
    name = scope.name_of(tensor)
    if name is None:
        inputs = diagnostic.message.startswith("One of the differentiated")
        expression = None if part is None else _in_question(part, inputs)
        if expression is None:
            return
        place = diagnostic.source, diagnostic.line, diagnostic.column - 1
        here = Statement(*place, text, diagnostic.source_line)
        cuts = search.cuts(expression, Definition(here, expression, recorded=True, blocks={}))
    else:
        cuts = search.of_name(name, diagnostic.line)
    diagnostic.related += [cut.spot.related(cut.words) for cut in cuts[:_MOST_CUTS]]
    if any(cut.certain for cut in cuts):
        diagnostic.hint = "compute it again without what cuts its history"


def function_text(scope: Scope) -> Statement | None:
    """The text of the function, or the block, that runs where a scope is."""
    written = None if scope.code is None else written_in(scope.code)
    if written is None:
        return None
    source, line, text = written
    return Statement(source, line, 0, text, text)


def _in_question(part: ast.AST, inputs: bool) -> ast.expr | None:
    """The output of `backward E`, `E.backward()` or `grad(E, x)`, or the input of the last."""
    operands = operands_of(part) if isinstance(part, ast.Call) else []
    return operands[inputs] if len(operands) > inputs else None


def _add_missing_gradient(diagnostic: Diagnostic, scope: Scope) -> None:
    """Why a gradient that an expression asks for is none."""
    part, _ = operation_at(diagnostic)
    for each in () if part is None else ast.walk(part):
        if not isinstance(each, ast.Attribute) or each.attr != ".grad":
            continue
        name = each.value.id if isinstance(each.value, ast.Name) else ""
        tensor = scope.values.get(name)
        if not isinstance(tensor, Tensor) or gradient_of(tensor) is not None:
            continue
        node = tensor.node
        if node is None:
            diagnostic.hint = f"`{name}` does not require grad, so it has no gradient"
        elif node.is_leaf:
            diagnostic.hint = f"`{name}.grad` is none yet; `why {name}.grad` tells more"
        else:
            diagnostic.hint = (
                f"`{name}` is no leaf, and only leaves keep a gradient: write "
                f"`{name}.retain_grad()` before the backward pass"
            )
            spot = spot_of_witness(Witness(MADE, node.place, node))
            if spot is not None:
                diagnostic.related.append(spot.related(f"`{name}` was made in {{line}}"))
        return


def spot_of_witness(witness: Witness) -> Spot | None:
    """The place of a witness, as close as its operation tells."""
    node = witness.node
    return spot_of(witness.place, None if node is None or node.is_leaf else trace_of(node))


def _words(witness: Witness, scope: Scope, tensors: Sequence[Tensor], assigned: str | None) -> str:
    """What a witness has to do with the error; `{line}` stands for its place."""
    first = tensors[0] if tensors else None
    name = None if first is None else scope.name_of_memory(first)
    if witness.role == CHANGED or (witness.role == SAVED and first is not None):
        name = name or assigned
    if witness.role == SAVED:
        return f"{_quoted(name) or 'a value'} was kept for a derivative in {{line}}"
    if witness.role == CHANGED:
        return f"{_quoted(name) or 'it'} was changed in {{line}}"
    if witness.role == FREED:
        return "a backward pass used and freed it in {line}"
    if witness.node is not None and (first is None or first.node is not witness.node):
        name = scope.name_of_node(witness.node)
    name = name or assigned
    if witness.role == LEAF:
        return f"{_quoted(name) or 'the leaf'} began to require grad in {{line}}"
    assert witness.role == MADE
    shape = ""
    if len(tensors) == 1:
        shape = f", of shape {shape_text(tensors[0].array.shape)},"
    return f"{_quoted(name) or 'it'}{shape} was made in {{line}}"


def _quoted(name: str | None) -> str | None:
    return None if name is None else f"`{name}`"


def operation_at(diagnostic: Diagnostic) -> tuple[ast.AST | None, str]:
    """The tree and the text of the operation that a report points at, if it is in one line."""
    text = diagnostic.source_line[diagnostic.column - 1 : diagnostic.end - 1]
    trees = parsed(text)
    if trees and isinstance(trees[0], ast.AugAssign):
        return trees[0], text
    return shown_value(trees), text


def _labels(
    diagnostic: Diagnostic, scope: Scope, shapes: Sequence[Sequence[int]]
) -> tuple[str, str]:
    """What the operands are called in the program, or `a` and `b` as in PyTorch's message."""
    part, text = operation_at(diagnostic)
    operands = [] if part is None else operands_of(part)
    if len(operands) == 2:
        labels = [text[x.col_offset : x.end_col_offset] for x in operands]
        known = [shape_in(scope, operand) for operand in operands]
        agree = all(
            given is None or tuple(given) == tuple(shape)
            for given, shape in zip(known, shapes, strict=True)
        )
        in_order = isinstance(part, (ast.BinOp, ast.AugAssign)) or None not in known
        short = all(0 < len(label) <= _LONGEST_LABEL for label in labels)
        if agree and in_order and short:
            return labels[0], labels[1]
    return "a", "b"


def shape_in(scope: Scope, expression: ast.expr) -> tuple[int, ...] | None:
    """The shape of a variable, or of one transposed; None for other expressions."""
    if isinstance(expression, ast.Name):
        value: Any = scope.values.get(expression.id)
        return value.array.shape if isinstance(value, Tensor) else None
    if isinstance(expression, ast.Attribute):
        inner = shape_in(scope, expression.value)
        if inner is None or expression.attr == ".data":
            return inner
        if expression.attr == ".T":
            return inner[::-1]
        if expression.attr == ".mT" and len(inner) > 1:
            return (*inner[:-2], inner[-1], inner[-2])
    return None


def _factors(diagnostic: Diagnostic, scope: Scope) -> list[tuple[int, ...]]:
    """The shapes of a matrix product that does not fit; none for other errors."""
    for pattern in _PRODUCTS:
        match = pattern.match(diagnostic.message)
        if match is not None:
            return [tuple(map(int, text.split("x"))) for text in match.groups()]
    if _BATCHES.match(diagnostic.message):
        part, _ = operation_at(diagnostic)
        known = [
            shape_in(scope, operand) for operand in ([] if part is None else operands_of(part))
        ]
        if len(known) == 2 and None not in known:
            return [shape for shape in known if shape is not None]
    return []
