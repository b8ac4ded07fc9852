"""What ``weft doctor`` sees of the local store: its directory, the catalog, what was set aside, which data is here."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress

from weft.errors import WeftError
from weft.gitio import trees
from weft.gitio.repo import GitRepo
from weft.model.config import Config
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects import quarantine
from weft.objects.catalog import LOCAL
from weft.objects.catalog_check import fault_of
from weft.objects.catalog_db import look_at
from weft.objects.quarantine_log import kept
from weft.objects.sharing import sharing_of
from weft.objects.verify import Level, verify_store
from weft.util.humanize import count_text, size_text
from weft.workflows.lost import among, needed_frames
from weft.workflows.project import Project, state_dir
from weft.workflows.results import Probe

LOW_SPACE = 1 << 30
_SHOWN = 5


def before(git: GitRepo, config: Config) -> Iterator[Probe]:
    """The store and the catalog as they are before anything opens them. A failure means that they must not be opened."""
    state = state_dir(git)
    root = os.path.join(git.root, config.store_dir or os.path.join(state, "store"))
    catalog = os.path.join(state, "catalog.sqlite")
    if not os.path.isdir(root):
        yield from _no_store(git, config, root, known=os.path.lexists(catalog))
    else:
        yield from _permissions(root)
    problem = look_at(catalog) if os.access(state, os.W_OK, effective_ids=True) else None
    if problem:
        yield Probe(
            "catalog",
            "warn",
            f"{catalog} {problem}. It is a cache, no data is lost: it was made again from the packs just now",
            f"rm {catalog}.damaged-*, once you do not want to look at it",
        )
    elif old := glob.glob(f"{glob.escape(catalog)}.damaged-*"):
        size = size_text(sum(os.lstat(path).st_size for path in old))
        yield Probe("catalog", "note", f"{size} are left of a catalog that was damaged", f"rm {catalog}.damaged-*")


def _no_store(git: GitRepo, config: Config, root: str, *, known: bool) -> Iterator[Probe]:
    if config.store_dir:
        words = f"the store that store.dir names is not there: {root}"
        yield Probe("store", "fail", words, "mount its disk; or weft config unset --private store.dir")
    elif known and trees.pointer_files(git):
        words = (
            f"the local store is gone: {root}. What was pushed comes back; what is in the workspace can be added again"
        )
        yield Probe(
            "store", "warn", words, "weft fetch; then weft verify --remote --repair, which takes from the workspace"
        )


def _permissions(root: str) -> Iterator[Probe]:
    for path in (root, *(os.path.join(root, name) for name in ("packs", "tmp", "quarantine"))):
        if os.path.isdir(path) and not os.access(path, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            words = f"you cannot write to {path}, which belongs to user {os.stat(path).st_uid}"
            hint = "have its owner run weft init --shared, or take it over: sudo chown -R $(id -u) " + root
            yield Probe("store", "fail", words, hint)
            return
    owner = os.stat(root).st_uid
    if owner not in (os.geteuid(), 0) and sharing_of(root) is None:
        words = f"the store at {root} belongs to user {owner}: all that is read from it is hashed each time"
        yield Probe("store", "warn", words, "a store of your own: weft config unset --private store.dir")


def packs(project: Project) -> Iterator[Probe]:
    """What the catalog and the names on disk contradict each other in, and damage inside the catalog."""
    why = fault_of(project.catalog)
    if why:
        project.store.rebuild_catalog(why)
        path = project.catalog.path
        words = f"{path} was damaged: {why}. It is a cache, no data is lost: it was made again from the packs just now"
        yield Probe("catalog", "warn", words, f"rm {path}.damaged-*, once you do not want to look at it")
    held = project.catalog.packs(LOCAL)
    damaged = [problem for problem in verify_store(project.store, Level.QUICK) if problem.damaged]
    if damaged:
        words = f"{count_text(len(damaged), 'pack')} gone or damaged, such as {damaged[0].path}: {damaged[0].message}"
        yield Probe("store", "fail", words, "weft verify --repair")
    else:
        total = size_text(sum(held.values()))
        yield Probe("store", "ok", f"{count_text(len(held), 'pack')}, {total}, at {project.store.root}")


def quarantined(project: Project, pointers: Mapping[str, Pointer]) -> Iterator[Probe]:
    """What was set aside, and whether anything is still lost with it; nothing when there is nothing."""
    files = kept(project.store.root)
    lost, gone = quarantine.lost(project.store), quarantine.gone(project.store)
    if gone:
        lost = (lost - gone) | among(gone, _needs(project, pointers))
    if lost:
        words = f"{count_text(len(lost), 'object')} lost to damage, and not brought back yet"
        yield Probe("quarantine", "fail", words, "weft verify --repair")
    elif files:
        words = f"{count_text(len(files), 'file')} set aside; nothing that they held is lost"
        yield Probe(
            "quarantine", "note", words, "weft verify --quarantine shows why; weft verify --purge 30 deletes old ones"
        )


def _needs(project: Project, pointers: Mapping[str, Pointer]) -> Iterator[Set[Oid]]:
    for pointer in pointers.values():
        with suppress(WeftError):  # damage has a line of its own
            yield needed_frames(project, pointer)


def data(project: Project, pointers: Mapping[str, Pointer]) -> Iterator[Probe]:
    """Tracked paths whose data is not here, and the command that brings it; nothing when all is."""
    recipes = project.catalog.recipes_for(pointer.oid for pointer in pointers.values())
    roots = {path: recipes.get(pointer.oid, pointer.oid) for path, pointer in pointers.items()}
    gone = project.store.missing(roots.values())
    absent = [path for path, oid in roots.items() if oid in gone]
    unwritten = [path for path in roots if path not in absent and not os.path.lexists(os.path.join(project.root, path))]
    if absent:
        yield Probe("data", "note", f"not in the local store: {_listed(absent)}", _command("weft pull", absent))
    if unwritten:
        yield Probe("data", "note", f"not in the workspace: {_listed(unwritten)}", _command("weft checkout", unwritten))


def disk(project: Project) -> Iterator[Probe]:
    """Space for the work tree and for the store."""
    places = {os.stat(path).st_dev: path for path in (project.store.root, project.root)}
    for path in places.values():
        free = shutil.disk_usage(path).free
        if free > LOW_SPACE:
            yield Probe("disk", "ok", f"{size_text(free)} free")
        else:
            yield Probe("disk", "warn", f"only {size_text(free)} free at {path}", "weft gc --dry-run tells what can go")


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _command(verb: str, paths: list[str]) -> str:
    return f"{verb} {' '.join(paths)}" if len(paths) <= _SHOWN else verb
