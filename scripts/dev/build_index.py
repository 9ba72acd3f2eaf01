#!/usr/bin/env python
"""Writes gradsh/engine/_index.py: which module of gradsh.engine.ops declares which name.

    python scripts/dev/build_index.py

With it, gradsh imports a module of operations when one of its names is first used; without it,
or when a module is younger, it imports all of them at the start. An install makes it too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
ENGINE = ROOT / "gradsh" / "engine"
REGISTERS = ENGINE / "registers.py"
INDEX = ENGINE / "_index.py"
OPERATIONS = "gradsh.engine.ops."


def _declaring_module() -> str | None:
    """The innermost module of operations whose top level runs now."""
    frame = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "<module>" and module.startswith(OPERATIONS):
            return str(module).removeprefix(OPERATIONS)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _registers() -> Any:
    """The module of the registers, alone: importing the engine would fill them already."""
    specification = spec_from_file_location("gradsh.engine.registers", REGISTERS)
    assert specification is not None
    assert specification.loader is not None
    module = module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def homes() -> dict[str, dict[str, str]]:
    """For each register the module that declares each of its names."""
    registers = _registers()
    declared: dict[int, dict[str, str]] = {}

    class Noting(registers.Register):  # type: ignore[name-defined, misc]
        """A register that notes from where it is filled."""

        def __setitem__(self, name: str, value: Any) -> None:
            super().__setitem__(name, value)
            module = _declaring_module()
            if module is not None:
                declared.setdefault(id(self), {})[name] = module

    registers.Register = Noting
    registers.read_index = lambda: None
    attach = import_module("gradsh.engine.attach")
    return {name: declared.get(id(register), {}) for name, register in attach.REGISTERS.items()}


def build() -> None:
    """Write the index. Its time is new even if its text is not: that tells what it has seen."""
    lines = [
        '"""Where names are declared, made by scripts/dev/build_index.py. Not to be edited."""',
        "",
        "HOMES = {",
    ]
    for register, modules in homes().items():
        lines.append(f"    {register!r}: {{")
        lines += [f"        {name!r}: {module!r}," for name, module in sorted(modules.items())]
        lines.append("    },")
    INDEX.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    build()
