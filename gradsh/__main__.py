"""The command `gradsh`, and `python -m gradsh`."""

from __future__ import annotations

import atexit
import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit status."""
    try:
        from gradsh.cli import main as run_command_line  # here, where Ctrl-C is expected

        status = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED  # so early that nothing has run yet
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            status = status or 1
    # Python would now take numpy apart piece by piece, which costs a tenth of the whole run.
    atexit._run_exitfuncs()
    os._exit(status)


if __name__ == "__main__":
    main()
