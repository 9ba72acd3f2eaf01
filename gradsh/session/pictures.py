"""Graphs as files: DOT text, and the pictures that Graphviz makes of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from gradsh.display.graph_view import GraphView, dot
from gradsh.files.atomic import replacing

_BY_GRAPHVIZ = ("svg", "png", "pdf")
_SECONDS = 60


def draw(view: GraphView, path: Any) -> None:
    """Write the graph to `path`, in the format that its ending names.

    TypeError if the path is no text, ValueError for an ending that stands for no format,
    RuntimeError if Graphviz is needed and not installed, or fails; OSError from the file.
    """
    if not isinstance(path, str):
        raise TypeError("graph ... to takes the path of a file as a text")
    ending = Path(path).suffix[1:].lower()
    if ending == "dot":
        content = dot(view).encode()
    elif ending == "html":
        from gradsh.display.graph_page import page

        content = page(view).encode()
    elif ending in _BY_GRAPHVIZ:
        content = _laid_out(dot(view), ending)
    else:
        refusal = ValueError(f"graph cannot be written to '{path}': its ending names no format")
        refusal.add_note(f"the endings are .dot, .html, .{', .'.join(_BY_GRAPHVIZ)}")
        raise refusal
    try:
        with replacing(path) as stream:
            stream.write(content)
    except OSError as error:
        raise type(error)(f"cannot write '{path}': {error.strerror or error}") from None


def _laid_out(text: str, ending: str) -> bytes:
    """What Graphviz makes of a DOT text."""
    program = shutil.which("dot")
    if program is None:
        error = RuntimeError(f"a graph as .{ending} needs Graphviz, which is not installed")
        error.add_note(
            "install it (`apt install graphviz`, `brew install graphviz`, or "
            "`conda install graphviz`), or write a .dot or .html file, which need nothing"
        )
        raise error
    try:
        made = subprocess.run(
            [program, f"-T{ending}"], input=text.encode(), capture_output=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        refusal = RuntimeError(f"Graphviz has not laid out the graph within {_SECONDS} seconds")
        refusal.add_note("write a .html file, or the graph of a variable nearer to the leaves")
        raise refusal from None
    if made.returncode:
        raise RuntimeError(f"Graphviz failed: {made.stderr.decode(errors='replace').strip()}")
    return made.stdout
