"""``weft run``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import complete_stages
from weft.cli.render.pipeline import Teller, repro_page
from weft.cli.stageopts import declaring_options, run_options, stage_options
from weft.cli.verbs import pass_session, verb
from weft.cli.words import AFTER_DASHES
from weft.workflows.project import open_project
from weft.workflows.run import Declaration, run_declaration, run_stage

_DECLARING = ("deps", "outs", "persist", "metrics", "plots", "params")


@verb(
    "run",
    example="weft run -n train -d data/train -d train.py -p params.yaml:lr -o model.pkl -m metrics.json -- "
    "python train.py\nweft run train",
    codes={6: "the command failed, or disk, network or tools do"},
    split=True,
)
@click.argument("stage", required=False, default="", metavar="[STAGE]", shell_complete=complete_stages)
@click.option("-n", "--name", default="", metavar="NAME", help="Declare the command after -- as this stage.")
@declaring_options
@stage_options
@click.pass_context
@pass_session
def command(session: Session, context: click.Context, /, stage: str, name: str, wdir: str | None, **chosen: Any) -> int:
    """Run a command once and record how its outs came to be.

    With -n the command stands after --, and the stage is written into weft.yaml when it has run well; a stage of that
    name that differs is replaced only with --force. Paths, and the params.yaml that -p KEY means, are seen from where
    the command starts, as in weft.yaml: from --wdir, or from where you are. Without -n, STAGE is one that weft.yaml
    declares; it runs if it is stale.
    """
    words = tuple(context.meta.get(AFTER_DASHES) or ())
    declaring = {key: chosen.pop(key) for key in _DECLARING}
    if bool(name) == bool(stage) or (stage and (words or wdir is not None or any(declaring.values()))):
        raise click.UsageError("give either -n NAME and a command after --, or the name of a declared STAGE", context)
    options = run_options(session, Teller(session), chosen)
    with open_project(session.start, session.progress, session.trust) as project:
        if name:
            result = run_declaration(project, Declaration(name, words, wdir=wdir, **declaring), options)
        else:
            result = run_stage(project, stage, options)
    session.show("run", result, repro_page)
    return result.exit_code
