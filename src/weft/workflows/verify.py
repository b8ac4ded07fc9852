"""``weft verify``: prove that what is stored is what its names say, here or on a remote."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from weft.errors import IntegrityError, ObjectMissing, RefusedInput, WeftError
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects import quarantine
from weft.objects.catalog import LOCAL
from weft.objects.catalog_check import fault_of
from weft.objects.closure_check import RemoteProblem, check_remote
from weft.objects.proofs import check_sizes, refuse_false
from weft.objects.reachability import walk
from weft.objects.rounds import Round
from weft.objects.verify import CONTRADICTS, Level, Problem, verify_store
from weft.util.humanize import count_text
from weft.workflows.connect import connection, find_remote
from weft.workflows.copies import check_copies
from weft.workflows.look import refuse_unknown
from weft.workflows.lost import among, needed_frames
from weft.workflows.options import TransferOptions, VerifyOptions
from weft.workflows.project import Project, state_dir
from weft.workflows.repair import Bringer, mend_remote, sources
from weft.workflows.results import Finding, VerifyResult
from weft.workflows.selection import choose
from weft.workflows.targets import Target

_MEND = "weft verify --repair, which looks for the lost objects in the workspace and on the remotes"
_ABSENT = "`weft fetch` brings what is on the remote, `weft verify --repair` also what the workspace has"
LEVELS = {"quick": Level.QUICK, "scrub": Level.SCRUB, "full": Level.FULL}


def verify(project: Project, paths: Sequence[str], options: VerifyOptions) -> VerifyResult:
    """Check the local store at the level asked for, or a remote; with ``repair`` mend what is wrong and check again.

    Damaged packs are moved to quarantine after their good frames were saved into new ones. Data that is not here is no
    damage; a note tells of it. Raises what a remote raises when it cannot be asked.
    """
    wanted = TransferOptions(revs=options.revs, all_commits=options.all_commits)
    chosen = choose(project, paths, wanted, outside=True)
    if not (options.revs or options.all_commits):
        refuse_unknown(
            project, [Target(path, one, tuple(chosen.parts[path] or ())) for path, one in chosen.pointers.items()]
        )
    if options.level == "remote":
        return replace(_verify_remote(project, chosen.pointers, options), broken=chosen.broken)
    return replace(_verify_local(project, chosen.pointers, options), broken=chosen.broken)


def _lap(project: Project, key: str, options: VerifyOptions) -> Round:
    """How far to go: all the way, unless a time is given; then a later run goes on where this one stops."""
    if options.seconds is None:
        return Round()
    path = os.path.join(state_dir(project.git), "verify.json")
    return Round(path, key, seconds=options.seconds, restart=options.restart)


# --- a remote ---


def _verify_remote(project: Project, pointers: Mapping[str, Pointer], options: VerifyOptions) -> VerifyResult:
    spec = find_remote(project, options.remote)
    share = options.sample or (1.0 if options.seconds is not None else 0.0)
    healed: tuple[Finding, ...] = ()
    repaired = 0
    opened = connection(project, spec, writes=options.repair)
    with opened as link, _lap(project, f"remote:{link.remote.store_id}", options) as lap:
        check = partial(check_remote, link.remote, project.store, pointers, progress=project.progress)
        report = check(share=share, lap=lap if share >= 1 else Round(seconds=options.seconds))
        findings = tuple(_told(problem, spec.name) for problem in report.problems)
        if options.repair and findings:
            bring = Bringer(project, pointers, sources(project, options.source, spec.name))
            repaired = mend_remote(project, link, pointers, report, bring)
            bad = {problem.pack for problem in report.problems if problem.pack is not None}
            after = check(only=bad) if bad else check()
            left = tuple(_told(problem, spec.name, bring.asked) for problem in after.problems)
            known = {(one.code, one.object, one.pointers) for one in left}
            healed = tuple(one for one in findings if (one.code, one.object, one.pointers) not in known)
            findings = left
            for name in bad - {problem.pack for problem in after.problems}:
                lap.forgive(name)
    return VerifyResult(
        "remote",
        checked_packs=report.packs,
        checked_objects=report.objects,
        checked_bytes=report.read_bytes,
        checked_pointers=report.pointers,
        findings=findings,
        notes=(f"{report.ignored} keys on the remote are not weft's",) if report.ignored else (),
        repaired=repaired,
        healed=healed,
        left=lap.left,
        before=lap.before,
    )


def _told(problem: RemoteProblem, remote: str, asked: Sequence[str] = ()) -> Finding:
    hint = f"weft verify --remote {remote} --repair, here or in a clone that has the data"
    if asked:
        hint = f"it is not {', not '.join(asked)}: run {hint.removesuffix(', here or in a clone that has the data')} in"
        hint += " another clone that may have it, such as that of whoever added the data"
    return Finding(problem.code, problem.message, problem.key, problem.paths, hint)


# --- the local store ---


def _verify_local(project: Project, pointers: Mapping[str, Pointer], options: VerifyOptions) -> VerifyResult:
    level = LEVELS[options.level]
    why = fault_of(project.catalog, deep=level is not Level.QUICK)
    if why:
        project.store.rebuild_catalog(why)
    packs = project.catalog.packs(LOCAL)
    read = 0
    with _lap(project, options.level, options) as lap:
        total = sum(packs.values()) if level is not Level.QUICK else 0
        with project.progress.task("verify", total, len(packs), "pack") as task:

            def advance(size: int, count: int) -> None:
                nonlocal read
                read += size
                task.advance(size, count)

            problems = list(verify_store(project.store, level, advance, lap))
    damage = [_Damage(problem, _objects(project, problem)) for problem in problems if problem.damaged]
    # Not before: an object that is not found makes the catalog forget packs that are gone, and what was in them.
    needs, notes, broken = _needs(project, pointers)
    for pack, why in {one.problem.pack: one.problem.message for one in reversed(damage)}.items():
        project.store.quarantine(pack, why)
    if any(problem.message == CONTRADICTS for problem in problems):
        project.store.rebuild_catalog()
    if problems:
        project.store.writer().finish()  # a new writer brings the catalog in line with what is on disk
    broken += _contradictions(project, pointers, needs, level)
    findings = [one.finding(needs) for one in damage] + broken
    left = earlier = _lost_earlier(among(quarantine.lost(project.store), needs.values()), needs, damage)
    healed: list[Finding] = []
    repaired = 0
    if options.repair:
        before, findings = findings, []
        bring = Bringer(project, pointers, sources(project, options.source))
        repaired = bring.from_workspace({oid for needed in needs.values() for oid in needed})
        came, lost = _bring_back(project, bring, pointers, {oid for one in damage for oid in one.oids})
        repaired += came
        needs, notes, broken = _needs(project, pointers)
        broken += _contradictions(project, pointers, needs, level)
        for one, finding in zip(damage, before, strict=False):
            if one.oids & lost:
                findings.append(replace(finding, hint=_elsewhere(bring.asked)))
            else:
                healed.append(finding)
        left = _lost_earlier(lost, needs, damage, bring.asked)
        findings += broken
        healed += [finding for finding in before[len(damage) :] if finding not in broken]
        healed += [] if left else earlier
    return VerifyResult(
        options.level,
        checked_packs=len(packs),
        checked_bytes=read,
        checked_objects=sum(len(found) for found in needs.values()),
        checked_pointers=len(pointers),
        findings=(*findings, *left, *check_copies(project, read=level is not Level.QUICK)),
        notes=tuple(notes),
        repaired=repaired,
        healed=tuple(healed),
        left=lap.left,
        before=lap.before,
    )


def _bring_back(
    project: Project, bring: Bringer, pointers: Mapping[str, Pointer], damaged: Set[Oid]
) -> tuple[int, set[Oid]]:
    """Bring what was lost, in this run or an earlier one; how many objects came, and those that did not.

    Of packs that were gone only what is needed: what is below a lost directory is known once that is here again.
    """
    tried: set[Oid] = set()
    while True:
        lost = quarantine.lost(project.store)
        gone = quarantine.gone(project.store)
        if gone:
            lost = (lost - gone) | among(gone, _needs(project, pointers)[0].values())
        wanted = (lost | project.store.missing(damaged)) - tried
        if not wanted:
            left = project.store.missing(tried)
            return len(tried) - len(left), left
        bring(wanted)
        tried |= wanted


def _lost_earlier(
    lost: set[Oid], needs: Mapping[str, Set[Oid]], damage: Sequence[_Damage], asked: Sequence[str] = ()
) -> list[Finding]:
    """A finding for what of ``lost`` is not of the ``damage`` of this run; a repair has looked where ``asked`` says."""
    rest = lost.difference(*(one.oids for one in damage))
    if not rest:
        return []
    paths = tuple(path for path, needed in needs.items() if not rest.isdisjoint(needed))
    state = "nowhere to be found" if asked else "not brought back yet"
    message = f"{count_text(len(rest), 'object')} lost to damage earlier, and {state}"
    return [Finding(ObjectMissing.code, message, str(min(rest)), paths, _elsewhere(asked) if asked else _MEND)]


def _elsewhere(asked: Sequence[str]) -> str:
    return f"it is not {', not '.join(asked)}: another clone may have it; to give it up: weft verify --purge 0"


@dataclass(frozen=True, slots=True)
class _Damage:
    """A problem, and the objects that it may have cost."""

    problem: Problem
    oids: Set[Oid]

    def finding(self, needs: Mapping[str, Set[Oid]]) -> Finding:
        """It in words, with the tracked paths that it touches."""
        problem = self.problem
        paths = tuple(path for path, needed in needs.items() if not self.oids.isdisjoint(needed))
        message = f"{problem.message}: {problem.path}"
        return Finding(problem.code, message, str(problem.oid or problem.pack), paths, _MEND)


def _objects(project: Project, problem: Problem) -> Set[Oid]:
    if problem.oid is not None:
        return {problem.oid}
    info = project.catalog.pack_frames(problem.pack)
    return {frame.oid for frame in info.frames} if info else set()


def _needs(project: Project, pointers: Mapping[str, Pointer]) -> tuple[dict[str, Set[Oid]], list[str], list[Finding]]:
    """The frames that each pointer needs; notes on what is not here; pointers that contradict their data."""
    needs: dict[str, Set[Oid]] = {}
    notes: list[str] = []
    broken: list[Finding] = []
    for path, pointer in pointers.items():
        try:
            needs[path] = needed_frames(project, pointer)
        except WeftError as error:
            broken.append(Finding(error.code, error.message, str(pointer.oid), (path,), error.hint or "weft fetch"))
            continue
        absent = project.store.missing(needs[path])
        if absent:
            count = count_text(len(absent), "object")
            notes.append(f"{path}: {count} not in the local store; {_ABSENT}")
    return needs, notes, broken


def _contradictions(
    project: Project, pointers: Mapping[str, Pointer], readable: Mapping[str, Set[Oid]], level: Level
) -> list[Finding]:
    """Pointers whose data is other than they say, which no pack by itself tells: sizes of single files, and at the deepest
    level what each recipe rebuilds. What was proved before is not read again."""
    if level is Level.QUICK:
        return []
    found = []
    for path, pointer in pointers.items():
        try:
            if path in readable:
                closure = walk(pointer, project.store)
                check_sizes(project.catalog, closure)
                if level is Level.FULL:
                    refuse_false(project.store, path, closure.pairs())
        except ObjectMissing:
            continue
        except (IntegrityError, RefusedInput) as error:
            hint = error.hint or f"take {path}.weft from a commit in which it is right"
            found.append(Finding(error.code, error.message, str(pointer.oid), (path,), hint))
    return found
