"""Taking the outs of an earlier run instead of running: found by its record, proved to be here, then put in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

from weft.errors import EnvironmentFault, GitFailed, IntegrityError, NoSuchRevision, ObjectMissing, RefusedInput
from weft.gitio.trees import file_at, head, read_blobs, resolve
from weft.model.lineage import DataRef, Record
from weft.model.pointer import Pointer
from weft.model.stage import Stage
from weft.objects.reachability import walk
from weft.pipeline.reuse import earlier_runs
from weft.util.dirfd import write_below
from weft.workflows.checkout import checkout_targets
from weft.workflows.fetch import fetch_selection
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.own_runs import own_runs
from weft.workflows.project import Project
from weft.workflows.selection import Selection
from weft.workflows.shared_runs import shared_runs
from weft.workflows.stage_outs import write_pointer
from weft.workflows.stage_results import Listener, RunOptions
from weft.workflows.targets import Target, decode_pointer, pointer_path

GIT_OUT_LIMIT = 256 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """An earlier run whose outs can be had: its record, the commit that brought that in, the pointers of its outs, the bytes
    of those that Git keeps."""

    record: Record
    commit: str
    pointers: Mapping[str, Pointer] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def find_earlier(project: Project, stage: Stage, key: str, options: RunOptions) -> Found | None:
    """The newest earlier run of ``stage`` under ``key`` whose outs are in the local store, or, with ``pull``, on a
    remote; with ``reuse_accepted`` also outs that were only accepted; None when there is none. ``runs`` asks for runs that
    others share, and their data, where no other serves."""
    own, accepted = own_runs(project.git), options.reuse_accepted
    ours = ((one, False) for one in earlier_runs(project.git, stage, key, _trusted(project), own, accepted=accepted))
    theirs = ((one, True) for one in shared_runs(project, stage, key, asked=options.runs))
    for earlier, foreign in chain(ours, theirs):
        pointers = pointers_beside(project, earlier.commit, earlier.record.outs)
        if pointers is None and foreign and earlier.record.run:
            project.progress.warn(
                f"the shared run {earlier.record.run.id} was refused: its pointers are not what its record says"
            )
        if pointers is None or not _bring(project, pointers, pull=options.pull or (foreign and options.runs)):
            continue
        files = git_files(project, earlier.record)
        if files is not None:
            return Found(earlier.record, earlier.commit, pointers, files)
    return None


def _trusted(project: Project) -> list[str]:
    """The commits whose history may stand in for runs: HEAD, and what the private setting ``reuse.from`` names."""
    here = head(project.git)
    found = [here] if here else []
    for name in project.config.reuse_from.replace(",", " ").split():
        try:
            found.append(resolve(project.git, name))
        except NoSuchRevision:
            project.progress.warn(f"reuse.from names {name}, which is no commit here", hint="git fetch")
    return found


def put_in_place(project: Project, stage: Stage, found: Found, listener: Listener) -> list[str]:
    """Write the outs of an earlier run and their pointers; the files to be staged. The tree must be locked.

    Bytes that are replaced go into the store first, and ``listener`` hears of them.
    """
    targets = [Target(path, pointer) for path, pointer in found.pointers.items()]
    done = checkout_targets(project, targets, CheckoutOptions(force=True))
    if done.absent:
        raise ObjectMissing(f"the data of {', '.join(done.absent)} is not here", hint="weft repro --pull")
    for path, oid in done.saved:
        listener.said(stage.name, f"what was at {path} is kept in the local store as {oid}")
    written = [name for path, pointer in found.pointers.items() for name in write_pointer(project, path, pointer)]
    return written + write_git_files(project, found.files)


def git_files(project: Project, record: Record) -> dict[str, bytes] | None:
    """The bytes of the outs that Git keeps, as the run wrote them, and of its list of packages; None when Git lacks some."""
    wanted = dict(record.files)
    if "packages_file" in record.env:
        wanted[record.env["packages_file"]] = record.env["packages_blob"]
    try:
        blobs = read_blobs(project.git, set(wanted.values()), limit=GIT_OUT_LIMIT)
    except (GitFailed, RefusedInput):
        return None
    return {path: blobs[blob] for path, blob in wanted.items()}


def write_git_files(project: Project, files: Mapping[str, bytes]) -> list[str]:
    """Write outs that Git keeps into the work tree; their paths."""
    for path, data in files.items():
        write_below(project.root, path, data)
    return list(files)


def pointers_beside(project: Project, commit: str, outs: tuple[DataRef, ...]) -> dict[str, Pointer] | None:
    """The pointers that stand beside the record, for only they tell how the data is laid out; None if they do not fit."""
    found: dict[str, Pointer] = {}
    for ref in outs:
        name = pointer_path(ref.path)
        try:
            data = file_at(project.git, commit, name)
            pointer = decode_pointer(data, name) if data is not None else None
        except RefusedInput:
            return None
        if pointer is None or not same_data(ref, pointer):
            return None
        found[ref.path] = pointer
    return found


def same_data(ref: DataRef, pointer: Pointer) -> bool:
    """Whether a record says of its out what the pointer says."""
    told = (pointer.type, pointer.oid, pointer.size, pointer.files, pointer.executable)
    return told == (ref.type, ref.oid, ref.size, ref.files, ref.executable)


def _bring(project: Project, pointers: Mapping[str, Pointer], *, pull: bool) -> bool:
    try:
        if is_here(project, pointers):
            return True
    except IntegrityError as error:
        project.progress.warn(f"the outs of an earlier run cannot be used: {error.message}")
        return False
    if not pull or not project.config.remotes:
        return False
    try:
        fetch_selection(project, Selection(pointers), TransferOptions())
        return is_here(project, pointers)
    except (IntegrityError, EnvironmentFault) as error:
        project.progress.warn(f"the outs of an earlier run could not be fetched: {error.message}")
        return False


def is_here(project: Project, pointers: Mapping[str, Pointer]) -> bool:
    """Whether the local store holds all data of ``pointers``, which is relied on then."""
    try:
        return not any(
            project.store.rely_on(walk(pointer, project.store).all_frames()) for pointer in pointers.values()
        )
    except ObjectMissing:
        return False
