from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import pseudo_random
from weft.errors import ConfigError, FormatVersion
from weft.model.remote import ChunkerParams
from weft.objects.chunker import Chunker

SMALL = ChunkerParams(minimum=64, average=256, maximum=1024)


def _windowed(chunker: Chunker, data: bytes, sizes: list[int]) -> list[int]:
    lengths: list[int] = []
    carry, position, turn = b"", 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        window = carry + data[position : position + size]
        position, turn = position + size, turn + 1
        cut = chunker.cut(window, final=position >= len(data))
        lengths += cut
        carry = window[sum(cut) :]
        assert len(carry) < chunker.maximum
    return lengths


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    length=st.integers(0, 20000),
    plain=st.integers(0, 3000),
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
)
def test_windows_do_not_move_the_cuts(seed: int, length: int, plain: int, sizes: list[int]):
    chunker = Chunker(SMALL)
    data = random.Random(seed).randbytes(length) + bytes(plain)
    assert _windowed(chunker, data, sizes) == chunker.cut(data)


def test_chunks_cover_the_buffer_and_keep_the_bounds():
    data = pseudo_random(3_000_000, 1)
    chunker = Chunker()
    lengths = chunker.cut(data)
    assert sum(lengths) == len(data)
    assert all(64 * 1024 <= length <= 1024 * 1024 for length in lengths[:-1])
    assert len(lengths) > 4


def test_cuts_are_those_of_version_1():
    # Other cuts are not wrong, but they would make every store deduplicate nothing against its older data.
    assert Chunker().cut(pseudo_random(1_500_000, 7)) == CUTS_OF_SEED_7


CUTS_OF_SEED_7 = [103688, 313157, 295046, 98678, 331882, 287101, 70448]


def test_small_and_empty_buffers_are_one_chunk_or_none():
    assert Chunker().cut(b"") == []
    assert Chunker().cut(b"x" * 65536) == [65536]


def test_an_edit_moves_few_cuts():
    data = pseudo_random(4_000_000, 3)
    edited = data[:2_000_000] + b"inserted" + data[2_000_000:]
    before, after = Chunker().cut(data), Chunker().cut(edited)
    assert len(set(after) - set(before)) <= 3


def test_another_algorithm_is_refused():
    with pytest.raises(FormatVersion):
        Chunker(ChunkerParams(version=2016))
    with pytest.raises(ConfigError):
        Chunker(ChunkerParams(average=5))


def test_the_slow_fallback_of_the_library_is_an_error():
    code = (
        "import sys; sys.modules['pyfastcdc.cy'] = None\n"
        "from weft.objects.chunker import Chunker\n"
        "from weft.errors import DependencyMissing\n"
        "try:\n    Chunker()\n"
        "except DependencyMissing as error:\n    print(error.hint)\n"
    )
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert "pip install" in ran.stdout
