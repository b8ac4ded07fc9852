"""Proving what came from outside: frames and whole packs, before the local store takes them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from blake3 import blake3

from weft.errors import BadPackIndex, HashMismatch, IntegrityError, ObjectType, RefusedInput, SizeMismatch, WeftError
from weft.formats.frame import check_frame, decode_frame
from weft.formats.pack import HEADER_SIZE, TRAILER_SIZE, check_footer, check_header, decode_footer, decode_trailer
from weft.model.entry import Frame, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.remote import refuse_page
from weft.util.atomic import os_errors

_BLOCK = 1 << 20
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
        fd = os.open(path, _READ)
        try:
            _verify_open(fd, pack, where)
        finally:
            os.close(fd)


def read_pack(path: str, name: Oid) -> PackInfo:
    """What the file at ``path`` says of itself, when it hashes to ``name`` and every frame is what its own footer says.

    Raises as ``verify_pack`` does.
    """
    with os_errors("read", path):
        fd = os.open(path, _READ)
        try:
            size = os.fstat(fd).st_size
            if _digest(fd) != name:
                raise HashMismatch(f"a pack does not hash to its name {name.hex()}")
            pack = PackInfo(name, size, _own_frames(fd, size))
            for frame in pack.frames:
                verify_frame(os.pread(fd, frame.stored, frame.offset), frame)
            return pack
        finally:
            os.close(fd)


def hash_file(path: str) -> tuple[Oid, int]:
    """BLAKE3 and size in bytes of a local file, which must not be a link. Raises the errors of the operating system."""
    with os_errors("read", path):
        fd = os.open(path, _READ)
        try:
            return _digest(fd), os.fstat(fd).st_size
        finally:
            os.close(fd)


def _verify_open(fd: int, pack: PackInfo, where: str) -> None:
    size = os.fstat(fd).st_size
    refuse_page(os.pread(fd, 1, 0), where)
    if size != pack.size:
        raise SizeMismatch(f"{where} has {size} bytes, not {pack.size}", path=where)
    if _digest(fd) != pack.name:
        raise HashMismatch(f"{where} does not hash to its name", path=where)
    for frame in pack.frames:
        verify_frame(os.pread(fd, frame.stored, frame.offset), frame)
    if _own_frames(fd, size) != pack.frames:
        raise BadPackIndex(f"the footer of {where} and the index tell different things", path=where)


def _own_frames(fd: int, size: int) -> tuple[Frame, ...]:
    check_header(os.pread(fd, HEADER_SIZE, 0))
    footer_offset, _count, check = decode_trailer(os.pread(fd, TRAILER_SIZE, max(0, size - TRAILER_SIZE)), size)
    footer = os.pread(fd, size - TRAILER_SIZE - footer_offset, footer_offset)
    check_footer(footer, check)
    return decode_footer(footer, footer_offset)


def _digest(fd: int) -> Oid:
    hasher = blake3()
    for block in _blocks(fd):
        hasher.update(block)
    return Oid(hasher.digest())


def _blocks(fd: int) -> Iterator[bytes]:
    offset = 0
    while block := os.pread(fd, _BLOCK, offset):
        yield block
        offset += len(block)
