"""A shell on this terminal, as `gradsh` starts it."""

from __future__ import annotations

import sys

from gradsh.session import Session
from gradsh.session.output import ColourOutput
from gradsh.shell import main

sys.exit(main(Session(ColourOutput(sys.stdout)), quiet="-q" in sys.argv))
