"""Dropping roots: only old ones of this repository, of data that is named nowhere, and never most of them by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_kit import REPO, add, clone
from weft.errors import GcRefused
from weft.formats.root import root_name
from weft.objects.gc_forget import forget_roots
from weft.objects.remote import RemoteStore
from weft.objects.upload import push
from weft.storage.memory import MemoryStorage
from weft.util.clock import FakeClock

DAY = 86400.0


def test_old_roots_of_data_that_is_named_nowhere_go(tmp_path: Path) -> None:
    clock = FakeClock()
    storage = MemoryStorage(clock=clock)
    with clone(tmp_path) as store:
        remote = RemoteStore(storage, store.catalog, REPO, clock=clock)
        other = RemoteStore(storage, store.catalog, "cd" * 16, clock=clock)
        kept, gone, young = (add(store, {"x": name.encode()}, name) for name in ("kept", "gone", "young"))
        push(other, store, {"gone": gone})
        push(remote, store, {"kept": kept, "gone": gone})
        clock.advance(20 * DAY)
        push(remote, store, {"young": young})
        clock.advance(20 * DAY)
        keep = {kept.oid.hex()}
        key = remote.root_key(root_name(gone))
        before = {stat.key for stat in storage.list("")}
        assert forget_roots(remote, keep, 30 * DAY, dry_run=True) == (key,)
        assert {stat.key for stat in storage.list("")} == before
        assert forget_roots(remote, keep, 30 * DAY) == (key,)
        assert before - {stat.key for stat in storage.list("")} == {key}
        assert not store.catalog.root_seen(remote.place, root_name(gone))
        assert push(remote, store, {"gone": gone}).pointers[0].state == "pushed", "it can be pushed again"


def test_most_roots_go_only_when_that_is_allowed(tmp_path: Path) -> None:
    clock = FakeClock()
    storage = MemoryStorage(clock=clock)
    with clone(tmp_path) as store:
        remote = RemoteStore(storage, store.catalog, REPO, clock=clock)
        push(remote, store, {name: add(store, {"x": name.encode()}, name) for name in ("a", "b", "c")})
        clock.advance(DAY)
        with pytest.raises(GcRefused, match="3 of 3"):
            forget_roots(remote, set(), 0)
        assert len(remote.root_names()) == 3
        assert len(forget_roots(remote, set(), 0, most=True)) == 3
        assert not remote.root_names()
