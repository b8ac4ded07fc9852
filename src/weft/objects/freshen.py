"""Letting packs count as written now: what a collection may drop is judged by when somebody last relied on it.

Whoever stores bytes, or replaces a file because its bytes are stored, may find them in a pack that nothing leads to. A
pack as old as its first writing could be dropped an hour later, so it gets a new time, as an object of Git's does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress

from weft.model.oid import Oid
from weft.objects.catalog import Catalog
from weft.objects.packfiles import PackFiles

FRESH = 86400.0
"""A pack written less than so many seconds ago stays as it is: nothing is dropped so soon."""
_STEP = 500


def freshen(files: PackFiles, catalog: Catalog, packs: Iterable[int]) -> list[Oid]:
    """Let the ``packs``, by their numbers in the catalog, count as written now: one look at each, one write for an old one.
    Returns the names of those that nobody may rely on, for they are gone or have another size.

    A pack of another user keeps its time: in a store that is shared nothing is dropped as long as somebody else may need it.
    """
    lost: list[Oid] = []
    numbers = sorted(packs)
    for start in range(0, len(numbers), _STEP):
        some = numbers[start : start + _STEP]
        marks = ",".join("?" * len(some))
        rows = catalog.rows(f"SELECT name, size FROM packs WHERE id IN ({marks})", some)  # noqa: S608 (marks only)
        for name, size in rows:
            path = files.path(Oid(name))
            try:
                found = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                lost.append(Oid(name))
                continue
            if found.st_size != size:
                lost.append(Oid(name))
            elif time.time() - found.st_mtime > FRESH:
                with suppress(FileNotFoundError, PermissionError):
                    os.utime(path, follow_symlinks=False)
    return lost
