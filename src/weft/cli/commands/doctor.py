"""``weft doctor``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.render.settings import check_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.doctor import doctor


@verb("doctor", example="weft doctor", codes={6: "a check fails"})
@pass_session
def command(session: Session) -> int:
    """Check this machine and this repository.

    Looks at Git, the libraries, the file system, the store, the catalog and the settings, and names what mends them.
    """
    result = doctor(session.start, session.progress)
    session.show("doctor", result, check_page)
    return ExitCode.OK if result.ok else ExitCode.ENVIRONMENT
