"""Hints that lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import Repo


def test_init_says_what_stands_where_the_remote_is_refused(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.git("init", "-q", "-b", "main")
    ran = repo.weft("init", "--remote", "user@host:data", code=3)
    assert "the project is ready, and has no remote yet; .weft/config.yaml and .gitattributes are written" in ran.err
    assert "hint: weft remote add origin URL" in ran.err
    repo.weft("remote", "add", "origin", "../remote-of-it")


@pytest.mark.parametrize("path", ["model.bin", "data/raw", "no/such"])
def test_a_path_behind_lineage_is_answered_with_its_commands(tmp_path: Path, path: str) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"model.bin": b"m", "data/raw": b"r"})
    repo.weft("add", "model.bin", "data/raw")
    ran = repo.weft("lineage", path, code=2)
    assert f"hint: weft lineage show {path}, or why or impact" in ran.err
    assert "Did you mean 'show'" in repo.weft("lineage", "shoe", code=2).err
