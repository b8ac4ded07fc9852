"""Packs of the local store that are gone: verify finds them, and add and repair have the bytes from the workspace."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from weft.errors import ObjectMissing
from weft.model.oid import Oid
from weft.objects.store import LocalStore, open_store


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"d/a": pseudo_random(50_000, 1), "d/in/b": pseudo_random(300_000, 2), "f": b"f\n"})
    repo.weft("add", "d", "f")
    repo.commit("data")
    time.sleep(2.1)  # older files are known by their status
    repo.weft("status")
    return repo


def _lose(repo: Repo, store: Path | None = None) -> None:
    for pack in ((store or repo.root / ".git/weft/store") / "packs").glob("*/*.pack"):
        pack.unlink()


def _store(repo: Repo) -> LocalStore:
    return open_store(str(repo.root / ".git/weft/store"), str(repo.root / ".git/weft/catalog.sqlite"))


def test_verify_finds_packs_that_are_gone_and_repairs_from_the_workspace(repo: Repo) -> None:
    _lose(repo)
    assert "no damage found" not in repo.weft("verify", code=4).out
    assert "repaired" in repo.weft("verify", "--repair").out  # though the catalog has forgotten the packs by now
    _lose(repo)
    assert "all is whole now" in repo.weft("verify", "--repair").out
    repo.weft("verify", "--full")
    repo.weft("push")


def test_add_stores_again_what_was_lost(repo: Repo) -> None:
    _lose(repo)
    assert repo.weft("add", "f").out.startswith("unchanged  f")
    assert repo.weft("add", "d").out.startswith("unchanged  d")
    repo.weft("push")
    repo.weft("verify", "--full")


def test_the_hint_of_a_push_stores_a_part_that_was_lost(repo: Repo) -> None:
    repo.write({"d/c": pseudo_random(70_000, 3)})
    before = set((repo.root / ".git/weft/store/packs").glob("*/*.pack"))
    repo.weft("add", "d")
    repo.commit("more")
    for pack in before:
        pack.unlink()
    assert "weft add --force" in repo.weft("push", code=4).err
    repo.weft("add", "--force", "d", "f")
    repo.weft("push")


@pytest.mark.parametrize("first", [("verify",), ("cat", "f"), ("push",), ("gc",)], ids=lambda words: words[0])
def test_lost_packs_are_told_of_until_something_brings_or_settles_it(repo: Repo, first: tuple[str, ...]) -> None:
    _lose(repo)
    repo.weft(*first, code=None)
    for _again in range(2):
        told = repo.weft("verify", "--json", code=4).json["data"]
        assert {path for one in told["findings"] for path in one["pointers"]} == {"d", "f"}
    doctor = repo.weft("doctor", "--json", code=None).json["data"]["probes"]
    assert ("quarantine", "fail", "weft verify --repair") in [
        (one["name"], one["state"], one["hint"]) for one in doctor
    ]
    repo.weft("verify", "--repair")
    assert "no damage found" in repo.weft("verify").out


def test_a_catalog_that_is_filled_again_keeps_what_was_lost(repo: Repo) -> None:
    _lose(repo)
    with _store(repo) as store:
        store.rebuild_catalog()
    repo.weft("verify", code=4)


def test_add_settles_what_was_lost(repo: Repo) -> None:
    _lose(repo)
    repo.weft("cat", "f", code=4)
    repo.weft("verify", code=4)
    repo.weft("add", "f")
    repo.weft("add", "d")
    assert "no damage found" in repo.weft("verify").out


def test_a_purge_gives_up_what_was_lost(repo: Repo) -> None:
    _lose(repo)
    with _store(repo) as store, pytest.raises(ObjectMissing) as caught:
        store.read_frame(Oid.of(b"f\n"))
    assert caught.value.hint == "run: weft fetch, or weft verify --repair"
    repo.weft("verify", code=4)
    repo.weft("verify", "--purge", "0")
    told = repo.weft("verify").out
    assert "`weft fetch` brings what is on the remote, `weft verify --repair` also what the workspace has" in told


def test_what_a_remote_has_is_lost_until_it_is_fetched_and_what_is_dropped_then_is_not(repo: Repo) -> None:
    repo.weft("push")
    _lose(repo)
    repo.weft("cat", "f")  # fetches it
    told = repo.weft("verify", "--json", code=4).json["data"]
    assert [one["pointers"] for one in told["findings"]] == [["d"]]
    repo.weft("fetch")
    assert "no damage found" in repo.weft("verify", "--full").out
    repo.weft("drop", "--store", "d", "f")
    told = repo.weft("verify").out
    assert "d: 3 objects not in the local store" in told
    assert "no damage found" in told


def test_packs_that_another_clone_removed_from_a_shared_store_are_no_loss(repo: Repo, tmp_path: Path) -> None:
    common = tmp_path / "common"
    repo.weft("config", "set", "--private", "store.dir", str(common))
    repo.weft("add", "--force", "d", "f")
    repo.write({"extra": pseudo_random(60_000, 7)})
    repo.weft("add", "extra")
    other = repo.clone(tmp_path / "other")
    other.weft("init", "--store", str(common))
    other.weft("verify", "--full")  # its catalog knows all packs
    repo.weft("rm", "--force", "extra")
    repo.git("rm", "-q", "--cached", "--ignore-unmatch", "extra.weft")
    before = set(common.glob("packs/*/*.pack"))
    repo.weft("gc", "--unshared", "--grace", "0")
    assert set(common.glob("packs/*/*.pack")) < before
    other.write({"new": b"new\n"})
    other.weft("add", "new")  # its catalog is brought in line with what is there
    assert (common / "quarantine.log").exists()
    assert "no damage found" in other.weft("verify").out
    _lose(other, common)
    assert "not in the local store" in other.weft("verify", code=4).out
    other.weft("verify", code=4)
