"""One command stopped at one of its writes while another runs: the outcome is that of some order, or one waits (I10).

The kernel holds the first command at a call chosen beforehand (``tests/supervised.py``); meanwhile the second one runs until
it ends or waits for a lock. With ``WEFT_FAULT_SWEEP=all`` every call of every scene is such a point, else a few of each.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from invariants import Before, check, ended, leftovers
from kit import Repo, environment, pseudo_random, snapshot
from supervised import SUPPORTED, Call, supervise

pytestmark = [
    pytest.mark.skipif(not SUPPORTED, reason="needs the system calls of Linux on x86_64"),
    pytest.mark.slow,
]

ALL = os.environ.get("WEFT_FAULT_SWEEP") == "all"
POINTS = 2
_CODE = re.compile(r"\[(E_[A-Z_]+)\]$", re.MULTILINE)


@dataclass(frozen=True)
class Scene:
    """``first`` runs in the clone ``one``, ``second`` in ``where``; ``may`` are errors that some order explains.

    ``prepare`` gets the directory with the clones and the remote, ``holds`` is asked once both have run.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    prepare: Callable[[Path], None]
    holds: Callable[[Path], object]
    where: str = "one"
    may: tuple[str, ...] = ()


def base(top: Path) -> None:
    """Two clones with the same data, which is pushed; the first has one version more, and a file that is not added."""
    one = Repo.make(top / "one", "../remote")
    one.write(
        {f"data/{n}.bin": pseudo_random(20_000, n) for n in range(6)} | {"data/large.bin": pseudo_random(3 << 20, 9)}
    )
    one.weft("add", "data")
    one.commit()
    one.weft("push")
    one.git("clone", "-q", str(one.root), str(top / "two"))
    Repo(top / "two").weft("pull")
    one.write({"data/0.bin": b"changed"})
    one.weft("add", "data")
    one.commit()


def new_files(top: Path) -> None:
    base(top)
    for name in ("one", "two"):
        Repo(top / name).write({f"data/{n}.new": f"new {n}".encode() for n in ("first", "second")})


def other_data(top: Path) -> None:
    base(top)
    two = Repo(top / "two")
    two.write({"more/a": b"more", "more/b": pseudo_random(30_000, 33)})
    two.weft("add", "more")
    two.commit()


def changed_and_deleted(top: Path) -> None:
    base(top)
    one = Repo(top / "one")
    one.write({"data/1.bin": b"nobody has stored this"})
    (one.root / "data/2.bin").unlink()


def garbage(top: Path) -> None:
    """Versions that no commit holds, and all else on the remote."""
    base(top)
    one = Repo(top / "one")
    one.weft("push")
    one.write({"data/1.bin": pseudo_random(9000, 50)})
    one.weft("add", "data")
    one.git("checkout", "-q", "HEAD", "--", "data.weft")
    one.weft("checkout")
    one.write({"data/second.new": b"new second"})


def wiped(top: Path) -> None:
    base(top)
    one = Repo(top / "one")
    one.weft("push")
    one.wipe("data")


def no_catalog(top: Path) -> None:
    base(top)
    for suffix in ("", "-wal", "-shm"):
        (top / f"one/.git/weft/catalog.sqlite{suffix}").unlink(missing_ok=True)


def no_data(top: Path) -> None:
    """The second clone has nothing yet of what was pushed before."""
    base(top)
    Repo(top / "two").wipe("data")


def one_store(top: Path) -> None:
    """Both clones keep their objects in the same directory, and have the same new files."""
    new_files(top)
    Repo(top / "one").weft("push")
    for name in ("one", "two"):
        clone = Repo(top / name)
        clone.weft("config", "set", "--private", "store.dir", "../store")
        clone.weft("fetch")


def both_new(top: Path) -> None:
    names = {path.name for path in (top / "one/data").iterdir()}
    listed = {entry["path"] for entry in Repo(top / "one").weft("ls", "data", "--json").json["data"]["entries"]}
    assert listed == {f"data/{name}" for name in names}
    assert {"data/first.new", "data/second.new"} <= listed


def pushed(top: Path) -> None:
    for name in ("one", "two"):
        other = Repo(top / name).clone(top / f"check-{name}")
        other.weft("pull")
        for path in (top / name).glob("*.weft"):
            assert snapshot(other.root / path.stem) == snapshot(path.with_suffix(""))


def push_both(top: Path) -> None:
    for name in ("one", "two"):
        Repo(top / name).commit()
        Repo(top / name).weft("push")
    pushed(top)


def clean(top: Path) -> None:
    Repo(top / "one").weft("pull")
    assert "E_" not in Repo(top / "one").weft("status").out


def nothing(top: Path) -> None:
    """The checks that every scene gets say it all."""


EVICT, COLLECT = ("gc", "--limit", "0"), ("gc", "--grace", "0")
SCENES = {
    "two adds of different files": Scene(("add", "data/first.new"), ("add", "data/second.new"), new_files, both_new),
    "two adds of the same": Scene(("add", "data"), ("add", "data"), new_files, both_new),
    "checkout beside add": Scene(("checkout",), ("add", "data"), changed_and_deleted, nothing, may=("E_UNSAVED",)),
    "add beside checkout": Scene(("add", "data"), ("checkout",), changed_and_deleted, nothing, may=("E_UNSAVED",)),
    "two pushes of the same": Scene(("push",), ("push",), base, pushed),
    "two pushes of different data": Scene(("push",), ("push",), other_data, pushed, where="two"),
    "push beside pull": Scene(("push",), ("pull",), no_data, pushed, where="two"),
    "eviction beside push": Scene(EVICT, ("push",), base, pushed),
    "push beside eviction": Scene(("push",), EVICT, base, pushed),
    "eviction beside checkout": Scene(EVICT, ("checkout", "HEAD~1", "--", "data"), garbage, nothing, may=("E_UNSAVED",)),
    "collection beside add": Scene(COLLECT, ("add", "data"), garbage, nothing),
    "add beside collection": Scene(("add", "data"), COLLECT, garbage, nothing),
    "two collections": Scene(EVICT, EVICT, garbage, clean),
    "collection beside verify": Scene(COLLECT, ("verify", "--full"), garbage, nothing),
    "two fetches": Scene(("fetch",), ("pull",), wiped, clean),
    "fetch beside eviction": Scene(("fetch",), EVICT, wiped, clean),
    "two that make the catalog": Scene(("status",), ("status",), no_catalog, nothing),
    "two clones with one store": Scene(("add", "data"), ("add", "data"), one_store, push_both, where="two"),
}  # fmt: skip


def _waits(pid: int) -> bool:
    """Whether the process has a lock open: it waits for it, or works on and is only given less time."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
        return any(os.readlink(f"/proc/{pid}/fd/{name}").endswith(("/lock", ".lock")) for name in names)
    except OSError:
        return False


def _let(process: subprocess.Popen[bytes]) -> None:
    """Give a process time, until it ends or seems to wait for a lock."""
    end, seen = time.monotonic() + 3, 0
    while process.poll() is None and time.monotonic() < end and seen < 8:
        seen = seen + 1 if _waits(process.pid) else 0
        time.sleep(0.05)


def _judge(code: int, out: str, err: str, scene: Scene) -> None:
    fault = _CODE.search(err)
    assert ended(code, out, err) == []
    assert code in (0, 1) or (fault and fault[1] in scene.may), err
    assert not re.search("damaged|quarantine|rebuilt from|contradict", err), err


def _run(scene: Scene, top: Path, number: int) -> None:
    """Both commands on a site that is prepared at ``top``: the second one while the first stands at its call ``number``."""
    one, other = Repo(top / "one"), Repo(top / scene.where)
    before = Before.of(one.root)
    words = [sys.executable, "-m", "weft", *scene.second]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(words, cwd=other.root, env=environment(), stdout=pipe, stderr=pipe))

    def stop(call: Call) -> None:
        if call.number == number:
            start()
            _let(started[0])

    done = supervise(one.root, *scene.first, judge=stop)
    if not started:  # it made fewer calls than the run before
        start()
    out, err = started[0].communicate(timeout=120)
    _judge(started[0].returncode, out.decode(), err.decode(), scene)
    _judge(done.code, done.out, done.err, scene)
    assert before.lost(top / "remote", top) == []
    scene.holds(top)
    for name in ("one", "two"):
        clone = Repo(top / name)
        clone.weft("verify", "--full")
        if not (top / "store").exists():
            assert check(clone.root, top / "remote") + leftovers(clone.root, top / "remote") == []


@pytest.mark.parametrize("name", SCENES)
def test_any_order(name: str, tmp_path: Path) -> None:
    scene, site = SCENES[name], tmp_path / "site"
    template = tmp_path / "template"
    site.mkdir()
    scene.prepare(site)
    shutil.copytree(site, template, symlinks=True)
    calls = supervise(site / "one", *scene.first).calls
    points = list(range(1, len(calls) + 1))
    dice = random.Random(name)
    for number in points if ALL else sorted(dice.sample(points, min(POINTS, len(points)))):
        shutil.rmtree(site)
        shutil.copytree(template, site, symlinks=True)
        try:
            _run(scene, site, number)
        except AssertionError as error:
            error.add_note(f"{scene.first} stood at call {number} of {len(calls)}: {calls[number - 1]}")
            raise
