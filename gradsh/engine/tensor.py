"""The tensor: an array, the node that made it, and what views of one storage share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from gradsh.engine.dtypes import FROM_NUMPY, DType
from gradsh.engine.size import Size

if TYPE_CHECKING:
    from gradsh.engine.graph import Hooks, Node

    Array = np.ndarray[Any, np.dtype[Any]]


class Version:
    """Counts the in-place changes of one storage; a tensor shares it with its views.

    `views` are those that are alive, of every tensor that shares the count: what is changed through
    a detached tensor is seen by the views of the one it was detached from. `place` is what ran at
    the last change (`modes.RUNNING`); before the first there is none.
    """

    __slots__ = ("n", "place", "views")

    place: object

    def __init__(self) -> None:
        self.n = 0
        self.views: list[ref[Tensor]] | None = None


class GradientBox:
    """Where a tensor and the node that fills its gradient meet, so that neither holds the other.

    A leaf that no longer `requires_grad` gets nothing, from graphs made before neither. Its hooks
    stay here, whichever node stands for it. `filled` tells the last pass that added to it.
    """

    __slots__ = ("__weakref__", "filled", "hooks", "requires_grad", "value")

    def __init__(self) -> None:
        self.value: Tensor | None = None
        self.requires_grad = True
        self.filled: float | None = None
        self.hooks: Hooks | None = None


class Tensor:
    """A numpy array with its place in the graph of recorded operations.

    `array` is the storage. `node` is None for a constant, a `Leaf` for a tensor that the user
    asked gradients of, else the node of the operation that made it. The other attributes stay at
    their class defaults for most tensors, which keeps making one cheap: `version` appears with
    the first view, saved result or in-place change; `base` is the tensor a view looks into;
    `box` holds `.grad`; `restricted` says how a view was made that must not be changed in place.
    """

    array: Array
    node: Node | None = None
    version: Version | None = None
    base: Tensor | None = None
    box: GradientBox | None = None
    restricted: str | None = None

    __array_ufunc__ = None  # numpy leaves `array * tensor` to the tensor
    __hash__ = object.__hash__

    # The operators and methods are the declared operations; `gradsh.engine.ops` attaches them.
    if TYPE_CHECKING:
        grad: Tensor | None

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...

    @property
    def shape(self) -> Size:
        """The lengths of its dimensions."""
        return Size(self.array.shape)

    @property
    def dtype(self) -> DType:
        """Its element type."""
        return FROM_NUMPY[self.array.dtype]

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return self.array.ndim

    @property
    def is_leaf(self) -> bool:
        """True when no recorded operation made it."""
        return self.node is None or self.node.is_leaf

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made it; None for a leaf."""
        return None if self.node is None or self.node.is_leaf else self.node.single

    @property
    def _version(self) -> int:
        """How often its storage was changed in place."""
        return 0 if self.version is None else self.version.n

    def dim(self) -> int:
        """How many dimensions it has."""
        return self.array.ndim

    def numel(self) -> int:
        """How many elements it has."""
        return self.array.size

    def size(self, dim: int | None = None) -> Size | int:
        """Its shape, or the length of one dimension; IndexError for a dim it does not have."""
        if dim is None:
            return self.shape
        if not self.array.ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        length: int = self.array.shape[wrap_dim(dim, self.array.ndim)]
        return length

    def stride(self) -> tuple[int, ...]:
        """For each dimension, how many elements apart neighbours lie in memory."""
        array = self.array
        if not array.size:  # numpy's are then all zero
            lengths = [max(length, 1) for length in array.shape[1:]]
            return tuple(math.prod(lengths[dim:]) for dim in range(array.ndim))
        return tuple(step // array.itemsize for step in array.strides)

    def is_contiguous(self) -> bool:
        """Whether its elements lie in memory in row-major order without gaps."""
        return self.array.flags.c_contiguous

    def element_size(self) -> int:
        """Bytes an element."""
        return self.array.itemsize

    def is_floating_point(self) -> bool:
        """Whether its type is a real floating type."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether its type is complex."""
        return self.dtype.is_complex

    def item(self) -> bool | int | float | complex:
        """The one element as a Python number; RuntimeError when there is not exactly one."""
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar"
            )
        number: bool | int | float | complex = self.array.item()
        return number

    def tolist(self) -> Any:
        """Its elements as (nested) lists of Python numbers."""
        return self.array.tolist()

    def numpy(self) -> Array:
        """The storage itself; RuntimeError when the tensor requires grad, as in PyTorch."""
        if self.node is not None:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. "
                "Use tensor.detach().numpy() instead."
            )
        return self.array

    def __bool__(self) -> bool:
        if self.array.size == 1:
            return bool(self.array.item())
        values = "no values" if self.array.size == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {values} is ambiguous")

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __index__(self) -> int:
        if self.array.size == 1 and self.array.dtype.kind in "iub":
            return int(self.array.item())
        raise TypeError("only integer tensors of a single element can be converted to an index")

    def __int__(self) -> int:
        return int(self._as_real("int64_t"))

    def __float__(self) -> float:
        return float(self._as_real("double"))

    def __complex__(self) -> complex:
        return complex(self._as_number())

    def _as_real(self, wanted: str) -> bool | int | float:
        number = self._as_number()
        if isinstance(number, complex):
            if number.imag:
                raise RuntimeError(f"value cannot be converted to type {wanted} without overflow")
            return number.real
        return number

    def _as_number(self) -> bool | int | float | complex:
        if self.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def shared_version(self) -> Version:
        """The storage's version counter, made now if nobody needed it before."""
        version = self.version
        if version is None:
            version = self.version = Version()
        return version


def new_tensor(array: Array, node: Node | None = None) -> Tensor:
    """A tensor over `array`, made by `node` (None: a constant)."""
    tensor = Tensor()
    tensor.array = array
    if node is not None:
        tensor.node = node
    return tensor


def wrap_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front; IndexError in PyTorch's words when out of range."""
    reach = max(ndim, 1)
    if not -reach <= dim < reach:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-reach}, {reach - 1}], "
            f"but got {dim})"
        )
    return dim + reach if dim < 0 else dim
