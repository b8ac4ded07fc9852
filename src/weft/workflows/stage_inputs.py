"""What the stages read and wrote, as pointers, Git and params files have it now: the facts behind a plan and a record."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from weft.errors import MissingDependency, ObjectMissing, StaleWorkspace, ValuesFault, WeftError
from weft.formats import values
from weft.gitio import trees
from weft.gitio.worktree import blob_ids, kept_files
from weft.model.entry import DIR, EXEC
from weft.model.lineage import DataRef, Record, record_path
from weft.model.pointer import Pointer
from weft.model.stage import Stage
from weft.pipeline.fingerprint import Inputs, is_at_or_below, same_value
from weft.pipeline.plan import Now
from weft.workflows.fetch import fetch_metadata
from weft.workflows.files import read_small
from weft.workflows.project import Project
from weft.workflows.stage_data import ABSENT, CLEAN, DELETED, MODIFIED, TO_BRING, DataTree, find_below
from weft.workflows.stages import Pipeline
from weft.workflows.targets import Target, decode_pointer, owner_of, pointer_path
from weft.workspace.walk import manifest_reader

VALUES_LIMIT = 16 << 20
UNTRACKED_DEP_LIMIT = 8 << 20
"""Most bytes of a dependency that nobody keeps yet and Git may: a larger one is data, and weft has to keep it."""

_NOT_CODE = (".gitignore", ".weftignore")


class Looker:
    """Looks at the work tree of a project on behalf of a pipeline; ``tree`` is the data in it."""

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
        data: dict[str, DataRef] = {}
        others: list[str] = []
        for path in stage.deps:
            if path in self.tree.pointers:
                data[path] = self._whole(path)
            elif owner := owner_of(self.tree.pointers, path):
                data[path] = self._inside(path, owner, known.get(path), stage)
            else:
                others.append(path)
                below = [name for name in self.tree.pointers if is_at_or_below(name, path)]
                data.update((name, self._whole(name)) for name in below)
        files = self._code_files(stage, others, data)
        lockfile = stage.env.lockfile
        blobs = blob_ids(self._project.git, [*files, *([lockfile] if self._is_there(stage, lockfile) else [])])
        env = {"lockfile": lockfile, "lockfile_blob": blobs[lockfile]} if lockfile else {}
        if stage.env.image:
            env["image"] = stage.env.image
        code = {path: blobs[path] for path in files}
        return Inputs(tuple(data[path] for path in sorted(data)), code, self.params(stage), env)

    def params(self, stage: Stage) -> dict[str, dict[str, object]]:
        """The values that ``stage`` names, by file and dotted key. Raises ``ValuesFault``."""
        found: dict[str, dict[str, object]] = {}
        for wanted in stage.params:
            data = read_small(os.path.join(self._project.root, wanted.file), VALUES_LIMIT)
            if data is None:
                raise ValuesFault(
                    f"the params file {wanted.file} of stage {stage.name} is not there",
                    hint=f"write {wanted.file}, or take it out of the params of {stage.name}",
                    path=wanted.file,
                )
            have = values.read_values(data, wanted.file)
            chosen = values.select(have, wanted.keys, wanted.file) if wanted.keys else have
            found.setdefault(wanted.file, {}).update(chosen)
        return found

    def _code_files(self, stage: Stage, paths: Sequence[str], data: Mapping[str, DataRef]) -> list[str]:
        """The files of the dependencies that Git keeps; each of ``paths`` must lead to some, or to data."""
        if not paths:
            return []
        found = [name for name in kept_files(self._project.git, paths) if is_code(name, paths)]
        for path in paths:
            if any(is_at_or_below(name, path) for name in found) or any(is_at_or_below(name, path) for name in data):
                continue
            raise self._missing(stage, path)
        self._refuse_large(stage, found)
        return found

    def _missing(self, stage: Stage, path: str) -> MissingDependency:
        producer = self._pipeline.graph.producer_of(path)
        if not os.path.lexists(os.path.join(self._project.root, path)):
            hint = (
                f"weft repro {producer}" if producer and producer != stage.name else f"check the deps of {stage.name}"
            )
            return MissingDependency(f"{path}, a dependency of stage {stage.name}, is not there", hint=hint, path=path)
        return MissingDependency(
            f"neither Git nor weft keeps {path}, a dependency of stage {stage.name}",
            hint=f"weft add {path} if it is data; if it is code, take it out of .gitignore and git add {path}",
            path=path,
        )

    def _refuse_large(self, stage: Stage, files: Iterable[str]) -> None:
        for name in files:
            size = os.lstat(os.path.join(self._project.root, name)).st_size
            if size > UNTRACKED_DEP_LIMIT and not trees.is_tracked(self._project.git, name):
                raise MissingDependency(
                    f"neither Git nor weft keeps {name}, a dependency of stage {stage.name}, and it is large",
                    hint=f"weft add {name}",
                    path=name,
                )

    def _is_there(self, stage: Stage, lockfile: str) -> bool:
        if lockfile and not os.path.isfile(os.path.join(self._project.root, lockfile)):
            raise MissingDependency(
                f"the lock file {lockfile} of stage {stage.name} is not there",
                hint=f"write it, or take it out of the env of {stage.name}",
                path=lockfile,
            )
        return bool(lockfile)

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
            if known is not None and known.inside == owner and self._recorded_with(stage, owner, pointer):
                return known
            if not self._project.config.remotes:
                raise
            fetch_metadata(self._project, [Target(owner, pointer)])
            entry = find_below(pointer, sub, read)
        if entry is None:
            raise self._missing(stage, path)
        return DataRef(
            path,
            "dir" if entry.type == DIR else "file",
            entry.oid,
            entry.size,
            entry.files,
            entry.type == EXEC,
            owner,
            self._pipeline.graph.producer_of(path),
        )

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
                raise StaleWorkspace(
                    f"{ref.path}, a dependency of stage {stage.name}, differs from its pointer ({detail})",
                    hint=f"weft add {ref.path}, or weft checkout --force {ref.path} to undo that",
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
        return Now(self.inputs(stage, record), outs, self.git_outs(stage), modified, deleted)

    def git_outs(self, stage: Stage) -> dict[str, str]:
        """Blob ids of the files at and below the outs that Git keeps."""
        paths = [out.path for out in stage.outs if not out.cache]
        return blob_ids(self._project.git, kept_files(self._project.git, paths)) if paths else {}


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
    if before.env != after.env:
        changed.add(stage.env.lockfile or "env")
    return tuple(sorted(changed))


def is_code(name: str, paths: Sequence[str]) -> bool:
    """Files that a directory brings along without being code of it are left out; named by themselves they count."""
    if name in paths:
        return True
    base = name.rpartition("/")[2]
    return base not in _NOT_CODE and not base.endswith(".weft") and "/__pycache__/" not in f"/{name}"
