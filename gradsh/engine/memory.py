"""Freed memory kept for the next arrays.

glibc gives large arrays back to the system as soon as they are freed, and a step of a loop that
makes them anew then waits for the system to clear each of their pages: that may take several times
as long as the arithmetic.
"""

from __future__ import annotations

import ctypes  # numpy has imported it

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's names for what `mallopt` sets, from its malloc.h."""

_LARGEST = 32 << 20
"""Arrays of more bytes are always mapped and given back one by one: glibc takes no higher bound."""

_KEPT = 256 << 20


def keep_freed_memory() -> None:
    """Have the C library keep up to a quarter of a gigabyte that is free; elsewhere do nothing."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none to ask
        return
    set_option(_MMAP_THRESHOLD, _LARGEST)
    set_option(_TRIM_THRESHOLD, _KEPT)
