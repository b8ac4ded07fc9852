"""What all programs under measurement have in common; the programs are in versioning.py and movers.py.

A method ``do_STEP`` brings its folder into the state the step begins with, which is not measured, runs one command, which
is, and answers its cost. A program has a step when it has the method. A method can be called any number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data import FIRST, change_small, copy, link, shape
from harness import Bench, Cost, Failed, settle, size_of

LARGE = 16 * 2**20
"""Bytes; a file in a local store that is larger holds one whole version of the big file."""


class Program:
    """A program and its folders: one a kind of data, which holds the folder ``data``."""

    name = ""
    version: tuple[str, ...] = ("--version",)
    kinds: tuple[str, ...] = ("tiny", "small", "far", "big")
    changes_its_input = False

    def __init__(self, bench: Bench, path: str) -> None:
        self.bench = bench
        self.path = path
        self.folder = bench.place / "programs" / self.name
        self.masters = bench.place / "data"
        self.changes = 0

    def has(self, key: str) -> bool:
        """Whether the program has a step."""
        return hasattr(self, f"do_{key}")

    def step(self, key: str) -> Cost:
        """Run a step once."""
        return getattr(self, f"do_{key}")()

    def at(self, kind: str) -> Path:
        """The folder of one kind of data."""
        return self.folder / kind

    def env(self, kind: str) -> dict[str, str]:
        """The environment for one kind of data."""
        return self.bench.env(self.folder / f"{kind}.home")

    def quietly(self, kind: str, *commands: Sequence[object]) -> bytes:
        """Run commands of any program in a folder, not measured."""
        return self.bench.quietly(self.at(kind), self.env(kind), *commands)

    def measure(self, kind: str, *words: object) -> Cost:
        """Measure one command of this program in a folder."""
        return self.bench.measure(self.at(kind), self.env(kind), [self.path, *words])

    def set_up(self, kind: str) -> None:
        """Make the folder of a kind with its data, before the first step with it."""
        self.at(kind).mkdir(parents=True)
        (copy if self.changes_its_input else link)(self.masters / kind, self.at(kind) / "data")

    def tear_down(self, kind: str) -> None:
        """Drop the folder of a kind, after the last step with it."""
        for path in self.folder.glob(f"{kind}*"):
            self.bench.drop(path)

    def fresh(self, kind: str) -> None:
        """An empty folder with the data, as if nothing had happened."""
        kept = self.folder / "kept"
        (self.at(kind) / "data").rename(kept)
        self.bench.drop(self.at(kind))
        self.bench.drop(self.folder / f"{kind}.home")
        if kind == "big":
            self.bench.empty_trash()  # there may be no room for one more of these
        self.at(kind).mkdir()
        self.prepare(kind)
        kept.rename(self.at(kind) / "data")

    def prepare(self, kind: str) -> None:
        """Make a folder ready, before its data comes."""

    def changed(self, kind: str) -> Path:
        """The file that was changed last."""
        return self.at(kind) / "data" / ("big.bin" if kind == "big" else FIRST)

    def change(self, kind: str, count: int = 1) -> None:
        """Change some small files, or give the big file its next edit."""
        self.changes += 1
        if kind != "big":
            change_small(self.at(kind) / "data", self.changes, count)
            return
        path = self.changed("big")
        path.unlink()
        source = self.masters / "edited" / "big.bin"
        (copy if self.changes_its_input else link)(source, path)

    def expect(self, kind: str, arrived: Path) -> None:
        """Fail unless as many files and bytes arrived as the folder of a kind holds."""
        wanted, found = shape(self.at(kind) / "data"), shape(arrived)
        if wanted != found:
            raise Failed(f"{self.name}: brought {found[0]:,} files with {found[1]:,} bytes instead of {wanted}")

    def do_version(self) -> Cost:
        return self.measure("tiny", *self.version)


class Versioned(Program):
    """A program that keeps versions in a local store: the steps without a remote."""

    add_words: tuple[str, ...] = ("add", "data")
    status_words: tuple[str, ...] = ("status",)
    stores: tuple[str, ...] = ()
    keeps_whole_files = False

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.added: set[str] = set()
        self.old: set[str] = set()

    def set_up(self, kind: str) -> None:
        super().set_up(kind)
        self.added.discard(kind)
        self.fresh(kind)

    def have(self, kind: str) -> None:
        """Add the data once, not measured, when no step has done it."""
        if kind not in self.added:
            self.add(kind)

    def add(self, kind: str) -> Cost:
        """Add, measured, and commit, not measured."""
        stores = [self.at(kind) / name for name in self.stores]
        before = size_of(*stores)
        cost = self.measure(kind, *self.add_words)
        self.commit(kind)
        self.added.add(kind)
        return replace(cost, stored=size_of(*stores) - before)

    def commit(self, kind: str) -> None:
        """Make a version of what was added."""

    def first_add(self, kind: str) -> Cost:
        """Add from nothing."""
        self.added.discard(kind)
        self.fresh(kind)
        return self.add(kind)

    def add_change(self, kind: str, count: int = 1) -> Cost:
        """Add again after a change."""
        self.have(kind)
        if kind == "big":
            self.make_room()
        self.change(kind, count)
        return self.add(kind)

    def make_room(self) -> None:
        """Where every edit takes the whole size: remove the edits of former runs, but not the first version."""
        if not self.keeps_whole_files:
            return
        found = [path for name in self.stores for path in (self.at("big") / name).rglob("*") if path.is_file()]
        large = sorted((path for path in found if path.stat().st_size > LARGE), key=lambda path: path.stat().st_mtime)
        for path in large[1:]:
            path.unlink()

    def status(self, kind: str) -> Cost:
        """The second of two: the first may look again at files that were just written."""
        self.have(kind)
        settle(self.changed(kind))
        self.quietly(kind, [self.path, *self.status_words])
        return self.measure(kind, *self.status_words)

    def do_status_tiny(self) -> Cost:
        return self.status("tiny")

    def do_add_small(self) -> Cost:
        return self.first_add("small")

    def do_status_small(self) -> Cost:
        return self.status("small")

    def do_readd_small(self) -> Cost:
        return self.add_change("small")

    def do_add_big(self) -> Cost:
        return self.first_add("big")

    def do_add_big2(self) -> Cost:
        return self.add_change("big")


class Pointers(Versioned):
    """A program with a Git repository beside the data, a directory and S3 as remotes: weft and DVC."""

    pointers: tuple[str, ...] = ()

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.remotes = 0
        self.buckets: dict[str, tuple[str, str]] = {}
        self.unsent: set[str] = set()

    # --- what differs between the programs

    def connect(self, kind: str, remote: str, url: str, endpoint: str = "") -> None:
        """Give a remote a name, in a file that is committed."""
        raise NotImplementedError

    def check_out(self, kind: str, revision: str) -> list[object]:
        """The command that makes the data that of a revision."""
        raise NotImplementedError

    def take_pointers(self, kind: str, revision: str) -> None:
        """Take the pointers of a revision without touching the data."""
        self.quietly(kind, ["git", "checkout", "-q", revision, "--", *self.pointers])

    def add(self, kind: str) -> Cost:
        first = kind not in self.added
        cost = super().add(kind)
        self.unsent.add(kind)
        if first:
            self.quietly(kind, ["git", "tag", "-f", "first"])
        return cost

    # --- remotes

    def new_remote(self, kind: str) -> str:
        """A name for one more remote."""
        self.remotes += 1
        return f"r{self.remotes}"

    def to_directory(self, kind: str) -> Cost:
        """Push into an empty directory."""
        self.have(kind)
        remote = self.new_remote(kind)
        target = self.folder / f"{kind}.{remote}"
        self.connect(kind, remote, str(target))
        cost = self.measure(kind, "push", "-q", "-r", remote)
        cost = replace(cost, stored=size_of(target))
        self.bench.drop(target)
        return cost

    def new_bucket(self, kind: str) -> None:
        """An empty bucket as the remote of a kind; the one before is removed."""
        if kind in self.buckets:
            self.bench.store.drop(self.buckets.pop(kind)[1])
        remote, bucket = self.new_remote(kind), self.bench.store.bucket()
        self.connect(kind, remote, f"s3://{bucket}/data", self.bench.endpoint)
        self.buckets[kind] = remote, bucket
        self.unsent.add(kind)

    def push(self, kind: str) -> Cost:
        """Push to the bucket of a kind."""
        remote, bucket = self.buckets[kind]
        cost = self.bench.on_the_wire(bucket, lambda: self.measure(kind, "push", "-q", "-r", remote))
        self.unsent.discard(kind)
        return cost

    def first_push(self, kind: str) -> Cost:
        """Push into an empty bucket."""
        self.have(kind)
        self.new_bucket(kind)
        return self.with_size(kind, self.push(kind))

    def with_size(self, kind: str, cost: Cost) -> Cost:
        """A cost with what the bucket holds, if it was empty before; a listing takes long, so it is made for few steps."""
        return replace(cost, stored=self.bench.store.size(self.buckets[kind][1]))

    def pushed(self, kind: str) -> None:
        """Push what there is, not measured, so that the remote holds the version before."""
        self.have(kind)
        if kind not in self.buckets:
            self.new_bucket(kind)
        if kind in self.unsent:
            self.quietly(kind, [self.path, "push", "-q", "-r", self.buckets[kind][0]])
            self.unsent.discard(kind)

    def push_change(self, kind: str) -> Cost:
        """Push after a change, which is added and committed before."""
        if kind not in self.buckets:
            self.pushed(kind)
        self.add_change(kind)
        return self.push(kind)

    def pull(self, kind: str, place: Path | None = None) -> Cost:
        """Pull into a fresh clone with an empty store of its own."""
        self.pushed(kind)
        clone = (place or self.folder) / f"{kind}.clone"
        home = clone.with_suffix(".clone.home")
        try:
            self.bench.quietly(self.folder, self.env(kind), ["git", "clone", "-q", self.at(kind), clone])
            remote, bucket = self.buckets[kind]
            env = self.env(kind) | self.bench.env(home) | self.private(home)
            words = [self.path, "pull", "-q", "-r", remote]
            cost = self.bench.on_the_wire(bucket, lambda: self.bench.measure(clone, env, words))
            self.expect(kind, clone / "data")
        finally:
            for path in (clone, home):
                if place:
                    self.bench.quietly(self.folder, self.env(kind), ["rm", "-rf", path])
                else:
                    self.bench.drop(path)
            if kind == "big":
                self.bench.empty_trash()
        return cost

    def private(self, home: Path) -> dict[str, str]:
        """Variables that lead the program's own files below a folder."""
        return {}

    def tear_down(self, kind: str) -> None:
        super().tear_down(kind)
        self.buckets.pop(kind, None)

    # --- steps

    def older(self, kind: str, count: int) -> Cost:
        """Check out the version before a change, and go back."""
        self.have(kind)
        if kind not in self.old:
            self.add_change(kind, count)
            self.old.add(kind)
            revision = "first" if kind == "big" else "HEAD~1"
            self.quietly(kind, ["git", "tag", "-f", "newer"], ["git", "tag", "-f", "older", revision])
            self.go(kind, "older")
            self.go(kind, "newer")  # now both were checked out: what follows is not the first time in any way
        settle(self.changed(kind))
        cost = self.bench.measure(self.at(kind), self.env(kind), self.check_out(kind, "older"))
        self.go(kind, "newer")
        return cost

    def go(self, kind: str, revision: str) -> None:
        """Check out, not measured."""
        self.quietly(kind, self.check_out(kind, revision))

    def do_checkout_small(self) -> Cost:
        return self.older("small", 10)

    def do_push_small_dir(self) -> Cost:
        return self.to_directory("small")

    def do_push_small_s3(self) -> Cost:
        return self.first_push("small")

    def do_push_one_s3(self) -> Cost:
        return self.push_change("small")

    def do_pull_small_s3(self) -> Cost:
        return self.pull("small")

    def do_push_far(self) -> Cost:
        return self.first_push("far")

    def do_push_one_far(self) -> Cost:
        return self.push_change("far")

    def do_pull_far(self) -> Cost:
        return self.pull("far")

    def do_checkout_big(self) -> Cost:
        return self.older("big", 1)

    def do_push_big_s3(self) -> Cost:
        """Of the first version, whatever was added since."""
        self.have("big")
        self.new_bucket("big")  # which commits, so it comes before the pointers change
        self.take_pointers("big", "first")
        try:
            return self.with_size("big", self.push("big"))
        finally:
            self.take_pointers("big", "HEAD")
            self.unsent.add("big")

    def do_push_big2_s3(self) -> Cost:
        return self.push_change("big")

    def do_pull_big_s3(self) -> Cost:
        return self.pull("big")
