"""Each guard of the protocol is taken out of the code, and then the scene that it is there for must go wrong.

A scene runs the real command and returns what is wrong afterwards, in words: nothing with the code as it is, something with
the guard gone. What is wrong is found out without weft: by the checker of invariants, and by the order of system calls that
strace tells.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from xxhash import xxh3_64_intdigest

from guards import GUARDS
from invariants import check, proved
from kit import environment, pseudo_random
from mutants import MutantRepo, plain
from writeorder import CALLS, Order


class World(NamedTuple):
    """A repository with a directory of data that was pushed, its remote, and a clone that has fetched nothing yet."""

    repo: MutantRepo
    remote: Path
    clone: MutantRepo


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("template")
    repo = MutantRepo.make(top / "repo", "../remote")
    repo.write({f"data/{name}": pseudo_random(2000, seed) for seed, name in enumerate(("a", "b", "sub/c"))})
    repo.write({"data/big": pseudo_random(2_500_000, 3)})
    repo.weft("add", "data")
    repo.commit()
    repo.weft("push")
    repo.clone(top / "clone")
    return top


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    return World(MutantRepo(tmp_path / "repo"), tmp_path / "remote", MutantRepo(tmp_path / "clone"))


# --- looking without weft ---


def damage(place: Path) -> list[str]:
    """Packs, frames and segments in a store that are not what their names say (I1)."""
    wrong: list[str] = []
    proved(place, wrong)
    return wrong


def store_of(repo: MutantRepo) -> Path:
    return repo.root / ".git/weft/store"


def in_store(repo: MutantRepo, data: bytes) -> bool:
    """Whether incompressible bytes lie in one of the packs."""
    return any(data in path.read_bytes() for path in store_of(repo).glob("packs/*/*.pack"))


def pack_with(folder: Path, data: bytes) -> Path:
    (path,) = [path for path in folder.glob("packs/*/*.pack") if data in path.read_bytes()]
    return path


# --- scenes ---


class Seen(NamedTuple):
    """How a command ended, and what is wrong after it."""

    code: int
    wrong: list[str]


def pushed_again(world: World) -> Seen:
    """A pack went away from the remote since the last push, and nothing new is there to push."""
    pack_with(world.remote, pseudo_random(2000, 0)).unlink()
    done = world.repo.mutant("push")
    return Seen(done.code, check(world.repo.root, world.remote) if done.code == 0 else [])


def share(world: World) -> Path:
    """Add a second pointer that relies on what was pushed; the pack on the remote with what both need."""
    shutil.copytree(world.repo.root / "data", world.repo.root / "more")
    world.repo.write({"more/new": pseudo_random(3000, 9)})
    world.repo.weft("add", "more")
    return pack_with(world.remote, pseudo_random(2000, 0))


def pushed_more(world: World) -> Seen:
    """A pack went away from the remote since the last push, and another pointer relies on it."""
    share(world).unlink()
    done = world.repo.mutant("push", "more")
    return Seen(done.code, check(world.repo.root, world.remote) if done.code == 0 else [])


def lost_during_push(world: World) -> Seen:
    """A pack goes away from the remote after the push has looked, just before the root gets its name."""
    victim, marker = share(world), world.remote.parent / "gone"
    before = f"""
import os, sys
gone = []
def hook(event, arguments):
    if event in ("os.link", "os.rename") and len(os.path.basename(str(arguments[1]))) > 100 and not gone:
        gone.append(open({str(marker)!r}, "x"))
        os.unlink({str(victim)!r})
sys.addaudithook(hook)
"""
    done = world.repo.mutant("push", "more", before=before)
    assert marker.exists(), "the pack was never taken away"
    return Seen(done.code, check(world.repo.root, world.remote) if done.code == 0 else [])


LATER = """
import time
real = time.time_ns
time.time_ns = lambda: real() + 10_000_000_000
"""


def same_size_and_time(world: World) -> Seen:
    """A file is changed and keeps its size and its time of modification; then an older version is checked out."""
    repo, new, mine = world.repo, pseudo_random(2000, 20), pseudo_random(2000, 21)
    file = repo.root / "data/a"
    file.write_bytes(new)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    # An old file, ten seconds from now: it does not count as one that is still being written.
    assert repo.mutant("add", "data", before=LATER).code == 0
    repo.commit("new")
    assert repo.mutant("status", before=LATER).code == 0
    old = file.stat()
    while file.stat().st_ctime_ns == old.st_ctime_ns:
        file.write_bytes(mine)
        os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    repo.git("checkout", "-q", "HEAD~1")
    done = repo.mutant("checkout", before=LATER)
    kept = file.read_bytes() == mine or in_store(repo, mine)
    return Seen(done.code, [] if kept else ["the bytes of data/a are neither there nor in the store"])


def short(limit: int) -> str:
    """Every write takes ``limit`` bytes at most, as a write to a nearly full disk may."""
    return f"""
import os
real = os.write
os.write = lambda fd, data: real(fd, memoryview(data)[:{limit}])
"""


def added_in_bits(world: World) -> Seen:
    """Every write of an add takes less than it was given."""
    repo = world.repo
    repo.write({"other/x": pseudo_random(100_000, 30)})
    done = repo.mutant("add", "other", before=short(40))
    return Seen(done.code, check(repo.root))


def pushed_in_bits(world: World) -> Seen:
    """Every write of a push to a directory takes less than it was given."""
    repo = world.repo
    repo.write({"other/x": pseudo_random(100_000, 30)})
    repo.weft("add", "other")
    done = repo.mutant("push", before=short(40))
    return Seen(done.code, check(repo.root, world.remote))


def checked_out_in_bits(world: World) -> Seen:
    """Every write of a pull takes less than it was given."""
    done = world.clone.mutant("pull", before=short(5000))
    wrong = []
    if done.code == 0:
        files = [path for path in (world.repo.root / "data").rglob("*") if path.is_file()]
        names = [path.relative_to(world.repo.root) for path in files]
        wrong = [
            f"{name} is not what it was"
            for name in names
            if (world.clone.root / name).read_bytes() != (world.repo.root / name).read_bytes()
        ]
    return Seen(done.code, wrong)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def fetched_flipped(world: World) -> Seen:
    """One bit of a pack on the remote is another; the pack is fetched as a whole."""
    flipped(pack_with(world.remote, pseudo_random(2000, 0)))
    done = world.clone.mutant("fetch")
    return Seen(done.code, damage(store_of(world.clone)))


def fetched_part_flipped(world: World) -> Seen:
    """One bit of a small file in a large pack is another, and only that file is fetched."""
    wanted = pseudo_random(2000, 2)
    path = pack_with(world.remote, wanted)
    data = path.read_bytes()
    at = data.index(wanted) + 1000
    path.chmod(0o644)
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    done = world.clone.mutant("fetch", "data/sub")
    return Seen(done.code, damage(store_of(world.clone)))


def checked_out_flipped(world: World) -> Seen:
    """A pack of the local store has rotted, its frames' checksums with it; its data is checked out."""
    world.clone.weft("fetch")
    path = pack_with(store_of(world.clone), pseudo_random(2000, 0))
    reframe(path, pseudo_random(2000, 0))
    (store_of(world.clone).parent / "catalog.sqlite").unlink()
    done = world.clone.mutant("checkout")
    file = world.clone.root / "data/a"
    wrong = file.exists() and file.read_bytes() != pseudo_random(2000, 0)
    return Seen(done.code, ["data/a has other bytes than its pointer says"] if wrong else [])


def reframe(path: Path, content: bytes) -> None:
    """Flip a bit of ``content`` in the pack at ``path`` and make the checksums of the frame and of the footer fit."""
    data = bytearray(path.read_bytes())
    at = data.index(content)
    data[at] ^= 1
    footer = struct.unpack("<QIIQ8s", data[-32:])[0]
    for entry in range(footer, len(data) - 32, 60):
        if struct.unpack_from("<Q", data, entry + 32)[0] == at:
            struct.pack_into("<Q", data, entry + 52, xxh3_64_intdigest(bytes(data[at : at + len(content)])))
    struct.pack_into("<Q", data, len(data) - 16, xxh3_64_intdigest(bytes(data[footer:-32])))
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


# --- the order of writes, as strace tells it ---


def ordered(world: World, repo: MutantRepo, *arguments: str) -> tuple[int, Order]:
    """Run a command under strace."""
    log = world.remote.parent / "strace.log"
    argv = ["strace", "-f", "-y", "-s", "300", "-o", str(log), f"--trace={CALLS}", *repo.argv(*arguments)]
    done = subprocess.run(argv, cwd=repo.root, env=environment(plain()), capture_output=True, check=False, timeout=60)
    assert b"what is to be replaced" not in done.stderr, done.stderr
    order = Order(world.remote.parent)
    order.read(log.read_text(errors="replace"))
    return done.returncode, order


def order_of_add(world: World) -> Seen:
    """Packs, their names, the pointer, its name: each is durable before the next."""
    world.repo.write({"other/x": pseudo_random(100_000, 30)})
    code, order = ordered(world, world.repo, "add", "other")
    assert [name for name in order.published if name.endswith("other.weft")]
    assert [name for name in order.published if name.endswith(".pack")]
    return Seen(code, order.wrong)


def order_of_push(world: World) -> Seen:
    """Packs, segments and roots on a directory: each is durable before the next."""
    world.repo.write({"other/x": pseudo_random(100_000, 30)})
    world.repo.weft("add", "other")
    code, order = ordered(world, world.repo, "push")
    assert [name for name in order.published if "/roots/" in name]
    return Seen(code, order.wrong)


def order_of_fetch(world: World) -> Seen:
    """Packs from a remote are durable before they have their names."""
    code, order = ordered(world, world.clone, "fetch")
    assert len([name for name in order.published if name.endswith(".pack")]) == 2
    return Seen(code, order.wrong)


# --- guards and scenes ---

Scene = Callable[[World], Seen]

REFUSED, UNSAVED = 4, 3

SCENES: dict[Scene, int] = {
    pushed_again: 0,
    pushed_more: 0,
    lost_during_push: 0,
    same_size_and_time: UNSAVED,
    added_in_bits: 0,
    pushed_in_bits: 0,
    checked_out_in_bits: 0,
    fetched_flipped: REFUSED,
    fetched_part_flipped: REFUSED,
    checked_out_flipped: REFUSED,
    order_of_add: 0,
    order_of_push: 0,
    order_of_fetch: 0,
}
"""Each scene, and the exit code that it ends with."""

BY_NAME = {scene.__name__: scene for scene in SCENES}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_nothing_is_wrong_with_the_guards(world: World, scene: Scene) -> None:
    assert scene(world) == Seen(SCENES[scene], [])


@pytest.mark.parametrize("guard", GUARDS)
def test_without_this_guard_something_is_wrong(world: World, guard: str) -> None:
    name, mutations = GUARDS[guard]
    for repo in (world.repo, world.clone):
        repo.mutations = mutations
    assert BY_NAME[name](world).wrong, f"nobody misses {guard}"
