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

from gradsh.session.entries import Past

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
        self._old: int | None = None
        """How long the file was before anything was entered here."""

    @property
    def path(self) -> Path:
        """Where the file is."""
        if self._path is None:
            from platformdirs import user_data_path

            self._path = user_data_path("gradsh", appauthor=False) / "history"
        return self._path

    def load_history_strings(self) -> Iterable[str]:
        """The entries of the file, newest first."""
        return [entry.text for entry in reversed(_entries(self._content()))]

    def earlier(self) -> list[Past]:
        """What was entered before this session, oldest first."""
        content = self._content(self._old)
        return _entries(content)

    def _content(self, end: int | None = None) -> str:
        """The newest part of the file, or of what was before `end`."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if self._old is None:
                    self._old = size
                if end is not None:
                    size = min(end, size)
                start = max(0, size - LONGEST_READ)
                file.seek(start)
                content = file.read(size - start).decode(errors="replace")
        except OSError:
            self._old = self._old or 0
            return ""
        return content[content.find("\n#") + 1 :] if start else content

    def store_string(self, string: str) -> None:
        """Append an entry to the file, at once."""
        from time import strftime

        if self._old is None:
            self._content()
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


def _entries(content: str) -> list[Past]:
    """The entries in the file's text, oldest first."""
    entries: list[Past] = []
    time = ""
    lines: list[str] = []
    for line in (*content.split("\n"), ""):
        if line.startswith("+"):
            lines.append(line[1:])
            continue
        if lines:
            entries.append(Past(time, "\n".join(lines)))
            lines = []
        if line.startswith("# "):
            time = line[2:]
    return entries
