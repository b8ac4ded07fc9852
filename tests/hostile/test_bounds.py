"""Memory and room on disk under hostile packs, segments, manifests and recipes: whole commands, measured from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from kit import Repo, environment, pseudo_random
from transfer_kit import clone
from weft.formats import manifest as manifest_format
from weft.formats import pointer as pointer_format
from weft.formats import recipe as recipe_format
from weft.model.entry import DIR, FILE, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.objects.layouts import layout_pairs, store_layout
from weft.objects.store_write import ObjectWriter

MEMORY, ROOM = 250 << 20, 200 << 20
"""Most resident bytes of one process, and most bytes on disk that a refused command may take. A pull of honest data of
this size takes 90 MB."""
ZEROS = 16 << 20


class Measured(NamedTuple):
    code: int
    err: str
    memory: int
    room: int
    left: int


def used(folder: Path) -> int:
    """Bytes that files below ``folder`` take on disk."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(top, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def family(pid: int) -> Iterable[int]:
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from family(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return


def high_water(pid: int) -> int:
    # Not what ``wait4`` tells: a child inherits that from the process that started it.
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


def measured(repo: Repo, *args: str) -> Measured:
    """Run weft and look, all the time, at the memory of its processes and at the room that the clone takes."""
    before = used(repo.root)
    peak = {"memory": 0, "room": 0}
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", *args],
        cwd=repo.root,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            peak["memory"] = max(peak["memory"], *(high_water(pid) for pid in family(process.pid)), 0)
            peak["room"] = max(peak["room"], used(repo.root) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
        ended.set()
        watcher.join()
    return Measured(process.returncode, err, peak["memory"], peak["room"], used(repo.root) - before)


def honest(tmp_path: Path) -> Repo:
    """A clone that has pulled nothing yet of a remote with some honest data."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({f"data/{n}": pseudo_random(300_000, n) for n in range(10)})
    repo.weft("add", "data")
    repo.commit("data")
    repo.weft("push")
    return repo.clone(tmp_path / "clone")


def stranger(tmp_path: Path, make: Callable[[ObjectWriter], Pointer]) -> Repo:
    """A clone of the repository of somebody else, whose pointer and data are all in order and not what one would wish."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    with clone(repo.root / ".git" / "weft") as store, store.writer() as writer:
        pointer = make(writer)
    (repo.root / f"{pointer.path}.weft").write_bytes(pointer_format.encode(pointer))
    repo.commit("data")
    repo.weft("push")
    return repo.clone(tmp_path / "clone")


def bounded(done: Measured, *codes: int) -> None:
    assert done.code in codes, done.err
    assert "Traceback" not in done.err
    assert done.memory < MEMORY, f"{done.memory >> 20} MiB of memory"
    assert done.room < ROOM, f"{done.room >> 20} MiB on disk"


@pytest.mark.parametrize("kind", ["packs", "index", "roots", "weft.json"])
def test_an_object_that_grew_to_four_gib(tmp_path: Path, kind: str):
    repo = honest(tmp_path)
    grown = [path for path in (tmp_path / "remote").rglob("*") if path.is_file() and kind in str(path)]
    assert grown
    for path in grown:
        path.chmod(0o644)
        os.truncate(path, 4 << 30)
    # What a root says can be found out without it.
    bounded(measured(repo, "pull"), *((0,) if kind == "roots" else (3, 4, 6)))


def zeros(writer: ObjectWriter, number: int) -> Oid:
    data = number.to_bytes(8, "big") + bytes(ZEROS - 8)
    writer.add_chunks([(Oid.of(data), data)])
    return Oid.of(data)


def test_chunks_that_expand_ten_thousand_times(tmp_path: Path):
    def make(writer: ObjectWriter) -> Pointer:
        manifest = Manifest.of([Entry(FILE, zeros(writer, n), ZEROS, 1, f"{n:03}") for n in range(120)])
        oid = writer.add_object(Kind.MANIFEST, manifest_format.encode(manifest))
        return Pointer("dir", "data", oid, manifest.size, manifest.files)

    bounded(measured(stranger(tmp_path, make), "fetch"), 0)


def test_a_recipe_of_four_tib_of_one_chunk(tmp_path: Path):
    def make(writer: ObjectWriter) -> Pointer:
        chunk = zeros(writer, 0)
        whole = Recipe(Oid.of(b"never hashed"), 300_000 * ZEROS, ((chunk, ZEROS),) * 300_000)
        recipe = writer.add_object(Kind.RECIPE, recipe_format.encode(whole))
        layout = store_layout(writer, layout_pairs([whole.object], {**writer.recipes, whole.object: recipe}))
        return Pointer("file", "data", whole.object, whole.length, layout=layout)

    repo = stranger(tmp_path, make)
    done = measured(repo, "pull")
    bounded(done, 6)
    assert "E_DISK_FULL" in done.err
    assert not (repo.root / "data").exists()


@pytest.mark.parametrize("verb", [["pull"], ["status"], ["validate", "--rev", "HEAD"]], ids=" ".join)
def test_a_directory_of_four_billion_files(tmp_path: Path, verb: list[str]):
    def make(writer: ObjectWriter) -> Pointer:
        manifest = Manifest.of([Entry(FILE, writer.add_object(Kind.CHUNK, b""), 0, 1, name) for name in "ab"])
        oid = writer.add_object(Kind.MANIFEST, manifest_format.encode(manifest))
        for _ in range(31):
            manifest = Manifest.of([Entry(DIR, oid, manifest.size, manifest.files, name) for name in "ab"])
            oid = writer.add_object(Kind.MANIFEST, manifest_format.encode(manifest))
        return Pointer("dir", "data", oid, manifest.size, manifest.files)

    repo = stranger(tmp_path, make)
    done = measured(repo, *verb)
    bounded(done, 0, 1, 6)
    if verb == ["pull"]:
        assert "E_DISK_FULL" in done.err
        assert not (repo.root / "data").exists()
