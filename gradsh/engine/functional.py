"""Derivatives of functions, as in `torch.autograd.functional`.

A function takes one tensor or several and gives one or a tuple. Results have the structure of
inputs and outputs: a tensor where one tensor was given, a tuple for a tuple. The inputs stand for
new tensors while the function runs, so what it captures from outside counts as a constant.
Unless `create_graph` the results have no history. With `strict` an output or a derivative that
does not depend on an input is an error instead of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradsh.engine.backward import as_tensor, grad, walk
from gradsh.engine.forward import linearised
from gradsh.engine.graph import Node
from gradsh.engine.leaf import detach, finished, requires_grad_
from gradsh.engine.modes import enable_grad, is_grad_enabled, set_grad_enabled
from gradsh.engine.ops.creation import literal
from gradsh.engine.ops.shape import squeeze, stack, view
from gradsh.engine.strictness import (
    GRADIENT,
    HESSIAN,
    HESSIAN_CONSTANT,
    JACOBIAN,
    JACOBIAN_CONSTANT,
    WEIGHTS,
    Complaints,
    check_dependence,
    check_filled,
    check_gradients,
    check_outputs,
    check_rows,
)
from gradsh.engine.tensor import Tensor, new_tensor

Function = Callable[..., Any]
Tensors = tuple[Tensor, ...]


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of func at inputs, and v times its Jacobian there.

    `v` has the structure and shapes of the outputs, and may be absent for one output of one
    element; the second result those of the inputs.

    vjp(x -> x^2, tensor([1., 2.]), tensor([1., 10.]))
    vjp((x, y) -> sum(x * y), (tensor([1., 2.]), tensor([3., 4.])))
    """
    with enable_grad():
        many_in, sources = _inputs(inputs, "vjp")
        sources = _fresh(sources, create_graph)
        many_out, outputs = _outputs(func, sources, "vjp", strict)
        if v is not None:
            v = _vector(v, outputs, many_out, "vjp", create_graph)
        elif len(outputs) != 1 or outputs[0].array.size != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single "
                "Tensor with a single element."
            )
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _grad(outputs, sources, v, create_graph)
        products = _filled(found, sources, create_graph, JACOBIAN if strict else None)
    return (
        _packed(_finished(outputs, create_graph), many_out),
        _packed(_finished(products, create_graph), many_in),
    )


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of func at inputs, and its Jacobian there times v.

    `v` has the structure and shapes of the inputs, and may be absent for one input of one element;
    the second result those of the outputs. It is computed in forward mode, beside the function's
    own values; with `create_graph` or `strict` by differentiating vjp, which is linear, once more.

    jvp(x -> x^2, tensor([1., 2.]), tensor([1., 10.]))
    jvp((x, y) -> (x * y, x + y), (tensor([1., 2.]), tensor([3., 4.])), (ones(2), zeros(2)))
    """
    with enable_grad():
        many_in, sources = _inputs(inputs, "jvp")
        sources = _fresh(sources, create_graph)
        v = _direction(v, sources, many_in, "jvp", create_graph, "the user-provided function")
        many_out, outputs = _outputs(func, sources, "jvp", strict)
        if not create_graph and not strict:
            return (
                _packed(_finished(outputs, False), many_out),
                _packed(_pushed(outputs, sources, v), many_out),
            )
        weights = _zero_leaves(outputs)
        pulled = _grad(outputs, sources, weights, True)
        if strict:
            check_gradients(pulled)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _grad(pulled, weights, v, create_graph)
        products = _filled(found, outputs, create_graph, WEIGHTS if strict else None)
    return (
        _packed(_finished(outputs, create_graph), many_out),
        _packed(_finished(products, create_graph), many_out),
    )


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of func at inputs: of each output with respect to each input.

    It has the shape of the output followed by the input's. For a tuple of inputs, of outputs or of
    both the result is a tuple for each output of a tuple for each input. With the strategy
    "forward-mode" it is computed column by column, which is faster for few inputs. `vectorize`
    changes nothing but what it forbids, `strict`.

    jacobian(x -> x^2, tensor([1., 2.]))
    jacobian((x, y) -> x * y, (tensor([1., 2.]), tensor([3., 4.])))
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ValueError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        return _forward_jacobian(func, inputs, create_graph, strict)
    with enable_grad():
        many_in, sources = _inputs(inputs, "jacobian")
        sources = _fresh(sources, create_graph)
        many_out, outputs = _outputs(func, sources, "jacobian", strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
                "supported together. Please either set `strict=False` or `vectorize=False`."
            )
        rows = [
            _rows(index, output, sources, create_graph, strict)
            for index, output in enumerate(outputs)
        ]
    return _packed_twice(rows, many_out, many_in)


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of func, which gives one element, at inputs.

    For one input it has that input's shape twice. For a tuple of inputs the result is a tuple of
    tuples, its entry `[i][j]` the derivatives with respect to inputs i and j.

    hessian(x -> sum(x^3), tensor([1., 2.]))
    hessian((x, y) -> sum(x^2 * y), (tensor([1., 2.]), tensor([3., 4.])))
    """
    many_in, sources = _inputs(inputs, "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise ValueError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def scalar(*values: Tensor) -> Tensor:
        output = _single(func(*values), "hessian", strict)
        result: Tensor = squeeze(output)
        return result

    def gradient(*values: Tensor) -> Tensors:
        if outer_jacobian_strategy == "forward-mode":
            values = tuple([requires_grad_(value) for value in values])
        found: Tensors = jacobian(scalar, values, create_graph=True)
        if strict:
            check_dependence(found, JACOBIAN_CONSTANT)
        return found

    found = jacobian(gradient, sources, create_graph, strict, vectorize, outer_jacobian_strategy)
    if many_in:
        return found
    return found[0][0]


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of func at inputs, and v times its Hessian there.

    `v`, and the second result, have the structure and shapes of the inputs.

    vhp(x -> sum(x^3), tensor([1., 2.]), tensor([1., 0.]))
    """
    with enable_grad():
        many_in, sources, v, output = _scalar_case(func, inputs, v, create_graph, strict, "vhp")
        gradient = _grad((output,), sources, None, True)
        if strict:
            check_dependence(gradient, JACOBIAN_CONSTANT)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _grad(gradient, sources, v, create_graph)
        products = _filled(found, sources, create_graph, GRADIENT if strict else None)
    return (
        _finished((output,), create_graph)[0],
        _packed(_finished(products, create_graph), many_in),
    )


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of func at inputs, and its Hessian there times v.

    `v`, and the second result, have the structure and shapes of the inputs. Where the Hessian is
    symmetric `vhp` gives the same, faster.

    hvp(x -> sum(x^3), tensor([1., 2.]), tensor([1., 0.]))
    """
    with enable_grad():
        many_in, sources, v, output = _scalar_case(func, inputs, v, create_graph, strict, "hvp")
        gradient = _grad((output,), sources, None, True)
        if strict:
            check_dependence(gradient, JACOBIAN_CONSTANT)
        weights = _zero_leaves(sources)
        pulled = _grad(gradient, sources, weights, True)
        if strict:
            check_dependence(gradient, HESSIAN_CONSTANT)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _grad(pulled, weights, v, create_graph)
        products = _filled(found, sources, create_graph, HESSIAN if strict else None)
    return (
        _finished((output,), create_graph)[0],
        _packed(_finished(products, create_graph), many_in),
    )


# ------------------------------------------------------------------------ what goes in and out


def _inputs(inputs: Any, name: str) -> tuple[bool, Tensors]:
    """Whether the inputs are a tuple, and the tuple."""
    return _tensors(inputs, "inputs", name)


def _tensors(values: Any, what: str, name: str) -> tuple[bool, Tensors]:
    if isinstance(values, list) and not any(isinstance(value, Tensor) for value in values):
        values = literal(values)  # a bracket list of numbers is a tensor
    many = isinstance(values, tuple)
    found = values if many else (values,)
    for index, value in enumerate(found):
        if not isinstance(value, Tensor):
            place = f"value at index {index}" if many else f"given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but "
                f"the {place} has type {type(value)}."
            )
    return many, found


def _fresh(inputs: Tensors, create_graph: bool) -> Tensors:
    """New tensors that stand for the inputs: with their history if the graph is wanted."""
    return tuple(
        [
            view(value, value.array.shape)
            if create_graph and value.node is not None
            else requires_grad_(detach(value))
            for value in inputs
        ]
    )


def _outputs(func: Function, sources: Tensors, name: str, strict: bool) -> tuple[bool, Tensors]:
    many, outputs = _tensors(func(*sources), "outputs of the user-provided function", name)
    if strict:
        check_outputs(outputs)
    return many, outputs


def _single(result: Any, name: str, strict: bool) -> Tensor:
    """The one element that a function to be differentiated twice must give."""
    many, outputs = _tensors(result, "outputs of the user-provided function", name)
    if strict:
        check_outputs(outputs)
    if many:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].array.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return outputs[0]


def _scalar_case(
    func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[bool, Tensors, Tensors | None, Tensor]:
    """Inputs, vector and output of vhp and hvp."""
    many, sources = _inputs(inputs, name)
    sources = _fresh(sources, create_graph)
    vector = _direction(v, sources, many, name, create_graph, "the user-provided function")
    return many, sources, vector, _single(func(*sources), name, strict)


def _direction(
    v: Any, sources: Tensors, many: bool, name: str, create_graph: bool, function: str
) -> Tensors | None:
    """The vector that goes with the inputs; it may be absent for one element."""
    if v is not None:
        return _vector(v, sources, many, name, create_graph)
    if len(sources) != 1 or sources[0].array.size != 1:
        raise RuntimeError(
            f"The vector v can only be None if the input to {function} is a single Tensor with a "
            "single element."
        )
    return None


def _vector(v: Any, others: Tensors, many: bool, name: str, create_graph: bool) -> Tensors:
    """`v` as a tuple, checked against the tensors whose shapes it must have."""
    _, vector = _tensors(v, "v", name)
    if len(vector) != len(others):
        if many:
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(others)} but got {len(vector)}."
            )
        raise RuntimeError("The given v should contain a single Tensor.")
    for index, (part, other) in enumerate(zip(vector, others, strict=True)):
        if part.array.shape != other.array.shape:
            place = f"Entry {index} in " if many else ""
            raise RuntimeError(
                f"{place}v has invalid size: should be {other.shape} but got {part.shape}."
            )
    return tuple(
        [
            view(part, part.array.shape) if create_graph and part.node is not None else detach(part)
            for part in vector
        ]
    )


def _zero_leaves(tensors: Tensors) -> Tensors:
    return tuple([finished(np.zeros_like(tensor.array), True) for tensor in tensors])


def _finished(tensors: Tensors, create_graph: bool) -> Tensors:
    return tensors if create_graph else tuple([detach(tensor) for tensor in tensors])


def _packed(tensors: Tensors, many: bool) -> Any:
    return tensors if many else tensors[0]


def _packed_twice(rows: Sequence[Tensors], many_out: bool, many_in: bool) -> Any:
    packed = tuple([_packed(row, many_in) for row in rows])
    return packed if many_out else packed[0]


# -------------------------------------------------------------------------------- gradients


def _grad(
    outputs: Sequence[Tensor | None],
    inputs: Tensors,
    weights: Sequence[Tensor] | None,
    create_graph: bool,
) -> tuple[Tensor | None, ...]:
    """The gradients of those outputs that have a history; none where there are none."""
    given = [None] * len(outputs) if weights is None else weights
    pairs = [
        (output, weight)
        for output, weight in zip(outputs, given, strict=True)
        if output is not None and output.node is not None
    ]
    if not pairs:
        return (None,) * len(inputs)
    kept, kept_weights = zip(*pairs, strict=True)
    return grad(kept, inputs, kept_weights, create_graph=create_graph, allow_unused=True)


def _rows(
    index: int, output: Tensor, sources: Tensors, create_graph: bool, strict: bool
) -> Tensors:
    """The Jacobian of one output with respect to each input, one backward pass an element."""
    nodes = [_node_of(source) for source in sources]
    found = [_pulled(output, place, nodes, create_graph) for place in range(output.array.size)]
    matrices = []
    for position, (source, node) in enumerate(zip(sources, nodes, strict=True)):
        if strict:
            check_rows([row.get(node) for row in found], index, position, create_graph)
        shape = output.array.shape + source.array.shape
        if create_graph:
            column = [row.get(node) for row in found]
            filled = [new_tensor(np.zeros_like(source.array)) if c is None else c for c in column]
            matrices.append(view(stack(filled), shape))
            continue
        if not found:
            stack([])  # which PyTorch, and so this, refuses
        values = np.zeros((len(found), *source.array.shape), source.array.dtype)
        for place, row in enumerate(found):
            if node in row:
                values[place] = row[node]
        matrices.append(new_tensor(values.reshape(shape)))
    return tuple(matrices)


def _node_of(tensor: Tensor) -> Node:
    assert tensor.node is not None
    return tensor.node


def _pulled(
    output: Tensor, place: int, nodes: Sequence[Node], create_graph: bool
) -> dict[Node, Any]:
    """The cotangents of `nodes` for a one at one element of the output."""
    if output.node is None:
        return {}
    weight = np.zeros(output.array.shape, output.array.dtype)
    weight.reshape(-1)[place] = 1
    root = new_tensor(weight) if create_graph else weight
    walked = walk([(output.node, root)], keep_saved=True, record=create_graph, wanted=nodes)
    return dict(walked.arrived)


def _filled(
    gradients: Sequence[Tensor | None],
    references: Tensors,
    create_graph: bool,
    complaints: Complaints | None,
) -> Tensors:
    """The gradients with zeros for those that are absent, which in strict mode is an error."""
    filled = []
    for index, (gradient, reference) in enumerate(zip(gradients, references, strict=True)):
        if complaints is not None:
            check_filled(gradient, index, create_graph, complaints)
        filled.append(as_tensor(np.zeros_like(reference.array)) if gradient is None else gradient)
    return tuple(filled)


def _pushed(outputs: Tensors, sources: Tensors, v: Tensors | None) -> Tensors:
    """The outputs' tangents for the vector v (None: a one), in forward mode."""
    directions = [np.ones_like(sources[0].array)] if v is None else [part.array for part in v]
    moved = linearised(outputs, [_node_of(source) for source in sources])(directions)
    return tuple(
        [
            as_tensor(np.zeros_like(output.array) if tangent is None else tangent)
            for output, tangent in zip(outputs, moved, strict=True)
        ]
    )


def _forward_jacobian(func: Function, inputs: Any, create_graph: bool, strict: bool) -> Any:
    """The Jacobian column by column, a tangent for each element of the inputs."""
    for given, option in ((create_graph, "create_graph"), (strict, "strict")):
        if given:
            kind = NotImplementedError if create_graph else RuntimeError
            raise kind(
                f"torch.autograd.functional.jacobian: `{option}=True` and "
                '`strategy="forward-mode"` are not supported together (yet). Please either set '
                f'`{option}=False` or `strategy="reverse-mode"`.'
            )
    with enable_grad():
        many_in, sources = _inputs(inputs, "jacobian")
        sources = _fresh(sources, create_graph=False)
        many_out, outputs = _outputs(func, sources, "jacobian", strict=False)
        push = linearised(outputs, [_node_of(source) for source in sources])
    rows: list[list[Tensor]] = [[] for _ in outputs]
    for position, source in enumerate(sources):
        array = source.array
        columns = []
        for place in range(array.size):
            tangents: list[Any] = [None] * len(sources)
            tangents[position] = np.zeros(array.shape, array.dtype)
            tangents[position].reshape(-1)[place] = 1
            columns.append(push(tangents))
        for index, (row, output) in enumerate(zip(rows, outputs, strict=True)):
            values = np.zeros((*output.array.shape, array.size), output.array.dtype)
            for place, column in enumerate(columns):
                if column[index] is not None:
                    values[..., place] = column[index]
            row.append(new_tensor(values.reshape(output.array.shape + array.shape)))
    return _packed_twice([tuple(row) for row in rows], many_out, many_in)
