from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.model.oid import Oid
from weft.objects.oidset import OidSet, OidSizes, SortedOids


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


oid_lists = st.lists(st.binary(min_size=32, max_size=32).map(Oid), max_size=60)
# Oids that share a group, so that what is looked for may lie across two records.
close_oids = st.lists(
    st.lists(st.sampled_from([0, 1]), min_size=6, max_size=6).map(lambda bits: Oid(bytes(26) + bytes(bits))),
    max_size=60,
)


@given(st.one_of(oid_lists, close_oids), st.data())
def test_sizes_are_a_map(oids: list[Oid], data: st.DataObject):
    found, model = OidSizes(), {}
    for oid in oids:
        size = data.draw(st.integers(0, 2**64 - 1))
        assert found.setdefault(oid, size) == model.setdefault(oid, size)
    assert found == model
    assert list(found) == sorted(model)
    assert len(found) == len(model)
    for oid in [*oids, Oid(bytes(32)), Oid(b"\1" * 32)]:
        assert (oid in found) == (oid in model)
        assert found.get(oid) == model.get(oid)
    assert "no oid" not in found
    with pytest.raises(KeyError):
        OidSizes()[Oid(bytes(32))]


@given(st.one_of(oid_lists, close_oids), st.one_of(oid_lists, close_oids))
def test_sorted_oids_are_a_set(one: list[Oid], two: list[Oid]):
    left, right = SortedOids(sorted(one)), SortedOids.of(two)
    assert list(left) == sorted(set(one))
    assert len(left) == len(set(one))
    assert all((oid in left) == (oid in set(one)) for oid in [*one, *two])
    assert "no oid" not in left
    assert left == set(one)
    assert (left == right) == (set(one) == set(two))
    assert left & set(two) == set(one) & set(two)
    assert left - right == set(one) - set(two)
    sizes = OidSizes()
    for oid in two:
        sizes.setdefault(oid, 1)
    assert SortedOids.union(left, set(two)) == SortedOids.union(one, sizes) == set(one) | set(two)
    assert SortedOids.of(left) is left


def test_doubles_count_once_over_the_end_of_a_batch():
    oids = [Oid(number.to_bytes(32, "big")) for number in range(10_000)]
    assert list(SortedOids(oid for oid in oids for _ in range(3))) == oids


def test_a_hundred_thousand_sizes_and_sorted_oids_are_small():
    tracemalloc.start()
    try:
        sizes = OidSizes()
        for number in range(100_000):
            sizes.setdefault(Oid.of(b"%d" % number), number)
        mapped = tracemalloc.get_traced_memory()[0]
        packed = SortedOids(sizes)
        both = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(packed) == 100_000
    assert mapped < 60 * 100_000
    assert both - mapped < 37 * 100_000
