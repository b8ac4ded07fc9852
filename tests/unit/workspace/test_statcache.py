"""Rows of the stat cache."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.model.oid import Oid
from weft.objects.catalog import Catalog
from weft.workspace import statcache
from weft.workspace.statcache import DirRow, StatCache, Tracked
from weft.workspace.stats import DIR_STAT, GONE, RACY_NS, STAT

NOW = 1_700_000_000_000_000_000
OLD = NOW - 10 * RACY_NS
A, B = Oid.of(b"a"), Oid.of(b"b")


def packed(mtime=OLD, ctime=OLD, size=1, kind="f"):
    return STAT.pack(1, 2, size, mtime, ctime, ord(kind))


@pytest.fixture
def cache(tmp_path):
    with Catalog.open(str(tmp_path / "catalog")) as catalog:
        yield StatCache(catalog, 7)


def test_a_row_comes_back_as_it_was_written(cache):
    row = DirRow.make([("a", packed(), A), ("b", packed(), B)], A, True, NOW)
    cache.record("data", {"": row, "sub/x": row}, tracked=Tracked(A, B))
    state = cache.load("data")
    assert state.tracked == Tracked(A, B)
    assert state.rows == {"": row, "sub/x": row}
    assert state.rows[""].partial
    assert state.was_here("sub/x", "a")
    assert not state.was_here("sub", "a")


def test_neighbours_with_a_common_prefix_are_not_mixed_up(cache):
    row = DirRow.make([], A, False, NOW)
    for path in ("data", "data-2", "data0", "dat", "data/in"):
        cache.record(path, {"": row})
    cache.record("data.x", {"sub": row}, tracked=Tracked(A))
    assert set(cache.load("data").rows) == {"", "in"}
    cache.forget("data")
    assert cache.load("data").rows == {}
    assert set(cache.load("data-2").rows) == {""}
    assert set(cache.load("data0").rows) == {""}
    assert cache.tracked_paths() == {"data.x": Tracked(A)}


def test_two_work_trees_do_not_see_each_other(tmp_path):
    row = DirRow.make([], A, False, NOW)
    with Catalog.open(str(tmp_path / "catalog")) as catalog:
        StatCache(catalog, 1).record("data", {"": row}, tracked=Tracked(A))
        assert StatCache(catalog, 2).load("data").tracked is None


@pytest.mark.parametrize(("ahead", "known"), [(0.0, True), (-3.0, True), (0.9, True), (1.5, False), (90.0, False)])
def test_a_clock_that_is_ahead_of_the_file_system_s_makes_files_younger(tmp_path, monkeypatch, ahead, known):
    real = time.time_ns
    monkeypatch.setattr(statcache, "now_ns", lambda: real() + int(ahead * 1e9))
    age = RACY_NS + int((max(ahead, 0.0) + (2.0 if known else -0.5)) * 1e9)
    row = DirRow.make([("a", packed(statcache.now_ns() - age, 0), A)], None, False, statcache.now_ns())
    os.mkdir(tmp_path / "d")
    with Catalog.open(str(tmp_path / "catalog")) as catalog:
        cache = StatCache(catalog, 1, top=str(tmp_path))
        cache.record("d/data", {"": row})
        cache.record("d/more", {"": row})
        assert cache.load("d/data").rows[""].known(["a"], [row.stats]) == [A if known else None]
        assert cache.load("d/data").rows[""].oids == cache.load("d/more").rows[""].oids
    assert os.listdir(tmp_path / "d") == []


@pytest.mark.parametrize("young", ["mtime", "ctime"])
def test_a_young_file_keeps_its_name_but_not_its_oid(young):
    fresh = packed(**{young: NOW - RACY_NS})
    row = DirRow.make([("a", packed(), A), ("b", fresh, B)], A, False, NOW)
    assert row.manifest == b""
    assert row.known(["a", "b"], [packed(), fresh]) == [A, None]
    assert "b" in row.index
    settled = DirRow.make([("a", packed(), A), ("b", fresh, B)], A, False, NOW + 1)
    assert settled.manifest == A


def test_an_oid_counts_only_for_the_very_same_status():
    row = DirRow.make([("a", packed(), A)], A, False, NOW)
    changes = [packed(mtime=OLD + 1), packed(ctime=OLD + 1), packed(size=2), packed(kind="x"), GONE]
    assert [row.known(["a"], [change]) for change in changes] == [[None]] * 5
    assert row.known(["a", "b"], [packed(), packed()]) == [A, None]


def test_a_gone_or_unknown_entry_spoils_the_agreement():
    assert DirRow.make([("a", GONE, None)], A, False, NOW).manifest == b""
    assert DirRow.make([("a", packed(), None)], A, False, NOW).manifest == b""
    assert DirRow.make([("d", DIR_STAT, B)], A, False, NOW).manifest == A


def test_whole_replaces_all_rows_and_drop_some(cache):
    row = DirRow.make([], A, False, NOW)
    cache.record("data", {"": row, "a": row, "a/b": row, "ab": row})
    cache.drop("data", ["a"])
    assert set(cache.load("data").rows) == {"", "ab"}
    cache.record("data", {"c": row}, whole=True)
    assert set(cache.load("data").rows) == {"c"}


def test_a_move_takes_everything_along(cache):
    row = DirRow.make([("a", packed(), A)], A, False, NOW)
    cache.record("old", {"": row, "s": row}, tracked=Tracked(A))
    cache.move("old", "x/new")
    assert cache.load("old").tracked is None
    assert cache.load("x/new").rows == {"": row, "s": row}
    assert cache.load("x/new").tracked == Tracked(A)


def test_a_row_that_contradicts_itself_is_not_used(cache):
    cache.record("data", {"": DirRow(b"a\0b", bytes(41), bytes(64)), "x": DirRow(b"a", bytes(41), bytes(32), b"short")})
    assert cache.load("data").rows == {}


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1),
        st.tuples(st.binary(min_size=32, max_size=32).filter(any), st.integers(0, 2**64 - 1)),
    )
)
def test_any_names_and_oids_are_found_again(entries):
    items = [(name, packed(size=size), Oid(oid)) for name, (oid, size) in sorted(entries.items())]
    row = DirRow.make(items, None, False, NOW)
    assert row.known([i[0] for i in items], [i[1] for i in items]) == [i[2] for i in items]


def test_an_aged_row_forgets_what_was_young():
    packed = [STAT.pack(1, at, 5, 10 * 10**9, 10 * 10**9 + at * 10**9, ord("f")) for at in range(3)]
    entries = [("a", packed[0], b"1" * 32), ("b", packed[2], b"2" * 32), ("d", DIR_STAT, b"3" * 32)]
    row = DirRow.make(entries, Oid(b"m" * 32), False, 1 << 62)
    assert (row.oids, row.manifest) == (b"1" * 32 + b"2" * 32 + b"3" * 32, b"m" * 32)
    now = 13 * 10**9
    aged = row.aged(now)
    assert (aged.oids, aged.manifest, aged.recorded) == (b"1" * 32 + bytes(32) + b"3" * 32, b"", now)
    assert aged == DirRow.make(entries, Oid(b"m" * 32), False, now)
    assert row.aged(15 * 10**9).manifest == b"m" * 32
