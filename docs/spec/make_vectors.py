"""Write the test vectors of the specification: ``python docs/spec/make_vectors.py [DIRECTORY]``.

Bytes are put together here from the pages of the specification, without weft: the tests then hold weft to them.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

from blake3 import blake3
from xxhash import xxh3_64_intdigest

CONTEXTS = {"chunk": "", "manifest": "weft manifest v1", "recipe": "weft recipe v1", "layout": "weft layout v1"}
CONTEXTS |= {"index": "weft index v1"}
KINDS = {"chunk": 1, "manifest": 2, "recipe": 3, "layout": 4}
HEX = blake3(b"").hexdigest()
OID = "blake3:" + HEX
HEX_BYTES = bytes.fromhex(HEX)


def digest(data: bytes, kind: str = "chunk") -> bytes:
    """The digest of an object (or of an index segment)."""
    return (blake3(data, derive_key_context=CONTEXTS[kind]) if CONTEXTS[kind] else blake3(data)).digest()


def name(kind: str, number: int) -> bytes:
    """An arbitrary digest that everybody can make again."""
    return digest(f"{kind} {number}".encode())


def bad(title: str, code: str, data: bytes | str) -> dict[str, str]:
    """An invalid input: bytes are given in hexadecimal, text as it is."""
    key, value = ("hex", data.hex()) if isinstance(data, bytes) else ("text", data)
    return {"name": title, "code": code, key: value}


def identity() -> dict[str, Any]:
    """Digests of every kind, and spellings."""
    inputs = [b"", b"weft", bytes(range(251)) * 5, b"weft-manifest 1\n"]
    valid = [
        {"kind": kind, "hex": data.hex(), "oid": "blake3:" + digest(data, kind).hex()}
        for data in inputs
        for kind in CONTEXTS
    ]
    spellings: list[tuple[object, str]] = [
        (HEX, "E_ID_SYNTAX"),
        ("blake3:" + HEX.upper(), "E_ID_SYNTAX"),
        ("BLAKE3:" + HEX, "E_ID_SYNTAX"),
        (OID[:-1], "E_ID_SYNTAX"),
        (OID + "0", "E_ID_SYNTAX"),
        (OID + "\n", "E_ID_SYNTAX"),
        (OID[:-1] + "\0", "E_ID_SYNTAX"),
        (OID[:-1] + "\u200b", "E_ID_SYNTAX"),
        ("blake3:" + "\uff10" * 64, "E_ID_SYNTAX"),
        ("blake3:../../etc/passwd", "E_ID_SYNTAX"),
        ("/etc/passwd", "E_ID_SYNTAX"),
        ("", "E_ID_SYNTAX"),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", "E_WEAK_HASH"),
        ("sha256:" + HEX, "E_WEAK_HASH"),
        ("xxh3:2d06800538d394c2", "E_WEAK_HASH"),
        (12345, "E_SCHEMA"),
        (None, "E_SCHEMA"),
        (True, "E_SCHEMA"),
    ]
    return {"valid": valid, "invalid": [{"value": value, "code": code} for value, code in spellings]}


def paths() -> dict[str, Any]:
    """Safe and unsafe paths; those of ``data_only`` are unsafe inside tracked data alone."""
    invalid = {
        "E_PATH_ESCAPE": ["../x", "a/../../x", "a/..", "/abs", "C:x", "C:\\x", "\\\\host\\share\\x", "\\x", "a/c:x"],
        "E_PATH_CHARS": ["a\\..\\..\\x", "a\nb", "a\r", "a\0", "\x7f", "\x85", "a\u202eb", "a\u2066", "a\u2028"],
        "E_PATH_RESERVED": [
            *(".git/hooks/post-checkout", ".GIT/config", "git~1/config", ".g\u200cit/config", ".git./x", ".git /x"),
            *(".git::$INDEX_ALLOCATION/x", "x/.weft", ".weft/config", "GI7EBA~1", "\uff0egit"),
        ],
        "E_PATH_SYNTAX": ["", ".", "a//b", "./a", "a/.", "a/"],
        "E_LIMIT": ["n" * 256, "\u00e9" * 128, "a/" * 2048 + "a"],
    }
    data_only = [".gitattributes", "x/.gitmodules", ".GitModules", "train.weft", "x/A.WEFT", "a.weft:b"]
    valid = [
        "a",
        "a/b",
        "-rf",
        ".hidden",
        "...",
        "12:30:00.png",
        "a<b",
        "\u00e9",
        "e\u0301",
        "\u6587/\U0001f600",
        "x y",
    ]
    valid += ["n" * 255, "\u00e9" * 127, "con", "name ", "README", "git", ".gitignore", "a~1", " a"]
    rows = [{"path": path, "code": code} for code, some in invalid.items() for path in some]
    rows += [{"path": path, "code": "E_PATH_RESERVED", "data_only": True} for path in data_only]
    return {"valid": valid, "invalid": rows}


def pointers() -> dict[str, Any]:
    """Pointers as written and as read. The name of every file is ``a.weft`` but where ``file`` says otherwise."""
    file = f"weft: 1\ntype: file\npath: a\noid: {OID}\nsize: 3\n"
    folder = f"weft: 1\ntype: dir\npath: a\noid: {OID}\nlayout: {OID}\nsize: 3\nfiles: 2\n"
    values = {"type": "file", "path": "a", "oid": OID, "size": 3, "files": 1, "layout": None, "executable": False}
    values |= {"source": {}, "meta": {}}
    rich = {**values, "path": "12:30 é.png", "executable": True, "source": {"url": "s3://b/x?v=1", "rev": "1e3"}}
    rich["meta"] = {"on": True, "tags": ["a", 1, 0.001, None], "text": "two\nlines"}
    rich_text = file.replace("path: a", 'path: "12:30 é.png"') + (
        'mode: x\nsource:\n  url: "s3://b/x?v=1"\n  rev: "1e3"\n'
        'meta:\n  "on": true\n  tags:\n    - a\n    - 1\n    - 0.001\n    - null\n  text: "two\\nlines"\n'
    )
    valid = [
        {"file": "a.weft", "text": file, "value": values},
        {"file": "a.weft", "text": folder, "value": {**values, "type": "dir", "layout": OID, "files": 2}},
        {"file": "12:30 é.png.weft", "text": rich_text, "value": rich},
    ]
    meta = "meta: {number: 1e-3, text: yes, ten: 010}\n"
    read = {"number": 0.001, "text": "yes", "ten": 10}
    loose = [
        {"file": "a.weft", "text": "# a comment\n" + meta + file, "value": {**values, "meta": read}},
        {"file": "a.weft", "text": file.replace("path: a", "path: 'a'"), "value": values},
    ]
    oid = f"oid: {OID}"
    invalid = [
        bad("path of another digest", "E_ID_SYNTAX", file.replace(oid, "oid: ../../../../home/u/.aws/credentials")),
        bad("upper-case digest", "E_ID_SYNTAX", file.replace(oid, f"oid: blake3:{HEX.upper()}")),
        bad("weak hash", "E_WEAK_HASH", file.replace(oid, "oid: md5:d41d8cd98f00b204e9800998ecf8427e")),
        bad("digest as integer", "E_SCHEMA", file.replace(oid, "oid: 123456")),
        bad("digest as float", "E_SCHEMA", file.replace(oid, "oid: 1e5")),
        bad("negative size", "E_SCHEMA", file.replace("size: 3", "size: -1")),
        bad("size of 2^63", "E_SCHEMA", file.replace("size: 3", f"size: {2**63}")),
        bad("size is true", "E_SCHEMA", file.replace("size: 3", "size: true")),
        bad("size is text", "E_SCHEMA", file.replace("size: 3", "size: '3'")),
        bad("size is missing", "E_SCHEMA", file.replace("size: 3\n", "")),
        bad("unknown key", "E_SCHEMA", file + "new: 1\n"),
        bad("doubled key", "E_SCHEMA", file + f"{oid}\n"),
        bad("doubled key in meta", "E_SCHEMA", file + "meta: {a: 1, a: 2}\n"),
        bad("files of a file", "E_SCHEMA", file + "files: 1\n"),
        bad("mode of a directory", "E_SCHEMA", folder + "mode: x\n"),
        bad("another mode", "E_SCHEMA", file + "mode: w\n"),
        bad("alias", "E_YAML_ALIAS", file + "meta: {a: &x [1], b: *x}\n"),
        bad("tag", "E_YAML_TAG", file + "meta: !!python/object/apply:os.system ['true']\n"),
        bad("two documents", "E_SCHEMA", file + "---\n" + file),
        bad("byte order mark", "E_SCHEMA", b"\xef\xbb\xbf" + file.encode()),
        bad("not UTF-8", "E_SCHEMA", file.encode() + b"# \xff\n"),
        bad("NUL", "E_SCHEMA", file.encode() + b"# \0\n"),
        bad("too deep", "E_LIMIT", file + "meta: {a: " + "[" * 40 + "]" * 40 + "}\n"),
        bad("too long", "E_LIMIT", file + "# " + "x" * 65536),
        bad("conflict markers", "E_MERGE_CONFLICT", f"<<<<<<< HEAD\n{file}=======\n{folder}>>>>>>> theirs\n"),
        bad("newer format", "E_FORMAT_VERSION", "weft: 99\nanything: else\n"),
        bad("no format", "E_SCHEMA", file.replace("weft: 1\n", "")),
        bad("leaves", "E_PATH_ESCAPE", file.replace("path: a", "path: ../x")),
        bad("two components", "E_PATH_SYNTAX", file.replace("path: a", "path: a/b")),
        bad("reserved", "E_PATH_RESERVED", file.replace("path: a", "path: .git")),
        bad("another name", "E_SCHEMA", file.replace("path: a", "path: b")),
    ]
    return {"valid": valid, "valid_not_canonical": loose, "invalid": invalid}


def manifests() -> dict[str, Any]:
    """Manifests with their oids, and broken ones."""
    head, entry = "weft-manifest 1\n", f"f {HEX} 0 "
    inner = head + f"f {digest(b'weft').hex()} 4 weft\n"
    outer = (
        head
        + f"f {digest(b'a').hex()} 1 -dash\nf {HEX} 0 12:30:00.png\nl {digest(b'sub/weft').hex()} 8 link\n"
        + f"x {digest(b'#!/bin/sh').hex()} 9 run me.sh\nd {digest(inner.encode(), 'manifest').hex()} 4 1 sub\n"
        + f"f {HEX} 0 \u00e9\nf {HEX} 0 \uff5e\nf {HEX} 0 \U0001f600\n"
    )
    sums = [(head, 0, 0), (inner, 4, 1), (outer, 22, 8)]
    valid = [
        {"text": text, "oid": "blake3:" + digest(text.encode(), "manifest").hex(), "size": size, "files": files}
        for text, size, files in sums
    ]
    invalid = [
        bad("another format", "E_TYPE", b"WEFTPACK\1\0\0\0\0\0\0\0"),
        bad("empty", "E_TYPE", ""),
        bad("newer", "E_FORMAT_VERSION", "weft-manifest 2\n"),
        bad("no line feed", "E_SCHEMA", head + entry + "a"),
        bad("carriage return", "E_PATH_CHARS", head + entry + "a\r\n"),
        bad("leading zero", "E_SCHEMA", head + f"f {HEX} 00 a\n"),
        bad("upper-case digest", "E_SCHEMA", head + f"f {HEX.upper()} 0 a\n"),
        bad("unknown type", "E_SCHEMA", head + f"p {HEX} 0 a\n"),
        bad("directory without files", "E_SCHEMA", head + f"d {HEX} 0 a\n"),
        bad("size of 2^63", "E_SCHEMA", head + f"f {HEX} {2**63} a\n"),
        bad("sum of 2^63", "E_SCHEMA", head + f"f {HEX} {2**62} a\nf {HEX} {2**62} b\n"),
        bad("not sorted", "E_SCHEMA", head + entry + "b\n" + entry + "a\n"),
        bad("sorted as UTF-16", "E_SCHEMA", head + entry + "\U0001f600\n" + entry + "\uff5e\n"),
        bad("twice", "E_PATH_OVERLAP", head + entry + "a\n" + entry + "a\n"),
        bad("leaves", "E_PATH_ESCAPE", head + entry + "..\n"),
        bad("two components", "E_PATH_ESCAPE", head + entry + "a/b\n"),
        bad("reserved", "E_PATH_RESERVED", head + entry + ".git\n"),
        bad("a pointer as data", "E_PATH_RESERVED", head + entry + "a.weft\n"),
        bad("no name", "E_PATH_SYNTAX", head + entry + "\n"),
        bad("empty line", "E_SCHEMA", head + "\n"),
        bad("not UTF-8", "E_PATH_CHARS", (head + entry).encode() + b"\xff\n"),
        bad("long name", "E_LIMIT", head + entry + "n" * 256 + "\n"),
    ]
    return {"valid": valid, "invalid": invalid}


def recipe(target: bytes, chunks: list[tuple[bytes, int]], length: int | None = None) -> bytes:
    """The bytes of a recipe."""
    total = sum(size for _, size in chunks) if length is None else length
    return struct.pack("<32sQI", target, total, len(chunks)) + b"".join(
        struct.pack("<32sI", *chunk) for chunk in chunks
    )


def recipes() -> dict[str, Any]:
    """Recipes with their oids, and broken ones."""
    chunks = [(name("chunk", n), 65536 + n) for n in range(3)]
    data = recipe(name("object", 0), chunks)
    value = {"object": "blake3:" + name("object", 0).hex(), "length": 196611}
    listed = [["blake3:" + oid.hex(), size] for oid, size in chunks]
    valid = [{"hex": data.hex(), "oid": "blake3:" + digest(data, "recipe").hex(), **value, "chunks": listed}]
    invalid = [
        bad("short", "E_SCHEMA", data[:-1]),
        bad("long", "E_SCHEMA", data + b"\0"),
        bad("no chunk", "E_SCHEMA", recipe(name("object", 0), [])),
        bad("wrong sum", "E_SCHEMA", recipe(name("object", 0), chunks, 196612)),
        bad("length of 2^63", "E_SCHEMA", recipe(name("object", 0), chunks, 2**63)),
        bad("empty chunk", "E_SCHEMA", recipe(name("object", 0), [*chunks, (HEX_BYTES, 0)])),
        bad("huge chunk", "E_LIMIT", recipe(name("object", 0), [(HEX_BYTES, (16 << 20) + 1)])),
        bad("count of 2^32-1", "E_SCHEMA", data[:40] + b"\xff" * 4 + data[44:]),
    ]
    return {"valid": valid, "invalid": invalid}


def leaf(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A leaf of a layout."""
    return b"WEFTLAYL" + struct.pack("<I", len(pairs)) + b"".join(one + two for one, two in pairs)


def inner(depth: int, children: list[tuple[int, int, bytes]]) -> bytes:
    """An inner node of a layout."""
    rows = b"".join(struct.pack("<BxxxI32s", *child) for child in children)
    return b"WEFTLAYI" + struct.pack("<BxH", depth, len(children)) + rows


def layout(pairs: list[tuple[bytes, bytes]], depth: int, nodes: dict[bytes, bytes]) -> bytes:
    """Build the nodes of sorted ``pairs`` and return the oid of the top one."""
    if len(pairs) <= 4096:
        data = leaf(pairs)
    else:
        children = []
        for byte in range(256):
            below = [pair for pair in pairs if pair[0][depth] == byte]
            if below:
                children.append((byte, len(below), layout(below, depth + 1, nodes)))
        data = inner(depth, children)
    nodes[digest(data, "layout")] = data
    return digest(data, "layout")


def layouts() -> dict[str, Any]:
    """Layouts. Pair n maps BLAKE3("object n"), with ``prefix`` put before it and cut to 32 bytes, to BLAKE3("recipe n")."""
    valid = []
    for count, prefix in ((1, ""), (3, ""), (4096, ""), (4097, ""), (4500, "0707")):
        pairs = sorted(((bytes.fromhex(prefix) + name("object", n))[:32], name("recipe", n)) for n in range(count))
        nodes: dict[bytes, bytes] = {}
        root = layout(pairs, 0, nodes)
        row = {"count": count, "prefix": prefix, "root": "blake3:" + root.hex(), "nodes": len(nodes)}
        valid.append(row | ({"hex": nodes[root].hex()} if len(nodes[root]) < 2048 else {}))
    pairs = sorted((name("object", n), name("recipe", n)) for n in range(3))
    good, top = leaf(pairs), inner(0, [(1, 4000, HEX_BYTES), (2, 97, HEX_BYTES)])
    invalid = [
        bad("another format", "E_TYPE", b"weft-manifest 1\n"),
        bad("empty leaf", "E_SCHEMA", leaf([])),
        bad("short leaf", "E_SCHEMA", good[:-1]),
        bad("long leaf", "E_SCHEMA", good + b"\0"),
        bad("not sorted", "E_SCHEMA", leaf(pairs[::-1])),
        bad("twice", "E_SCHEMA", leaf([pairs[0], pairs[0]])),
        bad("inner node of 4096 pairs", "E_SCHEMA", inner(0, [(1, 4000, HEX_BYTES), (2, 96, HEX_BYTES)])),
        bad("no children", "E_SCHEMA", inner(0, [])),
        bad("empty child", "E_SCHEMA", inner(0, [(1, 5000, HEX_BYTES), (2, 0, HEX_BYTES)])),
        bad("children not sorted", "E_SCHEMA", inner(0, [(2, 4000, HEX_BYTES), (1, 4000, HEX_BYTES)])),
        bad("depth of 32", "E_SCHEMA", inner(32, [(1, 5000, HEX_BYTES)])),
        bad("reserved", "E_SCHEMA", top[:9] + b"\1" + top[10:]),
        bad("reserved in a child", "E_SCHEMA", top[:13] + b"\1" + top[14:]),
    ]
    return {"valid": valid, "invalid": invalid}


def stored_zstd(data: bytes) -> bytes:
    """A zstd frame (RFC 8878) that declares its size and holds ``data`` in raw blocks: equal bytes from every library."""
    out = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    blocks = [data[at : at + 131072] for at in range(0, len(data), 131072)]
    for number, block in enumerate(blocks, 1):
        out += struct.pack("<I", len(block) << 3 | (number == len(blocks)))[:3] + block
    return out


def footer_entry(oid: bytes, offset: int, stored: bytes, raw: int, kind: int, codec: int) -> bytes:
    """One footer entry."""
    return struct.pack("<32sQIIBBHQ", oid, offset, len(stored), raw, kind, codec, 0, xxh3_64_intdigest(stored))


def trailer(offset: int, footer: bytes, count: int) -> bytes:
    """The end of a pack."""
    return struct.pack("<QIIQ8s", offset, count, 0, xxh3_64_intdigest(footer), b"WEFTTAIL")


def pack(objects: list[tuple[str, int, bytes]]) -> tuple[bytes, bytes, list[dict[str, Any]]]:
    """A pack of (kind, codec, bytes): its bytes, its footer, and what each frame says."""
    body, footer, rows = b"WEFTPACK" + struct.pack("<HHI", 1, 0, 0), b"", []
    for kind, codec, data in objects:
        stored, oid = stored_zstd(data) if codec else data, digest(data, kind)
        footer += footer_entry(oid, len(body), stored, len(data), KINDS[kind], codec)
        row = {"oid": "blake3:" + oid.hex(), "offset": len(body), "stored": len(stored), "raw": len(data)}
        rows.append(row | {"kind": KINDS[kind], "codec": codec, "content": data.hex()})
        body += stored
    return body + footer + trailer(len(body), footer, len(objects)), footer, rows


def sample_pack() -> tuple[bytes, bytes, list[dict[str, Any]]]:
    """The pack that the vectors share."""
    return pack([("chunk", 0, b"hello"), ("chunk", 0, b""), ("manifest", 1, b"weft-manifest 1\n")])


def packs() -> dict[str, Any]:
    """Packs with their names and frames, and broken ones."""
    data, footer, rows = sample_pack()
    start = data.index(footer)

    def changed(at: int, new: bytes) -> bytes:
        entries = footer[:at] + new + footer[at + len(new) :]
        return data[:start] + entries + trailer(start, entries, len(entries) // 60)

    invalid = [
        bad("truncated", "E_INDEX", data[:-1]),
        bad("extended", "E_INDEX", data + b"\0"),
        bad("no pack", "E_INDEX", b"<html>please log in</html>" * 8),
        bad("newer", "E_FORMAT_VERSION", data[:8] + b"\2" + data[9:]),
        bad("flags", "E_FORMAT_VERSION", data[:10] + b"\1" + data[11:]),
        bad("reserved", "E_INDEX", data[:12] + b"\1" + data[13:]),
        bad("damaged footer", "E_INDEX", data[:start] + b"\xff" + data[start + 1 :]),
        bad("no frames", "E_INDEX", data[:16] + trailer(16, b"", 0)),
        bad("footer offset of 2^64-1", "E_INDEX", data[:-32] + trailer(2**64 - 1, footer, 3)),
        bad("offset past the end", "E_INDEX", changed(32, struct.pack("<Q", 2**64 - 1))),
        bad("overlapping frames", "E_INDEX", changed(92, struct.pack("<Q", 16))),
        bad("gap", "E_INDEX", changed(40, struct.pack("<II", 4, 4))),
        bad("raw length differs", "E_INDEX", changed(44, struct.pack("<I", 6))),
        bad("raw length over 16 MiB", "E_INDEX", changed(164, struct.pack("<I", (16 << 20) + 1))),
        bad("unknown kind", "E_INDEX", changed(48, b"\5")),
        bad("unknown codec", "E_INDEX", changed(49, b"\2")),
        bad("reserved in an entry", "E_INDEX", changed(50, b"\1")),
        bad("an object twice", "E_INDEX", changed(60, footer[:32])),
    ]
    return {"valid": [{"hex": data.hex(), "name": digest(data).hex(), "frames": rows}], "invalid": invalid}


def segments() -> dict[str, Any]:
    """Index segments with their names, and broken ones; ``payload`` is before compression."""
    data, footer, _ = sample_pack()
    other, other_footer, _ = pack([("layout", 0, leaf([(name("object", 0), name("recipe", 0))]))])
    items = sorted([(digest(data), data, footer), (digest(other), other, other_footer)])
    records = [struct.pack("<32sQII", oid, len(whole), len(foot) // 60, 0) + foot for oid, whole, foot in items]
    old = sorted([name("segment", 0), name("segment", 1)])
    head = b"WEFTSEGM" + struct.pack("<HHIII", 1, 0, 2, 2, 0)
    payload = head + b"".join(old) + b"".join(records)
    stored = stored_zstd(payload)
    listed = [{"name": oid.hex(), "size": len(whole), "frames": len(foot) // 60} for oid, whole, foot in items]
    row = {"hex": stored.hex(), "payload": payload.hex(), "name": digest(stored, "index").hex(), "packs": listed}
    invalid = [
        bad("not zstd", "E_INDEX", b"<html>please log in</html>"),
        bad("wrong magic", "E_INDEX", stored_zstd(b"X" + payload[1:])),
        bad("newer", "E_FORMAT_VERSION", stored_zstd(payload[:8] + b"\2" + payload[9:])),
        bad("flags", "E_FORMAT_VERSION", stored_zstd(payload[:10] + b"\1" + payload[11:])),
        bad("short", "E_INDEX", stored_zstd(payload[:-1])),
        bad("long", "E_INDEX", stored_zstd(payload + b"\0")),
        bad("2^32-1 packs", "E_INDEX", stored_zstd(payload[:12] + b"\xff" * 4 + payload[16:])),
        bad("packs not sorted", "E_INDEX", stored_zstd(head + b"".join(old) + records[1] + records[0])),
        bad("superseded not sorted", "E_INDEX", stored_zstd(head + b"".join(old[::-1]) + b"".join(records))),
        bad(
            "another pack size",
            "E_INDEX",
            stored_zstd(payload.replace(struct.pack("<Q", len(data)), struct.pack("<Q", 999))),
        ),
        bad("declares 4 TiB", "E_LIMIT", b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 4 << 40) + b"\1\0\0"),
    ]
    return {"valid": [row | {"supersedes": [oid.hex() for oid in old]}], "invalid": invalid}


ALL = {one.__name__: one for one in (identity, paths, pointers, manifests, recipes, layouts, packs, segments)}


def text(title: str) -> str:
    """The content of ``title``.json."""
    return json.dumps(ALL[title](), indent=1) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors"
    for title in ALL:
        (target / f"{title}.json").write_text(text(title), encoding="utf-8")
