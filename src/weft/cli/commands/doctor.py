"""``weft doctor``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.render.settings import check_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.doctor import doctor


@verb("doctor", example="weft doctor --remote", codes={1: "something was found that wants mending"})
@click.option("--remote", is_flag=True, help="Ask each remote too: whether it is reached, and how far its clock is.")
@pass_session
def command(session: Session, remote: bool) -> int:
    """Check this machine and this repository.

    Looks at Git, hooks, pointers, the libraries, the file system, the store, the catalog and the settings, says in plain
    words what is wrong, and names what mends it.
    """
    result = doctor(session.start, session.progress, remote=remote, trust=session.trust)
    session.show("doctor", result, check_page)
    return ExitCode.DIFFERENCES if result.found else ExitCode.OK
