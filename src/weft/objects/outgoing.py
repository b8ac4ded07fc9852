"""Packs on their way to a remote: local packs as they are, or new ones with frames picked out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from weft.errors import HashMismatch, ObjectMissing, SizeMismatch
from weft.formats.frame import check_frame
from weft.formats.pack import FOOTER_ENTRY, TRAILER_SIZE, decode_footer
from weft.model.entry import RAW, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects import remote_keys as keys
from weft.objects.catalog import LOCAL, Catalog, Location
from weft.objects.pack_check import proof_of
from weft.objects.packer import PackWriter, SealedPack
from weft.objects.packfiles import PackFiles
from weft.objects.remote import RemoteStore
from weft.objects.segments import Listed
from weft.objects.selection import choose, slices
from weft.objects.store import LocalStore
from weft.util.parallel import unordered_map
from weft.util.scratch import scratch_folder


class Parcel(NamedTuple):
    """A pack file to send, and its size in bytes. ``local`` says that it is a pack of the store, not a copy for this push.

    There may be many, so their frames are read when a segment lists them.
    """

    path: str
    pack: Listed
    size: int
    local: bool


class Plan(NamedTuple):
    """Local packs to send as they are, frames to copy out of others, and frames that no local pack holds."""

    whole: list[Oid]
    rest: set[Oid]
    absent: Set[Oid]


def plan(store: LocalStore, frames: Set[Oid], dead: Set[Oid]) -> Plan:
    """How to send ``frames``. No pack called by a name in ``dead`` is sent as it is."""
    choice = choose(store.catalog, frames, LOCAL)
    if choice.absent and store.missing(choice.absent) != choice.absent:
        choice = choose(store.catalog, frames, LOCAL)  # the catalog was behind the packs, and has caught up
    rest = set(choice.rest)
    gone = dead & set(choice.whole)
    wanted = set(frames) if gone else set()
    for name in gone:
        info = store.catalog.pack_frames(name)
        rest.update(frame.oid for frame in info.frames if frame.oid in wanted) if info else None
    return Plan([name for name in choice.whole if name not in dead], rest, choice.absent)


def size_of(store: LocalStore, planned: Plan) -> int:
    """Bytes that sending ``planned`` would take, but for a few that frame new packs."""
    sizes = store.catalog.packs(LOCAL)
    total = sum(sizes[name] for name in planned.whole)
    for group in slices(planned.rest):
        total += sum(copies[0].frame.stored for copies in store.catalog.locate(group, LOCAL).values())
    return total


@contextmanager
def parcels(store: LocalStore, planned: Plan, dead: Set[Oid]) -> Iterator[list[Parcel]]:
    """The packs of ``planned`` as files; the copies among them are gone afterwards.

    The same plan over the same store makes the same packs, so that a push that was killed finds them on the remote.
    """
    found = list(_known(store, planned.whole))
    if not planned.rest:
        yield found
        return
    with scratch_folder(store.state, "outgoing") as folder:
        files = PackFiles(folder, store.progress)
        try:
            files.prepare()
            sealed = _copy(store, files, planned.rest)
            found += [_parcel(files, pack, dead) for pack in sealed]
            yield found
        finally:
            files.close()


def send(
    remote: RemoteStore, store: LocalStore, items: Iterable[Parcel], replace: Set[Oid], sent: Callable[[Parcel], None]
) -> None:
    """Upload ``items``, several at once; those in ``replace`` take the place of a damaged object on the remote.

    Raises ``HashMismatch`` for a local pack that is not what its name says; it is set aside then.
    """

    def upload(parcel: Parcel) -> Parcel:
        name = parcel.pack.name
        proof = proof_of(name, parcel.size)
        try:
            remote.storage.upload(keys.pack_key(name), parcel.path, create=name not in replace, proof=proof)
        except HashMismatch:
            if parcel.local:
                store.quarantine(name, "its bytes do not hash to its name")
            raise HashMismatch(
                f"the local pack {name.hex()} is damaged and was not sent",
                hint="run `weft push` again: what was good in the pack is kept; `weft verify` tells what was not",
                path=parcel.path,
            ) from None
        return parcel

    for parcel in unordered_map(upload, items, remote.jobs, remote.jobs):
        sent(parcel)


def _known(store: LocalStore, names: Iterable[Oid]) -> Iterator[Parcel]:
    sizes = store.catalog.packs(LOCAL)
    for name in names:
        info = store.catalog.pack_frames(name)
        if info is not None:
            listed = Listed(name, len(info.frames), partial(_frames, store.catalog, name))
            yield Parcel(store.pack_path(name), listed, sizes[name], True)


def _frames(catalog: Catalog, name: Oid) -> PackInfo:
    info = catalog.pack_frames(name)
    if info is None:
        raise ObjectMissing(f"the local pack {name.hex()} went away during the push", hint="run `weft push` again")
    return info


def _copy(store: LocalStore, files: PackFiles, oids: Set[Oid]) -> list[SealedPack]:
    """Copy frames into new packs, chunks apart from the rest, not compressed again."""
    writers = {True: PackWriter(files), False: PackWriter(files)}
    try:
        for group in slices(oids):
            located = store.catalog.locate(group, LOCAL)
            for location, stored in _stored(store, [copies[0] for copies in located.values()]):
                frame = location.frame
                writer = writers[frame.kind is Kind.CHUNK]
                writer.add(frame.oid, frame.kind, frame.codec, frame.raw, stored, frame.check)
        return [*writers[True].finish(), *writers[False].finish()]
    finally:
        for writer in writers.values():
            writer.abort()


def _stored(store: LocalStore, copies: list[Location]) -> Iterator[tuple[Location, bytes]]:
    for location in sorted(copies, key=lambda copy: (copy.pack, copy.frame.offset)):
        try:
            stored = store.files.open(location.pack).read(location.frame.offset, location.frame.stored)
            check_frame(stored, location.frame)
        except (FileNotFoundError, HashMismatch, SizeMismatch):
            # Reading it the usual way deals with the damage and tries other copies.
            store.read_frame(location.frame.oid, location.frame.kind)
            location = store.catalog.locate((location.frame.oid,), LOCAL)[location.frame.oid][0]
            stored = store.files.open(location.pack).read(location.frame.offset, location.frame.stored)
            check_frame(stored, location.frame)
        yield location, stored


def _parcel(files: PackFiles, sealed: SealedPack, dead: Set[Oid]) -> Parcel:
    """The file of a new pack. The name of a dead one may never be used again: then a frame of salt makes another name."""
    number = 0
    original = sealed
    while sealed.name in dead:
        number += 1
        sealed = _salted(files, original, b"weft salt %d" % number)
    footer = sealed.footer()  # the file is gone when it is listed
    listed = Listed(sealed.name, len(footer) // FOOTER_ENTRY, partial(_own, sealed.name, sealed.size, footer))
    return Parcel(files.path(sealed.name), listed, sealed.size, False)


def _own(name: Oid, size: int, footer: bytes) -> PackInfo:
    return PackInfo(name, size, decode_footer(footer, size - TRAILER_SIZE - len(footer)))


def _salted(files: PackFiles, original: SealedPack, salt: bytes) -> SealedPack:
    # No target: all frames stay in one pack, which had room to spare below the limit.
    writer = PackWriter(files, target=1 << 62, most=1 << 62)
    try:
        writer.add(Oid.of(salt), Kind.CHUNK, RAW, len(salt), salt, xxh3_64_intdigest(salt))
        pack = files.open(original.name)
        for frame in original.info().frames:
            stored = pack.read(frame.offset, frame.stored)
            writer.add(frame.oid, frame.kind, frame.codec, frame.raw, stored, frame.check)
        return writer.finish()[0]
    finally:
        writer.abort()


def by_size(items: Iterable[Parcel]) -> Mapping[Oid, int]:
    """Names and sizes of the packs of ``items``."""
    return {parcel.pack.name: parcel.size for parcel in items}
