"""One function for every parser of bytes from outside: it takes any bytes, and lets only errors with a name pass.

What parses must be the one encoding of what it means, where a format has just one: the round trip is compared.
``SEEDS`` holds valid examples to start from; the ones of packs, segments and roots are those of a released weft.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from weft.errors import IntegrityError, RefusedInput, WeftError
from weft.formats import (
    config,
    index_segment,
    layout,
    lineage,
    manifest,
    pack,
    pointer,
    recipe,
    root,
    stagefile,
    storeformat,
    tomb,
    valuefiles,
)
from weft.model.entry import DIR, FILE, LINK, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe

REPOSITORY = Path(__file__).parents[2]
GOLDEN = REPOSITORY / "tests/golden/v1/0.1.0/remote"
VECTORS = REPOSITORY / "docs/spec/vectors"

NAMED = (RefusedInput, IntegrityError)
"""What a parser may raise: the input is refused, or it is damaged. All else is a finding."""

_RAW_LIMIT = 8 << 20  # a segment may declare 256 MiB, which is its own limit; so much for each try is only slow


def fuzz_pointer(data: bytes) -> None:
    """A pointer has more than one spelling, for people write in it; what was read is written and read again."""
    found = pointer.decode(data, name="data.weft")
    assert pointer.decode(pointer.encode(found), name="data.weft") == found


def fuzz_manifest(data: bytes) -> None:
    """Exactly one encoding."""
    assert manifest.encode(manifest.decode(data)) == data


def fuzz_recipe(data: bytes) -> None:
    """Exactly one encoding."""
    assert recipe.encode(recipe.decode(data)) == data


def fuzz_layout(data: bytes) -> None:
    """Exactly one encoding of both kinds of nodes."""
    node = layout.decode(data)
    again = (
        layout.encode_leaf(node.pairs)
        if isinstance(node, layout.Leaf)
        else layout.encode_inner(node.depth, list(node.children))
    )
    assert again == data


def fuzz_pack(data: bytes) -> None:
    """The footer of a whole pack, with a checksum that mutations mostly break."""
    pack.check_header(data[: pack.HEADER_SIZE])
    start, _count, check = pack.decode_trailer(data[-pack.TRAILER_SIZE :], len(data))
    footer = data[start : -pack.TRAILER_SIZE]
    pack.check_footer(footer, check)
    frames = pack.decode_footer(footer, start)
    assert pack.encode_footer(frames) == data[-32 - len(frames) * pack.FOOTER_ENTRY : -32]


def fuzz_footer(data: bytes) -> None:
    """The footer behind the checksum: the first eight bytes tell where it starts."""
    frames = pack.decode_footer(data[8:], int.from_bytes(data[:8], "little"))
    assert pack.encode_footer(frames) == data[8:]


def fuzz_segment(data: bytes) -> None:
    """Compressed bytes of a segment; its payload has one encoding, its compression many."""
    found = index_segment.decode(data, raw_limit=_RAW_LIMIT)
    assert index_segment.decode(index_segment.encode(found.packs, found.supersedes)) == found


def fuzz_root(data: bytes) -> None:
    """What was read is written and read again: the order of segments is free for a reader."""
    found = root.decode(data)
    again = root.decode(root.encode(found))
    assert root.encode(again) == root.encode(found)


def fuzz_store(data: bytes) -> None:
    """``weft.json``."""
    found = storeformat.decode(data)
    assert storeformat.decode(storeformat.encode(found)) == found


def fuzz_tomb(data: bytes) -> None:
    """Lists of condemned packs."""
    found = tomb.decode(data)
    assert tomb.decode(tomb.encode(found)) == found


def fuzz_stagefile(data: bytes) -> None:
    """``weft.yaml``: stages, and exceptions from rules."""
    stagefile.decode(data)
    stagefile.decode_ignores(data)


def fuzz_record(data: bytes) -> None:
    """Exactly one encoding."""
    assert lineage.encode(lineage.decode(data, what="lineage/x.yaml")) == data


def fuzz_config(data: bytes) -> None:
    """The committed configuration; what was read is written and read again."""
    found = config.decode(data, committed=True)
    assert config.decode(config.encode(found, True), committed=True) == found


def fuzz_values(data: bytes) -> None:
    """Parameter files of every suffix; the first byte chooses."""
    valuefiles.parse(data[1:], "params" + valuefiles.SUFFIXES[(data[0] if data else 0) % len(valuefiles.SUFFIXES)])


def _seed_manifest() -> bytes:
    one, two = Oid.of(b"1"), Oid.of(b"2")
    entries = (Entry(FILE, one, 1, 1, "a"), Entry(DIR, two, 30, 3, "b"), Entry(LINK, one, 1, 1, "c"))
    return manifest.encode(Manifest(entries))


def _seed_pointers() -> Iterator[bytes]:
    yield pointer.encode(Pointer("file", "data", Oid.of(b"1"), 3))
    yield b"weft: 1\ntype: file\npath: data\noid: blake3:" + b"0" * 64 + b"\nsize: 3\nsource:\n  url: https://x.org/a\n"


def _seed_footers() -> Iterator[bytes]:
    for path in sorted(GOLDEN.rglob("*.pack")):
        data = path.read_bytes()
        start, _count, _check = pack.decode_trailer(data[-32:], len(data))
        yield start.to_bytes(8, "little") + data[start:-32]


def _golden(pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(GOLDEN.glob(pattern)) if path.is_file()]


def _seed_recipe() -> bytes:
    return recipe.encode(Recipe(Oid.of(b"12"), 2, ((Oid.of(b"1"), 1), (Oid.of(b"2"), 1))))


def _seed_layouts() -> list[bytes]:
    leaf = layout.encode_leaf(sorted((Oid.of(b"%d" % n), Oid.of(b"r%d" % n)) for n in range(3)))
    children = [(n, 3000, Oid.of(b"%d" % n)) for n in range(3)]
    return [leaf, layout.encode_inner(0, children)]


_CONFIG = b"weft: 1\nrepo: " + b"ab" * 16 + b"\n"
_STAGES = b"""stages:
  train:
    cmd: [python, train.py]
    deps: [train.py, data]
    params: [lr, {p.toml: [a.b]}]
    outs: [model]
    metrics: [m.json]
  each:
    foreach: [a, b]
    do: {cmd: 'echo ${item} > ${item}.txt', outs: ['${item}.txt']}
validate:
  - {rule: WEFT021, path: params.yaml, reason: made up}
"""
_VALUES = {".yaml": b"a: {b: [1, 2.5, x]}\n", ".yml": b"a: 1\n", ".json": json.dumps({"a": [1, {"b": None}]}).encode()}

SEEDS: dict[str, list[bytes]] = {
    "pointer": list(_seed_pointers()),
    "manifest": [_seed_manifest()],
    "recipe": [_seed_recipe()],
    "layout": _seed_layouts(),
    "pack": _golden("packs/*/*.pack"),
    "footer": list(_seed_footers()),
    "segment": _golden("index/*.idx"),
    "root": _golden("roots/*/*"),
    "store": _golden("weft.json"),
    "tomb": [tomb.encode([Oid.of(b"1"), Oid.of(b"2")])],
    "stagefile": [_STAGES],
    "record": [row["text"].encode() for row in json.loads((VECTORS / "records.json").read_text())["valid"]],
    "config": [_CONFIG, _CONFIG + b"remotes:\n  origin: {url: 's3://bucket/x'}\n"],
    "values": [bytes([n]) + _VALUES.get(suffix, b"a = 1\n") for n, suffix in enumerate(valuefiles.SUFFIXES)],
}

TARGETS: dict[str, Callable[[bytes], None]] = {name: globals()[f"fuzz_{name}"] for name in SEEDS}


def run(name: str, data: bytes) -> bool:
    """Feed ``data`` to a target; True when it was taken. Raises what is a finding."""
    try:
        TARGETS[name](data)
    except NAMED:
        return False
    except WeftError as fault:
        raise AssertionError(f"{type(fault).__name__} is not an error for input from outside") from fault
    return True
