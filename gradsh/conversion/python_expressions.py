"""Expressions of Python code that uses PyTorch as expressions of gradsh."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn

from gradsh.conversion.torch_modules import (
    ACTIVATIONS,
    LOSSES,
    OPTIMISERS,
    own_name,
    why_not,
)
from gradsh.conversion.words import words
from gradsh.engine import METHODS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.language.texts import check_specification

LAMBDA, OR, AND, NOT, COMPARE, BIT_OR, BIT_AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(12)
"""How tightly an expression's outermost operator binds, the loosest first."""

_BINARY: Final[dict[type[ast.operator], tuple[str, int]]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.FloorDiv: ("//", PRODUCT),
    ast.Mod: ("%", PRODUCT),
    ast.MatMult: ("@", PRODUCT),
    ast.BitOr: ("|", BIT_OR),
    ast.BitAnd: ("&", BIT_AND),
}
_FUNCTIONS_OF: Final[dict[type[ast.operator], str]] = {
    ast.BitXor: "bitwise_xor",
    ast.LShift: "bitwise_left_shift",
    ast.RShift: "bitwise_right_shift",
}
_COMPARE: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "==",
    ast.IsNot: "!=",
}
_ATTRIBUTES: Final = words(
    "T mT H mH _version data dtype grad grad_fn is_leaf ndim real imag requires_grad retains_grad "
    "shape next_functions param_groups lr itemsize is_floating_point is_complex "
    "values indices sign logabsdet solution residuals rank singular_values eigenvalues "
    "eigenvectors Q R U S Vh L LU pivots counts mantissa exponent"
)
_METHODS: Final = words(
    "backward item step zero_grad remove register_hook register_post_accumulate_grad_hook name "
    "get_last_lr numel retain_grad detach requires_grad_ tolist size dim stride element_size"
)
_WITHOUT_EFFECT: Final = words("cpu")
_HARD: Final = words(
    "print backward nograd enablegrad if else while for in break continue return def try catch "
    "assert del run import and or not true True false False none None"
)
_COMMANDS: Final = words(
    "graph explain check plot show vars help time anomaly set seed save load export minimize hist "
    "contour why grads grad"
)
_MATHEMATICS: Final = words(
    "sqrt exp log log2 log10 sin cos tan asin acos atan sinh cosh tanh exp2 expm1 log1p"
)
_PLAIN: Final = words("range len str")


class CannotConvert(Exception):
    """What gradsh has nothing for, at a line of the source."""

    def __init__(self, node: Any, reason: str) -> None:
        super().__init__(reason)
        self.line: int = node.lineno
        self.reason = reason


def refuse(node: Any, reason: str) -> NoReturn:
    """Raise CannotConvert for a node."""
    raise CannotConvert(node, reason)


class Names:
    """What the names of a module mean: which are imported, which the code binds, and to what.

    A name has a kind where everything that is bound to it has that kind: "number", "list",
    "text", "device", "error", "function". `helpers` are the functions that an earlier conversion
    brought along, which gradsh has itself; `outside` those variables of comprehensions that are
    bound elsewhere too.
    """

    def __init__(self, tree: ast.Module, imports: dict[str, str], helpers: set[str]) -> None:
        self.imports = imports
        self.helpers = helpers
        self.bound: set[str] = set()
        self.kinds: dict[str, str] = {}
        self.functions: dict[str, ast.ClassDef] = {}
        bindings: list[tuple[str, ast.expr | str]] = []
        for statement in tree.body:
            if getattr(statement, "name", None) not in helpers:
                for node in ast.walk(statement):
                    bindings += self._bindings(node)
        self.bound = {name for name, _ in bindings} - set(imports) - helpers
        inside = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.comprehension)
            for name in _names(node.target)
        }
        counts = [name for name, _ in bindings]
        self.outside = {name for name in inside if counts.count(name) > 1}
        for _ in range(3):
            self.kinds = self._found(bindings)
        self.renamed = {name: self._free(name) for name in sorted(self.bound)}

    def _bindings(self, node: ast.AST) -> list[tuple[str, ast.expr | str]]:
        if isinstance(node, ast.Assign):
            return [pair for target in node.targets for pair in _pairs(target, node.value)]
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            return _pairs(node.target, node.value)
        if isinstance(node, ast.AugAssign):
            return _pairs(node.target, node.value)
        if isinstance(node, (ast.For, ast.comprehension)):
            function = _plain_name(node.iter.func) if isinstance(node.iter, ast.Call) else ""
            names = _names(node.target)
            counters = {"range": len(names), "enumerate": 1}.get(function, 0)
            return [(name, "number" if n < counters else "") for n, name in enumerate(names)]
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            arguments = [(argument.arg, "") for argument in node.args.args]
            own = [(node.name, "function")] if isinstance(node, ast.FunctionDef) else []
            return [*own, *arguments]
        if isinstance(node, ast.ClassDef):
            self.functions[node.name] = node
            return [(node.name, "function")]
        if isinstance(node, ast.ExceptHandler) and node.name:
            return [(node.name, "error")]
        if isinstance(node, ast.withitem) and node.optional_vars is not None:
            return [(name, "") for name in _names(node.optional_vars)]
        return []

    def _found(self, bindings: list[tuple[str, ast.expr | str]]) -> dict[str, str]:
        kinds: dict[str, set[str]] = {}
        for name, value in bindings:
            kind = value if isinstance(value, str) else self.kind(value)
            kinds.setdefault(name, set()).add(kind)
        return {name: found.pop() for name, found in kinds.items() if len(found) == 1}

    def kind(self, node: ast.expr) -> str:
        """The kind of a value, "" if it is not known."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                return "text"
            return "number" if isinstance(node.value, (int, float)) else ""
        if isinstance(node, ast.Name):
            return self.kinds.get(node.id, "")
        if isinstance(node, ast.JoinedStr):
            return "text"
        if isinstance(node, (ast.List, ast.ListComp)):
            return "list"
        if isinstance(node, ast.UnaryOp):
            return self.kind(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = self.kind(node.left), self.kind(node.right)
            return left if left == right else ""
        if isinstance(node, ast.IfExp):
            left, right = self.kind(node.body), self.kind(node.orelse)
            return left if left == right else ""
        if isinstance(node, ast.Subscript):
            shape = isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
            return "number" if shape else ""
        if isinstance(node, ast.Call):
            return self._kind_of_call(node)
        if isinstance(node, ast.Attribute):
            return "number" if self.path(node) in ("math.pi", "math.e") else ""
        return ""

    def _kind_of_call(self, node: ast.Call) -> str:
        path = self.path(node.func)
        if path == "torch.device":
            return "device"
        if path is not None and path.startswith("math."):
            return "number"
        if isinstance(node.func, ast.Attribute) and path is None:
            if node.func.attr in ("item", "numel", "dim"):
                return "number"
            return "number" if node.func.attr == "size" and node.args else ""
        if _plain_name(node.func) in self.helpers & {"load", "record"}:
            return "record"
        if _plain_name(node.func) in ("len", "float", "int"):
            return "number"
        return ""

    def path(self, node: ast.expr) -> str | None:
        """The whole path of an imported name, as `torch.nn.functional.relu`; None for others."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in self.bound or node.id not in self.imports:
            return None
        return ".".join([self.imports[node.id], *reversed(parts)])

    def variable(self, name: str, node: Any) -> str:
        """The name in gradsh of a variable that is bound at a node."""
        if name in self.imports:
            refuse(node, f"{name} is the name of something that is imported too")
        return self.renamed[name]

    def _free(self, name: str) -> str:
        """A variable's name in gradsh, where it must not be a word of the language."""
        while name in _HARD or name in _COMMANDS or name.startswith("__"):
            name = "u" + name if name.startswith("__") else name + "_"
        return name


class Expressions:
    """Writes expressions. What needs statements before it goes to `before`, if that is there."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.before: Callable[[list[str]], None] | None = None
        self.saved: dict[str, str] | None = None
        self.saved_tensors: list[str] = []
        self._fresh = 0

    def text(self, node: ast.expr, binding: int = LAMBDA) -> str:
        """An expression, in parentheses if it binds less tightly than `binding`."""
        written, own = self._written(node)
        return f"({written})" if own < binding else written

    def _written(self, node: ast.expr) -> tuple[str, int]:
        write: Callable[[Any], tuple[str, int]] | None = getattr(
            self, "_" + type(node).__name__.lower(), None
        )
        if write is None:
            refuse(node, f"gradsh has no {_NAMES_OF_FORMS.get(type(node), 'such expression')}")
        return write(node)

    # ------------------------------------------------------------------------ atoms

    def _constant(self, node: ast.Constant) -> tuple[str, int]:
        value = node.value
        if value is None or isinstance(value, bool):
            return str(value).lower(), ATOM
        if isinstance(value, str):
            return quoted(value), ATOM
        if value is ...:
            return "...", ATOM
        if "written" in node.__dict__:
            return node.__dict__["written"], ATOM
        if isinstance(value, int):
            return str(value), ATOM
        if isinstance(value, float):
            return ("inf" if value == float("inf") else repr(value)), ATOM
        refuse(node, f"gradsh has no {type(value).__name__} of this form")

    def _name(self, node: ast.Name) -> tuple[str, int]:
        name = node.id
        if name in self.names.bound:
            renamed = self.names.renamed[name]
            return (f"{renamed}.message" if self._is_error(node) else renamed), ATOM
        path = self.names.path(node)
        if path is not None:
            return self._of_module(path, node), ATOM
        if name in _PLAIN or not hasattr(builtins, name):
            return name, ATOM
        refuse(node, f"gradsh has no {name} such as Python's")

    def _is_error(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self.names.kinds.get(node.id) == "error"

    def _first_line(self, node: ast.expr) -> str | None:
        """The error of whose message this is the first line, as `str(e).splitlines()[0]`."""
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call)):
            return None
        first = isinstance(node.slice, ast.Constant) and node.slice.value == 0
        function = node.value.func
        if not first or not isinstance(function, ast.Attribute):
            return None
        arguments = [getattr(value, "value", None) for value in node.value.args]
        lines = function.attr == "splitlines" and not arguments
        if not lines and not (function.attr in ("split", "partition") and arguments == ["\n"]):
            return None
        text = function.value
        if isinstance(text, ast.Call) and _plain_name(text.func) == "str" and len(text.args) == 1:
            (error,) = text.args
            if isinstance(error, ast.Name) and self._is_error(error):
                return self.names.renamed[error.id]
        return None

    def _of_module(self, path: str, node: ast.expr) -> str:
        """A name of PyTorch or of math that is not called."""
        if path in ("math.pi", "math.inf", "math.nan"):
            return path.removeprefix("math.")
        if path == "math.e":
            return "2.718281828459045"
        own = own_name(path)
        if own is None:
            refuse(node, why_not(path))
        return self._unshadowed(own)

    def _unshadowed(self, name: str) -> str:
        """A built-in name, with `torch.` before it where a variable has the name."""
        if name in self.names.renamed.values():
            return f"torch.{name}"
        return name

    def _tuple(self, node: ast.Tuple) -> tuple[str, int]:
        inner = ", ".join(self.text(element) for element in node.elts)
        return f"({inner}{',' if len(node.elts) == 1 else ''})", ATOM

    def _list(self, node: ast.List) -> tuple[str, int]:
        """A list that is no argument: a tuple, as a bracket list is a tensor."""
        return self._tuple(ast.Tuple(node.elts, ast.Load(), lineno=node.lineno))

    def bracketed(self, node: ast.expr) -> str:
        """A list as an argument of a function of PyTorch."""
        if isinstance(node, ast.List):
            return "[" + ", ".join(self.bracketed(element) for element in node.elts) + "]"
        return self.text(node)

    def _joinedstr(self, node: ast.JoinedStr) -> tuple[str, int]:
        pieces = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                escaped = quoted(str(part.value))[1:-1]
                pieces.append(escaped.replace("{", "{{").replace("}", "}}"))
                continue
            assert isinstance(part, ast.FormattedValue)
            pieces.append(self._formatted(part))
        return f'f"{"".join(pieces)}"', ATOM

    def _formatted(self, part: ast.FormattedValue) -> str:
        self.before, before = None, self.before
        written = self.text(part.value, OR)
        self.before = before
        written = written.replace('\\"', "").replace('"', "'")
        conversion = {-1: "", 115: "!s", 114: "!r"}.get(part.conversion)
        if conversion is None or "\\" in written:
            refuse(part, "an f-string of gradsh cannot hold this")
        specification = ""
        if isinstance(part.format_spec, ast.JoinedStr):
            if not all(isinstance(value, ast.Constant) for value in part.format_spec.values):
                refuse(part, "a format of gradsh cannot contain values")
            specification = "".join(
                str(value.value)
                for value in part.format_spec.values
                if isinstance(value, ast.Constant)
            )
            try:
                check_specification(specification, (1, 0, 0))
            except Exception as fault:  # noqa: BLE001 (the fault's place is another's)
                refuse(part, str(fault))
        space = " " if written.startswith("{") else ""
        return "{" + space + written + conversion + (specification and f":{specification}") + "}"

    # -------------------------------------------------------------------- operators

    def _binop(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Pow):
            base, exponent = self.text(node.left, ATOM), self.text(node.right, UNARY)
            return f"{base}^{exponent}", POWER
        if isinstance(node.op, ast.Mod) and self.names.kind(node.left) == "text":
            return self._percent_format(node)
        if type(node.op) in _FUNCTIONS_OF:
            name = self._unshadowed(_FUNCTIONS_OF[type(node.op)])
            return f"{name}({self.text(node.left)}, {self.text(node.right)})", ATOM
        symbol, binding = _BINARY[type(node.op)]
        left, right = self.text(node.left, binding), self.text(node.right, binding + 1)
        return f"{left} {symbol} {right}", binding

    def _percent_format(self, node: ast.BinOp) -> tuple[str, int]:
        refuse(node, "gradsh formats texts with f-strings, not with %")

    def _unaryop(self, node: ast.UnaryOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Not):
            return f"not {self.text(node.operand, NOT)}", NOT
        symbol = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}[type(node.op)]
        return f"{symbol}{self.text(node.operand, UNARY)}", UNARY

    def _boolop(self, node: ast.BoolOp) -> tuple[str, int]:
        word, binding = ("and", AND) if isinstance(node.op, ast.And) else ("or", OR)
        return f" {word} ".join(self.text(value, binding + 1) for value in node.values), binding

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        operands = [node.left, *node.comparators]
        for middle in operands[1:-1]:
            if any(isinstance(part, ast.Call) for part in ast.walk(middle)):
                refuse(node, "a call in the middle of a chained comparison would run twice")
        parts = []
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            symbol = _COMPARE.get(type(operator))
            if symbol is None:
                refuse(node, "gradsh has no operator `in`")
            if isinstance(operator, (ast.Is, ast.IsNot)) and not (
                isinstance(right, ast.Constant) and right.value is None
            ):
                refuse(node, "gradsh has no operator `is`")
            parts.append(f"{self.text(left, BIT_OR)} {symbol} {self.text(right, BIT_OR)}")
        if len(parts) == 1:
            return parts[0], COMPARE
        return " and ".join(parts), AND

    def _lambda(self, node: ast.Lambda) -> tuple[str, int]:
        plain_arguments(node.args, node)
        if node.args.defaults:
            refuse(node, "an anonymous function of gradsh has no defaults")
        names = [self.names.variable(argument.arg, node) for argument in node.args.args]
        self.before, before = None, self.before
        body = self.text(node.body)
        self.before = before
        left = names[0] if len(names) == 1 else f"({', '.join(names)})"
        return f"{left} -> {body}", LAMBDA

    # -------------------------------------------------------------------- postfixes

    def _subscript(self, node: ast.Subscript) -> tuple[str, int]:
        index = node.slice
        error = self._first_line(node)
        if error is not None:
            return error, ATOM
        if ast.unparse(node.value) == "ctx.saved_tensors" and self.saved is not None:
            place = index.value if isinstance(index, ast.Constant) else None
            if isinstance(place, int) and 0 <= place < len(self.saved_tensors):
                return self.names.renamed[self.saved_tensors[place]], ATOM
            refuse(node, "what ctx.saved_tensors holds is taken by its number")
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            if index.value in ("lr", "params"):
                name = "tensors" if index.value == "params" else "lr"
                return f"{self.text(node.value, ATOM)}.{name}", ATOM
            refuse(node, "gradsh has no dictionaries")
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        written = ", ".join(map(self._index, parts))
        if isinstance(index, ast.Tuple) and len(parts) == 1:
            written += ","
        return f"{self.text(node.value, ATOM)}[{written}]", ATOM

    def _index(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Slice):
            return self.bracketed(node)
        bounds = [node.lower, node.upper] + ([node.step] if node.step is not None else [])
        return ":".join("" if bound is None else self.text(bound) for bound in bounds)

    def _attribute(self, node: ast.Attribute) -> tuple[str, int]:
        path = self.names.path(node)
        if path is not None:
            return self._of_module(path, node), ATOM
        if (
            node.attr == "__name__"
            and isinstance(node.value, ast.Call)
            and _plain_name(node.value.func) == "type"
        ):
            (only,) = node.value.args
            if self.names.kind(only) == "error":
                refuse(node, "an error of gradsh does not tell its type")
            return f"{self.text(only, ATOM)}.name", ATOM
        if self.saved is not None and isinstance(node.value, ast.Name) and node.value.id == "ctx":
            if node.attr in self.saved:
                return self.saved[node.attr], ATOM
            refuse(node, f"gradsh has nothing like ctx.{node.attr}")
        if node.attr == "apply" and _plain_name(node.value) in self.names.functions:
            return self.text(node.value), ATOM
        known = node.attr in _ATTRIBUTES or node.attr in _METHODS or node.attr in METHODS
        if not known and self.names.kind(node.value) != "record":
            refuse(node, f"gradsh has no attribute {node.attr}")
        return f"{self.text(node.value, ATOM)}.{node.attr}", ATOM

    def _ifexp(self, node: ast.IfExp) -> tuple[str, int]:
        if self.is_device_condition(node.test):
            return self._written(node.orelse)
        place = self._hoisted(node)
        name = self.new_name("value")
        test, yes, no = self.text(node.test), self.text(node.body), self.text(node.orelse)
        place([f"if {test} {{ {name} = {yes} }} else {{ {name} = {no} }}"])
        return name, ATOM

    def is_device_condition(self, node: ast.expr) -> bool:
        """Whether a condition asks for another device than the processor: there is none."""
        path = self.names.path(node.func) if isinstance(node, ast.Call) else None
        return path in ("torch.cuda.is_available", "torch.backends.mps.is_available")

    def _listcomp(self, node: ast.ListComp) -> tuple[str, int]:
        place = self._hoisted(node)
        name = self.new_name("values")
        loop = self._loop(node, lambda: f"{name} = {name} + ({self.text(node.elt)},)")
        place([f"{name} = ()", loop])
        return name, ATOM

    def _loop(self, node: ast.ListComp | ast.GeneratorExp, body: Callable[[], str]) -> str:
        """The loop of a comprehension; its variables are not those around it of the same name."""
        (loop, *more) = node.generators
        if more or loop.is_async:
            refuse(node, "only one `for` in a comprehension can be converted")
        iterated = self.text(loop.iter)
        before = dict(self.names.renamed)
        for name in _names(loop.target):
            if name in self.names.outside:
                self.names.renamed[name] = self.new_name(name)
        self.before, place = None, self.before
        variables = ", ".join(self.names.variable(x, node) for x in _names(loop.target))
        written = body()
        conditions = [self.text(condition, NOT) for condition in loop.ifs]
        self.before = place
        self.names.renamed = before
        if conditions:
            written = f"if {' and '.join(conditions)} {{ {written} }}"
        return f"for {variables} in {iterated} {{ {written} }}"

    def _hoisted(self, node: ast.expr) -> Callable[[list[str]], None]:
        if self.before is None:
            refuse(node, "this would need statements where gradsh takes none")
        return self.before

    def new_name(self, stem: str) -> str:
        """A name that the code does not use."""
        while True:
            self._fresh += 1
            name = f"{stem}{self._fresh}"
            if name not in self.names.bound:
                return name

    # ------------------------------------------------------------------------ calls

    def _call(self, node: ast.Call) -> tuple[str, int]:
        path = self.names.path(node.func)
        if path is not None:
            return self._call_of_module(path, node), ATOM
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node), ATOM
        name = _plain_name(node.func)
        if name and name not in self.names.bound:
            return self._builtin(name, node), ATOM
        return f"{self.text(node.func, ATOM)}({self.arguments(node, lists=False)})", ATOM

    def arguments(self, node: ast.Call, *, lists: bool) -> str:
        """The arguments of a call; with `lists` a list stays one, as PyTorch's functions want."""
        write = self.bracketed if lists else self.text
        parts = []
        for value in node.args:
            if isinstance(value, ast.Starred):
                refuse(value, "gradsh has no arguments that are spread with *")
            parts.append(write(value))
        for part in node.keywords:
            if part.arg is None:
                refuse(node, "gradsh has no arguments that are spread with **")
            if part.arg in ("device", "pin_memory"):
                continue
            name = part.arg if lists else self.names.renamed.get(part.arg, part.arg)
            parts.append(f"{name}={write(part.value)}")
        return ", ".join(parts)

    def _call_of_module(self, path: str, node: ast.Call) -> str:
        module, _, name = path.rpartition(".")
        if module == "math":
            return self._mathematics(name, node)
        if path in ("torch.cuda.is_available", "torch.backends.mps.is_available"):
            return "false"
        if module == "torch.nn" and (name in LOSSES or name in ACTIVATIONS):
            return self._module(name, node)
        if module == "torch.optim" and name in OPTIMISERS:
            return self._optimiser(OPTIMISERS[name], node)
        if path in ("torch.Tensor", "torch.FloatTensor"):
            if len(node.args) == 1 and isinstance(node.args[0], ast.List):
                return (
                    f"{self._unshadowed('tensor')}({self.bracketed(node.args[0])}, dtype=float32)"
                )
            refuse(node, f"{path} of lengths holds no certain values")
        own = own_name(path)
        if own is None:
            refuse(node, why_not(path))
        if own in DTYPES or own in ALIASES:
            refuse(node, why_not(path))
        sized = own in ("rand", "randn", "zeros", "ones", "empty")
        if sized and node.args and isinstance(node.args[0], ast.Tuple) and not node.args[0].elts:
            node = ast.Call(node.func, [], node.keywords, lineno=node.lineno)
        return f"{self._unshadowed(own)}({self.arguments(node, lists=True)})"

    def _mathematics(self, name: str, node: ast.Call) -> str:
        """A function of Python's `math`, as accurate as it."""
        (value,) = node.args if len(node.args) == 1 else (None,)
        if value is None or name not in _MATHEMATICS | {"floor", "ceil", "fabs"}:
            refuse(node, f"gradsh has no math.{name}")
        function = self._unshadowed({"fabs": "abs"}.get(name, name))
        tensor = self._unshadowed("tensor")
        written = f"{function}({tensor}({self.text(value)}, dtype=float64)).item()"
        return f"int({written})" if name in ("floor", "ceil") else written

    def _module(self, name: str, node: ast.Call) -> str:
        """A module without parameters as a function."""
        function = self._unshadowed(LOSSES.get(name) or ACTIVATIONS[name])
        written = self.arguments(node, lists=True)
        if node.args and name not in ("LeakyReLU", "ELU", "Softmax", "LogSoftmax"):
            refuse(node, f"the arguments of {name} have no names")
        more = f", {written}" if written else ""
        if name == "Flatten" and not more:
            more = ", 1"
        if name in LOSSES:
            return f"((input, target) -> {function}(input, target{more}))"
        return f"(input -> {function}(input{more}))"

    def _optimiser(self, name: str, node: ast.Call) -> str:
        if not node.args and not any(part.arg == "params" for part in node.keywords):
            refuse(node, "an optimiser needs its tensors")
        given = [part.value for part in node.keywords if part.arg == "params"]
        tensors, *rest = [*given, *node.args]
        if rest:
            refuse(node, "write the settings of an optimiser with their names")
        parts = self._parameters(tensors)
        for part in node.keywords:
            if part.arg not in ("params", "foreach", "fused"):
                parts.append(f"{part.arg}={self.text(part.value)}")
        return f"{self._unshadowed(name)}({', '.join(parts)})"

    def _parameters(self, node: ast.expr) -> list[str]:
        """The tensors of an optimiser one by one, those with settings of their own as groups."""
        if not isinstance(node, (ast.List, ast.Tuple)):
            if isinstance(node, ast.Call):
                refuse(node, "the parameters of a module cannot be converted")
            return [self.text(node)]
        parts = []
        for element in node.elts:
            if not isinstance(element, ast.Dict):
                parts.append(self.text(element))
                continue
            inner: list[str] = []
            for key, value in zip(element.keys, element.values, strict=True):
                if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                    refuse(element, "a group of tensors has its settings by name")
                if key.value == "params":
                    inner = [*self._parameters(value), *inner]
                else:
                    inner.append(f"{key.value}={self.text(value)}")
            parts.append(f"{self._unshadowed('group')}({', '.join(inner)})")
        return parts

    def _method(self, function: ast.Attribute, node: ast.Call) -> str:
        name = function.attr
        if name == "apply" and _plain_name(function.value) in self.names.functions:
            return f"{self.text(function.value)}({self.arguments(node, lists=False)})"
        if name in _WITHOUT_EFFECT or (name == "to" and self._is_device(node)):
            return self.text(function.value, ATOM)
        if name == "removeprefix" and ast.unparse(node.args[0]) == "'torch.'":
            of_type = function.value
            if isinstance(of_type, ast.Call) and _plain_name(of_type.func) == "str":
                return f"{self.text(of_type.args[0], ATOM)}.name"
        if name == "format" and isinstance(function.value, ast.Constant):
            return self._format(function.value, node)
        if name == "add_param_group":
            return (
                f"{self.text(function.value, ATOM)}.add_group({self.arguments(node, lists=True)})"
            )
        known = name in _METHODS or name in METHODS or name.removesuffix("_") in METHODS
        if not known or name == "numpy":
            hints = {
                "numpy": "gradsh has no numpy arrays",
                "cuda": "gradsh runs on the processor",
                "append": "a list can only grow in a statement of its own",
                "parameters": "gradsh has no modules",
            }
            refuse(node, hints.get(name, f"gradsh has no method {name}"))
        base = self.text(function.value, ATOM)
        if isinstance(function.value, ast.Constant):
            base = f"({base})"
        return f"{base}.{name}({self.arguments(node, lists=True)})"

    def _is_device(self, node: ast.Call) -> bool:
        given = [*node.args, *(part.value for part in node.keywords if part.arg == "device")]
        (only,) = given if len(given) == 1 else (None,)
        if only is None:
            return False
        if isinstance(only, ast.Constant):
            return only.value == "cpu"
        return self.names.kind(only) in ("device", "text")

    def _format(self, template: ast.Constant, node: ast.Call) -> str:
        """`"...{}...".format(a)` as an f-string."""
        from string import Formatter

        if not isinstance(template.value, str) or node.keywords:
            refuse(node, "only a format of values in their order can be converted")
        parts: list[ast.expr] = []
        place = 0
        for literal, field, specification, conversion in Formatter().parse(template.value):
            if literal:
                parts.append(ast.Constant(literal))
            if field is None:
                continue
            index = int(field) if field.isdigit() else place
            place += 1
            if (field and not field.isdigit()) or index >= len(node.args):
                refuse(node, "only a format of values in their order can be converted")
            code = {None: -1, "r": 114, "s": 115}.get(conversion, 0)
            written = ast.JoinedStr([ast.Constant(specification)]) if specification else None
            parts.append(ast.FormattedValue(node.args[index], code, written, lineno=node.lineno))
        return self.text(ast.JoinedStr(parts))

    def _helper(self, name: str, node: ast.Call) -> str:
        """A call of a function that an earlier conversion brought along."""
        values = node.args
        if name == "first_line" and isinstance(values[0], ast.Name):
            return self.names.renamed[values[0].id]
        if name in ("node_text", "tensor_of"):
            return self.bracketed(values[0])
        if name == "converted":
            return f"{self.text(values[1], ATOM)}({self.text(values[0])})"
        if name == "with_gradients":
            return self.text(values[1])
        if name in ("load", "save", "record"):
            return f"{name}({self.arguments(node, lists=True)})"
        refuse(node, f"{name} stands in a statement of its own")

    def _builtin(self, name: str, node: ast.Call) -> str:
        if name in self.names.helpers:
            return self._helper(name, node)
        if name == "str" and len(node.args) == 1 and self._is_error(node.args[0]):
            return self.text(node.args[0])
        if name in _PLAIN and not node.keywords:
            return f"{name}({self.arguments(node, lists=False)})"
        (value,) = node.args if len(node.args) == 1 and not node.keywords else (None,)
        if name in ("float", "int", "bool") and value is not None:
            written = self.text(value)
            word = value.value if isinstance(value, ast.Constant) else None
            if isinstance(word, str) and word.lower() in ("inf", "-inf", "nan"):
                return word.lower()
            if self.names.kind(value) in ("number", "text"):
                return f"{name}({written})"
            return f"{name}({self.text(value, ATOM)}.item())"
        if name in ("list", "tuple") and value is not None:
            if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
                return self._listcomp(
                    ast.ListComp(value.elt, value.generators, lineno=node.lineno)
                )[0]
            if isinstance(value, (ast.List, ast.Tuple)):
                return self.text(value)
        if name in ("list", "tuple") and not node.args:
            return "()"
        if name == "sum" and isinstance(value, (ast.GeneratorExp, ast.ListComp)):
            place = self._hoisted(node)
            total = self.new_name("total")
            elt = value.elt
            loop = self._loop(value, lambda: f"{total} = {total} + {self.text(elt, PRODUCT)}")
            place([f"{total} = 0", loop])
            return total
        if name == "abs" and value is not None and self.names.kind(value) != "number":
            return f"{self._unshadowed('abs')}({self.text(value)})"
        if not hasattr(builtins, name):
            return f"{name}({self.arguments(node, lists=False)})"
        refuse(node, f"gradsh has no {name} such as Python's")


def quoted(text: str) -> str:
    """A text as a literal of gradsh."""
    inner = repr(text + '"')[1:-2].replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def plain_arguments(arguments: ast.arguments, node: Any) -> None:
    """Refuse parameters that gradsh has not."""
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        refuse(node, "functions of gradsh have plain parameters: no *, ** or /")


def _plain_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _names(target: ast.expr) -> list[str]:
    """The names in a target."""
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr | str]]:
    """What an assignment binds, each name with its value where that is told."""
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, (ast.Tuple, ast.List)):
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
            both: Iterable[tuple[ast.expr, ast.expr]] = zip(target.elts, value.elts, strict=True)
            return [pair for part, given in both for pair in _pairs(part, given)]
        return [
            (name, "")
            for part in target.elts
            if isinstance(part, (ast.Name, ast.Tuple, ast.Starred))
            for name in _names(part)
        ]
    return []


_NAMES_OF_FORMS: Final[dict[type[ast.expr], str]] = {
    ast.Dict: "dictionaries",
    ast.Set: "sets",
    ast.DictComp: "dictionaries",
    ast.SetComp: "sets",
    ast.GeneratorExp: "generators",
    ast.NamedExpr: "assignment inside an expression",
    ast.Await: "await",
    ast.Yield: "generators",
    ast.Starred: "`*` before a value",
}
