"""`torch.`, `F.` and the rest: names before which a built-in keeps its meaning."""

from __future__ import annotations

from collections.abc import Mapping

from gradsh.engine import DIFFERENTIATION, backward
from gradsh.engine.functional_names import FUNCTIONAL
from gradsh.engine.linalg_names import LINALG


class Namespace:
    """A name such as `torch.linalg`, whose attributes are the built-ins and its inner namespaces.

    An attribute is looked up in the table when it is first asked for; later it is a native one.
    """

    def __init__(
        self, name: str, table: Mapping[str, object], inner: Mapping[str, object] | None = None
    ) -> None:
        self._name = name
        self._table = table
        self.__dict__.update({"." + key: value for key, value in (inner or {}).items()})

    def __getattr__(self, name: str) -> object:
        plain = name.removeprefix(".")
        if plain is name or plain.startswith(("@", "_")) or plain not in self._table:
            raise self._unknown(plain)
        value = self.__dict__[name] = self._table[plain]
        return value

    def _unknown(self, plain: str) -> AttributeError:
        from gradsh.language.diagnostics import suggestion

        error = AttributeError(f"module '{self._name}' has no attribute '{plain}'")
        inner = {name[1:] for name in self.__dict__ if name.startswith(".")}
        hint = suggestion(plain, {*inner, *self._table})
        if hint is not None:
            error.add_note(hint)
        return error

    def __dir__(self) -> list[str]:
        inner = [name for name in self.__dict__ if name.startswith(".")]
        return sorted({*inner, *("." + name for name in self._table if name.isidentifier())})

    def __repr__(self) -> str:
        return f"<module '{self._name}'>"


_OPTIMISERS = {
    "SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "RMSprop": "rmsprop", "Adagrad": "adagrad",
    "LBFGS": "lbfgs",
}  # fmt: skip
_SCHEDULES = {
    "StepLR": "step_lr", "ExponentialLR": "exponential", "CosineAnnealingLR": "cosine",
}  # fmt: skip
"""PyTorch's classes, and the functions that make the same here."""


WITHOUT_TORCH = ("linalg", "nn", "special", "autograd", "optim")
"""Modules that programs like to import by their last name."""


def torch_namespace(table: Mapping[str, object]) -> Namespace:
    """PyTorch's modules as far as a pasted expression may name them.

    Whatever the module, a name means what it means by itself, but for the few to which
    `torch.linalg` or `torch.nn.functional` give another meaning.
    """
    functional = Namespace("torch.nn.functional", table, FUNCTIONAL)
    optimisers = {name: table[own] for name, own in _OPTIMISERS.items()}
    schedules = {name: table[own] for name, own in _SCHEDULES.items()}
    optim = Namespace(
        "torch.optim",
        optimisers,
        {"lr_scheduler": Namespace("torch.optim.lr_scheduler", schedules)},
    )
    utils = Namespace("torch.nn.utils", table)
    inner = {
        "linalg": Namespace("torch.linalg", table, LINALG),
        "nn": Namespace("torch.nn", {}, {"functional": functional, "utils": utils}),
        "special": Namespace("torch.special", table),
        "fft": Namespace("torch.fft", table),
        "autograd": Namespace(
            "torch.autograd",
            table,
            {
                "backward": backward,
                "functional": Namespace("torch.autograd.functional", DIFFERENTIATION),
            },
        ),
        "utils": Namespace(
            "torch.utils", {}, {"checkpoint": Namespace("torch.utils.checkpoint", table)}
        ),
        "random": Namespace("torch.random", table),
        "optim": optim,
    }
    return Namespace("torch", table, inner)
