"""Record what each program in this directory says: `python tests/faults/record.py`.

Read the difference before you commit it.
"""

from pathlib import Path

from gradsh.session import Fault, Session

HERE = Path(__file__).parent


def report(program: Path, name: str) -> str:
    """What the program's fault says; nothing if it has none."""
    try:
        Session().run(program.read_text(), name)
    except Fault as fault:
        return fault.diagnostic.render() + "\n"
    return ""


if __name__ == "__main__":
    for path in sorted(HERE.glob("*.grad")):
        path.with_suffix(".txt").write_text(report(path, path.name))
