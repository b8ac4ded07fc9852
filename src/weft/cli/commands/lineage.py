"""``weft lineage``: show, why, impact, graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from weft.cli.context import Page, Session
from weft.cli.options import complete_paths, complete_revisions, format_option
from weft.cli.render.drawings import dot, mermaid
from weft.cli.render.lineage import graph_page, impact_page, show_page, why_page
from weft.cli.verbs import VerbGroup, pass_session, verb
from weft.workflows import lineage

DRAWINGS = {"dot": dot, "mermaid": mermaid}

command = VerbGroup(
    "lineage",
    path_verbs=("show", "why", "impact"),
    help="Ask how data came to be and what depends on it.\n\n"
    "Pointers, records and weft.yaml are read, in the work tree or in any commit: no data is needed.",
)


def _revision_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--rev",
        default="",
        metavar="REV",
        shell_complete=complete_revisions,
        help="Ask the commit REV instead of the work tree.",
    )


@verb("show", example="weft lineage show models/clf.pkl\nweft lineage show --rev v1.0 models/clf.pkl", group=command)
@click.argument("path", shell_complete=complete_paths)
@_revision_option()
@pass_session
def show(session: Session, path: str, rev: str) -> None:
    """Show the stages and inputs that led to PATH, up to the sources.

    PATH may also be the name of a stage. Each input is the one that the record names, also where a newer one is there now:
    the run that wrote it is then looked for in all commits.
    """
    session.show("lineage-show", lineage.show(session.start, path, rev), show_page)


@verb("why", example="weft lineage why models/clf.pkl", group=command)
@click.argument("path", shell_complete=complete_paths)
@_revision_option()
@pass_session
def why(session: Session, path: str, rev: str) -> None:
    """Explain PATH: how it was made, and which commits brought it.

    That is the command, data, code and params. -v lists the environment and everything that is long too.
    """
    session.show("lineage-why", lineage.why(session.start, path, rev), why_page)


@verb("impact", example="weft lineage impact data/raw\nweft lineage impact params.yaml:train.lr", group=command)
@click.argument("path", shell_complete=complete_paths)
@_revision_option()
@pass_session
def impact(session: Session, path: str, rev: str) -> None:
    """Show the stages and outs that a change of PATH would make stale.

    PATH may also be FILE:KEY, one value of a params file, or the name of a stage, which stands for all that it writes.
    """
    session.show("lineage-impact", lineage.what_if(session.start, path, rev), impact_page)


@verb(
    "graph",
    example="weft lineage graph\nweft lineage graph --format mermaid models/clf.pkl",
    renamed={"--mermaid": "--format mermaid", "--dot": "--format dot"},
    group=command,
)
@click.argument("path", default="", shell_complete=complete_paths)
@_revision_option()
@format_option("text", *DRAWINGS)
@pass_session
def graph(session: Session, path: str, rev: str, form: str) -> None:
    """Show all stages, what they read and what they write.

    With PATH, only the stages that lead to it and that depend on it. With --format dot it is a graph for Graphviz, with
    mermaid a flowchart that forges draw in Markdown.
    """
    result = lineage.graph(session.start, path, rev)
    draw = DRAWINGS.get(form)
    page = (lambda made, _view: Page(data=tuple(draw(made)))) if draw else graph_page
    session.show("lineage-graph", result, page)
