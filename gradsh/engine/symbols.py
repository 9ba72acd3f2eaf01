"""Formulas read on symbols: what a declaration says of its derivatives, as text.

A formula is a Python function over operators, numpy's functions and declared operations. Run on
a `Symbol` it computes nothing and records what it would compute; the record is written as an
expression of gradsh's language:

    derivative(OPS["tanh"], "input").text == "g * (1 - out^2)"

How a formula is read follows from what it calls:
- an operator, a numpy function, or an operation that a user can call is recorded by name;
- a helper, or an operation that is `hidden`, is read through where its body is an expression;
  where it is a program (it branches, loops, or needs the numbers), it is recorded by name, and
  the first sentence of its docstring becomes a note;
- a formula that branches is run once for each way it can go, and has so many cases;
- a formula that is a program itself is told by the first sentence of its docstring.

Formulas are read for real operands: conjugations, which complex ones need, are left out. Nothing
here is imported before somebody asks for a text.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import cleandoc
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from gradsh.engine.dtypes import DType
from gradsh.engine.op import FUNCTIONS, OPS, Op

_MOST_CASES = 4
_DEEPEST = 6
_SHORT = 12


class Unreadable(Exception):
    """A formula asks for what a symbol does not have: it is a program, not an expression."""


class Symbol:
    """A name, or a call that was recorded instead of computed.

    `function` is the name of a gradsh function and `operands` what it was called with; a symbol
    without operands is a name of its own.
    """

    __slots__ = ("function", "named", "operands", "reading")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        reading: Reading,
        function: str,
        operands: Sequence[Any] | None = None,
        named: Mapping[str, Any] | None = None,
    ) -> None:
        self.reading = reading
        self.function = function
        self.operands = operands
        self.named = named or {}

    def recorded(self, function: str, *operands: Any, **named: Any) -> Symbol:
        """A call of `function` in the same reading."""
        return Symbol(self.reading, function, operands, named)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Formulas are read for real operands."""
        return np.dtype(np.float64)

    @property
    def shape(self) -> Symbol:
        """The shape, a symbol too."""
        return self.recorded(".shape", self)

    @property
    def ndim(self) -> Symbol:
        """The number of dimensions."""
        return self.recorded(".ndim", self)

    def __getitem__(self, key: Any) -> Symbol:
        return self.recorded("[]", self, key)

    def __bool__(self) -> bool:
        return self.reading.decide(self)

    def __iter__(self) -> Iterator[Any]:
        raise Unreadable("a loop over a symbol")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **named: Any) -> Symbol:
        name = _NUMPY_NAMES.get(ufunc.__name__, ufunc.__name__)
        if method != "__call__":
            name = _UFUNC_METHODS.get((name, method), "")
        return self._of_numpy(name, inputs, named)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], named: dict[str, Any]
    ) -> Symbol:
        return self._of_numpy(_NUMPY_NAMES.get(function.__name__, function.__name__), args, named)

    def _of_numpy(self, name: str, args: Sequence[Any], named: dict[str, Any]) -> Symbol:
        if name not in FUNCTIONS:
            raise Unreadable(f"numpy's {name or 'function'} has no name in gradsh")
        keywords = {"axis": "dim", "keepdims": "keepdim"}
        return self.recorded(name, *args, **{keywords.get(k, k): v for k, v in named.items()})

    def __repr__(self) -> str:
        return text(self)


_NUMPY_NAMES = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "power": "pow",
    "negative": "neg", "absolute": "abs", "conjugate": "conj", "remainder": "remainder",
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "equal": "eq",
    "not_equal": "ne", "invert": "bitwise_not", "concatenate": "cat",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "swapaxes": "transpose",
}  # fmt: skip
_UFUNC_METHODS = {
    ("add", "reduce"): "sum", ("mul", "reduce"): "prod",
    ("maximum", "reduce"): "amax", ("minimum", "reduce"): "amin",
    ("add", "accumulate"): "cumsum", ("mul", "accumulate"): "cumprod",
}  # fmt: skip


def _give_operators() -> None:
    """Give Symbol Python's operators, each recorded under the name of gradsh's function."""

    def binary(name: str) -> Any:
        return lambda self, other: self.recorded(name, self, other)

    def reflected(name: str) -> Any:
        return lambda self, other: self.recorded(name, other, self)

    def unary(name: str) -> Any:
        return lambda self: self.recorded(name, self)

    for operator, name in {
        "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide",
        "mod": "remainder", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or",
        "matmul": "matmul",
    }.items():  # fmt: skip
        setattr(Symbol, f"__{operator}__", binary(name))
        setattr(Symbol, f"__r{operator}__", reflected(name))
    for operator in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Symbol, f"__{operator}__", binary(operator))
    for operator, name in {"neg": "neg", "abs": "abs", "invert": "bitwise_not"}.items():
        setattr(Symbol, f"__{operator}__", unary(name))


_give_operators()


class Reading:
    """One run of a formula on symbols. Where it branches it goes the way that `ways` says.

    `decided` holds the conditions that were met, with the way taken; beyond `ways` it is the
    true one. `notes` holds the helpers that were recorded by name, `parts` names the symbols
    that are written apart because they occur several times.
    """

    def __init__(self, ways: Sequence[bool] = ()) -> None:
        self.ways = ways
        self.decided: list[tuple[Symbol, bool]] = []
        self.notes: dict[str, Any] = {}
        self.parts: dict[int, str] = {}
        self.depth = 0

    def decide(self, condition: Symbol) -> bool:
        """The way to go at a branch of the formula; a helper with branches is not read through."""
        if self.depth:
            raise Unreadable("a branch in a helper")
        if len(self.decided) >= _MOST_CASES:
            raise Unreadable("too many branches")
        index = len(self.decided)
        way = self.ways[index] if index < len(self.ways) else True
        self.decided.append((condition, way))
        return way

    def copy(self, function: Any) -> Callable[..., Any]:
        """`function` in a namespace where what belongs to the engine records."""
        wanted = set(_names_in(function.__code__))
        given = function.__globals__
        names = {name: self.stand_in(given[name]) for name in wanted if name in given}
        names["__builtins__"] = vars(builtins) | {"len": self._length, "__import__": self._import}
        copy = FunctionType(
            function.__code__, names, function.__name__, function.__defaults__, function.__closure__
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        return copy

    def stand_in(self, value: Any) -> Any:
        """What stands for a global name: for a function of the engine one that records."""
        if not isinstance(value, FunctionType) or not value.__module__.startswith("gradsh."):
            return value

        def call(*args: Any, **named: Any) -> Any:
            if not any(map(_holds_symbol, (*args, *named.values()))):
                return value(*args, **named)
            return self._call(value, args, named)

        return call

    def _call(self, function: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        op: Op | None = getattr(function, "op", None)
        name = function.__name__
        if name in FUNCTIONS and (FUNCTIONS[name] is function or OPS.get(name) is op is not None):
            return Symbol(self, name, args, named)
        self.depth += 1
        before = len(self.notes)
        try:
            if self.depth > _DEEPEST:
                raise Unreadable("helpers too deep")
            result = self.copy(function if op is None else op.forward)(*args, **named)
            inner = list(self.notes)[before:]
            forwards = isinstance(result, Symbol) and inner == [result.function]
            if inner and function.__doc__ and not (forwards and self.notes[inner[0]].__doc__):
                raise Unreadable("its own name says more than those of its helpers")
            text(result)  # it has one
            return result
        except Exception:  # noqa: BLE001 (whatever it needed a number for: it is a program)
            shown = name.lstrip("_")
            for hidden in list(self.notes)[before:]:
                del self.notes[hidden]
            self.notes[shown] = function
            return Symbol(self, shown, args, named)
        finally:
            self.depth -= 1

    def _length(self, value: Any) -> Any:
        return value.recorded("len", value) if isinstance(value, Symbol) else len(value)

    def _import(self, name: str, *rest: Any) -> Any:
        module = __import__(name, *rest)
        if not name.startswith("gradsh."):
            return module
        names = vars(module)
        return SimpleNamespace(**{name: self.stand_in(names[name]) for name in rest[2] or ()})


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _holds_symbol(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_holds_symbol, value))
    return isinstance(value, Symbol)


class Case(NamedTuple):
    """One way through a formula: the condition for it (none: otherwise) and its expression.

    `parts` are the names that the expression uses for what occurs in it several times.
    """

    condition: str | None
    expression: str
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The expression, and after `with` what its own names stand for."""
        parts = ", ".join(f"{name} = {meaning}" for name, meaning in self.parts)
        return f"{self.expression} with {parts}" if parts else self.expression


class Derivative(NamedTuple):
    """What a formula says: its cases, of which the first that holds counts.

    `notes` has the calls in it that are no functions of the language, each with what it gives.
    """

    cases: tuple[Case, ...]
    notes: dict[str, str]
    is_expression: bool

    @property
    def text(self) -> str:
        """The cases in one line."""
        if len(self.cases) == 1:
            return self.cases[0].text
        return "; ".join(
            f"{case.text} {'otherwise' if case.condition is None else f'if {case.condition}'}"
            for case in self.cases
        )


def derivative(op: Op, operand: str) -> Derivative:
    """The cotangent of `operand`, from the cotangent `g` of the result `out`."""
    formula = op.formulas[operand]
    cases: list[Case] = []
    notes: dict[str, str] = {}
    ways: list[bool] | None = []
    while ways is not None:
        reading = Reading(ways)
        try:
            case = _case(reading, op, formula)
        except Exception:  # noqa: BLE001 (whatever it needed a number for: it is a program)
            return _told(formula)
        cases.append(case)
        notes |= {
            _call_of(name, function): first_sentence(function.__doc__)
            for name, function in reading.notes.items()
        }
        taken = [way for _, way in reading.decided]
        while taken and not taken[-1]:
            taken.pop()
        ways = [*taken[:-1], False] if taken else None
        if len(cases) > _MOST_CASES:
            return _told(formula)
    return Derivative(tuple(cases), notes, is_expression=True)


def _case(reading: Reading, op: Op, formula: Any) -> Case:
    """What one reading of a formula gives."""
    _, *names = formula.__code__.co_varnames[: formula.__code__.co_argcount]
    symbols = [Symbol(reading, _shown(name)) for name in names]
    g: Any = Symbol(reading, "g")
    if len(op.outputs) > 1:
        g = [Symbol(reading, f"g.{name}") for name in op.outputs]
    parts: list[tuple[str, str]] = []
    try:
        result = reading.copy(formula)(g, *symbols)
    except RuntimeError as error:  # what has no derivative says so
        if isinstance(error, RecursionError):
            raise
        expression = f"none: {str(error).removesuffix('.')}"
    else:
        parts = _name_parts(reading, result)
        expression = text(result)
    conditions = [text(condition, _COMPARE) for condition, way in reading.decided if way]
    return Case(" and ".join(conditions) or None, expression, tuple(parts))


def _name_parts(reading: Reading, result: Any) -> list[tuple[str, str]]:
    """Give names to the calls that occur several times and are long to write."""
    uses: dict[int, int] = {}
    order: list[Symbol] = []

    def visit(value: Any) -> None:
        if isinstance(value, (tuple, list)):
            for item in value:
                visit(item)
        elif isinstance(value, Symbol) and value.operands is not None:
            uses[id(value)] = uses.get(id(value), 0) + 1
            if uses[id(value)] == 1:
                visit((*value.operands, *value.named.values()))
                order.append(value)

    visit(result)
    parts = []
    letters = iter("uvwyz")
    for symbol in order:
        if uses[id(symbol)] > 1 and not symbol.function.startswith("."):
            written = text(symbol)
            name = next(letters, None) if len(written) > _SHORT else None
            if name is not None:
                parts.append((name, written))
                reading.parts[id(symbol)] = name
    return parts


def _call_of(name: str, function: Any) -> str:
    """How a helper is called: its name with its parameters."""
    op: Op | None = getattr(function, "op", None)
    code = function.__code__ if op is None else op.forward.__code__
    return f"{name}({', '.join(code.co_varnames[: code.co_argcount])})"


def _shown(parameter: str) -> str:
    base = parameter.removesuffix("_shape")
    return parameter if base == parameter else f"{base}.shape"


def _told(formula: Any) -> Derivative:
    """A formula that is a program, in words."""
    words = first_sentence(formula.__doc__) or f"by the rule {formula.__name__.strip('_<>')}"
    return Derivative((Case(None, words),), {}, is_expression=False)


def first_sentence(doc: str | None) -> str:
    """The first sentence of a docstring, without its full stop."""
    paragraph = cleandoc(doc or "").split("\n\n")[0].replace("\n", " ")
    return paragraph.split(". ")[0].removesuffix(".")


# Precedence as in the language's grammar, the loosest first.
_COMPARE, _OR, _AND, _SUM, _PRODUCT, _SIGN, _POWER, _CALL = range(2, 10)
_BINARY = {
    "eq": ("==", _COMPARE), "ne": ("!=", _COMPARE), "lt": ("<", _COMPARE), "le": ("<=", _COMPARE),
    "gt": (">", _COMPARE), "ge": (">=", _COMPARE), "bitwise_or": ("|", _OR),
    "bitwise_and": ("&", _AND), "logical_or": ("|", _OR), "logical_and": ("&", _AND),
    "add": ("+", _SUM), "sub": ("-", _SUM), "mul": ("*", _PRODUCT), "div": ("/", _PRODUCT),
    "floor_divide": ("//", _PRODUCT), "remainder": ("%", _PRODUCT), "matmul": ("@", _PRODUCT),
    "pow": ("^", _POWER),
}  # fmt: skip
_UNARY = {"neg": "-", "bitwise_not": "~"}
_REGROUPED = {("mul", "mul"), ("mul", "div"), ("add", "add"), ("add", "sub")}
"""Operations whose right operand needs no brackets: the value is the same, up to rounding."""


def text(value: Any, level: int = 0) -> str:
    """`value` as an expression of the language; in brackets where it binds looser than `level`."""
    written, binds = _written(value)
    return written if binds >= level else f"({written})"


def _written(value: Any) -> tuple[str, int]:
    """The text of a value, and how tightly it binds."""
    if not isinstance(value, Symbol):
        return _constant(value)
    if id(value) in value.reading.parts:
        return value.reading.parts[id(value)], _CALL
    name, operands = value.function, value.operands
    if operands is None:
        return name, _CALL
    if name.startswith("."):
        return f"{text(operands[0], _CALL)}{name}", _CALL
    if name == "[]":
        return f"{text(operands[0], _CALL)}[{_index(operands[1])}]", _CALL
    if not value.named and len(operands) == 2 and name in _BINARY:
        return _infix(name, *operands)
    if not value.named and len(operands) == 1 and name in _UNARY:
        return f"{_UNARY[name]}{text(operands[0], _SIGN + 1)}", _SIGN
    listed = [text(operand) for operand in operands]
    listed += [f"{key}={text(operand)}" for key, operand in value.named.items()]
    return f"{name}({', '.join(listed)})", _CALL


def _index(key: Any) -> str:
    if isinstance(key, tuple):
        return ", ".join(map(_index, key))
    if not isinstance(key, slice):
        return "..." if key is ... else text(key)
    start, stop = ("" if bound is None else text(bound) for bound in (key.start, key.stop))
    return f"{start}:{stop}" + ("" if key.step is None else f":{text(key.step)}")


def _infix(name: str, left: Any, right: Any) -> tuple[str, int]:
    sign, binds = _BINARY[name]
    if name == "add" and (taken := _without_sign(left)) is not None:
        return _infix("sub", right, taken)
    if name == "mul":
        power = _repeated(left, right)
        if power is not None:
            return power, _POWER
    if name == "pow":  # from right to left; a sign in an exponent is clearer in brackets
        return f"{text(left, _CALL)}^{text(right, _POWER)}", binds
    nested = right.function if isinstance(right, Symbol) else ""
    if _written(right)[1] == _PRODUCT and not nested:
        nested = "div"  # a number as a quotient
    if name == "mul" and nested == "mul" and _repeated(*right.operands) is not None:
        nested = ""
    below = binds if (name, nested) in _REGROUPED else binds + 1
    first = text(left, binds + 1 if binds == _COMPARE else binds)
    return f"{first} {sign} {text(right, below)}", binds


def _without_sign(value: Any) -> Symbol | None:
    """What a symbol is the negative of, if it is one: -a * b + c reads better as c - a * b."""
    if not isinstance(value, Symbol) or id(value) in value.reading.parts or not value.operands:
        return None
    if value.function == "neg":
        return value.operands[0]  # type: ignore[no-any-return]
    if value.function == "mul" and (first := _without_sign(value.operands[0])) is not None:
        return first * value.operands[1]  # type: ignore[no-any-return]
    return None


def _repeated(left: Any, right: Any) -> str | None:
    """x * x as x^2, and x * x * x as x^3."""
    if not isinstance(left, Symbol) or not isinstance(right, Symbol):
        return None
    base = text(right, _CALL)
    count = 2
    while left.function == "mul" and left.operands and text(left.operands[1], _CALL) == base:
        left, count = left.operands[0], count + 1
    return f"{base}^{count}" if text(left, _CALL) == base else None


def _constant(value: Any) -> tuple[str, int]:
    """A value that is no symbol: a number, a text, a tuple, none."""
    if value is None:
        return "none", _CALL
    if isinstance(value, np.ndarray) and not value.ndim:
        return _constant(value[()])
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower(), _CALL
    if isinstance(value, (int, float, np.integer, np.floating)):
        return _number(float(value) if isinstance(value, (float, np.floating)) else int(value))
    if isinstance(value, str):
        return f'"{value}"', _CALL
    if isinstance(value, DType):
        return repr(value).removeprefix("torch."), _CALL
    if isinstance(value, (tuple, list)):
        items = ", ".join(map(text, value))
        return f"({items},)" if len(value) == 1 else f"({items})", _CALL
    raise Unreadable(f"a {type(value).__name__} in a formula")


_KNOWN = {
    "log(2)": math.log(2), "log(10)": math.log(10), "pi": math.pi, "sqrt(pi)": math.sqrt(math.pi),
    "sqrt(2)": math.sqrt(2), "sqrt(2 * pi)": math.sqrt(2 * math.pi),
    "sqrt(2 / pi)": math.sqrt(2 / math.pi),
}  # fmt: skip


def _number(value: float) -> tuple[str, int]:
    """A number as one would write it: 2 for 2.0, and `2 / sqrt(pi)` where it is that."""
    if value < 0:
        written, binds = _number(-value)
        return f"-{written}", min(binds, _SIGN)
    if value == math.floor(value) < 1e15 or not math.isfinite(value):
        return (f"{value:.0f}" if math.isfinite(value) else str(value)), _CALL
    found = [
        _with_constant(name, round(whole), divisor, over)
        for name, constant in _KNOWN.items()
        for over, ratio in ((False, value / constant), (True, value * constant))
        for divisor in (1, 2)
        if abs((whole := ratio * divisor) - round(whole)) < 4e-16 * whole and 1 <= whole <= 4
    ]
    return min(found, key=lambda written: len(written[0])) if found else (repr(value), _CALL)


def _with_constant(name: str, factor: int, divisor: int, over: bool) -> tuple[str, int]:
    """factor / divisor times the constant, or over it."""
    if factor % divisor == 0:
        factor, divisor = factor // divisor, 1
    if over:
        below = name if divisor == 1 else f"({divisor} * {name})"
        return f"{factor} / {below}", _PRODUCT
    if factor == divisor:
        return name, _CALL
    written = name if factor == 1 else f"{factor} * {name}"
    return (written if divisor == 1 else f"{written} / {divisor}"), _PRODUCT
