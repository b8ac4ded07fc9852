"""``weft du``."""

from __future__ import annotations

from weft.cli.context import Session
from weft.cli.options import paths_argument
from weft.cli.render.space import du_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.du import du
from weft.workflows.project import open_project


@verb("du", example="weft du\nweft du data/images data/raw")
@paths_argument()
@pass_session
def command(session: Session, paths: tuple[str, ...]) -> int:
    """Show what tracked data takes, and what drop would free.

    For each tracked path, or for each PATH: its bytes in the workspace; in the local store, after deduplication and
    compression; and what `weft drop` would free. Nothing is read but directories, manifests and the catalog, and no
    remote is asked: `weft drop --dry-run` asks.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = du(project, paths)
    session.show("du", result, du_page)
    return session.tell_broken(result.broken)
