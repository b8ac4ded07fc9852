"""What was read, packed by directory."""

import os
import tracemalloc

from weft.model.oid import Oid
from weft.objects.ingest import Ingested
from weft.workspace.reads import Reads
from weft.workspace.stats import WIDTH, pack_stat


def take(reads, tree, directory, at, name, data):
    path = tree.root / directory / name
    reads.take(Ingested((directory, at), Oid.of(data), len(data), None, os.stat(path)))
    return pack_stat(os.stat(path))


def test_oids_stand_at_the_place_of_their_names(tree):
    tree.fill({"a": b"1", "b": b"22", "sub/c": b"333"})
    scan = tree.scan()
    reads = Reads(scan)
    assert reads.give("") is None
    take(reads, tree, "", 1, "b", b"22")
    take(reads, tree, "sub", 0, "c", b"333")
    given = reads.give("")
    assert given.oids() == [None, Oid.of(b"22"), None]
    assert given.stats is scan.dirs[""].stats, "in memory once"
    assert reads.give("sub").oids() == [Oid.of(b"333")]
    assert reads.give("sub") is None
    assert (reads.files, reads.size) == (2, 5)


def test_the_status_is_that_of_reading(tree):
    tree.fill({"a": b"1", "b": b"22"})
    scan = tree.scan()
    tree.fill({"b": b"grown"})
    reads = Reads(scan)
    packed = take(reads, tree, "", 1, "b", b"grown")
    assert reads.give("").stats == scan.dirs[""].stats[:WIDTH] + packed
    assert packed != scan.dirs[""].stats[WIDTH:]


def test_a_file_takes_32_bytes(tree):
    count = 2000
    tree.fill({f"{number:04}": b"x" for number in range(count)})
    scan = tree.scan()
    reads = Reads(scan)
    found = [Ingested(("", at), Oid.of(b"%d" % at), 1, None, os.stat(tree.root / f"{at:04}")) for at in range(count)]
    reads.take(found[0])
    tracemalloc.start()
    try:
        for file in found:
            reads.take(file)
        assert tracemalloc.get_traced_memory()[0] < 4 * count, "the 32 were taken with the first one"
        assert len(reads.give("").oids()) == count
    finally:
        tracemalloc.stop()
