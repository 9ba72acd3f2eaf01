"""Two shapes one above the other, with marks under the lengths that do not go together."""

from __future__ import annotations

from collections.abc import Sequence

Shape = Sequence[int]


def broadcast_lines(labels: Sequence[str], shapes: Sequence[Shape]) -> list[str]:
    """Shapes that do not broadcast, aligned at their last dimensions."""
    count = max(map(len, shapes))
    places = [range(count - len(shape), count) for shape in shapes]
    marked = []
    for place in range(count):
        lengths = {
            shape[place - where.start]
            for shape, where in zip(shapes, places, strict=True)
            if place in where
        }
        if len(lengths - {1}) > 1:
            marked.append(place)
    return _lines(labels, shapes, places, marked)


def product_lines(labels: Sequence[str], first: Shape, second: Shape) -> list[str]:
    """Shapes of a matrix product that do not fit: the lengths that must agree stand in a column."""
    meeting = len(first) - 1
    start = meeting - max(len(second) - 2, 0)
    shift = max(-start, 0)
    places = [
        range(shift, shift + len(first)),
        range(start + shift, start + shift + len(second)),
    ]
    return _lines(labels, [first, second], places, [meeting + shift])


def _lines(
    labels: Sequence[str], shapes: Sequence[Shape], places: Sequence[range], marked: list[int]
) -> list[str]:
    count = max(place.stop for place in places)
    texts = [
        [str(shape[index - place.start]) if index in place else "" for index in range(count)]
        for shape, place in zip(shapes, places, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    margin = max(map(len, labels)) + 2
    lines = [
        label.ljust(margin) + _row(text, place, widths)
        for label, text, place in zip(labels, texts, places, strict=True)
    ]
    marks = [
        "^" * widths[index] if index in marked else " " * widths[index] for index in range(count)
    ]
    return [*lines, " " * (margin + 1) + "  ".join(marks).rstrip()]


def _row(texts: list[str], place: range, widths: list[int]) -> str:
    """`(2, 3)`, with blanks where the other shape has dimensions and this one none."""
    if not place:
        return " " * (sum(widths) + 2 * (len(widths) - 1)) + "()"
    parts = []
    for index, (text, width) in enumerate(zip(texts, widths, strict=True)):
        opening = "(" if index == place.start else " "
        closing = ")" if index == place.stop - 1 else "," if index in place else " "
        parts.append(opening + text.rjust(width) + closing)
    return "".join(parts).rstrip()
