"""`save session "f"` and `load session "f"`: a session's variables and random state in one file.

The file is in the format safetensors: the tensors' values, and beside them a manifest in JSON that
says what the variables are. A function is kept as the text of its statement and its place there;
loading compiles that text, and runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gradsh import __version__
from gradsh.engine.dtypes import DTYPES, DType
from gradsh.engine.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from gradsh.engine.optim.descent import SGD
from gradsh.engine.optim.lbfgs import LBFGS, Memory
from gradsh.engine.optim.optimizer import Group
from gradsh.engine.optim.schedules import CosineAnnealingLR, ExponentialLR, StepLR
from gradsh.engine.random import default_generator
from gradsh.engine.results import RESULT_TYPES
from gradsh.engine.size import Size
from gradsh.engine.tensor import Tensor, new_tensor
from gradsh.files.arrays import (
    read_safetensors_with_metadata,
    write_safetensors_with_metadata,
)
from gradsh.files.atomic import replacing
from gradsh.files.record import Record
from gradsh.language import Reader, SyntaxFault
from gradsh.language.fusion import Parts
from gradsh.language.units import written_in
from gradsh.session.custom import CustomFunction
from gradsh.session.unloaded import loaded

if TYPE_CHECKING:
    from gradsh.session.session import Session

_KEY: Final = "gradsh"
_RANDOM: Final = "random"
_AS_STORED: Final = {"complex128": np.float64}
"""Types that safetensors files lack, and those that their bytes are stored as."""

_BY_ATTRIBUTES: Final[dict[str, type]] = {
    kind.__name__: kind
    for kind in (
        SGD, Adam, AdamW, RMSprop, Adagrad, LBFGS, Memory, Group,
        StepLR, ExponentialLR, CosineAnnealingLR,
    )
}  # fmt: skip
"""What is its attributes and nothing else: optimisers with all that they remember."""


def save_session(session: Session, path: str) -> list[str]:
    """Write the session to a file; the names of the variables that cannot be kept.

    Tensors keep their values, requires_grad and gradients, but not the graph they came from;
    optimisers and schedules keep their settings and what they remember of past steps.
    """
    writer = _Writer(session)
    variables = {}
    left_out = []
    for name, value in session.variables.items():
        mark = writer.mark()
        try:
            variables[name] = writer.describe(value)
        except _CannotKeep:
            writer.back_to(mark)
            left_out.append(name)
    manifest = {"version": __version__, "variables": variables, "objects": writer.objects}
    arrays = {**writer.arrays, _RANDOM: default_generator.state()}
    try:
        with replacing(path) as stream:
            write_safetensors_with_metadata(arrays, {_KEY: json.dumps(manifest)}, stream)
    except OSError as error:
        raise type(error)(f"cannot write '{path}': {error.strerror or error}") from None
    return left_out


def load_session(session: Session, path: str) -> None:
    """Bring back the variables and the random state of a saved session; other variables stay.

    ValueError for a file that holds no session; nothing has changed then.
    """
    try:
        with Path(path).open("rb") as stream:
            tensors, metadata = read_safetensors_with_metadata(stream, path)
    except OSError as error:
        raise type(error)(f"cannot read '{path}': {error.strerror or error}") from None
    if _KEY not in metadata:
        fault = ValueError(f"'{path}' holds tensors, but no session")
        fault.add_note("`load` reads tensors, from a name that ends in .safetensors")
        raise fault
    try:
        manifest = json.loads(metadata[_KEY])
        reader = _Rebuilder(session, manifest["objects"], tensors, path)
        variables = {name: reader.value(x) for name, x in manifest["variables"].items()}
        state = tensors[_RANDOM].array
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"'{path}' holds a session that cannot be read: {error}") from None
    default_generator.set_state(state)
    session.namespace.update(variables)


class _CannotKeep(Exception):
    """A value is of a kind that no file holds."""


class _Writer:
    """Describes values in JSON; what may be shared is one of the `objects`, told by its place."""

    def __init__(self, session: Session) -> None:
        self.objects: list[Any] = []
        self.arrays: dict[str, Any] = {}
        self._places: dict[int, int] = {}
        self._builtins = {
            id(value): name
            for name, value in session.namespace["__builtins__"].items()
            if callable(value) and name.isidentifier()
        }

    def mark(self) -> int:
        """Where the objects end now."""
        return len(self.objects)

    def back_to(self, mark: int) -> None:
        """Forget the objects that came after a mark."""
        del self.objects[mark:]
        self._places = {key: place for key, place in self._places.items() if place < mark}
        self.arrays = {key: array for key, array in self.arrays.items() if int(key) < mark}

    def describe(self, value: Any) -> Any:
        """The description of a value. _CannotKeep for what cannot be described."""
        if value is None or type(value) in (bool, int, str):
            return value
        kind = type(value)
        if kind is float:
            return {"float": repr(value)}
        if kind is complex:
            return {"complex": [repr(value.real), repr(value.imag)]}
        if isinstance(value, DType):
            return {"dtype": value.name}
        if kind is range:
            return {"range": [value.start, value.stop, value.step]}
        if kind is Size:
            return {"size": list(value)}
        if isinstance(value, tuple):
            items = [self.describe(item) for item in value]
            return {"tuple": items, "kind": kind.__name__ if hasattr(kind, "_fields") else None}
        if id(value) in self._builtins:
            return {"builtin": self._builtins[id(value)]}
        return {"object": self._object(value)}

    def _object(self, value: Any) -> int:
        place = self._places.get(id(value))
        if place is None:
            place = self._places[id(value)] = len(self.objects)
            self.objects.append(None)
            self.objects[place] = self._describe_object(value, str(place))
        return place

    def _describe_object(self, value: Any, key: str) -> Any:
        if isinstance(value, Tensor):
            return self._tensor(value, key)
        if isinstance(value, Record):
            return {"record": [[name, self.describe(x)] for name, x in value.values.items()]}
        if type(value) is list:
            return {"list": [self.describe(item) for item in value]}
        if type(value) is dict:
            return {"dict": [[self.describe(k), self.describe(v)] for k, v in value.items()]}
        if isinstance(value, CustomFunction):
            return {"custom": value.__name__, "forward": self.describe(value.forward)}
        if isinstance(value, CellType):
            return {"cell": [self.describe(value.cell_contents)] if _is_filled(value) else []}
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, (np.ndarray, np.generic)):
            kind = "array" if isinstance(value, np.ndarray) else "scalar"
            return {kind: self._values(new_tensor(np.asarray(value)), key)}
        name = type(value).__name__
        if _BY_ATTRIBUTES.get(name) is type(value):
            attributes = [[key, self.describe(x)] for key, x in vars(value).items()]
            return {"instance": name, "attributes": attributes}
        raise _CannotKeep

    def _tensor(self, tensor: Tensor, key: str) -> Any:
        return {
            "tensor": self._values(tensor, key),
            "requires_grad": tensor.is_leaf and bool(tensor.requires_grad),
            "grad": self.describe(tensor.grad) if tensor.is_leaf else None,
        }

    def _values(self, tensor: Tensor, key: str) -> list[Any]:
        """The type and shape of a tensor, whose values are stored under the key."""
        array = np.ascontiguousarray(tensor.array).reshape(tensor.array.shape)
        dtype = tensor.dtype.name
        stored = _AS_STORED.get(dtype)
        self.arrays[key] = array if stored is None else array.reshape(-1).view(stored)
        return [dtype, list(array.shape)]

    def _function(self, function: FunctionType) -> Any:
        written = written_in(function.__code__)
        if written is None:
            raise _CannotKeep
        text = written[2]
        found = _path_to(function.__code__, written)
        if found is None:
            raise _CannotKeep
        return {
            "function": function.__name__,
            "text": text,
            "path": found,
            "defaults": [self.describe(x) for x in function.__defaults__ or ()],
            "closure": [self._object(cell) for cell in function.__closure__ or ()],
        }


def _codes(text: str, name: str, line: int = 1) -> list[CodeType]:
    """The code of each statement in a text, which is not run."""
    reader = Reader(name, line, Parts.WITHIN)
    return [unit.code for unit in (*reader.feed(text), *reader.finish())]


def _path_to(code: CodeType, written: tuple[str, int, str]) -> list[int] | None:
    """Where code is among the constants of the statements of a text; None if it is not.

    `written` is where the text stood, and the text: the code knows both.
    """
    source, line, text = written

    def search(outer: CodeType) -> Iterator[list[int]]:
        for place, constant in enumerate(outer.co_consts):
            if isinstance(constant, CodeType):
                if constant == code:
                    yield [place]
                for rest in search(constant):
                    yield [place, *rest]

    try:
        codes = _codes(text, source, line)
    except SyntaxFault:  # the lines begin or end in the middle of another statement
        return None
    for number, outer in enumerate(codes):
        for path in search(outer):
            return [number, *path]
    return None


def _is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


class _Rebuilder:
    """Makes the values again that a `_Writer` described."""

    def __init__(
        self, session: Session, objects: list[Any], tensors: dict[str, Tensor], path: str
    ) -> None:
        self._session = session
        self._objects = objects
        self._tensors = tensors
        self._path = path
        self._made: dict[int, Any] = {}

    def value(self, given: Any) -> Any:
        """The value that a description stands for."""
        if not isinstance(given, dict):
            return given
        ((kind, data), *more) = given.items()
        if kind == "object":
            return self._object(data)
        if kind == "tuple":
            items = [self.value(item) for item in data]
            named = dict(more)["kind"]
            return RESULT_TYPES[named][0](*items) if named else tuple(items)
        if kind == "builtin":
            return loaded(self._session.builtins[data])
        if kind == "complex":
            return complex(*map(float, data))
        plain: dict[str, Any] = {
            "float": float,
            "dtype": DTYPES.__getitem__,
            "size": Size,
            "range": lambda bounds: range(*bounds),
        }
        return plain[kind](data)

    def _object(self, place: int) -> Any:
        if place not in self._made:
            given = self._objects[place]
            kind = next(iter(given))
            if kind == "cell":  # it may hold the very function that needs it
                cell = self._made[place] = CellType()
                for content in given[kind]:
                    cell.cell_contents = self.value(content)
            else:
                self._made[place] = self._new(kind, given, str(place))
        return self._made[place]

    def _new(self, kind: str, given: dict[str, Any], key: str) -> Any:
        if kind == "tensor":
            return self._tensor(given, key)
        if kind == "record":
            return Record([(name, self.value(x)) for name, x in given[kind]])
        if kind == "list":
            return [self.value(item) for item in given[kind]]
        if kind == "dict":
            return {self.value(k): self.value(v) for k, v in given[kind]}
        if kind == "custom":
            return CustomFunction(given[kind], self.value(given["forward"]))
        if kind == "array":
            return self._values(given[kind], key)
        if kind == "scalar":
            return self._values(given[kind], key)[()]
        if kind == "instance":
            made: Any = object.__new__(_BY_ATTRIBUTES[given[kind]])
            vars(made).update((name, self.value(x)) for name, x in given["attributes"])
            return made
        return self._function(given)

    def _values(self, described: list[Any], key: str) -> Any:
        """The array that is stored under the key, in its type and shape."""
        name, shape = described
        array = self._tensors[key].array
        return array.view(DTYPES[name].numpy).reshape(shape) if name in _AS_STORED else array

    def _tensor(self, given: dict[str, Any], key: str) -> Tensor:
        tensor = new_tensor(self._values(given["tensor"], key))
        if given["requires_grad"]:
            tensor.requires_grad_()
        tensor.grad = self.value(given["grad"])
        return tensor

    def _function(self, given: dict[str, Any]) -> FunctionType:
        first, *path = given["path"]
        code = _codes(given["text"], self._path)[first]
        for place in path:
            code = code.co_consts[place]
        closure = tuple([self._object(place) for place in given["closure"]])
        return FunctionType(
            code,
            self._session.namespace,
            given["function"],
            tuple([self.value(x) for x in given["defaults"]]),
            closure,
        )
