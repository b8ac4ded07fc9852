"""The catalog knows less than the packs, or was told a lie by what was fetched: no command is misled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import Repo, pseudo_random, snapshot
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.model.recipe import Recipe
from weft.objects.store import LocalStore, open_store


@contextmanager
def _store(repo: Repo) -> Iterator[LocalStore]:
    state = repo.root / ".git/weft"
    with open_store(str(state / "store"), str(state / "catalog.sqlite")) as store:
        yield store


@pytest.mark.parametrize("verb", ["push", "checkout", "cat", "status"])
def test_a_power_cut_took_what_the_catalog_learned_last(tmp_path: Path, verb: str) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    state = repo.root / ".git/weft"
    repo.write({"data/a.txt": b"one"})
    repo.weft("add", "data")
    repo.commit("one")
    kept = {path: path.read_bytes() for path in state.glob("catalog.sqlite*")}
    repo.write({"data/a.txt": b"two", "data/big.bin": pseudo_random(3_000_000, 1)})
    repo.weft("add", "data")
    repo.commit("two")
    before = snapshot(repo.root / "data")
    for path in state.glob("catalog.sqlite*"):
        path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    if verb == "push":
        repo.weft("push")
        clone = repo.clone(tmp_path / "clone")
        clone.weft("pull")
        assert snapshot(clone.root / "data") == before
    elif verb == "checkout":
        shutil.rmtree(repo.root / "data")
        repo.weft("checkout")
        assert snapshot(repo.root / "data") == before
    elif verb == "cat":
        oid = Oid.of(pseudo_random(3_000_000, 1))
        assert len(repo.weft("cat", f"blake3:{oid.hex()}", "--start", "5").out) > 0
        assert repo.weft("cat", "data/a.txt").out == "two"
    else:
        assert repo.weft("status", "--exit-code").code == 0


def _plant(repo: Repo, oid: Oid, data: bytes) -> None:
    """A recipe of ``oid`` that rebuilds ``data``, as it comes with a fetched pack."""
    with _store(repo) as store:
        with store.writer() as writer:
            chunks = [(writer.add_object(Kind.CHUNK, part), len(part)) for part in (data[:9], data[9:])]
            lie = recipe_format.encode(Recipe(oid, len(data), tuple(chunks)))
            recipe = writer.add_object(Kind.RECIPE, lie)
        store.catalog.add_recipes({oid: recipe})


def test_planted_bytes_are_not_handed_out_by_their_false_name(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    oid = Oid.of(b"what you asked for")
    _plant(repo, oid, b"planted, planted")
    part = repo.weft("cat", f"blake3:{oid.hex()}", "--length", "5", code=4)
    assert part.out == ""
    assert "E_HASH_MISMATCH" in part.err
    _plant(repo, oid, b"planted, planted")
    assert "E_HASH_MISMATCH" in repo.weft("cat", f"blake3:{oid.hex()}", code=4).err


def test_a_planted_recipe_does_not_replace_bytes_that_are_nowhere_else(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a.bin": b"first"})
    repo.weft("add", "data")
    repo.commit("one")
    repo.write({"data/a.bin": b"precious"})
    _plant(repo, Oid.of(b"precious"), b"planted, planted")
    assert "E_UNSAVED" in repo.weft("checkout", code=3).err
    assert (repo.root / "data/a.bin").read_bytes() == b"precious"


def test_a_planted_recipe_gets_into_no_layout(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    data = bytes(100_000)
    repo.write({"data/zeros": data})
    repo.weft("add", "data")
    pointer = (repo.root / "data.weft").read_text()
    _plant(repo, Oid.of(data), b"planted, planted")
    repo.write({"data/x": b"new"})
    repo.weft("add", "data")
    assert (repo.root / "data.weft").read_text() != pointer
    with _store(repo) as store:
        assert not store.missing([Oid.of(data)]), "the content is one frame"
    assert "layout" not in (repo.root / "data.weft").read_text()
