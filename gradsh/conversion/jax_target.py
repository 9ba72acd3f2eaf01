"""How a program of JAX says what a gradsh program says.

JAX differentiates functions, gradsh what was recorded. So `backward loss` becomes a function of the
leaves, made of the statements that lead from them to the loss, and `w.grad` a variable `w_grad`.
Arrays do not change: what is changed in place is bound anew.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, Final

from gradsh.conversion.array_helpers import JAX
from gradsh.conversion.array_target import RANDOM, ArrayTranslator, free_names
from gradsh.conversion.kinds import NUMBER, TENSORS, TEXT, TUPLE
from gradsh.conversion.python_text import call, dotted, method
from gradsh.conversion.translator import LOAD, is_internal, refuse, safe_name
from gradsh.conversion.words import words
from gradsh.engine.dtypes import ALIASES, DTYPES

_LEAF: Final = "requires_grad=True"
_OPTIMISERS: Final = ("sgd", "adam")
_UPDATES: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Mult: "multiply",
    ast.Div: "divide",
}


class JaxTranslator(ArrayTranslator):
    """Writes a program of JAX."""

    np = "jnp"
    library = "JAX"
    helpers = JAX
    imports = {  # noqa: RUF012
        "math": "import math",
        "sys": "import sys",
        "np": "import numpy as np",
        "jax": "import jax",
        "jnp": "import jax.numpy as jnp",
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._optimisers: dict[str, list[str]] = {}
        self._sharing: dict[str, set[str]] = {}
        self._parameters: list[set[str]] = []

    # ----------------------------------------------------------------------- values

    def made(self, value: ast.expr, dtype: ast.expr | None) -> ast.expr:
        if not isinstance(value, ast.Call):
            value = call("jnp.array", value)
        if dtype is not None:
            value.keywords.append(ast.keyword("dtype", dtype))
        return value

    def dtype(self, name: str, node: ast.expr) -> ast.expr:
        dtype = (DTYPES.get(name) or ALIASES[name]).name
        if dtype == "int32":
            refuse(node, "int32 is what int64 becomes in JAX, and would be printed as that")
        if dtype == "float64":
            refuse(node, f"JAX counts with 32 bits, unless it is told otherwise: no {dtype}")
        return dotted("jnp.int32") if dtype == "int64" else super().dtype(name, node)

    def formatted(self, node: ast.expr, with_format: bool) -> ast.expr:
        translated = self.expr(node)
        if with_format or self.kind(node) in (NUMBER, TEXT):
            return translated
        return self.printed(node, translated)

    def show(self, value: ast.expr, kind: str) -> ast.expr:
        if kind in (NUMBER, TEXT):
            return super().show(value, kind)
        return call(self.need("show"), value)

    # ------------------------------------------------------------- changes in place

    def _refuse_shared(self, target: ast.expr, node: ast.stmt) -> None:
        """Refuse to change what another variable would see changed too."""
        if not isinstance(target, ast.Name) or self.kind(target) in (NUMBER, TEXT, TUPLE, TENSORS):
            return
        others = self._sharing.get(target.id)
        if others:
            refuse(node, f"this changes {min(others)} too, and arrays of JAX do not change")
        if self._parameters and target.id in self._parameters[-1]:
            refuse(
                node, "this changes what the function was given, and arrays of JAX do not change"
            )

    def _share(self, name: str, value: ast.expr) -> None:
        """Note with which variables a new one has its elements in common."""
        for others in self._sharing.values():
            others.discard(name)
        bases = value.elts if isinstance(value, ast.Tuple) else [value]
        self._sharing[name] = set()
        for base in map(_viewed, bases):
            if base is not None and base != name:
                self._sharing[name].add(base)
                self._sharing.setdefault(base, set()).add(name)

    def enter(self, node: ast.AST, arguments: ast.arguments, body: Sequence[ast.stmt] = ()) -> None:
        super().enter(node, arguments, body)
        self._parameters.append({argument.arg for argument in arguments.args})

    def leave(self) -> None:
        super().leave()
        self._parameters.pop()

    def write_for(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name) and is_internal(node.iter, "@iterate"):
            assert isinstance(node.iter, ast.Call)
            self._share(node.target.id, node.iter.args[0])
        super().write_for(node)

    def write_augassign(self, node: ast.AugAssign) -> None:
        target = node.target
        self._refuse_shared(target.value if isinstance(target, ast.Subscript) else target, node)
        if not isinstance(target, ast.Subscript):
            if isinstance(target, ast.Name) and not self._blocks and self._records(node.value):
                self.history[target.id] = self.made_by(ast.BinOp(target, node.op, node.value))
            super().write_augassign(node)
            return
        if type(node.op) is ast.Sub:
            value: ast.expr = ast.UnaryOp(ast.USub(), self.expr(node.value))
            self._updated(target, "add", value, node)
        elif type(node.op) in _UPDATES:
            self._updated(target, _UPDATES[type(node.op)], self.expr(node.value), node)
        else:
            refuse(node, "JAX has no such change in place")

    def _updated(self, target: ast.Subscript, update: str, value: ast.expr, node: ast.stmt) -> None:
        """`x[i] += E` as `x = x.at[i].add(E)`."""
        if not isinstance(target.value, ast.Name):
            refuse(node, "only the elements of a variable can be changed in JAX")
        name = self.expr(target.value)
        place = ast.Subscript(ast.Attribute(name, "at", LOAD), self.index(target.slice), LOAD)
        self.line(f"{ast.unparse(name)} = {ast.unparse(method(place, update, value))}", node)

    def write_assign(self, node: ast.Assign) -> None:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Subscript):
            self._refuse_shared(target.value, node)
            self._updated(target, "set", self.expr(value), node)
            return
        if isinstance(target, ast.Name):
            self._share(target.id, value)
        if isinstance(target, ast.Attribute):
            self._set_attribute(target, value, node)
            return
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            name = value.func.id
            if name in _OPTIMISERS and not self.is_bound(name) and isinstance(target, ast.Name):
                self._optimiser(target.id, value, node)
                return
        if self._is_grad(value) and isinstance(target, ast.Tuple) and len(target.elts) == 1:
            assert isinstance(value, ast.Call)
            self._write_grad(target.elts[0], value.args[0], node)
            return
        super().write_assign(node)
        if isinstance(target, ast.Name) and self.history.get(target.id) == _LEAF:
            self.line(f"{gradient(target.id)} = None", node)

    def _set_attribute(self, target: ast.Attribute, value: ast.expr, node: ast.stmt) -> None:
        name = target.attr.removeprefix(".")
        if name not in ("grad", "data") or not isinstance(target.value, ast.Name):
            refuse(node, f"`{name}` cannot be set in JAX")
        if name == "grad" and self.history.get(target.value.id) != _LEAF:
            refuse(node, "only a variable that was made with `grad` has a gradient in JAX")
        own = target.value.id
        written = gradient(own) if name == "grad" else safe_name(own)
        self.line(f"{written} = {ast.unparse(self.expr(value))}", node)

    # -------------------------------------------------------------------- gradients

    def attribute(self, node: ast.Attribute, name: str) -> ast.expr:
        if name == "grad":
            base = node.value
            if isinstance(base, ast.Name) and self.history.get(base.id) == _LEAF:
                return dotted(gradient(base.id))
            refuse(node, "only a variable that was made with `grad` has a gradient in JAX")
        return super().attribute(node, name)

    def shown(self, node: Any, shows: bool) -> None:
        value = node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            base, name = value.func.value, value.func.attr.removeprefix(".")
            if name == "backward":
                weights = value.args[0] if value.args else None
                self._write_backward(base, weights, value.keywords, node)
                return
            if isinstance(base, ast.Name) and self._changes(base.id, name, value, node):
                return
            if name == "zero_" and isinstance(base, ast.Attribute) and base.attr == ".grad":
                own = ast.unparse(self.expr(base))
                self.line(f"{own} = jnp.zeros_like({own})", node)
                return
        super().shown(node, shows)

    def _changes(self, own: str, name: str, value: ast.Call, node: ast.stmt) -> bool:
        """Write a call that changes its object; False if it is none that JAX can follow."""
        if name == "requires_grad_":
            off = [getattr(given, "value", None) for given in value.args] == [False]
            self.history[own] = "" if off else _LEAF
            self.line(f"{gradient(own)} = None", node)
            return True
        leaves = self._optimisers.get(own)
        if leaves is None or name not in ("step", "zero_grad") or value.args:
            return False
        if len(self._scopes) > 1:
            refuse(node, f"`{name}` changes variables outside of this function")
        gradients = [gradient(leaf) for leaf in leaves]
        if name == "zero_grad":
            self.line(" = ".join([*gradients, "None"]), node)
            return True
        targets = ", ".join(map(safe_name, leaves))
        step = f"{safe_name(own)}.step([{targets}], [{', '.join(gradients)}])"
        self.line(f"{targets}{',' * (len(leaves) == 1)} = {step}", node)
        return True

    def _optimiser(self, own: str, value: ast.Call, node: ast.stmt) -> None:
        assert isinstance(value.func, ast.Name)
        leaves = [part.id for part in value.args if isinstance(part, ast.Name)]
        if len(leaves) != len(value.args) or any(self.history.get(x) != _LEAF for x in leaves):
            refuse(node, "an optimiser takes variables that were made with `grad`")
        known = ("lr", "momentum", "weight_decay", "betas", "eps")
        if any(part.arg not in known for part in value.keywords):
            refuse(node, f"`{value.func.id}` with these settings cannot be converted to JAX")
        self._optimisers[own] = leaves
        self.bind(own)
        named = [ast.keyword(part.arg, self.expr(part.value)) for part in value.keywords]
        made = ast.Call(dotted(self.need(value.func.id)), [], named)
        self.line(f"{safe_name(own)} = {ast.unparse(made)}", node)

    def write_expr(self, node: ast.Expr) -> None:
        value = node.value
        if is_internal(value, "@backward"):
            assert isinstance(value, ast.Call)
            loss, weights = value.args
            none = isinstance(weights, ast.Constant) and weights.value is None
            self._write_backward(loss, None if none else weights, value.keywords, node)
            return
        super().write_expr(node)

    def _write_backward(
        self,
        loss: ast.expr,
        weights: ast.expr | None,
        keywords: list[ast.keyword],
        node: ast.stmt,
    ) -> None:
        """`backward loss`: a function of the leaves, and what its gradient adds to theirs."""
        if len(self._scopes) > 1:
            refuse(node, "a backward pass in a function cannot be converted to JAX")
        options = {part.arg: part.value for part in keywords}
        if "create_graph" in options:
            refuse(node, "gradients that are recorded themselves cannot be converted to JAX")
        wanted = options.get("inputs")
        names = None
        if isinstance(wanted, (ast.Tuple, ast.List)):
            names = [part.id for part in wanted.elts if isinstance(part, ast.Name)]
        function, leaves = self._function_of(loss, node, names)
        found = self._gradient_of(function, leaves, weights)
        self.need("added")
        if len(leaves) == 1 and weights is None:
            own = gradient(leaves[0])
            self.line(f"{own} = added({own}, {found})", node)
            return
        self.line(f"gradients = {found}", node)
        for place, leaf in enumerate(leaves):
            own = gradient(leaf)
            self.line(f"{own} = added({own}, gradients[{place}])", node)

    def _gradient_of(
        self, function: str, leaves: list[str], weights: ast.expr | None = None
    ) -> str:
        arguments = ", ".join(map(safe_name, leaves))
        if weights is not None:
            return f"jax.vjp({function}, {arguments})[1]({ast.unparse(self.expr(weights))})"
        if len(leaves) == 1:
            return f"jax.grad({function})({arguments})"
        places = ", ".join(map(str, range(len(leaves))))
        return f"jax.grad({function}, argnums=({places}))({arguments})"

    def _is_grad(self, value: ast.expr) -> bool:
        """Whether a value is `grad(y, x)` without more, unpacked."""
        if not is_internal(value, "@unpack"):
            return False
        assert isinstance(value, ast.Call)
        inner = value.args[0]
        return (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Name)
            and inner.func.id == "grad"
            and not self.is_bound("grad")
        )

    def _write_grad(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> None:
        """`g, = grad(y, x)`."""
        assert isinstance(value, ast.Call)
        plain = len(value.args) == 2 and not value.keywords and isinstance(value.args[1], ast.Name)
        if not plain or len(self._scopes) > 1:
            refuse(node, "only `g, = grad(y, x)` of a variable x can be converted to JAX")
        leaf = value.args[1]
        assert isinstance(leaf, ast.Name)
        function, leaves = self._function_of(value.args[0], node, [leaf.id])
        found = self._gradient_of(function, leaves)
        self.line(f"{ast.unparse(self.target(target))} = {found}", node)
        if isinstance(target, ast.Name):
            self.history[target.id] = ""

    def _function_of(
        self, value: ast.expr, node: ast.stmt, wanted: list[str] | None = None
    ) -> tuple[str, list[str]]:
        """Write the function that computes a value from the leaves; its name, and the leaves."""
        statements, leaves = self._leading_to(value, node)
        if wanted is not None:
            leaves = [leaf for leaf in leaves if leaf in wanted]
        if not leaves:
            refuse(node, "nothing that was made with `grad` leads to this")
        name = f"{value.id}_of" if isinstance(value, ast.Name) else "value_of"
        if self.out.depth and self.out.lines[-1]:
            self.out.write("")
        self.header(f"def {name}({', '.join(map(safe_name, leaves))}):", node)
        history, refused = dict(self.history), len(self.refusals)
        self.out.depth += 1
        for statement in statements:
            self.statement(statement)
        self.out.write(f"return {ast.unparse(self.expr(value))}")
        self.out.depth -= 1
        self.out.write("")
        self.history = history
        if len(self.refusals) > refused:
            del self.refusals[refused:]
            refuse(node, "a statement that leads to this cannot be converted")
        return name, leaves

    def _leading_to(self, value: ast.expr, node: ast.stmt) -> tuple[list[ast.stmt], list[str]]:
        """The statements so far that lead from leaves to a value, and these leaves."""
        needed = self._recorded_in(value)
        leaves: dict[str, None] = {}
        found: list[ast.stmt] = []
        later: set[str] = set()  # what is bound between a statement and here
        for statement in reversed([each for block in self.earlier for each in block]):
            for name in sorted(needed):
                if self.history.get(name) == _LEAF:
                    leaves[name] = None
                    needed.discard(name)
            bound = _bound_by(statement)
            if not bound & needed:
                later |= bound
                continue
            if not _only_computes(statement):
                refuse(node, "a statement that leads to this does more than to compute")
            if any(isinstance(x, ast.Name) and x.id in RANDOM for x in ast.walk(statement)):
                refuse(node, "random numbers that lead to this would be drawn a second time")
            recorded = self._recorded_in(statement)
            fixed = {x for x in free_names(statement) if not self.history.get(x) or x in leaves}
            fixed |= {x for x in recorded if self.history.get(x) == _LEAF}
            for name in sorted(fixed & later):
                refuse(node, f"{name} is bound anew between its use and this")
            found.insert(0, statement)
            if _binds_anew(statement):
                needed -= bound
            needed |= recorded
        leaves.update((name, None) for name in sorted(needed) if self.history.get(name) == _LEAF)
        return found, sorted(leaves)

    def _recorded_in(self, node: ast.AST) -> set[str]:
        """The free names in a node, of values that are recorded and functions that record."""
        return {name for name in free_names(node) if self._records(ast.Name(name, LOAD))}

    def builtin_call(
        self, name: str, values: list[ast.expr], keywords: list[ast.keyword], node: ast.Call
    ) -> ast.expr:
        if name in ("hessian", "jacobian") and len(values) == 2 and not keywords:
            function, argument = map(self.expr, values)
            path = "jax.hessian" if name == "hessian" else "jax.jacrev"
            return ast.Call(call(path, function), [argument], [])
        made = super().builtin_call(name, values, keywords, node)
        if name == "eigvalsh" and isinstance(made, ast.Call):  # of one half, as in PyTorch
            made.keywords.append(ast.keyword("symmetrize_input", ast.Constant(False)))
        return made


_VIEWS: Final = words(
    "T mT data detach view reshape t transpose permute unsqueeze squeeze flatten expand contiguous "
    "narrow diagonal unfold select swapaxes movedim ravel view_as unbind split chunk real"
)


def _viewed(value: ast.expr) -> str | None:
    """The variable that a value may share its elements with."""
    while not isinstance(value, ast.Name):
        if isinstance(value, ast.Subscript):
            value = value.value
        elif is_internal(value, "@grad_on") or is_internal(value, "@unpack"):
            assert isinstance(value, ast.Call)
            value = value.args[0]
        elif isinstance(value, ast.Attribute) and value.attr.removeprefix(".") in _VIEWS:
            value = value.value
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            if value.func.attr.removeprefix(".") not in _VIEWS:
                return None
            value = value.func.value
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.args:
            if value.func.id not in _VIEWS:
                return None
            value = value.args[0]
        else:
            return None
    return value.id


def gradient(name: str) -> str:
    """The variable that holds the gradient of a leaf."""
    return f"{name}_grad"


def _bound_by(node: ast.stmt) -> set[str]:
    """The names that a statement binds or changes."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, (ast.Assign, ast.AugAssign)):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            for target in targets:
                if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                    names.add(target.value.id)
    return names


def _binds_anew(node: ast.stmt) -> bool:
    """Whether nothing of what its names were before is left after a statement."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, (ast.Name, ast.Tuple)) for target in node.targets)
    return isinstance(node, ast.FunctionDef)


def _only_computes(node: ast.stmt) -> bool:
    """Whether a statement only binds variables, in loops and branches too."""
    if isinstance(node, (ast.For, ast.While, ast.If)):
        return all(map(_only_computes, [*node.body, *node.orelse]))
    return isinstance(node, (ast.Assign, ast.AugAssign, ast.FunctionDef, ast.Break, ast.Continue))
