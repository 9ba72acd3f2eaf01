"""Einstein's summation: products of several tensors written with letters for dimensions.

An equation is read in three steps. Its letters are found for every operand; all operands are
brought to one order of dimensions (first the result's, then those summed over), with length one
where an operand lacks a letter; then they are multiplied from left to right, each time by one
batched product of matrices that sums over the letters no later operand has.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradsh.engine.arguments import operands as read_operands
from gradsh.engine.arguments import type_name
from gradsh.engine.op import composite
from gradsh.engine.ops.arrange import movedim
from gradsh.engine.ops.diagonals import diagonal
from gradsh.engine.ops.linalg import bmm
from gradsh.engine.ops.pointwise import mul
from gradsh.engine.ops.reductions import sum
from gradsh.engine.ops.shape import permute, reshape, unsqueeze, view
from gradsh.engine.tensor import Tensor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The letters that may name a dimension, in the order in which an implicit result has them."""

ELLIPSIS = "..."
Labels = list[str]
"""The names of one operand's dimensions: letters, and ELLIPSIS for those without one."""


@composite(method=False)
def einsum(*args: Any) -> Any:
    """Products of tensors, summed over letters: "ij,jk->ik" is the matrix product.

    A letter names a dimension of the operands before the arrow and of the result after it; what
    the result lacks is summed over, and without an arrow the result has, in alphabetic order,
    the letters that occur once. `...` stands for dimensions without letters. Instead of an
    equation each operand may be followed by a list of numbers for its dimensions.

    einsum("ij,jk->ik", randn(3, 4), randn(4, 2))
    einsum("ij,ij", randn(3, 4), randn(3, 4))
    einsum("ii->i", randn(3, 3))
    einsum("...ij,...jk,k->...i", randn(2, 3, 4), randn(4, 5), randn(5))
    einsum("b i, c i -> b c i", randn(3, 4), randn(2, 4))
    einsum(randn(3, 4), [0, 1], randn(4), [1], [0])
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    if type(args[0]) is Tensor:
        equation, operands = _from_sublists(args)
    else:
        equation, operands = args[0], list(args[1:])
        if not isinstance(equation, str):
            raise TypeError(
                f"einsum(): argument 'equation' (position 1) must be str, not {type_name(equation)}"
            )
        if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
            operands = list(operands[0])
    return _summed(equation, read_operands(operands, "einsum", "tensors", 2))


def _from_sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The equation that operands with lists of numbers stand for, and the operands."""
    terms = [_as_letters(args[place]) for place in range(1, len(args), 2)]
    equation = ",".join(terms)
    if len(args) % 2:
        equation += "->" + _as_letters(args[-1])
    return equation, list(args[: 2 * len(terms) : 2])


def _as_letters(numbers: Any) -> str:
    """A list of numbers (and `...`) as letters of an equation."""
    if hasattr(numbers, "tolist"):
        numbers = numbers.tolist()
    letters = []
    for number in numbers:
        if number is Ellipsis:
            letters.append(ELLIPSIS)
        elif 0 <= number < len(LETTERS):
            letters.append(LETTERS[number])
        else:
            raise ValueError(
                "einsum(): subscript in subscript list is not within the valid range [0, 52)"
            )
    return "".join(letters)


def _read_term(text: str, start: int, what: str) -> Labels:
    """The labels of one term of an equation; `start` is its place in it, `what` its name."""
    labels: Labels = []
    place = 0
    while place < len(text):
        letter = text[place]
        if letter == ".":
            if ELLIPSIS in labels:
                raise RuntimeError(
                    f"einsum(): found '.' for {what} "
                    + (
                        "but an ellipsis (...) was"
                        if what == "output"
                        else "for which an ellipsis was"
                    )
                    + " already found"
                )
            if text[place : place + 3] != ELLIPSIS:
                shown = "ellipsis (...)" if what == "output" else "ellipsis"
                raise RuntimeError(
                    f"einsum(): found '.' for {what} that is not part of any {shown}"
                )
            labels.append(ELLIPSIS)
            place += 3
            continue
        if letter != " ":
            if letter not in LETTERS:
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {start + place} in the equation "
                    "string, subscripts must be in [a-zA-Z]"
                )
            labels.append(letter)
        place += 1
    return labels


def _read_inputs(text: str, count: int) -> list[Labels]:
    """The labels of `count` operands from the part of an equation before the arrow."""
    terms: list[Labels] = []
    start = 0
    for number, term in enumerate(text.split(",")):
        if number == count:
            raise RuntimeError(
                "einsum(): fewer operands were provided than specified in the equation"
            )
        terms.append(_read_term(term, start, f"operand {number}"))
        start += len(term) + 1
    if len(terms) < count:
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    return terms


def _ellipsis_length(terms: list[Labels], operands: list[Any]) -> int:
    """How many dimensions `...` covers at most; RuntimeError where letters do not fit."""
    most = 0
    for number, (labels, tensor) in enumerate(zip(terms, operands, strict=True)):
        ndim = tensor.array.ndim
        letters = len([label for label in labels if label != ELLIPSIS])
        if ELLIPSIS in labels:
            if letters > ndim:
                raise RuntimeError(
                    f"einsum(): the number of subscripts in the equation ({letters}) is more than "
                    f"the number of dimensions ({ndim}) for operand {number}"
                )
            most = max(most, ndim - letters)
        elif letters != ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({letters}) does not match "
                f"the number of dimensions ({ndim}) for operand {number} and no ellipsis was given"
            )
    return most


def _read_output(text: str, start: int, terms: list[Labels]) -> Labels:
    """The labels of the result, from the part of an equation after the arrow."""
    labels = _read_term(text, start, "output")
    given = {label for term in terms for label in term}
    for place, label in enumerate(labels):
        if label == ELLIPSIS:
            continue
        if label in labels[:place]:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
        if label not in given:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any "
                "input operand"
            )
    return labels


class _Order:
    """The common order of dimensions: those of the result, then those that are summed over."""

    def __init__(self, equation: str, operands: list[Any]) -> None:
        inputs, arrow, output = equation.partition("->")
        self.terms = _read_inputs(inputs, len(operands))
        covered = _ellipsis_length(self.terms, operands)
        letters = [label for term in self.terms for label in term if label != ELLIPSIS]
        if arrow:
            kept = _read_output(output, len(inputs) + 2, self.terms)
        else:
            kept = [ELLIPSIS, *(letter for letter in LETTERS if letters.count(letter) == 1)]
        summed = [] if ELLIPSIS in kept else [ELLIPSIS]
        summed += [letter for letter in LETTERS if letter in letters and letter not in kept]
        self.covered = covered
        self.places: dict[str, int] = {}
        """The first dimension of each label."""
        self.results = self._place(kept, 0)
        self.count = position = self._place(summed, self.results)
        self.lengths = [1] * position
        """Of each dimension the length that the operands agree on."""
        self.holders = [0] * position
        """How many operands have more than one element along each dimension."""

    def _place(self, labels: Labels, position: int) -> int:
        """Give each label its place from `position` on; returns where the next would be."""
        for label in labels:
            self.places[label] = position
            position += self.covered if label == ELLIPSIS else 1
        return position

    def aligned(self, tensor: Any, number: int) -> Any:
        """One operand with its dimensions in the common order."""
        labels = self.terms[number]
        order = [-1] * self.count
        unnamed = tensor.array.ndim - len(labels) + 1
        dim = 0
        for label in labels:
            if label == ELLIPSIS:
                end = self.places[label] + self.covered
                for place in range(end - unnamed, end):
                    self._meet(place, tensor.array.shape[dim], label, dim, number)
                    order[place] = dim
                    dim += 1
                continue
            place = self.places[label]
            if order[place] < 0:
                self._meet(place, tensor.array.shape[dim], label, dim, number)
                order[place] = dim
                dim += 1
                continue
            shape, earlier = tensor.array.shape, order[place]
            if shape[dim] != shape[earlier]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {number} but the sizes "
                    f"don't match, {shape[dim]} != {shape[earlier]}"
                )
            tensor = movedim(diagonal(tensor, 0, earlier, dim), -1, earlier)
        for place, source in enumerate(order):
            if source < 0:
                tensor = unsqueeze(tensor, dim)
                order[place] = dim
                dim += 1
        return permute(tensor, tuple(order))

    def _meet(self, place: int, length: int, label: str, dim: int, number: int) -> None:
        """Note one operand's length along a dimension; RuntimeError if it does not broadcast."""
        if length == 1:
            return
        before = self.lengths[place]
        if before not in (1, length):
            if label == ELLIPSIS:
                raise RuntimeError(
                    f"einsum(): dimension {dim} covered by ellipsis in operand {number}has size "
                    f"{length} which does not broadcast with previously seen ellipsis with size "
                    f"{before} for the respective dimension"
                )
            raise RuntimeError(
                f"einsum(): subscript {label} has size {length} for operand {number} which does "
                f"not broadcast with previously seen size {before}"
            )
        self.lengths[place] = length
        self.holders[place] += 1


def _summed(equation: str, operands: list[Any]) -> Any:
    """The value of an equation."""
    order = _Order(equation, operands)
    aligned = [order.aligned(tensor, number) for number, tensor in enumerate(operands)]
    results, count = order.results, order.count
    total = aligned[0]
    if len(aligned) == 1:
        return sum(total, tuple(range(results, count))) if results < count else total
    for tensor in aligned[1:]:
        total = _pair(total, tensor, order)
    return view(total, total.array.shape[:results]) if results < count else total


def _pair(a: Any, b: Any, order: _Order) -> Any:
    """The product of two aligned operands, summed over what no other operand has."""
    both: list[int] = []
    only_a: list[int] = []
    only_b: list[int] = []
    holders = order.holders
    for dim in range(order.results, order.count):
        in_a, in_b = a.array.shape[dim] != 1, b.array.shape[dim] != 1
        if in_a and in_b:
            holders[dim] -= 1
            if holders[dim] == 1:
                both.append(dim)
                holders[dim] = 0
        elif holders[dim] == 1 and (in_a or in_b):
            (only_a if in_a else only_b).append(dim)
            holders[dim] = 0
    if only_a:
        a = sum(a, tuple(only_a), True)
    if only_b:
        b = sum(b, tuple(only_b), True)
    return _product(a, b, both) if both else mul(a, b)


def _product(a: Any, b: Any, summed: list[int]) -> Any:
    """The sum over the dimensions `summed` of a times b, as a batched product of matrices."""
    first, second = a.array.shape, b.array.shape
    batch: list[int] = []
    rows: list[int] = []
    columns: list[int] = []
    for dim in range(len(first)):
        if dim in summed:
            continue
        if first[dim] != 1 and second[dim] != 1:
            batch.append(dim)
        else:
            (rows if first[dim] != 1 else columns).append(dim)
    count = math.prod(first[dim] for dim in batch)
    inner = math.prod(first[dim] for dim in summed)
    left = permute(a, (*batch, *rows, *summed, *columns))
    left = reshape(left, (count, math.prod(first[dim] for dim in rows), inner))
    right = permute(b, (*batch, *summed, *columns, *rows))
    right = reshape(right, (count, inner, math.prod(second[dim] for dim in columns)))
    found = (*batch, *rows, *summed, *columns)
    shape = [1 if dim in summed else (second if dim in columns else first)[dim] for dim in found]
    product = view(bmm(left, right), tuple(shape))
    return permute(product, tuple(int(place) for place in np.argsort(found)))
