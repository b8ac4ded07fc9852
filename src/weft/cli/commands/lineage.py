"""``weft lineage``: show, why, impact, graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from weft.cli.context import Page, Session
from weft.cli.options import complete_paths
from weft.cli.render.drawings import dot, mermaid
from weft.cli.render.lineage import graph_page, impact_page, show_page, why_page
from weft.cli.verbs import VerbGroup, pass_session, verb
from weft.workflows import lineage

command = VerbGroup(
    "lineage",
    path_verbs=("show", "why", "impact"),
    help="Ask how data came to be and what depends on it.\n\n"
    "Pointers, records and weft.yaml are read, in the work tree or in any commit: no data is needed.",
)


def _revision_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--rev", default="", metavar="REV", help="Ask the commit REV instead of the work tree.")


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
    """Explain PATH: the command, data, code and params it was made with, and its commits.

    -v lists the environment and everything that is long too.
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


@verb("graph", example="weft lineage graph\nweft lineage graph --mermaid models/clf.pkl", group=command)
@click.argument("path", default="", shell_complete=complete_paths)
@_revision_option()
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print a flowchart for Mermaid.")
@click.option("--dot", "as_dot", is_flag=True, help="Print a graph for Graphviz.")
@pass_session
def graph(session: Session, path: str, rev: str, as_mermaid: bool, as_dot: bool) -> None:
    """Show all stages, or those before and behind PATH, and what they read and write."""
    if as_mermaid + as_dot + session.json > 1:
        raise click.UsageError("give one of --mermaid, --dot and --json")
    result = lineage.graph(session.start, path, rev)
    if as_mermaid or as_dot:
        session.show("lineage-graph", result, lambda made, _view: Page(data=tuple((dot if as_dot else mermaid)(made))))
    else:
        session.show("lineage-graph", result, graph_page)
