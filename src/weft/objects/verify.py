"""Checking the local store, at three depths. Nothing is changed: the caller sends damaged packs to quarantine.

quick: the catalog against names and sizes on disk. scrub: footers, catalog rows and the xxh3_64 of all frames, at the
speed of the disk. full: the BLAKE3 of every frame's raw bytes by its kind, and of every pack.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from blake3 import blake3

from weft.errors import (
    BadPackIndex,
    CatalogDamaged,
    HashMismatch,
    IntegrityError,
    LimitExceeded,
    ObjectMissing,
    RefusedInput,
    SizeMismatch,
    StoreTampered,
    WeftError,
)
from weft.formats.frame import check_frame
from weft.formats.pack import HEADER_SIZE
from weft.model.entry import Frame, PackInfo
from weft.model.oid import Oid
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.packfiles import OpenPack, PackFiles, read_pack_info
from weft.objects.rounds import Round
from weft.objects.store_frames import FrameStore
from weft.objects.store_read import unpack
from weft.util.locks import FileLock
from weft.util.parallel import cpu_workers, ordered_map

BLOCK = 4 << 20
"""Bytes of a pack in memory at a time, for each thread; a longer frame is read alone."""


CONTRADICTS = "the catalog contradicts the footer of the pack"


class Level(IntEnum):
    """How deep to look."""

    QUICK = 0
    SCRUB = 1
    FULL = 2


class Problem(NamedTuple):
    """Something found: the error's code, the path, one sentence, and the pack and oid concerned where there is one.

    ``damaged`` is False when only the catalog is behind, which opening a writer or rebuilding it mends.
    """

    code: str
    path: str
    message: str
    pack: Oid
    oid: Oid | None = None
    damaged: bool = True


def verify_store(
    store: FrameStore, level: Level, on_progress: Callable[[int, int], None] | None = None, lap: Round | None = None
) -> Iterator[Problem]:
    """Yield what is wrong with the store, as it is found; ``on_progress(bytes, packs)`` tells each pack that is done.

    ``lap`` tells how far to go.
    """
    found = dict(store.files.names())
    yield from _settled(store)
    if level is Level.QUICK:
        return
    names = [name for name, size in found.items() if size >= 0]
    check = partial(_check_pack, store.files, store.catalog, level)
    lap = lap or Round()
    for name, problems in ordered_map(check, lap.choose(names), cpu_workers()):
        yield from problems
        lap.done(name, not problems)
        if on_progress is not None:
            on_progress(found[name], 1)


def _settled(store: FrameStore) -> list[Problem]:
    """What the names and the catalog contradict each other in while nobody removes packs.

    A collection between two packs looks like damage: it has removed a file that the catalog still names. So what is found
    is looked at again under the lock that a collection holds alone.
    """
    problems = list(_quick(store))
    if not problems:
        return problems
    with FileLock(os.path.join(store.root, "lock"), purpose="weft verify", shared=True, progress=store.progress):
        return list(_quick(store))


def _quick(store: FrameStore) -> Iterator[Problem]:
    # In this order a pack that is written meanwhile counts as one that the catalog does not know yet, not as a lost one.
    known = store.catalog.packs(LOCAL)
    found = dict(store.files.names())
    files = store.files
    for name in sorted(found.keys() | known.keys()):
        path = files.path(name)
        if name not in found:
            yield Problem(ObjectMissing.code, path, "the catalog names a pack that is not there", name)
        elif found[name] < 0:
            yield Problem(StoreTampered.code, path, "no regular file stands where a pack should be", name)
        elif name not in known:
            yield Problem(CatalogDamaged.code, path, "the catalog does not know this pack", name, damaged=False)
        elif found[name] != known[name]:
            message = f"the pack has {found[name]} bytes, not {known[name]}"
            yield Problem(SizeMismatch.code, path, message, name)


def _check_pack(files: PackFiles, catalog: Catalog, level: Level, name: Oid) -> tuple[Oid, list[Problem]]:
    try:
        pack = files.open(name)
        info = read_pack_info(pack, name)
    except FileNotFoundError:
        return name, []  # removed meanwhile by somebody who may
    except (IntegrityError, RefusedInput) as error:
        return name, [_problem(error, files.path(name), name)]
    problems = list(_check_catalog(catalog, pack, info))
    problems += _check_full(pack, info) if level is Level.FULL else _check_frames(pack, info)
    return name, problems


def _check_catalog(catalog: Catalog, pack: OpenPack, info: PackInfo) -> Iterator[Problem]:
    try:
        recorded = catalog.pack_frames(info.name)
    except BadPackIndex:
        recorded = PackInfo(info.name, -1, ())
    if recorded is not None and recorded != info:
        yield Problem(CatalogDamaged.code, pack.path, CONTRADICTS, info.name, damaged=False)


def _check_frames(pack: OpenPack, info: PackInfo) -> Iterator[Problem]:
    for frames, data in _blocks(pack, info):
        for frame in frames:
            offset = frame.offset - frames[0].offset
            try:
                check_frame(data[offset : offset + frame.stored], frame)
            except IntegrityError as error:
                yield _problem(error, pack.path, info.name, frame.oid)


def _check_full(pack: OpenPack, info: PackInfo) -> Iterator[Problem]:
    whole = blake3(pack.read(0, HEADER_SIZE))
    end = HEADER_SIZE
    damaged = False
    for frames, data in _blocks(pack, info):
        whole.update(data)
        end = frames[0].offset + len(data)
        for frame in frames:
            offset = frame.offset - frames[0].offset
            try:
                unpack(pack, frame, data[offset : offset + frame.stored], True)
            except (IntegrityError, LimitExceeded) as error:
                damaged = True
                yield _problem(error, pack.path, info.name, frame.oid)
    whole.update(pack.read(end, pack.size - end))
    if whole.digest() != info.name and not damaged:
        yield Problem(HashMismatch.code, pack.path, "the bytes of the pack hash to another name", info.name)


def _blocks(pack: OpenPack, info: PackInfo) -> Iterator[tuple[list[Frame], bytes]]:
    """Neighbouring frames with their stored bytes, read with one call for each 4 MiB."""
    group: list[Frame] = []
    size = 0
    for frame in info.frames:
        if group and size + frame.stored > BLOCK:
            yield group, pack.read(group[0].offset, size)
            group, size = [], 0
        group.append(frame)
        size += frame.stored
    if group:
        yield group, pack.read(group[0].offset, size)


def _problem(error: WeftError, path: str, name: Oid, oid: Oid | None = None) -> Problem:
    return Problem(error.code, path, error.message, name, oid)
