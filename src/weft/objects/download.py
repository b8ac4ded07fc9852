"""Fetching: from pointers to a local store that holds what they need, every byte of it proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weft.errors import NotOnRemote, WeftError
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.pack_check import BAD_COPY
from weft.objects.proofs import note_pairs
from weft.objects.reachability import Closure, Walker
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.util.progress import Progress


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """What was fetched: whole packs, objects and bytes that came from the remote.

    ``pointers`` are the tracked paths that came whole; ``fault`` is one error for all others.
    """

    pointers: tuple[str, ...]
    packs: int = 0
    objects: int = 0
    received_bytes: int = 0
    fault: WeftError | None = None


def fetch_some(
    remote: RemoteStore,
    store: LocalStore,
    pointers: Mapping[str, Pointer],
    subpaths: Mapping[str, Sequence[str] | None] | None = None,
    progress: Progress | None = None,
    *,
    content: bool = True,
) -> FetchOutcome:
    """``fetch``, but what one pointer lacks is told in the outcome and not raised."""
    parts = subpaths or {}
    with Receiver(remote, store, list(pointers.values()), progress) as receiver:
        try:
            walker = Walker(receiver)
            for path, pointer in pointers.items():
                walker.add(pointer, parts.get(path), content=content)
            _fetch_frames(receiver, walker.closure)
            note_pairs(store.catalog, walker.closure.pairs())
            faults: dict[str, WeftError] = {}
        except BAD_COPY as error:
            # All of them at once share what they have in common; one by one tells which of them it is.
            alone = len(pointers) == 1
            faults = (
                dict.fromkeys(pointers, error)
                if alone
                else _fetch_each(receiver, store, pointers, parts, content=content)
            )
    whole = tuple(path for path in pointers if path not in faults)
    fault = _together(faults, remote) if faults else None
    return FetchOutcome(whole, receiver.packs, receiver.objects, receiver.received, fault)


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
    and layouts come. What cannot be had of one pointer does not keep the others from coming. Raises ``NotOnRemote`` naming
    the paths, ``RemoteIdentity``, the integrity error of bytes of which no good copy was found, ``NoSuchPath`` for a subpath
    that is not in the data.
    """
    done = fetch_some(remote, store, pointers, subpaths, progress, content=content)
    if done.fault is not None:
        raise done.fault
    return done


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
            note_pairs(store.catalog, walker.closure.pairs())
        except WeftError as error:
            _tell(error, remote, [pointer.path])
            raise
    return FetchOutcome((pointer.path,), receiver.packs, receiver.objects, receiver.received)


def _fetch_frames(receiver: Receiver, closure: Closure) -> None:
    for kind in Kind:
        receiver.ensure(closure.frames(kind), kind, closure.contents if kind is Kind.CHUNK else None)


def _fetch_each(
    receiver: Receiver,
    store: LocalStore,
    pointers: Mapping[str, Pointer],
    parts: Mapping[str, Sequence[str] | None],
    *,
    content: bool,
) -> dict[str, WeftError]:
    """Fetch one pointer after the other; what was wrong with those that did not come whole, by tracked path."""
    faults: dict[str, WeftError] = {}
    for path, pointer in pointers.items():
        walker = Walker(receiver)
        try:
            walker.add(pointer, parts.get(path), content=content)
            _fetch_frames(receiver, walker.closure)
            note_pairs(store.catalog, walker.closure.pairs())
        except BAD_COPY as error:
            faults[path] = error
    return faults


def _together(faults: Mapping[str, WeftError], remote: RemoteStore) -> WeftError:
    """One error for all: the first that is more than an absence, naming every path."""
    lies = {path: error for path, error in faults.items() if not isinstance(error, NotOnRemote)}
    if not lies:
        error = next(iter(faults.values()))
        _tell(error, remote, list(faults))
        return error
    path, error = next(iter(lies.items()))
    others = [other for other in faults if other != path]
    if len(faults) > 1:
        error.message = f"{path}: {error.message}; nor is all data of {', '.join(others)} to be had"
        error.args = (error.message,)
    error.path = error.path or path
    return error


def _tell(error: WeftError, remote: RemoteStore, paths: Sequence[str]) -> None:
    """Let an error name the tracked paths that it is about."""
    if paths and isinstance(error, NotOnRemote):
        error.message = f"{remote.storage.name} does not hold all data of {', '.join(paths)}"
        error.args = (error.message,)
        error.hint = error.hint or "run `weft push` in a clone that has it"
    if paths and not error.path:
        error.path = paths[0]
