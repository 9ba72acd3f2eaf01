"""`graph` and `explain` on every sample call of every function."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gradsh.engine import FUNCTIONS, Tensor
from gradsh.session import Fault, Session
from tests.engine.oracle import sample_lines
from tests.sessions import Collected

NAMES = [name for name in sorted(FUNCTIONS) if sample_lines(name)]
WIDTH = 80


def shown(session: Session, command: str) -> str:
    """What a command shows."""
    output = session.output = Collected()
    session.run(command)
    return output.text


def results(value: Any) -> list[Tensor]:
    """The tensors with a history in a sample's result."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    return [x for x in values if isinstance(x, Tensor) and x.grad_fn is not None]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_function(name: str) -> None:
    for line in sample_lines(name):
        call = re.sub(r"\b(randn|rand)\(([^()]*)\)", r"\1(\2).requires_grad_()", line)
        call = call.partition("; ")[0]
        session = Session(Collected())
        try:
            session.run(f"seed 1\nvalue = {call}")
        except Fault:
            continue  # an input that must not require grad
        for result in results(session.variables["value"]):
            session.namespace["result"] = result
            tree = shown(session, "graph result")
            assert " ? " not in tree, tree
            assert result.grad_fn is not None
            assert tree.startswith(f"1 {result.grad_fn.name}")
            try:
                text = shown(session, "explain sum(abs(result))")
            except Fault as fault:
                if fault.internal:
                    raise
                continue  # its derivative is not implemented
            assert "differ by" not in text
            assert "as `backward` gives it" in text or "gradient of" not in text
            assert max(map(len, text.splitlines())) <= WIDTH
