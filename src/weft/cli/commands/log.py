"""``weft log``."""

from __future__ import annotations

import click

from weft.cli.context import Page, Session, View
from weft.cli.options import complete_words, format_option
from weft.cli.render.log import FORMATS, entry_lines, head_lines
from weft.cli.streams import paint_for
from weft.cli.text import escape
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_words
from weft.errors import ExitCode
from weft.workflows.log import Log, collect, open_log


@verb("log", example="weft log\nweft log -n 5 v1..HEAD -- data/train metrics.json", split=True)
@click.argument("words", nargs=-1, metavar="[REV|A..B] [--] [PATH...]", shell_complete=complete_words)
@click.option("-n", "--max-count", "count", type=click.IntRange(0), metavar="N", help="Show N commits at most.")
@click.option("--all", "everything", is_flag=True, help="Show the commits too that changed nothing of this.")
@format_option(*FORMATS)
@click.pass_context
@pass_session
def command(
    session: Session, context: click.Context, words: tuple[str, ...], count: int | None, everything: bool, form: str
) -> int:
    """Show the commits that changed data, params or metrics.

    The newest comes first. A merge is shown by what it changed against its first parent. PATH may be data, the record of a
    stage, or a params or metrics file that a stage names. Stages that are stale in a commit are named in it. Everything is
    read from Git: no data is needed.
    """
    revisions, paths = split_words(context, words, most=1)
    revision = revisions[0] if revisions else ""
    most = -1 if count is None else count
    with open_log(session.start, revision, paths) as log:
        if session.json:
            session.show(
                "log", collect(log, revision, everything=everything, count=most), lambda _result, _view: Page()
            )
        else:
            _print(session, log, form, everything=everything, count=most)
    return ExitCode.OK


def _print(session: Session, log: Log, form: str, *, everything: bool, count: int) -> None:
    """Hand over each commit as soon as it is known, and stop when nobody reads any more."""
    view = View(paint_for(session.out, session.environment), session.verbose)
    for line in head_lines(form):
        session.out.line(line)
    told = 0
    for entry in log.entries(everything=everything, count=count):
        seen = session.here.record(entry) if form == "text" else entry
        for line in entry_lines(seen, view, form):
            session.out.line(line)
        session.out.flush()
        if session.out.closed:
            return
        told += 1
    notes = (
        [escape(session.here.text(note)) for note in log.notes]
        if told
        else ["no commit changed any of this (--all shows the others)"]
    )
    for note in () if session.quiet else notes:
        session.err.line(note)
