"""``weft verify``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import ask_remote_option, complete_remotes, duration, paths_argument, revisions_option, share
from weft.cli.render.checks import quarantine_page, verify_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode, UsageFault
from weft.workflows import quarantine
from weft.workflows.options import VerifyOptions
from weft.workflows.project import open_project
from weft.workflows.verify import verify


@verb(
    "verify",
    long=True,
    example="weft verify --full data/train\nweft verify --remote --sample 5%\nweft verify --repair",
    codes={4: "damage was found, and is not mended"},
)
@paths_argument()
@click.option("--level", type=click.Choice(["quick", "scrub", "full", "remote"]), help="How deep to look, one of:")
@click.option("--quick", "level", flag_value="quick", help="Pointers and catalog, no data (the default).")
@click.option("--scrub", "level", flag_value="scrub", help="Checksums of all stored frames.")
@click.option("--full", "level", flag_value="full", help="The BLAKE3 hash of every object.")
@click.option("--on-remote", "level", flag_value="remote", hidden=True, help="The same as --remote.")
@ask_remote_option("That the remote holds all it should: NAME, or the default one.")
@click.option("--sample", type=share, default=0.0, metavar="SHARE", help="Read this share of the packs, such as 5%.")
@revisions_option("Check the pointers of REV, or of a range A..B.")
@click.option("--all", "all_commits", is_flag=True, help="Check the pointers of every commit of every ref.")
@click.option("--repair", is_flag=True, help="Mend what is found, from the workspace, the store and the remotes.")
@click.option(
    "--from",
    "source",
    default="",
    metavar="NAME",
    shell_complete=complete_remotes,
    help="Repair from this remote only.",
)
@click.option(
    "--max-duration",
    "seconds",
    type=duration,
    metavar="TIME",
    help="Stop after TIME (90s, 10m, 2h); the next run goes on.",
)
@click.option("--restart", is_flag=True, help="With --max-duration: begin anew.")
@click.option("--quarantine", "listing", is_flag=True, help="Only show what was set aside, and why.")
@click.option(
    "--restore", multiple=True, metavar="FILE", help="Put back what is right of FILE in quarantine, or of all."
)
@click.option("--purge", type=click.FloatRange(0), metavar="DAYS", help="Delete what was set aside at least DAYS ago.")
@pass_session
def command(
    session: Session,
    /,
    paths: tuple[str, ...],
    listing: bool,
    restore: tuple[str, ...],
    purge: float | None,
    **wanted: object,
) -> int:
    """Prove that stored data is what its names say, and mend it.

    Damage is reported with the tracked paths that it touches, and quarantined, never deleted. A repair takes nothing on
    trust: what it brings is proved like all that comes from outside.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        if listing or restore or purge is not None:
            if restore and purge is not None:
                raise UsageFault("--restore and --purge are two things", hint="weft verify --restore FILE, first")
            if restore:
                found = quarantine.restore(project, restore)
            else:
                found = quarantine.look_through(project) if purge is None else quarantine.purge(project, purge)
            session.show("quarantine", found, quarantine_page)
            return ExitCode.OK
        result = verify(project, paths, _options(wanted))
    session.show("verify", result, verify_page)
    broken = session.tell_broken(result.broken)
    return ExitCode.INTEGRITY if result.findings else broken


def _options(wanted: dict[str, object]) -> VerifyOptions:
    remote, level = wanted["remote"], wanted["level"]
    if remote is not None and level not in (None, "remote"):
        raise click.UsageError(f"--remote looks at the remote, --{level} at the local store: give one of them")
    chosen = level or ("quick" if remote is None else "remote")
    return VerifyOptions(**{**wanted, "level": chosen, "remote": remote or ""})  # type: ignore[arg-type]
