"""What mends a commit of a part of a run: where the work tree has the whole of it, the rest is added.

Nothing else may hold the results of that run, so no advice may put older ones in their place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from weft.errors import WeftError, quoted
from weft.formats import lineage, stagefile
from weft.formats import pointer as pointer_format
from weft.formats.stagefile import stage_text
from weft.gitio.blobs import blob_id
from weft.gitio.repo import GitRepo
from weft.gitio.worktree import blob_ids
from weft.model.lineage import DataRef, Record, is_record, record_path, stage_of_record
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.snapshot import TEXT_LIMIT
from weft.pipeline.validate.violations import Violation, rule_id
from weft.workflows.files import read_below

RULES = frozenset(map(rule_id, (5, 6, 8, 9, 10, 11, 13, 14, 15, 17, 19, 20, 24)))
"""The rules about results, their records, and the data that lies beside them."""


class _Run(NamedTuple):
    """The run whose record is in the work tree: files of it that are there and ``late``, so not staged as they are; results
    that are ``odd``: not what the run wrote; whether its record is another one than is staged, so ``fresh``."""

    late: tuple[str, ...]
    odd: frozenset[str]
    fresh: bool


def keep_runs(git: GitRepo, context: Context, found: Iterable[Violation]) -> list[Violation]:
    """``found``, with the mend to add the rest where the work tree has the whole run. Raises ``GitFailed``."""
    runs = _Runs(git, context)
    return [runs.mended(one) if one.rule in RULES and not context.commit else one for one in found]


class _Runs:
    def __init__(self, git: GitRepo, context: Context) -> None:
        self._git = git
        self._context = context
        self._known: dict[str, _Run | None] = {}

    def mended(self, one: Violation) -> Violation:
        if is_record(one.path) and stage_of_record(one.path) not in self._context.stages():
            late = tuple(self._declaring(stage_of_record(one.path), ""))
            return replace(one, mend=f"git add {' '.join(map(quoted, late))}, then: git commit") if late else one
        name = self._stage_of(one)
        run = self._run(name) if name else None
        if run is None:
            return one
        if one.result in run.odd:
            lost = run.fresh and "git restore" in one.mend
            return replace(one, mend=f"weft repro {name}") if lost else one
        about = {one.path, one.result, one.result + SUFFIX}
        if not run.late or not (run.fresh or about.intersection(run.late) or one.mend.startswith("git add")):
            return one
        return replace(one, mend=f"git add {' '.join(map(quoted, run.late))}, then: git commit")

    def _stage_of(self, one: Violation) -> str:
        stages = self._context.stages()
        name = one.stage or (stage_of_record(one.path) if is_record(one.path) else "")
        if name:
            return name if name in stages else ""
        path = one.result or one.path.removesuffix(SUFFIX)
        return next((stage.name for stage in stages.values() if _makes(stage, path)), "")

    def _run(self, name: str) -> _Run | None:
        if name not in self._known:
            self._known[name] = None  # a run that reads what it wrote ends here
            record, text = self._record(name)
            self._known[name] = self._look(name, record, text) if record is not None else None
        return self._known[name]

    def _record(self, name: str) -> tuple[Record | None, bytes]:
        """The record in the work tree, if it is one that a commit may hold."""
        path = record_path(name)
        with suppress(WeftError):
            text = self._read(path) or b""
            record = lineage.decode(text, what=path)
            whole = record.stage == name and record.digest == lineage.digest_of_text(text) and not record.changed
            if whole and (record.run is None or record.run.exit == 0):
                return record, text
        return None, b""

    def _look(self, name: str, record: Record, text: bytes) -> _Run:
        context, own = self._context, record_path(name)
        entry = context.entry(own)
        algorithm = _algorithm(record.spec)
        fresh = entry is None or entry.blob != blob_id(text, algorithm)
        results = dict(record.files)
        inputs = {**record.code, **{file: known.blob for file, known in record.params_files.items()}}
        inputs.update(_kept_env(record))
        late, odd = self._blobs({**inputs, **results})
        pointers, other = self._pointers((*record.deps, *record.outs))
        made = {*results, *(ref.path for ref in record.outs)}
        above = (self._run(ref.stage) for ref in record.deps if ref.stage)
        # A commit that names paths stages these for itself alone: the next one has to be given them again.
        again = (path for path in (own, *results, *(ref.path + SUFFIX for ref in record.outs)) if context.touched(path))
        added = [
            *((own,) if fresh else ()),
            *late,
            *pointers,
            *self._declared(name, record, algorithm),
            *(path for run in above if run is not None for path in run.late),
        ]
        wrong = frozenset(made.intersection((*odd, *other)))
        added += [path for path in again if added and path not in wrong and path.removesuffix(SUFFIX) not in wrong]
        return _Run(tuple(sorted(dict.fromkeys(added))), wrong, fresh)

    def _blobs(self, wanted: dict[str, str]) -> tuple[list[str], list[str]]:
        """Those of the files ``wanted``, by their blobs, that only the work tree has so, and those that nobody has."""
        entries = {path: self._context.entry(path) for path in wanted}
        missing = [path for path, entry in entries.items() if entry is None or entry.blob != wanted[path]]
        other = [path for path in missing if entries[path] is None or path in self._context.unstaged()]
        there = [path for path in other if os.path.lexists(os.path.join(self._git.root, path))]
        now = blob_ids(self._git, there) if there else {}
        late = [path for path in missing if now.get(path) == wanted[path]]
        return late, [path for path in missing if path not in late]

    def _pointers(self, refs: Sequence[DataRef]) -> tuple[list[str], list[str]]:
        """The same for the pointers of data: files that are late, and paths whose data is another."""
        late, odd = [], []
        for ref in refs:
            owner, oid = ref.inside or ref.path, ref.whole if ref.inside else ref.oid
            staged, file = self._context.pointer(owner), owner + SUFFIX
            if oid is None or (staged is not None and staged.oid == oid):
                continue
            with suppress(WeftError):
                if pointer_format.decode(self._read(file) or b"", name=file.rpartition("/")[2]).oid == oid:
                    late.append(file)
                    continue
            odd.append(ref.path)
        return late, odd

    def _declared(self, name: str, record: Record, algorithm: str) -> Iterator[str]:
        """The files of the work tree that declare the stage as it ran, where what is staged does not."""
        stage = self._context.stages().get(name)
        if stage is None or blob_id(stage_text(stage), algorithm) != record.spec:
            yield from self._declaring(name, record.spec)

    def _declaring(self, name: str, spec: str) -> Iterator[str]:
        """The files of the work tree that are not staged as they are, where they declare the stage ``name`` with the blob id
        ``spec`` of its text ("": with any)."""
        used: list[str] = []

        def read(path: str) -> bytes | None:
            used.append(path)
            return self._read(path)

        with suppress(WeftError):
            stage = stagefile.decode(self._read(STAGE_FILE) or b"", read=read).get(name)
            if stage is None or (spec and blob_id(stage_text(stage), _algorithm(spec)) != spec):
                return
            for path in (STAGE_FILE, *used):
                entry, text = self._context.entry(path), self._read(path)
                if text is not None and (entry is None or entry.blob != blob_id(text, _algorithm(entry.blob))):
                    yield path

    def _read(self, path: str) -> bytes | None:
        return read_below(self._git.root, path, TEXT_LIMIT)


def _algorithm(blob: str) -> str:
    """The hash that the blob id ``blob`` is of."""
    return "sha256" if len(blob) == 64 else "sha1"


def _makes(stage: Stage, path: str) -> bool:
    return any(is_at_or_below(path, out.path) for out in stage.outs)


def _kept_env(record: Record) -> Iterator[tuple[str, str]]:
    for name in ("lockfile", "packages"):
        file = str(record.env.get("packages_file" if name == "packages" else name, ""))
        if file:
            yield file, str(record.env.get(f"{name}_blob", ""))
