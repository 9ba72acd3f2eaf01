"""The interactive shell on a terminal.

    from gradsh.shell import main

    status = main(session)

Each module has one concern, and its parts take what they ask for (getters, callbacks), not the
shell itself. Importing this package costs nothing; `main` loads what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsh.session import Session

__all__ = ["main"]


def main(session: Session, *, quiet: bool = False) -> int:
    """Talk with the user until they leave; the exit status.

    From here on the session shows what assignments bind and numbers what it shows. `quiet`
    leaves the greeting out. Raises OutputClosed if the terminal is gone.
    """
    from gradsh.session.entries import Dialogue
    from gradsh.shell.external import edited
    from gradsh.shell.loop import Loop
    from gradsh.shell.prompt import open_prompt

    session.echo = session.numbered = True
    session.dialogue = Dialogue(session)
    session.dialogue.editor = edited
    return Loop(session, open_prompt(session)).run(greet=not quiet)
