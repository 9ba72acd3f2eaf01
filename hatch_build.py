"""The build hook: makes the parse tables and the index of operations before anything is packed.

It runs for an ordinary wheel and for an editable one, so `gradsh/language/_tables.py` and
`gradsh/engine/_index.py` are never committed and never older than what they are made from.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GRAMMAR = Path("grammar", "gradsh.lark")
TABLES = Path("gradsh", "language", "_tables.py")
INDEX = Path("gradsh", "engine", "_index.py")


class MadeModules(BuildHookInterface[Any]):
    """Writes the parse tables and the index, and adds them to what is packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make both. The sdist needs none: it carries what they are made from, and this hook."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        location = root / "grammar" / "build_tables.py"
        specification = importlib.util.spec_from_file_location("build_tables", location)
        assert specification is not None
        assert specification.loader is not None
        build_tables = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(build_tables)
        build_tables.build(root / GRAMMAR, root / TABLES)
        # in a process of its own, as it imports the package that is being built
        subprocess.run([sys.executable, root / "scripts" / "dev" / "build_index.py"], check=True)
        build_data["artifacts"] += [TABLES.as_posix(), INDEX.as_posix()]
