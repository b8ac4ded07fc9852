"""``weft doctor``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.options import ask_remote_option
from weft.cli.render.settings import check_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.doctor import doctor


@verb("doctor", long=True, example="weft doctor --remote", codes={1: "something was found that wants mending"})
@ask_remote_option("Ask the remote NAME too, or all: whether it is reached, and how far its clock is off.")
@pass_session
def command(session: Session, remote: str | None) -> int:
    """Check this machine and this repository.

    Looks at Git, hooks, pointers, the libraries, the file system, the store, the catalog and the settings, says in plain
    words what is wrong, and names what mends it.
    """
    result = doctor(session.start, session.progress, remote=remote, trust=session.trust)
    session.show("doctor", result, check_page)
    return ExitCode.DIFFERENCES if result.found else ExitCode.OK
