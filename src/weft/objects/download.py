"""Fetching: from pointers to a local store that holds what they need, every byte of it proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from weft.errors import NotOnRemote, WeftError
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.reachability import Closure, Walker
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.util.progress import Progress


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """What was fetched: whole packs, objects and bytes that came from the remote."""

    pointers: tuple[str, ...]
    packs: int = 0
    objects: int = 0
    received_bytes: int = 0


def fetch(
    remote: RemoteStore,
    store: LocalStore,
    pointers: Mapping[str, Pointer],
    subpaths: Mapping[str, Sequence[str] | None] | None = None,
    progress: Progress | None = None,
    *,
    content: bool = True,
) -> FetchOutcome:
    """Bring what ``pointers`` (by tracked path) need into the local store; no request is made when it is there.

    ``subpaths`` names, for some of the paths, the only parts below that are wanted. Without ``content`` only manifests
    and layouts come. Raises ``NotOnRemote`` naming the paths, ``RemoteIdentity``, the integrity error of bytes of which
    no good copy was found, ``NoSuchPath`` for a subpath that is not in the data.
    """
    parts = subpaths or {}
    with Receiver(remote, store, list(pointers.values()), progress) as receiver:
        walker = Walker(receiver)
        for path, pointer in pointers.items():
            try:
                walker.add(pointer, parts.get(path), content=content)
            except WeftError as error:
                _tell(error, remote, [path])
                raise
        try:
            _fetch_frames(receiver, walker.closure)
        except WeftError as error:
            absent = receiver.absent
            _tell(error, remote, _needing(absent, pointers, parts, receiver) if absent else [])
            raise
    return FetchOutcome(tuple(pointers), receiver.packs, receiver.objects, receiver.received)


def fetch_manifests(
    remote: RemoteStore, store: LocalStore, pointers: Mapping[str, Pointer], progress: Progress | None = None
) -> FetchOutcome:
    """``fetch`` of manifests and layouts only, to list a directory or to add to it."""
    return fetch(remote, store, pointers, None, progress, content=False)


def fetch_content(
    remote: RemoteStore,
    store: LocalStore,
    pointer: Pointer,
    contents: Mapping[Oid, int],
    progress: Progress | None = None,
) -> FetchOutcome:
    """Bring single files (oid to size in bytes) below ``pointer`` into the local store. Raises as ``fetch`` does."""
    with Receiver(remote, store, [pointer], progress) as receiver:
        walker = Walker(receiver)
        try:
            walker.add_contents(pointer.layout, contents)
            _fetch_frames(receiver, walker.closure)
        except WeftError as error:
            _tell(error, remote, [pointer.path])
            raise
    return FetchOutcome((pointer.path,), receiver.packs, receiver.objects, receiver.received)


def _fetch_frames(receiver: Receiver, closure: Closure) -> None:
    for kind in Kind:
        receiver.ensure(closure.frames(kind), kind, closure.contents if kind is Kind.CHUNK else None)


def _needing(
    absent: Set[Oid],
    pointers: Mapping[str, Pointer],
    parts: Mapping[str, Sequence[str] | None],
    receiver: Receiver,
) -> list[str]:
    """The paths whose data is not complete."""
    found = []
    for path, pointer in pointers.items():
        walker = Walker(receiver)
        walker.add(pointer, parts.get(path))
        if walker.closure.all_frames() & absent:
            found.append(path)
    return found


def _tell(error: WeftError, remote: RemoteStore, paths: Sequence[str]) -> None:
    """Let an error name the tracked paths that it is about."""
    if paths and isinstance(error, NotOnRemote):
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        error.message = f"{remote.storage.name} does not hold all data of {', '.join(paths[:3])}{more}"
        error.args = (error.message,)
        error.hint = error.hint or "run `weft push` in a clone that has it"
    if paths and not error.path:
        error.path = paths[0]
