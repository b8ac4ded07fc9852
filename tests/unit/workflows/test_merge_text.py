"""The drivers as Git starts them: three files and a path, the outcome in our file, and marks whenever there is a doubt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weft.formats import stagefile
from weft.workflows.merge_text import merge_stagefile, settle, whole_conflict

BASE = "stages:\n  a:\n    cmd: x\n    deps: [one]\n"


def driver(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-P", "-m", "weft.cli.hook", *arguments]
    return subprocess.run(argv, cwd=folder, capture_output=True, check=False)


def files(folder: Path, base: str | bytes, ours: str | bytes, theirs: str | bytes) -> tuple[str, str, str]:
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(folder / "base"), str(folder / "ours"), str(folder / "theirs")


def test_lines_are_merged_as_git_does(tmp_path: Path) -> None:
    text = BASE + "  b:\n    cmd: y\n    # odd   spelling\n    deps:   [ two ]\n"
    found = merge_stagefile(
        *files(tmp_path, text, text.replace("x", "z"), text.replace("[ two ]", "[ three ]")), str(tmp_path)
    )
    assert found.conflict == ""
    assert found.data.decode() == text.replace("x", "z").replace("[ two ]", "[ three ]")


def test_lines_that_merge_into_nonsense_are_merged_by_key(tmp_path: Path) -> None:
    base = "stages:\n  a:\n    cmd: x\n    deps:\n      - one\n      - two\n      - three\n"
    ours = base.replace("      - one\n", "      - new\n      - one\n")
    theirs = base + "      - new\n"
    three = files(tmp_path, base, ours, theirs)
    by_git = subprocess.run(["git", "merge-file", "-p", three[1], three[0], three[2]], capture_output=True, check=True)
    assert by_git.stdout.count(b"- new") == 2
    found = merge_stagefile(*three, str(tmp_path))
    assert found.conflict == ""
    assert stagefile.decode(found.data)["a"].deps == ("new", "one", "two", "three")


def test_two_names_that_differ_in_case_are_left_to_people(tmp_path: Path) -> None:
    rest = "  b:\n    cmd: y\n  c:\n    cmd: z\n"
    ours = BASE.replace("  a:", "  New:\n    cmd: n\n  a:") + rest
    theirs = BASE + rest + "  new:\n    cmd: n\n"
    found = merge_stagefile(*files(tmp_path, BASE + rest, ours, theirs), str(tmp_path))
    assert "no stage file" in found.conflict
    assert found.data == whole_conflict(ours.encode(), theirs.encode())
    assert settle("weft.yaml", BASE.encode(), ours.encode(), theirs.encode(), "ours") == ours.encode()


def test_what_git_does_not_take_for_text(tmp_path: Path) -> None:
    found = merge_stagefile(*files(tmp_path, b"\0", b"\0\1", b"\0\2"), str(tmp_path))
    assert found.conflict
    assert found.data == b"<<<<<<< ours\n\0\1\n=======\n\0\2\n>>>>>>> theirs\n"


def test_the_driver_writes_our_file_and_tells(tmp_path: Path) -> None:
    files(tmp_path, "", BASE, BASE.replace("  a:", "  b:"))
    done = driver(tmp_path, "merge-stagefile", "base", "ours", "theirs", "weft.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(stagefile.decode((tmp_path / "ours").read_bytes())) == ["a", "b"]
    files(tmp_path, BASE, BASE.replace("x", "y"), BASE.replace("x", "z"))
    done = driver(tmp_path, "merge-stagefile", "base", "ours", "theirs", "weft.yaml")
    assert (done.returncode, done.stderr) == (1, b"weft: weft.yaml: both sides changed 1 stage: a\n")
    assert (tmp_path / "ours").read_bytes().startswith(b"stages:\n<<<<<<< ours\n  a:\n    cmd: y\n")


def test_the_driver_of_records(tmp_path: Path) -> None:
    files(tmp_path, "a", "b", "\x1b[31m")
    done = driver(tmp_path, "merge-record", "base", "ours", "theirs", "lineage/tr\x1bain.yaml")
    assert done.returncode == 1
    assert b"then: weft repro tr\\x1bain" in done.stderr
    assert (tmp_path / "ours").read_bytes().endswith(b"<<<<<<< ours\nb\n=======\n\x1b[31m\n>>>>>>> theirs\n")


@pytest.mark.parametrize("arguments", [(), ("base", "ours", "theirs"), ("base", "ours", "theirs", "p", "q")])
def test_wrong_use_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert driver(tmp_path, "merge-record", *arguments).returncode == 2


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    done = driver(tmp_path, "merge-record", "base", "ours", "theirs", "p")
    assert done.returncode > 2
    assert b"error:" in done.stderr
