"""What stands for a pointer in ``git diff``, ``git log -p`` and ``git show``: a summary, and what the directory holds.

Git asks for one side at a time and compares the texts line by line, so the same pointer always gives the same lines, and
the lines of two versions differ only where the data does. Only what is on this machine is asked.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft.errors import WeftError
from weft.formats import pointer as pointer_format
from weft.model.pointer import SUFFIX, Pointer
from weft.util.later import later

if TYPE_CHECKING:
    from weft.formats import manifest
    from weft.gitio import repo
    from weft.model import oid as oids
    from weft.model.entry import Entry
    from weft.model.manifest import Manifest
    from weft.model.oid import Oid
    from weft.objects import catalog
    from weft.workflows import project as projects
    from weft.workflows.project import Project
else:
    catalog = later("weft.objects.catalog")
    manifest = later("weft.formats.manifest")
    oids = later("weft.model.oid")
    repo = later("weft.gitio.repo")
    projects = later("weft.workflows.project")

LISTED = 2_000
"""Most entries that are listed."""
# A directory of some hundred thousand files. Reading a longer one would make `git log -p` wait.
_MANIFEST_BYTES = 16 << 20
_DIR = "d"

Listing = list[tuple[str, "Entry"]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A pointer file to be shown.

    ``data`` are its bytes, ``pointer`` what they say: None when they are no valid pointer, and are shown as they are.
    ``listing`` has the paths below a directory with what is there, in the order of the paths, None when it is not known
    here; ``more`` is the number of entries of the directory itself that are not listed. A directory whose own entries
    are not listed stands in it as one entry.
    """

    data: bytes
    pointer: Pointer | None = None
    listing: tuple[tuple[str, Entry], ...] | None = None
    more: int = 0


def shown(start: str, path: str) -> Shown:
    """Read the pointer in the file ``path``, which may be a temporary one that Git made, for the repository at ``start``.

    Never raises for what is in the file. Raises ``OSError`` when it cannot be read.
    """
    with open(path, "rb") as stream:
        data = stream.read()
    pointer = _pointer(data, os.path.basename(path))
    if pointer is None or not pointer.is_dir:
        return Shown(data, pointer)
    try:
        found = _listing(start, pointer)
    except (WeftError, OSError):
        # No store, a damaged one, or one of somebody else: the summary needs none.
        found = None
    if found is None:
        return Shown(data, pointer)
    return Shown(data, pointer, tuple(found[:LISTED]), max(0, len(found) - LISTED))


def _pointer(data: bytes, name: str) -> Pointer | None:
    # Git names its temporary file after the blob's; older ones put a random word and an underscore before it.
    for known in (name, name.partition("_")[2]):
        if known.endswith(SUFFIX):
            with suppress(WeftError):
                return pointer_format.decode(data, name=known)
    return None


def _listing(start: str, pointer: Pointer) -> Listing | None:
    """What the directory holds; None when that is not here."""
    git = repo.discover(start)
    # Opening a project makes its store. To look at a diff must not leave anything behind.
    if not os.path.exists(os.path.join(projects.state_dir(git), "catalog.sqlite")):
        return None
    with projects.open_project(start) as project:
        root = _read(project, pointer, pointer.oid)
        return None if root is None else _levels(project, pointer, root)


def _levels(project: Project, pointer: Pointer, root: Manifest) -> Listing:
    """Directories are opened level by level, each level whole or not at all.

    So a change anywhere changes a line, of the file itself or of a directory above it, and adding one file does not
    change which others are listed.
    """
    listing: Listing = [(entry.name, entry) for entry in root.entries]
    while len(listing) <= LISTED:
        opened: Listing = []
        grown = False
        for path, entry in listing:
            below = None
            # What is listed of a directory that was opened is told from one that is closed by what follows it.
            if entry.type == _DIR and len(opened) <= LISTED:
                below = _read(project, pointer, entry.oid)
            if below is None or (entry.type == _DIR and not below.entries):
                opened.append((path, entry))
            else:
                grown = True
                opened += [(f"{path}/{child.name}", child) for child in below.entries]
        if not grown or len(opened) > LISTED:
            break
        listing = opened
    return listing


def _read(project: Project, pointer: Pointer, oid: Oid) -> Manifest | None:
    """The manifest ``oid`` from the local store, None when it is not there or too long to be shown."""
    if pointer.layout is None and project.catalog.missing((oid,), catalog.LOCAL):
        return None
    layout = project.store.layout(pointer.layout) if pointer.layout else None
    try:
        data = project.store.read_object(oid, oids.Kind.MANIFEST, layout, limit=_MANIFEST_BYTES)
    except WeftError:
        return None
    return manifest.decode(data)
