"""An opened repository: a frozen bundle of its parts. It has no verbs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weft.errors import CatalogDamaged, IntegrityError, NotARepository, StaleWorkspace, WeftError
from weft.formats import config as config_format
from weft.gitio.repo import GitRepo, discover
from weft.gitio.trees import staged_file
from weft.model.config import Config
from weft.model.oid import Oid
from weft.model.paths import CONFIG_PATH
from weft.model.remote import NOTHING, Trust
from weft.objects import store_folder
from weft.objects.catalog import Catalog
from weft.objects.copies import copies_dir
from weft.objects.store import LocalStore, open_store
from weft.util.dirfd import refuse_link
from weft.util.later import later
from weft.util.locks import FileLock
from weft.util.progress import Progress, SilentProgress
from weft.workflows.files import read_below
from weft.workspace.statcache import StatCache

if TYPE_CHECKING:
    import shutil
    import tempfile

    from weft.objects import catalog_check, sharing
    from weft.util import humanize
else:
    shutil = later("shutil")
    tempfile = later("tempfile")
    catalog_check = later("weft.objects.catalog_check")
    sharing = later("weft.objects.sharing")
    humanize = later("weft.util.humanize")

CONFIG_LIMIT = 1 << 20
CATALOG = "catalog.sqlite"
"""The file of the catalog in the state directory."""
LOCKS_COPY = "locks.json"
"""The file in the state directory that has the locks of paths, as this clone last saw them."""
_STATE = "weft"


@dataclass(frozen=True, slots=True)
class Project:
    """The opened parts of one repository.

    ``cwd`` is the directory that relative paths of the user start from, absolute and without links; ``config`` is the
    committed configuration overlaid with the private one; ``trust`` is what the user says of the places that it names.
    """

    git: GitRepo
    cwd: str
    config: Config
    catalog: Catalog
    store: LocalStore
    cache: StatCache
    progress: Progress
    trust: Trust = NOTHING

    @property
    def root(self) -> str:
        """Top of the work tree."""
        return self.git.root


def state_dir(git: GitRepo) -> str:
    """Where this clone keeps its own state: never committed, shared by its work trees. Raises ``SymlinkRefused``."""
    path = os.path.join(git.common_dir, _STATE)
    if os.path.islink(path):
        raise refuse_link(path)
    return path


def config_place(git: GitRepo, *, private: bool) -> tuple[str, str]:
    """The configuration of all clones, or the ``private`` one of this clone: a directory, and the path of the file below
    it."""
    return (git.common_dir, f"{_STATE}/config.yaml") if private else (git.root, CONFIG_PATH)


def committed_config(git: GitRepo) -> bytes | None:
    """The committed configuration: of the work tree, or of the index where it is not there, as in a sparse checkout; None
    when neither has one."""
    data = read_below(*config_place(git, private=False), CONFIG_LIMIT)
    return staged_file(git, CONFIG_PATH, CONFIG_LIMIT) if data is None else data


def private_config(git: GitRepo) -> bytes | None:
    """The private configuration; None where there is none, and of a foreign repository: nothing of it is this user's."""
    return None if git.foreign else read_below(*config_place(git, private=True), CONFIG_LIMIT)


def read_config(git: GitRepo) -> Config:
    """Read the committed configuration and lay the private one over it.

    Raises ``NotARepository`` with the hint ``weft init`` when there is no committed one.
    """
    data = committed_config(git)
    if data is None:
        raise NotARepository(
            "this Git repository is no weft project yet: it has no .weft/config.yaml",
            hint="weft init",
            path=git.root,
        )
    committed = config_format.decode(data, committed=True)
    private = private_config(git)
    if private is None:
        return committed
    return config_format.merge(committed, config_format.decode(private, committed=False))


def tree_id(git: GitRepo) -> int:
    """A number for this work tree, so that several of one clone can share a catalog."""
    return int.from_bytes(Oid.of(os.fsencode(git.root))[:6], "little")


def alone(project: Project, purpose: str, timeout: float = 60.0) -> FileLock:
    """A lock for whoever changes pointers or data of this work tree; others wait ``timeout`` seconds, then say for whom."""
    return tree_lock(project.git, purpose, timeout, project.progress)


def tree_lock(git: GitRepo, purpose: str, timeout: float = 60.0, progress: Progress | None = None) -> FileLock:
    """``alone`` for any work tree of a clone; ``progress`` is told of a wait."""
    path = os.path.join(state_dir(git), f"tree-{tree_id(git):x}.lock")
    return FileLock(path, purpose=purpose, timeout=timeout, progress=progress)


def share_store(root: str, kind: str, progress: Progress) -> None:
    """Share the store with its group, as the configuration wants it; a warning counts what is another user's.

    Raises ``PermissionFault`` when the directory itself is, ``DirectoryRefused`` when it is no store.
    """
    store_folder.refuse_foreign(root)
    left = sharing.share(root, kind)
    if left:
        progress.warn(
            f"{humanize.count_text(left, 'file')} in {root} are another user's, who has to run: weft init --shared"
        )


@contextmanager
def open_project(start: str, progress: Progress | None = None, trust: Trust = NOTHING) -> Iterator[Project]:
    """Open the project that ``start`` lies in and close it on leaving.

    Raises ``NotARepository``, the refusals of the configuration, and what the catalog and the store raise. An error that may
    come of wrong rows in the catalog has it looked through: a damaged one is made again, and ``CatalogDamaged`` says so.
    """
    listener = progress or SilentProgress()
    git = replace(discover(start), foreign=trust.foreign)
    config = read_config(git)
    with _writable_place(state_dir(git)) as place:
        root = _store_root(git, config, place)
        if config.store_shared and place == state_dir(git) and sharing.sharing_of(root) is None:
            share_store(root, config.store_shared, listener)
        with _opened(git, start, config, (root, os.path.join(place, CATALOG)), listener, trust) as project:
            yield project


@contextmanager
def _opened(
    git: GitRepo, start: str, config: Config, places: tuple[str, str], listener: Progress, trust: Trust
) -> Iterator[Project]:
    """The project with the store and the catalog at ``places``."""
    root, catalog_path = places
    store = open_store(root, catalog_path, config.chunker, listener)
    try:
        yield Project(
            git=git,
            cwd=os.path.realpath(start),
            config=config,
            catalog=store.catalog,
            store=store,
            cache=StatCache(store.catalog, tree_id(git), copies_dir(store.root), git.root),
            progress=listener,
            trust=trust,
        )
    except BaseException as error:
        if _may_come_of_the_catalog(error) and (why := catalog_check.fault_of(store.catalog)):
            store.rebuild_catalog(why)
            raise CatalogDamaged(
                f"the catalog was damaged ({why}), and was made again from the packs: {catalog_path}",
                hint="run the command again",
                path=catalog_path,
            ) from error
        raise
    finally:
        store.close()


@contextmanager
def _writable_place(state: str) -> Iterator[str]:
    """The directory ``state``, or where nobody may write to it a new one with a copy of the catalog: also to look at
    something rows are noted. It is gone afterwards, and what would change more finds ``state`` itself and is refused."""
    there = state
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    if os.access(there, os.W_OK | os.X_OK):
        os.makedirs(state, exist_ok=True)
        yield state
        return
    with tempfile.TemporaryDirectory(prefix="weft-") as place:
        for name in (CATALOG, CATALOG + "-wal", CATALOG + "-journal"):
            with suppress(OSError):  # without them it is made again from the packs
                shutil.copyfile(os.path.join(state, name), os.path.join(place, name))
        yield place


def _store_root(git: GitRepo, config: Config, place: str) -> str:
    """Where the store is; an empty one in ``place`` where there is none yet and none can be made."""
    usual = os.path.join(git.root, config.store_dir or os.path.join(state_dir(git), "store"))
    return usual if place == state_dir(git) or os.path.isdir(usual) else os.path.join(place, "store")


def _may_come_of_the_catalog(error: BaseException) -> bool:
    """Whether wrong rows of the catalog can have led to an error: to a typed one, or to one that should not be."""
    if isinstance(error, WeftError):
        return isinstance(error, IntegrityError | StaleWorkspace) or isinstance(error.__cause__, sqlite3.Error)
    return isinstance(error, Exception) and not isinstance(error, OSError)
