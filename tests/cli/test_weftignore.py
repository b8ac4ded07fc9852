"""`.weftignore`: patterns are relative to the folder of the file, each folder may have one, and what is tracked stays."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kit import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", str(tmp_path / "remote"))


def _files(repo: Repo, path: str = "d") -> list[str]:
    rows = repo.weft("ls", "-R", path, "--json").json["data"]["entries"]
    return sorted(row["path"] for row in rows if row["type"] != "dir")


def test_a_pattern_with_a_slash_starts_at_the_folder_of_its_file(repo: Repo) -> None:
    repo.write({"d/processed/b": b"b", "d/raw/processed/c": b"c", ".weftignore": b"d/processed/\n/d/raw/x.log\n"})
    repo.write({"d/raw/x.log": b"x", "d/x.log": b"x"})
    repo.weft("add", "d")
    assert _files(repo) == ["d/raw/processed/c", "d/x.log"]
    assert "all as recorded" in repo.weft("status").out


def test_files_in_folders_above_and_in_tracked_directories_count(repo: Repo) -> None:
    repo.write(
        {"sets/.weftignore": b"a/*.tmp\n", "sets/a/one.tmp": b"1", "sets/a/one": b"1", "sets/a/in/two.tmp": b"2"}
    )
    repo.write({"sets/a/in/.weftignore": b"*.bak\n/top\n!keep.log\n", ".weftignore": b"*.log\n.weftignore\n"})
    repo.write({f"sets/a/in/{name}": b"3" for name in ("x.bak", "top", "keep.log", "other.log", "below/top")})
    repo.weft("add", "sets/a")
    kept = ["sets/a/in/below/top", "sets/a/in/keep.log", "sets/a/in/two.tmp", "sets/a/one"]
    assert _files(repo, "sets/a") == kept
    repo.write({".weftignore": b"*.log\n"})
    repo.weft("add", "sets/a")
    assert _files(repo, "sets/a") == sorted(
        [*kept, "sets/a/in/.weftignore"]
    )  # it is data, and goes where the data goes


def test_what_was_added_by_name_stays_although_a_rule_names_it(repo: Repo) -> None:
    repo.write({".weftignore": b"*.log\nout/\n", "d/a.log": b"x", "d/b": b"y", "d/out/deep/c": b"z", "d/out/e": b"e"})
    repo.weft("add", "d")
    repo.weft("add", "d/a.log", "d/out/deep/c")
    repo.commit("d")
    assert "all as recorded" in repo.weft("status").out
    repo.write({"d/b": b"other", "d/new.log": b"n", "d/out/deep/new": b"n", "d/out/deep/c": b"zz"})
    assert [line[:1] for line in repo.weft("status", "--exit-code", code=1).out.splitlines()[:2]] == ["M", "M"]
    repo.weft("add", "d")
    assert _files(repo) == ["d/a.log", "d/b", "d/out/deep/c"]
    repo.commit("more")
    repo.weft("push")
    other = repo.clone(repo.root.parent / "other")
    other.weft("pull")
    assert "all as recorded" in other.weft("status").out
    other.wipe()
    other.write({"d/b": b"third"})
    other.weft("fetch")
    other.weft("add", "d", "--keep-missing")  # with no record of what was put here
    assert _files(other) == ["d/a.log", "d/b", "d/out/deep/c"]
    repo.weft("rm", "--keep-data", "d/a.log")
    assert "all as recorded" in repo.weft("status").out
    repo.weft("add", "d")
    assert _files(repo) == ["d/b", "d/out/deep/c"]


def test_a_folder_added_by_name_leaves_out_what_rules_name_below_it(repo: Repo) -> None:
    repo.write({".weftignore": b"*.log\n", "d/a": b"a"})
    repo.weft("add", "d")
    repo.write({"d/in/x.log": b"x", "d/in/y": b"y"})
    repo.weft("add", "d/in")
    assert _files(repo) == ["d/a", "d/in/y"]


def test_sockets_and_fifos_are_left_out_by_name(repo: Repo) -> None:
    repo.write({"d/a": b"a", "d/sub/b": b"b"})
    os.mkfifo(repo.root / "d/pipe")
    with socket.socket(socket.AF_UNIX) as end:
        here = os.open(repo.root / "d/sub", os.O_RDONLY)
        try:
            end.bind(f"/proc/self/fd/{here}/sock")
        finally:
            os.close(here)
    said = repo.weft("add", "d").err
    assert "left out: 'd/pipe', 'd/sub/sock'" in said
    assert _files(repo) == ["d/a", "d/sub/b"]
    repo.write({"d/a": b"other"})
    repo.weft("checkout", "--force", "d")
    assert (repo.root / "d/a").read_bytes() == b"a"
    (repo.root / "d/a").unlink()
    os.mkfifo(repo.root / "d/a")
    assert "d/a' is a FIFO, a socket or a device, and stands where" in repo.weft("checkout", "--force", "d", code=3).err
    assert "d/pipe' is a FIFO, a socket or a device" in repo.weft("add", "d/pipe", code=3).err


def test_check_ignore_names_the_line_that_decides(repo: Repo) -> None:
    repo.write({".weftignore": b"# logs\n*.log\n!keep.log\nd/out/\n", "d/a.log": b"1", "d/sub/.weftignore": b"x\n"})
    repo.write({"d/sub/b": b"1"})
    repo.weft("add", "d")
    repo.weft("add", "d/a.log")
    ran = repo.weft("check-ignore", "d/a.log", "d/b.log", "d/keep.log", "d/out/deep/x", "d/sub/x", "d/sub/b", "d")
    assert ran.out.splitlines() == [
        ".weftignore:2:*.log\td/a.log  (tracked already, so it stays)",
        ".weftignore:2:*.log\td/b.log",
        ".weftignore:4:d/out/\td/out/deep/x",
        "d/sub/.weftignore:1:x\td/sub/x",
    ]
    assert repo.weft("check-ignore", "d/sub/b", "d/keep.log", code=1).out == ""
    (found,) = repo.weft("check-ignore", "d/keep.log", "--json", code=1).json["data"]["paths"]
    assert (found["ignored"], found["line"], found["pattern"], found["tracked"]) == (False, 3, "!keep.log", False)


def test_a_link_or_a_broken_file_is_named_with_its_folder(repo: Repo) -> None:
    repo.write({"d/sub/a": b"1", "d/sub/.weftignore": b"ok\n[oops\n"})
    assert "line 2 of d/sub/.weftignore: a '[' has no ']'" in repo.weft("add", "d", code=3).err
    (repo.root / "d/sub/.weftignore").unlink()
    (repo.root / "d/sub/.weftignore").symlink_to("a")
    assert "d/sub/.weftignore" in repo.weft("add", "d", code=3).err
