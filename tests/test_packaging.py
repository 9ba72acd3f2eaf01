"""What is packed, and that the parse tables and the index in it are made when it is."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = "gradsh/language/_tables.py"
INDEX = "gradsh/engine/_index.py"

pytest.importorskip("hatchling", reason="needs hatchling, the build backend")
pytest.importorskip("lark", reason="needs lark, which makes the parse tables")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sources as a fresh clone has them: without what a build makes."""
    copy = tmp_path / "source"
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    for name in ("gradsh", "grammar", "scripts", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "_tables.py", "_index.py")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    return copy


def build(source: Path, kind: str) -> Path:
    """Run one of the build backend's functions as pip does, and give the file it made."""
    destination = source.parent / kind
    destination.mkdir()
    program = f"import hatchling.build as b; b.{kind}({str(destination)!r})"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", program], cwd=source, check=True, timeout=120, env=environment
    )
    (made,) = destination.iterdir()
    return made


def test_a_wheel_has_the_grammar_and_tables_made_from_it(source: Path) -> None:
    with zipfile.ZipFile(build(source, "build_wheel")) as wheel:
        names = set(wheel.namelist())
        tables = wheel.read(TABLES)
        index = wheel.read(INDEX)
        points = wheel.read(next(name for name in names if name.endswith("entry_points.txt")))
    assert {"gradsh/language/gradsh.lark", "gradsh/cli.py", "gradsh/engine/ops/shape.py"} <= names
    assert not [name for name in names if name.startswith(("tests", "scripts", "grammar"))]
    assert b"gradsh = gradsh.__main__:main" in points
    ast.parse(tables)
    assert b"'det': 'determinants'" in index
    here = ROOT / TABLES
    if here.stat().st_mtime >= (ROOT / "grammar" / "gradsh.lark").stat().st_mtime:
        assert tables == here.read_bytes()


def test_an_editable_install_has_them_too(source: Path) -> None:
    build(source, "build_editable")
    assert (source / TABLES).exists()
    assert (source / INDEX).exists()


def test_what_is_built_from_the_sdist_is_the_same(source: Path) -> None:
    with tarfile.open(build(source, "build_sdist")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        sdist.extractall(source.parent / "unpacked", filter="data")
    assert {"grammar/gradsh.lark", "grammar/build_tables.py", "scripts/tutorial.grad"} <= names
    assert not {TABLES, INDEX} & names
    (unpacked,) = (source.parent / "unpacked").iterdir()
    with zipfile.ZipFile(build(source, "build_wheel")) as direct:
        expected = {name: direct.read(name) for name in direct.namelist()}
    shutil.rmtree(source.parent / "build_wheel")
    with zipfile.ZipFile(build(unpacked.rename(source.parent / "again"), "build_wheel")) as wheel:
        assert {name: wheel.read(name) for name in wheel.namelist()} == expected


def test_the_oracle_is_the_only_torch_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [name for names in extras.values() for name in names if name.startswith("torch")]
    assert wanted == ["torch==2.13.0"]
    assert not any(name.startswith("torch") for name in project["dependencies"])
