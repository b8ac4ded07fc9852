"""``weft remote``: list, add, trust, default, rename, set-url, remove, check."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import complete_remotes, private_option
from weft.cli.render.settings import changed_remotes_page, check_page, remotes_page, trust_page
from weft.cli.verbs import VerbGroup, pass_session, verb
from weft.errors import ExitCode
from weft.model.remote import RemoteSpec
from weft.workflows import remotes
from weft.workflows.project import open_project

command = VerbGroup(
    "remote",
    help="Configure the places that data is pushed to.\n\nRemotes are part of the committed .weft/config.yaml.",
)


@verb("list", example="weft remote list", group=command)
@pass_session
def list_(session: Session) -> None:
    """List the remotes; an asterisk marks the default one."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_list(project)
    session.show("remote", result, remotes_page)


@verb("add", example="weft remote add origin s3://my-bucket/my-project", group=command)
@click.argument("name")
@click.argument("url")
@click.option("--endpoint", default="", metavar="URL", help="Endpoint of an S3 service other than Amazon's.")
@click.option("--region", default="", metavar="REGION", help="Region of the bucket.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="A private setting of sftp:// (key_file, known_hosts) or az:// (account); may be given again.",
)
@click.option("--check/--no-check", default=True, help="Whether to reach for the remote and pin its store id now.")
@private_option()
@pass_session
def add(session: Session, /, name: str, url: str, options: tuple[str, ...], **chosen: Any) -> None:
    """Add a remote: a place that data is pushed to.

    URL is a directory, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, sftp://[USER@]HOST/PATH or
    webdavs://HOST/PATH. The last three, and directories by their full path, are configured in this clone alone.
    """
    pairs = tuple(_pair(text) for text in options)
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_add(project, RemoteSpec(name, url, options=pairs), **chosen)
    session.show("remote", result, changed_remotes_page)


@verb("set-url", example="weft remote set-url origin s3://new-bucket/my-project", group=command)
@click.argument("name", shell_complete=complete_remotes)
@click.argument("url")
@click.option("--endpoint", metavar="URL", help="Endpoint of the new place (default: as it is).")
@click.option("--region", metavar="REGION", help="Region of the new place (default: as it is).")
@click.option("--check/--no-check", default=True, help="Whether to make sure now that the same store is there.")
@private_option()
@pass_session
def set_url(session: Session, /, name: str, url: str, **chosen: Any) -> None:
    """Change the URL of a remote.

    The place must hold the same store: copy what the remote holds there first. Who names a place accepts it; other clones
    are asked once. With another scheme, such as s3:// in place of a directory, endpoint and region are forgotten.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_set_url(project, name, url, **chosen)
    session.show("remote", result, changed_remotes_page)


@verb("rename", example="weft remote rename origin archive", group=command)
@click.argument("old", shell_complete=complete_remotes)
@click.argument("new")
@pass_session
def rename(session: Session, old: str, new: str) -> None:
    """Give a remote another name.

    What it holds, and what this clone accepted, stays as it is.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_rename(project, old, new)
    session.show("remote", result, changed_remotes_page)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not value:
        raise click.BadParameter(f"{text!a} is not KEY=VALUE", param_hint="--option")
    return key, value


@verb("trust", example="weft remote trust origin", group=command)
@click.argument("name", default="", shell_complete=complete_remotes)
@pass_session
def trust(session: Session, name: str) -> None:
    """Accept the place of a remote that came with the repository.

    Shows the url, the endpoint and the store, and what is sent there. A clone asks for this once before its first push,
    and again when a commit changes the place; remotes that you added in this clone need it not.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_trust(project, name)
    session.show("remote-trust", result, trust_page)


@verb("default", example="weft remote default backup", group=command)
@click.argument("name", shell_complete=complete_remotes)
@pass_session
def default(session: Session, name: str) -> None:
    """Choose the remote that is used when none is named."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_default(project, name)
    session.show("remote", result, changed_remotes_page)


@verb("remove", example="weft remote remove backup", group=command)
@click.argument("name", shell_complete=complete_remotes)
@pass_session
def remove(session: Session, name: str) -> None:
    """Forget a remote; what it holds stays there."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_remove(project, name)
    session.show("remote", result, changed_remotes_page)


@verb("check", example="weft remote check origin", codes={6: "a probe fails"}, group=command)
@click.argument("name", default="", shell_complete=complete_remotes)
@pass_session
def check(session: Session, name: str) -> int:
    """Probe a remote: reachability, credentials, conditional writes, clock."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = remotes.remote_check(project, name)
    session.show("remote-check", result, check_page)
    return ExitCode.OK if result.ok else ExitCode.ENVIRONMENT
