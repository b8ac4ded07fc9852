"""``weft diff``."""

from __future__ import annotations

from functools import partial

import click

from weft.cli.context import Session
from weft.cli.options import complete_words, format_option
from weft.cli.render.changes import diff_page
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_words
from weft.errors import ExitCode
from weft.workflows.diff import diff
from weft.workflows.project import open_project


@verb(
    "diff",
    long=True,
    example="weft diff HEAD~1 HEAD -- data/train",
    codes={1: "there are differences (with --exit-code)"},
    split=True,
)
@click.argument("words", nargs=-1, metavar="[REV [REV]] [--] [PATH...]", shell_complete=complete_words)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there are differences.")
@format_option("text", "csv", "md")
@click.pass_context
@pass_session
def command(session: Session, context: click.Context, words: tuple[str, ...], exit_code: bool, form: str) -> int:
    """Show files added, modified, renamed and deleted.

    Without REV the workspace is compared with its pointers, with one REV the workspace with that revision, with two REV
    (or A..B) the first with the second. With REV, params, metrics, code and the commands of stages are compared too.
    Many changes of a kind below a directory are one line; -v lists each file.
    """
    revisions, paths = split_words(context, words, most=2)
    with open_project(session.start, session.progress, session.trust) as project:
        result = diff(project, revisions, paths)
    session.show("diff", result, partial(diff_page, form=form))
    different = bool(result.changes or result.facts)
    return session.tell_broken(result.broken) or (ExitCode.DIFFERENCES if exit_code and different else ExitCode.OK)
