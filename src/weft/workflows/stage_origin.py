"""Which state of the repository each run of one invocation starts from; a snapshot only where something is uncommitted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from weft.errors import quoted
from weft.formats import stagefile
from weft.gitio.snapshots import Beyond, author, beyond_head, name_snapshot, take_snapshot
from weft.gitio.trees import head, is_pointer
from weft.model.lineage import RECORDS
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.before_run import SECRET_RULE
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.record import Origin
from weft.workflows.project import Project
from weft.workflows.snapshot_choice import Choice, choose
from weft.workflows.stages import stage_file


class Origins:
    """Makes the origin of each run. What the invocation itself wrote does not count as a change of the user's, and as
    long as nothing else changed all its runs have one commit as their snapshot, each by a ref of its own."""

    def __init__(self, project: Project, stages: Iterable[Stage]) -> None:
        self._project = project
        self._stages = tuple(stages)
        self._written: set[str] = set()
        self._last: tuple[tuple[str, int, int], ...] | None = None
        self._origin = Origin()
        self._commit = ""
        self._author = author(project.git)
        self._told = bool(self._author)

    def wrote(self, paths: Iterable[str]) -> None:
        """Tell that these paths are ours."""
        self._written.update(paths)

    def of_run(self, run_id: str) -> Origin:
        """The origin of the run ``run_id``, which begins now. Raises as ``take_snapshot`` does."""
        git = self._project.git
        if not self._told:
            self._told = True
            self._project.progress.warn(
                "Git knows no name and address of yours, so the record has no author",
                hint="git config user.name NAME, and git config user.email ADDRESS",
            )
        found = beyond_head(git)
        beyond = Beyond(self._theirs(found.changed), self._theirs(found.untracked))
        state = tuple(self._look(path) for path in (*beyond.changed, *beyond.untracked))
        base = head(git) or ""
        if state == self._last and base == self._origin.base:
            if not self._origin.snapshot:
                return self._origin
            return replace(self._origin, snapshot=name_snapshot(git, run_id, self._commit))
        self._last = state
        if not beyond:
            self._origin = Origin(base, author=self._author)
            return self._origin
        # The snapshot holds what is ours as well.
        ignores = stagefile.decode_ignores(stage_file(self._project) or b"")
        choice = choose(self._project.root, found, self._stages, ignores)
        self._warn(choice)
        made = take_snapshot(git, run_id, choice.taken)
        self._commit = made.commit
        own = not beyond.untracked and all(path in found.staged and self._is_own(path) for path in beyond.changed)
        self._origin = Origin(base, True, made.ref, self._author, choice.large + choice.secret, own=own)
        return self._origin

    def _is_own(self, path: str) -> bool:
        """True for what weft writes and stages: outs, pointers, records, declarations."""
        if is_pointer(path) or path.startswith(RECORDS + "/") or path.rpartition("/")[2] == ".gitignore":
            return True
        outs = (out.path for stage in self._stages for out in stage.outs)
        files = (STAGE_FILE, *(stage.file for stage in self._stages))
        return path in files or any(is_at_or_below(path, out) for out in outs)

    def _warn(self, choice: Choice) -> None:
        if choice.large:
            self._project.progress.warn(
                f"too large for the snapshot of this run: {', '.join(choice.large[:5])}",
                hint=f"weft add {quoted(choice.large[0])} if it is data, or list it in .gitignore",
            )
        if choice.secret:
            self._project.progress.warn(
                f"left out of the snapshot of this run, for what looks like a secret: {', '.join(choice.secret[:5])}",
                hint=f"list {choice.secret[0]} in .gitignore; or an ignore of {SECRET_RULE} in weft.yaml, if it is none",
            )

    def _theirs(self, paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(path for path in paths if path not in self._written)

    def _look(self, path: str) -> tuple[str, int, int]:
        try:
            found = os.lstat(os.path.join(self._project.root, path))
        except OSError:
            return path, -1, -1
        return path, found.st_mtime_ns, found.st_size
