"""The formats by the endings of their names, and reading and writing by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from gradsh.files.arrays import (
    read_npy,
    read_npz,
    read_safetensors,
    write_npy,
    write_npz,
    write_safetensors,
)
from gradsh.files.atomic import replacing
from gradsh.files.json_values import read_json, write_json_file
from gradsh.files.tables import read_table, write_table

_Reader = Callable[..., Any]
_Writer = Callable[[Any, IO[bytes]], None]

FORMATS: Final[dict[str, tuple[_Reader, _Writer]]] = {
    ".npy": (read_npy, write_npy),
    ".npz": (read_npz, write_npz),
    ".csv": (read_table, lambda value, stream: write_table(value, stream, ",")),
    ".tsv": (read_table, lambda value, stream: write_table(value, stream, "\t")),
    ".txt": (read_table, lambda value, stream: write_table(value, stream, " ")),
    ".json": (read_json, write_json_file),
    ".safetensors": (read_safetensors, write_safetensors),
}
"""Every format: its reader, called with a stream, its name and options, and its writer."""


def load(path: str, **options: Any) -> Any:
    """The data in a file, in the format that the ending of its name says.

    A .npy file gives a tensor, a .npz or .safetensors file a record of tensors, a table a record
    of its columns where it has a header and else a matrix, a .json file what it holds. Tables take
    the options of `gradsh.files.tables.read_table`. Raises OSError for what cannot be read,
    ValueError for a format or content that is none, TypeError for an option that it does not take.
    """
    ending = _ending(path, "load")
    try:
        with Path(path).open("rb") as stream:
            return read(stream, path, ending, **options)
    except OSError as error:
        raise type(error)(f"cannot read '{path}': {error.strerror or error}") from None


def read(stream: IO[bytes], name: str, ending: str | None = None, **options: Any) -> Any:
    """The data in a stream that can seek; without an `ending` its content says the format."""
    reader, _ = FORMATS[ending or _detected(stream)]
    if options and reader is not read_table:
        option = next(iter(options))
        raise TypeError(f"load() got an unexpected keyword argument '{option}'")
    return reader(stream, name, **options)


def save(value: Any, path: str) -> None:
    """Write a value to a file in the format that the ending of its name says.

    The file is replaced as a whole or, after an error or a crash, stays as it was. Raises OSError
    for what cannot be written, ValueError for a format that is none, TypeError for a value that
    the format does not hold.
    """
    _, writer = FORMATS[_ending(path, "save")]
    try:
        with replacing(path) as stream:
            writer(value, stream)
    except OSError as error:
        raise type(error)(f"cannot write '{path}': {error.strerror or error}") from None


def _ending(path: str, function: str) -> str:
    if not isinstance(path, str):
        raise TypeError(f"{function}() takes the path of a file as a text")
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        error = ValueError(f"'{path}' does not say its format by an ending that gradsh knows")
        error.add_note(f"the endings are {', '.join(FORMATS)}")
        raise error
    return ending


def _detected(stream: IO[bytes]) -> str:
    """The ending that belongs to what a stream holds."""
    start = stream.read(64)
    stream.seek(0)
    if start.startswith(b"\x93NUMPY"):
        return ".npy"
    if start.startswith(b"PK\x03\x04"):
        return ".npz"
    if start[8:10] == b'{"' and not start[:8].isascii():
        return ".safetensors"
    return ".json" if start.lstrip().startswith((b"{", b"[")) else ".csv"
