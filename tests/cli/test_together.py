"""Several commands at once on one repository: as if one had come after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kit import Repo, environment, pseudo_random, snapshot


def _start(repo: Repo, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "weft", *args],
        cwd=repo.root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _finish(*running: subprocess.Popen[bytes]) -> None:
    for process in running:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, (out, err)


def test_two_adds_into_one_tracked_directory_both_count(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/base": b"base"})
    repo.weft("add", "data")
    names = [f"data/{n}.bin" for n in range(6)]
    repo.write({name: pseudo_random(200_000, n) for n, name in enumerate(names)})
    _finish(*[_start(repo, "add", name) for name in names])
    listed = [entry["path"] for entry in repo.weft("ls", "data", "--json").json["data"]["entries"]]
    assert listed == sorted([*names, "data/base"])


def test_two_clones_push_at_once(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    clones = []
    for number in range(2):
        clone = repo.clone(tmp_path / f"clone{number}")
        clone.write({f"d{number}/{n}": pseudo_random(50_000, n) for n in range(20)})
        clone.weft("add", f"d{number}")
        clone.commit()
        clones.append(clone)
    _finish(*[_start(clone, "push") for clone in clones])
    for number, clone in enumerate(clones):
        other = clone.clone(tmp_path / f"check{number}")
        other.weft("pull")
        assert snapshot(other.root / f"d{number}") == snapshot(clone.root / f"d{number}")
        assert clone.weft("verify", "--remote").code == 0
