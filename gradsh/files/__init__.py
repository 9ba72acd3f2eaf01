"""Data in files: values from them and values into them, by the format that a name's ending says.

Nothing is ever unpickled, and a file that is written is whole or untouched.
"""

from __future__ import annotations

from gradsh.files.formats import load, read, save
from gradsh.files.record import Record

__all__ = ["Record", "load", "read", "save"]
