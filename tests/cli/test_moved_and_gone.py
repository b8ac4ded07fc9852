"""Remotes that moved with their project, or are gone."""

from __future__ import annotations

import shutil
from pathlib import Path

from kit import Repo

OPEN = {"WEFT_TRUST": "", "XDG_CONFIG_HOME": "/nonexistent"}


def _pushed(root: Path) -> Repo:
    """A project with two tracked paths in ``root``, and its remote beside it, named relative to it."""
    repo = Repo(root / "project", OPEN)
    repo.root.mkdir(parents=True)
    repo.git("init", "-q", "-b", "main")
    repo.weft("init", "--remote", "../remote")
    repo.write({"a/f": b"a\n", "b": b"b\n"})
    repo.weft("add", "a", "b")
    repo.commit("data")
    repo.weft("push")
    return repo


def test_a_project_that_was_moved_with_its_remote_pulls_and_asks_before_it_pushes(tmp_path: Path) -> None:
    _pushed(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    repo = Repo(tmp_path / "two/project", OPEN)
    shutil.rmtree(repo.root / ".git/weft/store")
    shutil.rmtree(repo.root / "a")
    repo.weft("pull")
    assert (repo.root / "a/f").read_bytes() == b"a\n"
    ran = repo.weft("push", code=3)
    assert "E_UNTRUSTED_REMOTE" in ran.err
    assert f"what this clone accepted is {tmp_path / 'one/remote'}" in ran.err
    assert "hint: weft remote trust origin, if you moved the project" in ran.err
    repo.weft("remote", "trust", "origin")
    repo.weft("push")


def test_a_relative_remote_that_leads_far_away_is_asked_about_for_reading_too(tmp_path: Path) -> None:
    repo = _pushed(tmp_path / "one")
    config = repo.root / ".weft/config.yaml"
    config.write_text(config.read_text().replace("../remote", "../../elsewhere/remote"))
    shutil.move(tmp_path / "one/remote", tmp_path / "elsewhere")
    shutil.rmtree(repo.root / ".git/weft/store")
    assert "E_UNTRUSTED_REMOTE" in repo.weft("pull", code=3).err


def test_a_pinned_remote_that_is_gone_is_not_made_by_a_push(tmp_path: Path) -> None:
    repo = _pushed(tmp_path)
    (tmp_path / "remote").rename(tmp_path / "moved")
    repo.write({"b": b"new\n"})
    repo.weft("add", "b")
    for command in (["push"], ["status", "--remote"]):
        ran = repo.weft(*command, code=6)
        assert "E_BUCKET" in ran.err
        assert "first push" not in ran.err
        assert "weft remote set-url origin URL" in ran.err
    assert not (tmp_path / "remote").exists()
    repo.weft("remote", "remove", "origin")
    repo.weft("remote", "add", "origin", "../moved")
    repo.weft("push")
