"""``weft init``: make a Git repository ready; never a commit."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import replace

from weft.errors import SymlinkRefused, UsageFault, WeftError
from weft.formats import config as config_format
from weft.formats import stagefile
from weft.gitio.attributes import ensure_attributes
from weft.gitio.ignore import ensure_excluded
from weft.gitio.repo import GitRepo, discover
from weft.gitio.staging import stage
from weft.gitio.trees import file_at, head, left_out
from weft.model.config import Config
from weft.model.paths import CONFIG_PATH
from weft.model.remote import RemoteSpec
from weft.model.stage import STAGE_FILE, check_project, stage_file_of
from weft.pipeline.graph import Graph
from weft.util.atomic import TEMP_PREFIX
from weft.util.dirfd import write_below
from weft.util.progress import Progress
from weft.workflows.attributes import ATTRIBUTES, OF_PROJECTS, STAGE_FILE_LINE
from weft.workflows.config import update_private
from weft.workflows.directories import check_store
from weft.workflows.project import (
    CONFIG_LIMIT,
    Project,
    alone,
    committed_config,
    open_project,
    share_store,
)
from weft.workflows.remotes import remote_add
from weft.workflows.results import InitResult
from weft.workflows.stages import stage_file, values_reader
from weft.workflows.targets import path_in

DEFAULT_REMOTE = "origin"


def init(
    start: str,
    *,
    remote: str = "",
    endpoint: str = "",
    store: str = "",
    shared: str = "",
    subdir: bool = False,
    progress: Progress | None = None,
) -> InitResult:
    """Write ``.weft/config.yaml`` and the ``.gitattributes`` lines, and stage them; do nothing twice.

    ``remote`` is the URL of a first remote named ``origin``. ``store`` is the directory where this clone keeps its objects,
    ``shared`` (one of ``weft.model.config.SHARED``) whom it is shared with; both go into the private configuration. With
    ``subdir`` the folder ``start`` is a project with stages of its own. Raises
    ``NotARepository`` outside of Git, ``PermissionFault`` when the store is another user's, and what ``remote_add`` raises:
    then the project itself is ready and only the remote is missing.
    """
    git = discover(start)
    place = check_store(git, start, store) if store else ""
    created = _write_config(git)
    if place or shared:
        _place_store(git, place, shared)
    if not left_out(git, ".gitattributes") and ensure_attributes(git.root, ATTRIBUTES):
        created.append(".gitattributes")
    if created:
        stage(git, created)
    with open_project(git.root, progress) as project:
        if shared:
            share_store(project.store.root, shared, project.progress)
        _hide_temps(project)
        folder, written = _add_project(project, start) if subdir else ("", [])
        created += [path for path in written if path not in created]
        if remote:
            try:
                remote_add(project, RemoteSpec(DEFAULT_REMOTE, remote), endpoint=endpoint)
            except WeftError:
                _tell_ready(project, created)
                raise
        return InitResult(
            root=git.root, repo=project.config.repo, created=tuple(created), remote=remote, project=folder
        )


def _add_project(project: Project, start: str) -> tuple[str, list[str]]:
    """Name the folder ``start`` in the stage file at the top, give it one of its own, and stage both: the folder, and what
    was written. Raises ``UsageFault`` at the top, and the refusals of projects and of the stage files."""
    folder = path_in(project.root, os.path.realpath(start), ".")
    if not folder:
        raise UsageFault(
            "--subdir is for a folder, and this is the top", hint="cd FOLDER, or weft init without --subdir"
        )
    check_project(folder)
    with alone(project, "weft init --subdir"):
        before, own, there = stage_file(project), stage_file(project, folder), values_reader(project)
        known = stagefile.projects(before or b"")
        top = stagefile.with_projects(before, [*known, folder]) if folder not in known else before or b""
        text = f"# Stages of {folder}: paths start here, and names are known elsewhere as {folder}/NAME.\n".encode()
        files = {STAGE_FILE: (before, top), stage_file_of(folder): (own, text if own is None else own)}
        Graph.build(stagefile.decode(top, read=lambda path: files[path][1] if path in files else there(path)))
        written = [path for path, (old, new) in files.items() if old != new]
        for path in written:
            write_below(project.root, path, files[path][1])
        lines = [*OF_PROJECTS, STAGE_FILE_LINE.format(stage_file_of(folder))]
        if not left_out(project.git, ".gitattributes") and ensure_attributes(project.root, lines):
            written.append(".gitattributes")
        stage(project.git, [*files, *written])
    return folder, written


def _tell_ready(project: Project, created: Sequence[str]) -> None:
    """Say what stands although the remote was refused."""
    made = f"; {' and '.join(created)} {'is' if len(created) == 1 else 'are'} written and staged" if created else ""
    project.progress.warn(f"the project is ready, and has no remote yet{made}", "weft remote add origin URL")


def _place_store(git: GitRepo, store: str, shared: str) -> None:
    """Write into the private configuration what is given."""
    update_private(
        git,
        lambda old: replace(old, store_dir=store or old.store_dir, store_shared=shared or old.store_shared),
    )


def _hide_temps(project: Project) -> None:
    """Keep what a killed command may leave from being added by ``git add -A``."""
    try:
        ensure_excluded(project.git, [TEMP_PREFIX + "*"])
    except SymlinkRefused as error:
        project.progress.warn(error.message, f"add {TEMP_PREFIX}* to .gitignore")


def _write_config(git: GitRepo) -> list[str]:
    if os.path.lexists(os.path.join(git.root, CONFIG_PATH)) or left_out(git, CONFIG_PATH):
        return []
    # What was deleted here, or not checked out, comes back: a second id would part this clone from all data of the others.
    commit = head(git)
    known = committed_config(git) or (file_at(git, commit, CONFIG_PATH, CONFIG_LIMIT) if commit else None)
    data = known or config_format.encode(Config(repo=uuid.uuid4().hex), committed=True)
    write_below(git.root, CONFIG_PATH, data)
    return [CONFIG_PATH]
