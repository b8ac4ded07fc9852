"""The programs that only move bytes, and the bare interpreter: what a step costs without versions and checks."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from data import copy
from harness import Bench, Cost, size_of
from programs import Program
from versioning import room_on_tmpfs


class Python(Program):
    """The interpreter that weft runs on, which imports the library that reads weft's command line."""

    name = "python"
    version = ("-c", "import click")
    kinds = ("tiny",)


class Copy(Program):
    """cp: what moving the bytes alone costs on this disk."""

    name = "cp"
    kinds = ("tiny", "small", "big")

    def copied(self, kind: str) -> Cost:
        """Copy all files of a kind into a new folder."""
        target = self.at(kind) / "copy"
        cost = self.measure(kind, "-r", "data", target)
        cost = replace(cost, stored=size_of(target))
        self.bench.drop(target)
        if kind == "big":
            self.bench.empty_trash()
        return cost

    def do_push_small_dir(self) -> Cost:
        return self.copied("small")

    def do_pull_small_s3(self) -> Cost:
        return replace(self.copied("small"), stored=None)

    def do_pull_big_s3(self) -> Cost:
        return replace(self.copied("big"), stored=None)

    def do_pull_small_tmpfs(self) -> Cost:
        place = room_on_tmpfs(self.masters / "small", self.name)
        try:
            copy(self.masters / "small", place / "from")
            return self.measure("small", "-r", place / "from", place / "to")
        finally:
            shutil.rmtree(place, ignore_errors=True)


class Mover(Program):
    """A program that puts one S3 object a file into a bucket, and gets them back."""

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.buckets: dict[str, str] = {}
        self.unsent: set[str] = set()

    def change(self, kind: str, count: int = 1) -> None:
        super().change(kind, count)
        self.unsent.add(kind)

    def send(self, kind: str, bucket: str) -> tuple[object, ...]:
        """Words that copy the folder data into a bucket."""
        raise NotImplementedError

    def sync(self, kind: str, bucket: str) -> tuple[object, ...]:
        """Words that copy what changed."""
        raise NotImplementedError

    def bring(self, bucket: str, target: Path) -> tuple[object, ...]:
        """Words that copy a bucket into a folder."""
        raise NotImplementedError

    def first_push(self, kind: str) -> Cost:
        """Copy everything into an empty bucket."""
        if kind in self.buckets:
            self.bench.store.drop(self.buckets.pop(kind))
        bucket = self.bench.store.bucket()
        self.buckets[kind] = bucket
        cost = self.bench.on_the_wire(bucket, lambda: self.measure(kind, *self.send(kind, bucket)))
        self.unsent.discard(kind)
        return replace(cost, stored=self.bench.store.size(bucket))

    def pushed(self, kind: str) -> str:
        """A bucket that holds what the folder holds."""
        if kind not in self.buckets:
            self.buckets[kind] = self.bench.store.bucket()
            self.unsent.add(kind)
        if kind in self.unsent:
            self.quietly(kind, [self.path, *self.sync(kind, self.buckets[kind])])
            self.unsent.discard(kind)
        return self.buckets[kind]

    def push_change(self, kind: str) -> Cost:
        """Copy what changed, after one file did."""
        bucket = self.pushed(kind)
        self.change(kind)
        cost = self.bench.on_the_wire(bucket, lambda: self.measure(kind, *self.sync(kind, bucket)))
        self.unsent.discard(kind)
        return cost

    def pull(self, kind: str) -> Cost:
        """Copy everything into an empty folder."""
        bucket, target = self.pushed(kind), self.at(kind) / "pulled"
        cost = self.bench.on_the_wire(bucket, lambda: self.measure(kind, *self.bring(bucket, target)))
        self.expect(kind, target)
        self.bench.drop(target)
        if kind == "big":
            self.bench.empty_trash()
        return cost

    def tear_down(self, kind: str) -> None:
        super().tear_down(kind)
        self.buckets.pop(kind, None)

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

    def do_push_big_s3(self) -> Cost:
        return self.first_push("big")

    def do_push_big2_s3(self) -> Cost:
        """Into an empty bucket: it sends the whole file anyway, and an object replaced keeps its room for a while."""
        self.change("big")
        return self.first_push("big")

    def do_pull_big_s3(self) -> Cost:
        return self.pull("big")


class S5cmd(Mover):
    """s5cmd, with its 256 workers."""

    name = "s5cmd"
    version = ("version",)

    def env(self, kind: str) -> dict[str, str]:
        return super().env(kind) | ({"S3_ENDPOINT_URL": self.bench.endpoint} if self.bench.store else {})

    def send(self, kind: str, bucket: str) -> tuple[object, ...]:
        return ("--log", "error", "cp", "data/", f"s3://{bucket}/data/")

    def sync(self, kind: str, bucket: str) -> tuple[object, ...]:
        return ("--log", "error", "sync", "data/", f"s3://{bucket}/data/")

    def bring(self, bucket: str, target: Path) -> tuple[object, ...]:
        return ("--log", "error", "cp", f"s3://{bucket}/data/*", f"{target}/")


class Rclone(Mover):
    """rclone, with 32 transfers at a time instead of its 4, and the options its manual recommends for S3."""

    name = "rclone"
    version = ("version",)
    options = ("--transfers", "32", "--checkers", "32", "--fast-list", "--use-server-modtime", "--update")

    def env(self, kind: str) -> dict[str, str]:
        store = self.bench.store
        if not store:
            return super().env(kind)
        return super().env(kind) | {
            "RCLONE_CONFIG": str(self.folder / "rclone.conf"),
            "RCLONE_CONFIG_S_TYPE": "s3",
            "RCLONE_CONFIG_S_PROVIDER": "SeaweedFS",
            "RCLONE_CONFIG_S_ENV_AUTH": "true",
            "RCLONE_CONFIG_S_REGION": "us-east-1",
            "RCLONE_CONFIG_S_ENDPOINT": self.bench.endpoint,
        }

    def send(self, kind: str, bucket: str) -> tuple[object, ...]:
        return ("copy", *self.options, "data", f"s:{bucket}/data")

    def sync(self, kind: str, bucket: str) -> tuple[object, ...]:
        return ("sync", *self.options, "data", f"s:{bucket}/data")

    def bring(self, bucket: str, target: Path) -> tuple[object, ...]:
        return ("copy", *self.options, f"s:{bucket}/data", target)
