"""Listing a tracked path."""

import os
import socket
import time

import pytest

from weft.errors import (
    FileChanged,
    FileTypeRefused,
    LimitExceeded,
    PathChars,
    PathCollision,
    PathReserved,
    SymlinkRefused,
)
from weft.workspace import scan as scan_module
from weft.workspace.names import NamePolicy
from weft.workspace.scan import scan_tree
from weft.workspace.statcache import DirRow, PathState
from weft.workspace.stats import size_of, type_of


def fill(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def listing(scan):
    return {
        (directory, name): type_of(packed)
        for directory, entry in scan.dirs.items()
        for name, packed, _ in entry.items()
    }


def test_a_tree_is_listed_with_types_and_sizes(tmp_path):
    fill(tmp_path, {"data/a": b"12", "data/sub/b": b"", "data/run.sh": b"#!"})
    os.chmod(tmp_path / "data/run.sh", 0o755)
    (tmp_path / "data/empty").mkdir()
    os.symlink("../a", tmp_path / "data/sub/link")
    scan = scan_tree(str(tmp_path), "data")
    assert listing(scan) == {
        ("", "a"): "f",
        ("", "empty"): "d",
        ("", "run.sh"): "x",
        ("", "sub"): "d",
        ("sub", "b"): "f",
        ("sub", "link"): "l",
    }
    assert scan.type == "d"
    assert scan.files == 4
    assert list(scan.dirs) == ["", "empty", "sub"]
    assert size_of(scan.dirs[""].stat_list()[0]) == 2
    assert scan.dirs["sub"].links == {"link": "../a"}


def test_names_are_sorted_by_bytes(tmp_path):
    names = ["b", "B", "a", "é", "z", "\U0001f600", "ﬀ", "a.b", "a b"]
    fill(tmp_path, {f"data/{name}": b"" for name in names})
    found = scan_tree(str(tmp_path), "data").dirs[""].name_list()
    assert found == sorted(names, key=lambda name: name.encode())


def test_a_file_and_nothing(tmp_path):
    fill(tmp_path, {"x/model.bin": b"abc"})
    scan = scan_tree(str(tmp_path), "x/model.bin")
    assert (scan.type, scan.files, scan.dirs[""].name_list()) == ("f", 1, ["/"])
    assert scan_tree(str(tmp_path), "x/none").type == ""
    assert scan_tree(str(tmp_path), "no/such/parent").type == ""


def test_a_link_as_parent_is_refused(tmp_path):
    fill(tmp_path, {"outside/data/a": b""})
    (tmp_path / "repo").mkdir()
    os.symlink("../outside", tmp_path / "repo/in")
    with pytest.raises(SymlinkRefused):
        scan_tree(str(tmp_path / "repo"), "in/data")


def test_a_link_in_place_of_the_directory_is_seen_as_one(tmp_path):
    fill(tmp_path, {"outside/a": b""})
    os.symlink("outside", tmp_path / "data")
    assert scan_tree(str(tmp_path), "data").type == "l"


def test_a_directory_swapped_for_a_link_after_it_was_listed_is_not_entered(tmp_path, monkeypatch):
    fill(tmp_path, {"outside/secret": b"", "data/sub/x": b""})
    real = scan_module.check_names

    def swap(names, directory, policy):
        real(names, directory, policy)
        if directory == "data":
            os.rename(tmp_path / "data/sub", tmp_path / "data/old")
            os.symlink("../outside", tmp_path / "data/sub")

    monkeypatch.setattr(scan_module, "check_names", swap)
    with pytest.raises((SymlinkRefused, FileChanged)):
        scan_tree(str(tmp_path), "data")


def test_another_directory_in_its_place_is_noticed(tmp_path, monkeypatch):
    fill(tmp_path, {"outside/secret": b"", "data/sub/x": b""})
    real = scan_module.check_names

    def swap(names, directory, policy):
        real(names, directory, policy)
        if directory == "data":
            os.rename(tmp_path / "data/sub", tmp_path / "old")
            os.rename(tmp_path / "outside", tmp_path / "data/sub")

    monkeypatch.setattr(scan_module, "check_names", swap)
    with pytest.raises(FileChanged):
        scan_tree(str(tmp_path), "data")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "..", "a/../../x", "sub/../a", ".git/config"])
def test_a_link_that_may_leave_is_refused(tmp_path, target):
    (tmp_path / "data").mkdir()
    os.symlink(target, tmp_path / "data/link")
    with pytest.raises(SymlinkRefused):
        scan_tree(str(tmp_path), "data")


def test_links_that_leave_only_together_are_refused(tmp_path):
    # a/b/up is the top of the data, so a/b/up/../.. is above it, though as text it stays inside.
    fill(tmp_path, {"data/a/b/x": b""})
    os.symlink("../..", tmp_path / "data/a/b/up")
    os.symlink("up/../..", tmp_path / "data/a/b/out")
    with pytest.raises(SymlinkRefused) as caught:
        scan_tree(str(tmp_path), "data")
    assert "out" in caught.value.message


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_special_files_are_noted_and_opened_by_nobody(tmp_path, kind, monkeypatch):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data/odd"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as server:
            monkeypatch.chdir(path.parent)  # the path of a socket may have 107 bytes only
            server.bind("odd")
    begun = time.monotonic()
    found = scan_tree(str(tmp_path), "data")
    assert time.monotonic() - begun < 1
    assert (found.files, found.special) == (0, ["odd"])
    with pytest.raises(FileTypeRefused) as caught:
        scan_tree(str(tmp_path), "data/odd")
    assert caught.value.path == "data/odd"


def test_of_a_special_file_that_is_ignored_nothing_is_said(tmp_path):
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data/odd.sock")
    (tmp_path / ".weftignore").write_text("*.sock\n")
    found = scan_tree(str(tmp_path), "data", tracked=lambda *_: False)
    assert (found.files, found.special, found.ignored) == (0, [], ["odd.sock"])


def test_an_ignored_directory_is_not_read(tmp_path):
    fill(tmp_path, {"data/.git/config": b"", "data/a": b""})
    (tmp_path / ".weftignore").write_text(".git/\n")
    assert scan_tree(str(tmp_path), "data", tracked=lambda *_: False).files == 1
    with pytest.raises(PathReserved) as caught:
        scan_tree(str(tmp_path), "data")
    assert caught.value.path == "data/.git"


def test_names_that_are_not_utf8_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    with open(os.fsencode(tmp_path) + b"/data/\xff\xfe", "wb"):
        pass
    with pytest.raises(PathChars):
        scan_tree(str(tmp_path), "data")


@pytest.mark.parametrize("name", ["a.weft", "A.WEFT", ".gitattributes", "git~1", "a\\b", "x\u202ey", "x\r"])
def test_unsafe_names_are_refused(tmp_path, name):
    fill(tmp_path, {f"data/{name}": b""})
    with pytest.raises((PathReserved, PathChars)) as caught:
        scan_tree(str(tmp_path), "data")
    assert caught.value.path.startswith("data/")


def test_unportable_names_are_counted_or_refused(tmp_path):
    fill(tmp_path, {"data/12:30.png": b"", "data/README": b"", "data/readme": b"", "data/fine": b""})
    policy = NamePolicy()
    scan_tree(str(tmp_path), "data", names=policy)
    assert policy.count == 2
    with pytest.raises(PathReserved):
        scan_tree(str(tmp_path), "data", names=NamePolicy(strict=True))
    os.unlink(tmp_path / "data/12:30.png")
    with pytest.raises(PathCollision):
        scan_tree(str(tmp_path), "data", names=NamePolicy(strict=True))


def test_our_temporary_files_are_leftovers_not_data(tmp_path):
    fill(tmp_path, {"data/sub/.weft-tmp-1-2": b"", "data/a": b""})
    scan = scan_tree(str(tmp_path), "data")
    assert scan.leftovers == ["sub/.weft-tmp-1-2"]
    assert scan.files == 1


def test_a_directory_as_recorded_is_not_looked_at_again(tmp_path):
    fill(tmp_path, {"data/a": b"1"})
    os.symlink("a", tmp_path / "data/l")
    first = scan_tree(str(tmp_path), "data").dirs[""]
    row = DirRow(first.names, first.stats, bytes(64))
    again = scan_tree(str(tmp_path), "data", state=PathState(rows={"": row})).dirs[""]
    assert again.same
    assert again.names is row.names
    assert again.links == {}
    (tmp_path / "data/a").write_bytes(b"2")
    assert not scan_tree(str(tmp_path), "data", state=PathState(rows={"": row})).dirs[""].same


def deepen(path, depth):
    path.mkdir()
    fd = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("directory", dir_fd=fd)
        below = os.open("directory", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def test_depth_is_limited_as_it_is_for_a_push(tmp_path):
    deepen(tmp_path / "data", 255)
    assert len(scan_tree(str(tmp_path), "data").dirs) == 256
    deepen(tmp_path / "more", 256)
    with pytest.raises(LimitExceeded):
        scan_tree(str(tmp_path), "more")
