"""Dropping roots of one repository from a remote, because its owner says so: nothing else ever drops a root."""

from __future__ import annotations

from collections.abc import Set

from weft.errors import GcRefused
from weft.formats import session as session_format
from weft.objects.gc_look import server_time
from weft.objects.remote import RemoteStore
from weft.objects.remote_keys import root_of

MOST = 0.5
"""More than this share of the roots has to be allowed explicitly."""


def forget_roots(
    remote: RemoteStore, keep: Set[str], older: float, *, most: bool = False, dry_run: bool = False
) -> tuple[str, ...]:
    """Remove the roots of this repository whose data is not among ``keep`` (oids in hex, whatever the layout) and that
    are older than ``older`` seconds by the remote's clock; return their keys. Their packs become garbage.

    Raises ``GcRefused`` when that is more than half of the roots and not ``most``, ``ClockSkew``, network errors.
    """
    remote.connect(role="gc")
    prefix = remote.root_key("")
    with remote.session(session_format.GC) as session:
        now = server_time(remote, session.key)
        roots = [stat for stat in remote.storage.list(prefix) if root_of(stat.key)]
    gone = [
        stat.key
        for stat in roots
        if root_of(stat.key)[:64] not in keep and stat.modified and now - stat.modified > older
    ]
    if len(gone) > MOST * len(roots) and not most:
        raise GcRefused(
            f"{len(gone)} of {len(roots)} roots on {remote.storage.name} would go, which is more than half",
            hint="`git fetch --all --tags` first, for this clone may lack branches; then allow it with --most",
        )
    for key in () if dry_run else gone:
        remote.storage.delete(key)
        remote.catalog.rows("DELETE FROM roots_seen WHERE place = ? AND name = ?", (remote.place, key[len(prefix) :]))
    return tuple(sorted(gone))
