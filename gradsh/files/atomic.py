"""Writing a file so that it is at every moment the old one or the new one, never half of one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

_UMASK_KNOWN = 0o077


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """A stream whose content takes the place of the file `path` when the context ends well.

    Until then it is a file of its own beside it, which an error or an interrupt removes. What is
    no ordinary file (a pipe, a device) is written to directly. OSError says why it cannot be.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    new = NamedTemporaryFile(  # noqa: SIM115 (it is closed before it takes the file's place)
        dir=target.parent, prefix=f".{target.name}.", suffix=".new", delete=False
    )
    try:
        with new:
            yield new
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).chmod(_mode(target))
        Path(new.name).replace(target)
    except BaseException:
        Path(new.name).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """The permissions of the file, or those that a new one gets."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(_UMASK_KNOWN)
        os.umask(mask)
        return 0o666 & ~mask
