"""The session: names and their values, and the running of programs against them.

    session = Session()
    session.run("x = ones(2, 2) grad; backward sum(x^2)", name="example")
    session.variables["x"].grad

This is the one door to gradsh, for the shell, for files and pipes, and for Python callers.
"""

from __future__ import annotations

from gradsh.session.faults import ErrorValue, Fault, Interrupted
from gradsh.session.output import JsonOutput, Output, OutputClosed, TextOutput
from gradsh.session.session import Session

__all__ = [
    "ErrorValue",
    "Fault",
    "Interrupted",
    "JsonOutput",
    "Output",
    "OutputClosed",
    "Session",
    "TextOutput",
]
