"""A catalog that is damaged so that nothing else notices: it is found, set aside, and made again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from localstores import filled, opened
from weft.errors import CatalogDamaged
from weft.objects.catalog import LOCAL
from weft.objects.catalog_check import fault_of
from weft.objects.store import LocalStore
from weft.workflows.project import open_project
from weft.workspace.statcache import DirRow, StatCache, Tracked

DAMAGE = (
    "UPDATE packs SET name = substr(name, 2)",
    "UPDATE packs SET footer = substr(footer, 61)",
    "UPDATE packs SET footer = zeroblob(length(footer))",
    "UPDATE frames SET kind = 9",
    "UPDATE frames SET raw = raw + 1 WHERE rowid_of = 1",
    "DELETE FROM frames WHERE oid = (SELECT min(oid) FROM frames)",
    "INSERT INTO frames SELECT oid, 999, offset, stored, raw, kind, codec, xxh3 FROM frames LIMIT 1",
    "UPDATE frames SET oid = x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'"
    " WHERE oid = (SELECT min(oid) FROM frames)",
    "INSERT INTO held VALUES (0, 999)",
    "INSERT INTO held VALUES (999, 1)",
    "INSERT INTO segments VALUES (0, x'00')",
    "UPDATE recipes SET proved = 7",
    "UPDATE recipes SET recipe = x'00'",
    "INSERT INTO roots_seen VALUES (999, 'x')",
    "UPDATE tracked SET oid = x'00'",
    "UPDATE tracked SET oid = NULL",
    "UPDATE dirs SET oids = substr(oids, 2)",
    "UPDATE dirs SET names = NULL",
)


def sound(tmp_path: Path) -> LocalStore:
    store = opened(tmp_path)
    oid, _ = filled(store, b"one", pseudo_random(900_000, 1))
    row = DirRow.make([("f", bytes(41), oid)], oid, True, 0)
    StatCache(store.catalog, "1").record("data", {"": row}, tracked=Tracked(oid))
    return store


def test_a_sound_catalog_has_no_fault(tmp_path: Path) -> None:
    with sound(tmp_path) as store:
        assert fault_of(store.catalog) == ""


@pytest.mark.parametrize("sql", DAMAGE)
def test_wrong_rows_are_found_and_the_catalog_is_made_again(tmp_path: Path, sql: str) -> None:
    with sound(tmp_path) as store:
        before = store.catalog.packs(LOCAL)
        (least,) = store.catalog.rows("SELECT min(oid) FROM frames")
        store.catalog.rows(sql.replace("rowid_of = 1", "oid = ?"), least if "rowid_of" in sql else ())
        why = fault_of(store.catalog)
        assert why
        store.rebuild_catalog(why)
        assert fault_of(store.catalog) == ""
        assert store.catalog.packs(LOCAL) == before
    assert os.path.exists(tmp_path / "catalog.sqlite.damaged-1")


def test_pages_that_changed_places_are_found(tmp_path: Path) -> None:
    with sound(tmp_path) as store:
        filled(store, *(b"%d" % number for number in range(500)))
    path = tmp_path / "catalog.sqlite"
    data = bytearray(path.read_bytes())
    last = len(data) - 4096
    data[4096:8192], data[last:] = data[last:], data[4096:8192]
    path.write_bytes(data)
    with opened(tmp_path) as store:
        assert fault_of(store.catalog) == "SQLite finds it damaged"
        store.rebuild_catalog("pages")
        assert fault_of(store.catalog) == ""
        assert store.catalog.packs(LOCAL)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo")
    made.write({f"data/{n}": b"%d" % n for n in range(5)})
    made.weft("add", "data")
    made.commit()
    return made


def broken(repo: Repo) -> None:
    with open_project(str(repo.root)) as project:
        project.catalog.rows("UPDATE frames SET kind = 9")


def test_a_command_that_meets_wrong_rows_makes_the_catalog_again_once(repo: Repo) -> None:
    broken(repo)
    (repo.root / "data" / "0").unlink()
    ran = repo.weft("checkout", code=4)
    assert "E_CATALOG" in ran.err
    assert "run the command again" in ran.err
    repo.weft("checkout")
    assert (repo.root / "data" / "0").read_bytes() == b"0"


def test_doctor_and_verify_find_it_too(repo: Repo) -> None:
    for command in (("doctor",), ("verify", "--quick")):
        broken(repo)
        assert "is made again from the packs" in repo.weft(*command, code=None).err
        repo.weft("add", "data")


@pytest.mark.parametrize("error", [TypeError, CatalogDamaged])
def test_an_error_while_the_catalog_is_sound_stays_what_it_is(repo: Repo, error: type[Exception]) -> None:
    with pytest.raises(error, match="mine"), open_project(str(repo.root)):
        raise error("mine")
