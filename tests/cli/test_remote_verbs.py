"""``weft remote rename``, ``set-url`` and ``add --private``: what is written where, and what stays accepted and pinned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import Repo, nobody, packs_below


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository whose user accepts nothing but what was typed here."""
    made = Repo.make(tmp_path / "repo", "../remote", env=nobody(tmp_path))
    made.write({"d/x": b"one"})
    made.weft("add", "d")
    made.commit("data")
    made.weft("push")
    return made


def committed(repo: Repo) -> str:
    return (repo.root / ".weft/config.yaml").read_text()


def private(repo: Repo) -> str:
    path = repo.root / ".git/weft/config.yaml"
    return path.read_text() if path.exists() else ""


def more(repo: Repo, text: bytes) -> None:
    repo.write({"d/y": text})
    repo.weft("add", "d")
    repo.commit("more")


def test_a_renamed_remote_stays_what_it_was(repo: Repo) -> None:
    repo.weft("remote", "default", "origin")
    repo.weft("config", "set", "--private", "remote", "origin")
    repo.weft("config", "set", "--private", "remotes.origin.region", "here-1")
    ran = repo.weft("remote", "rename", "origin", "archive")
    assert ran.out == "*  archive  ../remote\n"
    assert "origin" not in committed(repo) + private(repo)
    assert "here-1" in private(repo)
    assert "M  .weft/config.yaml" in repo.git("status", "--short").out
    repo.commit("renamed")
    more(repo, b"two")
    assert "pushed" in repo.weft("push").out
    assert "not accepted" not in repo.weft("remote", "list").out
    assert "no remote called 'origin'" in repo.weft("remote", "rename", "origin", "x", code=3).err
    repo.weft("remote", "add", "other", "../other")
    assert "called 'archive' already" in repo.weft("remote", "rename", "other", "archive", code=3).err
    before = committed(repo)
    assert repo.weft("remote", "rename", "other", "no good", code=3).err
    assert committed(repo) == before


def test_a_remote_that_is_private_is_renamed_there(repo: Repo, tmp_path: Path) -> None:
    before = committed(repo)
    ran = repo.weft("remote", "add", "--private", "mine", "../mine")
    assert "configured in this clone alone" in ran.err
    assert committed(repo) == before
    assert "../mine" in private(repo)
    assert "*  origin" in ran.out
    assert "pushed" in repo.weft("push", "-r", "mine").out
    repo.weft("remote", "rename", "mine", "own")
    assert committed(repo) == before
    assert "pushed" not in repo.weft("push", "-r", "own").out
    clone = repo.clone(tmp_path / "clone")
    assert "own" not in clone.weft("remote", "list").out


def test_a_remote_moves_with_its_store(repo: Repo, tmp_path: Path) -> None:
    before = committed(repo)
    # Nothing is there yet, then another store: neither is the remote.
    (tmp_path / "new").mkdir()
    for stranger in ("one", "two"):
        ran = repo.weft("remote", "set-url", "origin", "../new", code=None)
        assert ran.code not in (0, 1)
        assert "E_REMOTE_IDENTITY" in ran.err
        assert "copy all that the remote holds" in ran.err
        assert committed(repo) == before
        Repo.make(tmp_path / stranger, str(tmp_path / "new"))
    shutil.rmtree(tmp_path / "new")
    (tmp_path / "remote").rename(tmp_path / "new")
    ran = repo.weft("remote", "set-url", "origin", "../new")
    assert ran.out == "*  origin  ../new\n"
    assert committed(repo) == before.replace("../remote", "../new")
    repo.commit("moved")
    more(repo, b"two")
    assert "pushed" in repo.weft("push").out  # who typed the place has accepted it
    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull")
    more(clone, b"three")
    assert "E_UNTRUSTED_REMOTE" in clone.weft("push", code=3).err
    clone.weft("remote", "trust")
    clone.git("branch", "-f", "old", "HEAD~1")
    # A move that came by a commit is asked for again.
    shutil.copytree(tmp_path / "new", tmp_path / "third")
    repo.weft("remote", "set-url", "origin", "../third")
    repo.commit("moved again")
    clone.git("pull", "-q", "--rebase")
    assert "what this clone accepted is" in clone.weft("push", code=3).err


def test_a_place_that_no_commit_may_name_is_set_in_this_clone(repo: Repo, tmp_path: Path) -> None:
    before = committed(repo)
    far = tmp_path / "far/away/remote"
    shutil.copytree(tmp_path / "remote", far)
    inner = Repo(tmp_path / "deep/repo", repo.env)
    shutil.copytree(repo.root, inner.root)
    ran = inner.weft("remote", "set-url", "origin", str(far))
    assert "in this clone alone" in ran.err
    assert committed(inner) == before
    assert str(far) in private(inner)
    more(inner, b"two")
    assert "pushed" in inner.weft("push").out
    shutil.copytree(far, tmp_path / "beside")
    ran = repo.weft("remote", "set-url", "--private", "origin", "../beside")
    assert committed(repo) == before
    assert "*  origin  ../beside" in repo.weft("remote", "list").out
    more(repo, b"three")
    assert "pushed" in repo.weft("push").out


def test_the_endpoint_stays_where_it_was_said(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.weft(
        "remote", "add", "origin", "s3://one", "--no-check", "--endpoint", "https://s3.example", "--region", "eu-1"
    )
    repo.weft("remote", "set-url", "origin", "s3://two", "--no-check")
    assert "endpoint: https://s3.example" in committed(repo)
    assert "region: eu-1" in committed(repo)
    repo.weft("config", "set", "--private", "remotes.origin.endpoint", "https://mine.example")
    repo.weft("remote", "set-url", "origin", "s3://three", "--no-check", "--endpoint", "https://new.example")
    assert "new.example" not in committed(repo)
    assert "endpoint: https://new.example" in private(repo)
    assert "s3://three" in committed(repo)
    ran = repo.weft("remote", "set-url", "origin", "../plain", "--no-check")
    assert ran.out == "*  origin  ../plain\n"
    assert "example" not in committed(repo)
    assert "endpoint" not in private(repo).partition("accepted")[0]
    assert "E_SECRET" in repo.weft("remote", "set-url", "origin", "s3://KEY:SECRET@bucket", code=3).err


def test_the_old_spelling_of_the_check_of_a_remote_reads_the_remote(repo: Repo, tmp_path: Path) -> None:
    sound = repo.weft("verify", "--remote").out
    for words in (("--on-remote",), ("--on-remote", "-r", "origin")):
        assert repo.weft("verify", *words).out == sound
    for pack in packs_below(tmp_path / "remote"):
        pack.unlink()
    repo.weft("verify")
    lost = repo.weft("verify", "--remote", code=4).out
    for words in (("--on-remote",), ("--on-remote", "-r", "origin")):
        assert repo.weft("verify", *words, code=4).out == lost
