"""``weft version``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.render.settings import Version, version_page
from weft.cli.verbs import pass_session, verb


@verb("version", example="weft version --json")
@pass_session
def command(session: Session) -> None:
    """Print the version of weft.

    Also that of Python, and where weft is installed.
    """
    session.show("version", Version.of_this_process(), version_page)
