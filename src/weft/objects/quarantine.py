"""The way back from the quarantine of the local store, and the way out."""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import suppress
from typing import NamedTuple

from weft.errors import IntegrityError, RefusedInput
from weft.model.entry import Frame
from weft.model.oid import Oid
from weft.objects import store_folder
from weft.objects.catalog import LOCAL
from weft.objects.pack_check import read_pack
from weft.objects.packer import infos
from weft.objects.packfiles import OpenPack, read_pack_info
from weft.objects.quarantine_log import FOLDER, Kept, entries, kept, lock, rewrite
from weft.objects.salvage import copy_frames, good_frames
from weft.objects.store_frames import FrameStore
from weft.util.atomic import os_errors, sync_folder

WHOLE, PARTS, NOTHING = "restored", "objects restored", "nothing to restore"
_BLOCK = 4 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Restored(NamedTuple):
    """What became of a file that was to go back: one of the states above, and the objects that came back."""

    file: str
    state: str
    objects: int = 0


def lost(store: FrameStore) -> set[Oid]:
    """The objects that went with what was set aside, and that no pack of the store holds again."""
    return store.missing({oid for entry in entries(store.root) for oid in entry.lost})


def gone(store: FrameStore) -> set[Oid]:
    """Those of ``lost`` of which no file is left in quarantine: their packs were not there any more.

    That need not be damage: the clone of a shared store that removed them may have known that nothing needs them.
    """
    noted = list(entries(store.root))
    return store.missing({oid for entry in noted if not entry.file for oid in entry.lost}).difference(
        *(entry.lost for entry in noted if entry.file)
    )


def restore(store: FrameStore, file: str) -> Restored:
    """Put back what is right of ``file``: the whole pack when it is what its name says, else its good objects that the
    store lacks. Nothing goes back unproved, and the file stays where something of it is wrong."""
    path = os.path.join(store.root, FOLDER, file)
    try:
        name = Oid.parse_hex(file[:64])
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return Restored(file, NOTHING)
        store.reconcile()  # before the lock, which it takes where packs are gone
        with lock(store.root, "look through the quarantine"):
            try:
                return _restore_whole(store, path, name)
            except (IntegrityError, RefusedInput):
                return _restore_parts(store, path, name)
    except (FileNotFoundError, IntegrityError, RefusedInput):
        return Restored(file, NOTHING)


def purge(store: FrameStore, older: float) -> list[Kept]:
    """Delete what was set aside at least ``older`` seconds ago, and forget what was lost with it; return it."""
    now = time.time()
    with lock(store.root, "look through the quarantine"):
        old = [entry for entry in kept(store.root) if now - entry.at >= older]
        for entry in old:
            _remove(store.root, entry.file)
        rewrite(store.root, [entry for entry in entries(store.root) if now - entry.at < older])
    return old


def _restore_whole(store: FrameStore, path: str, name: Oid) -> Restored:
    temp = store.temp_path()
    try:
        with os_errors("copy", path), open(os.open(path, _READ), "rb") as source, open(temp, "xb") as target:
            shutil.copyfileobj(source, target, _BLOCK)
            target.flush()
            os.fsync(target.fileno())
        info = read_pack(temp, name)  # of the copy: nobody changes it between the proof and its name
        store.adopt_pack(temp, info)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temp)
    _remove(store.root, os.path.basename(path))
    return Restored(os.path.basename(path), WHOLE, len(info.frames))


def _restore_parts(store: FrameStore, path: str, name: Oid) -> Restored:
    pack = _open(path)
    good = good_frames(pack, _frames_of(store, pack, name))
    absent = store.missing(frame.oid for frame in good)
    wanted = [frame for frame in good if frame.oid in absent]
    store.catalog.add_packs(infos(copy_frames(store.files, pack, wanted)), LOCAL)
    return Restored(os.path.basename(path), PARTS if wanted else NOTHING, len(wanted))


def _frames_of(store: FrameStore, pack: OpenPack, name: Oid) -> tuple[Frame, ...]:
    try:
        return read_pack_info(pack, name).frames
    except (IntegrityError, RefusedInput):
        known = store.catalog.pack_frames(name)
        return known.frames if known else ()


def _open(path: str) -> OpenPack:
    with os_errors("open", path):
        fd = os.open(path, _READ)
    return OpenPack(fd, path, os.fstat(fd).st_size, False)


def _remove(root: str, file: str) -> None:
    with os_errors("remove", f"{root}/{FOLDER}/{file}"), store_folder.part(root, FOLDER) as fd:
        os.unlink(file, dir_fd=fd)
        sync_folder(fd)
