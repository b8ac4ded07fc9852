"""Planning a checkout and carrying it out."""

import os
import shutil
import stat

import pytest

from localstores import corrupt
from weft.errors import (
    DiskFull,
    FileChanged,
    HashMismatch,
    NoSuchPath,
    ObjectMissing,
    PathCollision,
    PathReserved,
    SymlinkRefused,
    UnsavedChanges,
    WeftError,
)
from weft.model.oid import Oid
from weft.util.atomic import TEMP_PREFIX, temp_name
from weft.workspace import batch as batch_module
from weft.workspace import fill as fill_module
from weft.workspace import plan_checkout as plan_module
from weft.workspace import writer as writer_module
from weft.workspace.probe import Traits, probe
from worktrees import WorkTree

FILES = {"a": b"1", "sub/b": b"22", "sub/deep/c": b"333", "other/d": b"4"}


@pytest.fixture
def two(tree):
    """Two versions; the workspace is at the second."""
    tree.fill({**FILES, "run": b"#!", "changes": b"old"})
    os.symlink("sub/b", tree.root / "link")
    (tree.root / "hollow").mkdir()
    first = tree.add()
    before = tree.tree()
    shutil.rmtree(tree.root / "other")
    os.unlink(tree.root / "sub/deep/c")
    os.unlink(tree.root / "link")
    os.rmdir(tree.root / "hollow")
    os.chmod(tree.root / "run", 0o755)
    tree.fill({"changes": b"new!", "fresh/x": b"x", "sub/n": b"n"})
    os.symlink("a", tree.root / "link")
    second = tree.add(first)
    return tree, (first, before), (second, tree.tree())


@pytest.mark.parametrize("clock", ["same", "later"])
def test_back_and_forth_between_versions(two, clock, request):
    if clock == "later":
        request.getfixturevalue("later")
    tree, (first, before), (second, after) = two
    for _ in range(2):
        plan = tree.checkout(first)
        assert tree.tree() == before
        assert not os.stat(tree.root / "run").st_mode & 0o100
        assert tree.status(first).state == "clean"
        assert (plan.files, plan.removed) == (4, 2)
        tree.checkout(second)
        assert tree.tree() == after
        assert os.stat(tree.root / "run").st_mode & 0o100
        assert tree.status(second).state == "clean"
        assert tree.add(second) == second


def test_into_nothing_with_many_workers(two):
    tree, (first, before), _ = two
    shutil.rmtree(tree.root)
    tree.forget()
    plan = tree.plan(first)
    assert (plan.files, plan.absent, plan.unchanged) == (7, [], 0)
    files, size = tree.run(plan, workers=4)
    assert (files, size) == (7, sum(len(v) for k, v in before.items() if not k.endswith("/")))
    assert tree.tree() == before


def test_a_second_checkout_has_nothing_to_do_and_reads_nothing(two, later, monkeypatch):
    tree, (first, _), _ = two
    tree.checkout(first)
    monkeypatch.setattr(plan_module, "ingest", lambda writer, files: iter([pytest.fail(str(f)) for f in files]))
    plan = tree.plan(first)
    assert plan.idle
    assert plan.unchanged == 7


def test_files_that_are_right_already_are_kept_though_nothing_is_recorded(two):
    tree, _, (second, _) = two
    inode = os.stat(tree.root / "a").st_ino
    tree.forget()
    plan = tree.checkout(second)
    assert plan.idle
    assert os.stat(tree.root / "a").st_ino == inode
    assert tree.status(second).state == "clean"


def test_what_the_user_put_there_stays(two):
    tree, (first, before), _ = two
    tree.fill({"mine": b"m", "fresh/mine": b"f", "own/dir/file": b"o"})
    tree.checkout(first)
    kept = {"mine": b"m", "fresh/": b"", "fresh/mine": b"f", "own/": b"", "own/dir/": b"", "own/dir/file": b"o"}
    assert tree.tree() == {**before, **kept}
    assert tree.changes(first) == [("added", "fresh/mine"), ("added", "mine"), ("added", "own/dir/file")]


@pytest.mark.parametrize("name", ["changes", "fresh/x"])
def test_changes_that_are_saved_nowhere_stop_it_before_anything_happens(two, name):
    tree, (first, _), (_, after) = two
    tree.fill({name: b"precious"})
    with pytest.raises(UnsavedChanges) as caught:
        tree.checkout(first)
    assert f"data/{name}" in caught.value.message
    assert "weft add" in caught.value.hint
    assert tree.tree() == {**after, name: b"precious"}


def test_same_size_and_mtime_do_not_fool_it(two, later):
    tree, (first, _), (second, _) = two
    tree.add(second)
    before = os.stat(tree.root / "changes")
    (tree.root / "changes").write_bytes(b"mine")
    os.utime(tree.root / "changes", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UnsavedChanges):
        tree.checkout(first)
    assert (tree.root / "changes").read_bytes() == b"mine"


def test_force_saves_first(two):
    tree, (first, before), _ = two
    tree.fill({"changes": b"precious", "fresh/x": b"removed but precious"})
    plan = tree.checkout(first, force=True)
    assert [os.path.relpath(file.path, tree.root) for file in plan.save] == ["changes", "fresh/x"]
    assert tree.tree() == before
    assert b"".join(tree.store.iter_content(Oid.of(b"precious"), 8)) == b"precious"


def test_changes_that_are_saved_are_replaced(two):
    tree, (first, before), (second, _) = two
    tree.fill({"changes": b"other"})
    tree.add(second)
    tree.checkout(first)
    assert tree.tree() == before


def test_large_files_count_as_saved_only_with_all_their_chunks(tmp_path):
    big = os.urandom(3_000_000)
    with WorkTree(tmp_path) as tree:
        tree.fill({"big": big})
        first = tree.add()
        assert first.layout is not None
        tree.fill({"big": b"small"})
        second = tree.add(first)
        tree.checkout(first)
        assert tree.tree() == {"big": big}
        tree.checkout(second)
        tree.checkout(first)
        tree.fill({"big": big[:-1] + b"!"})
        with pytest.raises(UnsavedChanges):
            tree.checkout(second)


def test_only_the_sub_paths_are_touched(two, later):
    tree, (first, _), (second, after) = two
    tree.checkout(first, ["sub/deep", "changes"])
    assert tree.tree() == {**after, "sub/deep/c": b"333", "changes": b"old"}
    assert tree.add(second) != second
    with pytest.raises(NoSuchPath):
        tree.checkout(first, ["sub/none"])
    tree.checkout(second, ["changes", "fresh"])
    assert (tree.root / "changes").read_bytes() == b"new!"
    tree.checkout(first, ["fresh"])
    assert not (tree.root / "fresh").exists()


def test_a_partial_checkout_into_nothing_grows_to_a_whole_one(two, later):
    tree, (first, before), _ = two
    shutil.rmtree(tree.root)
    tree.forget()
    tree.checkout(first, ["sub/deep"])
    assert tree.tree() == {"sub/": b"", "sub/deep/": b"", "sub/deep/c": b"333"}
    tree.checkout(first, ["a"])
    tree.checkout(first)
    assert tree.tree() == before
    assert tree.status(first).state == "clean"


def test_types_change_both_ways(tree):
    tree.fill({"x": b"file", "y/deep/z": b"1", "y/w": b"2", "l": b"link-to-be"})
    first = tree.add()
    before = tree.tree()
    os.unlink(tree.root / "x")
    os.unlink(tree.root / "l")
    shutil.rmtree(tree.root / "y")
    tree.fill({"x/in": b"dir now", "y": b"file now"})
    os.symlink("y", tree.root / "l")
    second = tree.add(first)
    after = tree.tree()
    for _ in range(2):
        tree.checkout(first)
        assert tree.tree() == before
        tree.checkout(second)
        assert tree.tree() == after


def test_user_files_in_a_directory_that_must_become_a_file_are_not_lost(tree):
    tree.fill({"y": b"file"})
    first = tree.add()
    os.unlink(tree.root / "y")
    tree.fill({"y/in": b"1"})
    tree.add(first)
    tree.fill({"y/mine": b"unsaved"})
    with pytest.raises(UnsavedChanges):
        tree.checkout(first)
    assert (tree.root / "y/mine").read_bytes() == b"unsaved"
    tree.checkout(first, force=True)
    assert tree.tree() == {"y": b"file"}
    assert not tree.store.missing((Oid.of(b"unsaved"),))


def test_the_tracked_path_itself_changes_type(tree):
    tree.fill({"d/x": b"1"})
    first = tree.add()
    shutil.rmtree(tree.root)
    tree.root.write_bytes(b"now a file")
    second = tree.add(first)
    tree.checkout(first)
    assert tree.tree() == {"d/": b"", "d/x": b"1"}
    tree.checkout(second)
    assert tree.tree() == {"": b"now a file"}


def test_nothing_is_the_target_when_the_pointer_is_gone(two):
    tree, _, (second, _) = two
    tree.fill({"mine": b"m"})
    tree.checkout(None)
    assert tree.tree() == {"mine": b"m"}
    os.unlink(tree.root / "mine")
    tree.checkout(second)
    tree.checkout(None)
    assert not tree.root.exists()
    assert tree.cache.tracked_paths() == {}


def test_a_tracked_file_in_new_directories(tmp_path, later):
    with WorkTree(tmp_path, "x/y/model.bin") as tree:
        tree.root.parent.mkdir(parents=True)
        tree.root.write_bytes(b"w")
        os.chmod(tree.root, 0o755)
        pointer = tree.add()
        shutil.rmtree(tree.top / "x")
        tree.forget()
        tree.checkout(pointer)
        assert tree.root.read_bytes() == b"w"
        assert os.stat(tree.root).st_mode & 0o100
        assert tree.status(pointer).state == "clean"
        assert tree.plan(pointer).idle
        os.chmod(tree.root, 0o644)
        tree.checkout(pointer)
        assert os.stat(tree.root).st_mode & 0o100
        tree.checkout(None)
        assert not tree.root.exists()


def test_a_mode_change_leaves_other_hard_links_alone(two, tmp_path):
    tree, (first, _), _ = two
    os.link(tree.root / "run", tmp_path / "outside")
    tree.checkout(first)
    assert stat.S_IMODE(os.stat(tmp_path / "outside").st_mode) == 0o755
    assert not os.stat(tree.root / "run").st_mode & 0o111
    assert os.stat(tree.root / "run").st_nlink == 1


def test_the_umask_is_respected(two):
    tree, _, (second, _) = two
    shutil.rmtree(tree.root)
    before = os.umask(0o027)
    try:
        tree.checkout(second)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tree.root / "a").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(tree.root / "run").st_mode) == 0o750


def test_objects_that_are_not_here_are_named_in_the_plan(two, tmp_path):
    tree, (first, _), _ = two
    shutil.rmtree(tree.root)
    tree.forget()
    for name in list(tree.store.catalog.packs(0)):
        info = tree.store.catalog.pack_frames(name)
        if any(frame.oid == Oid.of(b"333") for frame in info.frames):
            tree.store.catalog.forget_pack(name, 0)
    plan = tree.plan(first)
    assert "data/sub/deep/c" in plan.absent
    with pytest.raises(ObjectMissing):
        tree.run(plan)


def test_a_file_that_appears_meanwhile_is_left_alone(two):
    tree, (first, _), _ = two
    plan = tree.plan(first)
    tree.fill({"sub/deep/c": b"quick"})
    with pytest.raises(FileChanged):
        tree.run(plan)
    assert (tree.root / "sub/deep/c").read_bytes() == b"quick"


@pytest.mark.parametrize("name", ["changes", "fresh/x", "run"])
def test_a_file_that_changes_meanwhile_is_left_alone(two, name):
    tree, (first, _), _ = two
    plan = tree.plan(first)
    tree.fill({name: b"quick"})
    with pytest.raises(FileChanged):
        tree.run(plan)
    assert (tree.root / name).read_bytes() == b"quick"


class Stop(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("step", range(1, 8))
def test_interrupted_anywhere_the_next_one_converges(two, monkeypatch, step, later):
    tree, (first, before), _ = two
    tree.fill({"mine": b"m"})
    plan = tree.plan(first)
    count = 0
    real = writer_module.expect

    def expect(*args):
        nonlocal count
        count += 1
        if count == step:
            raise Stop
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "expect", expect)
        patch.setattr("weft.workspace.places.expect", expect)
        with pytest.raises(Stop):
            tree.run(plan, workers=1)
    assert not [name for name in tree.tree() if TEMP_PREFIX in name]
    tree.checkout(first)
    assert tree.tree() == {**before, "mine": b"m"}


def test_what_an_interrupted_checkout_did_not_remove_is_still_ours_to_remove(tree, monkeypatch, later):
    tree.fill({"a": b"1", "z": b"3"})
    first = tree.add()
    tree.fill({"a": b"2", "gone": b"g"})
    tree.add(first)
    plan = tree.plan(first)

    def stop(*args):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("weft.workspace.places.expect", stop)  # the one before a removal
        with pytest.raises(Stop):
            tree.run(plan)
    assert tree.tree() == {"a": b"1", "gone": b"g", "z": b"3"}
    tree.checkout(first)
    assert tree.tree() == {"a": b"1", "z": b"3"}


def test_what_was_written_before_an_error_is_known_and_not_hashed_again(tree, monkeypatch, later):
    tree.fill({f"d{number}/file": bytes([number]) for number in range(6)})
    pointer = tree.add()
    before = tree.tree()
    shutil.rmtree(tree.root)
    real = batch_module.put_file
    written = []

    def put_file(*args):
        if len(written) == 4:
            raise Stop
        written.append(args)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(batch_module, "put_file", put_file)
        with pytest.raises(Stop):
            tree.checkout(pointer)
    assert len([name for name in tree.tree() if not name.endswith("/")]) == 4
    hashed = []
    real_ingest = plan_module.ingest

    def ingest(writer, files):
        hashed.extend(files)
        return real_ingest(writer, files)

    monkeypatch.setattr(plan_module, "ingest", ingest)
    plan = tree.checkout(pointer)
    assert (hashed, plan.unchanged, plan.files) == ([], 4, 2)
    assert tree.tree() == before


def test_small_directories_share_a_batch_and_large_ones_are_cut(tree, monkeypatch):
    tree.fill({f"d{number:02}/{name}": f"{number}{name}".encode() for number in range(40) for name in "ab"})
    tree.fill({f"large/{number:03}": str(number).encode() for number in range(fill_module.BATCH_FILES + 5)})
    tree.fill({"large/same": b"0a", "copy": b"0a"})
    pointer = tree.add()
    before = tree.tree()
    shutil.rmtree(tree.root)
    tree.forget()
    real = tree.store.read_many
    asked = []

    def read_many(oids, *args, **kwargs):
        asked.append(len(oids))
        return real(oids, *args, **kwargs)

    monkeypatch.setattr(tree.store, "read_many", read_many)
    tree.checkout(pointer)
    assert tree.tree() == before
    assert tree.status(pointer).state == "clean"
    assert len(asked) == 4, "42 directories, 16 open at a time, one of them with more files than a batch"
    assert max(asked) <= fill_module.BATCH_FILES


def test_killed_before_anything_was_recorded_the_next_one_converges(two, monkeypatch):
    tree, (first, before), _ = two
    plan = tree.plan(first)
    with monkeypatch.context() as patch:
        patch.setattr(tree.cache, "record", lambda *args, **kwargs: None)
        tree.run(plan)
    tree.checkout(first)
    assert tree.tree() == before
    assert tree.status(first).state == "clean"


def test_leftovers_of_the_dead_are_reaped_and_those_of_the_living_are_not(two):
    tree, (first, before), _ = two
    alive = temp_name()
    fields = alive.split("-")
    fields[2] = "999999999"
    dead = "-".join(fields)
    tree.fill({f"sub/{dead}": b"", f"sub/{alive}": b""})
    tree.checkout(first)
    assert tree.tree() == {**before, f"sub/{alive}": b""}
    os.utime(tree.root / "sub" / alive, (0, 0))
    tree.checkout(first)
    assert tree.tree() == {**before, f"sub/{alive}": b""}, "a sleeping writer may still go on"


def test_damaged_bytes_never_reach_the_workspace(two):
    tree, (first, _), _ = two
    shutil.rmtree(tree.root)
    for name in list(tree.store.catalog.packs(0)):
        path = tree.store.pack_path(name)
        corrupt(path, 17)
    with pytest.raises(WeftError):
        tree.checkout(first)
    assert not [name for name, data in tree.tree().items() if data and not name.endswith("/") and name == "a"]


def test_a_size_that_the_manifest_invents_is_refused(tree):
    tree.fill({"a": b"1"})
    pointer = tree.add()
    shutil.rmtree(tree.root)
    tree.forget()
    plan = tree.plan(pointer)
    plan.dirs[0].writes[0] = plan.dirs[0].writes[0]._replace(size=2)
    with pytest.raises(HashMismatch):
        tree.run(plan)
    assert tree.tree() == {}


def test_a_link_in_the_place_of_the_data_is_refused(two, tmp_path):
    tree, (first, _), _ = two
    shutil.rmtree(tree.root)
    (tmp_path / "out").mkdir()
    os.symlink(tmp_path / "out", tree.root)
    with pytest.raises(SymlinkRefused):
        tree.checkout(first)
    assert os.listdir(tmp_path / "out") == []


def test_no_room_is_told_before_anything_is_written(two, monkeypatch):
    tree, (first, _), (_, after) = two

    class Full:
        f_bavail, f_frsize, f_files, f_favail = 1, 4096, 0, 0

    monkeypatch.setattr(os, "statvfs", lambda path: Full)
    with pytest.raises(DiskFull):
        tree.checkout(first)
    assert tree.tree() == after


def test_names_the_file_system_folds_are_refused_before_anything_is_written(tree):
    tree.fill({"README": b"1", "readme": b"2", "12:30": b"3"})
    pointer = tree.add()
    shutil.rmtree(tree.root)
    tree.forget()
    with pytest.raises(PathCollision):
        tree.plan(pointer, traits=Traits(folds_case=True))
    with pytest.raises(PathReserved):
        tree.plan(pointer, ["12:30"], traits=Traits(windows=True))
    tree.plan(pointer, ["README"], traits=Traits(folds_case=True))
    assert not tree.root.exists()
    tree.checkout(pointer)
    assert len(tree.tree()) == 3


def test_a_file_of_the_user_that_only_case_tells_apart_is_in_the_way(tree):
    tree.fill({"README": b"1"})
    pointer = tree.add()
    shutil.rmtree(tree.root)
    tree.forget()
    tree.fill({"readme": b"mine"})
    with pytest.raises(PathCollision):
        tree.plan(pointer, traits=Traits(folds_case=True))


def test_a_rename_in_case_only_removes_the_old_name_first(tree):
    tree.fill({"README": b"1", "z": b"2"})
    first = tree.add()
    os.rename(tree.root / "README", tree.root / "readme")
    os.unlink(tree.root / "z")
    tree.add(first)
    plan = tree.plan(first, traits=Traits(folds_case=True))
    assert [removal.name for removal in plan.clear] == ["readme"]


def test_the_probe_cleans_up(tmp_path):
    assert probe(str(tmp_path)) == Traits(False, False, False)
    assert os.listdir(tmp_path) == []
