"""``weft verify``: prove that what is stored is what its names say, here or on a remote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from weft.errors import ObjectMissing, WeftError
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.catalog import LOCAL
from weft.objects.closure_check import check_remote
from weft.objects.reachability import walk
from weft.objects.verify import Level, Problem, verify_store
from weft.util.humanize import count_text
from weft.workflows.connect import connection, find_remote
from weft.workflows.copies import check_copies
from weft.workflows.options import VerifyOptions
from weft.workflows.project import Project
from weft.workflows.results import Finding, VerifyResult
from weft.workflows.targets import select, workspace_pointers

LEVELS = {"quick": Level.QUICK, "scrub": Level.SCRUB, "full": Level.FULL}


def verify(project: Project, paths: Sequence[str], options: VerifyOptions) -> VerifyResult:
    """Check the local store at the level asked for, or a remote.

    Damaged packs are moved to quarantine after their good frames were saved into new ones. Data that is not here is no
    damage; a note tells of it. Raises what a remote raises when it cannot be asked.
    """
    pointers = {t.path: t.pointer for t in select(project, workspace_pointers(project), paths)}
    if options.level == "remote":
        return _verify_remote(project, pointers, options)
    return _verify_local(project, pointers, LEVELS[options.level], options.level)


def _verify_remote(project: Project, pointers: Mapping[str, Pointer], options: VerifyOptions) -> VerifyResult:
    spec = find_remote(project, options.remote)
    with connection(project, spec) as link:
        report = check_remote(link.remote, project.store, pointers, share=options.sample, progress=project.progress)
    hint = f"weft push -r {spec.name}, from a clone that has the data"
    findings = tuple(Finding(p.code, p.message, p.key, p.paths, hint) for p in report.problems)
    notes = (f"{report.ignored} keys on the remote are not weft's",) if report.ignored else ()
    return VerifyResult(
        "remote",
        checked_packs=report.packs,
        checked_objects=report.objects,
        checked_bytes=report.read_bytes,
        checked_pointers=report.pointers,
        findings=findings,
        notes=notes,
    )


def _verify_local(project: Project, pointers: Mapping[str, Pointer], level: Level, name: str) -> VerifyResult:
    needs, notes, broken = _needs(project, pointers)
    packs = project.catalog.packs(LOCAL)
    total = sum(packs.values()) if level is not Level.QUICK else 0
    with project.progress.task("verify", total, len(packs)) as task:
        problems = list(verify_store(project.store, level, task.advance))
    hurt = {problem: _hurt(project, problem, needs) for problem in problems if problem.damaged}
    findings = [_finding(problem, paths) for problem, paths in hurt.items()] + broken
    findings += check_copies(project, read=level is not Level.QUICK)
    for pack, why in {problem.pack: problem.message for problem in reversed(list(hurt))}.items():
        project.store.quarantine(pack, why)
    if any(not problem.damaged for problem in problems) or hurt:
        project.store.writer().finish()  # a new writer brings the catalog in line with what is on disk
    return VerifyResult(
        name,
        checked_packs=len(packs),
        checked_bytes=total,
        checked_objects=sum(len(found) for found in needs.values()),
        checked_pointers=len(pointers),
        findings=tuple(findings),
        notes=tuple(notes),
    )


def _needs(project: Project, pointers: Mapping[str, Pointer]) -> tuple[dict[str, Set[Oid]], list[str], list[Finding]]:
    """The frames that each pointer needs; notes on what is not here; pointers that contradict their data."""
    needs: dict[str, Set[Oid]] = {}
    notes: list[str] = []
    broken: list[Finding] = []
    for path, pointer in pointers.items():
        try:
            needs[path] = walk(pointer, project.store).all_frames()
        except ObjectMissing:
            needs[path] = {pointer.oid}
        except WeftError as error:
            broken.append(Finding(error.code, error.message, str(pointer.oid), (path,), error.hint or "weft fetch"))
            continue
        absent = project.store.missing(needs[path])
        if absent:
            count = count_text(len(absent), "object")
            notes.append(f"{path}: {count} not in the local store; `weft fetch` brings what is on the remote")
    return needs, notes, broken


def _hurt(project: Project, problem: Problem, needs: Mapping[str, Set[Oid]]) -> tuple[str, ...]:
    if problem.oid is not None:
        oids = {problem.oid}
    else:
        info = project.catalog.pack_frames(problem.pack)
        oids = {frame.oid for frame in info.frames} if info else set()
    return tuple(path for path, needed in needs.items() if not oids.isdisjoint(needed))


def _finding(problem: Problem, paths: tuple[str, ...]) -> Finding:
    hint = "weft fetch, to get the lost objects from the remote again; or weft add, where the files are still right"
    return Finding(problem.code, f"{problem.message}: {problem.path}", str(problem.oid or problem.pack), paths, hint)
