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
    assert "did you mean show?" in repo.weft("lineage", "shoe", code=2).err


def test_hints_name_what_helps_and_keep_what_was_typed(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"data": b"1"})
    repo.weft("add", "data")
    repo.weft("push")
    repo.weft("remote", "add", "backup", "../backup")
    ran = repo.weft("remote", "set-url", "origin", "../nowhere", code=None)
    assert "weft remote set-url origin URL" in ran.err
    assert "weft remote remove" not in ran.err
    ran = repo.weft("remote", "rename", "backup", "origin", code=None)
    assert "weft remote rename backup OTHER-NAME" in ran.err
    assert "weft remote remove" not in ran.err
    assert "hint: weft --help\n" in repo.weft("help", "nothing", code=2).err
    ran = repo.weft("config", "set", "--private", "hooks.quiet", "yes", code=None)
    assert "hint: weft config set --private hooks.quiet true\n" in ran.err
    for words in (
        ["config", "set", "jobs", "-3"],
        ["config", "jobs", "-3"],
        ["config", "set", "jobs", "-3", "--private"],
    ):
        ran = repo.weft(*words, code=None)
        assert ran.code
        assert "no such option" not in ran.err


@pytest.mark.parametrize(
    ("group", "one"), [("lineage", "why"), ("stage", "accept"), ("remote", "trust"), ("config", "get")]
)
def test_a_command_of_commands_names_them(tmp_path: Path, group: str, one: str) -> None:
    said = Repo.make(tmp_path / "repo").weft(group, code=2).err
    assert "name one of its commands: " in said
    assert one in said
    assert f"weft {group} --help" in said
    assert "\\n" not in said
