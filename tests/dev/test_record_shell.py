"""The picture of the shell in the README: drawn from a session that is really typed."""

from __future__ import annotations

import html
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "pictures" / "shell.svg"


def words(svg: str) -> str:
    """The texts of a picture, line by line."""
    texts = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join("".join(text.itertext()).replace("\xa0", " ") for text in texts)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_session_is_typed_and_drawn(tmp_path: Path) -> None:
    for name in ("pexpect", "pyte"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs {name}")
    drawn = tmp_path / "shell.svg"
    command = [sys.executable, str(ROOT / "scripts" / "dev" / "record_shell"), str(drawn)]
    subprocess.run(command, check=True, timeout=120)
    for picture in (drawn, PICTURE):
        told = words(picture.read_text(encoding="utf-8"))
        for text in ("4.5000", "size mismatch", "3 variables, 76 B", "(2, 5) float32", "softmax"):
            assert text in told


def test_the_picture_stands_in_the_readme_and_asks_nothing_of_other_hosts() -> None:
    assert "(docs/pictures/shell.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
    svg = html.unescape(PICTURE.read_text(encoding="utf-8"))
    assert not re.findall(r"(?:url\(|href=)[\"']?http", svg)
