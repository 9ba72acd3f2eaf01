"""What was entered, over restarts and shared by several shells.

The file is in prompt_toolkit's format: a comment with the time, then the entry with a `+` before
each line. Every entry is appended by one write as soon as it is entered, so that shells that
share the file never mix their entries and a killed shell loses none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History, InMemoryHistory

VARIABLE = "GRADSH_HISTORY"
LONGEST_READ = 2**20
"""Only the newest bytes of a long file are read, so that it never slows the start."""


def open_history() -> History:
    """The user's history: the file that GRADSH_HISTORY names, or else one among the user's data.

    An empty GRADSH_HISTORY means that nothing is kept.
    """
    path = os.environ.get(VARIABLE)
    if path == "":
        return InMemoryHistory()
    return EntryFile(None if path is None else Path(path))


class EntryFile(History):
    """A history in a file. One that cannot be read or written is like an empty one."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._path = path

    @property
    def path(self) -> Path:
        """Where the file is."""
        if self._path is None:
            from platformdirs import user_data_path

            self._path = user_data_path("gradsh", appauthor=False) / "history"
        return self._path

    def load_history_strings(self) -> Iterable[str]:
        """The entries of the file, newest first."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - LONGEST_READ))
                content = file.read().decode(errors="replace")
        except OSError:
            return []
        if size > LONGEST_READ:
            content = content[content.find("\n#") + 1 :]
        return list(reversed(_entries(content)))

    def store_string(self, string: str) -> None:
        """Append an entry to the file, at once."""
        from time import strftime

        lines = "".join([f"+{line}\n" for line in string.split("\n")])
        record = f"\n# {strftime('%Y-%m-%d %H:%M:%S')}\n{lines}".encode(errors="replace")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, record)
            finally:
                os.close(file)
        except OSError:
            return  # a full disk or a home that is read-only must not disturb the work


def _entries(content: str) -> list[str]:
    """The entries in the file's text, oldest first."""
    entries: list[str] = []
    lines: list[str] = []
    for line in content.split("\n"):
        if line.startswith("+"):
            lines.append(line[1:])
        elif lines:
            entries.append("\n".join(lines))
            lines = []
    if lines:
        entries.append("\n".join(lines))
    return entries
