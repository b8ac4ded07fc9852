from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import pseudo_random
from localstores import corrupt, filled, frame_of, only_pack, opened
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.verify import Level, Problem, verify_store


@pytest.fixture
def store(tmp_path: Path):
    with opened(tmp_path) as made:
        yield made


def _codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


@pytest.mark.parametrize("level", list(Level))
def test_a_sound_store_has_no_problems(store, level: Level):
    filled(store, *[b"%d" % number for number in range(100)], b"", pseudo_random(9_000_000, 1))
    filled(store, b"m" * 1000, pseudo_random(2_000_000, 2), kind=Kind.MANIFEST)
    told: list[tuple[int, int]] = []
    assert list(verify_store(store, level, lambda size, packs: told.append((size, packs)))) == []
    sizes = store.catalog.packs(LOCAL).values()
    assert sum(size for size, _ in told) == (sum(sizes) if level else 0)


def test_quick_compares_names_and_sizes(store, tmp_path: Path):
    filled(store, b"one")
    path = only_pack(store)
    os.chmod(path, 0o644)
    os.truncate(path, 50)
    assert _codes(list(verify_store(store, Level.QUICK))) == ["E_SIZE_MISMATCH"]
    os.unlink(path)
    assert _codes(list(verify_store(store, Level.QUICK))) == ["E_MISSING_OBJECT"]
    os.symlink("/etc/passwd", path)
    assert _codes(list(verify_store(store, Level.QUICK))) == ["E_CACHE_TAMPER"]


def test_a_pack_that_only_the_disk_knows_is_no_damage(store):
    filled(store, b"one")
    store.catalog.forget_objects()
    (problem,) = verify_store(store, Level.QUICK)
    assert (problem.code, problem.damaged) == ("E_CATALOG", False)


def test_scrub_finds_a_flipped_bit_in_a_frame_and_in_the_footer(store):
    one, two = filled(store, pseudo_random(5_000, 1), pseudo_random(5_000, 2))
    path = only_pack(store)
    corrupt(path, frame_of(store, two).offset + 4_999)
    (problem,) = verify_store(store, Level.SCRUB)
    assert (problem.code, problem.oid, problem.path, problem.damaged) == ("E_HASH_MISMATCH", two, path, True)
    corrupt(path, os.path.getsize(path) - 40)
    (problem,) = verify_store(store, Level.SCRUB)
    assert (problem.code, problem.oid) == ("E_INDEX", None)
    assert not store.missing((one,))


def test_scrub_finds_a_catalog_that_lies(store):
    filled(store, b"one", b"two")
    store.catalog.rows("UPDATE packs SET footer = substr(footer, 1, 60)")
    (problem,) = verify_store(store, Level.SCRUB)
    assert (problem.code, problem.damaged) == ("E_CATALOG", False)


def test_full_names_the_frame(store):
    oids = filled(store, pseudo_random(5_000, 1), b"text " * 1000, pseudo_random(5_000, 2))
    for oid in oids[1:]:
        corrupt(only_pack(store), frame_of(store, oid).offset + 20)
    found = list(verify_store(store, Level.FULL))
    assert [(problem.code, problem.oid) for problem in found] == [("E_HASH_MISMATCH", oid) for oid in oids[1:]]
    store.quarantine(found[0].pack, found[0].message)
    assert list(verify_store(store, Level.FULL)) == []
    assert store.missing(oids) == set(oids[1:])


def test_full_finds_what_the_checksums_hide(store):
    (oid,) = filled(store, pseudo_random(5_000, 1))
    name = next(iter(store.catalog.packs(LOCAL)))
    path = only_pack(store)
    # A pack that is consistent in itself but lies under the name of another.
    with open(path, "rb") as stream:
        assert list(verify_store(store, Level.FULL)) == []
        good = stream.read()
    other = Oid.of(b"another name")
    os.renames(path, store.pack_path(other))
    store.files.close()
    store.rebuild_catalog()
    assert list(verify_store(store, Level.SCRUB)) == []
    (problem,) = verify_store(store, Level.FULL)
    assert (problem.code, problem.pack, problem.oid) == ("E_HASH_MISMATCH", other, None)
    assert name != other
    assert good
    store.quarantine(other, problem.message)
    assert list(verify_store(store, Level.FULL)) == []
    assert store.read_frame(oid) == pseudo_random(5_000, 1)
