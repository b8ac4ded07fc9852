"""The programs that keep versions: weft, DVC, Git, Git LFS, Oxen, and two that make backups."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from harness import Cost, size_of
from programs import Pointers, Versioned

TMPFS = Path("/dev/shm")
TMPFS_NEED = 5
"""Times the size of the data that must be free on tmpfs: two copies, packs, and what else the machine needs."""


class Weft(Pointers):
    """This project."""

    name = "weft"
    add_words = ("add", "-q", "data")
    status_words = ("status", "-q")
    stores = (".git/weft",)
    pointers = ("data.weft",)

    def prepare(self, kind: str) -> None:
        self.quietly(kind, ["git", "init", "-q"], [self.path, "init", "-q"])
        self.commit(kind)

    def commit(self, kind: str) -> None:
        self.quietly(kind, ["git", "add", "-A"], ["git", "commit", "-q", "--allow-empty", "-m", "next"])

    def connect(self, kind: str, remote: str, url: str, endpoint: str = "") -> None:
        where = ("--endpoint", endpoint) if endpoint else ()
        self.quietly(kind, [self.path, "remote", "add", "-q", remote, url, *where])
        self.commit(kind)

    def check_out(self, kind: str, revision: str) -> list[object]:
        return [self.path, "checkout", "-q", revision, "--", "data"]

    def do_pull_small_tmpfs(self) -> Cost:
        place = room_on_tmpfs(self.masters / "small", self.name)
        try:
            return self.pull("small", place)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def room_on_tmpfs(data: Path, name: str) -> Path:
    """A folder on tmpfs; OSError when there is no tmpfs with enough room."""
    need, free = TMPFS_NEED * size_of(data), shutil.disk_usage(TMPFS).free
    if free < need:
        raise OSError(f"{TMPFS} has {free / 2**20:.0f} MiB free, {need / 2**20:.0f} are needed")
    place = TMPFS / f"{data.parents[1].name}-{name}"
    place.mkdir(exist_ok=True)
    return place


class Dvc(Pointers):
    """DVC, its analytics and its search for updates switched off; every folder has caches of its own."""

    name = "dvc"
    add_words = ("add", "-q", "data")
    status_words = ("status", "-q")
    stores = (".dvc/cache",)
    pointers = ("data.dvc",)
    changes_its_input = True
    keeps_whole_files = True

    def env(self, kind: str) -> dict[str, str]:
        return super().env(kind) | self.private(self.folder / f"{kind}.home")

    def private(self, home: Path) -> dict[str, str]:
        return {
            "DVC_NO_ANALYTICS": "1",
            "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
            "DVC_SITE_CACHE_DIR": str(home / "site"),
        }

    def prepare(self, kind: str) -> None:
        self.quietly(
            kind,
            ["git", "init", "-q"],
            [self.path, "init", "-q"],
            [self.path, "config", "core.analytics", "false"],
            [self.path, "config", "core.check_update", "false"],
        )
        self.commit(kind)

    def commit(self, kind: str) -> None:
        # The data itself must never come into the Git index: DVC refuses to add what Git tracks.
        names = [name for name in (".dvc", ".dvcignore", ".gitignore", "data.dvc") if (self.at(kind) / name).exists()]
        self.quietly(kind, ["git", "add", *names], ["git", "commit", "-q", "--allow-empty", "-m", "next"])

    def connect(self, kind: str, remote: str, url: str, endpoint: str = "") -> None:
        self.quietly(kind, [self.path, "remote", "add", "-q", remote, url])
        if endpoint:
            self.quietly(kind, [self.path, "remote", "modify", remote, "endpointurl", endpoint])
        self.commit(kind)

    def check_out(self, kind: str, revision: str) -> list[object]:
        return ["/bin/sh", "-c", f'git checkout -q {revision} -- data.dvc && "$0" checkout -q data.dvc', self.path]

    def do_push_big2_s3(self) -> Cost:
        """Into an empty bucket: it sends the whole file anyway, and the edits of former runs take room there."""
        self.add_change("big")
        return self.first_push("big")


class Git(Versioned):
    """Git itself with the data in it."""

    name = "git"
    status_words = ("status", "--short")
    stores = (".git/objects",)
    program = "git"

    def prepare(self, kind: str) -> None:
        self.quietly(kind, ["git", "init", "-q"])
        self.quietly(kind, ["git", "commit", "-q", "--allow-empty", "-m", "start"])

    def commit(self, kind: str) -> None:
        self.quietly(kind, ["git", "commit", "-q", "--allow-empty", "-m", "next"])

    def add(self, kind: str) -> Cost:
        first = kind not in self.added
        cost = super().add(kind)
        if first:
            self.quietly(kind, ["git", "tag", "-f", "first"])
        return cost

    def do_checkout_small(self) -> Cost:
        return self.older("small", 10)

    def older(self, kind: str, count: int) -> Cost:
        """Check out the version before a change, of the big file the first one, and go back."""
        self.have(kind)
        go, revision = [self.program_for_data, "checkout", "-q"], "first" if kind == "big" else "HEAD~1"
        if kind not in self.old:
            self.old.add(kind)
            self.add_change(kind, count)
            self.quietly(kind, [*go, revision, "--", "data"], [*go, "HEAD", "--", "data"])
        cost = self.bench.measure(self.at(kind), self.env(kind), [*go, revision, "--", "data"])
        self.quietly(kind, [*go, "HEAD", "--", "data"])
        return cost

    @property
    def program_for_data(self) -> str:
        """Git, also where the program measured for its version is another one."""
        return shutil.which("git") or "git"

    # No second version of the big file: Git compresses all of it again, which takes a minute and tells nothing new.
    do_add_big2 = None  # type: ignore[assignment]

    def has(self, key: str) -> bool:
        return getattr(self, f"do_{key}", None) is not None


class GitLfs(Git):
    """Git LFS, with bare repositories in directories as its only remotes."""

    name = "git-lfs"
    stores = (".git/lfs",)
    keeps_whole_files = True

    def __init__(self, bench, path: str) -> None:
        super().__init__(bench, path)
        self.remotes = 0

    def prepare(self, kind: str) -> None:
        super().prepare(kind)
        self.quietly(kind, ["git", "lfs", "install", "--local"], ["git", "lfs", "track", "data/**"])
        self.quietly(kind, ["git", "add", ".gitattributes"], ["git", "commit", "-q", "-m", "track"])

    def measure(self, kind: str, *words: object) -> Cost:
        path = self.path if words == self.version else self.program_for_data
        return self.bench.measure(self.at(kind), self.env(kind), [path, *words])

    def status(self, kind: str) -> Cost:
        path, self.path = self.path, self.program_for_data
        try:
            return super().status(kind)
        finally:
            self.path = path

    def do_push_small_dir(self) -> Cost:
        self.have("small")
        self.remotes += 1
        target = self.folder / f"small.r{self.remotes}"
        self.quietly("small", ["git", "init", "-q", "--bare", target])
        self.quietly("small", ["git", "remote", "add", target.suffix[1:], target])
        cost = self.measure("small", "push", "-q", target.suffix[1:], "main")
        cost = replace(cost, stored=size_of(target))
        self.bench.drop(target)
        return cost

    def do_add_big2(self) -> Cost:
        return self.add_change("big")

    def do_checkout_big(self) -> Cost:
        return self.older("big", 1)


class Oxen(Versioned):
    """Oxen by the library of its Python package, which brings no command; a server to push to it does not bring either."""

    name = "oxen"
    version = ("version",)
    stores = (".oxen",)
    keeps_whole_files = True

    def measure(self, kind: str, *words: object) -> Cost:
        return super().measure(kind, Path(__file__).with_name("oxen_command.py"), *words)

    def prepare(self, kind: str) -> None:
        self.oxen(kind, "init")

    def commit(self, kind: str) -> None:
        self.oxen(kind, "commit")

    def oxen(self, kind: str, verb: str) -> None:
        """Run a command, not measured."""
        self.quietly(kind, [self.path, Path(__file__).with_name("oxen_command.py"), verb])

    def status(self, kind: str) -> Cost:
        self.have(kind)
        self.oxen(kind, "status")
        return self.measure(kind, "status")


class Backup(Versioned):
    """A backup program: one command reads the data and writes it into a repository; "status" is a backup without changes."""

    create: tuple[str, ...] = ()
    save: tuple[str, ...] = ()
    stores = ("repository",)

    def __init__(self, bench, path: str) -> None:
        super().__init__(bench, path)
        self.saved = 0

    def env(self, kind: str) -> dict[str, str]:
        return super().env(kind) | {
            "RESTIC_PASSWORD": "benchmark",
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }

    def prepare(self, kind: str) -> None:
        self.quietly(kind, [self.path, *self.create])

    def measure(self, kind: str, *words: object) -> Cost:
        if words == self.version:
            return super().measure(kind, *words)
        self.saved += 1
        return super().measure(kind, *(word.format(number=self.saved) for word in self.save))

    def status(self, kind: str) -> Cost:
        self.have(kind)
        return self.measure(kind)

    def has(self, key: str) -> bool:
        return key != "status_tiny" and super().has(key)


class Restic(Backup):
    """restic with a repository in a directory."""

    name = "restic"
    version = ("version",)
    create = ("-q", "-r", "repository", "init")
    save = ("-q", "-r", "repository", "backup", "data")


class Borg(Backup):
    """BorgBackup with a repository in a directory, not encrypted."""

    name = "borg"
    create = ("init", "-e", "none", "repository")
    save = ("create", "repository::{number}", "data")
