"""Retries on a clock that only tests wind, and counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.errors import CredentialFault, KeyMissing, NetworkFault, StorageFault
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import FIRST_DELAY, LONGEST_DELAY, CountingStorage, RetryingStorage
from weft.testing.faulty import Fault, FaultyStorage
from weft.util.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def faulty() -> FaultyStorage:
    return FaultyStorage(MemoryStorage(), retry_after=3.0)


@pytest.fixture
def storage(faulty: FaultyStorage, clock: FakeClock) -> RetryingStorage:
    return RetryingStorage(faulty, clock)


def test_passing_failures_pass(storage: RetryingStorage, faulty: FaultyStorage, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"file")
    faulty.fail("*", Fault.RESET, Fault.ERROR_500)
    assert storage.write("a", b"data") is True
    for verb in ("read", "stat", "download", "upload", "delete", "list"):
        faulty.fail(verb, Fault.TIMEOUT, Fault.ERROR_500, Fault.RESET)
    assert storage.read("a") == b"data"
    assert storage.read("a", 1, 2) == b"at"
    assert storage.stat("a") is not None
    assert storage.download("a", str(tmp_path / "a")) == 4
    assert storage.upload("b", str(tmp_path / "f")) is True
    assert {found.key for found in storage.list("")} == {"a", "b"}
    storage.delete("a")
    assert storage.stat("a") is None


def test_attempts_are_bounded(storage: RetryingStorage, faulty: FaultyStorage, clock: FakeClock) -> None:
    faulty.always("read", Fault.RESET)
    with pytest.raises(NetworkFault) as caught:
        storage.read("a")
    assert len(faulty.calls) == 6
    assert "6 times" in caught.value.hint
    longest = sum(min(LONGEST_DELAY, FIRST_DELAY * 2**attempt) for attempt in range(5))
    assert sum(clock.slept) <= longest


def test_delays_are_jittered_and_grow(faulty: FaultyStorage) -> None:
    faulty.always("read", Fault.RESET)
    totals = []
    for _ in range(20):
        clock = FakeClock()
        with pytest.raises(NetworkFault):
            RetryingStorage(faulty, clock).read("a")
        totals.append(round(sum(clock.slept), 6))
    assert len(set(totals)) == 20
    assert max(totals) > 4


def test_retry_after_is_honoured(storage: RetryingStorage, faulty: FaultyStorage, clock: FakeClock) -> None:
    storage.write("a", b"x")
    faulty.fail("read", Fault.BUSY_503, Fault.BUSY_503)
    began = clock.now()
    assert storage.read("a") == b"x"
    assert clock.now() - began >= 6


def test_total_time_is_bounded(clock: FakeClock) -> None:
    faulty = FaultyStorage(MemoryStorage(), retry_after=120)
    faulty.always("read", Fault.BUSY_503)
    began = clock.now()
    with pytest.raises(StorageFault):
        RetryingStorage(faulty, clock).read("a")
    assert clock.now() - began <= 300
    assert len(faulty.calls) == 3


@pytest.mark.parametrize(("fault", "kind"), [(Fault.PERMISSION, CredentialFault), (Fault.GONE, KeyMissing)])
def test_refusals_are_final(
    storage: RetryingStorage, faulty: FaultyStorage, clock: FakeClock, fault: Fault, kind: type[Exception]
) -> None:
    faulty.fail("read", fault)
    with pytest.raises(kind):
        storage.read("a")
    assert len(faulty.calls) == 1
    assert clock.slept == []


def test_a_lost_reply_is_harmless(storage: RetryingStorage, faulty: FaultyStorage, tmp_path: Path) -> None:
    faulty.fail("write", Fault.LOST_REPLY)
    assert storage.write("a", b"x", create=True) is False
    assert storage.read("a") == b"x"
    faulty.fail("download", Fault.LOST_REPLY)
    with pytest.raises(Exception, match="exists"):  # the file of a download that did succeed is not overwritten
        storage.download("a", str(tmp_path / "a"))


def test_a_listing_that_breaks_goes_on(clock: FakeClock) -> None:
    inner = MemoryStorage()
    for number in range(10):
        inner.write(f"k{number}", b"x")

    class Breaking(FaultyStorage):
        broke = 0

        def list(self, prefix: str):  # type: ignore[no-untyped-def]
            for position, found in enumerate(super().list(prefix)):
                if position == 3 * self.broke + 3 and self.broke < 2:
                    self.broke += 1
                    raise NetworkFault("cut")
                yield found

    keys = [found.key for found in RetryingStorage(Breaking(inner), clock).list("")]
    assert sorted(keys) == [f"k{number}" for number in range(10)]


def test_nothing_is_repeated_after_close(faulty: FaultyStorage) -> None:
    faulty.always("read", Fault.RESET)

    class Closing(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            storage.close()

    clock = Closing()
    storage = RetryingStorage(faulty, clock)
    with pytest.raises(NetworkFault):
        storage.read("a")
    assert len(faulty.calls) == 1
    assert sum(clock.slept) <= 0.2


def test_an_interrupt_is_not_a_failure_to_repeat(faulty: FaultyStorage) -> None:
    faulty.always("read", Fault.RESET)

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RetryingStorage(faulty, Interrupted()).read("a")
    assert len(faulty.calls) == 1


def test_counts(tmp_path: Path) -> None:
    storage = CountingStorage(MemoryStorage())
    (tmp_path / "f").write_bytes(b"12345")
    storage.write("a", b"123")
    storage.upload("b", str(tmp_path / "f"))
    storage.read("a")
    storage.read("b", 1, 2)
    storage.download("b", str(tmp_path / "b"))
    storage.stat("a")
    assert len(list(storage.list(""))) == 2
    storage.delete("a")
    with pytest.raises(KeyMissing):
        storage.read("a")
    assert storage.requests == {
        "write": 1,
        "upload": 1,
        "read": 3,
        "download": 1,
        "stat": 1,
        "list": 1,
        "delete": 1,
    }
    assert +storage.sent == {"write": 3, "upload": 5}
    assert +storage.received == {"read": 5, "download": 5}
