"""Small repositories, each about to run one command that changes much, and what it should come to."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import Repo, pseudo_random, snapshot

FIRST = {
    "data/a": pseudo_random(3000, 1),
    "data/b": b"text that compresses " * 300,
    "data/sub/c": pseudo_random(3000, 2),
    "data/gone/d": pseudo_random(900, 3),
    "data/large": pseudo_random(500_000, 4),
}
SECOND = {
    "data/a": pseudo_random(3000, 11),
    "data/sub/new": pseudo_random(2000, 12),
    "data/large": FIRST["data/large"][:250_000] + pseudo_random(200_000, 13),
}
UNSAVED = {"data/a": pseudo_random(3000, 21), "data/large": pseudo_random(300_000, 22), "data/mine": b"never added"}
OLD = 30 * 86400
REPAIR_REMOTE = ("verify", "--remote", "--sample", "100%", "--repair")


@dataclass(frozen=True)
class Scene:
    """``prepare`` makes ``top/repo`` (and ``top/remote``), where ``weft *command`` is about to run."""

    name: str
    prepare: Callable[[Path], None]
    command: tuple[str, ...]
    repo: str = "repo"
    evicts: bool = False  # what is only on the remote afterwards is well kept
    shares: bool = False  # it writes to the remote, and so clears what others left there
    mends: bool = False  # nothing that was wrong before is wrong afterwards


def _first(top: Path) -> Repo:
    repo = Repo.make(top / "repo", "../remote")
    repo.write(FIRST)
    (repo.root / "data/empty").mkdir()
    (repo.root / "data/link").symlink_to("sub/c")
    (repo.root / "data/b").chmod(0o755)
    repo.weft("add", "data")
    repo.commit("first")
    repo.weft("push")
    return repo


def _changed(repo: Repo) -> Repo:
    repo.write(SECOND)
    shutil.rmtree(repo.root / "data/gone")
    return repo


def _second(top: Path) -> Repo:
    repo = _changed(_first(top))
    repo.weft("add", "data")
    repo.commit("second")
    return repo


def _unsaved(top: Path) -> None:
    _first(top).write(UNSAVED)


def _clone(top: Path) -> None:
    repo = _second(top)
    repo.weft("push")
    repo.clone(top / "clone")


def _half_clone(top: Path) -> None:
    """A clone that has the first version, in the store and in the work tree, and the second only as a pointer."""
    _first(top)
    clone = Repo(top / "repo").clone(top / "clone")
    clone.weft("pull")
    repo = _changed(Repo(top / "repo"))
    repo.weft("add", "data")
    repo.commit("second")
    repo.weft("push")
    clone.git("pull", "-q")


def _new(top: Path) -> None:
    _first(top).write({f"new/{name.removeprefix('data/')}": data for name, data in (SECOND | UNSAVED).items()})


def _pushed(top: Path) -> None:
    repo = _second(top)
    repo.weft("push")
    repo.write({"loose/x": pseudo_random(5000, 31)})
    repo.weft("add", "loose")
    (repo.root / "loose.weft").unlink()
    repo.git("reset", "-q", "--hard")
    _age(repo.root / ".git/weft/store/packs")


def _garbage(top: Path) -> None:
    repo = _second(top)
    repo.weft("push")
    for root in (top / "remote/roots").rglob("*.*"):
        if root.name.partition(".")[0] not in (repo.root / "data.weft").read_text():
            root.unlink()
    repo.write({"loose/x": pseudo_random(5000, 31)})
    repo.weft("add", "loose")
    repo.weft("push", "loose")
    for root in (top / "remote/roots").rglob("*"):
        if root.is_file() and root.name in (repo.root / "loose.weft").read_text():
            root.unlink()
    (repo.root / "loose.weft").unlink()
    repo.git("reset", "-q", "--hard")
    _age(top / "remote")


def _condemned(top: Path) -> None:
    _garbage(top)
    Repo(top / "repo").weft("gc", "--on-remote", "--most")
    assert any((top / "remote/tombs").rglob("*")), "nothing was condemned"
    _age(top / "remote")


def _damaged(top: Path) -> None:
    _damage(_first(top).root / ".git/weft/store/packs")


def _damaged_remote(top: Path) -> None:
    _first(top)
    _damage(top / "remote/packs")


def _damage(packs: Path) -> None:
    path = max(packs.rglob("*.pack"), key=os.path.getsize)
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def _age(folder: Path) -> None:
    then = time.time() - OLD
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, os.stat(path).st_mtime - OLD))


SCENES = {
    scene.name: scene
    for scene in (
        Scene("add-new", _new, ("add", "new")),
        Scene("add-changed", lambda top: _changed(_first(top)) and None, ("add", "data")),
        Scene("checkout", lambda top: _second(top) and None, ("checkout", "HEAD~1", "--", "data")),
        Scene("checkout-force", _unsaved, ("checkout", "--force", "data")),
        Scene("push", lambda top: _second(top) and None, ("push",), shares=True),
        Scene("fetch", _clone, ("fetch",), "clone"),
        Scene("pull", _half_clone, ("pull",), "clone"),
        Scene("mv", lambda top: _first(top) and None, ("mv", "data", "moved")),
        Scene("rm", lambda top: _first(top) and None, ("rm", "data")),
        Scene("drop", lambda top: _first(top) and None, ("drop", "data"), evicts=True),
        Scene("drop-store", lambda top: _first(top) and None, ("drop", "--store", "data"), evicts=True),
        Scene("gc", _pushed, ("gc", "--limit", "1"), evicts=True),
        Scene("gc-condemn", _garbage, ("gc", "--on-remote", "--most"), shares=True),
        Scene("gc-delete", _condemned, ("gc", "--on-remote", "--most"), shares=True),
        Scene("verify", _damaged, ("verify", "--full")),
        Scene("repair", _damaged, ("verify", "--full", "--repair"), mends=True),
        Scene("repair-remote", _damaged_remote, REPAIR_REMOTE, shares=True, mends=True),
    )
}


def visible(repo: Path) -> dict[str, Any]:
    """All that a user sees of a work tree: files, and what Git has in its index."""
    files = {path: what for path, what in snapshot(repo).items() if path.partition("/")[0] != ".git"}
    return {**files, "(index)": Repo(repo).git("ls-files", "-s").out}
