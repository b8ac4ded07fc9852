"""``weft check-ignore``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.options import paths_argument
from weft.cli.render.content import ignore_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.check_ignore import check_ignore
from weft.workflows.project import open_project


@verb("check-ignore", example="weft check-ignore data/raw/run.log", codes={1: "none of them is ignored"})
@paths_argument(required=True)
@pass_session
def command(session: Session, paths: tuple[str, ...]) -> int:
    """Say which line of which .weftignore leaves a path out.

    Prints FILE:LINE:PATTERN and the path of each that is ignored, as `git check-ignore -v` does. Inside of a tracked
    directory a file that its pointer holds stays part of it, whatever the rules say.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = check_ignore(project, paths)
    session.show("check-ignore", result, ignore_page)
    return ExitCode.OK if any(one.ignored for one in result.paths) else ExitCode.DIFFERENCES
