"""``weft uninstall``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.render.hooks import uninstall_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.install import uninstall


@verb("uninstall", example="weft uninstall")
@pass_session
def command(session: Session) -> None:
    """Remove the Git hooks and drivers from this clone.

    Hooks that were there before `weft install` are put back. Data, pointers and committed files stay as they are.
    """
    session.show("uninstall", uninstall(session.start), uninstall_page)
