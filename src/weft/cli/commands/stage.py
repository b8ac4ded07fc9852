"""``weft stage``: add, list, freeze, unfreeze, accept, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli.context import Session
from weft.cli.options import complete_stages, stages_argument
from weft.cli.render.pipeline import Teller, repro_page
from weft.cli.render.stages import edit_page, stages_page
from weft.cli.stageopts import declaring_options, run_options
from weft.cli.verbs import VerbGroup, pass_session, verb
from weft.cli.words import AFTER_DASHES
from weft.util.later import later
from weft.workflows.project import open_project
from weft.workflows.stage_declare import add_stage, freeze_stages, list_stages, remove_stage

if TYPE_CHECKING:
    from weft.workflows import run, stage_accept
else:
    run = later("weft.workflows.run")
    stage_accept = later("weft.workflows.stage_accept")

command = VerbGroup(
    "stage",
    help="Declare, list, freeze, accept and remove stages.\n\nNothing is run: that is done by weft run and weft repro.",
)


@verb(
    "add",
    example="weft stage add -n train -d data/train -d train.py -p lr -o model.pkl -m metrics.json -- python train.py",
    split=True,
    group=command,
)
@click.option("-n", "--name", required=True, metavar="NAME", help="Declare the command after -- as this stage.")
@declaring_options
@click.option("-f", "--force", is_flag=True, help="Change a stage of that name which is there.")
@click.pass_context
@pass_session
def add(session: Session, context: click.Context, /, name: str, force: bool, **declaring: Any) -> None:
    """Declare a stage in weft.yaml without running it.

    The options are those of weft run. Comments and all other entries stay as they are.
    """
    words = tuple(context.meta.get(AFTER_DASHES) or ())
    with open_project(session.start, session.progress, session.trust) as project:
        result = add_stage(project, run.Declaration(name, words, **declaring), force=force)
    session.show("stage-edit", result, edit_page)


@verb("list", example="weft stage list\nweft stage list --json 'train@*'", group=command)
@stages_argument()
@pass_session
def list_(session: Session, stages: tuple[str, ...]) -> None:
    """List the stages with what they write and whether they are fresh.

    The state is told from Git alone, so no data is needed; weft repro --dry-run also looks at the data.
    """
    session.show("stage-list", list_stages(session.start, stages), stages_page)


@verb("freeze", example="weft stage freeze train", group=command)
@stages_argument(required=True)
@pass_session
def freeze(session: Session, stages: tuple[str, ...]) -> None:
    """Keep weft repro from running stages; weft run STAGE still does."""
    _freeze(session, stages, True)


@verb("unfreeze", example="weft stage unfreeze train", group=command)
@stages_argument(required=True)
@pass_session
def unfreeze(session: Session, stages: tuple[str, ...]) -> None:
    """Let weft repro run stages again."""
    _freeze(session, stages, False)


def _freeze(session: Session, stages: tuple[str, ...], frozen: bool) -> None:
    with open_project(session.start, session.progress, session.trust) as project:
        result = freeze_stages(project, stages, frozen=frozen)
    session.show("stage-edit", result, edit_page)


@verb("accept", example='weft stage accept label -m "labelled by hand, checked by two people"', group=command)
@stages_argument(required=True)
@click.option("-m", "--reason", required=True, metavar="TEXT", help="Why these outs are right; it is recorded.")
@pass_session
def accept(session: Session, /, stages: tuple[str, ...], reason: str, **chosen: Any) -> int:
    """Record outs that were made by hand, or by a run elsewhere.

    The record is written from the inputs and outs as they are here, and says that nothing ran, who accepted it and why.
    weft repro takes such outs for no other state of the inputs, unless --reuse-accepted asks for it.
    """
    options = run_options(session, Teller(session), chosen)
    with open_project(session.start, session.progress, session.trust) as project:
        result = stage_accept.accept_stages(project, stages, reason, options)
    session.show("stage-accept", result, repro_page)
    return result.exit_code


@verb("remove", example="weft stage remove old\nweft stage remove --keep-outs download", group=command)
@click.argument("stage", shell_complete=complete_stages)
@click.option("--keep-outs", is_flag=True, help="Leave its outs tracked: they are sources from then on.")
@pass_session
def remove(session: Session, stage: str, keep_outs: bool) -> None:
    """Take a stage out of weft.yaml, with its record and the pointers of its outs.

    Files stay in the workspace, and bytes in the store.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = remove_stage(project, stage, keep_outs=keep_outs)
    session.show("stage-edit", result, edit_page)
