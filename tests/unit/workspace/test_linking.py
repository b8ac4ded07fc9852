"""Linking one file at a time: what is made, what is refused, and what is left behind."""

import os
import threading

import pytest

from weft.errors import FileChanged
from weft.model.config import AUTO, COPY, HARD, REFLINK, SYMLINK
from weft.objects.unpacked import Unpacked
from weft.workspace.linked import find_damage, note_links, symbolic_links
from weft.workspace.linking import LinkChoice, Linker, kind_of, settle
from weft.workspace.materialize import materialize
from weft.workspace.stats import pack_stat

DATA = b"the bytes of a file" * 20


@pytest.fixture
def pointer(tree):
    tree.fill({"file": DATA, "again": DATA, "sub/other": DATA[::-1], "tiny": b"x"})
    return tree.add()


def entries(tree, pointer):
    return tree.reader(pointer)(pointer.oid).by_name()


def linker(tree, kind, least=1):
    return Linker(kind, least, tree.store, tree.store.layout(None))


def put(tree, made, entry, name="file", replaces=None):
    fd = os.open(tree.root, os.O_RDONLY)
    try:
        return made.put(fd, entry, name, replaces, name)
    finally:
        os.close(fd)


def checkout(tree, pointer, kind, least=1, workers=2):
    for name in ("file", "again", "sub/other", "tiny"):
        (tree.root / name).unlink(missing_ok=True)
    plan = tree.plan(pointer)
    link = LinkChoice(kind, least)
    return materialize(plan, tree.store, plan.read, tree.cache, workers=workers, link=link)


def test_sizes_decide(tree, pointer):
    found = entries(tree, pointer)
    assert not linker(tree, HARD, 2).takes(found["tiny"])
    assert linker(tree, HARD, 1).takes(found["tiny"])
    assert not linker(tree, COPY, 1).takes(found["file"])
    assert not linker(tree, HARD, 0).takes(found["file"]._replace(size=0)), "an empty file is not worth a link"


@pytest.mark.parametrize("kind", [HARD, SYMLINK])
def test_a_checkout_makes_links_and_records_what_they_are(tree, pointer, kind, later):
    checkout(tree, pointer, kind)
    found = entries(tree, pointer)
    copies = Unpacked(tree.store)
    tree.cache.copies = copies.folder
    for name in ("file", "again", "tiny"):
        assert kind_of(str(tree.root / name), found[name], copies) == kind
    assert tree.changes(pointer) == []
    assert tree.status(pointer).state == "clean"
    second = tree.plan(pointer)
    assert (second.idle, second.unchanged) == (True, 4)
    assert tree.add(pointer) == pointer
    assert tree.read_files == 0 or kind == HARD, "the second link to one file gave the first a new ctime"


def test_a_file_that_is_not_as_planned_is_left_alone(tree, pointer):
    made, entry = linker(tree, HARD), entries(tree, pointer)["file"]
    packed = pack_stat(os.lstat(tree.root / "file"))
    (tree.root / "file").write_bytes(b"mine")
    for replaces in (packed, None):
        with pytest.raises(FileChanged):
            put(tree, made, entry, replaces=replaces)
    assert (tree.root / "file").read_bytes() == b"mine"
    assert not [name for name in os.listdir(tree.root) if "weft-tmp" in name]


@pytest.mark.parametrize("kind", [HARD, SYMLINK])
def test_the_same_link_again_leaves_no_second_name(tree, pointer, kind):
    entry, made = entries(tree, pointer)["file"], linker(tree, kind)
    first = put(tree, made, entry, replaces=pack_stat(os.lstat(tree.root / "file")))
    before = sorted(os.listdir(tree.root))
    assert put(tree, made, entry, replaces=first) is not None
    assert sorted(os.listdir(tree.root)) == before
    assert os.stat(tree.root / "file").st_nlink == (2 if kind == HARD else 1)


def test_auto_makes_no_whole_file(tree, pointer):
    assert put(tree, linker(tree, AUTO), entries(tree, pointer)["file"]) is None
    assert list(Unpacked(tree.store).all()) == []


def test_what_cannot_be_done_is_said_before(tree, pointer):
    top = str(tree.top)
    assert settle(LinkChoice(HARD), tree.store, top) == (LinkChoice(HARD), "")
    assert settle(LinkChoice(SYMLINK), tree.store, top) == (LinkChoice(SYMLINK), "")
    assert settle(LinkChoice(COPY), tree.store, top) == (LinkChoice(COPY), "")
    assert settle(LinkChoice(AUTO), tree.store, top) == (LinkChoice(COPY), ""), "there is nothing to share blocks with"
    assert "another file system" in settle(LinkChoice(HARD), tree.store, "/proc")[1]
    choice, why = settle(LinkChoice(REFLINK), tree.store, top)
    assert (choice.kind == COPY) == bool(why)
    assert os.listdir(os.path.join(tree.store.root, "tmp")) == []
    assert not [name for name in os.listdir(top) if "weft-tmp" in name]


def test_what_is_made_otherwise_is_told(tree, pointer):
    entry, path = entries(tree, pointer)["file"], str(tree.root / "file")
    differs = {
        HARD: {COPY: False, HARD: True, SYMLINK: True, REFLINK: True, AUTO: False},
        SYMLINK: {COPY: True, HARD: True, SYMLINK: False, REFLINK: True, AUTO: True},
    }
    assert {kind: linker(tree, kind).differs(path, entry) for kind in (COPY, AUTO, HARD, SYMLINK)} == {
        COPY: False,
        AUTO: False,
        HARD: True,
        SYMLINK: True,
    }
    put(tree, linker(tree, SYMLINK), entry, replaces=pack_stat(os.lstat(path)))
    assert {kind: linker(tree, kind).differs(path, entry) for kind in differs[SYMLINK]} == differs[SYMLINK]
    assert linker(tree, SYMLINK, len(DATA) + 1).differs(path, entry), "it is too small for a link now"
    with pytest.raises(FileChanged):
        linker(tree, HARD).differs(path + "x", entry)


def test_many_threads_make_one_whole_file(tree, pointer):
    """As clones do that check out at once: what they make is the same."""
    entry = entries(tree, pointer)["file"]
    errors = []

    def work(number):
        try:
            assert put(tree, linker(tree, HARD), entry, f"n{number}") is not None
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    (copy,) = Unpacked(tree.store).all()
    assert {(tree.root / f"n{number}").read_bytes() for number in range(8)} == {DATA}
    assert copy.info.st_nlink >= 2


def test_notes_name_the_trees_and_their_links(tree, pointer, tmp_path):
    note_links(tree.store, str(tree.top), ["data"], COPY)
    assert not os.path.exists(os.path.join(tree.store.root, "links"))
    checkout(tree, pointer, SYMLINK)
    for kind in (SYMLINK, HARD):
        note_links(tree.store, str(tree.top), ["data"], kind)
    note_links(tree.store, str(tmp_path / "gone"), ["data"], HARD)
    assert symbolic_links(tree.store) == {os.readlink(tree.root / name) for name in ("file", "sub/other", "tiny")}
    assert find_damage(tree.store, str(tree.top), ["data/file", "data/none"]) == []
    path = os.readlink(tree.root / "file")
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"EDITED")
    (damage,) = find_damage(tree.store, str(tree.top), ["data/file"])
    assert (damage.path, damage.copy, damage.others) == ("data/file", path, (str(tree.root / "again"),))


def test_a_broken_note_harms_nothing(tree, pointer):
    folder = os.path.join(tree.store.root, "links")
    os.makedirs(folder)
    for name, data in (("a", b""), ("b", b"\xff\0\0"), ("c", b"/\0" * 9)):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    os.mkdir(os.path.join(folder, "d"))
    checkout(tree, pointer, HARD)
    os.chmod(tree.root / "file", 0o644)
    (tree.root / "file").write_bytes(b"EDITED")
    (damage,) = find_damage(tree.store, str(tree.top), ["data/file", "data/sub/other"])
    assert damage.path == "data/file"
