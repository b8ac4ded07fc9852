from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from weft.model.oid import Oid
from weft.objects.oidset import OidSet


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=200))
def test_it_holds_what_was_added_and_nothing_else(raw: list[bytes]):
    oids = [Oid(item) for item in raw]
    found = OidSet()
    for number, oid in enumerate(oids):
        assert oid not in found
        assert len(found) == number
        found.update([oid])
        assert all(known in found for known in oids[: number + 1])


def test_what_lies_across_two_oids_is_not_in_it():
    one, two = Oid(bytes(16) + b"a" * 16), Oid(bytes(16) + b"b" * 16)
    across = Oid(one[16:] + two[:16])
    shifted = Oid((one + two)[1:33])
    assert shifted[0] << 5 | shifted[1] >> 3 == 0
    found = OidSet()
    found.update([one, two])
    assert across not in found
    assert shifted not in found
    found.update([shifted])
    assert all(oid in found for oid in (one, two, shifted))


def test_a_hundred_thousand_take_little_more_than_their_bytes():
    tracemalloc.start()
    try:
        found = OidSet()
        found.update(Oid.of(b"%d" % number) for number in range(100_000))
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(found) == 100_000
    assert size < 50 * 100_000
