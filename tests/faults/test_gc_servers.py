"""A collection on real servers, whose clocks, listings and deletions are theirs. Only the days are ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from transfer_kit import REPO, add, clone, noise, read_tree, small_tree
from weft.model.remote import RemoteSpec
from weft.objects.download import fetch
from weft.objects.gc_remote import CONDEMNED, DELETED, CollectOptions, collect
from weft.objects.remote import RemoteStore
from weft.objects.upload import push
from weft.storage.base import ObjectStat, Storage
from weft.storage.locate import open_backend

DAY = 86400.0


class Older:
    """A storage whose objects seem to be as many days older as they were told to be."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self._ages: dict[str, float] = {}

    def days_pass(self, days: float) -> None:
        """Everything that is there now gets older."""
        for found in self._inner.list(""):
            self._ages[found.key] = self._ages.get(found.key, 0.0) + days * DAY

    def stat(self, key: str) -> ObjectStat | None:
        found = self._inner.stat(key)
        return None if found is None else self._shift(found)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        return map(self._shift, self._inner.list(prefix))

    def _shift(self, found: ObjectStat) -> ObjectStat:
        return found._replace(modified=found.modified - self._ages.get(found.key, 0.0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture(params=["seaweed", "gcs"])
def storage(request: pytest.FixtureRequest) -> Iterator[Older]:
    server = request.getfixturevalue(request.param)
    opened = open_backend(RemoteSpec("origin", server.fresh_url(), server.endpoint), base_dir="/")
    yield Older(opened)
    opened.close()


def test_garbage_goes_in_two_runs_and_what_is_needed_stays(tmp_path: Path, storage: Older) -> None:
    with clone(tmp_path / "a") as store, clone(tmp_path / "b") as other:
        remote = RemoteStore(storage, store.catalog, REPO)
        kept, gone = add(store, small_tree(seed=1), "kept"), add(store, {"big": noise(2_000_000)}, "gone")
        push(remote, store, {"kept": kept})
        push(remote, store, {"gone": gone})
        for found in storage.list("roots/"):
            if gone.oid.hex() in found.key:
                storage.delete(found.key)
        assert not collect(remote, store).fates, "too young"
        storage.days_pass(3)
        options = CollectOptions(most=True)
        first = collect(remote, store, options=options)
        assert {one.fate for one in first.fates} == {CONDEMNED}
        storage.days_pass(2.01)
        second = collect(remote, store, options=options)
        assert {one.fate for one in second.fates} == {DELETED}
        assert {one.pack for one in second.fates} == {one.pack for one in first.fates}
        assert second.packs - sum(1 for _ in storage.list("packs/")) == len(second.fates)
        fetch(RemoteStore(storage, other.catalog, REPO), other, {"kept": kept})
        assert read_tree(other, kept) == read_tree(store, kept)
        assert list(storage.list("sessions/")) == []
