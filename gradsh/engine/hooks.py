"""Hooks: functions that see a tensor's gradient on its way back, and may replace it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import ref

from gradsh.engine.graph import Hooks, Leaf, Node
from gradsh.engine.journal import change_attributes
from gradsh.engine.tensor import GradientBox, Tensor, new_tensor

_next_key = count().__next__


class RemovableHandle:
    """What registering a hook gives: `remove()` takes the hook away again."""

    __slots__ = ("_hooks", "_key")

    def __init__(self, hooks: Hooks, key: int) -> None:
        self._hooks = ref(hooks)
        self._key = key

    def remove(self) -> None:
        """Take the hook away; doing it again changes nothing."""
        hooks = self._hooks()
        if hooks is not None:
            change_attributes(hooks)
            hooks.functions.pop(self._key, None)
            hooks.after.pop(self._key, None)

    def __repr__(self) -> str:
        return "<hook>"


def register_hook(input: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call `hook` with the gradient of input in every backward pass that reaches it.

    Where the hook returns a tensor, that is the gradient from there on. Hooks run in the order of
    their registration. After a change in place a hook still gets the gradient of the value that it
    was registered for. RuntimeError for a tensor that does not require grad.
    """
    hooks = _hooks_of(_node_of(input))
    key = _next_key()
    change_attributes(hooks)
    hooks.functions[key] = hook
    return RemovableHandle(hooks, key)


def register_post_accumulate_grad_hook(
    input: Tensor, hook: Callable[[Tensor], None]
) -> RemovableHandle:
    """Call `hook` with the leaf input each time a backward pass has added to its gradient.

    RuntimeError for a tensor that does not require grad, and for one that an operation made.
    """
    node = _node_of(input)
    if not isinstance(node, Leaf):
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    hooks = _hooks_of(node)
    leaf = ref(input)
    key = _next_key()
    change_attributes(hooks)
    hooks.after[key] = lambda: _call_after(hook, leaf())
    return RemovableHandle(hooks, key)


def _call_after(hook: Callable[[Tensor], Any], leaf: Tensor | None) -> None:
    returned: object = None if leaf is None else hook(leaf)
    if returned is None:
        return
    if not isinstance(returned, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(returned).__name__}'")
    raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def _node_of(tensor: Tensor) -> Node:
    if tensor.node is None:
        error = RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        error.add_note("make it a leaf with `x = ... grad`, or compute it from one")
        raise error
    return tensor.node


def _hooks_of(node: Node) -> Hooks:
    """The hooks of a node's result; a leaf's stay with the tensor."""
    hooks = node.hooks
    if hooks is None:
        hooks = node.hooks = Hooks()
        if isinstance(node, Leaf):
            node.box.hooks = hooks
    return hooks


def retain_grad(tensor: Tensor) -> None:
    """Make backward passes fill `.grad` of a tensor that is not a leaf.

    RuntimeError for a tensor that does not require grad.
    """
    node = tensor.node
    if node is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if node.is_leaf:
        return
    hooks = _hooks_of(node)
    change_attributes(tensor, hooks)
    hooks.retained = tensor.box = tensor.box or GradientBox()


def retains_grad(tensor: Tensor) -> bool:
    """Whether `retain_grad` was called on a tensor that is not a leaf."""
    node = tensor.node
    return node is not None and node.hooks is not None and node.hooks.retained is not None


def give_history(tensor: Tensor, node: Node | None) -> None:
    """Make `node` the tensor's history after a change in place.

    Hooks belong to the value before; a retained gradient is that of the tensor as it is.
    """
    before = tensor.node
    change_attributes(tensor)
    tensor.node = node
    if before is None or before.hooks is None or before.hooks.retained is None or node is None:
        return
    change_attributes(before.hooks)
    _hooks_of(node).retained = before.hooks.retained
    before.hooks.retained = None


def run_hooks(hooks: Hooks, g: Any, record: bool) -> Any:
    """The cotangent `g` (an array; a tensor if `record`) after the hooks have seen it."""
    for hook in tuple(hooks.functions.values()):
        tensor = g if record else new_tensor(g)
        replaced = hook(tensor)
        if replaced is not None:
            _check_replacement(hook, replaced, tensor)
            g = replaced if record else replaced.array
    return g


def _check_replacement(hook: Any, replaced: Any, tensor: Tensor) -> None:
    if not isinstance(replaced, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
    name = getattr(hook, "__name__", type(hook).__name__)
    if replaced.array.dtype is not tensor.array.dtype:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value (was torch.{tensor.dtype.type_name}"
            f"Tensor got torch.{replaced.dtype.type_name}Tensor)"
        )
    if replaced.array.shape != tensor.array.shape:
        raise RuntimeError(f"hook '{name}' has changed the size of value")
