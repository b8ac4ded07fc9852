"""What the end-to-end tests share: a scratch repository driven by the real commands, and trees as plain values."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forks import WEFT, Forks

_SECONDS = 300
FORKS = Forks()

BASE_ENV = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    # Git tidies up beside the next command, which then misses what is being moved.
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "maintenance.auto",
    "GIT_CONFIG_VALUE_1": "false",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    # Clones in tests push without a question; those that are about what a clone accepts leave this out.
    "WEFT_TRUST": "/*, s3://*/* http://127.0.0.1:*, gs://*/* http://127.0.0.1:*",
}


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: this one, with Git's configuration and identity fixed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {**kept, **BASE_ENV, **(extra or {})}


@dataclass
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Repo:
    """A Git work tree with weft in it."""

    def __init__(self, root: Path, env: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.env = dict(env or {})

    @classmethod
    def make(cls, root: Path, remote: str = "", *remote_args: str, env: Mapping[str, str] | None = None) -> Repo:
        root.mkdir(parents=True, exist_ok=True)
        repo = cls(root, env)
        repo.git("init", "-q", "-b", "main")
        repo.weft("init")
        if remote:
            repo.weft("remote", "add", "origin", remote, *remote_args)
        repo.commit("begin")
        return repo

    def run(self, *argv: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Ran:
        whole = environment({**self.env, **(env or {})})
        done = FORKS.run(argv[len(WEFT) :], self.root, whole, _SECONDS) if argv[: len(WEFT)] == WEFT else None
        if done is None:
            started = subprocess.run(
                argv,
                cwd=self.root,
                env=whole,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
            )
            done = (started.returncode, started.stdout, started.stderr)
        ran = Ran(done[0], done[1].decode(errors="replace"), done[2].decode(errors="replace"))
        if code is not None:
            assert ran.code == code, f"{argv} gave {ran.code}, not {code}\n{ran.out}\n{ran.err}"
        assert "Traceback" not in ran.err, ran.err
        return ran

    def weft(self, *args: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Ran:
        return self.run(*WEFT, *args, code=code, env=env)

    def git(self, *args: str, code: int | None = 0) -> Ran:
        return self.run("git", *args, code=code)

    def commit(self, message: str = "change") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def clone(self, target: Path) -> Repo:
        self.git("clone", "-q", str(self.root), str(target))
        return Repo(target, self.env)

    def find_remote_at(self, place: Path) -> None:
        """Let a clone that is not a neighbour of the first one find its remote, which is named relative to that."""
        self.weft("config", "set", "--private", "remotes.origin.url", str(place))

    def write(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def wipe(self, *paths: str) -> None:
        """Delete data and all local weft state, as if this were a new clone."""
        for path in paths:
            shutil.rmtree(self.root / path) if (self.root / path).is_dir() else (self.root / path).unlink()
        shutil.rmtree(self.root / ".git" / "weft")


def snapshot(root: Path) -> dict[str, Any]:
    """A directory as a value: files with bytes and exec bit, links with targets, directories."""
    found: dict[str, Any] = {}
    for base, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(base, name)
            key = os.path.relpath(path, root)
            if os.path.islink(path):
                found[key] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                found[key] = ("dir",)
            else:
                found[key] = ("file", Path(path).read_bytes(), bool(os.stat(path).st_mode & 0o100))
    return found


def nobody(home: Path) -> dict[str, str]:
    """The environment of a user who accepts no place by a pattern."""
    return {"WEFT_TRUST": "", "XDG_CONFIG_HOME": "", "HOME": str(home)}


def packs_below(folder: Path) -> list[Path]:
    """The packs of a store or a remote."""
    return sorted(folder.rglob("*.pack"))


def falsify(remote: Path) -> None:
    """Put zeros of the same length in the place of every pack of a remote."""
    for pack in packs_below(remote / "packs"):
        size = pack.stat().st_size
        pack.chmod(0o644)
        pack.write_bytes(bytes(size))


def pseudo_random(size: int, seed: int) -> bytes:
    """Bytes that do not compress and are the same on every run."""
    import hashlib

    return hashlib.shake_128(str(seed).encode()).digest(size)


def in_memory(path: Path) -> bool:
    """Whether ``path`` lies on a file system without a disk."""
    done = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, check=False)
    return done.stdout.strip() in (b"tmpfs", b"ramfs")
