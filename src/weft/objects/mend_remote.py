"""Mending packs and index segments of a remote (``docs/spec/protocols.md``, repair).

A pack that is lost or damaged is written again under its own name, from bytes that are proved to be it. Where not all of
it can be had, what can goes into new packs, and the index is told; nothing is deleted but what is not what its name says,
and of that a copy goes into the quarantine of this clone first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from weft.errors import IntegrityError, KeyMissing, RefusedInput
from weft.formats.pack import FOOTER_ENTRY, MAX_PACK, TRAILER_SIZE, check_footer, decode_footer, decode_trailer
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.objects import quarantine_log
from weft.objects import remote_keys as keys
from weft.objects.catalog import LOCAL
from weft.objects.incoming import quarantine_file, remove_file
from weft.objects.outgoing import Plan, parcels, send
from weft.objects.pack_check import hash_file, proof_of
from weft.objects.packer import infos
from weft.objects.packfiles import open_new
from weft.objects.rebuild import rebuild_pack
from weft.objects.remote import RemoteStore
from weft.objects.salvage import copy_frames, good_frames
from weft.objects.segments import Listed, SegmentIndex
from weft.objects.store import LocalStore
from weft.util.parallel import unordered_map

Bring = Callable[[Set[Oid]], None]
"""Brings objects into the local store from wherever they may be; what is nowhere stays away."""


@dataclass(slots=True)
class Mended:
    """What became of damaged packs: ``restored`` under their names, ``moved`` (all they held is in new packs now, and they
    are gone), ``left`` as they were, because ``lost`` objects of them were found nowhere."""

    restored: list[Oid] = field(default_factory=list)
    moved: list[Oid] = field(default_factory=list)
    left: list[Oid] = field(default_factory=list)
    lost: set[Oid] = field(default_factory=set)


def mend_packs(remote: RemoteStore, store: LocalStore, bad: Iterable[Oid], bring: Bring) -> Mended:
    """Write the packs ``bad``, which are gone or not what their names say, again.

    ``bring`` is called once, with the objects that are not in the local store. Raises what the remote raises.
    """
    index = SegmentIndex(remote)
    index.learn_listed()
    found = [store.catalog.pack_frames(name) for name in sorted(bad)]
    done = Mended(left=[name for name, info in zip(sorted(bad), found, strict=True) if info is None])
    with remote.session(), store.progress.task("repair", sum(info.size for info in found if info), len(found)) as task:
        dead = remote.tombs()

        def unmended(infos: Iterable[PackInfo | None]) -> list[PackInfo]:
            rest = []
            for info in infos:
                if info is not None and _restore(remote, store, info, dead, done):
                    task.advance(info.size, 1)
                elif info is not None:
                    rest.append(info)
            return rest

        rest = unmended(found)
        absent = store.missing({frame.oid for info in rest for frame in info.frames})
        if absent:
            bring(absent)
            rest = unmended(rest)
        if rest:
            _rehome(remote, store, index, rest, dead, done)
            task.advance(sum(info.size for info in rest), len(rest))
    return done


def _restore(remote: RemoteStore, store: LocalStore, info: PackInfo, dead: Set[Oid], done: Mended) -> bool:
    """Write one pack again, byte for byte. A name that a collection condemned is never used again."""
    if info.name in dead:
        return False
    made = store.temp_path()
    try:
        with _copy_of(remote, store, info) as spare:
            if not (
                spare and hash_file(spare) == (info.name, info.size)
            ):  # else it only broke on its way, or is mended
                if not rebuild_pack(store, info, made, spare):
                    return False
                remote.storage.upload(keys.pack_key(info.name), made, proof=proof_of(info.name, info.size))
    finally:
        remove_file(made)
    done.restored.append(info.name)
    return True


@contextmanager
def _copy_of(remote: RemoteStore, store: LocalStore, info: PackInfo) -> Iterator[str]:
    """What lies under a pack's name, in a file that goes away afterwards; "" when nothing does."""
    temp = store.temp_path()
    try:
        yield temp if _download(remote, keys.pack_key(info.name), temp) else ""
    finally:
        remove_file(temp)


def _download(remote: RemoteStore, key: str, path: str) -> bool:
    """Fetch a whole object that is no larger than anything of ours; False when there is none."""
    stat = remote.storage.stat(key)
    if stat is None or stat.size > MAX_PACK:
        return False
    try:
        remote.storage.download(key, path)
    except KeyMissing:
        return False
    return True


# --- what cannot be had whole ---


def _rehome(
    remote: RemoteStore, store: LocalStore, index: SegmentIndex, rest: list[PackInfo], dead: Set[Oid], done: Mended
) -> None:
    """Send what can be had of ``rest`` in new packs, and take those away of which that is all."""
    for info in rest:
        _rescue(remote, store, info)
    wanted = {frame.oid for info in rest for frame in info.frames}
    lost = store.missing(wanted)
    names = {info.name for info in rest}
    with parcels(store, Plan([], wanted - lost, set()), dead | names) as made:
        send(remote, store, made, set(), lambda parcel: None)
        index.publish([parcel.pack for parcel in made])
    for info in rest:
        gone = {frame.oid for frame in info.frames} & lost
        there = remote.storage.stat(keys.pack_key(info.name)) is not None
        done.lost |= gone
        # While something of it is nowhere else, even a damaged pack stays: somebody may find it useful.
        (done.left if gone else done.moved).append(info.name)
        if gone and there:
            names.discard(info.name)
            index.records.lose(info.name)  # nobody here shall count on it
    retire(remote, store, index, names)


def _rescue(remote: RemoteStore, store: LocalStore, info: PackInfo) -> None:
    """Keep the good frames of a damaged pack that the local store lacks."""
    absent = store.missing(frame.oid for frame in info.frames)
    if not absent:
        return
    with _copy_of(remote, store, info) as spare:
        if spare:
            pack = open_new(spare)
            good = good_frames(pack, [frame for frame in info.frames if frame.oid in absent])
            store.catalog.add_packs(infos(copy_frames(store.files, pack, good)), LOCAL)


def retire(remote: RemoteStore, store: LocalStore, index: SegmentIndex, packs: Set[Oid]) -> None:
    """Take ``packs`` out of the index and off the remote; what still lies there goes into the quarantine of this clone."""
    stale = index.telling_of(packs)
    held = store.catalog.packs(remote.place).keys() - packs
    stay = {info.name: info for told in stale.values() for info in told if info.name in held}
    index.publish(map(Listed.of, stay.values()), stale)
    for name in sorted(stale):
        remote.storage.delete(keys.segment_key(name))
    for name in sorted(packs):
        _set_aside(
            remote, store, keys.pack_key(name), name, "damaged on the remote; its objects are in other packs now"
        )
        index.records.lose(name)
    index.records.forget(set(stale))


def _set_aside(remote: RemoteStore, store: LocalStore, key: str, name: Oid, why: str) -> None:
    """Move an object of the remote, which is not what its ``name`` says, into the quarantine of this clone."""
    temp = store.temp_path()
    told = f"{why} ({remote.storage.name})"
    if _download(remote, key, temp):
        quarantine_file(store, name, temp, told)
    else:
        quarantine_log.note(store.root, "", told)
    remote.storage.delete(key)


# --- the index ---


def mend_index(remote: RemoteStore, store: LocalStore, damaged: Set[Oid]) -> int:
    """Set the ``damaged`` segments aside, and list again the packs that are there and that no other segment tells of.

    Returns the number of packs that are told of again. Raises what the remote raises.
    """
    index = SegmentIndex(remote)
    with remote.session():
        index.learn_listed()
        index.records.forget(damaged)  # this clone may have read them while they were good
        told = store.catalog.packs(remote.place).keys() | remote.tombs()
        listed = {keys.pack_of(stat.key): stat.size for stat in remote.storage.list(keys.PACKS)}
        orphans = [(name, size) for name, size in sorted(_named(listed)) if name not in told]
        found = list(unordered_map(lambda one: _footer(remote, *one), orphans, remote.jobs))
        good = [info for info in found if info is not None and _agrees(store, info)]
        # First, for the new segment may have the very name of the damaged one, and is only written where none stands.
        for name in sorted(damaged):
            _set_aside(remote, store, keys.segment_key(name), name, "a damaged index segment")
        index.publish(map(Listed.of, good))
    return len(good)


def _named(listed: Mapping[Oid | None, int]) -> Iterator[tuple[Oid, int]]:
    return ((name, size) for name, size in listed.items() if name is not None)


def _agrees(store: LocalStore, info: PackInfo) -> bool:
    known = store.catalog.pack_frames(info.name)
    return known is None or known == info


def _footer(remote: RemoteStore, name: Oid, size: int) -> PackInfo | None:
    """What a pack says of itself; None when it is no pack. Its frames are proved when they are read."""
    key = keys.pack_key(name)
    try:
        tail = remote.storage.read(key, max(0, size - TRAILER_SIZE), min(size, TRAILER_SIZE))
        offset, count, check = decode_trailer(tail, size)
        footer = remote.storage.read(key, offset, count * FOOTER_ENTRY)
        check_footer(footer, check)
        return PackInfo(name, size, decode_footer(footer, offset))
    except (IntegrityError, RefusedInput, KeyMissing):
        return None
