"""Which remotes count as proof that data is safe elsewhere, before the last local copy goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit import Repo, falsify, nobody, packs_below, pseudo_random
from users import mounts
from weft.workflows.directories import overlap

RAW = pseudo_random(200_000, 7)


@pytest.fixture
def base(tmp_path: Path) -> Repo:
    """A repository whose data is pushed."""
    made = Repo.make(tmp_path / "base", "../remote", env=nobody(tmp_path))
    made.write({"data/raw.txt": RAW})
    made.weft("add", "data/raw.txt")
    made.commit("data")
    made.weft("push")
    return made


def safe(repo: Repo) -> None:
    assert (repo.root / "data/raw.txt").read_bytes() == RAW
    assert packs_below(repo.root / ".git/weft/store/packs")


def test_an_accepted_remote_counts_beside_one_that_is_not(base: Repo, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "remote", tmp_path / "fake")
    falsify(tmp_path / "fake")
    path = base.root / ".weft/config.yaml"
    text = path.read_text()
    row = text[text.index("  origin:") :]
    text = text.replace("remote: origin", "remote: aaa")
    path.write_text(text.rstrip("\n") + "\n" + row.replace("origin", "aaa").replace("../remote", "../fake"))
    base.commit("two")
    assert "on origin" in base.weft("drop", "--store", "data/raw.txt").out
    base.weft("pull", "-r", "origin", "data/raw.txt")
    safe(base)


def test_the_workspace_may_be_the_last_copy(base: Repo, tmp_path: Path) -> None:
    base.write({"data/small": b"small"})  # no recipe of it has to be fetched first
    base.weft("add", "data/small")
    base.commit("small")
    base.weft("push")
    base.weft("gc", "--limit", "1")
    assert not packs_below(base.root / ".git/weft/store/packs")
    falsify(tmp_path / "remote")
    assert "E_HASH_MISMATCH" in base.weft("drop", "data/small", code=4).err
    assert (base.root / "data/small").read_bytes() == b"small"


def test_another_accepted_remote_with_true_bytes_is_enough(base: Repo, tmp_path: Path) -> None:
    base.weft("remote", "add", "second", "../second")
    base.weft("push", "-r", "second")
    falsify(tmp_path / "remote")
    ran = base.weft("drop", "--store", "data/raw.txt")
    assert "; on second)" in ran.out
    assert "the remote origin has other bytes than it says" in ran.err
    assert not (base.root / "data/raw.txt").exists()
    base.weft("pull", "-r", "second")
    safe(base)


def test_packs_under_no_root_are_no_proof(base: Repo, tmp_path: Path) -> None:
    """A push that was stopped leaves such packs, and the next collection there takes them."""
    base.weft("remote", "add", "second", "../second")
    base.weft("push", "-r", "second")
    shutil.rmtree(tmp_path / "second/roots")
    falsify(tmp_path / "remote")
    assert "E_NOT_ON_REMOTE" in base.weft("drop", "--store", "data/raw.txt", code=4).err
    base.weft("gc", "--limit", "1")
    safe(base)


def test_a_remote_that_does_not_answer_stops_nothing_that_another_proves(base: Repo, tmp_path: Path) -> None:
    for name in ("aaa", "zzz"):
        base.weft("remote", "add", name, f"../{name}")
        base.weft("push", "-r", name)
        (tmp_path / name).rename(tmp_path / f"{name}-away")
    base.weft("config", "set", "remote", "aaa", code=None)
    base.commit("three")
    base.write({"data/new": b"on no remote that answers"})
    base.weft("add", "data/new")
    base.commit("new")
    refused = base.weft("drop", "data", code=4).err
    assert "aaa did not answer" in refused
    assert "zzz did not answer" in refused
    base.git("revert", "--no-edit", "HEAD")
    base.weft("checkout", "--force")
    assert "on origin" in base.weft("drop", "--store", "data/raw.txt").out
    base.weft("pull", "-r", "origin", "data/raw.txt")
    base.weft("gc", "--limit", "1")
    (tmp_path / "remote").rename(tmp_path / "remote-away")
    assert base.weft("gc", "--limit", "1", code=None).code == 6, "none answers"
    assert base.weft("drop", "data", code=None).code == 6


@pytest.mark.parametrize("where", ["store", "store/below", "."])
def test_a_remote_lies_apart_from_the_store(tmp_path: Path, where: str) -> None:
    repo = Repo.make(tmp_path / "in/repo", env=nobody(tmp_path))
    repo.weft("config", "set", "--private", "store.dir", "../store")
    (tmp_path / "in/store").mkdir(exist_ok=True)
    ran = repo.weft("remote", "add", "--no-check", "origin", os.path.join("..", where), code=3)
    assert "E_DIRECTORY" in ran.err


def test_one_directory_is_known_by_all_its_names(tmp_path: Path) -> None:
    store, remote, mounted = tmp_path / "store", tmp_path / "remote", tmp_path / "mounted"
    for folder in (store / "packs", remote, mounted):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to("store")
    here = str(tmp_path)
    assert not overlap(here, str(store), "remote")
    assert not overlap(here, str(store), "s3://bucket/store")
    assert not overlap(here, str(store), "store-of-another")
    assert all(overlap(here, str(store), url) for url in ("store", "link", "link/x", f"file://{store}", ".", "store/x"))
    assert overlap(here, str(tmp_path / "link/below"), "store")
    script = "import sys; from weft.workflows.directories import overlap as o; sys.exit(not o('/', *sys.argv[1:]))"
    mount = f'mount --bind "{store}" "{mounted}" && "{sys.executable}" -c "{script}" "{store}" "{mounted}"'
    assert subprocess.run([*mounts(), "sh", "-c", mount], check=False).returncode == 0
