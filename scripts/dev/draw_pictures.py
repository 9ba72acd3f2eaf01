#!/usr/bin/env python3
"""Draw the pictures of the docs: run every documented command that ends in `to "NAME.svg"`.

    python scripts/dev/draw_pictures.py

A page shows the picture and the command; the picture is what the command draws, in docs/pictures/.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["SOURCE_DATE_EPOCH"] = "0"  # the same command draws the same file

from gradsh.session import Session  # noqa: E402

COMMAND = re.compile(r'^    ((?:plot|hist|contour|show|graph) .* to ")([\w-]+\.svg)"$', re.M)


def main() -> None:
    """Draw everything anew."""
    import matplotlib as mpl

    mpl.rcParams["svg.hashsalt"] = "gradsh"
    pictures = ROOT / "docs" / "pictures"
    pictures.mkdir(exist_ok=True)
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for command, name in COMMAND.findall(text):
            if f'src="pictures/{name}"' in text:
                Session().run(f'{command}{pictures / name}"', page.name)
                print(f"docs/pictures/{name}")


if __name__ == "__main__":
    main()
