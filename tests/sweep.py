"""Runs of one scene with one system call of it gone wrong, and what must hold after each and after the command again."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultscenes import Scene, visible
from invariants import Before, check, ended, leftovers, torn
from kit import Repo
from supervised import Call, Ended, Fault, Judge, supervise

ALL = os.environ.get("WEFT_FAULT_SWEEP") == "all"


@dataclass(frozen=True)
class Prepared:
    """A scene on disk, what its command did there with no fault, and the work tree before and after."""

    scene: Scene
    top: Path
    calls: Sequence[Call]
    codes: tuple[int, int]  # of the command, and of the same one again
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @classmethod
    def of(cls, scene: Scene, top: Path) -> Prepared:
        """Prepare ``scene`` below ``top`` and run its command once on a copy."""
        template, copy = top / "template", top / "done"
        template.mkdir()
        scene.prepare(template)
        shutil.copytree(template, copy, symlinks=True)
        done = supervise(copy / scene.repo, *scene.command)
        again = Repo(copy / scene.repo).weft(*scene.command, code=None)
        repo = template / scene.repo
        assert check(repo, template / "remote") == [] or scene.damaged
        return cls(scene, template, done.calls, (done.code, again.code), visible(repo), visible(copy / scene.repo))

    def chosen(self, most: int, seed: str, calls: Sequence[Call] | None = None) -> list[Call]:
        """All points in a full sweep; else a seeded sample with the first and the last, and few of SQLite's many."""
        every = list(self.calls if calls is None else calls)
        if ALL or len(every) <= most:
            return every
        dice = random.Random(f"{self.scene.name} {seed}")
        base = [call for call in every if ".sqlite" in call.path]
        rest = [call for call in every if ".sqlite" not in call.path]
        few = dice.sample(base, min(len(base), max(1, most // 5)))
        return sorted([*few, *dice.sample(rest, min(len(rest), most - len(few)))])


def _age(top: Path) -> None:
    """Let a week pass for what another machine could still be at work with."""
    then = time.time() - 8 * 86400
    for pattern in ("remote/sessions/*", "remote/tmp/*", "*/.git/weft/store/collect/*"):
        for path in top.glob(pattern):
            os.utime(path, (then, then))


def at(number: int, fault: Fault, *, on: bool = False) -> Judge:
    """The fault at the call of this number, or with ``on`` at all writing calls from there on."""
    return lambda call: fault if call.number == number or (on and call.number > number) else None


def strike(prepared: Prepared, top: Path, judge: Judge) -> tuple[Ended, list[str]]:
    """Run the command on a fresh copy at ``top`` with faults: how it ended, and all that is wrong then."""
    scene = prepared.scene
    shutil.copytree(prepared.top, top, symlinks=True)
    repo = top / scene.repo
    before = Before.of(repo)
    done = supervise(repo, *scene.command, judge=judge)
    wrong = ended(done.code, done.out, done.err, killed=True)
    wrong += check(repo, top / "remote", settled=not scene.evicts) if not scene.damaged else []
    wrong += before.lost(*([top / "remote"] if scene.evicts else []))
    wrong += torn(prepared.before, prepared.after, visible(repo))
    return done, wrong


def converge(prepared: Prepared, top: Path) -> list[str]:
    """Run the command again, with no fault: what differs from a run that never met one."""
    scene, repo = prepared.scene, top / prepared.scene.repo
    lock = repo / ".git/index.lock"
    lock.unlink(missing_ok=True)  # of a Git that was killed: it tells the user to remove it
    _age(top)
    ran = Repo(repo).weft(*scene.command, code=None)
    wrong = ended(ran.code, ran.out, ran.err)
    if ran.code not in prepared.codes:
        wrong.append(f"I8: the command again gives {ran.code}: {ran.err.strip()[-400:]}")
    now = visible(repo)
    different = [key for key in now.keys() | prepared.after.keys() if now.get(key) != prepared.after.get(key)]
    wrong += [f"I8: the command again leaves another {path}" for path in sorted(different)]
    wrong += check(repo, top / "remote") if not scene.damaged else []
    return wrong + leftovers(repo, top / "remote" if scene.shares else None)
