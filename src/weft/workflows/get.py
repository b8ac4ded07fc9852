"""``weft get``: copy data out of any weft repository, into or outside of another one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Literal
from urllib.parse import unquote

from weft.errors import (
    CredentialFault,
    GitFailed,
    NoRemote,
    NotARepository,
    NotTracked,
    PermissionFault,
    UnsavedChanges,
    UntrustedConfig,
    UntrustedRemote,
    quoted,
)
from weft.gitio import trees
from weft.gitio.kept import tree_paths
from weft.gitio.repo import SAFELY, GitRepo, discover, find_git, git_failed
from weft.model.entry import DIR, EXEC, Entry
from weft.model.oid import Oid
from weft.model.paths import CONFIG_PATH
from weft.model.pointer import Pointer
from weft.model.remote import NOTHING, Trust
from weft.util.atomic import os_errors
from weft.util.progress import Progress
from weft.util.subproc import run
from weft.workflows.checkout import save_replaced
from weft.workflows.fetch import fetch_content, fetch_metadata
from weft.workflows.look import find_entry
from weft.workflows.project import Project, committed_config, open_project
from weft.workflows.results import GetResult
from weft.workflows.targets import Target, pick, repo_path, revision_pointers
from weft.workspace.materialize import materialize
from weft.workspace.plan_checkout import CheckoutRequest, plan_checkout
from weft.workspace.saved import Saved
from weft.workspace.scan import scan_tree
from weft.workspace.statcache import StatCache
from weft.workspace.walk import manifest_reader


def get(
    url: str,
    rev: str,
    path: str,
    destination: str = "",
    *,
    force: bool = False,
    trust: Trust = NOTHING,
    progress: Progress | None = None,
) -> GetResult:
    """Write the data at ``path`` of revision ``rev`` (HEAD when empty) of the repository ``url`` to ``destination``.

    ``url`` is a local repository or anything Git can clone; ``destination`` is a new path, by default the name of the
    data here. With ``force`` files there are replaced; inside a project their bytes go into its store first, elsewhere what
    stands there is moved aside. ``trust`` decides whether credentials go to the remote that the repository names, and
    whether its private configuration counts; that of the repository around the user does. Raises ``NotTracked``,
    ``UnsavedChanges`` when something stands there, ``GitFailed``, and what fetching and writing raise.
    """
    if trust.foreign and _is_around(url):
        trust = replace(trust, foreign=False)
    with _hint_at_trust(trust, url, f"{rev}:{path}" if rev else path), _opened(url, progress, trust) as project:
        commit = trees.resolve(project.git, rev or "HEAD")
        place = repo_path(project, os.path.join(project.root, path))
        pointers = revision_pointers(project, commit)
        pointers.refuse(place)
        found = pick(pointers, place)
        if len(found) != 1 or (found[0].path != place and not found[0].subpaths):
            raise NotTracked(
                f"{path} is not tracked in {rev or 'HEAD'} of {url}", hint="weft ls REV: in a clone of it", path=path
            )
        entry = _entry_at(project, found[0])
        target = _target(destination, os.path.basename(place), entry)
        if os.path.lexists(target) and not force:
            inside = f"weft get -o {destination}/, to put it inside" if destination and os.path.isdir(target) else ""
            hint = f"{inside or 'weft get -o OTHER'}, or --force"
            raise UnsavedChanges(f"{target} is there already", hint=hint, path=target)
        fetch_content(project, found[0])
        pointer = _pointer_of(entry, os.path.basename(target), found[0].pointer.layout)
        return GetResult(url, commit, target, *_write(project, pointer, target))


def _entry_at(project: Project, part: Target) -> Entry:
    """What is asked for, as an entry."""
    if part.pointer.is_dir:
        fetch_metadata(project, [part])
    return find_entry(project, part.pointer, part.subpaths[0] if part.subpaths else "")


def _target(destination: str, name: str, entry: Entry) -> str:
    """Where to write: a file goes into a folder that is there, as ``cp`` does it; a directory where a ``/`` says so, for
    else the same command once more would write it one folder deeper."""
    target = os.path.abspath(destination or name)
    inside = destination and os.path.isdir(target) and (entry.type != DIR or destination.endswith("/"))
    return os.path.join(target, name) if inside else target


def _pointer_of(entry: Entry, name: str, layout: Oid | None) -> Pointer:
    kind: Literal["file", "dir"] = "dir" if entry.type == DIR else "file"
    return Pointer(kind, name, entry.oid, entry.size, entry.files, layout, entry.type == EXEC)


def _write(project: Project, pointer: Pointer, target: str) -> tuple[int, int, tuple[tuple[str, str], ...], str]:
    """Files and bytes written, what of the files in the way was saved (name and oid), and where they were moved."""
    parent, name = os.path.split(target)
    os.makedirs(parent, exist_ok=True)
    aside = ""
    in_the_way = os.path.lexists(target)
    with _around(parent if in_the_way else "") as around:
        if in_the_way and around is None and not os.path.islink(target):
            aside = _move_aside(target)
        unsaved = Saved(around.store, relying=True).unsaved if around is not None else lambda oids: set()
        reader = manifest_reader(project.store, pointer.layout)
        plan = plan_checkout(scan_tree(parent, name), CheckoutRequest(pointer, unsaved, force=True), reader)
        saved = tuple(save_replaced(around.store, {name: plan})) if around is not None else ()
    # What is written here belongs to no work tree: its record goes under a number that none has, and is dropped again.
    cache = StatCache(project.catalog, "get")
    files, size = materialize(plan, project.store, reader, cache, progress=project.progress)
    cache.forget(name)
    return files, size, saved, aside


@contextmanager
def _around(parent: str) -> Iterator[Project | None]:
    """The weft project that a directory ("" for none) lies in, None when it lies in none."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(open_project(parent)) if parent else None
        except NotARepository:
            found = None
        yield found


def _move_aside(target: str) -> str:
    number = 1
    while os.path.lexists(f"{target}.saved-{number}"):
        number += 1
    with os_errors("move aside", target):
        os.rename(target, f"{target}.saved-{number}")
    return f"{target}.saved-{number}"


@contextmanager
def _hint_at_trust(trust: Trust, url: str, what: str) -> Iterator[None]:
    """Say in the hint what would help where a remote wants to know who asks, is none that strangers may name, or is named in
    the private configuration, which is not read."""
    try:
        yield
    except (CredentialFault, PermissionFault, UntrustedConfig, UntrustedRemote, NoRemote) as error:
        if trust.foreign:
            words = f"{quoted(url)} {quoted(what)}"
            error.hint = f"if you trust that repository with your credentials: weft get --trust {words}"
        raise


def _local(url: str) -> str:
    return unquote(url.removeprefix("file://")) if url.startswith("file:///") else url


def _is_around(url: str) -> bool:
    """True for the repository that the user works in, or a work tree of it that it knows: it is no foreign one."""
    try:
        return os.path.isdir(_local(url)) and discover(_local(url)).root in tree_paths(discover("."))
    except (NotARepository, GitFailed):
        return False


def _refuse_borrowed(git: GitRepo) -> None:
    """Refuse a stranger's directory that says its Git directory, with the store in it, is another one on this machine."""
    own = os.path.join(os.path.realpath(git.root), ".git")
    if os.path.islink(own) or not os.path.realpath(git.git_dir) == os.path.realpath(git.common_dir) == own:
        raise UntrustedConfig(f"{git.root} has its Git directory elsewhere, in {git.common_dir}", path=git.root)


@contextmanager
def _opened(url: str, progress: Progress | None, trust: Trust) -> Iterator[Project]:
    """The repository ``url`` itself when it is a local one, so that nothing need be pushed; else a clone that goes away."""
    local = _local(url)
    if os.path.isdir(os.path.join(local, ".weft")):
        if trust.foreign:
            _refuse_borrowed(discover(local))
        with open_project(local, progress, trust) as project:
            yield project
        return
    with tempfile.TemporaryDirectory(prefix="weft-get-") as scratch:
        origin = os.path.abspath(local) if os.path.isdir(local) else url  # Git starts in another directory
        argv = [find_git(), *SAFELY, "clone", "--quiet", "--no-checkout", "--", origin, "clone"]
        done = run(argv, cwd=scratch, check=False)
        if done.returncode:
            raise git_failed(["clone"], done)
        clone = os.path.join(scratch, "clone")
        # The configuration is read from the index: checking anything out would run what the user's Git has for the filters
        # that the attributes of a stranger name.
        run([argv[0], *SAFELY, "read-tree", "HEAD"], cwd=clone, check=False)
        if committed_config(discover(clone)) is None:
            raise GitFailed(f"{url} is no weft project: it has no {CONFIG_PATH}", hint="check the url", path=url)
        with open_project(clone, progress, trust) as project:
            yield project
