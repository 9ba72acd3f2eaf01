"""The command `minimize E over w, b [using adam(lr=0.1)] [steps N] [until TOL]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradsh.engine.anomaly import Origin
from gradsh.engine.arguments import type_name
from gradsh.engine.modes import RUNNING
from gradsh.engine.optim import Optimizer, lbfgs
from gradsh.engine.optim.minimize import STEPS, LossIsNan, check_parameters, minimize
from gradsh.engine.tensor import Tensor
from gradsh.language.diagnostics import expression_at
from gradsh.language.units import Unit, written_in

if TYPE_CHECKING:
    from gradsh.session.session import Session


def run_minimize(session: Session, loss: Callable[[], Any], parts: dict[str, Any]) -> Tensor:
    """Minimise `loss()` over the tensors that the command names; the history of the loss.

    In the shell, a line tells how far the loss fell if the command is a statement of its own.
    Without `using` it is lbfgs with a line search, an iteration a step, until the loss stands.
    Raises TypeError or ValueError for wrong parts, and what `gradsh.engine.optim.minimize` raises.
    """
    over: tuple[Any, ...] = parts["over"]
    check_parameters(over, parts["over_text"])
    steps, until = parts.get("steps"), parts.get("until")
    if steps is not None:
        steps = _whole_number(steps)
    if until is not None:
        until = _number(until)
    if "using" in parts:
        optimiser: Optimizer = parts["using"](over)
    else:
        optimiser = lbfgs(*over, max_iter=1, line_search_fn="strong_wolfe")
        until = 0.0 if steps is None and until is None else until
    total = STEPS if steps is None and until is None else steps
    try:
        with session.output.progress("minimize", total) as progress:
            losses = minimize(
                loss, over, optimiser, steps=steps, until=until, report=progress.update
            )
    except LossIsNan as error:
        error.add_note(_advice(error, parts["over_text"]))
        raise
    if session.echo and _stands_alone():
        session.output.remark(_told(losses))
    return losses


def _stands_alone() -> bool:
    """Whether the command is the whole statement that runs: then nothing else shows its losses."""
    unit = RUNNING.place
    return isinstance(unit, Unit) and not unit.quiet and unit.text.startswith("minimize ")


def _told(losses: Tensor) -> str:
    first, last, count = losses.array[0], losses.array[-1], len(losses.array)
    return f"loss {first:.4g} -> {last:.4g}, {count} step{'s' if count > 1 else ''}"


def _whole_number(value: Any) -> int:
    if isinstance(value, Tensor) and value.array.size == 1:
        value = value.item()
    if type(value) is not int or value < 1:
        shown = value if isinstance(value, (int, float)) else type_name(value)
        raise ValueError(f"steps must be a whole number of at least 1, not {shown}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, Tensor) and value.array.size == 1:
        value = value.item()
    if type(value) not in (int, float) or not value >= 0:
        shown = value if isinstance(value, (int, float)) else type_name(value)
        raise ValueError(f"until must be a tolerance of at least 0, not {shown}")
    return float(value)


def _advice(error: LossIsNan, names: tuple[str, ...]) -> str:
    text = None if error.origin is None else _source_of(error.origin)
    where = "" if text is None else f"the first nan came from `{text}`; "
    if error.step == 1:
        return f"{where}start from other values of {', '.join(names)}"
    return f"{where}the last good values of {', '.join(names)} are kept: try a smaller lr"


def _source_of(origin: Origin) -> str | None:
    """The text of the user's expression that called the operation, if it is short enough."""
    for code, offset in origin.places:
        if written_in(code) is not None:
            return expression_at((code, offset, None))
    return None
