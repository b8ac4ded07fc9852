"""``weft config``: list, get, set, unset."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import complete_settings, private_option
from weft.cli.render.settings import changed_setting_page, config_page, value_page
from weft.cli.verbs import VerbGroup, pass_session, verb
from weft.workflows import config
from weft.workflows.project import open_project


class KeyFirst(VerbGroup):
    """A group in which, as in Git, a key may stand in place of a sub-command: alone to read it, with a value to set it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Put the sub-command before a key."""
        if args and args[0] not in self.commands:
            args = ["get" if len(args) == 1 else "set", *args]
        if args and args[0] == "set" and "--" not in args:
            # Of a number below zero it is said which are meant, and not that there is no such option.
            below = [text for text in args if text[:1] == "-" and text[1:].isdecimal()]
            args = [*(text for text in args if text not in below), *(["--", *below] if below else [])]
        return super().resolve_command(ctx, args)


command = KeyFirst(
    "config",
    help="Read and write settings.\n\nWithout a sub-command, KEY is read and KEY VALUE is set. "
    "Settings of the project stand in the committed .weft/config.yaml, "
    "settings of this clone alone in .git/weft/config.yaml; the latter win.",
)


@verb("list", example="weft config list\nweft config list --all -v", group=command)
@click.option("--all", "everything", is_flag=True, help="Those too that have their default.")
@pass_session
def list_(session: Session, everything: bool) -> None:
    """List the settings that are set; -v tells where."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = config.config_list(project, everything=everything)
    session.show("config", result, config_page)


@verb("get", example="weft config get remote", group=command)
@click.argument("key", shell_complete=complete_settings)
@pass_session
def get(session: Session, key: str) -> None:
    """Print the value of one setting, its default where it is not set."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = config.config_get(project, key)
    session.show("config", result, value_page)


@verb("set", example="weft config set --private jobs 8", group=command)
@click.argument("key", shell_complete=complete_settings)
@click.argument("value")
@private_option()
@pass_session
def set_(session: Session, key: str, value: str, private: bool) -> None:
    """Change one setting."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = config.config_set(project, key, value, private=private)
    session.show("config", result, changed_setting_page)


@verb("unset", example="weft config unset --private jobs", group=command)
@click.argument("key", shell_complete=complete_settings)
@private_option()
@pass_session
def unset(session: Session, key: str, private: bool) -> None:
    """Remove one setting, so that its default holds again."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = config.config_unset(project, key, private=private)
    session.show("config", result, changed_setting_page)
