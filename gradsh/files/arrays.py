"""Arrays in numpy's files and in safetensors; nothing in them is unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import IO, Any, Final
from zipfile import BadZipFile, ZipFile

import numpy as np

from gradsh.engine.dtypes import DTYPES, FROM_NUMPY
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.files.record import Record

Array = np.ndarray[Any, np.dtype[Any]]

MAPPED: Final = 2**24
"""Bytes from which on an array is mapped into memory, read only where it is looked at."""

_ONLY: Final = "tensor"
"""The name of a tensor saved by itself in a safetensors file."""


_NAMES: Final = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip
"""What safetensors calls the types that it can hold, and what they are called here."""


def value_of(array: Array, name: str) -> Any:
    """The tensor over an array; texts become a tuple, fields a record. TypeError for the rest."""
    if array.dtype.fields:
        return Record([(field, value_of(array[field], name)) for field in array.dtype.fields])
    if array.dtype.kind in "US":
        return _texts(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype not in FROM_NUMPY:
        raise _no_type(name, array.dtype)
    return new_tensor(array.view(np.ndarray))


def _no_type(name: str, kind: object) -> TypeError:
    error = TypeError(f"{name} holds values of the type {kind}, which no tensor has")
    error.add_note("convert them in the program that wrote the file, to int64 or float32 say")
    return error


def _texts(array: Array) -> Any:
    if array.ndim:
        return tuple(map(_texts, array))
    return array.item().decode() if array.dtype.kind == "S" else array.item()


def arrays_of(value: Any) -> dict[str, Array]:
    """The arrays to save for a value, by name; the elements of a tuple are named by position.

    TypeError for what is made of anything but tensors and numbers.
    """
    if isinstance(value, Record):
        return {name: array_of(item) for name, item in value.values.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None) or [f"arr_{place}" for place in range(len(value))]
        return {name: array_of(item) for name, item in zip(names, value, strict=True)}
    return {"arr_0": array_of(value)}


def array_of(value: Any) -> Array:
    """The array to save for a tensor or a number. TypeError for anything else."""
    if isinstance(value, Tensor):
        return value.array
    if isinstance(value, (bool, int, float, complex)):
        return np.asarray(value)
    if isinstance(value, tuple) and value and all(isinstance(item, str) for item in value):
        return np.array(value)
    raise TypeError(f"{type(value).__name__} cannot be saved as an array")


def _by_position(values: dict[str, Any]) -> Any:
    """What was saved without names without them: one value, or a tuple."""
    if list(values) != [f"arr_{place}" for place in range(len(values))] or not values:
        return Record(values)
    return values["arr_0"] if len(values) == 1 else tuple(values.values())


def read_npy(stream: IO[bytes], name: str) -> Any:
    """The array in a .npy file; a large one is mapped into memory, and changed only there.

    ValueError for what is no such file, and for Python objects in it.
    """
    path = stream.name if isinstance(getattr(stream, "name", None), str) else None
    large = path is not None and os.fstat(stream.fileno()).st_size >= MAPPED
    return value_of(_loaded(path if large else stream, name, "c" if large else None), name)


def read_npz(stream: IO[bytes], name: str) -> Any:
    """The arrays in a .npz file: a record, or what was saved without names without them."""
    archive = _loaded(stream, name, None)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise _broken(name, "it is not an archive")
    try:
        return _by_position({key: value_of(archive[key], name) for key in archive.files})
    except (ValueError, OSError, BadZipFile) as error:
        raise _broken(name, error) from None


def _loaded(source: Any, name: str, mapped: Any) -> Any:
    try:
        return np.load(source, mmap_mode=mapped, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise _broken(name, error) from None


def _broken(name: str, why: object) -> ValueError:
    if "allow_pickle" in str(why):
        if "Object arrays" in str(why):
            error = ValueError(f"{name} holds Python objects, which gradsh never unpickles")
            error.add_note("a stranger's pickle can run any program: save numbers instead")
            return error
        why = "it does not begin as such a file does"
    return ValueError(f"{name} cannot be read as an array: {why}")


def _for_numpy(array: Array, file: str) -> Array:
    """The array, if numpy has a name for its type. TypeError for bfloat16."""
    if array.dtype.name == "bfloat16":
        error = TypeError(f"{file} cannot hold bfloat16, a type that numpy has not")
        error.add_note("save it in a .safetensors file, or as `x.float()`")
        raise error
    return array


def write_npy(value: Any, stream: IO[bytes]) -> None:
    """A tensor or a number as a .npy file. TypeError for several values."""
    if isinstance(value, (Record, tuple)):
        error = TypeError("a .npy file holds one tensor")
        error.add_note("several go into a .npz or .safetensors file")
        raise error
    np.save(stream, _for_numpy(array_of(value), "a .npy file"), allow_pickle=False)


def write_npz(value: Any, stream: IO[bytes]) -> None:
    """Tensors as a .npz file, which numpy reads."""
    with ZipFile(stream, "w") as archive:
        arrays = {
            name: _for_numpy(array, "a .npz file") for name, array in arrays_of(value).items()
        }
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _safetensors() -> Any:
    """The package `safetensors.numpy`; RuntimeError that says how to install it."""
    try:
        from safetensors import numpy
    except ImportError:
        error = RuntimeError("a .safetensors file needs safetensors, which is not installed")
        error.add_note("pip install 'gradsh[safetensors]'")
        raise error from None
    return numpy


def read_safetensors(stream: IO[bytes], name: str) -> Any:
    """The tensors in a .safetensors file: a record, or the one that was saved by itself."""
    values, _ = read_safetensors_with_metadata(stream, name)
    if list(values) == [_ONLY]:
        return values[_ONLY]
    return _by_position(values)


def read_safetensors_with_metadata(
    stream: IO[bytes], name: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors by name, in the order they were saved in, and the texts saved with them."""
    package = _safetensors()
    content = stream.read()
    try:
        held = {key: _stored(given, name) for key, given in package.deserialize(content)}
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (TypeError, ImportError):  # said in words of our own
        raise
    except Exception as error:  # noqa: BLE001 (the package has an error type of its own)
        raise _broken(name, error) from None
    metadata: dict[str, str] = header.get("__metadata__", {})
    order = json.loads(metadata.pop("order", "[]"))
    names = sorted(held, key=lambda key: (order.index(key) if key in order else len(order), key))
    return {key: new_tensor(held[key]) for key in names}, metadata


def _stored(given: Mapping[str, Any], name: str) -> Array:
    """The array that a tensor of a .safetensors file is; TypeError for a type that none has."""
    dtype = DTYPES.get(_NAMES.get(given["dtype"], ""))
    if dtype is None:
        raise _no_type(name, given["dtype"])
    return np.frombuffer(given["data"], dtype.numpy).reshape(given["shape"]).copy()


def write_safetensors(value: Any, stream: IO[bytes]) -> None:
    """Tensors as a .safetensors file."""
    arrays = arrays_of(value)
    if isinstance(value, Tensor):
        arrays = {_ONLY: arrays["arr_0"]}
    write_safetensors_with_metadata(arrays, {}, stream)


def write_safetensors_with_metadata(
    arrays: Mapping[str, Array], metadata: Mapping[str, str], stream: IO[bytes]
) -> None:
    """Arrays by name, and texts beside them. TypeError for types that the format lacks."""
    for key, array in arrays.items():
        if array.dtype not in FROM_NUMPY or array.dtype == np.complex128:
            what = "texts" if array.dtype.kind == "U" else str(array.dtype)
            error = TypeError(f"a .safetensors file cannot hold '{key}', which is {what}")
            error.add_note("a .npz file can")
            raise error
    order = {"order": json.dumps(list(arrays))}
    package = _safetensors()
    whole = {key: np.ascontiguousarray(array).reshape(array.shape) for key, array in arrays.items()}
    stream.write(package.save(whole, {**metadata, **order}))
