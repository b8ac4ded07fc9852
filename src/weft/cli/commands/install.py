"""``weft install``."""

from __future__ import annotations

import sys

import click

from weft.cli import hook
from weft.cli.context import Session
from weft.cli.render.hooks import install_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.install import InstallOptions, install


@verb(
    "install",
    example="weft install\nweft install --pre-commit-tool",
    codes={3: "hooks in a folder that others share do not run weft yet; the drivers are installed"},
)
@click.option(
    "--pre-commit-tool",
    "tool",
    is_flag=True,
    help="Write entries for the pre-commit program into .pre-commit-config.yaml instead of hooks.",
)
@click.option("--drivers", "alone", is_flag=True, help="Install the merge and diff drivers alone, and no hooks.")
@click.option("-f", "--force", is_flag=True, help="Install into a folder of hooks that others share, too.")
@pass_session
def command(session: Session, tool: bool, alone: bool, force: bool) -> int:
    """Install the Git hooks and drivers in this clone.

    Before a commit weft validates what is staged, before a push it sends the data of the commits first, and after Git
    has changed branches, merged or rebased it brings the data to the new pointers. A hook that is there already is kept
    and called first. A second run changes nothing. Where `core.hooksPath` names a folder that others share, as husky does,
    the drivers are installed, and the lines are named that its hooks lack.

    The Python that runs weft must not lie in the work tree: a branch that is checked out could put other code there.
    """
    if alone and (tool or force):
        raise click.UsageError("--drivers installs no hooks: leave out --pre-commit-tool and --force")
    places = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    options = InstallOptions(sys.executable, hook.__file__, tool, force, alone, tuple(hook.HANDLERS), places)
    result = install(session.start, options)
    session.show("install", result, install_page)
    return ExitCode.REFUSED if result.to_add else ExitCode.OK
