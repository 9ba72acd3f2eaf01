"""The build hook: makes the parse tables from the grammar before anything is packed.

It runs for an ordinary wheel and for an editable one, so `gradsh/language/_tables.py` is never
committed and never older than `grammar/gradsh.lark`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GRAMMAR = Path("grammar", "gradsh.lark")
TABLES = Path("gradsh", "language", "_tables.py")


class ParseTables(BuildHookInterface[Any]):
    """Writes the parse tables and adds them to what is packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the tables. The sdist needs none: it carries the grammar and this hook."""
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
        build_data["artifacts"].append(TABLES.as_posix())
