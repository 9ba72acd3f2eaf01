"""Python code that uses PyTorch as a gradsh program."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from typing import Any, Final

from gradsh.conversion.helpers import TORCH
from gradsh.conversion.program import Comment
from gradsh.conversion.python_expressions import (
    ATOM,
    NOT,
    PRODUCT,
    CannotConvert,
    Expressions,
    Names,
    plain_arguments,
    refuse,
)
from gradsh.conversion.python_text import PythonText
from gradsh.conversion.refusals import Conversion, Refusal
from gradsh.conversion.torch_modules import imported
from gradsh.language.faults import SyntaxFault

_NUMBER: Final = re.compile(r"(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?")
_AUGMENTED: Final[dict[type[ast.operator], str]] = {
    ast.Add: "+=",
    ast.Sub: "-=",
    ast.Mult: "*=",
    ast.Div: "/=",
    ast.MatMult: "@=",
    ast.Pow: "^=",
}
_SETTABLE: Final = ("grad", "requires_grad", "data", "lr")
_PRINT_OPTIONS: Final = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode", "profile")
_MODES: Final = {"torch.no_grad": "nograd", "torch.enable_grad": "enablegrad"}
_GIVES_NOTHING: Final = (
    "backward", "step", "zero_grad", "retain_grad", "register_hook", "remove", "manual_seed",
    "register_post_accumulate_grad_hook", "append", "set_printoptions",
)  # fmt: skip


class Cell:
    """A part of a source: its name, its code, whether its last value is shown.

    `shows` says that the expression it ends with is shown, as in a notebook, and `comment` that it
    is no code at all.
    """

    __slots__ = ("code", "comment", "name", "shows")

    def __init__(self, name: str, code: str, *, shows: bool = False, comment: bool = False) -> None:
        self.name = name
        self.code = code
        self.shows = shows
        self.comment = comment


def convert_python(text: str, name: str) -> Conversion:
    """The gradsh program that does what Python code does. SyntaxFault if it is no Python code."""
    return convert_cells([Cell(name, text)])


def convert_cells(cells: Sequence[Cell]) -> Conversion:
    """The same of code in several parts, as in a notebook."""
    trees: list[ast.Module | None] = []
    imports: dict[str, str] = {}
    whole = ast.Module([], [])
    for cell in cells:
        tree = None if cell.comment else _parsed(cell)
        trees.append(tree)
        if tree is not None:
            whole.body.extend(tree.body)
    for node in ast.walk(whole):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.update(imported(node))
    helpers = _helpers(whole)
    writer = _Writer(Names(whole, imports, helpers))
    for cell, tree in zip(cells, trees, strict=True):
        writer.cell(cell, tree)
    text = "\n".join(writer.out.lines).strip("\n")
    return Conversion(text + "\n" if text else "", writer.refusals)


def _helpers(tree: ast.Module) -> set[str]:
    """The functions at the top level that gradsh itself has put there, by an earlier conversion."""
    known: dict[str, str] = {}
    for helper in TORCH.values():
        for node in ast.parse(helper.source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                known[node.name] = ast.dump(node)
    return {
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and known.get(node.name) == ast.dump(node)
    }


def _parsed(cell: Cell) -> ast.Module:
    """The tree of a cell, whose numbers know how they were written."""
    try:
        tree = ast.parse(cell.code)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        lines = cell.code.split("\n")
        end = (error.end_offset or 0) if error.end_lineno == line else 0
        written = lines[line - 1] if line <= len(lines) else ""
        message = f"this is not Python code: {error.msg}"
        raise SyntaxFault(message, cell.name, line, column, max(end, column + 1), written) from None
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"this is not Python code: {error}"
        raise SyntaxFault(message, cell.name, 1, 1, 2, cell.code.split("\n")[0]) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            written = ast.get_source_segment(cell.code, node) or ""
            if _NUMBER.fullmatch(written):
                node.__dict__["written"] = written
    return tree


def _comments(code: str) -> list[Comment]:
    """The comments in Python code."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                trailing = bool(token.line[: token.start[1]].strip())
                found.append(Comment(token.start[0], token.string.rstrip(), trailing))
    except (tokenize.TokenError, IndentationError):
        pass
    return found


class _Writer:
    """Writes statements; what cannot be converted becomes a comment and a Refusal."""

    def __init__(self, names: Names) -> None:
        self.out = PythonText()
        self.refusals: list[Refusal] = []
        self.names = names
        self.expressions = Expressions(names)
        self._cell = Cell("", "")
        self._functions: list[set[str]] = []
        self._inside: list[str] = []

    # ----------------------------------------------------------------- whole programs

    def cell(self, cell: Cell, tree: ast.Module | None) -> None:
        """Write a part of the program."""
        self._cell = cell
        if self.out.lines and self.out.lines[-1]:
            self.out.write("")
        if tree is None:
            for line in cell.code.split("\n"):
                self.out.write(f"# {line}".rstrip())
            return
        self.out.take_comments(_comments(cell.code))
        body = tree.body
        for position, node in enumerate(body):
            if (
                isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and node.name in self.names.helpers
            ):
                self.out.skip(node.end_lineno or node.lineno)
                continue
            last = position == len(body) - 1
            self.statement(node, shown=cell.shows and last and not _is_quiet(cell.code))
        self.out.flush(1 << 60)

    def statement(self, node: ast.stmt, *, shown: bool = False) -> None:
        """Write a statement, or a comment in its place."""
        mark, depth = self.out.mark(), self.out.depth
        functions, inside = len(self._functions), len(self._inside)
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        self.expressions.before = lambda lines: self._hoist(lines, node)
        try:
            if isinstance(node, ast.Expr):
                self._expr(node, shown=shown)
            else:
                write = getattr(self, "_" + type(node).__name__.lower(), None)
                if write is None:
                    kind = _NAMES_OF_STATEMENTS.get(type(node), "such statement")
                    refuse(node, f"gradsh has no {kind}")
                write(node)
        except CannotConvert as error:
            self.out.go_back(mark)
            self.out.depth = depth
            del self._functions[functions:], self._inside[inside:]
            self.expressions.saved = None if not self._functions else self.expressions.saved
            self._refused(node, first, error)
        self.out.reach(node.end_lineno or node.lineno)

    def _refused(self, node: ast.stmt, first: int, error: CannotConvert) -> None:
        lines = self._cell.code.split("\n")[first - 1 : node.end_lineno]
        indentation = len(lines[0]) - len(lines[0].lstrip())
        source = self._cell.name
        self.refusals.append(Refusal(source, error.line, "\n".join(lines), error.reason))
        place = f"line {error.line}"
        if "[" in source:  # a cell of a notebook
            place = f"{source[source.index('[') + 1 : -1]}, {place}"
        self.out.write(f"# not converted, {place}: {error.reason}", first, first)
        self.out.skip(node.end_lineno or node.lineno)
        for line in lines:
            self.out.write(f"#     {line[indentation:]}".rstrip())

    def _hoist(self, lines: list[str], node: ast.stmt) -> None:
        for line in lines:
            self.line(line, node, node.lineno - 1)

    def line(self, text: str, node: Any, last: int | None = None) -> None:
        """Write a line for a node."""
        end = node.end_lineno or node.lineno
        self.out.write(text, node.lineno, end if last is None else last)

    def text(self, node: ast.expr, binding: int = 0) -> str:
        """An expression."""
        return self.expressions.text(node, binding)

    def bare(self, node: ast.expr) -> str:
        """An expression that is all of a statement's rest; a tuple needs no parentheses there."""
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            return ", ".join(self.text(element) for element in node.elts)
        return self.text(node)

    def suite(self, body: Sequence[ast.stmt], kind: str = "") -> None:
        """Write the statements of a block."""
        self._inside.append(kind)
        self.out.depth += 1
        for child in body:
            self.statement(child)
        self.out.depth -= 1
        self._inside.pop()

    # -------------------------------------------------------------------- statements

    def _expr(self, node: ast.Expr, *, shown: bool) -> None:
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and not shown:
            for line in value.value.strip().split("\n"):
                self.line(f"# {line.strip()}".rstrip(), node, node.lineno - 1)
            return
        if isinstance(value, ast.Call):
            if self._special_call(value, node):
                return
            if self._is_helper(value, "minimize"):
                self.line(self._minimize(value), node)
                return
            if isinstance(value.func, ast.Attribute) and value.func.attr in _GIVES_NOTHING:
                closure = value.func.attr == "step" and value.args and self._at_top
                self.line(self.text(value) + (";" if closure else ""), node)
                return
        quiet = not shown and self._at_top
        self.line(self.text(value) + (";" if quiet else ""), node)

    @property
    def _at_top(self) -> bool:
        """Whether a statement stands where its value would be shown."""
        return not self._functions and all(kind == "nograd" for kind in self._inside)

    def _is_helper(self, value: ast.expr, name: str) -> bool:
        return (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id == name
            and name in self.names.helpers
        )

    def _minimize(self, call: ast.Call) -> str:
        """The command of which the function `minimize` of a converted program is made."""
        loss, over = call.args
        if not isinstance(loss, ast.Lambda) or not isinstance(over, ast.List):
            refuse(call, "minimize takes an expression and tensors")
        written = f"minimize {self.text(loss.body)} over "
        written += ", ".join(self.text(each) for each in over.elts)
        for part in call.keywords:
            value = part.value
            if part.arg != "optimizer":
                written += f" {part.arg} {self.text(value)}"
            elif isinstance(value, ast.Lambda) and isinstance(value.body, ast.Call):
                made = value.body
                plain = ast.Call(made.func, [ast.List([], ast.Load())], made.keywords)
                written += f" using {self.text(ast.copy_location(plain, made))}"
            else:
                inner = value.body if isinstance(value, ast.Lambda) else value
                written += f" using {self.text(inner)}"
        return written

    def _special_call(self, call: ast.Call, node: ast.Expr) -> bool:
        """Write a call for which gradsh has a statement; False if it has none."""
        path = self.names.path(call.func)
        name = call.func.id if isinstance(call.func, ast.Name) and path is None else ""
        if name == "print" and name not in self.names.bound:
            self._print(call, node)
            return True
        if name == "show" and name in self.names.helpers:
            self.line(self.text(call.args[0]), node)
            return True
        if path in ("torch.manual_seed", "torch.random.manual_seed"):
            self.line(f"seed {self.text(call.args[0])}", node)
            return True
        if path == "torch.set_printoptions":
            self._print_options(call, node)
            return True
        if path == "torch.set_default_dtype" and len(call.args) == 1:
            self.line(f"set default_dtype {self.text(call.args[0])}", node)
            return True
        if path in (
            "torch.set_default_device",
            "torch.cuda.manual_seed",
            "torch.cuda.manual_seed_all",
        ):
            return True
        if isinstance(call.func, ast.Attribute) and path is None:
            if call.func.attr == "backward":
                self._backward(call, call.func.value, node)
                return True
            if call.func.attr == "append":
                self._append(call, call.func.value, node)
                return True
        return False

    def _print(self, call: ast.Call, node: ast.stmt) -> None:
        only = call.args[0] if len(call.args) == 1 and not call.keywords else None
        if isinstance(only, ast.Call) and ast.unparse(only.func) == "repr" and self._at_top:
            self.line(self.text(only.args[0]), node)  # as gradsh shows a value
            return
        for part in call.keywords:
            default = {"sep": " ", "end": "\n", "flush": None, "file": None}
            value = getattr(part.value, "value", 0)
            if part.arg != "flush" and (part.arg not in default or value != default[part.arg]):
                refuse(call, f"print of gradsh has no {part.arg}")
        written = []
        for value in call.args:
            if self.names.kind(value) == "list":
                refuse(value, "a list of Python is a tuple in gradsh, and is printed as one")
            if self.names.kind(value) == "device":
                refuse(value, "gradsh has no devices")
            written.append(self.text(value))
        if len(written) == 1 and isinstance(call.args[0], ast.Tuple):
            written = [f"({written[0]})"]
        self.line(f"print {', '.join(written)}".rstrip(), node)

    def _print_options(self, call: ast.Call, node: ast.stmt) -> None:
        options = list(call.keywords)
        if call.args:
            options.insert(0, ast.keyword("precision", call.args[0]))
        for option in options:
            if option.arg not in _PRINT_OPTIONS:
                refuse(call, f"gradsh has no print option {option.arg}")
            value = option.value
            word = value.value if isinstance(value, ast.Constant) else None
            written = word if isinstance(word, str) else self.text(value)
            self.line(f"set {option.arg} {written}", node)

    def _backward(self, call: ast.Call, base: ast.expr, node: ast.stmt) -> None:
        """`backward E with V ...`; with other options the call as it is."""
        written = f"backward {self.text(base, PRODUCT)}"
        given = {"gradient": call.args[0]} if call.args else {}
        given |= {part.arg or "": part.value for part in call.keywords}
        for name, value in given.items():
            truth = value.value if isinstance(value, ast.Constant) else ...
            if name == "gradient" and truth is not None:
                written += f" with {self.text(value, PRODUCT)}"
            elif name in ("retain_graph", "create_graph") and truth is True:
                written += f" {name}"
            elif name == "inputs" and isinstance(value, ast.List) and value.elts:
                written += " inputs " + ", ".join(self.text(each) for each in value.elts)
            elif truth not in (None, False) or name not in (
                "gradient", "retain_graph", "create_graph", "inputs",
            ):  # fmt: skip
                self.line(self.text(call), node)
                return
        self.line(written, node)

    def _append(self, call: ast.Call, base: ast.expr, node: ast.stmt) -> None:
        """`values.append(x)`, where the list is a variable of its own."""
        if not isinstance(base, ast.Name) or len(call.args) != 1 or call.keywords:
            refuse(call, "only a variable can grow by `append`")
        if self._functions and base.id not in self._functions[-1]:
            refuse(call, f"a function of gradsh cannot change the variable {base.id} around it")
        name = self.text(base)
        self.line(f"{name} = {name} + ({self.text(call.args[0])},)", node)

    def _assign(self, node: ast.Assign) -> None:
        self._assignment(node.targets, node.value, node)

    def _annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assignment([node.target], node.value, node)

    def _assignment(self, targets: list[ast.expr], value: ast.expr, node: ast.stmt) -> None:
        if self._drops_device(value):
            return
        written = [self._target(target) for target in targets]
        if isinstance(value, ast.IfExp) and len(targets) == 1:
            (target,) = written
            test = self.text(value.test, NOT)
            yes, no = self.text(value.body), self.text(value.orelse)
            self.line(f"if {test} {{ {target} = {yes} }} else {{ {target} = {no} }}", node)
            return
        self.line(" = ".join([*written, self._bound_value(value)]), node)

    def _drops_device(self, value: ast.expr) -> bool:
        """Whether a value is a device, which nothing in gradsh needs."""
        if self.names.kind(value) == "device":
            return True
        return isinstance(value, ast.IfExp) and (
            self.expressions.is_device_condition(value.test)
            and all(isinstance(part, ast.Constant) for part in (value.body, value.orelse))
        )

    def _bound_value(self, value: ast.expr) -> str:
        """What is assigned; `E grad` for a creating function with requires_grad=True."""
        if isinstance(value, ast.Call):
            if self._is_helper(value, "minimize"):
                return self._minimize(value)
            on = [part for part in value.keywords if part.arg == "requires_grad"]
            rest = [part for part in value.keywords if part.arg != "requires_grad"]
            if (
                len(on) == 1
                and isinstance(on[0].value, ast.Constant)
                and on[0].value.value is True
                and self.names.path(value.func) is not None
            ):
                plain = ast.Call(value.func, value.args, rest, lineno=value.lineno)
                return f"{self.text(plain)} grad"
            if (
                isinstance(value.func, ast.Attribute)
                and value.func.attr == "requires_grad_"
                and not value.args
                and not value.keywords
            ):
                return f"{self.text(value.func.value, ATOM)} grad"
        return self.bare(value)

    def _target(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return self.names.variable(target.id, target)
        if isinstance(target, (ast.Tuple, ast.List)):
            if any(isinstance(part, (ast.Tuple, ast.List, ast.Starred)) for part in target.elts):
                refuse(target, "gradsh unpacks into plain variables, elements and attributes")
            inner = ", ".join(self._target(part) for part in target.elts)
            return inner + ("," if len(target.elts) == 1 else "")
        if isinstance(target, ast.Attribute) and target.attr not in _SETTABLE:
            refuse(target, f"the attribute {target.attr} cannot be set in gradsh")
        if isinstance(target, ast.Subscript) and self.names.kind(target.value) == "list":
            refuse(target, "an element of a list cannot be set: gradsh has tuples")
        return self.text(target)

    def _augassign(self, node: ast.AugAssign) -> None:
        if (
            self._functions
            and isinstance(node.target, ast.Name)
            and node.target.id not in self._functions[-1]
        ):
            refuse(node, f"a function of gradsh cannot change {node.target.id} around it")
        target, value = self._target(node.target), node.value
        operator = _AUGMENTED.get(type(node.op))
        if operator is None:
            if not isinstance(node.target, ast.Name):
                refuse(node, "gradsh has no such operator in place")
            loaded = ast.Name(node.target.id, ast.Load(), lineno=node.lineno)
            whole = ast.BinOp(loaded, node.op, value, lineno=node.lineno)
            self.line(f"{target} = {self.text(whole)}", node)
            return
        self.line(f"{target} {operator} {self.text(value)}", node)

    def _delete(self, node: ast.Delete) -> None:
        names = []
        for target in node.targets:
            if not isinstance(target, ast.Name):
                refuse(node, "only variables can be deleted in gradsh")
            names.append(self.text(target))
        self.line("del " + ", ".join(names), node)

    def _assert(self, node: ast.Assert) -> None:
        message = "" if node.msg is None else f", {self.text(node.msg)}"
        self.line(f"assert {self.text(node.test)}{message}", node)

    def _return(self, node: ast.Return) -> None:
        if node.value is None:
            self.line("return", node)
        elif isinstance(node.value, ast.IfExp):
            value = node.value
            test = self.text(value.test, NOT)
            yes, no = self.text(value.body), self.text(value.orelse)
            self.line(f"if {test} {{ return {yes} }} else {{ return {no} }}", node)
        else:
            self.line(f"return {self.bare(node.value)}", node)

    def _pass(self, node: ast.Pass) -> None:
        """Nothing: a block may be empty in gradsh."""

    def _break(self, node: ast.Break) -> None:
        self.line("break", node)

    def _continue(self, node: ast.Continue) -> None:
        self.line("continue", node)

    def _import(self, node: ast.Import) -> None:
        """Nothing: what PyTorch has is there, and what else is used is told where it is used."""

    _importfrom = _import

    # ------------------------------------------------------------------ control flow

    def _if(self, node: ast.If) -> None:
        if _is_main(node.test) and not self._functions and not self._inside:
            for child in node.body:
                self.statement(child)
            return
        self._branch(node, "if")

    def _branch(self, node: ast.If, words: str) -> None:
        self.line(f"{words} {self.text(node.test)} {{", node, node.lineno)
        self.suite(node.body, "if")
        self.expressions.before = None  # what stands before would run in any case
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            self._branch(node.orelse[0], "} else if")
            return
        if node.orelse:
            self.out.write("} else {")
            self.out.reach(node.orelse[0].lineno - 1)
            self.suite(node.orelse, "if")
        self.out.write("}")

    def _while(self, node: ast.While) -> None:
        if node.orelse:
            refuse(node, "a loop of gradsh has no else")
        self.expressions.before = None
        self.line(f"while {self.text(node.test)} {{", node, node.lineno)
        self.suite(node.body, "loop")
        self.out.write("}")

    def _for(self, node: ast.For) -> None:
        if node.orelse:
            refuse(node, "a loop of gradsh has no else")
        function = node.iter.func if isinstance(node.iter, ast.Call) else None
        if isinstance(function, ast.Name) and function.id in ("enumerate", "zip"):
            assert isinstance(node.iter, ast.Call)
            self._indexed_loop(node, node.iter, function.id)
            return
        names = self._target(node.target).removesuffix(",")
        self.line(f"for {names} in {self.text(node.iter)} {{", node, node.lineno)
        self.suite(node.body, "loop")
        self.out.write("}")

    def _indexed_loop(self, node: ast.For, call: ast.Call, function: str) -> None:
        """`for i, x in enumerate(xs)` and `for a, b in zip(x, y)`, by index."""
        parts = node.target.elts if isinstance(node.target, ast.Tuple) else []
        plain = all(isinstance(value, (ast.Name, ast.Attribute)) for value in call.args)
        counted = function == "enumerate"
        wanted = 1 if counted else len(parts)
        if not plain or call.keywords or len(call.args) != wanted or (counted and len(parts) != 2):
            refuse(node, f"{function} can be converted over variables only")
        if counted:
            index, targets = self._target(parts[0]), parts[1:]
        else:
            index, targets = self.expressions.new_name("index"), parts
        values = [self.text(value) for value in call.args]
        self.line(f"for {index} in range(len({values[0]})) {{", node, node.lineno)
        self.out.depth += 1
        for target, value in zip(targets, values, strict=True):
            self.out.write(f"{self._target(target)} = {value}[{index}]")
        self.out.depth -= 1
        self.suite(node.body, "loop")
        self.out.write("}")

    def _with(self, node: ast.With) -> None:
        words = [self._mode(item, node) for item in node.items]
        for word in words:
            if word:
                self.line(f"{word} <", node, node.lineno)
                self.out.depth += 1
        self.out.depth -= 1 if words and any(words) else 0
        if any(words):
            self.suite(node.body, "nograd")
        else:
            for child in node.body:
                self.statement(child)
        count = sum(map(bool, words))
        for number in range(count):
            self.out.depth -= 1 if number else 0
            self.out.write(">")

    def _mode(self, item: ast.withitem, node: ast.With) -> str:
        """The word of a context; "" for one that changes nothing in gradsh."""
        call = item.context_expr
        if item.optional_vars is not None or not isinstance(call, ast.Call):
            refuse(node, "only torch.no_grad and the like can be converted")
        path = self.names.path(call.func)
        if path in _MODES:
            return _MODES[path]
        if path == "torch.set_grad_enabled" and len(call.args) == 1:
            value = call.args[0]
            if isinstance(value, ast.Constant) and isinstance(value.value, bool):
                return "enablegrad" if value.value else "nograd"
        reason = "only torch.no_grad and the like can be converted"
        if path == "torch.inference_mode":
            reason = "gradsh has no inference mode; torch.no_grad is nograd < >"
        return refuse(node, reason)

    def _try(self, node: ast.Try) -> None:
        if node.orelse or node.finalbody or len(node.handlers) != 1:
            refuse(node, "try has one catch in gradsh, and neither else nor finally")
        (handler,) = node.handlers
        name = f" {self.names.variable(handler.name, handler)}" if handler.name else ""
        self.line("try {", node, node.lineno)
        self.suite(node.body, "try")
        self.line(f"}} catch{name} {{", handler, handler.lineno)
        self.suite(handler.body, "try")
        self.out.write("}")

    # --------------------------------------------------------------------- functions

    def _functiondef(self, node: ast.FunctionDef) -> None:
        word = ""
        for decorator in node.decorator_list:
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            word = _MODES.get(self.names.path(function) or "", "")
            if not word:
                refuse(node, "gradsh has no decorators but torch.no_grad")
        self.line(
            f"def {self.names.variable(node.name, node)}({self._parameters(node)}) {{",
            node,
            node.lineno,
        )
        self._body(node, node.body, word)
        self.out.write("}")

    def _parameters(self, node: ast.FunctionDef, skip: int = 0) -> str:
        plain_arguments(node.args, node)
        names = [self.names.variable(each.arg, node) for each in node.args.args[skip:]]
        defaults = [self.text(default) for default in node.args.defaults]
        first = len(names) - len(defaults)
        return ", ".join(
            name if place < first else f"{name}={defaults[place - first]}"
            for place, name in enumerate(names)
        )

    def _body(self, node: ast.FunctionDef, body: list[ast.stmt], word: str = "") -> None:
        for part in ast.walk(node):
            if isinstance(part, (ast.Global, ast.Nonlocal)):
                refuse(part, "a function of gradsh cannot bind variables around it")
        self._functions.append(_locals(node))
        if word:
            self.out.depth += 1
            self.out.write(f"{word} <")
        self.suite(body, "def")
        if word:
            self.out.write(">")
            self.out.depth -= 1
        self._functions.pop()

    def _classdef(self, node: ast.ClassDef) -> None:
        """A subclass of torch.autograd.Function as a function with a backward block."""
        bases = [self.names.path(base) for base in node.bases]
        if bases not in (["torch.autograd.Function"], ["torch.autograd.function.Function"]):
            reason = "gradsh has no classes but functions with their own derivative"
            if bases == ["torch.nn.Module"]:
                reason = "gradsh has no modules: write its tensors and functions out"
            refuse(node, reason)
        methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        if set(methods) != {"forward", "backward"}:
            refuse(node, "a function with its own derivative has a forward and a backward")
        forward, backward = methods["forward"], methods["backward"]
        saved = _saved(forward)
        name = self.names.variable(node.name, node)
        self.expressions.saved = {
            attribute: value.id if isinstance(value, ast.Name) else attribute
            for attribute, value in saved.attributes.items()
        }
        self.expressions.saved_tensors = [ast.unparse(value) for value in saved.tensors]
        self.line(f"def {name}({self._parameters(forward, 1)}) {{", node, node.lineno)
        self._body(forward, forward.body)
        self.out.reach(backward.lineno - 1)
        self.line(f"}} backward({self._parameters(backward, 1)}) {{", backward, backward.lineno)
        self._body(backward, self._unpacked_saved(backward, saved))
        self.out.write("}")
        self.expressions.saved = None

    def _unpacked_saved(self, backward: ast.FunctionDef, saved: _Saved) -> list[ast.stmt]:
        """The second block: what it takes out of ctx has the names of the first block there."""
        body: list[ast.stmt] = []
        for child in backward.body:
            if isinstance(child, ast.Assign) and _is_ctx(child.value):
                assert isinstance(child.value, ast.Attribute)
                kept = saved.attributes.get(child.value.attr)
                if kept is not None and ast.unparse(child.targets[0]) == ast.unparse(kept):
                    continue  # the second block sees the first one's variables
            if not (isinstance(child, ast.Assign) and _is_saved_tensors(child.value)):
                body.append(child)
                continue
            body.append(ast.copy_location(ast.Pass(), child))
            target = child.targets[0]
            parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
            if len(parts) != len(saved.tensors):
                refuse(
                    child, "ctx.saved_tensors must be unpacked into as many variables as were saved"
                )
            for part, value in zip(parts, saved.tensors, strict=True):
                if ast.unparse(part) != ast.unparse(value):
                    body.append(ast.copy_location(ast.Assign([part], value), child))
        return body


class _Saved:
    """What a forward function keeps for its backward one."""

    def __init__(self) -> None:
        self.tensors: list[ast.expr] = []
        self.attributes: dict[str, ast.expr] = {}


def _saved(forward: ast.FunctionDef) -> _Saved:
    """What is kept in ctx; the statements that keep it are taken out of the function."""
    saved = _Saved()
    body: list[ast.stmt] = []
    for child in forward.body:
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Call):
            function = child.value.func
            if _is_ctx(function) and isinstance(function, ast.Attribute):
                if function.attr != "save_for_backward":
                    refuse(child, f"gradsh has nothing like ctx.{function.attr}")
                saved.tensors = child.value.args
                if not all(isinstance(value, ast.Name) for value in saved.tensors):
                    refuse(child, "what is saved must have a name")
                body.append(ast.copy_location(ast.Pass(), child))
                continue
        if isinstance(child, ast.Assign) and _is_ctx(child.targets[0]):
            target = child.targets[0]
            assert isinstance(target, ast.Attribute)
            saved.attributes[target.attr] = child.value
            if not isinstance(child.value, ast.Name):
                refuse(child, f"give what ctx.{target.attr} keeps a name first")
            body.append(ast.copy_location(ast.Pass(), child))
            continue
        body.append(child)
    forward.body = body
    return saved


def _is_ctx(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ctx"
    )


def _is_saved_tensors(node: ast.expr) -> bool:
    return _is_ctx(node) and isinstance(node, ast.Attribute) and node.attr == "saved_tensors"


def _is_main(test: ast.expr) -> bool:
    """Whether a condition is `__name__ == "__main__"`."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )


def _is_quiet(code: str) -> bool:
    """Whether a cell ends with a `;`, which keeps its value from being shown."""
    lines = [line.partition("#")[0].rstrip() for line in code.split("\n")]
    return next((line.endswith(";") for line in reversed(lines) if line), False)


def _locals(node: ast.FunctionDef) -> set[str]:
    """The names that are a function's own."""
    names = {argument.arg for argument in node.args.args}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
    return names


_NAMES_OF_STATEMENTS: Final[dict[type[ast.stmt], str]] = {
    ast.Raise: "`raise`: an error comes from `assert`",
    ast.Global: "`global`",
    ast.Nonlocal: "`nonlocal`",
    ast.Match: "`match`",
    ast.AsyncFunctionDef: "`async`",
    ast.AsyncFor: "`async`",
    ast.AsyncWith: "`async`",
}
