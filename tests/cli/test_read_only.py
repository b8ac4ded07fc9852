"""A repository that its user may only read: what looks at it works, what would change it is refused, and nothing is left."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import Ran, Repo, snapshot
from users import UserRepo, mounts, user


def _as_guest(root: Path, home: Path) -> UserRepo:
    """The repository at ``root`` for a user who may only read it."""
    guest = UserRepo(root, user(54_001, home))
    config = guest.owner.home / "gitconfig"
    config.write_text("[safe]\n\tdirectory = *\n")
    guest.env["GIT_CONFIG_GLOBAL"] = str(config)
    guest.env["TMPDIR"] = str(guest.owner.home)
    return guest


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory that every user may enter: those of pytest are for one user alone, and Git asks about the whole way."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.fixture
def repo(top: Path) -> Repo:
    made = Repo.make(top / "repo", str(top / "store"))
    made.write({"data/f": b"one\n", "data/g": b"two\n", "raw": b"raw\n"})
    made.weft("add", "data", "raw")
    made.weft("run", "-n", "s", "-d", "raw", "-o", "out", "--", "cp raw out")
    made.commit("data")
    made.weft("push")
    return made


def test_what_only_looks_works_and_what_changes_is_refused(repo: Repo, top: Path) -> None:
    guest = _as_guest(repo.root, top / "guest")
    repo.write({"data/f": b"changed\n"})
    before = snapshot(repo.root)
    assert guest.weft("status").out.splitlines()[:-1] == ["M data/f"]
    assert guest.weft("diff").out.startswith("M data/f")
    assert guest.weft("diff", "HEAD").out.startswith("M data/f")
    assert "data/" in guest.weft("ls").out
    assert guest.weft("cat", "data/g").out == "two\n"
    assert "no damage found" in guest.weft("verify", "--full").out
    assert "0 of 1 stage stale" in guest.weft("repro", "--dry-run").err
    assert guest.weft("lineage", "why", "out").out
    for command in (
        ["add", "data"],
        ["checkout", "--force"],
        ["pull", "--force"],
        ["rm", "raw"],
        ["repro", "-f"],
    ):
        assert "E_PERMISSION" in guest.weft(*command, code=6).err, command
    assert snapshot(repo.root) == before
    assert sorted(os.listdir(guest.owner.home)) == ["gitconfig"], "something was left behind"


def test_a_clone_that_weft_never_touched_is_looked_at_too(repo: Repo, top: Path) -> None:
    clone = repo.clone(top / "clone")
    guest = _as_guest(clone.root, top / "guest")
    assert sorted(guest.weft("status").out.splitlines()[:-1]) == [
        "- data  (not here)",
        "- out  (not here)",
        "- raw  (not here)",
    ]
    assert "data/" in guest.weft("ls").out
    assert "0 of 1 stage stale" in guest.weft("repro", "--dry-run").err
    assert not (clone.root / ".git/weft").exists()


def test_a_read_only_file_system_is_looked_at_as_well(repo: Repo) -> None:
    """As root, whom no permission bit keeps from writing, in a mount name space of its own."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && shift && exec "$@"'

    def weft(*words: str, code: int | None = 0) -> Ran:
        command = (*mounts(), "sh", "-c", script, str(repo.root), "-", sys.executable, "-m", "weft", *words)
        return repo.run(*command, code=code)

    repo.write({"data/f": b"changed\n"})
    assert weft("status").out.splitlines()[:-1] == ["M data/f"]
    assert weft("diff").out.startswith("M data/f")
    assert "data/" in weft("ls").out
    assert weft("cat", "data/g").out == "two\n"
    assert "no damage found" in weft("verify", "--full").out
    assert "0 of 1 stage stale" in weft("repro", "--dry-run").err
    for command in (["add", "data"], ["checkout", "--force"]):
        assert "E_PERMISSION" in weft(*command, code=6).err, command
    assert (repo.root / "data/f").read_bytes() == b"changed\n"
