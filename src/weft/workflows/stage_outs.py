"""The outs of a stage: checked before the command, moved aside while it runs, recorded after it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from weft.errors import PathEscape, PathOverlap, StageFailed, StageFault, UnsavedChanges, quoted
from weft.formats import pointer as pointer_format
from weft.formats import values
from weft.gitio.ignore import ensure_ignored
from weft.gitio.worktree import ignored_paths
from weft.model.config import STRICT
from weft.model.pointer import Pointer
from weft.model.stage import Out, Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.util.atomic import os_errors, temp_name
from weft.util.dirfd import write_below
from weft.workflows.add import check_free, check_not_in_git
from weft.workflows.files import read_small
from weft.workflows.options import AddOptions
from weft.workflows.project import Project
from weft.workflows.stage_data import ABSENT, CLEAN
from weft.workflows.stage_inputs import Looker
from weft.workflows.stage_results import Listener
from weft.workflows.stages import VALUES_LIMIT, aside_dir
from weft.workflows.take import Draft, Taker
from weft.workflows.targets import owner_of, pointer_path
from weft.workspace.names import NamePolicy


def check_outs(project: Project, looker: Looker, stage: Stage) -> None:
    """Refuse outs that could not be recorded once they are written; nothing was run yet.

    Raises ``PathOverlap``, ``PathReserved``, ``PathEscape``, ``TrackedByGit``, ``StageFault``.
    """
    for out in stage.outs:
        _check_inside(project, out)
        owner = owner_of(looker.tree.pointers, out.path)
        below = next((known for known in looker.tree.pointers if known.startswith(out.path + "/")), "")
        if owner or below:
            raise PathOverlap(
                f"{out.path}, an out of stage {stage.name}, and {owner or below}, which weft tracks, lie in one another",
                hint=f"weft rm {quoted(owner or below)}, or give the stage another out",
                path=out.path,
            )
        if out.cache:
            check_free(out.path, looker.tree.pointers)
        elif out.path in looker.tree.pointers:
            raise PathOverlap(
                f"{out.path}, which stage {stage.name} leaves to Git, is tracked by weft",
                hint=f"weft rm {quoted(out.path)}, or declare it with `cache: true`",
                path=out.path,
            )
    check_not_in_git(project, [out.path for out in stage.outs if out.cache])
    ignored = ignored_paths(project.git, [out.path for out in stage.outs if not out.cache])
    if ignored:
        raise StageFault(
            f"Git ignores {ignored[0]}, which stage {stage.name} leaves to Git",
            hint=f"take {ignored[0]} out of .gitignore, or declare it with `cache: true`",
            path=ignored[0],
        )


def _check_inside(project: Project, out: Out) -> None:
    root = os.path.realpath(project.root)
    parent = os.path.realpath(os.path.join(root, os.path.dirname(out.path)))
    if parent != root and not parent.startswith(root + os.sep):
        raise PathEscape(f"{out.path} leads out of the repository by a link", path=out.path)


# --- aside -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Aside:
    """Where the old outs of a stage are while its command runs: pairs of out and place, absolute."""

    directory: str
    moved: list[tuple[str, str]] = field(default_factory=list)

    def put_back(self) -> None:
        """Return what no new file has taken the place of, drop the rest: its bytes were proved to be kept elsewhere."""
        for path, place in self.moved:
            if not os.path.lexists(path):
                with contextlib.suppress(OSError):
                    os.rename(place, path)
        self.drop()

    def drop(self) -> None:
        """Remove the old outs."""
        for _, place in self.moved:
            _remove(place)
        shutil.rmtree(self.directory, ignore_errors=True)


def recover(project: Project, stage: Stage) -> None:
    """Put back what a killed process left aside. The lock of the stage must be held."""
    directory = aside_dir(project, stage.name)
    if not os.path.isdir(directory) or os.path.islink(directory):
        return
    pairs = [(os.path.join(project.root, out.path), os.path.join(directory, out.path)) for out in stage.outs]
    Aside(directory, [pair for pair in pairs if os.path.lexists(pair[1])]).put_back()


def move_aside(project: Project, looker: Looker, stage: Stage, left_out: Sequence[str], listener: Listener) -> Aside:
    """Clear the places of the outs that do not persist, so that the command starts from its inputs alone.

    Bytes that are in no store yet go into the local one first, and ``listener`` hears their oid. Those of outs that Git
    keeps are in its commits, or in the snapshot but for ``left_out``. Raises ``UnsavedChanges``, and what storing raises.
    """
    aside = Aside(aside_dir(project, stage.name))
    try:
        for out in stage.outs:
            path = os.path.join(project.root, out.path)
            with os_errors("create the directory of", path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            if out.persist or not os.path.lexists(path):
                continue
            _keep(project, looker, stage, out, left_out, listener)
            aside.moved.append((path, _move(path, os.path.join(aside.directory, out.path))))
    except BaseException:
        aside.put_back()
        raise
    return aside


def _keep(
    project: Project, looker: Looker, stage: Stage, out: Out, left_out: Sequence[str], listener: Listener
) -> None:
    if not out.cache:
        lost = [path for path in left_out if is_at_or_below(path, out.path)]
        if lost:
            raise UnsavedChanges(
                f"{lost[0]}, which stage {stage.name} is about to replace, is kept nowhere: the snapshot leaves it out",
                hint=f"git add {quoted(lost[0])}, or move it away",
                path=lost[0],
            )
        return
    if out.path in looker.tree.pointers and looker.tree.state(out.path)[0] in (CLEAN, ABSENT):
        return
    # It may be kept already; storing it again finds that out and writes nothing.
    (draft,) = take_outs(project, looker, [out.path])
    listener.said(stage.name, f"what was at {out.path} is kept in the local store as {draft.pointer.oid}")


def _move(path: str, place: str) -> str:
    with os_errors("move", path):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        try:
            os.rename(path, place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # The Git directory is on another file system: beside the out there is room for it in any case.
            place = os.path.join(os.path.dirname(path), temp_name())
            os.rename(path, place)
    return place


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        os.unlink(path)


# --- after the command -----------------------------------------------------------------------------------------------


def refuse_missing(project: Project, stage: Stage) -> None:
    """Raise ``StageFailed`` naming outs that the command did not write."""
    missing = [out.path for out in stage.outs if not os.path.lexists(os.path.join(project.root, out.path))]
    if missing:
        raise StageFailed(
            f"stage {stage.name} ended well, but did not write {', '.join(missing)}",
            hint="mend the command, or the outs that weft.yaml declares",
            path=missing[0],
        )


def left_behind(project: Project, stage: Stage) -> str:
    """What a run that failed has left at its outs, in words."""
    left = [out.path for out in stage.outs if os.path.lexists(os.path.join(project.root, out.path))]
    kept = [out.path for out in stage.outs if out.cache and os.path.lexists(_pointer(project, out.path))]
    if not left:
        return "it left no outs"
    undo = f"; weft checkout --force {' '.join(kept)} brings the recorded ones back" if kept else ""
    return f"left as they are, and not recorded: {', '.join(left)}{undo}"


def _pointer(project: Project, path: str) -> str:
    return os.path.join(project.root, pointer_path(path))


def take_outs(project: Project, looker: Looker, paths: Sequence[str]) -> list[Draft]:
    """Store what is at ``paths``, durably, and return drafts of its pointers. Nothing is visible yet.

    Raises as ``weft add`` does.
    """
    names = NamePolicy(strict=project.config.portable == STRICT)
    options = AddOptions(missing="delete", force=True)
    with project.store.writer() as writer:
        taker = Taker(project, writer, names, options)
        # Without the old pointer: all was written anew, and the manifests of what was may be on a remote far away.
        drafts = [_beside(taker.whole(path, None), looker.tree.pointers.get(path)) for path in paths]
        writer.finish()
    names.warn(project.progress)
    return drafts


def _beside(draft: Draft, old: Pointer | None) -> Draft:
    """The draft as it follows ``old``: the same pointer for the same data, and what else the user wrote into it."""
    if old is None:
        return draft
    if old.same_data(draft.pointer):
        return replace(draft, pointer=old, changed=False)
    return replace(draft, pointer=replace(draft.pointer, meta=old.meta))


def read_metrics(project: Project, stage: Stage) -> dict[str, dict[str, object]]:
    """The values of the metrics files by dotted key. Raises ``ValuesFault``; warns of values that are no numbers."""
    found: dict[str, dict[str, object]] = {}
    for path in stage.paths("metrics"):
        data = read_small(os.path.join(project.root, path), VALUES_LIMIT)
        found[path] = dict(values.read_values(data or b"", path))
        odd = values.not_finite(found[path])
        if odd:
            project.progress.warn(
                f"{path} of stage {stage.name} holds values that are not finite: {', '.join(odd)}",
                hint="a commit with them is refused by the rules of lineage",
            )
    return found


def write_pointer(project: Project, path: str, pointer: Pointer) -> list[str]:
    """Write the pointer of ``path``, whose data is in the store, and hide its data from Git; the files written."""
    name = pointer_path(path)
    write_below(project.root, name, pointer_format.encode(pointer))
    ignored = ensure_ignored(project.git, os.path.dirname(name), [pointer.path])
    return [name, ignored] if ignored else [name]
