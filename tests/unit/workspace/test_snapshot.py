"""New manifests from the workspace: what add records."""

import os
import shutil

import pytest

from weft.errors import MissingUnknown, NoSuchPath, PathOverlap, SymlinkRefused
from weft.model.entry import Entry
from weft.model.oid import Oid
from weft.workspace.reads import Reads
from weft.workspace.snapshot import snapshot
from weft.workspace.splice import replace_paths

FILES = {"a": b"1", "sub/b": b"22", "sub/deep/c": b"333", "other/d": b"4"}


def listing(tree, pointer):
    read = tree.reader(pointer)
    found, stack = {}, [("", pointer.oid)]
    while stack:
        path, oid = stack.pop()
        for entry in read(oid).entries:
            name = f"{path}{entry.name}"
            if entry.type == "d":
                stack.append((name + "/", entry.oid))
                found[name + "/"] = (entry.size, entry.files)
            else:
                found[name] = (entry.type, entry.oid, entry.size)
    return found


def test_manifests_hold_types_sizes_and_sums(tree):
    tree.fill(FILES)
    os.chmod(tree.root / "a", 0o755)
    os.symlink("b", tree.root / "sub/link")
    (tree.root / "empty").mkdir()
    assert listing(tree, tree.add()) == {
        "a": ("x", Oid.of(b"1"), 1),
        "sub/": (6, 3),
        "sub/b": ("f", Oid.of(b"22"), 2),
        "sub/link": ("l", Oid.of(b"b"), 1),
        "sub/deep/": (3, 1),
        "sub/deep/c": ("f", Oid.of(b"333"), 3),
        "other/": (1, 1),
        "other/d": ("f", Oid.of(b"4"), 1),
        "empty/": (0, 0),
    }


def test_the_same_data_gives_the_same_pointer_with_and_without_cache(tree, later):
    tree.fill(FILES)
    first = tree.add()
    again = tree.add(first)
    assert (again, tree.read_files) == (first, 0)
    tree.forget()
    assert tree.add() == first
    tree.forget()
    assert tree.add(first) == first


def test_only_what_changed_is_read(tree, later):
    tree.fill(FILES)
    first = tree.add()
    tree.fill({"sub/deep/c": b"CCC"})
    second = tree.add(first)
    assert tree.read_files == 1
    tree.forget()
    assert tree.add(second) == second


def test_bytes_that_were_only_hashed_are_still_stored(tree, later):
    tree.fill(FILES)
    pointer = tree.add()
    tree.fill({"a": b"9"})
    tree.status(pointer)
    new = tree.add(pointer)
    assert tree.read_files == 1
    assert b"".join(tree.store.iter_content(Oid.of(b"9"), 1)) == b"9"
    assert new.oid != pointer.oid


def test_deleted_files_leave_and_absent_ones_stay(tree, later):
    tree.fill(FILES)
    full = tree.add()
    shutil.rmtree(tree.root)
    tree.forget()
    tree.checkout(full, ["sub/b", "a"])
    os.unlink(tree.root / "a")
    tree.fill({"new": b"n"})
    new = tree.add(full)
    assert sorted(listing(tree, new)) == ["new", "other/", "other/d", "sub/", "sub/b", "sub/deep/", "sub/deep/c"]
    assert (new.files, new.size) == (4, 7)
    assert tree.status(new).state == "partial"
    assert tree.status(new).absent == 2


def test_a_directory_removed_after_a_partial_checkout_keeps_what_never_was_here(tree, later):
    tree.fill(FILES)
    full = tree.add()
    shutil.rmtree(tree.root)
    tree.forget()
    tree.checkout(full, ["sub/b", "a"])
    shutil.rmtree(tree.root / "sub")
    new = tree.add(full)
    assert sorted(listing(tree, new)) == ["a", "other/", "other/d", "sub/", "sub/deep/", "sub/deep/c"]


def test_a_removed_directory_leaves(tree, later):
    tree.fill(FILES)
    full = tree.add()
    shutil.rmtree(tree.root / "sub")
    assert sorted(listing(tree, tree.add(full))) == ["a", "other/", "other/d"]


def test_unknown_absence_must_be_decided(tree):
    tree.fill(FILES)
    full = tree.add()
    tree.forget()
    os.unlink(tree.root / "a")
    shutil.rmtree(tree.root / "other")
    with pytest.raises(MissingUnknown) as caught:
        tree.add(full)
    assert "data/a" in caught.value.message
    assert "data/other" in caught.value.message
    assert "--keep-missing" in caught.value.hint
    assert "--delete-missing" in caught.value.hint
    assert tree.add(full, missing="keep") == full
    tree.forget()
    assert sorted(listing(tree, tree.add(full, missing="delete"))) == ["sub/", "sub/b", "sub/deep/", "sub/deep/c"]


def test_files_that_were_kept_are_still_not_deletions_later(tree, later):
    tree.fill(FILES)
    full = tree.add()
    tree.forget()
    os.unlink(tree.root / "a")
    tree.add(full, missing="keep")
    assert tree.status(full).state == "partial"
    assert tree.add(full) == full


def test_ignored_files_are_not_taken(tree):
    tree.fill({**FILES, "x.tmp": b"t"})
    (tree.top / ".weftignore").write_text("*.tmp\n")
    assert "x.tmp" not in listing(tree, tree.add())


def test_a_link_as_tracked_path_and_nothing_are_refused(tree):
    with pytest.raises(NoSuchPath):
        tree.add()
    os.symlink("elsewhere", tree.root)
    with pytest.raises(SymlinkRefused):
        snapshot(tree.scan(), None, tree.reader(None), Reads(tree.scan()), lambda oid, data: None)


def test_a_file_that_became_a_directory(tree, later):
    tree.fill({"a": b"1", "b/c": b"2"})
    first = tree.add()
    os.unlink(tree.root / "a")
    shutil.rmtree(tree.root / "b")
    tree.fill({"a/x": b"1", "b": b"2"})
    assert sorted(listing(tree, tree.add(first))) == ["a/", "a/x", "b"]


def entry(data, kind="f"):
    return Entry(kind, Oid.of(data), len(data), 1, "any")


def test_splicing_rewrites_the_spine_and_gives_what_add_would(tree, later):
    tree.fill(FILES)
    first = tree.add()
    read = tree.reader(first)
    done = replace_paths(first.oid, {"sub/deep/c": entry(b"C"), "new/way/x": entry(b"xx"), "other/d": None}, read)
    shutil.rmtree(tree.root)
    tree.fill({"a": b"1", "sub/b": b"22", "sub/deep/c": b"C", "new/way/x": b"xx"})
    (tree.root / "other").mkdir()
    tree.forget()
    whole = tree.add()
    assert (done.oid, done.size, done.files) == (whole.oid, whole.size, whole.files)
    assert len(done.manifests) == 6
    assert replace_paths(first.oid, {}, read).manifests == {}


def test_splicing_refuses_nonsense(tree):
    tree.fill(FILES)
    pointer = tree.add()
    read = tree.reader(pointer)
    with pytest.raises(NoSuchPath):
        replace_paths(pointer.oid, {"none": None}, read)
    with pytest.raises(PathOverlap):
        replace_paths(pointer.oid, {"a/below": entry(b"")}, read)
    with pytest.raises(PathOverlap):
        replace_paths(pointer.oid, {"x": entry(b""), "x/y": entry(b"")}, read)
