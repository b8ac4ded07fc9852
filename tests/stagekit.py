"""What the tests of stages share: a repository with a small pipeline, whose commands count how often they run."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from kit import Ran, Repo
from weft.formats import lineage
from weft.model.lineage import Record

PIPELINE = b"""\
# The pipeline of the tests.
stages:
  prepare:
    cmd: echo prepare >> "$COUNT" && sh prepare.sh < data/raw.csv > data/prepared.csv
    deps: [data/raw.csv, prepare.sh]
    outs: [data/prepared.csv]
  train:   # reads params
    cmd: echo train >> "$COUNT" && mkdir model && cp data/prepared.csv model/weights && cat params.yaml >> model/weights
    deps: [data/prepared.csv]
    params: [train.lr]
    outs: [model]
  score:
    cmd: >-
      echo score >> "$COUNT" && printf '{"size": %d, "deep": {"x": 0.5}}' $(wc -c < model/weights) > metrics.json
    deps: [model]
    metrics: [metrics.json]
"""


class Project(Repo):
    """A repository whose commands write their names into a file outside of it."""

    @property
    def counter(self) -> Path:
        return self.root.parent / "count.txt"

    def ran(self) -> list[str]:
        """The stages whose commands ran since this was asked last, in order."""
        names = self.counter.read_text().split() if self.counter.exists() else []
        self.counter.unlink(missing_ok=True)
        return names

    def record(self, stage: str) -> Record:
        name = f"lineage/{stage}.yaml"
        return lineage.decode((self.root / name).read_bytes(), what=name)

    def weft(self, *args: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Ran:
        return super().weft(*args, code=code, env={"COUNT": str(self.counter), **(env or {})})

    def actions(self, *args: str, code: int = 0) -> dict[str, str]:
        """What `weft repro ARGS` did with each stage."""
        return {stage["stage"]: stage["action"] for stage in self.stages(*args, code=code)}

    def stages(self, *args: str, code: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.weft("repro", "--json", *args, code=code).json["data"]["stages"]
        return found

    def why(self, stage: str) -> list[tuple[str, str]]:
        """Why a stage is stale, as a dry run tells."""
        return [(r["kind"], r["subject"]) for s in self.stages("-n") if s["stage"] == stage for r in s["reasons"]]

    def unstaged(self) -> list[str]:
        """Rows of `git status` of what is not in the index."""
        return [row for row in self.git("status", "--porcelain", "-uall").out.splitlines() if row[1] != " "]


def empty(tmp_path: Path, remote: bool = False) -> Project:
    made = Repo.make(tmp_path / "repo", *([str(tmp_path / "remote")] if remote else []))
    return Project(made.root)


def pipeline(tmp_path: Path, *, remote: bool = False, text: bytes = PIPELINE) -> Project:
    """The pipeline of ``PIPELINE``, committed and never run."""
    repo = empty(tmp_path, remote)
    repo.write(
        {
            "data/raw.csv": b"a,b\n1,2\n",
            "prepare.sh": b"tr a-z A-Z\n",
            "params.yaml": b"# tuned by hand\ntrain:\n  lr: 0.1  # small\n  other: 1\n",
            "weft.yaml": text,
        }
    )
    repo.weft("add", "data/raw.csv")
    repo.commit("code")
    return repo


def done(tmp_path: Path, *, remote: bool = False, text: bytes = PIPELINE) -> Project:
    """The same after a `weft repro` that was committed; without a remote a copy of one that was made before."""
    if remote:
        return _done(tmp_path, remote=True, text=text)
    shutil.copytree(_template(text), tmp_path, symlinks=True, dirs_exist_ok=True)
    repo = Project(tmp_path / "repo")
    repo.git("update-index", "-q", "--refresh")
    repo.weft("checkout")  # a copy is another work tree, which has to learn what it holds
    return repo


@cache
def _template(text: bytes) -> str:
    top = tempfile.mkdtemp(prefix="weft-stages-")
    atexit.register(shutil.rmtree, top)
    _done(Path(top), remote=False, text=text)
    return top


def _done(top: Path, *, remote: bool, text: bytes) -> Project:
    repo = pipeline(top, remote=remote, text=text)
    repo.weft("repro")
    repo.commit("results")
    repo.ran()
    return repo


FIGURE = b"""\
stages:
  score:
    cmd: echo score >> "$COUNT" && cp params.yaml metrics.yaml
    params: [train.lr]
    metrics: [metrics.yaml]
"""


def forged(tmp_path: Path) -> Project:
    """A project of ``FIGURE`` that has fetched, and done no more with, a branch `stranger` that holds a record of somebody
    else for `train.lr=0.2`, well formed and with a digest that is right, of a result that no run ever had."""
    repo = done(tmp_path, text=FIGURE)
    stranger = clone_of(repo, tmp_path / "stranger")
    stranger.git("config", "user.name", "Mallory")
    name = {"GIT_AUTHOR_NAME": "Mallory", "GIT_AUTHOR_EMAIL": "mallory@example.invalid"}
    stranger.env = {**stranger.env, **name}
    stranger.weft("repro", "-S", "train.lr=0.2")
    invented = b"train: {lr: 0.2, other: 999}\n"
    stranger.write({"metrics.yaml": invented})
    blob = stranger.git("hash-object", "metrics.yaml").out.strip()
    record = replace(
        stranger.record("score"),
        metrics={"metrics.yaml": {"train.lr": 0.2, "train.other": 999}},
        files={"metrics.yaml": blob},
        dirty=False,
        snapshot="",
    )
    stranger.write({"lineage/score.yaml": lineage.encode(lineage.with_digest(record))})
    stranger.commit("innocent")
    repo.git("fetch", "-q", str(stranger.root), "+HEAD:refs/remotes/origin/stranger", "+HEAD:refs/tags/stranger")
    repo.ran()
    return repo


def runs(repo: Repo) -> list[str]:
    """The refs of the snapshots."""
    return repo.git("for-each-ref", "--format=%(refname)", "refs/weft/runs/").out.split()


def clone_of(repo: Repo, target: Path, *options: str) -> Project:
    repo.git("clone", "-q", *options, f"file://{os.fspath(repo.root)}", str(target))
    remote = repo.root.parent / "remote"
    if target.parent != repo.root.parent and remote.exists():
        # The path of the remote is relative, so from this clone it leads through a link to the same place.
        (target.parent / "remote").symlink_to(remote)
    return Project(target, repo.env)


ALICE = "Alice <alice@example.invalid>"


def named(repo: Repo, who: str) -> dict[str, str]:
    name, _, mail = who.partition(" <")
    return {**repo.env, "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail.rstrip(">")}


def two(tmp_path: Path, text: bytes | None = None) -> tuple[Project, Project]:
    """Clones of Alice and Bob of one bare repository whose data is pushed; she has made a run that she did not commit."""
    first = done(tmp_path, remote=True, **({} if text is None else {"text": text}))
    first.weft("push")
    hub = tmp_path / "hub.git"
    first.git("clone", "-q", "--bare", str(first.root), str(hub))
    alice, bob = (Project(tmp_path / name, first.env) for name in ("alice", "bob"))
    for clone in (alice, bob):
        first.git("clone", "-q", str(hub), str(clone.root))
        clone.weft("remote", "trust", "origin")
        clone.weft("pull")
    alice.env = named(alice, ALICE)
    alice.weft("repro", "-S", "train.lr=0.2")
    alice.ran()
    return alice, bob


def shared(repo: Repo, place: str = "refs/weft/shared/") -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", place).out.split()
