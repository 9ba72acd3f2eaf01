"""What kind of value an expression has, as far as the program's text tells.

The names are followed through assignments, loops and calls, without regard to order: a name that
is bound to values of two kinds has none. What is not known has the kind "".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from gradsh.conversion.torch_names import OPTIMISERS, SCHEDULES
from gradsh.conversion.words import words
from gradsh.engine import DIFFERENTIATION, FUNCTIONS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.language.expressions import GuardedOperation, ListLiteral

TENSOR: Final = "tensor"
TENSORS: Final = "tensors"
NUMBER: Final = "number"
TEXT: Final = "text"
TUPLE: Final = "tuple"
NOTHING: Final = "nothing"
FUNCTION: Final = "function"
OPTIMISER: Final = "optimiser"
RECORD: Final = "record"
NODE: Final = "node"
DTYPE: Final = "dtype"
SIZE: Final = "size"
MIXED: Final = "mixed"
UNKNOWN: Final = ""

_SEVERAL: Final = words(
    """
    aminmax broadcast_tensors chunk cummax cummin dsplit eigh frexp grad hsplit jvp kthvalue lstsq
    meshgrid qr slogdet sort split split_with_sizes svd tensor_split topk unbind vhp vjp hvp
    vsplit
    """
)
_MAYBE_SEVERAL: Final = words(
    """
    atleast_1d atleast_2d atleast_3d hessian jacobian max median min mode nonzero unique
    unique_consecutive checkpoint adaptive_max_pool1d adaptive_max_pool2d max_pool1d max_pool2d
    """
)
_NUMBERS: Final = words(
    """
    dim element_size gradcheck gradgradcheck is_complex is_contiguous is_floating_point
    is_grad_enabled item len nelement numel storage_offset data_ptr
    """
)
_NOTHING: Final = words(
    """
    backward clip_grad_value_ manual_seed remove retain_grad save zero_grad add_group
    """
)
_TENSOR_ATTRIBUTES: Final = frozenset(("T", "mT", "H", "mH", "data", "real", "imag"))
_NUMBER_ATTRIBUTES: Final = frozenset(
    ("ndim", "requires_grad", "is_leaf", "retains_grad", "_version", "lr", "itemsize")
)
_ITERATIONS: Final = 4

Scope = dict[str, str]


class Kinds:
    """The kinds of a program's names: of its own, and of each function's.

    `functions` has the definition of each function by name, `called` the kinds of the arguments
    that it is called with, `results` what it gives.
    """

    def __init__(self, trees: Iterable[ast.stmt]) -> None:
        self.names: Scope = {}
        self.local: dict[ast.AST, Scope] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.results: dict[str, str] = {}
        self._definition: list[str] = []
        listed = list(trees)
        for _ in range(_ITERATIONS):
            for tree in listed:
                self._statement(tree, [self.names])

    # ------------------------------------------------------------------- statements

    def _bind(self, name: str, kind: str, scope: Scope) -> None:
        before = scope.get(name, UNKNOWN)
        if kind and before and before != kind:
            kind = MIXED
        scope[name] = kind or before

    def _bind_target(self, target: ast.expr, kind: str, scopes: list[Scope]) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, kind, scopes[-1])
        elif isinstance(target, ast.Tuple):
            part = {TENSOR: TENSOR, TENSORS: TENSOR, TEXT: TEXT, SIZE: NUMBER}.get(kind, MIXED)
            for element in target.elts:
                self._bind_target(element, part, scopes)

    def _statement(self, node: ast.AST, scopes: list[Scope]) -> None:
        if isinstance(node, ast.FunctionDef):
            self._function(node, scopes)
            return
        if isinstance(node, ast.Assign):
            self._assignment(node, scopes)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            value = self.of(node.value, scopes)
            if self.of_name(node.target.id, scopes) != TENSOR:
                self._bind(node.target.id, value, scopes[-1])
        elif isinstance(node, ast.For):
            over = self.of(node.iter, scopes)
            part = {TENSOR: TENSOR, TENSORS: TENSOR, TEXT: TEXT, SIZE: NUMBER}.get(over, UNKNOWN)
            elements = self._elements(node.iter, scopes)
            self._bind_target(node.target, part or elements, scopes)
        elif isinstance(node, ast.Return) and self._definition:
            result = node.value
            if isinstance(result, ast.Tuple) and result.elts and _is_backward(result.elts[-1]):
                result = result.elts[0]  # of a function with its own derivative
                if isinstance(result, ast.Constant) and result.value is None:
                    return  # what the compiler puts at its end
            kind = NOTHING if result is None else self.of(result, scopes)
            self._bind(self._definition[-1], kind, self.results)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, scopes)
            else:
                self._statement(child, scopes)

    def _assignment(self, node: ast.Assign, scopes: list[Scope]) -> None:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple):
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                value = value.args[0] if value.func.id == "@unpack" else value
            if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
                for part, given in zip(target.elts, value.elts, strict=True):
                    self._bind_target(part, self.of(given, scopes), scopes)
                return
        kind = self.of(value, scopes)
        for target in node.targets:
            self._bind_target(target, kind, scopes)

    def _elements(self, iterable: ast.expr, scopes: list[Scope]) -> str:
        """The kind of what a loop goes through."""
        if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name):
            if iterable.func.id == "@iterate":
                return self._elements(iterable.args[0], scopes)
            if iterable.func.id == "range":
                return NUMBER
        if isinstance(iterable, ast.Tuple):
            kinds = {self.of(element, scopes) for element in iterable.elts}
            return kinds.pop() if len(kinds) == 1 else MIXED
        return UNKNOWN if self.of(iterable, scopes) == UNKNOWN else MIXED

    def _function(self, node: ast.FunctionDef, scopes: list[Scope]) -> None:
        self.functions[node.name] = node
        if not node.name.startswith("@"):
            self._bind(node.name, FUNCTION, scopes[-1])
        scope = self._parameters(node, node.args, scopes)
        self._definition.append(node.name)
        for child in node.body:
            self._statement(child, [*scopes, scope])
        self._definition.pop()
        for child in node.body:
            if isinstance(child, (ast.Global, ast.Nonlocal)):
                for name in child.names:
                    self._bind(name, scope.pop(name, UNKNOWN), scopes[-1])
        if not any(isinstance(child, ast.Return) for child in ast.walk(node)):
            self._bind(node.name, NOTHING, self.results)

    def _parameters(self, node: ast.AST, arguments: ast.arguments, scopes: list[Scope]) -> Scope:
        scope = self.local.setdefault(node, {})
        given = arguments.args[len(arguments.args) - len(arguments.defaults) :]
        for argument in arguments.args:
            scope.setdefault(argument.arg, UNKNOWN)
        for argument, default in zip(given, arguments.defaults, strict=True):
            self._bind(argument.arg, self.of(default, scopes), scope)
        return scope

    def _expression(self, node: ast.expr, scopes: list[Scope]) -> None:
        """Look for calls of the program's functions in an expression."""
        for child in ast.walk(node):
            if isinstance(child, ast.Lambda):
                self._parameters(child, child.args, scopes)
            elif isinstance(child, ast.Call):
                function, positional = child.func, child.args
                if isinstance(function, ast.Name) and function.id == "@call":
                    function, positional = positional[0], positional[1:]
                if isinstance(function, ast.Name) and function.id in self.functions:
                    self._called(self.functions[function.id], positional, child.keywords, scopes)

    def _called(
        self,
        definition: ast.FunctionDef,
        positional: list[ast.expr],
        keywords: list[ast.keyword],
        scopes: list[Scope],
    ) -> None:
        scope = self.local.setdefault(definition, {})
        names = [argument.arg for argument in definition.args.args]
        for name, value in zip(names, positional, strict=False):
            kind = TENSOR if isinstance(value, ast.List) else self.of(value, scopes)
            self._bind(name, kind, scope)
        for keyword in keywords:
            if keyword.arg in names:
                self._bind(keyword.arg, self.of(keyword.value, scopes), scope)

    # ------------------------------------------------------------------ expressions

    def of_name(self, name: str, scopes: list[Scope]) -> str:
        """The kind of a name in these scopes, the innermost last."""
        for scope in reversed(scopes):
            if name in scope:
                return scope[name]
        if name in ("pi", "inf", "nan"):
            return NUMBER
        if name in DTYPES or name in ALIASES:
            return DTYPE
        return FUNCTION if name in FUNCTIONS or name in DIFFERENTIATION else UNKNOWN

    def of(self, node: ast.expr, scopes: list[Scope]) -> str:
        """The kind of an expression's value."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return NOTHING
            return TEXT if isinstance(node.value, str) else NUMBER
        if isinstance(node, ast.Name):
            return self.of_name(node.id, scopes)
        if isinstance(node, (ast.BinOp, GuardedOperation)):
            return self._of_operation(node, scopes)
        if isinstance(node, ast.UnaryOp):
            return NUMBER if isinstance(node.op, ast.Not) else self.of(node.operand, scopes)
        if isinstance(node, ast.Compare):
            kinds = {self.of(node.left, scopes), self.of(node.comparators[0], scopes)}
            if TENSOR in kinds:
                return TENSOR
            return NUMBER if UNKNOWN not in kinds and MIXED not in kinds else UNKNOWN
        if isinstance(node, ast.BoolOp):
            kinds = {self.of(value, scopes) for value in node.values}
            return kinds.pop() if len(kinds) == 1 else UNKNOWN
        if isinstance(node, ast.Tuple):
            kinds = {self.of(element, scopes) for element in node.elts}
            return TENSORS if kinds == {TENSOR} else TUPLE
        if isinstance(node, ast.Subscript):
            kind = self.of(node.value, scopes)
            if isinstance(node.slice, ast.Slice):
                return kind
            parts = {TENSOR: TENSOR, TENSORS: TENSOR, TEXT: TEXT, SIZE: NUMBER}
            return parts.get(kind, UNKNOWN if kind == UNKNOWN else MIXED)
        if isinstance(node, ast.Attribute):
            return self._of_attribute(node, scopes)
        if isinstance(node, ast.JoinedStr):
            return TEXT
        if isinstance(node, ast.Lambda):
            return FUNCTION
        if isinstance(node, ListLiteral):
            return TENSOR
        return self._of_call(node, scopes) if isinstance(node, ast.Call) else UNKNOWN

    def _of_operation(self, node: ast.BinOp | GuardedOperation, scopes: list[Scope]) -> str:
        both = [node.left, node.right] if isinstance(node, ast.BinOp) else node.args
        left, right = (self.of(operand, scopes) for operand in both)
        if TENSOR in (left, right):
            return TENSOR
        if {left, right} == {TUPLE, TENSORS} or left == right == TENSORS:
            # a tuple that grows from an empty one
            empty = [side for side in both if isinstance(side, ast.Tuple) and not side.elts]
            return TENSORS if left == right or empty else TUPLE
        return left if left == right else UNKNOWN

    def _of_attribute(self, node: ast.Attribute, scopes: list[Scope]) -> str:
        name = node.attr.removeprefix(".")
        if name in _TENSOR_ATTRIBUTES:
            return TENSOR
        if name in _NUMBER_ATTRIBUTES:
            return NUMBER
        if name == "shape":
            return SIZE
        if name == "dtype":
            return DTYPE
        if name == "grad_fn":
            return NODE
        if name in ("message", "name"):
            return TEXT
        if name == "grad":
            return MIXED
        return DTYPE if namespace_of(node) and (name in DTYPES or name in ALIASES) else MIXED

    def _of_call(self, node: ast.Call, scopes: list[Scope]) -> str:
        function, positional = node.func, node.args
        if isinstance(function, ast.Name):
            name = function.id
            if name == "@call":
                function, positional = positional[0], positional[1:]
            elif name == "@grad_on":
                return TENSOR
            elif name in ("@unpack", "@iterate"):
                return self.of(positional[0], scopes)
            elif name == "@command":
                return TENSOR
        if isinstance(function, ast.Name):
            name = function.id
            if any(name in scope for scope in scopes) or name in self.functions:
                return self.results.get(name, UNKNOWN)
            return self._of_builtin(name, node, positional, scopes)
        if isinstance(function, ast.Attribute):
            name = function.attr.removeprefix(".")
            if namespace_of(function):
                return self._of_builtin(name, node, positional, scopes)
            if name == "step":
                return TENSOR if positional else NOTHING
            if name in ("register_hook", "register_post_accumulate_grad_hook"):
                return NOTHING
            if name in ("size", "stride") and not positional:
                return SIZE
            if name in ("size", "stride"):
                return NUMBER
            return self._of_builtin(name, node, [function.value, *positional], scopes)
        return UNKNOWN

    def _of_builtin(
        self, name: str, node: ast.Call, positional: list[ast.expr], scopes: list[Scope]
    ) -> str:
        if name in ("int", "float", "bool") or name in DTYPES or name in ALIASES:
            kind = self.of(positional[0], scopes) if positional else NUMBER
            return {TENSOR: TENSOR, NUMBER: NUMBER, TEXT: NUMBER}.get(kind, UNKNOWN)
        if name in _NUMBERS:
            return NUMBER
        if name in _NOTHING:
            return NOTHING
        if name in OPTIMISERS or name in SCHEDULES:
            return OPTIMISER
        if name in ("load", "record", "stdin"):
            return RECORD
        if name == "str":
            return TEXT
        if name in _SEVERAL:
            return TENSORS
        if name in _MAYBE_SEVERAL:
            plain = len(positional) == 1 and not node.keywords
            return TENSOR if plain and name in ("max", "min", "median") else MIXED
        return TENSOR if name.removesuffix("_") in FUNCTIONS or name in FUNCTIONS else UNKNOWN


def _is_backward(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "@backward"


def namespace_of(node: ast.expr) -> str:
    """The modules before a name, as `torch.nn.functional` in `torch.nn.functional.relu`; or ""."""
    if not isinstance(node, ast.Attribute):
        return ""
    parts = []
    value = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value.attr.removeprefix("."))
        value = value.value
    if not isinstance(value, ast.Name):
        return ""
    roots = ("torch", "F", "linalg", "nn", "special", "autograd", "optim")
    if value.id not in roots or not all(part in _MODULES for part in parts):
        return ""
    return ".".join([value.id, *reversed(parts)])


_MODULES: Final = words(
    """
    autograd checkpoint fft functional linalg lr_scheduler nn optim random special utils
    """
)
