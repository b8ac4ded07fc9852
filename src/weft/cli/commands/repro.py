"""``weft repro``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import dry_run_option, stages_argument
from weft.cli.render.pipeline import Teller, repro_page
from weft.cli.stageopts import run_options, stage_options
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.project import open_project
from weft.workflows.repro import repro
from weft.workflows.stage_results import SKIPPED, STALE


@verb(
    "repro",
    example="weft repro --dry-run\nweft repro train -S train.lr=0.01",
    codes={1: "some stage is stale (with --dry-run --exit-code)", 6: "a command failed, or disk, network or tools do"},
)
@stages_argument()
@dry_run_option("Only say what is stale, and why; run nothing.")
@click.option("--exit-code", is_flag=True, help="With --dry-run: exit with 1 when a stage is stale.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), default=1, metavar="N", help="Run up to N stages at a time.")
@click.option("--downstream", is_flag=True, help="Start at STAGE: run it and what depends on it, nothing above.")
@click.option("-k", "--keep-going", is_flag=True, help="After a failure, run what does not depend on it.")
@stage_options
@pass_session
def command(
    session: Session,
    /,
    stages: tuple[str, ...],
    exit_code: bool,
    **chosen: object,
) -> int:
    """Run the stages that are stale, in order.

    A stage is stale when its command, its data, its code, its params or its outs differ from its record. Outs of an
    earlier run of the same are taken from the store instead of running: of one in the history of HEAD, or made in this
    clone. The private setting reuse.from names other branches whose runs count, and --runs
    takes those that others share by weft push --runs.

    STAGE may be a pattern: 'train@*'.
    """
    options = run_options(session, Teller(session), chosen)
    with open_project(session.start, session.progress, session.trust) as project:
        result = repro(project, stages, options)
    session.show("repro", result, repro_page)
    stale = any(stage.action in (STALE, SKIPPED) for stage in result.stages)
    return result.exit_code or (ExitCode.DIFFERENCES if exit_code and stale else ExitCode.OK)
