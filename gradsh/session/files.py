"""`load`, `save` and `stdin()`: what a program does with data that lies outside of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gradsh.session.commands import refusal

if TYPE_CHECKING:
    from gradsh.session.session import Session


class Files:
    """The functions of one session that read and write data.

    `gradsh.files` and what it needs are imported by the first of them that is called.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._data: Any = None

    def functions(self) -> dict[str, Any]:
        """The functions by the names that a program calls them by."""
        return {"load": self.load, "save": self.save, "stdin": self.stdin, "record": self.record}

    def load(self, path: str, **options: Any) -> Any:
        """The data in a file; the ending of its name says the format.

        A relative path starts from the current directory; a file that is not there may lie beside
        the program that runs.

        d = load("iris.csv")
        x = load("weights.npy")
        load("table.csv", separator=";", header=false, dtype=float64, decimal=",")
        """
        if self._session.safe:
            raise refusal("load")
        from gradsh.files import load

        return load(self._found(path), **options)

    def _found(self, path: str) -> str:
        beside = self._session.beside_program(path) if isinstance(path, str) else path
        return beside if not os.path.exists(path) and os.path.exists(beside) else path

    def save(self, value: Any, path: str) -> None:
        """Write a tensor, a record or a tuple of tensors to a file; its ending says the format.

        save(x, "weights.npy")
        save(record(w=w, b=b), "model.safetensors")
        """
        if self._session.safe:
            raise refusal("save")
        from gradsh.files import save

        save(value, path)
        if self._session.dialogue is not None:
            self._session.dialogue.wrote(path)

    def stdin(self, **options: Any) -> Any:
        """The data that standard input holds, in a format that is found out from it.

        It is read once; every call gives the same data. RuntimeError where standard input is the
        program itself, or a terminal.

        d = stdin()
        stdin(separator=";", header=false)
        """
        if self._data is None:
            self._data = self._read(options)
        return self._data

    def _read(self, options: dict[str, Any]) -> Any:
        descriptor = self._session.data
        if descriptor is None or os.isatty(descriptor):
            source = "a terminal" if descriptor is not None else "the program itself"
            error = RuntimeError(f"standard input is {source}, not data")
            error.add_note("write `gradsh -c 'd = stdin(); ...' < data.csv`, or use load(\"f\")")
            raise error
        from io import BytesIO

        from gradsh.files import read

        with open(descriptor, "rb", closefd=False) as stream:
            return read(BytesIO(stream.read()), "<stdin>", **options)

    def record(self, **values: Any) -> Any:
        """Values by name, as `load` gives them: `r = record(w=w, b=b)`, then `r.w`.

        record(w=[1., 2.], b=0.)
        """
        from gradsh.files import Record

        return Record(values)
