"""From the compiler's trees of a gradsh program to the statements of a Python program.

The trees are Python's own already; what a target says differently is what gradsh has of its own:
the calls whose names begin with `@`, the built-in names, the attributes with a dot before them.
`Translator` knows the forms of the language, and a subclass how its target writes them.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NoReturn

from gradsh.conversion.helpers import Helper
from gradsh.conversion.kinds import (
    FUNCTION,
    MIXED,
    NODE,
    NOTHING,
    TEXT,
    UNKNOWN,
    Kinds,
    Scope,
    namespace_of,
)
from gradsh.conversion.program import Program
from gradsh.conversion.python_text import (
    PythonText,
    call,
    dotted,
    format_string,
    quoted,
    spaced,
)
from gradsh.conversion.refusals import Refusal
from gradsh.conversion.torch_modules import OPTIMISERS, SCHEDULES
from gradsh.conversion.words import words
from gradsh.engine import DIFFERENTIATION, FUNCTIONS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.engine.optim import OPTIMISATION
from gradsh.language.blocks import BlockWith, Shown
from gradsh.language.expressions import GuardedOperation, ListLiteral
from gradsh.language.statements import CommandCall

LOAD: Final = ast.Load()
STORE: Final = ast.Store()
_CONSTANTS: Final = frozenset(
    ("args", "inf", "len", "load", "nan", "pi", "range", "record", "save", "stdin", "str")
)
_RESERVED: Final = words(
    """
    F bool complex csv ctx dict float functools getattr int isinstance jax jnp list math np os
    object print range repr str sys torch tuple type zip
    Record array_of as_tensor converted first_line load minimize node_text number record save show
    tensor_of with_gradients
    """
)
"""Names that the program itself needs: a variable so called gets a `_` behind it."""


class CannotConvert(Exception):
    """A form that the target has nothing for; `line` counts from the statement's first."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def refuse(node: ast.expr | ast.stmt, reason: str) -> NoReturn:
    """Raise CannotConvert for a node."""
    raise CannotConvert(reason, node.lineno)


class Translator:
    """Writes one program; `text` and `refusals` then have what came of it."""

    helpers: dict[str, Helper]
    imports: dict[str, str]
    """The statement that imports a module, by the first part of the names that need it."""

    def __init__(self, program: Program, title: str) -> None:
        statements = program.statements
        self.refusals: list[Refusal] = []
        self.out = PythonText()
        self.kinds = Kinds(tree for statement in statements for tree in statement.trees)
        self.title = title
        self._program = program
        self._statement = statements[0] if statements else None
        self._needed: dict[str, None] = {}
        self._scopes: list[Scope] = [self.kinds.names]
        self._bound: list[set[str]] = [set()]
        self._caught: list[str] = []
        self.custom: dict[str, ast.FunctionDef] = {}
        self.earlier: list[list[ast.stmt]] = [[]]
        self._keeps_shown = any(
            isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Load)
            for statement in statements
            for tree in statement.trees
            for node in ast.walk(tree)
        )

    # ----------------------------------------------------------------- the program

    def translate(self) -> str:
        """The whole program."""
        source = None
        for statement in self._program.statements:
            if statement.source != source:
                source = statement.source
                self.out.take_comments(self._program.comments[source])
            self._statement = statement
            for position, tree in enumerate(statement.trees):
                last = position == len(statement.trees) - 1
                self.statement(tree, shows=statement.shows and last)
                self.earlier[-1].append(tree)
        if source is not None:
            self.out.flush(1 << 60)
        body = spaced(self.out.lines)
        helpers = self._helper_lines()
        written = "\n".join((*helpers, *body))
        parts = [[f'"""{self.title}"""'], self._import_lines(written), helpers, body]
        text = ""
        for part in parts:
            defines = part is helpers or (bool(part) and part[0].startswith(("def ", "class ")))
            if part and text:
                text += "\n\n" if defines or (part is body and helpers) else "\n"
            text += "".join(line + "\n" for line in part)
        return text.rstrip() + "\n"

    def need(self, helper: str) -> str:
        """Have a helper in the program; its name."""
        if helper not in self._needed:
            for other in self.helpers[helper].helpers:
                self.need(other)
            self._needed[helper] = None
        return helper

    def _helper_lines(self) -> list[str]:
        sources = [self.helpers[name].source.rstrip().split("\n") for name in self._needed]
        lines: list[str] = []
        for source in sources:
            if lines:
                lines += ["", ""]
            lines += source
        return lines

    def _import_lines(self, written: str) -> list[str]:
        wanted = [
            line
            for root, line in self.imports.items()
            if root in _roots(written)
            or any(root in self.helpers[name].imports for name in self._needed)
        ]
        standard = sorted(line for line in wanted if line.split()[1] in _STANDARD)
        others = [line for line in wanted if line not in standard]
        return [*standard, *([""] if standard and others else []), *others]

    # ------------------------------------------------------------------- statements

    def statement(self, node: ast.stmt, *, shows: bool = False) -> None:
        """Write a statement; if it cannot be converted, a comment in its place."""
        mark = self.out.mark()
        depth, scopes, blocks = self.out.depth, len(self._scopes), len(self.earlier)
        try:
            self._dispatch(node, shows)
        except CannotConvert as error:
            self.out.go_back(mark)
            self.out.depth = depth
            del self._scopes[scopes:], self._bound[scopes:], self.earlier[blocks:]
            self._refused(node, error)
        assert self._statement is not None
        self.out.reach(self._statement.line - 1 + (node.end_lineno or node.lineno))

    def _refused(self, node: ast.stmt, error: CannotConvert) -> None:
        assert self._statement is not None
        start = self._statement.line - 1
        text = _source_of(self._statement.text, node)
        place = start + error.line
        self.refusals.append(Refusal(self._statement.source, place, text, error.reason))
        first, last = start + node.lineno, start + (node.end_lineno or node.lineno)
        lines = text.split("\n")
        self.out.write(f"# not converted, line {place}: {error.reason}", first, first)
        for line in lines:
            self.out.write(f"#     {line}".rstrip(), 0, last)

    def _dispatch(self, node: ast.stmt, shows: bool) -> None:
        if isinstance(node, Shown):
            self.shown(node, shows)
        elif isinstance(node, BlockWith):
            self.with_block(node, shows)
        else:
            getattr(self, "write_" + type(node).__name__.lower())(node)

    def line(self, text: str, node: Any, last: Any = None) -> None:
        """Write a line for a node of the statement."""
        assert self._statement is not None
        start = self._statement.line - 1
        end = (node.end_lineno or node.lineno) if last is None else last
        self.out.write(text, start + node.lineno, start + end)

    def header(self, text: str, node: Any) -> None:
        """Write the line before a suite."""
        self.line(text, node, node.lineno)

    def suite(self, body: Iterable[ast.stmt], *, shows: bool = False) -> None:
        """Write the statements of a block, one step further in."""
        self.out.depth += 1
        start = len(self.out.lines)
        listed = list(body)
        self.earlier.append([])
        for position, child in enumerate(listed):
            self.statement(child, shows=shows and position == len(listed) - 1)
            self.earlier[-1].append(child)
        self.earlier.pop()
        if all(line.lstrip().startswith("#") or not line for line in self.out.lines[start:]):
            self.out.write("pass")
        self.out.depth -= 1

    def shown(self, node: Shown, shows: bool) -> None:
        """An expression as a statement, which is shown at the top level."""
        value = self.expr(node.value)
        kind = self.kind(node.value)
        if not shows or kind == NOTHING:
            self.line(ast.unparse(value), node)
            return
        if kind == FUNCTION:
            refuse(node, "Python shows a function in another way")
        if self._keeps_shown:
            self.bind("_")
            self.line(f"_ = {ast.unparse(value)}", node)
            value = dotted("_")
        self.line(ast.unparse(self.show(value, kind)), node)

    def show(self, value: ast.expr, kind: str) -> ast.expr:
        """The call that shows a value."""
        if kind == TEXT:
            return call("print", call("repr", value))
        if kind == NODE:
            return call("print", call(self.need("node_text"), value))
        if kind in (UNKNOWN, MIXED):
            return call(self.need("show"), value)
        return call("print", value)

    def with_block(self, node: ast.With, shows: bool) -> None:
        """`nograd < S >` as a statement."""
        self.header(f"with {self.manager(node.items[0].context_expr)}:", node)
        self.suite(node.body, shows=shows)

    def manager(self, node: ast.expr) -> str:
        """The context manager of a block."""
        if isinstance(node, CommandCall):
            refuse(node, "`time` has nothing like it in a program that prints the same")
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return self.mode(node.func.id == "@enablegrad")

    def write_with(self, node: ast.With) -> None:
        self.with_block(node, False)

    def write_pass(self, node: ast.Pass) -> None:
        if self._statement is not None and "import" in self._statement.text:
            return
        self.line("pass", node)

    def write_break(self, node: ast.Break) -> None:
        self.line("break", node)

    def write_continue(self, node: ast.Continue) -> None:
        self.line("continue", node)

    def write_global(self, node: ast.Global) -> None:
        self._bound[0].update(node.names)
        self.line("global " + ", ".join(map(safe_name, node.names)), node, node.lineno)

    def write_nonlocal(self, node: ast.Nonlocal) -> None:
        self.line("nonlocal " + ", ".join(map(safe_name, node.names)), node, node.lineno)

    def write_annassign(self, node: ast.AnnAssign) -> None:
        assert isinstance(node.target, ast.Name)
        self.line(f"{safe_name(node.target.id)} = None", node, node.lineno)

    def write_expr(self, node: ast.Expr) -> None:
        """A statement that begins with a word: print, backward, a command."""
        value = node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            name = value.func.id
            if name == "@print":
                self.line(ast.unparse(self.print_call(value.args)), node)
                return
            if name == "@backward":
                self.line(ast.unparse(self.backward(value)), node)
                return
            if name == "@command":
                self.command(value, node)
                return
            if name == "@run":
                refuse(node, "only a file that is there, and named at the top level, is brought in")
        self.line(ast.unparse(self.expr(value)), node)

    def print_call(self, values: list[ast.expr]) -> ast.expr:
        """`print` of values."""
        printed = []
        for value in values:
            kind = self.kind(value)
            if kind == FUNCTION:
                refuse(value, "Python prints a function in another way")
            translated = self.expr(value)
            printed.append(call(self.need("node_text"), translated) if kind == NODE else translated)
        return call("print", *printed)

    def write_assign(self, node: ast.Assign) -> None:
        value = node.value
        if is_internal(value, "@unpack"):
            assert isinstance(value, ast.Call)
            value = value.args[0]
        if isinstance(node.targets[0], ast.Tuple) and isinstance(value, ast.Tuple):
            value = ast.Tuple(value.elts, LOAD)
        translated = self.expr(value)
        targets = node.targets
        if len(targets) == 1 and isinstance(targets[0], ast.Attribute):
            special = self.attribute_assignment(targets[0], "=", translated)
            if special is not None:
                for text in special:
                    self.line(text, node)
                return
        written = [self.target(target) for target in targets]
        self.line(ast.unparse(_assign(written, translated)), node)

    def attribute_assignment(
        self, target: ast.Attribute, operator: str, value: ast.expr
    ) -> list[str] | None:
        """The lines for an attribute that the target sets in a way of its own."""
        return None

    def target(self, node: ast.expr) -> ast.expr:
        """What is assigned to."""
        if isinstance(node, ast.Name):
            self.bind(node.id)
            return ast.Name(safe_name(node.id), STORE)
        if isinstance(node, ast.Tuple):
            return ast.Tuple([self.target(element) for element in node.elts], STORE)
        return self.expr(node)

    def write_augassign(self, node: ast.AugAssign) -> None:
        value = node.value
        if is_internal(value, "@exponent"):
            assert isinstance(value, ast.Call)
            value = value.args[1]
        translated = self.expr(value)
        operator = _AUGMENTED[type(node.op)]
        if isinstance(node.target, ast.Attribute):
            special = self.attribute_assignment(node.target, operator, translated)
            if special is not None:
                for text in special:
                    self.line(text, node)
                return
        target = self.target(node.target)
        self.line(f"{ast.unparse(target)} {operator} {ast.unparse(translated)}", node)

    def write_delete(self, node: ast.Delete) -> None:
        names = [safe_name(target.id) for target in node.targets if isinstance(target, ast.Name)]
        self.line("del " + ", ".join(names), node)

    def write_if(self, node: ast.If) -> None:
        raised = node.body[0]
        if isinstance(raised, ast.Raise):
            assert isinstance(raised.exc, ast.Call)
            assert isinstance(node.test, ast.UnaryOp)
            text = ast.unparse(self.expr(raised.exc.args[0]))
            self.line(f"assert {ast.unparse(self.expr(node.test.operand))}, {text}", node)
            return
        self._if(node, "if")

    def _if(self, node: ast.If, word: str) -> None:
        self.header(f"{word} {self.condition(node.test)}:", node)
        self.suite(node.body)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            inner = node.orelse[0]
            if not isinstance(inner.body[0], ast.Raise):
                self._if(inner, "elif")
                return
        if node.orelse:
            self.out.write("else:")
            assert self._statement is not None
            self.out.reach(self._statement.line + node.orelse[0].lineno - 2)
            self.suite(node.orelse)

    def condition(self, node: ast.expr) -> str:
        """What `if` and `while` ask."""
        return ast.unparse(self.expr(node))

    def write_while(self, node: ast.While) -> None:
        self.header(f"while {self.condition(node.test)}:", node)
        self.suite(node.body)

    def write_for(self, node: ast.For) -> None:
        iterated = self.expr(node.iter)
        if isinstance(iterated, ast.Tuple):
            written = ast.unparse(ast.Tuple(iterated.elts, LOAD))
        else:
            written = ast.unparse(iterated)
        target = ast.unparse(self.target(node.target)).strip("()")
        self.header(f"for {target} in {written}:", node)
        self.suite(node.body)

    def write_try(self, node: ast.Try) -> None:
        self.header("try:", node)
        self.suite(node.body)
        handler = node.handlers[0]
        body = handler.body
        first = body[0]
        name = ""
        if isinstance(first, ast.Assign) and is_internal(first.value, "@caught"):
            assert isinstance(first.targets[0], ast.Name)
            name = first.targets[0].id
            body = body[1:]
        self.header(f"except Exception{' as ' + safe_name(name) if name else ''}:", handler)
        self._caught.append(name)
        self.suite(body or [ast.Pass(lineno=handler.lineno, end_lineno=handler.lineno)])
        self._caught.pop()

    def write_return(self, node: ast.Return) -> None:
        if node.value is None:
            self.line("return", node)
        else:
            self.line(f"return {self._bare(node.value)}", node)

    def _bare(self, node: ast.expr) -> str:
        """An expression; a tuple without its parentheses where Python needs none."""
        value = self.expr(node)
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            return ", ".join(ast.unparse(element) for element in value.elts)
        return ast.unparse(value)

    # -------------------------------------------------------------------- functions

    def write_functiondef(self, node: ast.FunctionDef) -> None:
        if node.decorator_list:
            self.custom_function(node)
            return
        self.bind(node.name)
        arguments = self.arguments(node.args)
        self.header(f"def {safe_name(node.name)}({ast.unparse(arguments)}):", node)
        self.enter(node, node.args, node.body)
        self.suite(node.body)
        self.leave()

    def custom_function(self, node: ast.FunctionDef) -> None:
        """A function with a derivative of its own."""
        refuse(node, "a function with its own backward block has nothing like it here")

    def arguments(self, arguments: ast.arguments) -> ast.arguments:
        """The parameters of a function."""
        names = [ast.arg(safe_name(argument.arg), None) for argument in arguments.args]
        defaults = [self.expr(default) for default in arguments.defaults]
        return ast.arguments([], names, None, [], [], None, defaults)

    def enter(self, node: ast.AST, arguments: ast.arguments, body: Sequence[ast.stmt] = ()) -> None:
        """Go into a function: its names are its own."""
        names = {argument.arg for argument in arguments.args}
        self._scopes.append(self.kinds.local.get(node, {}))
        self._bound.append(names | bound_in(body))

    def leave(self) -> None:
        """Go out of it again."""
        self._scopes.pop()
        self._bound.pop()

    def bind(self, name: str) -> None:
        """Note that the program binds a name here."""
        self._bound[-1].add(name)

    def is_bound(self, name: str) -> bool:
        """Whether a name is the program's own here."""
        return any(name in names for names in self._bound)

    def kind(self, node: ast.expr) -> str:
        """The kind of a value here."""
        return self.kinds.of(node, self._scopes)

    # ------------------------------------------------------------------ expressions

    def expr(self, node: ast.expr) -> ast.expr:
        """An expression of the program as one of Python's."""
        translate: Callable[[Any], ast.expr] | None = getattr(
            self, "expr_" + type(node).__name__.lower(), None
        )
        if translate is not None:
            return translate(node)
        if isinstance(node, ListLiteral):
            return self.literal(node.literal)
        if isinstance(node, GuardedOperation):
            return self.guarded(node)
        if isinstance(node, CommandCall):
            return self.command_value(node)
        assert isinstance(node, ast.Call), ast.dump(node)
        return self.expr_call(node)

    def expr_constant(self, node: ast.Constant) -> ast.expr:
        written = node.__dict__.get("written")
        if isinstance(node.value, str):
            if written is not None and written[0] == '"' and _same(written, node.value):
                return dotted(written)
            return dotted(quoted(node.value))
        if written is not None and _same(written, node.value):
            return dotted(written)
        return ast.Constant(node.value)

    def expr_name(self, node: ast.Name) -> ast.expr:
        name = node.id
        if name in self._caught:
            return call(self.need("first_line"), dotted(safe_name(name)))
        if self.is_bound(name) or name.startswith("@"):
            return ast.Name(safe_name(name), LOAD)
        if name in self.kinds.names and len(self._bound) > 1:
            return ast.Name(safe_name(name), LOAD)
        if is_builtin(name):
            return self.builtin_value(name, node)
        return ast.Name(safe_name(name), LOAD)

    def expr_binop(self, node: ast.BinOp) -> ast.expr:
        return ast.BinOp(self.expr(node.left), node.op, self.expr(node.right))

    def guarded(self, node: GuardedOperation) -> ast.expr:
        """`a ^ b` and `a % b`."""
        left, right = node.args
        operator = ast.Pow() if is_internal(node, "@power") else ast.Mod()
        return ast.BinOp(self.expr(left), operator, self.expr(right))

    def expr_unaryop(self, node: ast.UnaryOp) -> ast.expr:
        return ast.UnaryOp(node.op, self.expr(node.operand))

    def expr_compare(self, node: ast.Compare) -> ast.expr:
        return ast.Compare(
            self.expr(node.left), node.ops, [self.expr(right) for right in node.comparators]
        )

    def expr_boolop(self, node: ast.BoolOp) -> ast.expr:
        return ast.BoolOp(node.op, [self.expr(value) for value in node.values])

    def expr_tuple(self, node: ast.Tuple) -> ast.expr:
        return ast.Tuple([self.expr(element) for element in node.elts], LOAD)

    def expr_list(self, node: ast.List) -> ast.expr:
        return ast.List([self.expr(element) for element in node.elts], LOAD)

    def expr_lambda(self, node: ast.Lambda) -> ast.expr:
        arguments = self.arguments(node.args)
        self.enter(node, node.args)
        body = self.expr(node.body)
        self.leave()
        return ast.Lambda(arguments, body)

    def expr_joinedstr(self, node: ast.JoinedStr) -> ast.expr:
        parts: list[str | tuple[ast.expr, str, str]] = []
        for value in node.values:
            if isinstance(value, ast.Constant):
                parts.append(str(value.value))
                continue
            assert isinstance(value, ast.FormattedValue)
            conversion = "" if value.conversion < 0 else "!" + chr(value.conversion)
            specification = ""
            if isinstance(value.format_spec, ast.JoinedStr):
                (written,) = value.format_spec.values
                assert isinstance(written, ast.Constant)
                specification = str(written.value)
            written = self.formatted(value.value, bool(specification))
            parts.append((written, conversion, specification))
        return format_string(parts)

    def formatted(self, node: ast.expr, with_format: bool) -> ast.expr:
        """A value in an f-string, where a format may follow it."""
        return self.expr(node)

    def expr_subscript(self, node: ast.Subscript) -> ast.expr:
        return ast.Subscript(self.expr(node.value), self.index(node.slice), node.ctx)

    def index(self, node: ast.expr) -> ast.expr:
        """What stands between `[` and `]`; a bare list there is an index."""
        if isinstance(node, ast.Tuple) and "parentheses" not in node.__dict__:
            return ast.Tuple([self.index(element) for element in node.elts], LOAD)
        return self.expr(node)

    def expr_slice(self, node: ast.Slice) -> ast.expr:
        parts = (node.lower, node.upper, node.step)
        return ast.Slice(*[None if part is None else self.expr(part) for part in parts])

    def expr_attribute(self, node: ast.Attribute) -> ast.expr:
        name = node.attr.removeprefix(".")
        if self.is_namespace(node):
            return self.builtin_value(self.builtin_name(node), node)
        if isinstance(node.value, ast.Name) and node.value.id in self._caught:
            if name != "message":
                refuse(node, f"an error in Python has no `{name}` that is the same")
            return call("str", dotted(safe_name(node.value.id)))
        return self.attribute(node, name)

    def is_namespace(self, node: ast.expr) -> bool:
        """Whether a name has modules before it, as `torch.linalg.svd` has."""
        root = namespace_of(node).partition(".")[0]
        return bool(root) and not self.is_bound(root)

    def builtin_name(self, node: ast.Attribute) -> str:
        """The built-in name of `torch.optim.SGD` and the like."""
        name = node.attr.removeprefix(".")
        return OPTIMISERS.get(name) or SCHEDULES.get(name, name)

    def expr_call(self, node: ast.Call) -> ast.expr:
        function, values = node.func, node.args
        if isinstance(function, ast.Name) and function.id.startswith("@"):
            if function.id != "@call":
                return self.internal(function.id, node)
            function, values = values[0], values[1:]
        if isinstance(function, ast.Name):
            name = function.id
            if name in self.custom:
                return self.custom_call(name, values, node)
            own = self.is_bound(name) or (name in self.kinds.names and len(self._bound) > 1)
            if not own and is_builtin(name):
                return self.builtin_call(name, values, node.keywords, node)
        if isinstance(function, ast.Attribute):
            if self.is_namespace(function):
                linalg = namespace_of(function).endswith("linalg")
                name = self.builtin_name(function)
                if linalg and name in ("norm", "diagonal"):
                    return self.linalg_call(name, values, node)
                return self.builtin_call(name, values, node.keywords, node)
            name = function.attr.removeprefix(".")
            return self.method_call(function.value, name, values, node)
        given = [self.argument(value) for value in values]
        named = [
            ast.keyword(safe_name(part.arg or ""), self.argument(part.value))
            for part in node.keywords
        ]
        return ast.Call(self.expr(function), given, named)

    def argument(self, node: ast.expr) -> ast.expr:
        """An argument of a function of the program: a bracket list is a tensor there."""
        return self.literal(node) if isinstance(node, ast.List) else self.expr(node)

    def internal(self, name: str, node: ast.Call) -> ast.expr:
        """A call that the language makes of a form of its own."""
        if name in ("@iterate", "@unpack"):
            return self.expr(node.args[0])
        if name == "@grad_on":
            return self.requires_grad(node.args[0], node)
        if name == "@backward":
            return self.backward(node)
        if name.startswith(("@block", "@lambda")):
            given = [self.argument(value) for value in node.args]
            return ast.Call(dotted(safe_name(name)), given, [])
        refuse(node, f"`{name[1:]}` cannot be converted here")

    # ----------------------------------------------- what a target says in its own way

    def mode(self, recording: bool) -> str:
        """The context manager of `nograd` or, with `recording`, of `enablegrad`."""
        raise NotImplementedError

    def backward(self, node: ast.Call) -> ast.expr:
        """The statement `backward`."""
        raise NotImplementedError

    def command(self, node: ast.Call, statement: ast.Expr) -> None:
        """A command as a statement."""
        raise NotImplementedError

    def command_value(self, node: CommandCall) -> ast.expr:
        """A command that gives a value."""
        raise NotImplementedError

    def literal(self, node: ast.List) -> ast.expr:
        """A bracket list as a tensor."""
        raise NotImplementedError

    def requires_grad(self, value: ast.expr, node: ast.Call) -> ast.expr:
        """`E grad`."""
        raise NotImplementedError

    def builtin_value(self, name: str, node: ast.expr) -> ast.expr:
        """A built-in name that is not called."""
        raise NotImplementedError

    def builtin_call(
        self, name: str, values: list[ast.expr], keywords: list[ast.keyword], node: ast.Call
    ) -> ast.expr:
        """A call of a built-in function."""
        raise NotImplementedError

    def linalg_call(self, name: str, values: list[ast.expr], node: ast.Call) -> ast.expr:
        """A call of a function that means something else in `torch.linalg`."""
        raise NotImplementedError

    def method_call(
        self, base: ast.expr, name: str, values: list[ast.expr], node: ast.Call
    ) -> ast.expr:
        """A call of a method."""
        raise NotImplementedError

    def attribute(self, node: ast.Attribute, name: str) -> ast.expr:
        """An attribute of a value."""
        raise NotImplementedError

    def custom_call(self, name: str, values: list[ast.expr], node: ast.Call) -> ast.expr:
        """A call of a function with its own derivative."""
        raise NotImplementedError


_AUGMENTED: Final[dict[type[ast.operator], str]] = {
    ast.Add: "+=",
    ast.Sub: "-=",
    ast.Mult: "*=",
    ast.Div: "/=",
    ast.MatMult: "@=",
    ast.Pow: "**=",
}
_STANDARD: Final = frozenset(("csv", "math", "os", "sys"))


def is_builtin(name: str) -> bool:
    """Whether a name means something in gradsh without a program's doing."""
    return (
        name in FUNCTIONS
        or name in DIFFERENTIATION
        or name in OPTIMISATION
        or name in DTYPES
        or name in ALIASES
        or name in _CONSTANTS
    )


def safe_name(name: str) -> str:
    """A name of the program as one that Python, and the converted program, has free."""
    if name.startswith("@"):
        return "_" + name[1:]
    if keyword.iskeyword(name) or name in _RESERVED:
        return name + "_"
    return name


def bound_in(body: Sequence[ast.stmt]) -> set[str]:
    """The names that the statements of a function bind in it."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return names


def is_internal(node: ast.AST | None, name: str) -> bool:
    """Whether a node is a call of what the session supplies under a name such as `@unpack`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _same(written: str, value: object) -> bool:
    """Whether a literal means the same in Python."""
    try:
        read = ast.literal_eval(written)
    except (SyntaxError, ValueError):
        return False
    return type(read) is type(value) and (read == value)


def _assign(targets: list[ast.expr], value: ast.expr) -> ast.Assign:
    return ast.Assign(targets, value, lineno=1)


def _roots(text: str) -> set[str]:
    """The names before a dot in a program, outside of its texts as far as that matters."""
    import re

    return set(re.findall(r"(?<![\w.])(\w+)\.(?=\w)", text))


def _source_of(text: str, node: ast.stmt) -> str:
    """The source of a node of a statement."""
    lines = text.split("\n")[node.lineno - 1 : node.end_lineno]
    if not lines:
        return ""
    if len(lines) == 1:
        return lines[0][node.col_offset : node.end_col_offset]
    lines[0] = lines[0][node.col_offset :]
    lines[-1] = lines[-1][: node.end_col_offset]
    return "\n".join(lines)
