"""Three-way merge of directories, against a naive merge of flat listings, and case by case."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.errors import LimitExceeded
from weft.formats import manifest as manifest_format
from weft.model.entry import DIR, EXEC, FILE, LINK, Entry
from weft.model.manifest import MAX_DEPTH, Manifest
from weft.model.oid import Kind, Oid
from weft.objects.mergetree import MergedTree, Readers, Three, merge_trees

File = tuple[str, str]
"""Manifest letter and content."""
Tree = dict[str, File]
"""Path to file; a path that ends with a slash is an empty directory."""


class Store:
    """Manifests in memory, and which of them were read."""

    def __init__(self) -> None:
        self.held: dict[Oid, bytes] = {}
        self.read: list[Oid] = []

    def put(self, tree: Tree) -> Entry:
        entries: dict[str, Entry] = {}
        below: dict[str, Tree] = {}
        for path, (kind, content) in tree.items():
            name, slash, rest = path.partition("/")
            if not slash:
                entries[name] = Entry(kind, Oid.of(content.encode()), len(content), 1, name)
            else:
                below.setdefault(name, {}).update({rest: (kind, content)} if rest else {})
        for name, inner in below.items():
            entries[name] = self.put(inner)._replace(name=name)
        manifest = Manifest.of(entries.values())
        data = manifest_format.encode(manifest)
        oid = Oid.of(data, Kind.MANIFEST)
        self.held[oid] = data
        return Entry(DIR, oid, manifest.size, manifest.files, "")

    def get(self, oid: Oid) -> Manifest:
        self.read.append(oid)
        return manifest_format.decode(self.held[oid])

    def flat(self, oid: Oid, prefix: str = "") -> dict[str, tuple[str, Oid]]:
        found: dict[str, tuple[str, Oid]] = {}
        entries = self.get(oid).entries
        if not entries and prefix:
            found[prefix] = (DIR, Oid(bytes(32)))
        for entry in entries:
            if entry.type == DIR:
                found |= self.flat(entry.oid, f"{prefix}{entry.name}/")
            else:
                found[prefix + entry.name] = (entry.type, entry.oid)
        return found


def merged(base: Tree | None, ours: Tree, theirs: Tree, prefer=None) -> tuple[MergedTree, dict[str, str], Store]:
    """The outcome, its files by path with their content (an empty directory: nothing), and the store."""
    store = Store()
    roots = Three(*[store.put(tree) if tree is not None else None for tree in (base, ours, theirs)])
    store.read.clear()
    done = merge_trees(roots, Readers(store.get, store.get, store.get), prefer)
    reads = list(store.read)
    for oid, data in done.manifests.items():
        assert Oid.of(data, Kind.MANIFEST) == oid
        store.held[oid] = data
    names = {Oid.of(c.encode()): c for tree in (base or {}, ours, theirs) for _, c in tree.values()}
    flat = {path: kind + names.get(oid, "") for path, (kind, oid) in store.flat(done.oid).items()}
    files = [path for path in flat if not path.endswith("/")]
    assert done.files == len(files)
    assert done.size == sum(len(flat[path]) - 1 for path in files)
    store.read = reads
    return done, flat, store


# --- against a naive merge ---

names = st.sampled_from(["a", "b"])
files = st.sampled_from(["x", "y", "z"])
paths = st.builds(lambda dirs, name: "/".join([*dirs, name]), st.lists(names, max_size=2), files)
contents = st.tuples(st.sampled_from([FILE, FILE, EXEC, LINK]), st.sampled_from(["1", "2", "3", "", "44", "5"]))
trees = st.dictionaries(paths, contents, max_size=9)


@st.composite
def three_trees(draw: st.DrawFn) -> tuple[Tree | None, Tree, Tree]:
    """A base and two sides, most of whose files are those of the base, or were moved there."""
    base = draw(trees)

    def side() -> Tree:
        tree = dict(base)
        for path in draw(st.lists(paths, max_size=4)):
            action = draw(st.sampled_from(["put", "drop", "move", "chmod"]))
            if action == "put":
                tree[path] = draw(contents)
            elif action == "drop":
                tree.pop(path, None)
            elif action == "move" and path in tree:
                tree[draw(paths)] = tree.pop(path)
            elif action == "chmod" and tree.get(path, (LINK,))[0] != LINK:
                tree[path] = (EXEC if tree[path][0] == FILE else FILE, tree[path][1])
        return tree

    return (base if draw(st.integers(0, 5)) else None), side(), side()


def naive(base: Tree | None, ours: Tree, theirs: Tree) -> tuple[dict[str, str], set[str]]:
    """Path by path over all paths, moves by looking everywhere."""
    before = base or {}
    moved = moves(before, ours, theirs) | moves(before, theirs, ours)
    result: dict[str, str] = {}
    conflicts = set()
    for path in before.keys() | ours.keys() | theirs.keys():
        b, o, t = before.get(path), ours.get(path), theirs.get(path)
        if path in moved:
            found = moved[path]
        elif o == t or t == b:
            found = o
        elif o == b:
            found = t
        elif b and o and t and LINK not in (b[0], o[0], t[0]) and (o[1] == t[1] or b[1] in (o[1], t[1])):
            found = (t[0] if o[0] == b[0] else o[0], t[1] if o[1] in (t[1], b[1]) else o[1])
        else:
            conflicts.add(path)
            found = o
        if found is not None:
            result[path] = found[0] + found[1]
    return result, conflicts


def moves(base: Tree, mover: Tree, other: Tree) -> dict[str, File | None]:
    found: dict[str, File | None] = {}
    for old, (kind, content) in base.items():
        gone = [p for p, f in base.items() if f[1] == content and p not in mover]
        come = [p for p, f in mover.items() if f[1] == content and p not in base]
        there = other.get(old)
        if (
            old not in gone
            or not content
            or there in (None, (kind, content))
            or LINK in (kind, there[0] if there else "")
        ):
            continue
        if len(gone) == len(come) == 1 and come[0] not in other and mover[come[0]][0] != LINK:
            new = mover[come[0]]
            assert there is not None
            found |= {old: None, come[0]: (there[0] if new[0] == kind else new[0], there[1])}
    return found


def unlinked(tree: Tree) -> Tree:
    """A link and a file of equal bytes are told apart by the naive moves only when their contents differ."""
    return {path: (kind, content + "@" if kind == LINK else content) for path, (kind, content) in tree.items()}


@settings(max_examples=400, deadline=None)
@given(three_trees())
def test_merge_is_that_of_flat_listings(three: tuple[Tree | None, Tree, Tree]):
    base, ours, theirs = (unlinked(tree) if tree is not None else None for tree in three)
    assert ours is not None
    assert theirs is not None
    done, flat, _ = merged(base, ours, theirs)
    expected, conflicts = naive(base, ours, theirs)
    assert {conflict.path for conflict in done.conflicts} == conflicts
    assert {path: found for path, found in flat.items() if not path.endswith("/")} == expected


@settings(max_examples=200, deadline=None)
@given(three_trees())
def test_sides_can_be_swapped(three: tuple[Tree | None, Tree, Tree]):
    base, ours, theirs = three
    one, flat, _ = merged(base, ours, theirs, lambda path: "theirs")
    other, mirrored, _ = merged(base, theirs, ours, lambda path: "ours")
    assert (flat, one.oid, one.conflicts) == (mirrored, other.oid, ())


@settings(max_examples=100, deadline=None)
@given(trees, trees)
def test_a_side_that_did_nothing_changes_nothing(base: Tree, changed: Tree):
    for ours, theirs in ((base, changed), (changed, base), (changed, changed)):
        done, _, store = merged(base, ours, theirs)
        assert (done.oid, done.conflicts) == (store.put(changed).oid, ())


# --- case by case ---


def f(content: str) -> File:
    return (FILE, content)


BASE = {"d/one": f("1"), "d/two": f("22"), "d/deep/three": f("333"), "e/four": f("4444"), "top": f("t")}


def test_different_files_of_one_directory():
    done, flat, _ = merged(BASE, {**BASE, "d/one": f("new")}, {**BASE, "d/two": f("newer"), "d/added": f("+")})
    assert not done.conflicts
    assert flat == {
        "d/one": "fnew", "d/two": "fnewer", "d/added": "f+", "d/deep/three": "f333", "e/four": "f4444", "top": "ft",
    }  # fmt: skip


def test_only_what_differs_is_read():
    wide = {f"d{n}/file": f(str(n)) for n in range(50)}
    _, _, store = merged(wide, {**wide, "d1/file": f("x")}, {**wide, "d1/other": f("y"), "d2/file": f("z")})
    assert len(store.read) == 3 + 3, "three roots and the one directory that both sides changed"


@pytest.mark.parametrize(
    ("ours", "theirs", "conflict", "what"),
    [
        ({"d/one": f("a")}, {"d/one": f("b")}, "d/one", "changed on both sides"),
        ({"d/one": None}, {"d/one": f("b")}, "d/one", "deleted in ours, changed in theirs"),
        ({"d/one": f("a")}, {"d/one": None}, "d/one", "changed in ours, deleted in theirs"),
        ({"new": f("a")}, {"new": f("b")}, "new", "added on both sides"),
        ({"new": f("a")}, {"new": (EXEC, "a")}, "new", "added executable on one side only"),
        ({"new": f("a")}, {"new/below": f("b")}, "new", "a directory in theirs, none in ours"),
        ({"new/below": f("b")}, {"new": f("a")}, "new", "a directory in ours, none in theirs"),
        ({"top": (LINK, "a")}, {"top": f("b")}, "top", "changed on both sides"),
    ],
)
@pytest.mark.parametrize("side", ["", "base", "ours", "theirs"])
def test_conflicts(ours, theirs, conflict: str, what: str, side: str):
    def changed(changes):
        return {path: file for path, file in {**BASE, **changes}.items() if file is not None}

    one, other = changed(ours), changed(theirs)
    done, flat, _ = merged(BASE, one, other, (lambda path: side if path == conflict else "") if side else None)
    assert [(found.path, found.what) for found in done.conflicts] == ([] if side else [(conflict, what)])
    tree = {"base": BASE, "theirs": other}.get(side, one)
    expected = {p: "".join(file) for p, file in tree.items() if p == conflict or p.startswith(conflict + "/")}
    assert {p: found for p, found in flat.items() if p == conflict or p.startswith(conflict + "/")} == expected


def test_a_mode_and_a_content_are_merged_apart():
    done, flat, _ = merged(BASE, {**BASE, "d/one": (EXEC, "1")}, {**BASE, "d/one": f("new")})
    assert (flat["d/one"], done.conflicts) == ("xnew", ())


def test_a_file_moved_on_one_side_and_changed_on_the_other():
    moved = {**{p: c for p, c in BASE.items() if p != "d/deep/three"}, "e/moved": (EXEC, "333")}
    changed = {**BASE, "d/deep/three": f("changed")}
    for one, other in ((moved, changed), (changed, moved)):
        done, flat, _ = merged(BASE, one, other)
        assert done.conflicts == ()
        assert flat["e/moved"] == "xchanged"
        assert "d/deep/three" not in flat


def test_a_move_that_is_not_certain_is_a_conflict():
    base = {"a": f("same"), "b": f("same")}
    done, _, _ = merged(base, {"c": f("same")}, {**base, "a": f("changed")})
    assert [found.path for found in done.conflicts] == ["a"]
    done, _, _ = merged({"a": f("1")}, {"b": f("1")}, {"a": f("2"), "b": f("taken")})
    assert {found.path for found in done.conflicts} == {"a", "b"}


def test_directories_that_become_empty():
    without = {p: c for p, c in BASE.items() if not p.startswith("d/")}
    assert "d/" not in merged(BASE, without, BASE)[1]
    emptied = {**without, "d/": f("")}
    assert merged(BASE, emptied, BASE)[1]["d/"] == DIR
    kept = merged(BASE, without, {**BASE, "d/added": f("+")})[1]
    assert {p for p in kept if p.startswith("d/")} == {"d/added"}
    all_gone = merged({"a": f("1"), "b": f("2")}, {"a": f("1")}, {"b": f("2")})
    assert all_gone[1] == {}


def test_without_a_base_what_one_side_has_is_added():
    done, flat, _ = merged(None, {"a": f("1"), "d/x": f("2")}, {"b": f("3"), "d/y": f("4"), "a": f("1")})
    assert (done.conflicts, set(flat)) == ((), {"a", "b", "d/x", "d/y"})


def test_a_tree_that_is_too_deep_is_refused():
    store = Store()

    def nested(leaf: str) -> Entry:
        entry = store.put({"f": f(leaf)})
        for _ in range(MAX_DEPTH + 2):
            data = manifest_format.encode(Manifest((entry._replace(name="d"),)))
            oid = Oid.of(data, Kind.MANIFEST)
            store.held[oid] = data
            entry = entry._replace(oid=oid)
        return entry

    with pytest.raises(LimitExceeded, match="directories on one path"):
        merge_trees(Three(nested("1"), nested("2"), nested("3")), Readers(store.get, store.get, store.get))
