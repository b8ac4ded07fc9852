"""Making a lost or damaged pack of a remote again, byte for byte, from frames that lie elsewhere.

What a pack is made of stands in its footer, which the catalog has from an index segment: where each frame lies and the
checksum of its stored bytes. So whoever holds the same frames, in whichever packs, can write the same file; that it is the
same is proved at the end by its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import BinaryIO

from xxhash import xxh3_64_intdigest

from weft.errors import IntegrityError
from weft.formats.pack import HEADER, HEADER_SIZE, encode_footer, encode_trailer
from weft.model.entry import Frame, PackInfo
from weft.model.oid import Oid
from weft.objects.catalog import LOCAL
from weft.objects.pack_check import hash_file
from weft.objects.selection import slices
from weft.objects.store import LocalStore
from weft.util.atomic import os_errors


def rebuild_pack(store: LocalStore, info: PackInfo, path: str, spare: str = "") -> bool:
    """Write the pack ``info`` to the new file ``path``, from frames of the store and, where they are good, of the damaged
    copy ``spare`` ("" for none). True when the file is the pack that its name says; else it is gone again."""
    whole = False
    try:
        with ExitStack() as stack:
            stack.enter_context(os_errors("write", path))
            target = stack.enter_context(open(path, "xb"))
            damaged = stack.enter_context(open(spare, "rb")) if spare else None
            complete = _write(store, info, target, damaged)
            target.flush()
            os.fsync(target.fileno())
        whole = complete and hash_file(path) == (info.name, info.size)
    finally:
        if not whole and os.path.lexists(path):
            os.unlink(path)
    return whole


def _write(store: LocalStore, info: PackInfo, target: BinaryIO, damaged: BinaryIO | None) -> bool:
    target.write(HEADER)
    end = HEADER_SIZE
    for frame, stored in _frames(store, info, damaged):
        if stored is None or frame.offset != end:
            return False
        target.write(stored)
        end += frame.stored
    footer = encode_footer(info.frames)
    target.write(footer + encode_trailer(end, footer, len(info.frames)))
    return True


def _frames(store: LocalStore, info: PackInfo, damaged: BinaryIO | None) -> Iterator[tuple[Frame, bytes | None]]:
    """The frames of a pack in position order with their stored bytes, None for those that are nowhere as they were."""
    homes: dict[Oid, tuple[Oid, Frame]] = {}
    for group in slices({frame.oid for frame in info.frames}):
        for oid, copies in store.catalog.locate(group, LOCAL).items():
            homes[oid] = (copies[0].pack, copies[0].frame)
    for frame in info.frames:
        stored = _local(store, homes, frame)
        yield frame, stored if stored is not None else _spare(damaged, frame)


def _local(store: LocalStore, homes: Mapping[Oid, tuple[Oid, Frame]], frame: Frame) -> bytes | None:
    pack, held = homes.get(frame.oid, (None, frame))
    # Another compression of the same bytes would make another pack.
    if pack is None or held._replace(offset=frame.offset) != frame:
        return None
    try:
        return _checked(store.files.open(pack).read(held.offset, held.stored), frame)
    except (IntegrityError, FileNotFoundError):
        return None


def _spare(damaged: BinaryIO | None, frame: Frame) -> bytes | None:
    if damaged is None:
        return None
    damaged.seek(frame.offset)
    return _checked(damaged.read(frame.stored), frame)


def _checked(stored: bytes, frame: Frame) -> bytes | None:
    return stored if len(stored) == frame.stored and xxh3_64_intdigest(stored) == frame.check else None
