"""``weft push``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.options import paths_argument, transfer_options
from weft.cli.render.transfer import push_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.options import TransferOptions
from weft.workflows.project import open_project
from weft.workflows.push import push


@verb("push", long=True, example="weft push\nweft push --rev origin/main..HEAD\ngit push")
@paths_argument()
@transfer_options
@pass_session
def command(
    session: Session,
    paths: tuple[str, ...],
    remote: str,
    jobs: int,
    revs: tuple[str, ...],
    all_commits: bool,
    dry_run: bool,
) -> int:
    """Send the data of pointers to a remote.

    Without --rev or --all: what the pointers of the workspace need. What is on the remote already is not sent again.
    """
    options = TransferOptions(remote, jobs, revs, all_commits, dry_run)
    with open_project(session.start, session.progress, session.trust) as project:
        result = push(project, paths, options)
    session.show("push", result, push_page)
    return session.tell_broken(result.broken)
