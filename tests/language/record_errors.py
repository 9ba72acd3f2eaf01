"""Write the report of each faulty program in errors/ beside it.

Read the changes before you keep them.
"""

from __future__ import annotations

from pathlib import Path

from gradsh.language import Reader, SyntaxFault

ERRORS = Path(__file__).with_name("errors")


def report(path: Path) -> str:
    """What a reader says of the program at `path`, up to its first fault."""
    reader = Reader(path.name)
    try:
        for _ in reader.feed(path.read_text(encoding="utf-8")):
            pass
        for _ in reader.finish():
            pass
    except SyntaxFault as fault:
        return fault.diagnostic.render() + "\n"
    return "no fault\n"


if __name__ == "__main__":
    for program in sorted(ERRORS.glob("*.grad")):
        program.with_suffix(".txt").write_text(report(program), encoding="utf-8")
