"""Refs among the locks of paths that stand for no lock."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from kit import Repo
from weft.gitio.lockrefs import ref_of

COMMIT = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\n"


def _put(repo: Repo, path: str, data: bytes, kind: str = "blob") -> None:
    """Make what anybody can who may push: an object in the place of the lock of ``path``."""
    hub = str(repo.root.parent / "hub.git")
    argv = ["git", "--git-dir", hub, "hash-object", "-w", "-t", kind, "--stdin", "--literally"]
    made = subprocess.run(argv, input=data, capture_output=True, check=True).stdout.decode().strip()
    repo.git("--git-dir", hub, "update-ref", ref_of(path), made)


def no_lock(tmp_path: Path) -> None:
    """Each is named, with escapes, and counts for none; the one that is a lock is shown with escapes."""
    repo = Repo.make(tmp_path / "repo")
    repo.git("init", "-q", "--bare", "-b", "main", "../hub.git")
    repo.git("remote", "add", "origin", "../hub.git")
    for name in ("notes", "model", "large", "commit", "title"):
        (repo.root / name).write_text(name)
    repo.weft("lock", "notes", "-m", "\x1b[2J\u202eevil")
    lock = json.loads(repo.git("--git-dir", "../hub.git", "cat-file", "blob", ref_of("notes")).out)
    _put(repo, "model", json.dumps(lock).encode())  # says that it is of another path
    _put(repo, "large", b"x" * 9000)
    _put(repo, "commit", COMMIT, "commit")
    _put(repo, "title", json.dumps({**lock, "path": "\x1b]0;title\x07"}).encode())
    ran = repo.weft("locks")
    assert ran.err.count("is no lock, and counts for none") == 3
    assert "(and 1 more)" in ran.err
    assert "\x1b" not in ran.out + ran.err
    assert ran.out.startswith("notes  you  ")
    assert ran.out.endswith("\\x1b[2J\\u202eevil\n")
    assert [one["path"] for one in repo.weft("locks", "--json").json["data"]["locks"]] == ["notes"]
    assert "an owner that cannot be read" in repo.weft("lock", "model", code=3).err
    assert "an owner that cannot be read" in repo.weft("unlock", "model", code=3).err
    repo.weft("unlock", "--force", "model")
    repo.weft("lock", "model")


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [(145, "refs that are no locks", no_lock)]
