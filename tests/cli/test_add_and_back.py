"""What Git keeps is not added, deletions can be named, what goes is saved by id, and a directory can be made as recorded."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from kit import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"d/a": b"1", "d/in/b": b"2"})
    repo.weft("add", "d")
    repo.commit("d")
    return repo


def test_what_git_keeps_is_not_added(repo: Repo) -> None:
    repo.write({"conf/params.yaml": b"a: 1\n", "weft.yaml": b"", "lineage/x.yaml": b"", "m.json": b"1"})
    stages = b"stages:\n  s:\n    cmd: 'true'\n    params:\n      - conf/params.yaml: [a]\n    metrics: [m.json]\n"
    repo.write({"weft.yaml": stages})
    for path, said in (
        ("weft.yaml", "weft.yaml belongs into Git"),
        ("lineage", "lineage belongs into Git"),
        ("lineage/x.yaml", "lineage/x.yaml belongs into Git"),
        (".weft/config.yaml", ".weft"),
        ("conf", "conf/params.yaml is a params file of the stage s, which Git keeps: weft.yaml, line 2"),
        ("m.json", "m.json is a metrics file of the stage s"),
    ):
        assert said in repo.weft("add", path, code=3).err
    assert repo.git("status", "--short", "--ignored").out.count("??") == 4  # and nothing is hidden from Git


def test_a_file_that_was_deleted_is_added_as_a_deletion(repo: Repo) -> None:
    (repo.root / "d/a").unlink()
    assert repo.weft("add", "d/a").out.startswith("updated    d  (1 file, 1 B: +0 ~0 -1)")
    repo.commit("gone")
    assert "all as recorded" in repo.weft("status").out
    assert "no such file" in repo.weft("add", "d/nope", code=3).err
    (repo.root / "d/in/b").unlink()
    (repo.root / "d/in").rmdir()
    repo.weft("add", "d/in/b")
    repo.weft("checkout", "HEAD", "d")
    assert (repo.root / "d/in/b").read_bytes() == b"2"


def test_what_was_never_here_is_not_deleted_by_name(repo: Repo, tmp_path: Path) -> None:
    repo.weft("push")
    other = repo.clone(tmp_path / "other")
    other.weft("pull", "d/in")
    assert "weft checkout d/a, or weft rm d/a" in other.weft("add", "d/a", code=3).err


def test_rm_of_changed_data_tells_how_to_have_it_back(repo: Repo) -> None:
    repo.write({"d/a": b"changed"})
    said = repo.weft("rm", "--force", "d").err
    oid = re.search(r"saved d/a; to have it back: weft cat (\S+) > FILE", said)
    assert oid is not None
    assert repo.weft("cat", oid[1]).out == "changed"


def test_a_directory_is_made_as_recorded(repo: Repo) -> None:
    repo.write({".weftignore": b"*.log\nout/\n", "d/new": b"new", "d/more/deep/x": b"x", "d/run.log": b"log"})
    repo.write({"d/out/y": b"y"})
    (repo.root / "d/empty").mkdir()
    assert "weft checkout --force --delete PATH to undo" in repo.weft("status").err
    repo.weft("checkout", "--force", "d")
    assert (repo.root / "d/new").exists()
    assert "in no store" in repo.weft("checkout", "--delete", "d", code=3).err
    assert "would remove 2 files" in repo.weft("checkout", "--force", "--delete", "-n", "d").out
    ran = repo.weft("checkout", "--force", "--delete", "d")
    oid = re.search(r"saved d/new; to have it back: weft cat (\S+) > FILE", ran.err)
    assert oid is not None
    assert repo.weft("cat", oid[1]).out == "new"
    assert sorted(os.listdir(repo.root / "d")) == ["a", "in", "out", "run.log"]
    assert "all as recorded" in repo.weft("status").out


def test_the_hook_names_the_way_back_of_an_added_file(repo: Repo) -> None:
    repo.write({"d/a": b"other"})
    repo.weft("add", "d")
    repo.write({"d/new": b"new"})
    assert "weft checkout --force --delete d to drop it" in repo.weft("validate", code=1).out


def test_a_name_that_is_nowhere_is_refused(repo: Repo) -> None:
    for verb in ("status", "push", "verify"):
        assert "d holds no nope" in repo.weft(verb, "d/nope", code=3).err
    repo.write({"d/new": b"1"})
    assert "A d/new" in repo.weft("status", "d/new").out


def test_paths_are_taken_from_a_file(repo: Repo) -> None:
    repo.write({"x/1 a": b"1", "x/2": b"2", "y": b"3", "list": b"x/1 a\nx/2\n", "nul": b"y\0d/a\0"})
    repo.weft("add", "--files-from", "list")
    repo.write({"d/a": b"new"})
    said = repo.weft("add", "--files-from", "nul").out
    assert "added      y" in said
    assert "updated    d" in said
    assert "all as recorded" in repo.weft("status").out
    assert repo.weft("add", "x/2", "--files-from", "/dev/null").out.startswith("unchanged  x/2")
    assert "name what is to be added" in repo.weft("add", "--files-from", "-", code=2).err
    assert "name what is to be added" in repo.weft("add", code=2).err
