"""``weft add``."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import click

from weft.cli.context import Session
from weft.cli.options import dry_run_option, jobs_option, remote_option, size, stage_option
from weft.cli.render.content import add_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.add import add
from weft.workflows.options import AddOptions
from weft.workflows.project import open_project


@verb("add", long=True, example="weft add data/train models/net.bin\ngit commit -m 'New training data'\nweft push")
@click.argument("paths", nargs=-1, metavar="PATH...", type=click.Path())
@click.option(
    "--files-from", type=click.File("rb"), metavar="FILE", help="Take paths from FILE, too (-: standard input)."
)
@click.option("--to-remote", is_flag=True, help="Push the data in the same go, to the default remote.")
@remote_option("Push it in the same go, to NAME.")
@click.option("--keep-missing", "missing", flag_value="keep", help="Absent files stay part of a tracked directory.")
@click.option("--delete-missing", "missing", flag_value="delete", help="Absent files are deletions.")
@stage_option()
@click.option("--max-size", type=size, default=None, metavar="SIZE", help="Refuse files larger than SIZE.")
@jobs_option()
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Record it even if the pointer changed since the last checkout, and store again what the store lost.",
)
@dry_run_option("Only say what would be added.")
@pass_session
def command(
    session: Session,
    /,
    paths: tuple[str, ...],
    files_from: BinaryIO | None,
    to_remote: bool,
    remote: str,
    **chosen: Any,
) -> int:
    """Put files or directories into the store and write their pointers.

    NAME.weft is written beside each NAME, staged for the next commit, and NAME is kept in .gitignore. A file inside a
    tracked directory may be added alone, whether or not the rest of that directory is here.

    --files-from takes one path a line, or paths that each end in a NUL character, as `find -print0` writes them.
    """
    if files_from is not None:
        paths += _listed(files_from.read())
    if not paths:
        raise click.UsageError("name what is to be added: PATH, or --files-from FILE")
    target = remote if to_remote or remote else None
    options = AddOptions(**{**chosen, "missing": chosen["missing"] or "", "to_remote": target})
    with open_project(session.start, session.progress, session.trust) as project:
        result = add(project, paths, options)
    session.show("add", result, add_page)
    return session.tell_broken(result.broken)


def _listed(data: bytes) -> tuple[str, ...]:
    names = data.split(b"\0") if b"\0" in data else data.split(b"\n")
    return tuple(os.fsdecode(name) for name in names if name)
