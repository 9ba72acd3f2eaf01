"""A file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gradsh.files import load, save
from gradsh.files.atomic import replacing


def test_an_error_leaves_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(str(path)) as stream:
            stream.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "x.npy", tmp_path / "link.npy"
    target.touch(mode=0o640)
    target.chmod(0o640)
    link.symlink_to(target)
    save(1, str(link))
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert load(str(target)).item() == 1


def test_what_is_no_ordinary_file_is_written_to() -> None:
    with replacing(os.devnull) as stream:
        stream.write(b"gone")
    assert not Path(os.devnull).is_file()


PROGRAM = """
n = 0
while true {
    n = n + 1
    save(full((2000000,), n), "x.npy")
}
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills so surely here")
def test_a_killed_save_never_corrupts_the_file(tmp_path: Path, environment: dict[str, str]) -> None:
    chance = random.Random(0)
    save(load_zeros(), str(tmp_path / "x.npy"))
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "gradsh", "-c", PROGRAM], cwd=tmp_path, env=environment
        )
        try:
            time.sleep(0.4 + chance.random() * 0.2)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == -signal.SIGKILL
        values = load(str(tmp_path / "x.npy")).array
        assert values.shape == (2000000,)
        assert (values == values[0]).all()


def load_zeros() -> object:
    from gradsh.engine.tensor import new_tensor

    return new_tensor(np.zeros(2000000, np.float32))
