"""Every fault does what its name says, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.errors import CredentialFault, KeyMissing, NetworkFault, StorageFault
from weft.storage.memory import MemoryStorage
from weft.testing.faulty import HTML, Fault, FaultyStorage


@pytest.fixture
def inner() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def faulty(inner: MemoryStorage) -> FaultyStorage:
    return FaultyStorage(inner)


@pytest.mark.parametrize(
    ("fault", "kind", "wait"),
    [
        (Fault.RESET, NetworkFault, 0),
        (Fault.TIMEOUT, NetworkFault, 0),
        (Fault.ERROR_500, StorageFault, 0),
        (Fault.BUSY_503, StorageFault, 3),
        (Fault.PERMISSION, CredentialFault, 0),
        (Fault.GONE, KeyMissing, 0),
    ],
)
def test_failures_before_the_request(
    inner: MemoryStorage, faulty: FaultyStorage, fault: Fault, kind: type[Exception], wait: float
) -> None:
    faulty.fail("write", fault)
    with pytest.raises(kind) as caught:
        faulty.write("a", b"x")
    assert inner.stat("a") is None
    assert getattr(caught.value, "retry_after", 0) == wait
    assert faulty.write("a", b"x") is True


def test_a_lost_reply_comes_after_the_write(inner: MemoryStorage, faulty: FaultyStorage) -> None:
    faulty.fail("*", Fault.LOST_REPLY)
    with pytest.raises(NetworkFault):
        faulty.write("a", b"x")
    assert inner.read("a") == b"x"


@pytest.mark.parametrize(
    ("fault", "left"), [(Fault.TRUNCATED, b"01234"), (Fault.WRONG, b"012344" + b"6789"), (Fault.HTML_BODY, HTML)]
)
def test_bodies(inner: MemoryStorage, faulty: FaultyStorage, fault: Fault, left: bytes, tmp_path: Path) -> None:
    inner.write("a", b"0123456789")
    faulty.fail("read", fault)
    faulty.fail("download", fault)
    assert faulty.read("a") == left
    assert faulty.download("a", str(tmp_path / "a")) == len(left)
    assert (tmp_path / "a").read_bytes() == left
    assert faulty.read("a") == b"0123456789"
    if fault is not Fault.WRONG:
        faulty.fail("read", fault)
        with pytest.raises(StorageFault):
            faulty.read("a", 0, 10)


def test_lists(inner: MemoryStorage, faulty: FaultyStorage) -> None:
    inner.write("a", b"")
    faulty.fail("list", Fault.STALE_LIST, None, Fault.STALE_LIST, Fault.SHORT_LIST)
    assert list(faulty.list("")) == []
    assert [found.key for found in faulty.list("")] == ["a"]
    inner.write("b", b"")
    assert [found.key for found in faulty.list("")] == ["a"]
    assert len(list(faulty.list(""))) == 1
    assert len(list(faulty.list(""))) == 2


def test_queues_and_standing_faults(faulty: FaultyStorage) -> None:
    faulty.always("stat", Fault.RESET)
    faulty.fail("stat", None, Fault.GONE)
    assert faulty.stat("a") is None
    assert faulty.stat("a") is None
    for _ in range(3):
        with pytest.raises(NetworkFault):
            faulty.stat("a")
    faulty.heal()
    assert faulty.stat("a") is None
    assert faulty.calls == [("stat", "a")] * 6
