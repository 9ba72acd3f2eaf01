"""The environment that is measured: gradsh as pip installs it, and its peers."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contests import Installation

ROOT = Path(__file__).resolve().parents[3]
PEERS = ("numpy", "torch==2.13.0", "autograd")
INSPECT = """
import json, sys
from importlib.metadata import PackageNotFoundError, version

found = {"python": sys.version.split()[0]}
for name in ("gradsh", "numpy", "torch", "autograd"):
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        found[name] = "not installed"
try:
    import torch
    found["torch threads"] = str(torch.get_num_threads())
    found["torch kernels"] = torch.backends.cpu.get_cpu_capability()
except ImportError:
    pass
print(json.dumps(found))
"""


def prepared(python: Path | None) -> Installation:
    """The environment of that Python; without one, our own with this tree installed in it.

    Raises SystemExit where the tree cannot be installed.
    """
    if python is not None:
        return Installation(python.absolute())
    folder = cache_folder() / f"python{sys.version_info.major}.{sys.version_info.minor}"
    installation = Installation(folder / "bin" / "python")
    if not installation.python.exists():
        say(f"making an environment in {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    once(folder / "peers", " ".join(PEERS), installation, PEERS, required=False)
    once(folder / "tree", fingerprint(), installation, (f"{ROOT}[special]",), required=True)
    return installation


def once(
    stamp: Path, content: str, installation: Installation, what: tuple[str, ...], required: bool
) -> None:
    """Install what the stamp does not say is installed, and stamp it."""
    if stamp.exists() and stamp.read_text() == content:
        return
    say(f"installing {' '.join(what)}")
    words = [str(installation.python), "-m", "pip", "install", "--quiet", "--compile", *what]
    if subprocess.run(words, check=False).returncode == 0:
        stamp.write_text(content)
    elif required:
        sys.exit(f"bench: could not install {' '.join(what)} (see above)")
    else:
        say(f"could not install {' '.join(what)}: rows that need them will say so")


def cache_folder() -> Path:
    """Where the environments live."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "gradsh-bench")


def fingerprint() -> str:
    """A hash of all that the installed package is made from."""
    made_from = [*ROOT.glob("*.toml"), *ROOT.glob("*.py")]
    for folder in ("gradsh", "grammar"):
        made_from.extend((ROOT / folder).rglob("*"))
    total = hashlib.sha256()
    for path in sorted(made_from):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(f"{path.relative_to(ROOT)}\n".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def versions(installation: Installation) -> dict[str, str]:
    """The versions of what is compared. Raises SystemExit where that Python does not run."""
    try:
        ended = subprocess.run(
            [str(installation.python), "-c", INSPECT],
            capture_output=True,
            text=True,
            check=True,
            env=installation.variables,
            cwd=tempfile.gettempdir(),
        )
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: {installation.python}: {error}")
    found: dict[str, str] = json.loads(ended.stdout)
    return found


def machine() -> dict[str, str]:
    """What the figures were measured on, and how busy it is."""
    load = os.getloadavg()[0]
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "load": f"{load:.2f}",
    }


def processor() -> str:
    """The processor's name for itself."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def say(text: str) -> None:
    """Tell who waits what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
