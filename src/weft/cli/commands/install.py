"""``weft install``."""

from __future__ import annotations

import sys

import click

from weft.cli import hook
from weft.cli.context import Session
from weft.cli.render.hooks import install_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.install import InstallOptions, install


@verb("install", example="weft install\nweft install --pre-commit-tool")
@click.option(
    "--pre-commit-tool",
    "tool",
    is_flag=True,
    help="Write entries for the pre-commit program into .pre-commit-config.yaml instead of hooks.",
)
@click.option("-f", "--force", is_flag=True, help="Install into a folder of hooks that others share, too.")
@pass_session
def command(session: Session, tool: bool, force: bool) -> None:
    """Install the Git hooks and drivers in this clone.

    Before a commit weft validates what is staged, before a push it sends the data of the commits first, and after Git
    has changed branches, merged or rebased it brings the data to the new pointers. A hook that is there already is kept
    and called first. A second run changes nothing.

    The Python that runs weft must not lie in the work tree: a branch that is checked out could put other code there.
    """
    places = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    options = InstallOptions(sys.executable, hook.__file__, tool, force, tuple(hook.HANDLERS), places)
    result = install(session.start, options)
    session.show("install", result, install_page)
