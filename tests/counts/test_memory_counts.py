"""What the needs of a push or a pull take for each file, by what Python allocates: no clock, no resident size.

Everything else that they hold is bounded: groups of 20,000 locations, segments and packs of 65,536 frames.
"""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from transfer_kit import Tree, add, clone
from weft.objects.catalog import LOCAL
from weft.objects.reachability import walk
from weft.objects.selection import choose, look_up

FILES = 20_000
CONTENTS, FRAMES = 80, 37
"""Bytes a file: the closure with sizes, and the sorted names of frames alone."""


def tiny_tree(files: int) -> dict[str, bytes | Tree]:
    """Directories of a hundred files of a few bytes."""
    return {f"d{n:05}": {f"f{k:02}": b"%d" % (n + k) for k in range(100)} for n in range(0, files, 100)}


def held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_bytes_a_file_of_the_needs_of_a_transfer(tmp_path: Path):
    with clone(tmp_path / "a") as store:
        pointer = add(store, tiny_tree(FILES))
        nowhere = store.catalog.place("nowhere")
        walk(pointer, store)  # what is loaded once
        tracemalloc.start()
        try:
            before = held()
            closure = walk(pointer, store)
            walked = held()
            frames = closure.all_frames()
            named = held()
            absent = look_up(store.catalog, frames, nowhere).missing
            looked = held()
            choice = choose(store.catalog, frames, LOCAL)
            chosen = held()
        finally:
            tracemalloc.stop()
    assert len(frames) == len(absent) == FILES + FILES // 100 + 1
    assert not choice.absent
    assert walked - before < CONTENTS * FILES
    assert named - walked < FRAMES * len(frames)
    assert looked - named < FRAMES * len(frames)
    assert chosen - looked < FILES
