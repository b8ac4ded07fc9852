"""Mending what ``weft verify`` found: where lost objects may still be, and putting them back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Set

from weft.errors import EnvironmentFault, IntegrityError, NoRemote, RefusedInput, WeftError
from weft.model.config import STRICT
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.remote import RemoteSpec
from weft.objects import download, upload
from weft.objects import remote_keys as keys
from weft.objects.closure_check import RemoteReport
from weft.objects.mend_remote import mend_index, mend_packs
from weft.objects.refetch import refetch
from weft.workflows.connect import Connection, connection, find_remote
from weft.workflows.options import AddOptions
from weft.workflows.project import Project
from weft.workflows.take import Taker
from weft.workspace.names import NamePolicy


def sources(project: Project, name: str, besides: str = "") -> list[RemoteSpec]:
    """The remotes to bring objects from: the one called ``name``, else all but ``besides``. Raises ``NoRemote``."""
    if name == besides and name:
        raise NoRemote(f"a remote cannot be mended from itself: {name}", hint="weft remote list")
    if name:
        return [find_remote(project, name)]
    default = project.config.remote
    remotes = sorted(project.config.remotes.values(), key=lambda spec: (spec.name != default, spec.name))
    return [spec for spec in remotes if spec.name != besides]


class Bringer:
    """Brings objects into the local store: first from the files of the workspace that are still right, then from remotes.

    ``pointers`` tell what the tracked paths should hold; only these are read. Each place is tried in turn, and one that
    cannot be asked is warned of and passed over.
    """

    def __init__(self, project: Project, pointers: Mapping[str, Pointer], remotes: Sequence[RemoteSpec]) -> None:
        self._project = project
        self._pointers = pointers
        self._remotes = remotes
        self._looked = False

    @property
    def asked(self) -> list[str]:
        """The places that were looked in, in words."""
        return ["in the local store", "in the workspace", *(f"on {spec.name}" for spec in self._remotes)]

    def __call__(self, oids: Set[Oid]) -> None:
        """Bring what can be found of ``oids``."""
        self.from_workspace(oids)
        left = self._project.store.missing(oids)
        for spec in self._remotes:
            left = self._project.store.missing(left)
            if not left:
                return
            try:
                with connection(self._project, spec) as link:
                    refetch(link.remote, self._project.store, left, self._project.progress)
            except (EnvironmentFault, IntegrityError, RefusedInput) as error:
                self._warn(f"the remote {spec.name}", error)

    def data(self, paths: Iterable[str]) -> None:
        """Bring all data of some of the pointers: of which it cannot be told what they need, for that is lost too."""
        wanted = {path: self._pointers[path] for path in paths if path in self._pointers}
        if wanted:
            self._store_workspace()
        for spec in self._remotes if wanted else ():
            for path, pointer in wanted.items():
                try:
                    with connection(self._project, spec) as link:
                        download.fetch(link.remote, self._project.store, {path: pointer}, None, self._project.progress)
                except (EnvironmentFault, IntegrityError, RefusedInput) as error:
                    self._warn(f"the remote {spec.name}", error)

    def from_workspace(self, oids: Set[Oid]) -> int:
        """Store what the workspace has of ``oids`` and the local store lacks; how many there were of them."""
        left = self._project.store.missing(oids)
        if left:
            self._store_workspace()
        return len(left) - len(self._project.store.missing(left))

    def _store_workspace(self) -> None:
        """Store what the tracked paths hold that the local store lacks, once. No pointer is written."""
        project = self._project
        looked, self._looked = self._looked, True
        there = [path for path in self._pointers if os.path.lexists(os.path.join(project.root, path))]
        if looked or not there:
            return
        names = NamePolicy(strict=project.config.portable == STRICT)
        for path in there:
            try:
                with project.store.writer() as writer:
                    Taker(project, writer, names, AddOptions()).whole(path, None, keeps=self._pointers[path])
            except WeftError as error:
                self._warn(path, error)

    def _warn(self, what: str, error: WeftError) -> None:
        self._project.progress.warn(f"{what} could not help with the repair: {error.message} ({error.code})")


def mend_remote(
    project: Project, link: Connection, pointers: Mapping[str, Pointer], report: RemoteReport, bring: Bringer
) -> int:
    """Mend what ``report`` told of a remote; returns the number of packs that are there again.

    First the index, then the packs, then what the pointers still lack; what can be had nowhere is left. Raises what the
    remote raises.
    """
    damaged = {name for problem in report.problems if (name := keys.segment_of(problem.key)) is not None}
    if damaged or report.lacking or report.unread:
        mend_index(link.remote, project.store, damaged)
    bad = {problem.pack for problem in report.problems if problem.pack is not None}
    mended = mend_packs(link.remote, project.store, bad, bring) if bad else None
    lacking = project.store.missing(report.lacking)
    if lacking:
        bring(lacking)
    bring.data(report.unread)
    sent = _push_each(project, link, pointers)
    return sent + (len(mended.restored) + len(mended.moved) if mended else 0)


def _push_each(project: Project, link: Connection, pointers: Mapping[str, Pointer]) -> int:
    """Push all that can be; the packs sent. What cannot is found again by the check that follows."""
    try:
        return upload.push(link.remote, project.store, pointers, None, project.progress).packs
    except IntegrityError:
        if len(pointers) < 2:
            return 0
    sent = 0
    for path, pointer in pointers.items():
        sent += _push_each(project, link, {path: pointer})
    return sent
