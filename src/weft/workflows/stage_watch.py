"""What changed while a command ran and is none of its outs: told, and refused where it is another stage's data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence, Set

from weft.errors import LockTimeout, StageFailed
from weft.gitio.snapshots import beyond_head
from weft.model.lineage import RECORDS, record_path
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.workflows.project import Project, state_dir
from weft.workflows.stage_inputs import Looker
from weft.workflows.stages import Pipeline, stage_lock

_SHOWN = 5


def mark(project: Project) -> int:
    """Now, in nanoseconds, by the clock that the file system stamps files with."""
    with tempfile.TemporaryFile(dir=state_dir(project.git)) as file:
        return os.fstat(file.fileno()).st_ctime_ns


class Watch:
    """Tells what was written since ``since`` outside of the outs and inputs of one stage.

    ``busy`` are stages of this process that ran at the same time. Those of other processes are found by their locks
    and records: what they write is theirs.
    """

    def __init__(self, project: Project, pipeline: Pipeline, stage: Stage, since: int, busy: Set[str]) -> None:
        self._project = project
        self._pipeline = pipeline
        self._stage = stage
        self._since = since
        self._busy = busy
        self._own = [out.path for out in stage.outs] + list(stage.deps) + [wanted.file for wanted in stage.params]

    def check(self, looker: Looker) -> None:
        """Warn of strange writes; raise ``StageFailed`` for one to data or an out of another stage."""
        data = [path for path in looker.tree.pointers if not self._is_own(path)]
        written = [name for path in data for name in looker.tree.changes(path) if self._is_new(name)]
        beyond = beyond_head(self._project.git)
        in_git = [name for name in (*beyond.changed, *beyond.untracked) if self._is_strange(name)]
        shown = self._not_theirs([*written, *in_git], data=set(written))
        if shown:
            names = ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")
            self._project.progress.warn(
                f"changed while stage {self._stage.name} ran, and none of its outs: {names}",
                hint=f"if {self._stage.name} wrote them, declare them as outs of it",
            )

    def _not_theirs(self, names: Sequence[str], data: Set[str]) -> list[str]:
        """Those of ``names`` that no other stage wrote; raises when one belongs to a stage that did not run."""
        left = []
        for name in names:
            victim = self._owner(name, data)
            if not victim:
                left.append(name)
            elif not self._ran_meanwhile(victim):
                raise StageFailed(
                    f"{name}, which belongs to stage {victim}, changed while stage {self._stage.name} ran",
                    hint=f"let only one stage write {name}; weft checkout --force undoes a change of tracked data",
                    path=name,
                )
        return left

    def _owner(self, name: str, data: Set[str]) -> str:
        """The other stage that ``name`` is an out of, or, if it is tracked data, a dependency of."""
        for other in self._pipeline.stages.values():
            if other.name == self._stage.name:
                continue
            if any(is_at_or_below(name, out.path) for out in other.outs):
                return other.name
            if name in data and any(is_at_or_below(name, dep) for dep in other.deps):
                return other.name
        return ""

    def _ran_meanwhile(self, name: str) -> bool:
        if name in self._busy or self._is_new(record_path(name)):
            return True
        try:
            with stage_lock(self._project, name, "look", shared=True):
                return False
        except LockTimeout:
            return True

    def _is_own(self, path: str) -> bool:
        return any(is_at_or_below(path, own) or is_at_or_below(own, path) for own in self._own)

    def _is_strange(self, name: str) -> bool:
        """Whether a path of Git's was written by none whose business it is."""
        base = name.rpartition("/")[2]
        ours = base == STAGE_FILE or base == ".gitignore" or base.endswith(".weft") or name.startswith(f"{RECORDS}/")
        own: Callable[[str], bool] = lambda path: any(is_at_or_below(path, top) for top in self._own)  # noqa: E731
        return not ours and "/__pycache__/" not in f"/{name}" and not own(name) and self._is_new(name)

    def _is_new(self, name: str) -> bool:
        path = os.path.join(self._project.root, name.rstrip("/"))
        while True:
            try:
                return os.lstat(path).st_ctime_ns >= self._since
            except (FileNotFoundError, NotADirectoryError):
                path = os.path.dirname(path)  # what was deleted changed the directory it was in
