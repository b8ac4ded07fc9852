"""What hostile data and a hostile co-user get from the workspace: checkout, add and status."""

from __future__ import annotations

import mmap
import os
import shutil
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kit import in_memory
from weft.errors import FileTypeRefused, PathCollision, PermissionFault, SymlinkRefused, UnsavedChanges, WeftError
from weft.formats import manifest as manifest_format
from weft.model.entry import Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.workspace.probe import Traits
from weft.workspace.scan import scan_tree
from worktrees import WorkTree

NOBODY = 65534


def published(tree: WorkTree, *entries: tuple[str, str, bytes]) -> Pointer:
    """A pointer to one directory with ``entries`` (type, name, content), as someone else may have made it."""
    made = [Entry(kind, Oid.of(data), len(data), 1, name) for kind, name, data in entries]
    manifest = Manifest.of(made)
    with tree.store.writer() as writer:
        writer.add_chunks([(Oid.of(data), data) for _, _, data in entries])
        oid = writer.add_object(Kind.MANIFEST, manifest_format.encode(manifest))
    return Pointer("dir", tree.root.name, oid, manifest.size, manifest.files)


def colliding(*names: str) -> Callable[[Path], None]:
    def check(tmp_path: Path) -> None:
        with WorkTree(tmp_path) as tree:
            pointer = published(tree, *(("f", name, name.encode()) for name in names))
            with pytest.raises(PathCollision):
                tree.plan(pointer, traits=Traits(folds_case=True, normalizes=True))
            assert os.listdir(tree.top) == []
            tree.checkout(pointer)
            assert tree.tree() == {name: name.encode() for name in names}

    return check


def parent_is_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with WorkTree(tmp_path, "in/data") as tree:
        pointer = published(tree, ("f", "a", b"1"))
        os.symlink(outside, tree.top / "in")
        with pytest.raises(SymlinkRefused):
            tree.checkout(pointer)
        assert os.listdir(outside) == []


def directory_is_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with WorkTree(tmp_path) as tree:
        tree.fill({"sub/a": b"1"})
        pointer = tree.add()
        shutil.rmtree(tree.root / "sub")
        os.symlink(outside, tree.root / "sub")
        with pytest.raises(SymlinkRefused):
            tree.checkout(pointer, force=True)
        assert os.listdir(outside) == []


def link_swapped_in_by_a_racing_thread(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with WorkTree(tmp_path) as tree:
        tree.fill({f"sub/{number:05}": b"x" for number in range(6000)})
        pointer = tree.add()
        shutil.rmtree(tree.root)
        tree.forget()
        plan = tree.plan(pointer)

        def race() -> None:
            while True:
                with suppress(FileNotFoundError):
                    if os.listdir(tree.root / "sub"):
                        break
            os.rename(tree.root / "sub", tree.root / "moved")
            os.symlink(outside, tree.root / "sub")

        racer = threading.Thread(target=race)
        racer.start()
        with pytest.raises(SymlinkRefused):
            tree.run(plan)
        racer.join()
        assert os.listdir(outside) == []


def link_swapped_in_after_planning(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"theirs")
    (outside / "gone").write_bytes(b"gone")
    with WorkTree(tmp_path) as tree:
        tree.fill({"sub/a": b"old"})
        first = tree.add()
        tree.fill({"sub/a": b"new", "sub/gone": b"gone", "sub/more/x": b"x"})
        second = tree.add(first)
        for pointer, other in ((first, second), (second, first)):
            tree.checkout(other)
            plan = tree.plan(pointer)
            os.rename(tree.root / "sub", tree.root / "moved")
            os.symlink(outside, tree.root / "sub")
            with pytest.raises(SymlinkRefused):
                tree.run(plan)
            os.unlink(tree.root / "sub")
            os.rename(tree.root / "moved", tree.root / "sub")
            assert sorted(os.listdir(outside)) == ["a", "gone"]
            assert (outside / "a").read_bytes() == b"theirs"


def hostile_link(target: str) -> Callable[[Path], None]:
    def check(tmp_path: Path) -> None:
        with WorkTree(tmp_path) as tree:
            pointer = published(tree, ("f", "a", b"1"), ("l", "link", target.encode()))
            with pytest.raises(SymlinkRefused):
                tree.checkout(pointer)
            assert not tree.root.exists()

    return check


def special_files(tmp_path: Path) -> None:
    with WorkTree(tmp_path) as tree:
        tree.fill({"a": b"1"})

        def left_out() -> None:
            begun = time.monotonic()
            assert tree.add().files == 1, "the rest is stored, and this is not"
            assert tree.scan().special == ["odd"], "it is named in a warning"
            with pytest.raises(FileTypeRefused):
                scan_tree(str(tree.top), "data/odd")
            assert time.monotonic() - begun < 1
            os.unlink(tree.root / "odd")

        os.mkfifo(tree.root / "odd")
        left_out()
        with socket.socket(socket.AF_UNIX) as server:
            before = os.getcwd()
            os.chdir(tree.root)
            try:
                server.bind("odd")
            finally:
                os.chdir(before)
        left_out()
        with suppress(PermissionError):
            os.mknod(tree.root / "odd", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            left_out()


def open_writer(tmp_path: Path) -> None:
    with WorkTree(tmp_path) as tree:
        tree.root.mkdir()
        with open(tree.root / "log", "wb", buffering=0) as writer:
            writer.write(b"one")
            inode = os.fstat(writer.fileno()).st_ino
            pointer = tree.add()
            assert not tree.store.missing((Oid.of(b"one"),))
            assert os.stat(tree.root / "log").st_ino == inode
            assert tree.status(pointer).state == "clean"
            writer.seek(0)
            writer.write(b"two")
            assert tree.changes(pointer) == [("modified", "log")]


def mapped_writer(tmp_path: Path) -> None:
    if in_memory(tmp_path):
        pytest.skip("a file system in memory writes no page out, so a mapping that wrote once is never noticed again")
    with WorkTree(tmp_path) as tree:
        tree.fill({"a": b"first", "log": bytes(100_000)})
        first = tree.add()
        with open(tree.root / "log", "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
            mapped[:3] = b"one"
            time.sleep(2.1)  # not young any more, and its page still waits for the disk
            second = tree.add(first)
            assert tree.status(second).state == "clean"
            mapped[:3] = b"two"
            assert tree.changes(second) == [("modified", "log")]
            mapped[:3] = b"six"
        with pytest.raises(UnsavedChanges):
            tree.checkout(first)
        assert tree.tree()["log"][:3] == b"six"


def same_size_and_mtime(tmp_path: Path) -> None:
    with WorkTree(tmp_path) as tree:
        tree.fill({"a": b"first"})
        first = tree.add()
        tree.fill({"a": b"2nd!!"})
        second = tree.add(first)
        # Long enough for the stat cache to take the file for settled.
        time.sleep(2.1)
        assert tree.status(second).state == "clean"
        before = os.stat(tree.root / "a")
        (tree.root / "a").write_bytes(b"third")
        os.utime(tree.root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert tree.changes(second) == [("modified", "a")]
        with pytest.raises(UnsavedChanges):
            tree.checkout(first)
        assert tree.tree() == {"a": b"third"}


def hard_link_outside(tmp_path: Path) -> None:
    with WorkTree(tmp_path) as tree:
        tree.fill({"a": b"first"})
        first = tree.add()
        tree.fill({"a": b"second"})
        tree.add(first)
        os.link(tree.root / "a", tmp_path / "outside")
        tree.checkout(first)
        assert (tree.root / "a").read_bytes() == b"first"
        assert (tmp_path / "outside").read_bytes() == b"second"
        assert os.stat(tree.root / "a").st_ino != os.stat(tmp_path / "outside").st_ino


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A directory of an ordinary user, whom permission bits stop, and this process acting as that user."""
    root = Path(tempfile.mkdtemp())
    try:
        if os.geteuid():
            yield root
            return
        os.chown(root, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield root
        finally:
            os.seteuid(0)
    finally:
        shutil.rmtree(root)


def unreadable(what: str) -> Callable[[Path], None]:
    def check(tmp_path: Path) -> None:
        with ordinary_user() as root, WorkTree(root) as tree:
            tree.fill({"a": b"1", "sub/secret": b"2", "z": b"3"})
            os.chmod(tree.root / what, 0)
            try:
                with pytest.raises(PermissionFault) as caught:
                    tree.add()
            finally:
                os.chmod(tree.root / what, 0o700)
            assert what in caught.value.path
            assert tree.cache.tracked_paths() == {}
            assert tree.store.catalog.packs(0) == {}

    return check


def unwritable_directory(tmp_path: Path) -> None:
    with ordinary_user() as root, WorkTree(root) as tree:
        tree.fill({"sub/a": b"1"})
        first = tree.add()
        tree.fill({"sub/a": b"2"})
        tree.add(first)
        os.chmod(tree.root / "sub", 0o500)
        try:
            with pytest.raises(WeftError) as caught:
                tree.checkout(first)
        finally:
            os.chmod(tree.root / "sub", 0o700)
        assert isinstance(caught.value, PermissionFault)
        assert tree.tree() == {"sub/": b"", "sub/a": b"2"}


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (35, "checkout-case", colliding("README", "readme")),
    (36, "checkout-normal-forms", colliding("\u00e9", "e\u0301")),
    (37, "checkout-long-s", colliding("\u017f", "s")),
    (37, "checkout-kelvin", colliding("\u212a", "k")),
    (37, "checkout-sharp-s", colliding("\u00df", "ss")),
    (43, "parent-is-a-link", parent_is_a_link),
    (43, "directory-is-a-link", directory_is_a_link),
    (44, "link-swapped-in-while-writing", link_swapped_in_by_a_racing_thread),
    (44, "link-swapped-in-after-planning", link_swapped_in_after_planning),
    (45, "absolute-target", hostile_link("/etc/passwd")),
    (45, "leaving-target", hostile_link("../../x")),
    (45, "target-that-leaves-through-another-link", hostile_link("a/../../x")),
    (45, "target-in-git", hostile_link(".git/hooks/post-checkout")),
    (59, "special-files", special_files),
    (61, "open-writer", open_writer),
    (132, "mapped-writer", mapped_writer),
    (62, "same-size-and-mtime", same_size_and_mtime),
    (63, "hard-link-outside", hard_link_outside),
    (65, "unreadable-file", unreadable("sub/secret")),
    (65, "unreadable-directory", unreadable("sub")),
    (65, "unwritable-directory", unwritable_directory),
]
