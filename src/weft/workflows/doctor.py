"""``weft doctor``: look at this machine and this repository, and say in plain words what is wrong and what mends it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator

from weft.errors import NotARepository, WeftError
from weft.gitio.repo import GitRepo, discover
from weft.objects.chunker import Chunker
from weft.util.humanize import count_text, size_text
from weft.util.progress import Progress, SilentProgress
from weft.util.subproc import run
from weft.workflows.connect import find_remote
from weft.workflows.project import Project, open_project
from weft.workflows.results import CheckResult, Probe
from weft.workflows.targets import workspace_pointers
from weft.workspace.probe import probe

LOW_SPACE = 1 << 30


def doctor(start: str, progress: Progress | None = None) -> CheckResult:
    """Probe libraries, Git, the repository, its configuration, pointers, store and catalog.

    Never raises for something that is wrong: that is what the probes tell.
    """
    probes = [Probe("python", "ok", sys.version.split()[0])]
    probes.append(_probe("chunker", _libraries))
    try:
        git = discover(start)
    except WeftError as error:
        probes.append(_failed("repository", error))
        return CheckResult(os.path.realpath(start), tuple(probes))
    probes.append(_probe("git", lambda: _git(git)))
    try:
        with open_project(start, progress or SilentProgress()) as project:
            probes.extend(_of_project(project))
    except NotARepository as error:
        probes.append(Probe("project", "warn", error.message, error.hint))
    except WeftError as error:
        probes.append(_failed("project", error))
    return CheckResult(git.root, tuple(probes))


def _of_project(project: Project) -> Iterator[Probe]:
    yield Probe("project", "ok", f"id {project.config.repo}")
    yield _probe("remote", lambda: _remote(project))
    yield _probe("pointers", lambda: _pointers(project))
    yield _probe("store", lambda: _store(project))
    yield _probe("disk", lambda: _disk(project))
    yield _probe("file system", lambda: _file_system(project))


def _probe(name: str, look: Callable[[], Probe]) -> Probe:
    try:
        return look()
    except WeftError as error:
        return _failed(name, error)


def _failed(name: str, error: WeftError) -> Probe:
    where = f" [{error.path}]" if error.path and error.path not in error.message else ""
    return Probe(name, "fail", f"{error.message} ({error.code}){where}", error.hint)


def _libraries() -> Probe:
    Chunker()
    return Probe("chunker", "ok", "compiled")


def _git(git: GitRepo) -> Probe:
    version = run([git.program, "--version"], cwd=git.root).stdout.decode().strip().removeprefix("git version ")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < (2, 31):
        return Probe("git", "fail", f"{version} is too old", "install Git 2.31 or newer")
    return Probe("git", "ok", version)


def _remote(project: Project) -> Probe:
    if not project.config.remotes:
        return Probe("remote", "warn", "none: the data is only on this machine", "weft remote add origin URL")
    spec = find_remote(project)
    if not spec.store:
        return Probe("remote", "warn", f"{spec.name} ({spec.url}) was never reached", "weft push")
    return Probe("remote", "ok", f"{spec.name} ({spec.url})", "")


def _pointers(project: Project) -> Probe:
    return Probe("pointers", "ok", count_text(len(workspace_pointers(project)), "pointer"))


def _store(project: Project) -> Probe:
    packs = project.catalog.packs(0)
    total = size_text(sum(packs.values()))
    kept = os.listdir(os.path.join(project.store.root, "quarantine"))
    if kept:
        where = os.path.join(project.store.root, "quarantine")
        return Probe("store", "warn", f"{count_text(len(kept), 'damaged pack')} in {where}", "weft verify --full")
    return Probe("store", "ok", f"{count_text(len(packs), 'pack')}, {total}, at {project.store.root}")


def _disk(project: Project) -> Probe:
    free = shutil.disk_usage(project.root).free
    state = "ok" if free > LOW_SPACE else "warn"
    return Probe("disk", state, f"{size_text(free)} free", "" if state == "ok" else "free some space")


def _file_system(project: Project) -> Probe:
    traits = probe(project.root)
    told = [
        "ignores case" if traits.folds_case else "tells case apart",
        "normalizes names" if traits.normalizes else "keeps names as they are",
    ]
    return Probe("file system", "ok", ", ".join(told))
