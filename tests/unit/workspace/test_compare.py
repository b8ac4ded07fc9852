"""Status: the workspace against a pointer."""

import os
import shutil

import pytest

from weft.errors import ObjectMissing
from weft.model.oid import Oid
from weft.workspace import compare as compare_module
from weft.workspace.compare import compare

FILES = {"a": b"1", "sub/b": b"22", "sub/deep/c": b"333", "other/d": b"4"}


@pytest.fixture
def nothing_hashed(monkeypatch):
    monkeypatch.setattr(compare_module, "ingest", refuse_reading)


def unreadable(oid):
    raise ObjectMissing(f"read of {oid}", hint="weft fetch")


def test_what_was_added_is_clean(tree):
    tree.fill(FILES)
    pointer = tree.add()
    assert tree.status(pointer).state == "clean"
    assert (pointer.files, pointer.size) == (4, 7)


def test_a_clean_tree_is_told_from_the_cache_alone(tree, later, nothing_hashed):
    tree.fill(FILES)
    pointer = tree.add()
    found = compare(tree.scan(), pointer, unreadable)
    assert (found.state, found.absent) == ("clean", 0)


def refuse_reading(writer, files, **_):
    for file in files:
        pytest.fail(f"read {file}")
    return iter(())


def test_what_status_hashed_is_known_afterwards(tree, later, monkeypatch):
    tree.fill(FILES)
    pointer = tree.add()
    tree.forget()
    assert tree.status(pointer).state == "clean"
    monkeypatch.setattr(compare_module, "ingest", refuse_reading)
    assert compare(tree.scan(), pointer, unreadable).state == "clean"


def test_every_kind_of_change_is_told(tree):
    tree.fill({**FILES, "kind": b"k", "mode": b"m", "old-name": b"unique"})
    pointer = tree.add()
    tree.fill({"a": b"changed", "sub/b": b"33", "new/x": b"nn"})
    os.unlink(tree.root / "sub/deep/c")
    os.unlink(tree.root / "kind")
    os.symlink("a", tree.root / "kind")
    os.chmod(tree.root / "mode", 0o755)
    os.rename(tree.root / "old-name", tree.root / "sub/new-name")
    (tree.root / "empty").mkdir()
    found = tree.status(pointer)
    assert found.state == "modified"
    assert [(c.kind, c.path, c.old_path) for c in found.changes] == [
        ("modified", "data/a", ""),
        ("added", "data/empty/", ""),
        ("typechange", "data/kind", ""),
        ("mode", "data/mode", ""),
        ("added", "data/new/x", ""),
        ("modified", "data/sub/b", ""),
        ("deleted", "data/sub/deep/c", ""),
        ("renamed", "data/sub/new-name", "data/old-name"),
    ]
    assert tree.status(pointer) == found


def test_a_second_look_reads_no_file(tree, later, monkeypatch):
    tree.fill(FILES)
    pointer = tree.add()
    tree.fill({"a": b"2"})
    first = tree.status(pointer)
    assert [c.kind for c in first.changes] == ["modified"]
    monkeypatch.setattr(compare_module, "ingest", refuse_reading)
    assert tree.status(pointer) == first


def test_content_changed_under_the_same_size_and_mtime_is_seen(tree, later):
    tree.fill(FILES)
    pointer = tree.add()
    before = os.stat(tree.root / "sub/b")
    (tree.root / "sub/b").write_bytes(b"XX")
    os.utime(tree.root / "sub/b", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(tree.root / "sub/b").st_mtime_ns == before.st_mtime_ns
    assert tree.changes(pointer) == [("modified", "sub/b")]


def test_a_deletion_stays_a_deletion_however_often_one_looks(tree, later):
    tree.fill(FILES)
    pointer = tree.add()
    os.unlink(tree.root / "sub/b")
    for _ in range(3):
        found = tree.status(pointer)
        assert [c.kind for c in found.changes] == ["deleted"]
        assert found.absent == 0
    tree.fill({"sub/b": b"22"})
    assert tree.status(pointer).state == "clean"


def test_a_removed_directory_names_its_files(tree):
    tree.fill({**FILES, "sub/deep/e/f": b"5"})
    (tree.root / "sub/deep/hollow").mkdir()
    pointer = tree.add()
    shutil.rmtree(tree.root / "sub")
    assert tree.changes(pointer) == [
        ("deleted", "sub/b"),
        ("deleted", "sub/deep/c"),
        ("deleted", "sub/deep/e/f"),
        ("deleted", "sub/deep/hollow/"),
    ]


def test_data_that_never_was_here_is_no_deletion(tree):
    tree.fill(FILES)
    pointer = tree.add()
    shutil.rmtree(tree.root)
    assert len(tree.status(pointer).changes) == 4
    tree.forget()
    found = tree.status(pointer)
    assert (found.state, found.absent, found.changes) == ("not-here", 4, ())


def test_absent_files_without_any_record_are_missing(tree):
    tree.fill(FILES)
    pointer = tree.add()
    tree.forget()
    os.unlink(tree.root / "a")
    found = tree.status(pointer)
    assert (found.state, found.absent, found.changes) == ("missing", 1, ())


def test_an_incomplete_look_is_not_taken_for_a_complete_one(tree, later):
    tree.fill(FILES)
    pointer = tree.add()
    tree.forget()
    os.unlink(tree.root / "a")
    tree.status(pointer)
    assert tree.status(pointer).state == "missing"
    tree.fill({"a": b"1"})
    assert tree.status(pointer).state == "clean"
    os.unlink(tree.root / "a")
    assert tree.changes(pointer) == [("deleted", "a")]


def test_a_partial_checkout_is_partial(tree, later):
    tree.fill(FILES)
    pointer = tree.add()
    shutil.rmtree(tree.root)
    tree.forget()
    tree.checkout(pointer, ["sub/b"])
    found = tree.status(pointer)
    assert (found.state, found.absent, found.changes) == ("partial", 3, ())
    os.unlink(tree.root / "sub/b")
    assert tree.changes(pointer) == [("deleted", "sub/b")]


def test_another_type_in_its_place(tree):
    tree.fill(FILES)
    pointer = tree.add()
    shutil.rmtree(tree.root)
    tree.root.write_bytes(b"file")
    assert [c.kind for c in tree.status(pointer).changes] == ["typechange"]


def test_manifests_that_are_not_here_are_an_error_state_not_a_crash(tree):
    tree.fill(FILES)
    pointer = tree.add()
    tree.fill({"a": b"2"})
    found = compare(tree.scan(), pointer, unreadable)
    assert found.state == "error"
    assert "weft fetch" in found.message


def test_a_tracked_file(tmp_path, later):
    from worktrees import WorkTree

    with WorkTree(tmp_path, "dir/model.bin") as tree:
        tree.top.joinpath("dir").mkdir()
        tree.root.write_bytes(b"weights")
        pointer = tree.add()
        assert pointer.type == "file"
        assert pointer.oid == Oid.of(b"weights")
        assert tree.status(pointer).state == "clean"
        tree.root.write_bytes(b"WEIGHTS")
        assert [(c.kind, c.path) for c in tree.status(pointer).changes] == [("modified", "dir/model.bin")]
        tree.root.write_bytes(b"weights")
        os.chmod(tree.root, 0o755)
        assert [c.kind for c in tree.status(pointer).changes] == ["mode"]
        os.unlink(tree.root)
        assert [c.kind for c in tree.status(pointer).changes] == ["deleted"]
        tree.forget()
        assert tree.status(pointer).state == "not-here"


def test_a_pointer_that_moved_on_is_told(tree, later):
    tree.fill(FILES)
    old = tree.add()
    tree.fill({"a": b"2", "n": b"new"})
    new = tree.add(old)
    tree.checkout(old)
    found = tree.status(new)
    assert [(c.kind, c.path) for c in found.changes] == [("modified", "data/a")]
    assert found.absent == 1
    assert "checkout" in found.message
