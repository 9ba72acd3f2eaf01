"""Putting the engine together: every declared operation becomes a method of Tensor."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gradsh.engine import assignment, hooks, inplace, leaf, modes
from gradsh.engine.backward import backward_of
from gradsh.engine.dtypes import NUMBER_CATEGORY
from gradsh.engine.op import FUNCTIONS, IN_PLACE, METHODS, OPS
from gradsh.engine.ops import complex_numbers, indexing, linalg, operators, shape
from gradsh.engine.ops.relayout import RELAYOUTS
from gradsh.engine.random_fills import RANDOM_FILLS
from gradsh.engine.registers import AFTER_LOADING, Imported, Register, load_all, read_index
from gradsh.engine.results import RESULT_TYPES
from gradsh.engine.tensor import Tensor

REGISTERS: dict[str, Register[Any]] = {
    "OPS": OPS,
    "FUNCTIONS": FUNCTIONS,
    "METHODS": METHODS,
    "IN_PLACE": IN_PLACE,
    "RESULT_TYPES": RESULT_TYPES,
}
"""What modules declare, by the names that the index has for it."""

DIFFERENTIATION: Imported[Callable[..., Any]] = Imported(
    {
        name: f"gradsh.engine.{module}"
        for module, names in {
            "backward": ("grad",),
            "checkpoint": ("checkpoint",),
            "functional": ("hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"),
            "gradient_check": ("gradcheck", "gradgradcheck"),
        }.items()
        for name in names
    }
)
"""The functions that differentiate; what they compute is no operation."""

_AUGMENTED = {
    "__iadd__": "add_",
    "__isub__": "sub_",
    "__imul__": "mul_",
    "__itruediv__": "div_",
    "__ifloordiv__": "floor_divide_",
    "__imod__": "remainder_",
    "__ipow__": "pow_",
    "__iand__": "bitwise_and_",
    "__ior__": "bitwise_or_",
}


def _augmented(method: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Any]:
    """An in-place method as `+=` and the like; what is no operand is left to Python to refuse."""

    def change(self: Tensor, other: Any) -> Any:
        if type(other) is Tensor or type(other) in NUMBER_CATEGORY:
            return method(self, other)
        return NotImplemented

    return change


class _Unloaded:
    """Stands on Tensor for a method whose module has not been imported yet."""

    __slots__ = ("attribute", "name")

    def __init__(self, attribute: str, name: str) -> None:
        self.attribute = attribute
        self.name = name

    def __get__(self, tensor: Tensor | None, kind: type | None = None) -> Any:
        method: Any = METHODS[self.name]
        setattr(Tensor, self.attribute, method)
        return method if tensor is None else method.__get__(tensor, kind)


def give_methods(prefix: str = "", without: Collection[str] = ()) -> None:
    """Give Tensor everything in METHODS, each as an attribute `prefix` and its name."""
    for name in METHODS:
        if name not in without:
            attribute = prefix + name
            method = METHODS.loaded.get(name) or _Unloaded(attribute, name)
            setattr(Tensor, attribute, method)


def _find_declarations() -> None:
    """Learn from the index what the modules not imported yet declare, or import them all."""
    index = read_index()
    if index is None:
        load_all()
        index = {}
    for name, register in REGISTERS.items():
        register.homes = index.get(name, {})
        register.forget_replaced()
    METHODS.homes.update((name + "_", home) for name, home in IN_PLACE.homes.items())
    inplace.add_in_place_forms()
    AFTER_LOADING.append(inplace.add_in_place_forms)


def attach() -> None:
    """Fill METHODS with everything a user may call on a tensor, and give it to Tensor."""
    _find_declarations()
    changes = assignment.copy_, assignment.fill_, assignment.zero_
    for change in (*changes, *RANDOM_FILLS, *RELAYOUTS):
        METHODS[change.__name__] = change
    METHODS.update(
        {
            "backward": backward_of,
            "retain_grad": hooks.retain_grad,
            "register_hook": hooks.register_hook,
            "register_post_accumulate_grad_hook": hooks.register_post_accumulate_grad_hook,
            "requires_grad_": leaf.requires_grad_,
            "detach": leaf.detach,
            "detach_": leaf.detach_,
        }
    )
    FUNCTIONS["detach"] = leaf.detach
    FUNCTIONS["is_grad_enabled"] = modes.is_grad_enabled
    for name in ("item", "tolist", "dim", "numel", "size", "stride", "is_contiguous",
                 "element_size", "is_floating_point", "is_complex", "numpy"):  # fmt: skip
        METHODS[name] = getattr(Tensor, name)
    give_methods()
    for operator, name in _AUGMENTED.items():
        setattr(Tensor, operator, _augmented(METHODS[name]))
    leaf.attach_attributes()
    shape.attach_attributes()
    complex_numbers.attach_attributes()
    operators.attach_operators()
    linalg.attach_operators()
    setattr(Tensor, "retains_grad", property(hooks.retains_grad))  # noqa: B010
    setattr(Tensor, "__getitem__", indexing.getitem)  # noqa: B010
    setattr(Tensor, "__setitem__", assignment.setitem)  # noqa: B010
    setattr(Tensor, "__iter__", indexing.iterate)  # noqa: B010
