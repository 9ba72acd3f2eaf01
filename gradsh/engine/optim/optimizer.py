"""What all optimisers share: groups of tensors with their settings, and the frame of a step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradsh.engine.arguments import type_name
from gradsh.engine.backward import backward
from gradsh.engine.changes import about_to_change
from gradsh.engine.hooks import retains_grad
from gradsh.engine.journal import Journal, change_attributes, change_values
from gradsh.engine.modes import CHANGES, INTERRUPTS, enable_grad
from gradsh.engine.optim.updates import add_scaled
from gradsh.engine.rebasing import changed
from gradsh.engine.tensor import Tensor


class Group:
    """Tensors that are optimised with the same settings.

    `options` holds the settings by their names, and every one can also be read and changed by
    its key: `opt.groups[1]["lr"] = 0.01`.
    """

    def __init__(self, tensors: Iterable[Any], options: dict[str, Any]) -> None:
        self.tensors: list[Tensor] = list(tensors)
        self.options = options
        for tensor in self.tensors:
            _check_tensor(tensor)

    def __getitem__(self, name: str) -> Any:
        if name == "params":
            return self.tensors
        self._check_name(name)
        return self.options[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._check_name(name)
        change_attributes(self)
        self.options[name] = value

    def _check_name(self, name: Any) -> None:
        if name not in self.options:
            error = KeyError(f"a group has no setting {name!r}")
            error.add_note("it has " + ", ".join(sorted(self.options)))
            raise error

    @property
    def lr(self) -> Any:
        """The learning rate."""
        return self.options["lr"]

    @lr.setter
    def lr(self, value: Any) -> None:
        self["lr"] = value

    def __repr__(self) -> str:
        lines = (f"    {name}: {self.options[name]}\n" for name in sorted(self.options))
        return f"Group of {len(self.tensors)} (\n{''.join(lines)})"


def group(*params: Any, **options: Any) -> Group:
    """Tensors with settings of their own, for an optimiser of several groups.

    opt = adam(group(w, lr=0.1), group(b), lr=0.01)
    """
    return Group(listed(params), options)


def listed(params: tuple[Any, ...]) -> list[Any]:
    """The arguments `w, b` or `[w, b]` as a list."""
    if len(params) == 1 and isinstance(params[0], (list, tuple)):
        return list(params[0])
    return list(params)


def _check_tensor(tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        kind = type_name(tensor)
        error = TypeError(f"optimizer can only optimize Tensors, but one of the params is {kind}")
        if isinstance(tensor, (int, float)):
            error.add_note("settings are written with their names: `lr=0.1`")
        raise error
    if not (tensor.is_leaf or retains_grad(tensor)):
        failure = ValueError("can't optimize a non-leaf Tensor")
        failure.add_note("optimise the tensors it was computed from, or `x.detach() grad`")
        raise failure


def check_option(holds: bool, name: str, value: Any) -> None:
    """ValueError in PyTorch's words unless the value of a setting is allowed."""
    if not holds:
        raise ValueError(f"Invalid {name}: {value}")


class Optimizer:
    """Tensors, the settings they are optimised with, and what is remembered between steps.

    A kind of optimiser says in `title` how it is shown, and in `update` how the tensors of a
    group change. `state` holds what is remembered of each tensor.
    """

    title = "Optimizer"

    def __init__(self, params: tuple[Any, ...], defaults: dict[str, Any]) -> None:
        given = listed(params)
        if not given:
            error = ValueError("optimizer got an empty parameter list")
            error.add_note("name the tensors first: `adam(w, b, lr=0.1)`")
            raise error
        if defaults.get("differentiable"):
            raise RuntimeError("steps that are recorded (differentiable=True) are not supported")
        self.defaults = defaults
        self.groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        plain: list[Any] = []
        for item in given:
            if isinstance(item, Group):
                self._add_plain(plain)
                plain = []
                self.add_group(item)
            else:
                plain.append(item)
        self._add_plain(plain)

    def _add_plain(self, tensors: list[Any]) -> None:
        if tensors:
            self.add_group(Group(tensors, {}))

    def add_group(self, new: Any) -> None:
        """Optimise the tensors of a group too, with the defaults for what it does not set.

        new is a group, a tensor, or a list of tensors.

        TypeError for a setting that this optimiser does not have, ValueError for a tensor that
        is optimised already.
        """
        if not isinstance(new, Group):
            new = Group(listed((new,)), {})
        for name in new.options:
            if name not in self.defaults:
                raise TypeError(
                    f"{self.title.lower()}() got an unexpected keyword argument '{name}'"
                )
        held = {id(tensor) for group in self.groups for tensor in group.tensors}
        if any(id(tensor) in held for tensor in new.tensors):
            raise ValueError("some parameters appear in more than one parameter group")
        if len({id(tensor) for tensor in new.tensors}) < len(new.tensors):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=2,
            )
        self.check(self.defaults | new.options)
        change_attributes(self, new)
        new.options = self.defaults | new.options
        self.groups.append(new)

    def check(self, options: dict[str, Any]) -> None:
        """ValueError for settings that are not allowed."""

    def update(self, options: dict[str, Any], tensor: Tensor, gradient: Any) -> None:
        """Change a tensor's values, in place, by its gradient (an array that stays as it is)."""
        raise NotImplementedError

    @property
    def lr(self) -> Any:
        """The learning rate of the first group; setting it sets that of every group."""
        return self.groups[0].options["lr"]

    @lr.setter
    def lr(self, value: Any) -> None:
        check_option(value >= 0, "learning rate", value)
        change_attributes(*self.groups)
        for group in self.groups:
            group.options["lr"] = value

    @property
    def param_groups(self) -> list[Group]:
        """The groups, under the name that PyTorch gives them."""
        return self.groups

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all tensors, or make them zero."""
        if CHANGES.journal is not None:
            self._announce_zeros(set_to_none)
        with INTERRUPTS:
            for group in self.groups:
                for tensor in group.tensors:
                    if tensor.box is not None and tensor.box.value is not None:
                        if set_to_none:
                            tensor.box.value = None
                        else:
                            gradient = tensor.box.value
                            gradient.node = None
                            about_to_change(gradient.array)
                            gradient.array[...] = 0
                            changed(gradient, None)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every tensor that has a gradient; all of them, or, if interrupted before, none.

        With a closure its value is the loss, which is returned. The gradients of the loss are
        computed here if the closure has not run the backward pass itself.
        """
        loss = None if closure is None else self.evaluate(closure)
        if CHANGES.journal is not None:
            self._announce_step(CHANGES.journal)
        with INTERRUPTS:
            for group in self.groups:
                for tensor in group.tensors:
                    gradient = None if tensor.box is None else tensor.box.value
                    if gradient is not None:
                        about_to_change(tensor.array)
                        self.update(group.options, tensor, gradient.array)
                        changed(tensor, None)
        return loss

    def _announce_step(self, journal: Journal) -> None:
        """Tell the journal that a step changes tensors and what is remembered of them."""
        journal.attributes(self, *self.groups)
        for group in self.groups:
            for tensor in group.tensors:
                if tensor.box is not None and tensor.box.value is not None:
                    journal.values(tensor)
        for state in self.state.values():
            for value in state.values():
                if isinstance(value, np.ndarray):
                    journal.array(value)

    def _announce_zeros(self, forgets: bool) -> None:
        """The same of gradients that are forgotten, or become zero."""
        boxes = [tensor.box for group in self.groups for tensor in group.tensors]
        held = [box for box in boxes if box is not None and box.value is not None]
        if forgets:
            change_attributes(*held)
            return
        gradients = [box.value for box in held if box.value is not None]
        change_attributes(*gradients)
        change_values(gradients)

    def evaluate(self, closure: Callable[[], Any]) -> Any:
        """The loss that a closure computes, with the tensors' gradients.

        A closure that ran the backward pass has left gradients that were not there before;
        otherwise the old ones are forgotten and the pass runs here.
        """
        before = self._gradients()
        with enable_grad():
            loss = closure()
            after = self._gradients()
            ran = any(
                new is not None and (new is not old or version != old_version)
                for (new, version), (old, old_version) in zip(after, before, strict=True)
            )
            if not ran and isinstance(loss, Tensor) and loss.node is not None:
                self.zero_grad()
                backward(loss)
        return loss

    def _gradients(self) -> list[tuple[Tensor | None, int]]:
        """The gradients there are, with the number of their changes."""
        boxes = [tensor.box for group in self.groups for tensor in group.tensors]
        gradients = [None if box is None else box.value for box in boxes]
        return [(g, 0 if g is None else g._version) for g in gradients]

    def remembered(self, tensor: Tensor) -> dict[str, Any]:
        """What is remembered of a tensor between steps; empty before its first."""
        return self.state.setdefault(tensor, {})

    def __repr__(self) -> str:
        text = f"{self.title} ("
        for index, group in enumerate(self.groups):
            text += f"\nParameter Group {index}\n"
            for name in sorted(group.options):
                text += f"    {name}: {group.options[name]}\n"
        return text + ")"


def decayed(gradient: Any, tensor: Tensor, options: dict[str, Any]) -> Any:
    """The gradient to follow: turned round to maximise, with the decay of weights added."""
    if options["maximize"]:
        gradient = np.asarray(-gradient)
    if options["weight_decay"]:
        gradient = gradient if options["maximize"] else gradient.copy()
        add_scaled(gradient, tensor.array, options["weight_decay"])
    return gradient
