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
MORE = int(os.environ.get("WEFT_FAULT_POINTS", "0"))


@dataclass(frozen=True)
class Prepared:
    """A scene on disk, what its command did there with no fault, and the work tree before and after."""

    scene: Scene
    top: Path
    calls: Sequence[Call]
    codes: tuple[int, int]  # of the command, and of the same one again
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    known: frozenset[str]  # what was wrong from the beginning, see ``_sort``

    @property
    def live(self) -> Path:
        """Where the scene was made and every run of it takes place."""
        return self.top.with_name("live")

    @classmethod
    def of(cls, scene: Scene, top: Path) -> Prepared:
        """Prepare ``scene`` below ``top`` and run its command once on a copy."""
        template, live = top / "template", top / "live"
        live.mkdir()
        scene.prepare(live)
        repo = live / scene.repo
        known = frozenset(map(_sort, check(repo, live / "remote")))
        before = visible(repo)
        live.rename(template)
        shutil.copytree(template, live, symlinks=True)  # as every run begins: what inodes tell is forgotten
        done = supervise(repo, *scene.command)
        again = Repo(repo).weft(*scene.command, code=None)
        after = visible(repo)
        assert not (known and scene.mends and check(repo, live / "remote"))
        shutil.rmtree(live)
        return cls(scene, template, done.calls, (done.code, again.code), before, after, known)

    def chosen(self, most: int, seed: str, calls: Sequence[Call] | None = None) -> list[Call]:
        """All points in a full sweep, else a seeded sample (``most``, or ``WEFT_FAULT_POINTS``), few of them SQLite's."""
        every = list(self.calls if calls is None else calls)
        most = MORE or most
        if ALL or len(every) <= most:
            return every
        dice = random.Random(f"{self.scene.name} {seed}")
        base = [call for call in every if ".sqlite" in call.path]
        rest = [call for call in every if ".sqlite" not in call.path]
        few = dice.sample(base, min(len(base), max(1, most // 5)))
        return sorted([*few, *dice.sample(rest, min(len(rest), most - len(few)))])


def _sort(words: str) -> str:
    """A violation without the object that was met first."""
    return words.partition(": there is no object")[0]


def _age(top: Path) -> None:
    """Let a week pass for what another machine could still be at work with."""
    then = time.time() - 8 * 86400
    for pattern in ("remote/sessions/*", "remote/.weft-tmp/*", "*/.git/weft/collect/*"):
        for path in top.glob(pattern):
            os.utime(path, (then, then))


def at(number: int, fault: Fault, *, on: bool = False) -> Judge:
    """The fault at the call of this number, or with ``on`` at all writing calls from there on."""
    return lambda call: fault if call.number == number or (on and call.number > number) else None


def strike(prepared: Prepared, judge: Judge) -> tuple[Ended, list[str]]:
    """Run the command on a fresh copy with faults: how it ended, and all that is wrong then.

    The copy always lies where the scene was made: what the catalog knows of a work tree goes by its path.
    """
    repo = begin(prepared)
    before = Before.of(repo)
    done = supervise(repo, *prepared.scene.command, judge=judge)
    return done, looked_at(prepared, before, done.code, done.out, done.err)


def begin(prepared: Prepared) -> Path:
    """A fresh copy of a scene, where it was made; returns its work tree."""
    shutil.rmtree(prepared.live, ignore_errors=True)
    shutil.copytree(prepared.top, prepared.live, symlinks=True)
    return prepared.live / prepared.scene.repo


def looked_at(prepared: Prepared, before: Before, code: int, out: str, err: str) -> list[str]:
    """All that is wrong after a command that a fault may have ended."""
    scene, top = prepared.scene, prepared.live
    repo = top / scene.repo
    wrong = ended(code, out, err, killed=True)
    found = check(repo, top / "remote", settled=not scene.evicts)
    wrong += [words for words in found if _sort(words) not in prepared.known]
    wrong += before.lost(*([top / "remote"] if scene.evicts else []))
    return wrong + torn(prepared.before, prepared.after, visible(repo))


def converge(prepared: Prepared) -> list[str]:
    """Run the command again, with no fault: what differs from a run that never met one."""
    scene, top = prepared.scene, prepared.live
    repo = top / scene.repo
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
    wrong += [words for words in check(repo, top / "remote") if scene.mends or _sort(words) not in prepared.known]
    # A command that finds nothing to write clears nothing away: the next that writes does.
    if leftovers(repo):
        Repo(repo).weft("gc")
    if scene.shares and leftovers(repo, top / "remote"):
        Repo(repo).weft("gc", "--on-remote", "--dry-run")
    return wrong + leftovers(repo, top / "remote" if scene.shares else None)
