"""A small work tree with a real store, stat cache and catalog: what the verbs do with the workspace, without Git."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from weft.model.oid import Kind
from weft.model.pointer import Pointer
from weft.objects.ingest import ingest
from weft.objects.layouts import layout_pairs, store_layout
from weft.objects.store import open_store
from weft.workspace.compare import Comparison, compare
from weft.workspace.materialize import materialize
from weft.workspace.plan import Plan
from weft.workspace.plan_checkout import CheckoutRequest, plan_checkout
from weft.workspace.probe import Traits
from weft.workspace.reads import Reads
from weft.workspace.saved import Saved
from weft.workspace.scan import TreeScan, scan_tree
from weft.workspace.snapshot import files_to_read, snapshot
from weft.workspace.statcache import StatCache, Tracked
from weft.workspace.walk import ReadManifest, manifest_reader


class WorkTree:
    """``top`` is the work tree; the store lies beside it."""

    def __init__(self, root: Path, path: str = "data", *, store: Path | None = None) -> None:
        self.top = root / "repo"
        self.top.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.root = self.top / path
        state = store or root / "state"
        state.mkdir(exist_ok=True)
        self.store = open_store(str(state / "store"), str(state / "catalog.sqlite"))
        self.cache = StatCache(self.store.catalog, str(self.top))
        self.read_files = 0

    def __enter__(self) -> WorkTree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def fill(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def tree(self) -> dict[str, bytes | str]:
        """Files by path relative to the tracked one; links by target, directories with a slash and no bytes."""
        found: dict[str, bytes | str] = {}
        if self.root.is_file():
            return {"": self.root.read_bytes()}
        for directory, dirs, files in os.walk(self.root):
            for name in dirs + files:
                path = Path(directory, name)
                key = str(path.relative_to(self.root))
                if path.is_symlink():
                    found[key] = os.readlink(path)
                elif path.is_dir():
                    found[key + "/"] = b""
                else:
                    found[key] = path.read_bytes()
        return found

    def reader(self, pointer: Pointer | None) -> ReadManifest:
        return manifest_reader(self.store, pointer.layout if pointer else None)

    def scan(self) -> TreeScan:
        return scan_tree(str(self.top), self.path, state=self.cache.load(self.path), tracked=lambda *_: False)

    def add(self, old: Pointer | None = None, missing: str = "") -> Pointer:
        scan = self.scan()
        read = self.reader(old)
        saved = Saved(self.store)
        with self.store.writer() as writer:
            files = files_to_read(scan, old, read, saved.unsaved)
            results = list(ingest(writer, files))
            self.read_files = len(results)
            reads = Reads(scan)
            for result in results:
                reads.take(result)
            shot = snapshot(
                scan, old, read, reads, lambda _oid, data: writer.add_object(Kind.MANIFEST, data), missing=missing
            )
            writer.add_chunks(list(shot.links.items()))
            layout = store_layout(writer, layout_pairs(shot.large, writer.recipes))
        pointer = Pointer(
            "dir" if shot.type == "dir" else "file",
            self.root.name,
            shot.oid,
            shot.size,
            shot.files,
            layout,
            shot.executable,
        )
        self.cache.record(self.path, shot.rows, tracked=Tracked(pointer.oid, pointer.layout))
        return pointer

    def status(self, pointer: Pointer) -> Comparison:
        return compare(self.scan(), pointer, self.reader(pointer), cache=self.cache)

    def changes(self, pointer: Pointer) -> list[tuple[str, str]]:
        return [(change.kind, change.path[len(self.path) + 1 :]) for change in self.status(pointer).changes]

    def plan(
        self,
        pointer: Pointer | None,
        subpaths: Iterable[str] | None = None,
        *,
        force: bool = False,
        traits: Traits | None = None,
    ) -> Plan:
        request = CheckoutRequest(
            pointer,
            Saved(self.store).unsaved,
            None if subpaths is None else tuple(subpaths),
            force,
            Saved(self.store).unsaved,
            None if traits is None else lambda: traits,
        )
        return plan_checkout(self.scan(), request, self.reader(pointer))

    def checkout(self, pointer: Pointer | None, subpaths: Iterable[str] | None = None, *, force: bool = False) -> Plan:
        plan = self.plan(pointer, subpaths, force=force)
        if plan.save:
            with self.store.writer() as writer:
                list(ingest(writer, plan.save))
        self.run(plan)
        return plan

    def run(self, plan: Plan, workers: int = 2) -> tuple[int, int]:
        return materialize(plan, self.store, plan.read or self.reader(plan.pointer), self.cache, workers=workers)

    def forget(self) -> None:
        """As if the catalog's records of the workspace were lost."""
        self.cache.forget(self.path)


def moved(pointer: Pointer, **fields: object) -> Pointer:
    return replace(pointer, **fields)  # type: ignore[arg-type]
