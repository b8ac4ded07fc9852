"""Pack index segments."""

from __future__ import annotations

import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import BadPackIndex, FormatVersion, LimitExceeded, WeftError
from weft.formats import index_segment as segment
from weft.model.entry import RAW, Frame, PackInfo
from weft.model.oid import Kind, Oid

oids = st.binary(min_size=32, max_size=32).map(Oid)
A, B = Oid(b"\1" * 32), Oid(b"\2" * 32)


def info(name: Oid, *targets: Oid) -> PackInfo:
    frames = [Frame(oid, 16 + 5 * n, 5, 5, Kind.CHUNK, RAW, n) for n, oid in enumerate(targets)]
    return PackInfo(name, 16 + 65 * len(frames) + 32, tuple(frames))


packs = st.builds(lambda name, targets: info(name, *targets), oids, st.lists(oids, min_size=1, max_size=5, unique=True))


def payload(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


def packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@given(st.lists(packs, max_size=5, unique_by=lambda pack: pack.name), st.lists(oids, max_size=3))
def test_round_trip(values: list[PackInfo], replaced: list[Oid]) -> None:
    found = segment.decode(segment.encode(values, replaced))
    assert found.packs == tuple(sorted(values))
    assert found.supersedes == tuple(sorted(set(replaced)))
    assert segment.encode(reversed(values), replaced) == segment.encode(values, replaced)


def test_payload_bytes() -> None:
    body = payload(segment.encode([info(B, A)], [A]))
    head = b"WEFTSEGM" + struct.pack("<HHIII", 1, 0, 1, 1, 0)
    entry = A + struct.pack("<QIIBBHQ", 16, 5, 5, 1, 0, 0, 0)
    assert body == head + A + B + struct.pack("<QII", 113, 1, 0) + entry


@given(st.data())
def test_whatever_decodes_encodes_to_the_same_payload(data: st.DataObject) -> None:
    body = bytearray(payload(segment.encode([info(A, A, B), info(B, A)], [A, B])))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        found = segment.decode(packed(bytes(body)))
    except WeftError:
        return
    assert payload(segment.encode(found.packs, found.supersedes)) == bytes(body)


def test_lies() -> None:
    body = payload(segment.encode([info(A, A), info(B, B)], [A, B]))
    head = 24
    first, second = body[head + 64 : head + 64 + 108], body[head + 64 + 108 :]
    swapped = body[: head + 64] + second + first
    for bad in (
        body[:-1],
        body + b"\0",
        body[:10],
        b"X" + body[1:],
        body[:12] + b"\xff\xff\xff\xff" + body[16:],
        body[:16] + b"\xff\xff\xff\xff" + body[20:],
        body[:8] + b"\0" + body[9:],
        body[:20] + b"\1" + body[21:],
        body[:12] + b"\3" + body[13:],
        body[:head] + B + A + body[head + 64 :],
        body[:head] + A + A + body[head + 64 :],
        swapped,
        body[: head + 64] + first + first,
        body[: head + 96] + b"\xff" * 8 + body[head + 104 :],
        body[: head + 96] + b"\x72" + body[head + 97 :],
        body[: head + 104] + b"\0\0\0\0" + body[head + 108 :],
        body[: head + 104] + b"\xff\xff\xff\xff" + body[head + 108 :],
        body[: head + 108] + b"\1" + body[head + 109 :],
    ):
        with pytest.raises(BadPackIndex):
            segment.decode(packed(bad))
    for newer in (body[:8] + b"\2" + body[9:], body[:10] + b"\1" + body[11:]):
        with pytest.raises(FormatVersion):
            segment.decode(packed(newer))
    with pytest.raises(BadPackIndex):
        segment.decode(b"<html>log in</html>")
    with pytest.raises(BadPackIndex):
        segment.decode(zstandard.ZstdCompressor(write_content_size=False).compress(body))


def test_writing_stays_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_STORED", 20)
    with pytest.raises(LimitExceeded):
        segment.encode([info(A, A)])
    monkeypatch.undo()
    monkeypatch.setattr(segment, "MAX_RAW", 100)
    with pytest.raises(LimitExceeded):
        segment.encode([info(A, A)])


def test_a_pack_over_64_mib_is_refused() -> None:
    part = 16 << 20
    frames = [Frame(Oid(bytes([n]) * 32), 16 + part * n, part, part, Kind.CHUNK, RAW, 0) for n in range(4)]
    with pytest.raises(BadPackIndex):
        segment.decode(segment.encode([PackInfo(A, 16 + part * 4 + 240 + 32, tuple(frames))]))


def test_limits() -> None:
    data = segment.encode([info(A, A)])
    with pytest.raises(LimitExceeded):
        segment.decode(data, limit=10)
    with pytest.raises(LimitExceeded):
        segment.decode(data, raw_limit=10)
    with pytest.raises(LimitExceeded):
        segment.decode(packed(bytes(segment.MAX_RAW + 1)))
