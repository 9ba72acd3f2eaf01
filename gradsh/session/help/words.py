"""The words of the language and the attributes of values, as `help` tells of them.

The commands are not here: `gradsh.session.commands` declares each together with what it does.
"""

from __future__ import annotations

from typing import Final

_BRANCH: Final = ("if C { S } else if C { S } else { S }", "choose what to run")
_TRY: Final = (
    "try { S } catch e { S }",
    "go on after an error; print e shows its message, e.line its place",
)
_TRUTH: Final = ("true, false (also True, False)", "truth and falsehood")
_LOGIC: Final = ("A and B, A or B, not A", "of truth values; & | ~ combine tensors")
_LOOP: Final = ("for i in E { S }", "repeat for each number of a range, row of a tensor, or value")

WORDS: Final[dict[str, tuple[str, str]]] = {
    "print": ("print E, ...", "print values, with a blank between them"),
    "backward": (
        "backward E [with V] [retain_graph] [create_graph] [inputs x, w]",
        "fill the gradients of the leaves that E was computed from",
    ),
    "nograd": ("nograd < S >", "record nothing inside; its last expression is its value"),
    "enablegrad": ("enablegrad < S >", "record again, inside a nograd block"),
    "if": _BRANCH,
    "else": _BRANCH,
    "while": ("while C { S }", "repeat as long as C holds"),
    "for": _LOOP,
    "in": _LOOP,
    "break": ("break", "leave the loop"),
    "continue": ("continue", "go on with the loop's next round"),
    "return": ("return E", "leave the function with a value"),
    "def": (
        "def f(a, b=2) = E | def f(a) { S; return E } [backward(g) { S; return E }]",
        "define a function, and with a second block its derivative",
    ),
    "try": _TRY,
    "catch": _TRY,
    "assert": ('assert C, "text"', "fail with the text unless C holds"),
    "del": ("del x, y", "forget variables"),
    "run": ('run "file.grad"', "run the program in a file"),
    "import": ("import torch", "does nothing: lines of PyTorch can be pasted as they are"),
    "and": _LOGIC,
    "or": _LOGIC,
    "not": _LOGIC,
    "true": _TRUTH,
    "True": _TRUTH,
    "false": _TRUTH,
    "False": _TRUTH,
    "none": ("none (also None)", "no value"),
    "None": ("none (also None)", "no value"),
}
"""Each word that is never a name: how it is used, and what for."""

ATTRIBUTES: Final[dict[str, str]] = {
    "grad": "the gradient that backward passes have added up; none before the first",
    "grad_fn": "the node of the operation that made the tensor; none for a leaf",
    "requires_grad": "whether gradients are recorded for it; can be set for a leaf",
    "is_leaf": "whether no recorded operation made it",
    "retains_grad": "whether it keeps its gradient though an operation made it",
    "shape": "the lengths of its dimensions",
    "dtype": "the type of its elements",
    "ndim": "how many dimensions it has",
    "data": "the same values without a history; can be set",
    "T": "its dimensions in reverse order",
    "mT": "each of its matrices transposed",
    "H": "transposed and conjugated",
    "mH": "each of its matrices transposed and conjugated",
    "_version": "how often it was changed in place",
    "next_functions": "of a grad_fn: the nodes of its inputs, each with the number of its output",
    "saved": "of a grad_fn: the tensors that it keeps for its derivative",
}
"""Attributes, which are written after a dot."""
