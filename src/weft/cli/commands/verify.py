"""``weft verify``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import paths_argument, remote_option, share
from weft.cli.render.checks import verify_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.options import VerifyOptions
from weft.workflows.project import open_project
from weft.workflows.verify import verify


@verb(
    "verify",
    example="weft verify --full data/train\nweft verify --on-remote --sample 5%",
    codes={4: "damage was found"},
)
@paths_argument()
@click.option("--level", type=click.Choice(["quick", "scrub", "full", "remote"]), help="How deep to look, one of:")
@click.option("--quick", "level", flag_value="quick", help="Pointers and catalog, no data (the default).")
@click.option("--scrub", "level", flag_value="scrub", help="Checksums of all stored frames.")
@click.option("--full", "level", flag_value="full", help="The BLAKE3 hash of every object.")
@click.option("--on-remote", "level", flag_value="remote", help="That the remote holds all it should.")
@remote_option("The remote to check (default: the setting `remote`).")
@click.option("--sample", type=share, default=0.0, metavar="SHARE", help="Read this share of the packs, such as 5%.")
@pass_session
def command(session: Session, paths: tuple[str, ...], level: str | None, remote: str, sample: float) -> int:
    """Prove that stored data is what its names say.

    Damage is reported with the tracked paths that it touches, and quarantined, never deleted.
    """
    options = VerifyOptions(level=level or "quick", remote=remote, sample=sample)
    with open_project(session.start, session.progress) as project:
        result = verify(project, paths, options)
    session.show("verify", result, verify_page)
    return ExitCode.INTEGRITY if result.findings else ExitCode.OK
