"""Phase C of ``weft validate``: whether the data that a commit is about is on disk as its pointers say, and in the local
store. A look with a budget: what it did not get to is told, not guessed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from weft.errors import (
    IntegrityError,
    NotARepository,
    ObjectMissing,
    RefusedInput,
    SchemaError,
    WeftError,
    quoted,
)
from weft.formats import valuefiles
from weft.gitio.repo import GitRepo
from weft.model.entry import DIR
from weft.model.lineage import stage_of_record
from weft.model.pointer import SUFFIX, Pointer
from weft.objects.proofs import check_sizes
from weft.objects.reachability import walk
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.data import DATA, Inside, same_part
from weft.pipeline.validate.engine import Report
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.ignores import count
from weft.pipeline.validate.kept_figures import Measured, differences
from weft.pipeline.validate.violations import Violation
from weft.util.humanize import count_text, size_text
from weft.util.later import later
from weft.util.progress import Progress
from weft.workflows.parts import Parts
from weft.workflows.project import Project, open_project
from weft.workflows.targets import workspace_pointers
from weft.workflows.validate_layouts import LayoutLook, wrong
from weft.workflows.validate_results import Staged, ValidateResult
from weft.workspace.compare import FileChange, compare
from weft.workspace.scan import TreeScan, scan_tree
from weft.workspace.statcache import Tracked
from weft.workspace.stats import size_of, type_of
from weft.workspace.walk import FILE_TYPES, manifest_reader, tracked_names

if TYPE_CHECKING:
    from weft.workflows import validate_objects, validate_whole
else:
    validate_objects = later("weft.workflows.validate_objects")
    validate_whole = later("weft.workflows.validate_whole")

DIFFERS, NOT_HERE = 24, 25
_SIZED = ("the staged pointer says", "that of the version which was put here, and the pointer changed since")
HASH_BYTES = 64 << 20
"""Most bytes that are hashed in one look."""
SECONDS = 1.0
"""No further path is looked at after this time."""

FILES = 20_000
"""A tracked directory of more files is looked at by its top alone."""
_TOLD = 3
_MOST = 100_000  # files of one path that a reminder is worth a look at
_IN_PROGRESS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def look(staged: Staged, progress: Progress | None = None, *, strict: bool = False) -> ValidateResult:
    """Add phase C to the result for what is staged; ``strict`` refuses what is stale.

    Raises what opening the project raises.
    """
    result = staged.result
    busy = next((name for name in _IN_PROGRESS if os.path.lexists(os.path.join(staged.git.git_dir, name))), "")
    if busy:
        # The pointers are somebody else's, and their data comes with a checkout afterwards.
        note = f"the workspace was not compared: {busy} tells of a merge or a rebase in progress"
        result = replace(result, notes=(*result.notes, note))
    try:
        with open_project(staged.git.root, progress) as project:
            eye = _Eye(project)
            layouts = LayoutLook(project, staged.context, HASH_BYTES, eye.notes)
            violations = list(layouts.check(staged.scope.pointers, swapped=bool(busy)))
            if not busy:
                violations += [*eye.parts(staged.context, staged.inside), *eye.figures(staged.context, staged.measured)]
                violations += [*eye.data(staged), *eye.objects(staged)]
                violations = (
                    validate_whole.keep_runs(staged.git, staged.context, violations) if violations else violations
                )
                if progress is not None and not violations:
                    remind(project, progress, but=staged.scope.pointers)
    except NotARepository:
        return result
    context = staged.context
    counted, ignored = count(context, violations, strict=strict)
    return replace(
        result,
        violations=(*result.violations, *counted),
        ignored=(*result.ignored, *ignored),
        notes=(*result.notes, *eye.notes),
    )


def prove_data(git: GitRepo, context: Context, report: Report) -> tuple[list[Violation], list[str]]:
    """What of a commit only its data can prove, as far as that is here, with what is to be noted: rule 7 for the layouts of
    pointers, rule 10 for metrics that weft keeps, and rule 11 for parts of tracked directories.

    A clone that has no store yet, as on a CI server, is not given one.
    """
    inside, measured = report.inside, report.measured
    layouts = [
        path
        for path in report.scope.pointers
        if (pointer := context.pointer(path)) is not None and pointer.layout is not None
    ]
    if not (inside or measured or layouts):
        return [], []
    unproved = [f"{path} is not proved: its layout is not here" for path in layouts]
    unproved += map(_unproved, measured)
    if not os.path.exists(os.path.join(git.common_dir, "weft", "catalog.sqlite")):
        return [], unproved
    try:
        with open_project(git.root) as project:
            eye = _Eye(project)
            look = LayoutLook(project, context, None, eye.notes)
            return [*look.check(layouts), *eye.parts(context, inside), *eye.figures(context, measured)], eye.notes
    except NotARepository:
        return [], unproved


class _Eye:
    """One look, and what is left of its budget."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._parts = Parts(project.git, project)
        self._bytes = HASH_BYTES
        self._end = time.monotonic() + SECONDS
        self.notes: list[str] = []

    # --- rule 24 ---

    def data(self, staged: Staged) -> Iterator[Violation]:
        """Rule 24 for the data of changed pointers, and of those that touched stages name."""
        context, passed = staged.context, 0
        stages = context.stages()
        named = [path for name in staged.scope.stages for path in stages[name].deps]
        named += [out.path for name in staged.scope.stages for out in stages[name].outs if out.cache]
        for path in dict.fromkeys([*staged.scope.pointers, *filter(None, map(context.owner, named))]):
            pointer = context.pointer(path)
            if pointer is None:
                continue
            if time.monotonic() > self._end:
                passed += 1
                continue
            try:
                yield from self._compare(path, pointer)
            except WeftError as error:
                self.notes.append(f"{path} was not compared: {error.message}")
        if passed:
            self.notes.append(f"{count_text(passed, 'path')} in the workspace not looked at: a second was over")

    def _compare(self, path: str, pointer: Pointer) -> Iterator[Violation]:
        project = self._project
        scan = _scan(project, path, pointer)
        if not scan.type:
            return
        unknown = _unknown_bytes(scan)
        tracked = scan.state.tracked
        moved = tracked is not None and tracked.oid != pointer.oid  # then what is old was not changed here
        if unknown > self._bytes:
            was = self._made_from(pointer, tracked) if moved and tracked is not None else pointer
            if was is not None and _sums_differ(scan, was):
                by_name = f"weft status {quoted(path)}, then weft add each changed file by its name" if moved else ""
                yield _differs(path, f"its size is another than {_SIZED[moved]}", by_name)
            else:
                self.notes.append(f"{path} was not hashed: {size_text(unknown)} are over what is left of the budget")
            return
        self._bytes -= unknown
        read = manifest_reader(project.store, pointer.layout)
        before = manifest_reader(project.store, tracked.layout) if tracked is not None and moved else None
        jobs = project.config.jobs
        compared = compare(scan, pointer, read, cache=project.cache, workers=jobs, rename_budget=0, read_before=before)
        edits = [change for change in compared.changes if not change.behind]
        if edits:
            first = edits[0]
            more = f" and {count_text(len(edits) - 1, 'more file')}" if len(edits) > 1 else ""
            mend = self._mend_beside(pointer, edits) if moved else _mend([path], edits)
            yield _differs(path, f"{first.path} is {first.kind}{more}, against the staged pointer", mend)
        elif compared.state == "error":
            self.notes.append(f"{path} was not compared: {compared.message}")

    def _made_from(self, pointer: Pointer, tracked: Tracked) -> Pointer | None:
        """``pointer`` with the sums of the directory ``tracked`` that the workspace was made from; None where they are not
        known here."""
        if pointer.is_dir:
            with suppress(IntegrityError):
                listing = manifest_reader(self._project.store, tracked.layout)(tracked.oid)
                return replace(pointer, oid=tracked.oid, size=listing.size, files=listing.files)
        return None

    def _mend_beside(self, pointer: Pointer, edits: Sequence[FileChange]) -> str:
        """The mend of ``edits`` beside a pointer that changed too: by name, for to add all of the path would undo that."""
        verb = "checkout"
        with suppress(WeftError):
            verb = "pull" if self._absent(pointer) else verb
        if edits[0].both:
            name = quoted(edits[0].path)
            return f"weft add --force {name} keeps yours, weft {verb} --force {name} takes theirs"
        told = [change for change in edits if not change.both][:_TOLD]
        return _mend([name for one in told for name in (one.old_path, one.path) if name], told, verb)

    # --- rule 25 ---

    def objects(self, staged: Staged) -> Iterator[Violation]:
        """Rule 25 for pointers that this commit adds or changes: of what they had before, nothing has to be here."""
        for path in staged.scope.pointers:
            pointer = staged.context.pointer(path)
            if pointer is None:
                continue
            try:
                absent = self._absent(pointer)
                if absent:
                    absent = validate_objects.lacking(self._project, staged.context, path, pointer, absent)
            except (IntegrityError, RefusedInput) as error:
                yield wrong(path, error.message)
                continue
            except WeftError as error:
                self.notes.append(f"{path} was not looked for in the local store: {error.message}")
                continue
            if absent:
                text = f"the local store lacks {absent} of its data"
                mend = f"weft fetch {quoted(path)}, or: weft add {quoted(path)}"
                yield found(NOT_HERE, path + SUFFIX, text, mend=mend)

    def _absent(self, pointer: Pointer) -> str:
        """What the local store lacks, in words. Raises what is wrong with the data where its objects contradict it."""
        store, recipes = self._project.store, self._project.catalog.recipes_for((pointer.oid,))
        if store.missing({recipes.get(pointer.oid, pointer.oid)}):
            return "the root" if pointer.is_dir else "the object"
        if pointer.files > FILES or time.monotonic() > self._end:
            return ""
        try:
            closure = walk(pointer, store)
        except ObjectMissing:
            return "a part"
        check_sizes(self._project.catalog, closure)
        if closure.stray:
            raise SchemaError(f"its layout has {count_text(len(closure.stray), 'object')} that its data has not")
        missing = store.missing(closure.all_frames())
        return count_text(len(missing), "object") if missing else ""

    # --- rule 11, the part that needs manifests ---

    def parts(self, context: Context, inside: Sequence[Inside]) -> Iterator[Violation]:
        """Rule 11 for records that tell of a part of a tracked directory as it is now: that it is this part."""
        for part in inside:
            ref = part.ref
            try:
                now = self._parts.find(part.pointer, ref.inside, ref.path)
            except ObjectMissing:
                continue
            if now is None or not same_part(now, ref):
                text = f"{ref.path} is not what {ref.inside} held in the run, which is the one {context.as_here}"
                line = context.line(part.path, "deps", ref.path)
                yield found(DATA, part.path, text, line=line, mend=f"weft repro {stage_of_record(part.path)}")

    # --- rule 10, the part that needs objects ---

    def figures(self, context: Context, measured: Sequence[Measured]) -> Iterator[Violation]:
        """Rule 10 for metrics files that weft keeps."""
        for one in measured:
            pointer = context.pointer(one.ref.path)
            if pointer is None or pointer.oid != one.ref.oid or pointer.is_dir or pointer.size > valuefiles.LIMIT:
                self.notes.append(_unproved(one))
                continue
            store = self._project.store
            try:
                data = b"".join(store.iter_content(pointer.oid, pointer.size, store.layout(pointer.layout)))
            except WeftError:
                self.notes.append(_unproved(one))
                continue
            yield from differences(context, one, data)


def remind(project: Project, progress: Progress, *, but: Sequence[str] = ()) -> None:
    """Warn in one line of tracked data that was changed and not added, so that it is in no commit; ``but`` is left out.

    A look with a budget, as the others: what it did not get to is not told.
    """
    end, left = time.monotonic() + SECONDS, HASH_BYTES
    told: list[str] = []
    pointers = {
        path: one for path, one in workspace_pointers(project).items() if path not in but and one.files <= _MOST
    }
    for path, pointer in pointers.items():
        if time.monotonic() > end:
            break
        try:
            scan = _scan(project, path, pointer)
            unknown = _unknown_bytes(scan)
            if unknown > left:
                told += [f"M {path} (weft add {quoted(path)})"] if scan.type and _sums_differ(scan, pointer) else []
                continue
            left -= unknown
            read = manifest_reader(project.store, pointer.layout)
            found = compare(scan, pointer, read, cache=project.cache, workers=project.config.jobs, rename_budget=0)
        except WeftError:
            continue  # `weft status` tells of it
        if found.changes and not found.message:  # with a message the pointer is what changed
            more = f" and {len(found.changes) - 1} more" if len(found.changes) > 1 else ""
            told.append(f"{_letter(found.changes[0].kind)} {found.changes[0].path}{more} (weft add {quoted(path)})")
    if told:
        rest = f"; {len(told) - _TOLD} more paths" if len(told) > _TOLD else ""
        progress.warn(f"not recorded: {'; '.join(told[:_TOLD])}{rest}")


def _letter(kind: str) -> str:
    return {"added": "A", "deleted": "D"}.get(kind, "M")


def _scan(project: Project, path: str, pointer: Pointer) -> TreeScan:
    state = project.cache.load(path)
    tracked = tracked_names(pointer, manifest_reader(project.store, pointer.layout), state)
    return scan_tree(project.root, path, state=state, tracked=tracked)


def _unproved(one: Measured) -> str:
    return f"the metrics of {one.ref.path} in {one.path} are unproved: its data is not here"


def _differs(path: str, text: str, mend: str = "") -> Violation:
    return found(DIFFERS, path + SUFFIX, text, mend=mend or _mend([path]))


def _mend(paths: Sequence[str], edits: Sequence[FileChange] = (), verb: str = "checkout") -> str:
    """To take or to drop ``edits`` in ``paths``."""
    came = any(change.kind in ("added", "renamed") for change in edits)
    names = " ".join(map(quoted, paths))
    drop = "weft checkout --force --delete" if came else f"weft {verb} --force"
    return f"weft add {names} to take it, {drop} {names} to drop it"


def _unknown_bytes(scan: TreeScan) -> int:
    """Bytes of files whose hash the stat cache does not know."""
    return sum(
        size_of(packed)
        for directory in scan.dirs.values()
        for _, packed, known in directory.items()
        if known is None and type_of(packed) in FILE_TYPES
    )


def _sums_differ(scan: TreeScan, pointer: Pointer) -> bool:
    """Whether number and sizes alone tell that the data is another; with files missing nothing can be told."""
    sizes = [
        size_of(packed)
        for directory in scan.dirs.values()
        for _, packed, _ in directory.items()
        if type_of(packed) != DIR
    ]
    return len(sizes) > pointer.files or (len(sizes) == pointer.files and sum(sizes) != pointer.size)
