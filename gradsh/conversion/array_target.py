"""How a program of numpy, or of JAX, says what a gradsh program says.

Arrays know nothing of gradients: what the program prints of how a tensor was made is found out
from its text, and what cannot be found out is refused.
"""

from __future__ import annotations

import ast
from typing import Any, Final

from gradsh.conversion.array_helpers import NUMPY
from gradsh.conversion.array_names import ELEMENTWISE, FORMULAS, HELPED, REDUCTIONS
from gradsh.conversion.kinds import DTYPE, FUNCTION, NUMBER, SIZE, TENSOR, TEXT
from gradsh.conversion.python_text import call, constant, dotted, method
from gradsh.conversion.translator import LOAD, Translator, bound_in, is_internal, refuse
from gradsh.conversion.words import words
from gradsh.engine import DIFFERENTIATION
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.engine.optim import OPTIMISATION
from gradsh.language.statements import CommandCall

_NODES: Final[dict[type[ast.operator], str]] = {
    ast.Add: "AddBackward0",
    ast.Sub: "SubBackward0",
    ast.Mult: "MulBackward0",
    ast.Div: "DivBackward0",
}
_NODE_OF: Final = {
    name: f"{name.capitalize()}Backward0"
    for name in (
        "sum", "mean", "exp", "log", "sin", "cos", "tanh", "sqrt", "sigmoid", "relu", "abs", "neg",
    )
}  # fmt: skip
_CUT: Final = words("detach item data shape dtype ndim requires_grad grad is_leaf size numel dim")
_UNSEEN: Final = "?"
"""Of a tensor that records its history, when the name of its node is not known."""

RANDOM: Final = words("rand randn randint randperm")
_CREATION: Final = words("zeros ones full eye arange linspace tensor")
_CONVERSIONS: Final = {"float": "float32", "double": "float64", "long": "int64", "int": "int32"}


class ArrayTranslator(Translator):
    """What the programs of numpy and of JAX have in common."""

    np = "np"
    library = "numpy"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.history: dict[str, str] = {}
        self._blocks = 0

    # ---------------------------------------------------- what is recorded, and printed

    def made_by(self, node: ast.expr) -> str:
        """What a tensor's text says of its history: "", `grad_fn=<...>`, or _UNSEEN."""
        if isinstance(node, ast.Name):
            return self.history.get(node.id, "")
        if is_internal(node, "@grad_on"):
            return "requires_grad=True"
        if self._blocks or not self._records(node):
            return ""
        if isinstance(node, ast.BinOp) and type(node.op) in _NODES:
            return f"grad_fn=<{_NODES[type(node.op)]}>"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return "grad_fn=<NegBackward0>"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return "grad_fn=<PowBackward0>"
        if isinstance(node, ast.Call) and not node.keywords:
            function, values = node.func, node.args
            if isinstance(function, ast.Attribute) and not values:
                return self._made_by_function(function.attr.removeprefix("."))
            if isinstance(function, ast.Name) and len(values) == 1:
                return self._made_by_function(function.id)
        return _UNSEEN

    def _made_by_function(self, name: str) -> str:
        known = name in _NODE_OF and name not in self.kinds.names
        return f"grad_fn=<{_NODE_OF[name]}>" if known else _UNSEEN

    def _records(self, node: ast.AST) -> bool:
        """Whether an expression is computed from a tensor that requires grad."""
        if isinstance(node, ast.Name):
            definition = self.kinds.functions.get(node.id)
            if definition is not None and node.id not in self._seen:
                self._seen.add(node.id)
                try:
                    return any(self._records(ast.Name(x, LOAD)) for x in free_names(definition))
                finally:
                    self._seen.discard(node.id)
            return bool(self.history.get(node.id))
        if isinstance(node, ast.Attribute) and node.attr.removeprefix(".") in _CUT:
            return False
        if isinstance(node, (ast.Compare, ast.Lambda)):
            return False
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr.removeprefix(".")
            if name in _CUT or name in ("argmax", "argmin"):
                return False
        return any(self._records(child) for child in ast.iter_child_nodes(node))

    _seen: set[str] = set()  # noqa: RUF012 (names of functions that are looked through now)

    def printed(self, node: ast.expr, translated: ast.expr) -> ast.expr:
        """A value as an argument of Python's print."""
        kind = self.kind(node)
        if kind == FUNCTION:
            refuse(node, "Python prints a function in another way")
        if kind == SIZE:
            return method(dotted('"torch.Size({})"'), "format", call("list", translated))
        if kind == DTYPE:
            return method(dotted('"torch.{}"'), "format", translated)
        if kind in (NUMBER, TEXT):
            return translated
        made = self.made_by(node)
        if len(self._scopes) > 1 and any(self.history.values()):
            made = _UNSEEN  # a parameter may be recorded or not
        if made == _UNSEEN:
            refuse(node, f"{self.library} does not know what made this: print its .detach()")
        more = [constant(made)] if made else []
        return self.text(translated, more)

    def text(self, value: ast.expr, more: list[ast.expr]) -> ast.expr:
        """The text of an array, with what it says of its history."""
        return call(self.need("text"), value, *more)

    def print_call(self, values: list[ast.expr]) -> ast.expr:
        return call("print", *(self.printed(value, self.expr(value)) for value in values))

    def shown(self, node: Any, shows: bool) -> None:
        value = node.value
        if isinstance(value, CommandCall):
            self.command(value, node)
            return
        kind = self.kind(value)
        if shows and kind in (TENSOR, SIZE, DTYPE):
            translated = self.expr(value)
            self.line(ast.unparse(call("print", self.printed(value, translated))), node)
            return
        if shows and self.made_by(value):
            self.expr(value)  # which may have a better reason
            refuse(node, f"{self.library} does not know what made this: show its .detach()")
        super().shown(node, shows)

    def write_assign(self, node: ast.Assign) -> None:
        value = node.value
        if is_internal(value, "@unpack"):
            assert isinstance(value, ast.Call)
            value = value.args[0]
        target = node.targets[0]
        made = self.made_by(value)
        super().write_assign(node)
        if isinstance(target, ast.Name):
            self.history[target.id] = made
        elif isinstance(target, ast.Tuple) and made:
            for part in target.elts:
                if isinstance(part, ast.Name):
                    self.history[part.id] = _UNSEEN

    # ------------------------------------------------------------------- statements

    def with_block(self, node: ast.With, shows: bool) -> None:
        self.manager(node.items[0].context_expr)
        self._blocks += 1
        for position, child in enumerate(node.body):
            self.statement(child, shows=shows and position == len(node.body) - 1)
        self._blocks -= 1

    def mode(self, recording: bool) -> str:
        return ""

    def backward(self, node: ast.Call) -> ast.expr:
        refuse(node, self._no_gradients())

    def _no_gradients(self) -> str:
        if self.library == "numpy":
            return "numpy has no gradients: convert the program to torch or jax"
        return "this way to gradients cannot be converted to JAX: convert the program to torch"

    def command(self, node: ast.Call, statement: ast.Expr) -> None:
        name = getattr(node.args[0], "value", "")
        values = node.args[1]
        assert isinstance(values, ast.Tuple)
        if name == "seed":
            self.need("generator")
            written = call("generator.seed", self.expr(values.elts[0]))
            self.line(ast.unparse(written), statement)
        elif name != "export":
            refuse(statement, f"there is no `{name}` in a program of {self.library}")

    def command_value(self, node: CommandCall) -> ast.expr:
        refuse(node, f"there is no `minimize` in a program of {self.library}")

    # ------------------------------------------------------------------ expressions

    def requires_grad(self, value: ast.expr, node: ast.Call) -> ast.expr:
        return self.expr(value)

    def made(self, value: ast.expr, dtype: ast.expr | None) -> ast.expr:
        """What a creating function of numpy gives, in PyTorch's type."""
        raise NotImplementedError

    def dtype(self, name: str, node: ast.expr) -> ast.expr:
        """A type by its name in gradsh."""
        dtype = DTYPES.get(name) or ALIASES[name]
        if dtype.is_complex or dtype.name == "bfloat16":
            refuse(node, f"numbers of the type {dtype.name} cannot be converted to {self.library}")
        return dotted(f"{self.np}.{dtype.name}")

    def literal(self, node: ast.List) -> ast.expr:
        return self.made(self._nested(node), None)

    def _nested(self, node: ast.List) -> ast.expr:
        parts = [self._nested(x) if isinstance(x, ast.List) else self.expr(x) for x in node.elts]
        return ast.List(parts, LOAD)

    def builtin_value(self, name: str, node: ast.expr) -> ast.expr:
        if name in ("pi", "inf", "nan"):
            return dotted(f"math.{name}")
        if name in ("len", "range", "str"):
            return dotted(name)
        if name in DTYPES or name in ALIASES:
            return self.dtype(name, node)
        if name in ELEMENTWISE:
            return dotted(f"{self.np}.{ELEMENTWISE[name]}")
        if name == "args":
            return call("tuple", dotted("sys.argv[1:]"))
        return refuse(node, f"there is no `{name}` in {self.library}")

    def builtin_call(
        self, name: str, values: list[ast.expr], keywords: list[ast.keyword], node: ast.Call
    ) -> ast.expr:
        named = {part.arg or "": part.value for part in keywords}
        if name in ("len", "range", "str"):
            return ast.Call(dotted(name), [self.argument(value) for value in values], [])
        one = len(values) == 1 and self.kind(values[0]) in (NUMBER, TEXT)
        if name in ("int", "float", "bool") and one:
            return call(name, self.expr(values[0]))
        if (name in DTYPES or name in ALIASES) and len(values) == 1:
            value = self.argument(values[0])
            return method(value, "astype", self.dtype(name, node))
        if name in _CREATION:
            return self._created(name, values, named, node)
        if name in RANDOM:
            return self._random(name, values, named, node)
        if name in ("stack", "cat"):
            return self._joined(name, values, named, node)
        if name in ("reshape", "view", "permute", "squeeze"):
            return self._shaped(name, values, named, node)
        if name in REDUCTIONS:
            reduced = self._reduced(name, values, named, node)
            if reduced is not None:
                return reduced
        plain = set(named) <= {"dim"} and len(values) + len(named) == HELPED.get(name)
        if plain and name in HELPED:
            given = [*values, *named.values()]
            return call(self.need(name), *map(self.argument, given))
        template = FORMULAS.get(name)
        if template is None and name in ELEMENTWISE:
            count = len(values)
            template = f"{{np}}.{ELEMENTWISE[name]}({', '.join(f'{{{n}}}' for n in range(count))})"
        if template is None and (name in DIFFERENTIATION or name in OPTIMISATION):
            refuse(node, self._no_gradients())
        if template is None and name in HELPED:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        if template is None:
            refuse(node, f"there is no `{name}` in {self.library}")
        count = len({part for part in range(9) if f"{{{part}}}" in template})
        if named or len(values) != count:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        given = [self.argument(value) for value in values]
        if values and self.kind(values[0]) == NUMBER and name in ELEMENTWISE:
            given[0] = self.made(given[0], None)
        return _filled(template.replace("{np}", self.np), given)

    def _created(
        self, name: str, values: list[ast.expr], named: dict[str, ast.expr], node: ast.Call
    ) -> ast.expr:
        dtype = named.pop("dtype", None)
        named.pop("requires_grad", None)
        if named:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        kind = None if dtype is None else self.expr(dtype)
        if name == "tensor":
            (data,) = values
            given = self._nested(data) if isinstance(data, ast.List) else self.expr(data)
            return self.made(given, kind)
        given_values = [self.expr(value) for value in values]
        if name in ("zeros", "ones"):
            given_values = [self._size(values)]
        return self.made(ast.Call(dotted(f"{self.np}.{name}"), given_values, []), kind)

    def _size(self, values: list[ast.expr]) -> ast.expr:
        if len(values) == 1 and self.kind(values[0]) != NUMBER:
            return self.expr(values[0])
        return ast.Tuple([self.expr(value) for value in values], LOAD)

    def _random(
        self, name: str, values: list[ast.expr], named: dict[str, ast.expr], node: ast.Call
    ) -> ast.expr:
        self.need("generator")
        if named:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        if name == "randint" and len(values) == 2:
            values = [ast.Constant(0), *values]
        given = [self.expr(value) for value in values]
        if name in ("rand", "randn") and len(values) == 1 and self.kind(values[0]) != NUMBER:
            given = [ast.Starred(given[0], LOAD)]
        return call(name, *given)

    def _joined(
        self, name: str, values: list[ast.expr], named: dict[str, ast.expr], node: ast.Call
    ) -> ast.expr:
        """`cat([a, b], 0)`, `stack(a, b)`."""
        axis = named.pop("dim", None)
        if values and isinstance(values[0], ast.List):
            parts: ast.expr = self._tensors(values[0].elts)
            rest = values[1:]
        elif values and self.kind(values[0]) != TENSOR:
            parts, rest = self.expr(values[0]), values[1:]
        else:
            rest = [value for value in values if self.kind(value) == NUMBER]
            parts = self._tensors(values[: len(values) - len(rest)])
        if named or len(rest) > 1:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        axis = rest[0] if rest else axis
        more = {} if axis is None else {"axis": self.expr(axis)}
        return call(f"{self.np}.{'stack' if name == 'stack' else 'concatenate'}", parts, **more)

    def _tensors(self, values: list[ast.expr]) -> ast.expr:
        return ast.List([self.argument(value) for value in values], LOAD)

    def _shaped(
        self, name: str, values: list[ast.expr], named: dict[str, ast.expr], node: ast.Call
    ) -> ast.expr:
        if named:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        value, *lengths = [self.argument(part) for part in values]
        names = {"permute": "transpose", "squeeze": "squeeze"}
        return method(value, names.get(name, "reshape"), *lengths)

    def _reduced(
        self, name: str, values: list[ast.expr], named: dict[str, ast.expr], node: ast.Call
    ) -> ast.expr | None:
        """A reduction along `dim`; None if the arguments are others, as two tensors for max."""
        value, *rest = values
        axis = named.pop("dim", None)
        keep = named.pop("keepdim", None)
        if rest and axis is None:
            axis, *rest = rest
        if rest and keep is None:
            keep, *rest = rest
        if name in ("max", "min") and (axis is not None):
            if self.kind(axis) == TENSOR and keep is None and not named and not rest:
                return call(f"{self.np}.{name}imum", self.expr(value), self.expr(axis))
            refuse(
                node, f"`{name}` along a dimension gives two tensors: write a{name} or arg{name}"
            )
        if named or rest:
            refuse(node, f"`{name}` with these arguments has no counterpart in {self.library}")
        more: dict[str, ast.expr] = {}
        if axis is not None:
            more["axis"] = self.expr(axis)
        if keep is not None:
            more["keepdims"] = self.expr(keep)
        return call(f"{self.np}.{REDUCTIONS[name]}", self.argument(value), **more)

    def linalg_call(self, name: str, values: list[ast.expr], node: ast.Call) -> ast.expr:
        if name == "norm" and len(values) == 1 and not node.keywords:
            return call(f"{self.np}.linalg.norm", self.expr(values[0]))
        return refuse(node, f"there is no such `torch.linalg.{name}` in {self.library}")

    def method_call(
        self, base: ast.expr, name: str, values: list[ast.expr], node: ast.Call
    ) -> ast.expr:
        if name == "size" and len(values) == 1:
            return ast.Subscript(
                ast.Attribute(self.expr(base), "shape", LOAD), self.expr(values[0]), LOAD
            )
        if name == "size" and not values:
            return ast.Attribute(self.expr(base), "shape", LOAD)
        if name in _CONVERSIONS or (name == "to" and len(values) == 1):
            kind = self.expr(values[0]) if values else self.dtype(_CONVERSIONS[name], node)
            return method(self.expr(base), "astype", kind)
        if name == "tolist":
            return method(self.expr(base), "tolist")
        if name in ("backward", "step", "zero_grad", "register_hook", "retain_grad"):
            refuse(node, self._no_gradients())
        if name == "requires_grad_" and isinstance(base, ast.Name):
            off = [getattr(value, "value", None) for value in values] == [False]
            self.history[base.id] = "" if off else "requires_grad=True"
            return self.expr(base)
        if name.endswith("_"):
            refuse(node, f"there is no method `{name}` in {self.library}")
        return self.builtin_call(name, [base, *values], node.keywords, node)

    def attribute(self, node: ast.Attribute, name: str) -> ast.expr:
        if name in ("T", "shape", "ndim", "dtype", "real", "imag"):
            return ast.Attribute(self.expr(node.value), name, node.ctx)
        if name == "mT":
            return call(f"{self.np}.swapaxes", self.expr(node.value), constant(-1), constant(-2))
        if name == "data" and isinstance(node.ctx, ast.Load):
            return self.expr(node.value)
        if name in ("values", "indices", "solution"):
            refuse(node, f"there is no attribute `{name}` in {self.library}")
        return refuse(
            node, f"{self.library} has no gradients, and so no `{name}`: convert to torch"
        )


class NumpyTranslator(ArrayTranslator):
    """Writes a program of numpy, without gradients."""

    helpers = NUMPY
    imports = {  # noqa: RUF012
        "math": "import math",
        "sys": "import sys",
        "np": "import numpy as np",
    }

    def made(self, value: ast.expr, dtype: ast.expr | None) -> ast.expr:
        self.need("Tensor")
        return call("tensor", value, *([] if dtype is None else [dtype]))

    def text(self, value: ast.expr, more: list[ast.expr]) -> ast.expr:
        return call(self.need("text"), value, *more) if more else value


def free_names(node: ast.AST) -> set[str]:
    """The names that a node reads and, if it defines functions, these do not bind themselves."""
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        own = {argument.arg for argument in node.args.args}
        body = node.body if isinstance(node.body, list) else [node.body]
        if isinstance(node, ast.FunctionDef):
            own |= bound_in(node.body)
        return set().union(*map(free_names, body)) - own
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    return set().union(*map(free_names, ast.iter_child_nodes(node)))


def _filled(template: str, values: list[ast.expr]) -> ast.expr:
    """An expression with values in the places `{0}`, `{1}` and so on."""
    for place in range(len(values)):
        template = template.replace(f"{{{place}}}", f"value_{place}_")
    tree = ast.parse(template, mode="eval").body
    filled: ast.expr = _Filling({f"value_{n}_": v for n, v in enumerate(values)}).visit(tree)
    return filled


class _Filling(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node)
