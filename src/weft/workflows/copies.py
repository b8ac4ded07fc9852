"""The whole files that a store keeps for links: ``verify`` proves them, ``gc`` drops those that nothing is linked to."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator

from weft.errors import HashMismatch
from weft.model.oid import Oid
from weft.objects.copies import is_sealed
from weft.objects.unpacked import Copy, Unpacked
from weft.workflows.gc_results import Dropped
from weft.workflows.project import Project
from weft.workflows.results import Finding
from weft.workspace.linked import symbolic_links

UNLINKED = "unlinked"
"""Reason: a whole file that nothing links to; the packs have its bytes."""


def check_copies(project: Project, *, read: bool) -> Iterator[Finding]:
    """Put aside the copies that have other bytes than their names say. Without ``read`` only those that lost their seal are
    read."""
    copies = Unpacked(project.store)
    for copy in list(copies.all()):
        if is_sealed(copy.info, copy.oid) and not read:
            continue
        if not copies.heal(copy.path, copy.oid, trust=False):
            target = copies.set_aside(copy.path)
            yield Finding(
                HashMismatch.code,
                f"a file that others may link to was changed in place: {copy.path}, now {target}",
                str(copy.oid),
                hint="weft status, in every work tree that uses this store, then weft checkout --force PATH",
            )


def drop_copies(project: Project, *, dry_run: bool, only: Container[Oid] | None = None) -> tuple[Dropped, ...]:
    """Drop the copies that no file is linked to, or ``only`` those of some contents.

    The caller holds the store's lock alone, unless nothing is to be dropped.

    Symbolic links are looked for in the work trees that noted to have some.
    """
    copies = Unpacked(project.store)
    chosen = (copy for copy in copies.all() if only is None or copy.oid in only)
    spare = [copy for copy in chosen if copy.info.st_nlink == 1 and _as_made(copy)]
    used = symbolic_links(project.store) if spare else set()
    gone = [copy for copy in spare if copy.path not in used]
    for copy in () if dry_run else gone:
        copies.remove(copy)
    return tuple(Dropped(os.path.basename(copy.path), copy.info.st_size, UNLINKED) for copy in gone)


def _as_made(copy: Copy) -> bool:
    """What was changed in place may be the only one of its bytes."""
    return is_sealed(copy.info, copy.oid)
