from __future__ import annotations

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import pseudo_random
from weft.model.entry import RAW, ZSTD
from weft.objects.squeeze import PATIENCE, PROBE, RARE, Squeezer, squeeze_one

TEXT = b"the quick brown fox jumps over the lazy dog " * 1000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=300), st.integers(0, 50000).map(lambda n: TEXT[:n])), max_size=20))
def test_every_piece_expands_to_itself_and_none_grows(pieces: list[bytes]):
    for piece, (codec, stored) in zip(pieces, Squeezer().squeeze(pieces), strict=True):
        raw = zstandard.ZstdDecompressor().decompress(bytes(stored)) if codec == ZSTD else stored
        assert raw == piece
        assert len(stored) <= len(piece)


def test_text_shrinks_and_noise_is_left_alone():
    noise = pseudo_random(100_000, 1)
    (text, plain) = Squeezer().squeeze([TEXT, noise])
    assert text[0] == ZSTD
    assert len(text[1]) < len(TEXT) // 20
    assert plain == (RAW, noise)
    assert squeeze_one(TEXT)[0] == ZSTD
    assert squeeze_one(noise) == (RAW, noise)
    assert squeeze_one(b"") == (RAW, b"")


def test_a_compressible_head_does_not_deceive():
    data = bytes(20_000) + pseudo_random(1_000_000, 1)
    assert Squeezer().squeeze([data])[0][0] == RAW


def test_it_stops_trying_on_noise_and_starts_again_on_text():
    squeezer = Squeezer()
    noise = [pseudo_random(500, number) for number in range(400)]
    squeezer.squeeze(noise[:PATIENCE])
    before = squeezer.tried
    squeezer.squeeze(noise)
    assert squeezer.tried - before <= len(noise) // PROBE + 1
    mixed = squeezer.squeeze([TEXT[:3000]] * 40)
    assert all(codec == ZSTD for codec, _ in mixed)
    before = squeezer.tried
    squeezer.squeeze(noise)
    assert squeezer.tried - before == len(noise)


def test_after_much_noise_it_tries_one_of_each_batch_at_least():
    squeezer = Squeezer()
    noise = [pseudo_random(500, number) for number in range(256)]
    for _ in range(PATIENCE * PROBE * PROBE // len(noise) + 2):
        squeezer.squeeze(noise)
    before = squeezer.tried
    squeezer.squeeze(noise)
    assert squeezer.tried - before == len(noise) // RARE
    before = squeezer.tried
    for number in range(10):
        squeezer.squeeze(noise[number : number + 1])
    assert squeezer.tried - before == 10
    assert all(codec == ZSTD for codec, _ in squeezer.squeeze([TEXT[:3000]] * 5))
