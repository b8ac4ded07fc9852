"""Packs and frames: round trips, and every number that lies."""

from __future__ import annotations

import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from packbytes import decode_pack, encode_frame
from weft.errors import BadPackIndex, FormatVersion, HashMismatch, LimitExceeded, ObjectType, SizeMismatch, WeftError
from weft.formats import frame as frames
from weft.formats import pack
from weft.model.entry import ZSTD, Frame
from weft.model.oid import Kind, Oid


def make(*contents: bytes, kind: Kind = Kind.CHUNK) -> tuple[bytes, tuple[Frame, ...]]:
    """A whole pack with one frame for each content."""
    body, table = pack.HEADER, []
    compressor = zstandard.ZstdCompressor()
    for content in contents:
        codec, stored = encode_frame(content, compressor)
        oid = Oid.of(content, kind)
        table.append(Frame(oid, len(body), len(stored), len(content), kind, codec, xxh3_64_intdigest(stored)))
        body += stored
    footer = pack.encode_footer(table)
    return body + footer + pack.encode_trailer(len(body), footer, len(table)), tuple(table)


def entry(**changes: int) -> bytes:
    values = {"offset": 16, "stored": 4, "raw": 4, "kind": 1, "codec": 0, "reserved": 0, "check": 0} | changes
    return struct.pack("<32sQIIBBHQ", bytes(32), *values.values())


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8, unique=True))
def test_round_trip(contents: list[bytes]) -> None:
    data, table = make(*contents)
    assert decode_pack(data) == table
    for content, item in zip(contents, table, strict=True):
        stored = data[item.offset : item.offset + item.stored]
        frames.check_frame(stored, item)
        assert frames.decode_frame(stored, item) == content
        assert isinstance(decode_pack(data)[0].kind, Kind)


def test_sizes_are_those_of_the_spec() -> None:
    assert (pack.HEADER_SIZE, pack.FOOTER_ENTRY, pack.TRAILER_SIZE) == (16, 60, 32)
    assert pack.HEADER == b"WEFTPACK\x01\0\0\0\0\0\0\0"


@given(st.data())
def test_damage_of_the_index_never_passes(data: st.DataObject) -> None:
    whole, table = make(b"one" * 40, b"two", b"")
    footer_at = table[-1].offset + table[-1].stored
    raw = bytearray(whole)
    at = data.draw(st.one_of(st.integers(0, 15), st.integers(footer_at, len(raw) - 1)))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((BadPackIndex, FormatVersion)):
        decode_pack(bytes(raw))


@given(st.integers(0, 200))
def test_truncated_packs_are_refused(size: int) -> None:
    whole, _ = make(b"one", b"two")
    if size < len(whole):
        with pytest.raises(BadPackIndex):
            decode_pack(whole[:size])
    with pytest.raises(BadPackIndex):
        decode_pack(whole + b"\0" * (size + 1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"offset": 15}, "back to back"),
        ({"offset": 17}, "back to back"),
        ({"offset": 2**64 - 1}, "back to back"),
        ({"stored": 2**32 - 1, "raw": 2**32 - 1}, "over the limits"),
        ({"stored": (64 << 20) + 1, "codec": 1}, "over the limits"),
        ({"raw": (16 << 20) + 1, "codec": 1}, "over the limits"),
        ({"kind": 0}, "unknown kind"),
        ({"kind": 5}, "unknown kind"),
        ({"codec": 2}, "codec 2"),
        ({"reserved": 1}, "reserved"),
        ({"raw": 5}, "codec 0"),
        ({"raw": 0, "codec": 1}, "codec 1"),
        ({"stored": 0, "codec": 1}, "codec 1"),
    ],
)
def test_one_lying_field(change: dict[str, int], why: str) -> None:
    assert len(pack.decode_footer(entry(), 20)) == 1
    with pytest.raises(BadPackIndex, match=why):
        pack.decode_footer(entry(**change), 16 + change.get("stored", 4))


def test_frames_lie_back_to_back_and_once() -> None:
    with pytest.raises(BadPackIndex, match="back to back"):
        pack.decode_footer(entry() + entry(offset=18), 22)
    with pytest.raises(BadPackIndex, match="twice"):
        pack.decode_footer(entry() + entry(offset=20), 24)
    with pytest.raises(BadPackIndex, match="footer starts"):
        pack.decode_footer(entry(), 21)
    with pytest.raises(BadPackIndex):
        pack.decode_footer(b"", 16)
    with pytest.raises(BadPackIndex):
        pack.decode_footer(entry()[:-1], 20)


def test_trailer_numbers_are_checked_against_the_size() -> None:
    size = 16 + 4 + 60 + 32
    good = pack.encode_trailer(20, entry(), 1)
    assert pack.decode_trailer(good, size) == (20, 1, xxh3_64_intdigest(entry()))
    for bad in (
        pack.encode_trailer(21, entry(), 1),
        pack.encode_trailer(20, entry(), 2),
        pack.encode_trailer(2**64 - 1, entry(), 1),
        pack.encode_trailer(20, entry(), 2**32 - 1),
        good[:-1] + b"X",
        good[:12] + b"\1" + good[13:],
        good[:-1],
    ):
        with pytest.raises(BadPackIndex):
            pack.decode_trailer(bad, size)
    # The numbers of these agree with the size, but there is no frame, or the footer lies over the header.
    for bad, total in ((pack.encode_trailer(80, b"", 0), size), (pack.encode_trailer(8, entry() * 2, 2), 160)):
        with pytest.raises(BadPackIndex, match="does not fit"):
            pack.decode_trailer(bad, total)
    with pytest.raises(BadPackIndex, match="limit"):
        pack.decode_trailer(good, pack.MAX_PACK + 1)
    with pytest.raises(BadPackIndex):
        pack.check_footer(entry(kind=2), xxh3_64_intdigest(entry()))


def test_header_versions() -> None:
    with pytest.raises(FormatVersion, match="version 2"):
        pack.check_header(b"WEFTPACK\x02\0\0\0\0\0\0\0")
    with pytest.raises(FormatVersion):
        pack.check_header(b"WEFTPACK\x01\0\1\0\0\0\0\0")
    for bad in (b"WEFTPACK\0\0\0\0\0\0\0\0", b"WEFTPACK\x01\0\0\0\1\0\0\0", b"PK" + bytes(14), b""):
        with pytest.raises(BadPackIndex):
            pack.check_header(bad)


def packed_frame(data: bytes, raw: int) -> tuple[bytes, Frame]:
    stored = data
    return stored, Frame(Oid(bytes(32)), 16, len(stored), raw, Kind.CHUNK, ZSTD, xxh3_64_intdigest(stored))


def test_frames_that_ask_for_memory_or_a_dictionary() -> None:
    # Frames of four bytes put together by RFC 8878: descriptor, window byte, (dictionary,) content size, one raw block.
    size, block = struct.pack("<I", 4), b"\x21\0\0data"
    plain = b"\x28\xb5\x2f\xfd\x80\x20" + size + block
    assert frames.decode_frame(*packed_frame(plain, 4)) == b"data"
    large_window = b"\x28\xb5\x2f\xfd\x80\x88" + size + block
    with pytest.raises(LimitExceeded, match="memory"):
        frames.decode_frame(*packed_frame(large_window, 4))
    with pytest.raises(LimitExceeded, match="dictionary"):
        frames.decode_frame(*packed_frame(b"\x28\xb5\x2f\xfd\x81\x20\x07" + size + block, 4))


def test_expansion_is_bounded_by_what_is_declared() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(50 << 20))
    with pytest.raises(LimitExceeded):
        frames.decode_frame(*packed_frame(bomb, 4096))
    with pytest.raises(LimitExceeded):
        frames.decode_frame(*packed_frame(bomb, 50 << 20))
    undeclared = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(4096))
    with pytest.raises(LimitExceeded):
        frames.decode_frame(*packed_frame(undeclared, 4096))
    # Declares 1 KiB and repeats a byte for 1 MiB (blocks of RFC 8878 that repeat one byte).
    block = (131072 << 3 | 1 << 1).to_bytes(3, "little") + b"x"
    liar = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 1024) + block * 8 + b"\x01\0\0"
    with pytest.raises(LimitExceeded, match="expand to more"):
        frames.decode_frame(*packed_frame(liar, 1024))
    good = zstandard.ZstdCompressor().compress(bytes(4096))
    assert frames.decode_frame(*packed_frame(good, 4096)) == bytes(4096)
    with pytest.raises((HashMismatch, LimitExceeded)):
        frames.decode_frame(*packed_frame(good + good, 4096))
    with pytest.raises(HashMismatch):
        frames.decode_frame(*packed_frame(good[:-1], 4096))
    with pytest.raises(HashMismatch):
        frames.decode_frame(*packed_frame(b"not zstd at all", 4096))


def test_a_full_sized_frame_expands() -> None:
    data = bytes(pack.MAX_RAW)
    stored = zstandard.ZstdCompressor(level=19).compress(data)
    assert frames.decode_frame(*packed_frame(stored, len(data))) == data


@given(st.binary(max_size=300), st.integers(0, 400))
def test_hostile_bytes_never_expand_beyond(data: bytes, raw: int) -> None:
    try:
        out = frames.decode_frame(*packed_frame(b"\x28\xb5\x2f\xfd" + data, raw))
    except WeftError:
        return
    assert len(out) == raw


def test_checks_of_stored_bytes_and_kind() -> None:
    whole, (item,) = make(b"hello")
    stored = whole[item.offset : item.offset + item.stored]
    frames.require_kind(item, Kind.CHUNK)
    with pytest.raises(ObjectType):
        frames.require_kind(item, Kind.MANIFEST)
    with pytest.raises(HashMismatch):
        frames.check_frame(b"hellO", item)
    for call in (frames.check_frame, frames.decode_frame):
        with pytest.raises(SizeMismatch):
            call(stored[:-1], item)
    with pytest.raises(SizeMismatch):
        frames.decode_frame(stored, item._replace(raw=9))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5, unique=True), st.data())
def test_a_footer_names_its_frames_and_no_others(contents: list[bytes], data: st.DataObject) -> None:
    _, table = make(*contents)
    footer = pack.encode_footer(table)
    assert pack.footer_names(footer, table)
    place = data.draw(st.integers(0, len(footer) - 1))
    assert not pack.footer_names(footer[:place] + bytes([footer[place] ^ 1]) + footer[place + 1 :], table)
    assert not pack.footer_names(footer, table[:-1])
    assert not pack.footer_names(footer[:-1], table)
    assert not pack.footer_names(footer, (*table, table[0]))
