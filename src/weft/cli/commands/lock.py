"""``weft lock``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import git_remote_option, paths_argument
from weft.cli.render.locks import lock_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.locks import lock, open_clone


@verb(
    "lock",
    example="weft lock model.bin -m 'training until Friday'",
    codes={3: "somebody else has locked it, or no such path"},
)
@paths_argument(required=True)
@click.option("-m", "--reason", default="", metavar="TEXT", help="Why, and until when.")
@git_remote_option()
@pass_session
def command(session: Session, paths: tuple[str, ...], reason: str, remote: str) -> None:
    """Tell others to leave a path alone, through the Git remote.

    PATH is tracked data, a part of it, or anything that Git keeps; the lock of a directory covers what is below it. Locks
    are advice: `weft status` and `add` name those of others, and the hook refuses a `git push` that changes what they
    cover, in clones with `weft install`. Who may push can remove them.
    """
    clone = open_clone(session.start, remote, session.progress)
    session.show("lock", lock(clone, paths, reason), lock_page)
