"""What the stages read and wrote, as pointers, Git and params files have it now: the facts behind a plan and a record."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from weft.errors import MissingDependency, ObjectMissing, StaleWorkspace, ValuesFault, WeftError, quoted
from weft.formats import paramfiles, values
from weft.gitio import trees
from weft.gitio.worktree import blob_ids, kept_modes
from weft.model.lineage import DataRef, ParamsFile, Record, record_path
from weft.model.pointer import Pointer
from weft.model.stage import Stage
from weft.pipeline.fingerprint import Inputs, is_at_or_below, same_params_file, same_value
from weft.pipeline.plan import Now
from weft.pipeline.reading import kept_text, read_by
from weft.workflows.fetch import fetch_metadata
from weft.workflows.files import read_small
from weft.workflows.lineage_files import TreeFiles
from weft.workflows.parts import find_below, part_ref
from weft.workflows.project import Project
from weft.workflows.stage_data import ABSENT, CLEAN, DELETED, MODIFIED, TO_BRING, DataTree
from weft.workflows.stages import VALUES_LIMIT, Pipeline, read_kept
from weft.workflows.targets import Target, decode_pointer, owner_of, pointer_path
from weft.workspace.walk import manifest_reader

UNTRACKED_DEP_LIMIT = 8 << 20
"""Most bytes of a dependency that nobody keeps yet and Git may: a larger one is data, and weft has to keep it."""


class Looker:
    """Looks at the work tree of a project on behalf of a pipeline; ``tree`` is the data in it. What a sparse checkout leaves
    out is taken as the index has it."""

    def __init__(self, project: Project, pipeline: Pipeline) -> None:
        self._project = project
        self._pipeline = pipeline
        self.tree = DataTree(project)

    # --- inputs ---

    def inputs(self, stage: Stage, record: Record | None = None) -> Inputs:
        """What ``stage`` reads now. ``record`` is its last one: it can stand for manifests that are not here.

        Raises ``MissingDependency`` and ``ValuesFault``.
        """
        known = {ref.path: ref for ref in record.deps} if record else {}
        params = read_params(stage, lambda path: read_kept(self._project.git, path, VALUES_LIMIT))
        data: dict[str, DataRef] = {}
        for path in stage.deps:
            if path in self.tree.pointers:
                data[path] = self._whole(path)
            elif owner := owner_of(self.tree.pointers, path):
                data[path] = self._inside(path, owner, known.get(path), stage)
        modes, below = self._code(stage, params.code, data)
        data.update((name, self._whole(name)) for name in below)
        lockfile = stage.env.lockfile
        more = [lockfile] if self._is_there(stage, lockfile) else []
        blobs = blob_ids(self._project.git, [*modes, *more, *params.values])
        self._refuse_changed(stage, [path for path in modes if not blobs[path]])
        env = {"lockfile": lockfile, "lockfile_blob": blobs[lockfile]} if lockfile else {}
        if stage.env.image:
            env["image"] = stage.env.image
        code = {path: kept_text(mode, blobs[path]) for path, mode in modes.items()}
        refs = tuple(data[path] for path in sorted(data))
        return Inputs(refs, code, params.values, env, params.files(blobs))

    def _code(
        self, stage: Stage, more: Sequence[str], data: Mapping[str, DataRef]
    ) -> tuple[dict[str, str], Iterable[str]]:
        """The modes of what Git keeps of the dependencies, and the tracked paths among them; each dependency must lead to
        some, or to ``data``, and so must each link."""
        tops = [path for path in (*stage.deps, *more) if path not in data]
        if not tops:
            return {}, ()
        files = TreeFiles(self._project.git, tops)
        found = read_by(stage, files, self.owner, more)
        below = {name for top in stage.deps for name in self.tree.pointers if is_at_or_below(name, top)} | found.data
        for path in tops:
            if not any(is_at_or_below(name, path) for name in (*found.code, *below)):
                raise self._missing(stage, path)
        for link, target, fault in found.leads:
            if fault or os.path.lexists(os.path.join(self._project.root, target)):
                leads = fault or f"to {target}, which neither Git nor weft keeps"
                raise MissingDependency(
                    f"the link {link}, which stage {stage.name} reads, leads {leads}",
                    hint=f"declare what it leads to as a dependency, or put a copy in the place of {link}",
                    path=link,
                )
        self._refuse_large(stage, sorted(found.code))
        return {path: files.mode(path) for path in sorted(found.code)}, below - data.keys()

    def owner(self, path: str) -> str:
        """The tracked path that ``path`` is or lies inside; empty when there is none."""
        return path if path in self.tree.pointers else owner_of(self.tree.pointers, path)

    def _refuse_changed(self, stage: Stage, repositories: Sequence[str]) -> None:
        if repositories:
            raise StaleWorkspace(
                f"{repositories[0]}, which stage {stage.name} reads, is a repository with changes that are not committed",
                hint=f"commit them in {repositories[0]}, or undo them",
                path=repositories[0],
            )

    def _missing(self, stage: Stage, path: str) -> MissingDependency:
        producer = self._pipeline.graph.producer_of(path)
        if not os.path.lexists(os.path.join(self._project.root, path)):
            hint = (
                f"weft repro {producer}" if producer and producer != stage.name else f"check the deps of {stage.name}"
            )
            return MissingDependency(f"{path}, a dependency of stage {stage.name}, is not there", hint=hint, path=path)
        return MissingDependency(
            f"stage {stage.name}: {path} is a dependency, but neither Git nor weft tracks it",
            hint=f"weft add {quoted(path)} if it is data; if it is code, take it out of .gitignore and"
            f" git add {quoted(path)}",
            path=path,
        )

    def _refuse_large(self, stage: Stage, files: Iterable[str]) -> None:
        for name in files:
            full = os.path.join(self._project.root, name)
            found = os.lstat(full) if os.path.lexists(full) else None  # a sparse checkout leaves out what Git tracks
            if (
                found is not None
                and stat.S_ISREG(found.st_mode)
                and found.st_size > UNTRACKED_DEP_LIMIT
                and not trees.is_tracked(self._project.git, name)
            ):
                raise MissingDependency(
                    f"stage {stage.name}: {name} is a dependency, but neither Git nor weft tracks it, and it is large",
                    hint=f"weft add {quoted(name)}",
                    path=name,
                )

    def _is_there(self, stage: Stage, lockfile: str) -> bool:
        full = os.path.join(self._project.root, lockfile)
        if lockfile and (os.path.islink(full) or not os.path.isfile(full)) and not self._is_left_out(lockfile):
            raise MissingDependency(
                f"the lock file {lockfile} of stage {stage.name} is not there, or no plain file",
                hint=f"write it, or take it out of the env of {stage.name}",
                path=lockfile,
            )
        return bool(lockfile)

    def _is_left_out(self, path: str) -> bool:
        return trees.left_out(self._project.git, path)

    def _whole(self, path: str) -> DataRef:
        return pointer_ref(path, self.tree.pointers[path], self._pipeline.graph.producer_of(path))

    def _inside(self, path: str, owner: str, known: DataRef | None, stage: Stage) -> DataRef:
        """A part of a tracked directory, proved through its manifests, or by a record made beside this very pointer."""
        pointer = self.tree.pointers[owner]
        sub = path[len(owner) + 1 :]
        read = manifest_reader(self._project.store, pointer.layout)
        try:
            entry = find_below(pointer, sub, read)
        except ObjectMissing:
            same = known is not None and known.inside == owner and known.whole in (None, pointer.oid)
            if known is not None and same and (known.whole or self._recorded_with(stage, owner, pointer)):
                return replace(known, whole=pointer.oid)
            if not self._project.config.remotes:
                raise
            fetch_metadata(self._project, [Target(owner, pointer)])
            entry = find_below(pointer, sub, read)
        if entry is None:
            raise self._missing(stage, path)
        return replace(part_ref(pointer, owner, path, entry), stage=self._pipeline.graph.producer_of(path))

    def _recorded_with(self, stage: Stage, owner: str, pointer: Pointer) -> bool:
        """Whether the commit that brought in the record, as it is, had this very pointer."""
        git, name = self._project.git, record_path(stage.name)
        commit = git.git("log", "-1", "--format=%H", "--", name, check=False).decode("ascii").strip()
        if not commit or trees.file_at(git, commit, name, VALUES_LIMIT) != read_small(
            os.path.join(self._project.root, name), VALUES_LIMIT
        ):
            return False
        then = trees.file_at(git, commit, pointer_path(owner))
        return then is not None and decode_pointer(then, pointer_path(owner)).oid == pointer.oid

    # --- what a plan and a run need ---

    def refuse_modified(self, stage: Stage, inputs: Inputs) -> list[str]:
        """The data dependencies of ``stage`` that are not here. Raises ``StaleWorkspace`` for one that differs from its
        pointer: what the command would read is not what a record could name."""
        absent = []
        for ref in inputs.deps:
            state, detail = self.tree.state(ref.path)
            if state == MODIFIED:
                keep, undo = self.tree.ways_out(ref.path)
                raise StaleWorkspace(
                    f"{ref.path}, a dependency of stage {stage.name}, differs from its pointer ({detail})",
                    hint=f"{keep}, or {undo} to undo that",
                    path=ref.path,
                )
            if state in TO_BRING:
                absent.append(ref.path)
        return absent

    def now(self, stage: Stage, record: Record | None) -> Now:
        """Everything that a plan compares. Raises as ``inputs`` does."""
        outs: dict[str, DataRef | None] = {}
        modified, deleted = set(), set()
        for out in stage.outs:
            if not out.cache:
                continue
            pointer = self.tree.pointers.get(out.path)
            outs[out.path] = pointer_ref(out.path, pointer) if pointer else None
            state = self.tree.state(out.path)[0]
            if state == MODIFIED:
                modified.add(out.path)
            elif state == DELETED:
                deleted.add(out.path)
        return Now(self.inputs(stage, record), outs, self.git_outs(stage), modified, deleted, self._metrics(stage))

    def _metrics(self, stage: Stage) -> dict[str, dict[str, Any]]:
        """The values of the metrics files that Git keeps; what cannot be read is left to the run that writes it anew."""
        found: dict[str, dict[str, Any]] = {}
        for out in stage.outs:
            if out.kind == "metrics" and not out.cache:
                with suppress(WeftError):
                    data = read_kept(self._project.git, out.path, VALUES_LIMIT)
                    found |= {} if data is None else {out.path: values.read_values(data, out.path)}
        return found

    def git_outs(self, stage: Stage) -> dict[str, str]:
        """What Git keeps at and below the outs that it is to keep, as ``kept_text`` spells it."""
        modes = kept_modes(self._project.git, [out.path for out in stage.outs if not out.cache])
        blobs = blob_ids(self._project.git, modes)
        self._refuse_changed(stage, [path for path in modes if not blobs[path]])
        return {path: kept_text(mode, blobs[path]) for path, mode in modes.items()}


def pointer_ref(path: str, pointer: Pointer, producer: str = "") -> DataRef:
    """What a pointer says, for a record; ``producer`` is the stage that a dependency comes from."""
    return DataRef(path, pointer.type, pointer.oid, pointer.size, pointer.files, pointer.executable, "", producer)


def changed_inputs(looker: Looker, stage: Stage, before: Inputs) -> tuple[str, ...]:
    """The inputs of ``stage`` that are no longer what they were: their files are compared again, by stat and by hash."""
    try:
        after = looker.inputs(stage)
    except WeftError as error:
        return (error.path or stage.name,)
    changed = {ref.path for ref in before.deps if looker.tree.state(ref.path)[0] not in (CLEAN, ABSENT)}
    old = {ref.path: ref.oid for ref in before.deps}
    new = {ref.path: ref.oid for ref in after.deps}
    for one, other in ((old, new), (before.code, after.code), (before.params, after.params)):
        changed.update(path for path in one.keys() | other.keys() if not same_value(one.get(path), other.get(path)))
    now = after.params_files
    changed.update(
        path for path, was in before.params_files.items() if path in now and not same_params_file(was, now[path])
    )
    if before.env != after.env:
        changed.add(stage.env.lockfile or "env")
    return tuple(sorted(changed))


@dataclass(slots=True)
class ParamsRead:
    """The params of a stage: ``values`` by file and dotted key, ``unsure`` keys by file, and the files that are ``code``."""

    values: dict[str, dict[str, object]] = field(default_factory=dict)
    unsure: dict[str, set[str]] = field(default_factory=dict)
    code: list[str] = field(default_factory=list)

    def files(self, blobs: Mapping[str, str]) -> dict[str, ParamsFile]:
        """The bytes of each file for a record."""
        return {path: ParamsFile(blobs[path], tuple(sorted(self.unsure.get(path, ())))) for path in self.values}


def read_params(stage: Stage, read: Callable[[str], bytes | None]) -> ParamsRead:
    """What ``stage`` names of its params files, whose bytes ``read`` gives. Raises ``ValuesFault`` and as ``read``."""
    found = ParamsRead()
    for wanted in stage.params:
        data = read(wanted.file)
        if data is None:
            raise ValuesFault(
                f"the params file {wanted.file} of stage {stage.name} is not there",
                hint=f"write {wanted.file}, or take it out of the params of {stage.name}",
                path=wanted.file,
            )
        text = paramfiles.read(data, wanted.file)
        chosen, unsure = paramfiles.select(text, wanted.keys, wanted.file)
        found.values.setdefault(wanted.file, {}).update(chosen)
        found.unsure.setdefault(wanted.file, set()).update(unsure)
        found.code += [wanted.file] if text.code and wanted.file not in found.code else []
    return found
