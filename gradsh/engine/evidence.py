"""What the engine knows of an error besides its message, for whoever explains it to a user.

An error carries it as an attribute; most errors have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradsh.engine.graph import Node
    from gradsh.engine.tensor import Tensor

MADE = "made"
SAVED = "saved"
CHANGED = "changed"
FREED = "freed"
LEAF = "leaf"


class Witness(NamedTuple):
    """What ran (`modes.RUNNING`) when something happened that an error is about.

    `role` says what: MADE, SAVED, CHANGED, FREED, or LEAF for what began to require grad. `node`
    is the operation that was recorded then, if it was that.
    """

    role: str
    place: object
    node: Node | None = None


class Evidence:
    """Witnesses in the order in which they are told, the tensors and the shapes in question."""

    __slots__ = ("shapes", "tensors", "witnesses")

    def __init__(self) -> None:
        self.witnesses: list[Witness] = []
        self.tensors: list[Tensor] = []
        self.shapes: list[tuple[int, ...]] = []


def evidence_of(error: BaseException) -> Evidence:
    """What is known of an error."""
    found = error.__dict__.get("evidence")
    return found if isinstance(found, Evidence) else Evidence()


def tell(
    error: Any,
    *witnesses: Witness,
    tensors: Sequence[Tensor] = (),
    shapes: Sequence[tuple[int, ...]] = (),
) -> None:
    """Add to what is known of an error."""
    evidence = evidence_of(error)
    evidence.witnesses += witnesses
    evidence.tensors += tensors
    evidence.shapes += shapes
    error.evidence = evidence
