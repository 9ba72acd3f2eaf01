"""gradsh: a small language with automatic differentiation, and a shell around it."""

from __future__ import annotations

__version__ = "0.1.0"
