"""``weft doctor``: look at this machine and this repository, and say in plain words what is wrong and what mends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator

from weft.errors import NotARepository, WeftError
from weft.gitio.repo import GitRepo, discover
from weft.model.config import Config
from weft.model.remote import NOTHING, Trust
from weft.objects.chunker import Chunker
from weft.util.progress import Progress, SilentProgress
from weft.util.subproc import run
from weft.workflows import doctor_git, doctor_store
from weft.workflows.connect import find_remote
from weft.workflows.project import Project, open_project, read_config
from weft.workflows.remotes import remote_check
from weft.workflows.results import CheckResult, Probe
from weft.workspace.probe import probe


def doctor(
    start: str, progress: Progress | None = None, *, remote: str | None = None, trust: Trust = NOTHING
) -> CheckResult:
    """Probe libraries, Git, the repository, its configuration, pointers, hooks, store and catalog.

    ``remote`` names one that is asked too ("": all of them).

    What can be looked at before the store is opened is: opening makes what is missing. Never raises for something that is
    wrong: that is what the probes tell.
    """
    probes = [Probe("python", "ok", sys.version.split()[0]), *_tried("chunker", _libraries)]
    try:
        git = discover(start)
    except WeftError as error:
        probes.append(failed("repository", error))
        return CheckResult(os.path.realpath(start), tuple(probes))
    probes += _tried("git", lambda: _git(git))
    try:
        config = read_config(git)
    except NotARepository as error:
        probes.append(Probe("project", "warn", error.message, error.hint))
    except WeftError as error:
        probes.append(failed("project", error))
    else:
        probes += _of_project(start, git, config, progress or SilentProgress(), remote, trust)
    return CheckResult(git.root, tuple(probes))


def _of_project(
    start: str, git: GitRepo, config: Config, progress: Progress, remote: str | None, trust: Trust
) -> Iterator[Probe]:
    yield Probe("project", "ok", f"id {config.repo}")
    for name, look in (
        ("merge", doctor_git.merge),
        ("attributes", doctor_git.attributes),
        ("hooks", doctor_git.hooks),
        ("clock", doctor_git.clock),
    ):
        yield from _tried(name, lambda look=look: look(git))  # type: ignore[misc]
    closed = False
    for found in _tried("store", lambda: doctor_store.before(git, config)):
        closed = closed or found.state == "fail"
        yield found
    if closed:
        return
    try:
        with open_project(start, progress, trust) as project:
            yield from _opened(project, remote)
    except WeftError as error:
        yield failed("store", error)


def _opened(project: Project, remote: str | None) -> Iterator[Probe]:
    yield from _tried("remote", lambda: _remotes(project, remote))
    pointers, broken = doctor_git.pointers(project)
    yield from broken
    yield from _tried("store", lambda: doctor_store.packs(project))
    yield from _tried("quarantine", lambda: doctor_store.quarantined(project, pointers))
    yield from _tried("data", lambda: doctor_store.data(project, pointers))
    yield from _tried("disk", lambda: doctor_store.disk(project))
    yield from _tried("file system", lambda: _file_system(project))


def _tried(name: str, look: Callable[[], Iterable[Probe]]) -> list[Probe]:
    try:
        return list(look())
    except WeftError as error:
        return [failed(name, error)]


def failed(name: str, error: WeftError) -> Probe:
    """The probe ``name``, which met ``error``."""
    where = f" [{error.path}]" if error.path and error.path not in error.message else ""
    return Probe(name, "fail", f"{error.message} ({error.code}){where}", error.hint)


def _libraries() -> Iterator[Probe]:
    Chunker()
    yield Probe("chunker", "ok", "compiled")


def _git(git: GitRepo) -> Iterator[Probe]:
    version = run([git.program, "--version"], cwd=git.root).stdout.decode().strip().removeprefix("git version ")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < (2, 31):
        yield Probe("git", "fail", f"{version} is too old", "install Git 2.31 or newer")
    else:
        yield Probe("git", "ok", version)


def _remotes(project: Project, asked: str | None) -> Iterator[Probe]:
    if not project.config.remotes:
        yield Probe("remote", "note", "none: the data is only on this machine", "weft remote add origin URL")
    elif asked is None:
        spec = find_remote(project)
        reached = Probe("remote", "ok", f"{spec.name} ({spec.place})", "")
        yield (
            reached
            if spec.store
            else Probe("remote", "note", f"{spec.name} ({spec.place}) was never reached", "weft push")
        )
    else:
        for name in [asked] if asked else sorted(project.config.remotes):
            label = f"remote {name}"
            try:
                probes = remote_check(project, name).probes
            except WeftError as error:
                probes = (failed(label, error),)
            bad = [one for one in probes if one.state != "ok"]
            yield from (Probe(label, one.state, f"{one.name}: {one.detail}", one.hint) for one in bad)
            if not bad:
                yield Probe(label, "ok", f"reached, {len(probes)} checks")


def _file_system(project: Project) -> Iterator[Probe]:
    traits = probe(project.root)
    told = [
        "ignores case" if traits.folds_case else "tells case apart",
        "normalizes names" if traits.normalizes else "keeps names as they are",
    ]
    yield Probe("file system", "ok", ", ".join(told))
