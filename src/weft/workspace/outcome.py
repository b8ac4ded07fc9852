"""What a checkout has made, and what is recorded of it: all at its end, or as much as was done when it failed."""

from __future__ import annotations

from collections.abc import Iterable

from weft.model.oid import Oid
from weft.util.forking import own_lock
from weft.workspace.plan import DirPlan, Plan
from weft.workspace.statcache import DirRow, StatCache, Tracked, now_ns

_NOT_YET = 1 << 62
"""A time of recording so late that no file counts as young: how old each was is judged at the end, by ``aged``."""

Made = tuple[str, bytes, Oid | None]
"""Name, packed status and content of something that stands in a directory."""


class Outcome:
    """Collects what is made in each directory of ``plan``. Safe from any thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = own_lock(self)
        self._made: dict[str, list[Made]] = {}
        self._plans: dict[str, DirPlan] = {}
        self._expected: dict[str, int] = {}
        self._rows: dict[str, DirRow] = {}
        self._busy_later = {removal.directory for removal in plan.removals}

    def begin(self, plan: DirPlan) -> None:
        """Work in a directory begins: from now on something may be noted there, and it gets a row."""
        with self._lock:
            self._made[plan.path] = []
            self._plans[plan.path] = plan
            if not plan.links and plan.path not in self._busy_later:
                self._expected[plan.path] = len(plan.writes) + len(plan.modes)

    def note(self, plan: DirPlan, made: Iterable[Made]) -> None:
        """``made`` stands in the directory of ``plan`` now.

        Once all that is to be made there stands, it is kept as a row, in a fifth of the memory.
        """
        with self._lock:
            known = self._made[plan.path]
            known.extend(made)
            if len(known) == self._expected.get(plan.path):
                self._rows[plan.path] = plan.row(known, _NOT_YET)
                del self._made[plan.path]

    def record(self, cache: StatCache) -> None:
        """Record what is here after the whole plan was carried out."""
        path, pointer = self._plan.scan.path, self._plan.pointer
        if pointer is None and self._plan.complete:
            cache.forget(path)
            return
        recorded = now_ns()
        rows = {directory: self._plans[directory].row(made, recorded) for directory, made in self._made.items()}
        while self._rows:
            directory, row = self._rows.popitem()
            rows[directory] = row.aged(recorded)
        cache.drop(path, [directory for directory in self._plan.gone if directory])
        tracked = Tracked(pointer.oid, pointer.layout) if pointer and self._plan.complete else None
        cache.record(path, {**self._plan.rows, **rows}, tracked=tracked)

    def record_unfinished(self, cache: StatCache) -> None:
        """Record, after an error, what was made and what was there before: both are ours and need not be hashed again.

        No directory is claimed to be done.
        """
        recorded = now_ns()
        with self._lock:
            made_by_directory = {path: list(made) for path, made in self._made.items()}
            rows = {path: row.aged(recorded) for path, row in self._rows.items()}
        for row in rows.values():
            row.manifest = b""
        for path, made in made_by_directory.items():
            plan = self._plans[path]
            names = {name for name, _, _ in made}
            made += [(name, packed, None) for name, packed in plan.replaced.items() if name not in names]
            made += [(name, packed, None) for at, name, packed in self._plan.removals if at == path]
            plan.agrees = False
            rows[path] = plan.row(made, recorded)
        cache.record(self._plan.scan.path, rows)
