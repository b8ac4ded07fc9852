"""Reading the frames of large objects."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from kit import pseudo_random
from localstores import opened
from weft.model.oid import Kind
from weft.objects import store_read


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot be told what will be read")
def test_the_disk_is_told_of_the_next_batch_before_the_one_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pieces = [pseudo_random(5000, number) for number in range(20)]
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(store_read, "_AHEAD", 5)
    with opened(tmp_path) as store:
        with store.writer() as writer:
            oids = [writer.add_object(Kind.CHUNK, piece) for piece in pieces]
        monkeypatch.setattr(
            os, "posix_fadvise", lambda fd, start, length, advice: told.append((start, length)), raising=False
        )
        seen = [(len(told), data) for data in store._reader.read_ordered(oids, Kind.CHUNK, False)]
    assert [data for _, data in seen] == pieces
    assert [count for count, _ in seen] == [2] * 5 + [3] * 5 + [4] * 10
    assert [length for _, length in told] == [25_000] * 4
    assert all(after[0] == before[0] + before[1] for before, after in pairwise(told))
