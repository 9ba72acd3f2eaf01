"""How a PyTorch program says what a gradsh program says."""

from __future__ import annotations

import ast
from typing import Any, Final

from gradsh.conversion import helpers
from gradsh.conversion.kinds import (
    MIXED,
    NUMBER,
    OPTIMISER,
    RECORD,
    TENSOR,
    TENSORS,
    TEXT,
    TUPLE,
    UNKNOWN,
)
from gradsh.conversion.program import Program
from gradsh.conversion.python_text import call, constant, dotted, method
from gradsh.conversion.torch_names import (
    CREATION,
    LISTS,
    METHODS_ONLY,
    NO_METHODS,
    OPTIMISERS,
    SIZED,
    WITH_INPLACE,
    path,
)
from gradsh.conversion.translator import LOAD, Translator, refuse, safe_name
from gradsh.engine import DIFFERENTIATION, FUNCTIONS, METHODS
from gradsh.engine.dtypes import ALIASES, DTYPES
from gradsh.engine.list_arguments import LISTS as TAKE_A_LIST
from gradsh.engine.list_arguments import TENSOR_LISTS, wanted
from gradsh.language.expressions import unwrapped
from gradsh.language.statements import CommandCall

_PRINT_OPTIONS: Final = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")
_NUMBER_TYPES: Final = {"int": "int", "float": "float", "bool": "bool", "complex": "complex"}
_TAKE_NUMBERS: Final = frozenset(("pow", "where", "full", "normal", "float_power"))
_OPTIMISER_ATTRIBUTES: Final = {"groups": "param_groups"}
_COMMANDS: Final = {
    "graph": "PyTorch draws no graphs",
    "explain": "PyTorch does not explain the backward pass",
    "check": "use torch.autograd.gradcheck with double precision",
    "plot": "draw it with matplotlib",
    "show": "draw it with matplotlib",
    "vars": "there is no list of variables",
    "help": "there is no help in a program",
    "anomaly": "torch.autograd.set_detect_anomaly reports in another way",
    "save session": "a program has no session",
    "load session": "a program has no session",
}


class TorchTranslator(Translator):
    """Writes a PyTorch program."""

    helpers = helpers.TORCH
    imports = {  # noqa: RUF012
        "csv": "import csv",
        "math": "import math",
        "os": "import os",
        "sys": "import sys",
        "np": "import numpy as np",
        "torch": "import torch",
        "F": "import torch.nn.functional as F",
    }

    def __init__(self, program: Program, title: str) -> None:
        super().__init__(program, title)
        self._print_options: dict[str, ast.expr] = {}

    def _import_lines(self, written: str) -> list[str]:
        lines = super()._import_lines(written)
        if "torch.utils.checkpoint" in written:
            lines.append("import torch.utils.checkpoint")
        return lines

    # ------------------------------------------------------------------- statements

    def mode(self, recording: bool) -> str:
        return f"torch.{'enable' if recording else 'no'}_grad()"

    def backward(self, node: ast.Call) -> ast.expr:
        value, gradient = node.args
        options: list[ast.keyword] = []
        for part in node.keywords:
            given = part.value
            if part.arg == "inputs" and isinstance(given, ast.Tuple):
                options.append(ast.keyword("inputs", self.expr_list_of(given.elts)))
            else:
                options.append(ast.keyword(part.arg, self.expr(given)))
        weights: list[ast.expr] = []
        if not (isinstance(gradient, ast.Constant) and gradient.value is None):
            weights = [self.expr(gradient)]
        if self.kind(value) in (TENSORS, TUPLE):
            function: ast.expr = dotted("torch.autograd.backward")
            return ast.Call(function, [self.expr(value), *weights], options)
        function = ast.Attribute(self.expr(value), "backward", LOAD)
        return ast.Call(function, weights, options)

    def expr_list_of(self, values: list[ast.expr]) -> ast.expr:
        """A list of these."""
        return ast.List([self.expr(value) for value in values], LOAD)

    def command(self, node: ast.Call, statement: ast.Expr) -> None:
        name, values, _ = _command_parts(node)
        if name == "seed":
            self.line(ast.unparse(call("torch.manual_seed", self.expr(values[0]))), statement)
        elif name == "set":
            self._set(values, statement)
        elif name == "export":
            pass  # what it writes is this program
        elif name == "minimize":
            assert isinstance(node, CommandCall)
            self.line(ast.unparse(self.command_value(node)), statement)
        else:
            refuse(statement, _COMMANDS.get(name, f"there is no `{name}` in PyTorch"))

    def shown(self, node: Any, shows: bool) -> None:
        if isinstance(node.value, CommandCall):
            self.command(node.value, node)
        else:
            super().shown(node, shows)

    def _set(self, values: list[ast.expr], statement: ast.Expr) -> None:
        setting = values[0]
        assert isinstance(setting, ast.Constant)
        name = str(setting.value)
        if len(values) < 2:
            refuse(statement, "the value of a setting is not shown by a converted program")
        value = values[1]
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            word = {"true": True, "on": True, "false": False, "off": False, "none": None}
            value = ast.Constant(word.get(value.value, value.value))
        if name in _PRINT_OPTIONS:
            self._print_options[name] = self.expr(value)
        elif name == "default_dtype":
            word_value = getattr(value, "value", "")
            given = dotted(path(str(word_value)))
            self.line(ast.unparse(call("torch.set_default_dtype", given)), statement)
            return
        elif name == "profile":
            self._print_options.clear()
            profile = ast.Constant(getattr(value, "value", ""))
            self.line(ast.unparse(call("torch.set_printoptions", profile=profile)), statement)
            return
        else:
            refuse(statement, "a converted program has no such setting")
        # PyTorch forgets sci_mode in every call that does not give it
        options = {name: self._print_options[name]}
        if "sci_mode" in self._print_options:
            options["sci_mode"] = self._print_options["sci_mode"]
        self.line(ast.unparse(call("torch.set_printoptions", **options)), statement)

    def attribute_assignment(
        self, target: ast.Attribute, operator: str, value: ast.expr
    ) -> list[str] | None:
        if target.attr != ".lr":
            return None
        written = ast.unparse(value)
        base = self.expr(target.value)
        if isinstance(target.value, ast.Subscript) or self.kind(target.value) != OPTIMISER:
            return [f'{ast.unparse(base)}["lr"] {operator} {written}']
        return [
            f"for group in {ast.unparse(base)}.param_groups:",
            f'    group["lr"] {operator} {written}',
        ]

    def custom_function(self, node: ast.FunctionDef) -> None:
        """A subclass of torch.autograd.Function."""
        backward, *body = node.body
        assert isinstance(backward, ast.FunctionDef)
        self.bind(node.name)
        self.custom[node.name] = node
        name = safe_name(node.name)
        own = {argument.arg for argument in backward.args.args} | _bound(backward.body)
        forward = {argument.arg for argument in node.args.args} | _bound(body)
        used = [
            part.id
            for child in backward.body
            for part in ast.walk(child)
            if isinstance(part, ast.Name)
        ]
        kept = [each for each in dict.fromkeys(used) if each in forward and each not in own]
        self.header(f"class {name}(torch.autograd.Function):", node)
        self.out.depth += 1
        self.out.write("@staticmethod")
        arguments = self.arguments(node.args)
        arguments.defaults = []
        self.out.write(f"def forward(ctx{_joined(arguments)}):")
        self.enter(node, node.args, body)
        scope = self._scopes[-1]
        tensors = [each for each in kept if scope.get(each) == TENSOR]
        others = [each for each in kept if each not in tensors]
        saving = []
        if tensors:
            saving.append(f"ctx.save_for_backward({', '.join(map(safe_name, tensors))})")
        saving += [f"ctx.{safe_name(each)} = {safe_name(each)}" for each in others]
        self._forward_body(body, saving)
        self.out.write("")
        self.out.write("@staticmethod")
        arguments = self.arguments(backward.args)
        self.header(f"def backward(ctx{_joined(arguments)}):", backward)
        self.enter(backward, backward.args, backward.body)
        self.out.depth += 1
        if tensors:
            names = ", ".join(map(safe_name, tensors))
            target = f"({names},)" if len(tensors) == 1 else names
            self.out.write(f"{target} = ctx.saved_tensors")
        for each in others:
            self.out.write(f"{safe_name(each)} = ctx.{safe_name(each)}")
        self.out.depth -= 1
        self.suite(backward.body)
        self.leave()
        self.leave()
        self.out.depth -= 1
        self.out.write("")
        self.out.write("")
        self.out.write(f"{name} = {name}.apply")

    def _forward_body(self, body: list[ast.stmt], saving: list[str]) -> None:
        """The first block, in which every `return` first keeps what the second needs."""
        if len(body) > 1 and isinstance(body[-2], ast.Return):
            body = body[:-1]  # the compiler's own `return` is never reached
        self._saving = saving
        self.suite(body)
        self._saving = None

    _saving: list[str] | None = None

    def write_return(self, node: ast.Return) -> None:
        if self._saving is not None and isinstance(node.value, ast.Tuple):
            for line in self._saving:
                self.out.write(line)
            node = ast.Return(node.value.elts[0], **_position(node))
        super().write_return(node)

    def write_functiondef(self, node: ast.FunctionDef) -> None:
        saving, self._saving = self._saving, None
        super().write_functiondef(node)
        self._saving = saving

    def custom_call(self, name: str, values: list[ast.expr], node: ast.Call) -> ast.expr:
        """A call of a custom function: `apply` takes no names, and all arguments."""
        definition = self.custom[name]
        parameters = [argument.arg for argument in definition.args.args]
        defaults = definition.args.defaults
        given: dict[str, ast.expr] = dict(
            zip(parameters[len(parameters) - len(defaults) :], defaults, strict=True)
        )
        given.update(zip(parameters, values, strict=False))
        given.update({part.arg or "": part.value for part in node.keywords})
        if len(values) > len(parameters) or set(given) != set(parameters):
            refuse(node, f"the arguments of {name} are not those of its definition")
        arguments = [self.argument(given[parameter]) for parameter in parameters]
        return ast.Call(dotted(safe_name(name)), arguments, [])

    # ------------------------------------------------------------------ expressions

    def literal(self, node: ast.List) -> ast.expr:
        """A bracket list: `torch.tensor` of numbers, `torch.stack` of tensors."""
        if self._all_numbers(node):
            return call("torch.tensor", self._nested(node))
        kinds = {self.kind(element) for element in node.elts}
        if kinds == {TENSOR} and not any(isinstance(each, ast.List) for each in node.elts):
            return call("torch.stack", self.expr_list_of(node.elts))
        return call(self.need("tensor_of"), self._nested(node))

    def _all_numbers(self, node: ast.List) -> bool:
        return all(
            self._all_numbers(element)
            if isinstance(element, ast.List)
            else self.kind(element) == NUMBER
            for element in node.elts
        )

    def _nested(self, node: ast.List) -> ast.expr:
        return ast.List(
            [
                self._nested(element) if isinstance(element, ast.List) else self.expr(element)
                for element in node.elts
            ],
            LOAD,
        )

    def requires_grad(self, value: ast.expr, node: ast.Call) -> ast.expr:
        translated = self.expr(value)
        if isinstance(translated, ast.Call) and isinstance(translated.func, ast.Name):
            name = translated.func.id.removeprefix("torch.")
            named = {part.arg for part in translated.keywords}
            if translated.func.id == f"torch.{name}" and name in CREATION | {"normal_"}:
                if "requires_grad" not in named:
                    translated.keywords.append(ast.keyword("requires_grad", ast.Constant(True)))
                return translated
        return method(translated, "requires_grad_")

    def index(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.List) and not self._all_numbers(node):
            return self.literal(node)
        return super().index(node)

    def builtin_value(self, name: str, node: ast.expr) -> ast.expr:
        if name == "args":
            return call("tuple", dotted("sys.argv[1:]"))
        if name in ("load", "save", "stdin", "record"):
            refuse(node, f"`{name}` can only be called in a converted program")
        if name in METHODS_ONLY and not (name in DTYPES or name in ALIASES):
            return dotted(f"torch.Tensor.{name}")
        return dotted(path(name))

    def builtin_call(
        self, name: str, values: list[ast.expr], keywords: list[ast.keyword], node: ast.Call
    ) -> ast.expr:
        if name in DTYPES or name in ALIASES:
            return self._conversion(name, values, node)
        if name in ("load", "save", "stdin", "record"):
            return self.data_call(name, values, keywords, node)
        if name in OPTIMISERS:
            return self._optimiser(name, values, keywords)
        if name == "group":
            refuse(node, "`group` stands among the arguments of an optimiser")
        function = FUNCTIONS.get(name) or DIFFERENTIATION.get(name)
        given = [self._given(function, place, value) for place, value in enumerate(values)]
        named = [
            ast.keyword(part.arg, self._given(function, part.arg or "", part.value))
            for part in keywords
        ]
        if name in LISTS and given and not isinstance(given[0], ast.List):
            given, named = self._gathered(name, values, given, named)
        if name == "meshgrid" and len(given) > 0 and not any(p.arg == "indexing" for p in named):
            named.append(ast.keyword("indexing", constant("ij")))
        if name == "checkpoint" and not any(part.arg == "use_reentrant" for part in named):
            named.append(ast.keyword("use_reentrant", ast.Constant(True)))
        if name in SIZED and not given and not any(part.arg == "size" for part in named):
            given = [ast.Tuple([], LOAD)]
        if name in WITH_INPLACE:
            name = name.removesuffix("_")
            named.append(ast.keyword("inplace", ast.Constant(True)))
        if name in METHODS_ONLY and given:
            return ast.Call(ast.Attribute(given[0], name, LOAD), given[1:], named)
        if values and self._is_operand(function, name) and self.kind(values[0]) == NUMBER:
            given[0] = call("torch.tensor", given[0])
        return ast.Call(dotted(path(name)), given, named)

    def _is_operand(self, function: Any, name: str) -> bool:
        """Whether a function's first argument is a tensor, for which gradsh takes numbers too."""
        op = getattr(function, "op", None)
        if op is None or name in _TAKE_NUMBERS or not op.parameters:
            return False
        annotation: str = op.annotations.get("input", "Operand")
        return op.parameters[0] == "input" and annotation == "Operand"

    def _gathered(
        self,
        name: str,
        values: list[ast.expr],
        given: list[ast.expr],
        named: list[ast.keyword],
    ) -> tuple[list[ast.expr], list[ast.keyword]]:
        """`cat(a, b)` and `cat(a, b, 0)` with the tensors in a list."""
        kinds = [TENSOR if isinstance(v, ast.List) else self.kind(v) for v in values]
        if len(given) == 1 and kinds[0] != TENSOR:
            return given, named  # a tuple or a variable with several tensors
        if kinds[0] in (TENSORS, TUPLE):
            return given, named
        if len(given) == 2 and kinds[0] != TENSOR and kinds[1] == NUMBER:
            return given, named
        count = len(given)
        while count > 1 and kinds[count - 1] == NUMBER:
            count -= 1
        if name in ("broadcast_tensors", "block_diag"):
            return given, named
        return [ast.List(given[:count], LOAD), *given[count:]], named

    def _given(self, function: Any, place: int | str, value: ast.expr) -> ast.expr:
        """An argument of a built-in function: a bare list is what the parameter takes."""
        if isinstance(value, ast.Tuple) and wanted(function, place) == "dims":
            # of tensordot: two lists of dimensions
            parts = [unwrapped(element) for element in value.elts]
            return ast.Tuple([self.expr(part) for part in parts], LOAD)
        if not isinstance(value, ast.List):
            return self.expr(value)
        kind = wanted(function, place) if function is not None else "Any"
        if kind in TENSOR_LISTS:
            if value.elts and self._all_numbers(value):
                return self.literal(value)
            return ast.List([self.argument(element) for element in value.elts], LOAD)
        return self.expr(value) if kind in TAKE_A_LIST else self.literal(value)

    def linalg_call(self, name: str, values: list[ast.expr], node: ast.Call) -> ast.expr:
        given = [self.expr(value) for value in values]
        named = [ast.keyword(part.arg, self.expr(part.value)) for part in node.keywords]
        return ast.Call(dotted(f"torch.linalg.{name}"), given, named)

    def _conversion(self, name: str, values: list[ast.expr], node: ast.Call) -> ast.expr:
        """`float(x)`, `int64(x)`."""
        if len(values) != 1 or node.keywords:
            refuse(node, f"`{name}` is called with one value")
        value = self.argument(values[0])
        kind = TENSOR if isinstance(values[0], ast.List) else self.kind(values[0])
        dtype = DTYPES.get(name) or ALIASES[name]
        category = "bool" if dtype.name == "bool" else "complex" if dtype.is_complex else "float"
        if category == "float" and not dtype.is_floating_point:
            category = "int"
        if kind == TENSOR:
            return method(value, "to", dotted(path(name)))
        if kind in (NUMBER, TEXT):
            return call(_NUMBER_TYPES[category], value)
        return call(
            self.need("converted"), value, dotted(path(name)), dotted(_NUMBER_TYPES[category])
        )

    def _optimiser(
        self, name: str, values: list[ast.expr], keywords: list[ast.keyword]
    ) -> ast.expr:
        named = [ast.keyword(part.arg, self.expr(part.value)) for part in keywords]
        return ast.Call(dotted(path(name)), [self._parameters(values)], named)

    def _parameters(self, values: list[ast.expr]) -> ast.expr:
        """The tensors of an optimiser as PyTorch takes them: a list, or a list of groups."""
        if len(values) == 1:
            only = values[0]
            if isinstance(only, ast.List):
                values = only.elts
            elif self.kind(only) in (TENSORS, TUPLE):
                return self.expr(only)
        if not any(_is_group(value) for value in values):
            return self.expr_list_of(values)
        groups: list[ast.expr] = []
        for value in values:
            if not _is_group(value):
                key: list[ast.expr | None] = [constant("params")]
                groups.append(ast.Dict(key, [self.expr_list_of([value])]))
                continue
            assert isinstance(value, ast.Call)
            inner = value.args[1:] if _name_of(value.func) == "@call" else value.args
            keys: list[ast.expr | None] = [constant("params")]
            keys += [constant(part.arg) for part in value.keywords]
            parts = [self._parameters(inner), *(self.expr(part.value) for part in value.keywords)]
            groups.append(ast.Dict(keys, parts))
        return ast.List(groups, LOAD)

    def data_call(
        self, name: str, values: list[ast.expr], keywords: list[ast.keyword], node: ast.Call
    ) -> ast.expr:
        """`load`, `save`, `record`, `stdin`."""
        if name == "stdin":
            refuse(node, "a converted program does not guess the format of its standard input")
        given = [self.argument(value) for value in values]
        named = [ast.keyword(part.arg, self.argument(part.value)) for part in keywords]
        return ast.Call(dotted(self.need(name)), given, named)

    def method_call(
        self, base: ast.expr, name: str, values: list[ast.expr], node: ast.Call
    ) -> ast.expr:
        if self.kind(base) == RECORD or (isinstance(base, ast.Name) and base.id in self._caught):
            refuse(node, "this has no methods")
        plain = name.removesuffix("_")
        if name in NO_METHODS:
            return self.builtin_call(name, [base, *values], node.keywords, node)
        value = self.expr(base)
        if name == "step" and len(values) == 1:
            return self._step(value, values[0])
        if name == "add_group":
            group = self._parameters(values)
            if isinstance(group, ast.List) and len(group.elts) == 1:
                group = group.elts[0]
            return ast.Call(ast.Attribute(value, "add_param_group", LOAD), [group], [])
        function: Any = None
        if name in METHODS or plain in METHODS:
            function = METHODS.get(name) or METHODS.get(plain)
        given = [self._given(function, place + 1, part) for place, part in enumerate(values)]
        named = [
            ast.keyword(part.arg, self._given(function, part.arg or "", part.value))
            for part in node.keywords
        ]
        return ast.Call(ast.Attribute(value, name, LOAD), given, named)

    def _step(self, optimiser: ast.expr, closure: ast.expr) -> ast.expr:
        """`opt.step(f)`, where f need not run the backward pass itself."""
        translated = self.expr(closure)
        if not self._runs_backward(closure):
            translated = call(self.need("with_gradients"), optimiser, translated)
        return method(optimiser, "step", translated)

    def _runs_backward(self, closure: ast.expr) -> bool:
        """Whether a closure calls `backward`, as far as the program tells."""
        body: ast.AST = closure
        if isinstance(closure, ast.Name):
            if closure.id not in self.kinds.functions:
                return True
            body = self.kinds.functions[closure.id]
        return any(
            (isinstance(part, ast.Name) and part.id == "@backward")
            or (isinstance(part, ast.Attribute) and part.attr == ".backward")
            for part in ast.walk(body)
        )

    def attribute(self, node: ast.Attribute, name: str) -> ast.expr:
        base = node.value
        kind = self.kind(base)
        value = self.expr(base)
        if kind == RECORD:
            return ast.Attribute(value, safe_name(name), LOAD)
        if name == "name":
            if kind == "dtype":
                return method(call("str", value), "removeprefix", constant("torch."))
            return ast.Attribute(call("type", value), "__name__", LOAD)
        if name == "saved":
            refuse(node, "PyTorch names what a node saves in another way for each kind of node")
        if name == "lr":
            if kind == OPTIMISER:
                value = ast.Subscript(
                    ast.Attribute(value, "param_groups", LOAD), ast.Constant(0), LOAD
                )
            return ast.Subscript(value, constant("lr"), LOAD)
        if name == "tensors" and kind in (UNKNOWN, MIXED):
            return ast.Subscript(value, constant("params"), LOAD)
        if name == "epoch":
            name = "last_epoch"
        name = _OPTIMISER_ATTRIBUTES.get(name, name)
        return ast.Attribute(value, name, node.ctx)

    def expr_call(self, node: ast.Call) -> ast.expr:
        # a node's name is a method in PyTorch, and may be called in gradsh as well
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr == ".name"
            and not self.is_namespace(function)
        ):
            return self.expr(function)
        return super().expr_call(node)

    def command_value(self, node: CommandCall) -> ast.expr:
        name, values, parts = _command_parts(node)
        if name != "minimize":
            refuse(node, _COMMANDS.get(name, f"there is no `{name}` in PyTorch"))
        over = parts["over"]
        assert isinstance(over, ast.Tuple)
        parameters = self.expr_list_of(over.elts)
        named = []
        if "using" in parts:
            named.append(ast.keyword("optimizer", self._made_optimiser(parts["using"])))
        named += [
            ast.keyword(part, self.expr(parts[part]))
            for part in ("steps", "until")
            if part in parts
        ]
        return ast.Call(dotted(self.need("minimize")), [self.expr(values[0]), parameters], named)

    def _made_optimiser(self, using: ast.expr) -> ast.expr:
        """`using adam(lr=0.1)` as a function of the tensors."""
        if not isinstance(using, ast.Lambda) or not isinstance(using.body, ast.Call):
            refuse(using, "this optimiser cannot be converted")
        body = using.body
        function = body.args[0]
        parameters = ast.arguments([], [ast.arg("parameters", None)], None, [], [], None, [])
        if _name_of(body.func) == "@optimiser":
            if isinstance(function, ast.Name) and function.id in OPTIMISERS:
                return dotted(path(function.id))
            return ast.Lambda(parameters, self.expr(function))
        name = _name_of(function)
        if name not in OPTIMISERS or self.is_bound(name):
            refuse(using, "only an optimiser by its own name can be converted here")
        named = [ast.keyword(part.arg, self.expr(part.value)) for part in body.keywords]
        return ast.Lambda(parameters, ast.Call(dotted(path(name)), [dotted("parameters")], named))


def _command_parts(node: ast.Call) -> tuple[str, list[ast.expr], dict[str, ast.expr]]:
    """A command's name, its values, and its named parts."""
    name, values, parts = node.args
    assert isinstance(name, ast.Constant)
    assert isinstance(values, ast.Tuple)
    assert isinstance(parts, ast.Dict)
    named = {
        key.value: value
        for key, value in zip(parts.keys, parts.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    return str(name.value), values.elts, named  # type: ignore[return-value]


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_group(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = _name_of(node.func)
    return name == "group" or (name == "@call" and _name_of(node.args[0]) == "group")


def _joined(arguments: ast.arguments) -> str:
    written = ast.unparse(arguments)
    return f", {written}" if written else ""


def _bound(body: list[ast.stmt]) -> set[str]:
    from gradsh.conversion.translator import bound_in

    return bound_in(body)


def _position(node: ast.stmt) -> dict[str, Any]:
    return {
        name: getattr(node, name)
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
    }
