"""Proving what came from outside: frames and whole packs, before the local store takes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from blake3 import blake3

from weft.errors import BadPackIndex, HashMismatch, IntegrityError, ObjectType, RefusedInput, SizeMismatch, WeftError
from weft.formats.frame import check_frame, decode_frame
from weft.formats.pack import footer_names
from weft.model.entry import Frame, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.packfiles import OpenPack, open_new, read_footer, read_pack_info
from weft.objects.remote import refuse_page
from weft.storage.base import Proof
from weft.util.atomic import os_errors

# Larger blocks come from the operating system anew each time, page by page, which takes longer than reading them.
_BLOCK = 256 << 10
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

BAD_COPY: tuple[type[WeftError], ...] = (IntegrityError, RefusedInput)
"""What the checks here raise: the copy is bad, another one may be good."""


def verify_frame(stored: bytes, frame: Frame) -> bytes:
    """The raw bytes of a frame, proved to hash to its oid as an object of its kind.

    Raises ``SizeMismatch``, ``HashMismatch``, ``LimitExceeded``; ``ObjectType`` for an object of another kind.
    """
    check_frame(stored, frame)
    raw = decode_frame(stored, frame)
    if Oid.of(raw, frame.kind) != frame.oid:
        for kind in Kind:
            if Oid.of(raw, kind) == frame.oid:
                raise ObjectType(f"{frame.oid} is a {kind.name.lower()}, not a {frame.kind.name.lower()}")
        raise HashMismatch(f"the bytes of {frame.oid} do not hash to it")
    return raw


def verify_pack(path: str, pack: PackInfo, where: str) -> None:
    """Prove that the file at ``path`` is ``pack``: its size, its name, every frame, and a footer that says the same.

    ``where`` names the pack in errors. Raises ``SizeMismatch``, ``HashMismatch``, ``ObjectType``, ``BadPackIndex``,
    ``LimitExceeded``, ``FormatVersion``.
    """
    with os_errors("read", path):
        _verify_open(open_new(path), pack, where)


def read_pack(path: str, name: Oid) -> PackInfo:
    """What the file at ``path`` says of itself, when it hashes to ``name`` and every frame is what its own footer says.

    Raises as ``verify_pack`` does.
    """
    with os_errors("read", path):
        opened = open_new(path)
        if _digest(opened.fd) != name:
            raise HashMismatch(f"a pack does not hash to its name {name.hex()}")
        pack = read_pack_info(opened, name)
        _, fault = _prove_frames(opened.fd, opened.size, pack.frames)
        if fault is not None:
            raise fault
        return pack


def hash_file(path: str) -> tuple[Oid, int]:
    """BLAKE3 and size in bytes of a local file, which must not be a link. Raises the errors of the operating system."""
    with os_errors("read", path):
        fd = os.open(path, _READ)
        try:
            return _digest(fd), os.fstat(fd).st_size
        finally:
            os.close(fd)


def proof_of(name: Oid, size: int) -> Proof:
    """What lets a pack be uploaded only when it has ``size`` bytes that hash to ``name``; raises ``HashMismatch``."""

    def prove(parts: Iterable[memoryview]) -> None:
        hasher, seen = blake3(), 0
        for part in parts:
            hasher.update(part)
            seen += len(part)
        if hasher.digest() != name or seen != size:
            raise HashMismatch(f"the pack {name.hex()} changed before it was sent", hint="run the command again")

    return prove


def _verify_open(opened: OpenPack, pack: PackInfo, where: str) -> None:
    refuse_page(opened.read(0, 1), where)
    if opened.size != pack.size:
        raise SizeMismatch(f"{where} has {opened.size} bytes, not {pack.size}", path=where)
    digest, fault = _prove_frames(opened.fd, opened.size, pack.frames)
    if digest != pack.name:
        raise HashMismatch(f"{where} does not hash to its name", path=where)
    if fault is not None:
        raise fault
    if not footer_names(read_footer(opened), pack.frames):
        raise BadPackIndex(f"the footer of {where} and the index tell different things", path=where)


def _prove_frames(fd: int, size: int, frames: Sequence[Frame]) -> tuple[Oid, WeftError | None]:
    """What the whole file hashes to, and the first thing wrong with ``frames`` in it: each byte is read once for both.

    Frames that do not lie one after the other give a hash that is not the file's, so that they are refused too.
    """
    hasher = blake3()
    fault: WeftError | None = None
    done = 0
    for group in _neighbours(frames):
        start, end = group[0].offset, group[-1].offset + group[-1].stored
        _update(hasher, fd, done, start)
        data = os.pread(fd, end - start, start)
        hasher.update(data)
        done = end
        try:
            for frame in group if fault is None else ():
                verify_frame(data[frame.offset - start : frame.offset - start + frame.stored], frame)
        except BAD_COPY as error:
            fault = error
    _update(hasher, fd, done, size)
    return Oid(hasher.digest()), fault


def _neighbours(frames: Sequence[Frame]) -> Iterator[list[Frame]]:
    """``frames`` in groups that lie close together, each about a block long or one long frame."""
    group: list[Frame] = []
    for frame in frames:
        if group and frame.offset + frame.stored - group[0].offset > _BLOCK:
            yield group
            group = []
        group.append(frame)
    if group:
        yield group


def _digest(fd: int) -> Oid:
    hasher = blake3()
    _update(hasher, fd, 0, os.fstat(fd).st_size)
    return Oid(hasher.digest())


def _update(hasher: blake3, fd: int, start: int, end: int) -> None:
    """Hash the bytes from ``start`` up to ``end``, or to the end of the file."""
    while start < end and (block := os.pread(fd, min(_BLOCK, end - start), start)):
        hasher.update(block)
        start += len(block)
