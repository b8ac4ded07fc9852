"""Sessions: when a push has to begin again because nobody protected it any more."""

from __future__ import annotations

from weft.objects.remote_session import LIFE, SURE, Session
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage
from weft.testing.faulty import Fault, FaultyStorage
from weft.util.clock import FakeClock


def test_a_short_push_asks_nothing_and_a_long_one_looks() -> None:
    clock = FakeClock()
    storage = CountingStorage(MemoryStorage())
    session = Session(storage, "ab" * 16, clock)
    session.begin()
    clock.advance(SURE)
    assert not session.lapsed()
    assert storage.requests["stat"] == 0
    clock.advance(LIFE)
    assert not session.lapsed(), "it is still there"
    assert storage.requests["stat"] == 1
    first = session.key
    storage.delete(first)
    assert session.lapsed()
    assert session.key != first
    assert storage.stat(session.key) is not None
    assert not session.lapsed()


def test_a_clock_that_goes_back_is_no_reason_to_be_sure() -> None:
    clock = FakeClock()
    storage = MemoryStorage()
    session = Session(storage, "ab" * 16, clock)
    session.begin()
    storage.delete(session.key)
    clock.advance(-2 * SURE)
    assert session.lapsed()


def test_who_may_not_delete_leaves_it_there() -> None:
    inner = MemoryStorage()
    storage = FaultyStorage(inner)
    storage.always("delete", Fault.PERMISSION)
    session = Session(storage, "ab" * 16, FakeClock())
    session.begin()
    session.end()
    assert [stat.key for stat in inner.list("sessions/")] == [session.key]
