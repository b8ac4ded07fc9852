"""Bringing single objects back from a remote, whichever pointers they belong to."""

from __future__ import annotations

from collections.abc import Set

from weft.errors import WeftError
from weft.model.oid import Oid
from weft.objects.pack_check import BAD_COPY
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.util.progress import Progress


def refetch(remote: RemoteStore, store: LocalStore, oids: Set[Oid], progress: Progress) -> list[WeftError]:
    """Bring those of ``oids`` into the local store that the remote holds and that are what their names say.

    Returns what was wrong with the others. Raises what a remote raises that cannot be asked.
    """
    faults: list[WeftError] = []
    left = set(oids)
    with Receiver(remote, store, (), progress) as receiver:
        while left:
            try:
                receiver.ensure(left, None)
                break
            except BAD_COPY as error:
                faults.append(error)
                gone = left & receiver.absent
                if not gone:
                    break
                left -= gone
    return faults
