"""What a repository of a stranger, or a folder that a stranger's job left behind, tries to run or to slip in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hooks_kit import environment_in
from kit import Repo, environment, pseudo_random
from localstores import corrupt
from stagekit import empty, forged

MODULES = ("yaml", "click", "conftest", "zstandard", "blake3", "xxhash")


def modules_in_the_repository(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'a').write(__name__ + '\\n')\n".encode()
    repo.write({f"{name}.py": code for name in MODULES} | {"data/f": b"1"})
    for start in ([str(Path(sys.executable).with_name("weft"))], [sys.executable, "-P", "-m", "weft"]):
        for path in ("", ".", str(repo.root)):
            done = subprocess.run(
                [*start, "add", "data"],
                cwd=repo.root,
                env=environment({"PYTHONPATH": path}),
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    assert not ran.exists(), ran.read_text()


def poisoned_cache(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    data = pseudo_random(100_000, 1)
    repo.write({"data/f": data})
    repo.weft("add", "data")
    repo.commit("data")
    repo.weft("push")
    job = repo.clone(tmp_path / "job")
    job.weft("fetch")
    cache = tmp_path / "cache"
    shutil.copytree(job.root / ".git" / "weft" / "store", cache)
    for pack in cache.rglob("*.pack"):
        pack.chmod(0o644)
        corrupt(str(pack), pack.stat().st_size // 2)
    poisoned = repo.clone(tmp_path / "poisoned")
    (poisoned.root / ".git" / "weft").mkdir()
    shutil.copytree(cache, poisoned.root / ".git" / "weft" / "store")
    (tmp_path / "remote").rename(tmp_path / "away")
    ran = poisoned.weft("checkout", code=4)
    assert "E_HASH_MISMATCH" in ran.err
    assert not (poisoned.root / "data" / "f").exists()
    (tmp_path / "away").rename(tmp_path / "remote")
    for _ in range(3):  # each damaged pack is found when it is read, and set aside
        if poisoned.weft("pull", code=None).code == 0:
            break
    assert (poisoned.root / "data" / "f").read_bytes() == data, "the remote has what the cache had spoiled"


def environment_in_the_work_tree(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    python = environment_in(repo.root / ".venv")
    repo.write({".gitignore": b".venv/\n"})
    repo.commit("ignore it")
    assert "E_HOOK" in repo.run(str(python), "-m", "weft", "install", code=3).err
    attacker = repo.clone(tmp_path / "attacker")
    ran = tmp_path / "ran"
    planted = str(next((repo.root / ".venv").glob("lib/python*/site-packages")).relative_to(repo.root) / "zz.pth")
    attacker.write({planted: f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n".encode()})
    attacker.git("add", "--force", planted)
    attacker.git("commit", "-q", "-m", "innocent")
    repo.git("fetch", "-q", str(attacker.root), "main")
    repo.git("checkout", "-q", "FETCH_HEAD")
    assert not ran.exists()
    repo.run(str(python), "-c", "")
    assert ran.exists(), "what was planted does run where somebody starts this Python"


def record_of_a_fetched_branch(tmp_path: Path) -> None:
    repo = forged(tmp_path)
    assert repo.actions("-S", "train.lr=0.2") == {"score": "ran"}
    assert b"999" not in (repo.root / "metrics.yaml").read_bytes()
    repo.git("checkout", "-q", "--force", "main")
    with (repo.root / ".weft/config.yaml").open("a") as file:
        file.write("reuse: {from: origin/stranger}\n")
    assert "E_UNTRUSTED_CONFIG" in repo.weft("repro", code=3).err


def bare_repository_in_the_work_tree(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    ran = tmp_path / "ran"
    config = (
        f'[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = w\n\tfsmonitor = "touch {ran}; false"\n'
    )
    repo.write(
        {
            "sub/HEAD": b"ref: refs/heads/main\n",
            "sub/config": config.encode(),
            "sub/objects/.keep": b"",
            "sub/refs/.keep": b"",
            "sub/w/.weft/config.yaml": (repo.root / ".weft/config.yaml").read_bytes(),
            "sub/w/x": b"",
        }
    )
    repo.commit("innocent")
    clone = repo.clone(tmp_path / "clone")
    for folder in ("sub", "sub/w"):
        for verb in (("status",), ("run", "-n", "a", "-o", "b", "--", "touch b"), ("doctor",), ("install",)):
            clone.weft("-C", folder, *verb, code=None)
            assert not ran.exists(), verb
        assert "E_NO_REPO" in clone.weft("-C", folder, "status", code=6).err
    clone.run("git", "-C", "sub/w", "status", code=None)
    assert ran.exists(), "Git itself runs it"


def program_of_a_promisor(tmp_path: Path) -> None:
    """A repository out of an archive that says it is a partial clone, and by which program what it lacks is fetched."""
    repo = Repo.make(tmp_path / "repo")
    repo.write({"d/a": b"hello\n"})
    repo.weft("add", "d")
    repo.commit("data")
    ran = tmp_path / "ran"
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    for key, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "o"),
        ("remote.o.promisor", "true"),
        ("remote.o.url", "file:///nonexistent"),
        ("remote.o.uploadpack", str(program)),
    ):
        repo.git("config", key, value)
    blob = repo.git("rev-parse", "HEAD:d.weft").out.strip()
    (repo.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    outside = Repo(tmp_path, repo.env)
    for url in (str(repo.root), f"file://{repo.root}"):
        assert outside.weft("get", url, "d", "-o", str(tmp_path / "got"), code=None).code != 0
        assert not ran.exists()
    repo.run("git", "cat-file", "-p", blob, code=None)
    assert ran.exists(), "Git itself runs it"


def another_list_of_packages(tmp_path: Path) -> None:
    text = b"stages:\n  a: {cmd: python a.py > /dev/null, deps: [a.py], metrics: [m.yaml]}\n"
    repo = empty(tmp_path)
    repo.write({"weft.yaml": text, "a.py": b"open('m.yaml', 'w').write('a: 1')\n"})
    repo.commit("code")
    repo.weft("repro", env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    repo.commit("run")
    assert repo.weft("validate", "--rev", "HEAD").code == 0
    name = repo.record("a").env["packages_file"]
    repo.write({name: b"nothing==1\n"})
    repo.commit("a lie")
    assert "WEFT008" in repo.weft("validate", "--range", "HEAD~1..HEAD", code=1).out
    repo.git("rm", "-q", name)
    repo.git("commit", "-q", "-m", "worse")
    assert "WEFT008" in repo.weft("validate", "--range", "HEAD~1..HEAD", code=1).out
    repo.git("checkout", "-q", "HEAD~2", "--", name)
    repo.weft("install")
    repo.git("commit", "-q", "-m", "as it was")
    repo.git("rm", "-q", name)
    assert "WEFT008" in repo.git("commit", "-q", "-m", "x", code=1).err


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (77, "modules-in-the-repository", modules_in_the_repository),
    (78, "poisoned-cache", poisoned_cache),
    (101, "environment-in-the-work-tree", environment_in_the_work_tree),
    (102, "record-of-a-fetched-branch", record_of_a_fetched_branch),
    (103, "bare-repository-in-the-work-tree", bare_repository_in_the_work_tree),
    (103, "program-of-a-promisor", program_of_a_promisor),
    (105, "another-list-of-packages", another_list_of_packages),
]
