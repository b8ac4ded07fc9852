"""Where frames lie: by footers and by walks, always the same as the catalog says of each oid alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import pseudo_random
from localstores import opened
from weft.model.entry import RAW, Frame, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL, Catalog, FrameRows
from weft.objects.pack_places import FEW, PackPlaces

OIDS = [Oid.of(b"%d" % number) for number in range(3000)]


def pack_of(name: int, numbers: list[int]) -> PackInfo:
    """A pack of frames of ten bytes."""
    frames = [
        Frame(OIDS[number], 16 + 10 * at, 10, 10, Kind.CHUNK, RAW, name << 32 | number)
        for at, number in enumerate(numbers)
    ]
    return PackInfo(Oid.of(b"pack %d" % name), 48 + 70 * len(frames), tuple(frames))


def counted(catalog: Catalog) -> list[str]:
    """The statements that the catalog runs from now on."""
    seen: list[str] = []
    catalog.rows("SELECT 1")
    assert catalog._connection is not None
    catalog._connection.set_trace_callback(seen.append)
    return seen


packs = st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=150, unique=True), min_size=1, max_size=8)
asked = st.lists(st.lists(st.integers(0, 500), max_size=120, unique=True), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(packs, packs, asked)
def test_what_is_found_is_a_copy_that_the_catalog_knows(
    tmp_path_factory: pytest.TempPathFactory, here: list[list[int]], there: list[list[int]], groups: list[list[int]]
):
    with Catalog.open(str(tmp_path_factory.mktemp("c") / "c.sqlite")) as catalog:
        catalog.add_packs([pack_of(at, numbers) for at, numbers in enumerate(here)], LOCAL)
        catalog.add_packs([pack_of(100 + at, numbers) for at, numbers in enumerate(there)], catalog.place("r"))
        places = PackPlaces(catalog)
        for group in groups:
            oids = [OIDS[number] for number in group]
            known = catalog.locate(oids, LOCAL)
            found = places.locate(oids)
            assert found.keys() == known.keys()
            assert all(copy in known[oid] for oid, copy in found.items())


def test_neighbours_cost_two_statements_once(tmp_path: Path):
    with Catalog.open(str(tmp_path / "c.sqlite")) as catalog:
        catalog.add_packs([pack_of(0, list(range(2000)))], LOCAL)
        places = PackPlaces(catalog)
        seen = counted(catalog)
        for start in range(0, 2000, 200):
            assert len(places.locate(OIDS[start : start + 200])) == 200
        assert len(seen) == 2


def test_footers_are_not_read_on_and_on_where_neighbours_are_scattered(tmp_path: Path):
    with Catalog.open(str(tmp_path / "c.sqlite")) as catalog:
        catalog.add_packs([pack_of(at, list(range(at, 3000, 60))) for at in range(60)], LOCAL)
        places = PackPlaces(catalog)
        for start in range(0, 3000, 300):
            assert len(places.locate(OIDS[start : start + 300])) == 300
        seen = counted(catalog)
        places.locate(OIDS[1000:1300])
        assert not [text for text in seen if "footer" in text]


def test_footers_are_not_read_again_and_again_where_many_packs_take_turns(tmp_path: Path):
    with Catalog.open(str(tmp_path / "c.sqlite")) as catalog:
        catalog.add_packs([pack_of(at, list(range(at * 500, at * 500 + 500))) for at in range(6)], LOCAL)
        places = PackPlaces(catalog)
        for start in range(0, 200, 40):
            group = [OIDS[at * 500 + start + one] for at in range(6) for one in range(40)]
            assert len(places.locate(group)) == 240
        seen = counted(catalog)
        places.locate([OIDS[at * 500 + 300 + one] for at in range(6) for one in range(40)])
        assert not [text for text in seen if "footer" in text]


@pytest.mark.parametrize(
    "damage",
    [
        "substr(footer, 1, 4321)",
        "CAST(substr(footer, 1, 48) || x'09' || substr(footer, 50) AS BLOB)",
        "CAST(x'00' || substr(footer, 2) AS BLOB)",
        "x''",
    ],
    ids=["cut", "unknown kind", "another name", "empty"],
)
def test_a_damaged_footer_in_the_catalog_costs_time_and_no_answer(tmp_path: Path, damage: str):
    with Catalog.open(str(tmp_path / "c.sqlite")) as catalog:
        pack = pack_of(0, list(range(100)))
        catalog.add_packs([pack], LOCAL)
        catalog.rows(f"UPDATE packs SET footer = {damage}")
        found = PackPlaces(catalog).locate(OIDS[:100])
        assert {oid: copy.frame for oid, copy in found.items()} == {frame.oid: frame for frame in pack.frames}


def test_a_pack_that_moved_is_read_where_it_is_now(tmp_path: Path):
    pieces = [pseudo_random(100, number) for number in range(2 * FEW)]
    with opened(tmp_path) as store:
        with store.writer() as writer:
            oids = [writer.add_object(Kind.CHUNK, piece) for piece in pieces]
        assert dict(store.read_many(oids, Kind.CHUNK)) == dict(zip(oids, pieces, strict=True))
        (old,) = store.catalog.packs(LOCAL)
        path = Path(store.pack_path(old))
        data = bytearray(path.read_bytes())
        data[16] ^= 1  # the first piece
        path.chmod(0o600)
        path.write_bytes(data)
        store.quarantine(old, "damaged by the test")
        assert old not in store.catalog.packs(LOCAL)
        assert dict(store.read_many(oids[1:], Kind.CHUNK)) == dict(zip(oids[1:], pieces[1:], strict=True))
        assert store._reader._places is not None
        assert old not in store._reader._places._footers


@settings(max_examples=60, deadline=None)
@given(packs, packs, st.lists(st.integers(0, 500), min_size=1, max_size=200, unique=True))
def test_a_walk_finds_what_asking_for_each_finds(
    tmp_path_factory: pytest.TempPathFactory, here: list[list[int]], there: list[list[int]], wanted: list[int]
):
    oids = sorted(OIDS[number] for number in wanted)
    with Catalog.open(str(tmp_path_factory.mktemp("c") / "c.sqlite")) as catalog:
        catalog.add_packs([pack_of(at, numbers) for at, numbers in enumerate(here)], LOCAL)
        catalog.add_packs([pack_of(100 + at, numbers) for at, numbers in enumerate(there)], catalog.place("r"))
        for place, kind in ((None, None), (LOCAL, None), (None, Kind.CHUNK), (LOCAL, Kind.LAYOUT)):
            each = [row for oid in oids for row in FrameRows(catalog, place, kind).of([oid])]
            assert bool(each) <= (kind is not Kind.LAYOUT)
            for least in (1, 10**9):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("weft.objects.catalog._LEAST_WALKED", least)
                    assert FrameRows(catalog, place, kind).of(oids) == each


def test_many_neighbours_are_walked_and_few_among_many_looked_up(tmp_path: Path):
    with Catalog.open(str(tmp_path / "c.sqlite")) as catalog:
        catalog.add_packs([pack_of(0, list(range(3000)))], LOCAL)
        ordered = sorted(OIDS)
        seen = counted(catalog)
        dense, sparse = FrameRows(catalog), FrameRows(catalog)
        assert len(dense.of(ordered[500:1000])) == 500
        assert len(sparse.of(ordered[::6])) == 500
        assert len(sparse.of(ordered[::6])) == 500
        assert ["BETWEEN" in text for text in seen] == [True, True, False, False]


def test_what_other_places_hold_is_not_walked_over_to_the_end(tmp_path: Path):
    """Few objects, none of them here, among the many that a remote holds."""
    oids = sorted(Oid.of(b"there %d" % number) for number in range(20_000))
    frames = [Frame(oid, 16 + 10 * at, 10, 10, Kind.CHUNK, RAW, at) for at, oid in enumerate(oids)]
    with Catalog.open(str(tmp_path / "c.sqlite")) as catalog:
        catalog.add_packs([PackInfo(Oid.of(b"pack"), 48 + 70 * len(frames), tuple(frames))], catalog.place("r"))
        connection = catalog._connection
        assert connection is not None
        taken: list[int] = []
        connection.set_progress_handler(lambda: taken.append(1), 100)
        assert len(catalog.missing(oids[::40], LOCAL)) == 500
        connection.set_progress_handler(None, 0)
    assert len(taken) < 500  # 100 steps of SQLite's machine for each; walking over the others would take some 400
