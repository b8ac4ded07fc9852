"""Hostile bytes as the formats meet them: pointers, names, manifests, pack indexes, compressed bytes."""

from __future__ import annotations

import json
import stat
import struct
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from weft.errors import (
    BadPackIndex,
    FormatVersion,
    LimitExceeded,
    MergeConflict,
    ObjectType,
    OidSyntax,
    PathChars,
    PathCollision,
    PathEscape,
    PathOverlap,
    PathReserved,
    PathSyntax,
    SchemaError,
    SizeMismatch,
    SymlinkRefused,
    WeakHash,
    WeftError,
    YamlAlias,
    YamlTag,
)
from weft.formats import frame as frames
from weft.formats import index_segment, manifest, pack, pointer, stagefile
from weft.gitio.repo import GitRepo, discover
from weft.gitio.staging import stage
from weft.model.entry import RAW, ZSTD, Frame
from weft.model.oid import Kind, Oid
from weft.model.paths import RepoPath, check_component, check_data_name, collisions, portable_problem
from weft.objects.store import open_store
from weft.workspace.names import NamePolicy, check_link, check_names

Check = Callable[[Path], None]
HEX = Oid.of(b"abc").hex()
FILE = f"weft: 1\ntype: file\npath: a\noid: blake3:{HEX}\nsize: 3\n"
OID_FIELD = f"blake3:{HEX}"


def refuses(error: type[WeftError], call: Callable[[], object]) -> WeftError:
    """Run ``call``, which must raise exactly ``error``, with a message that a terminal can print."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert caught.value.message.isprintable()
    assert caught.value.message.isascii()
    return caught.value


def pointer_row(error: type[WeftError], text: str) -> Check:
    """A pointer that must be refused; nothing is created beside it."""

    def check(tmp_path: Path) -> None:
        pointer.decode(FILE.encode(), name="a.weft")
        refuses(error, lambda: pointer.decode(text.encode("utf-8"), name="a.weft"))
        assert list(tmp_path.iterdir()) == []

    return check


def oid_row(error: type[WeftError], spelling: str) -> Check:
    return pointer_row(error, FILE.replace(OID_FIELD, spelling))


def oids_row(error: type[WeftError], *spellings: str) -> Check:
    def check(tmp_path: Path) -> None:
        for spelling in spellings:
            refuses(error, lambda spelling=spelling: Oid.parse(spelling))  # type: ignore[misc]
            quoted = '"' + "".join(f"\\U{ord(char):08x}" for char in spelling) + '"'
            oid_row(error, quoted)(tmp_path)

    return check


def sizes(tmp_path: Path) -> None:
    for size in ("-1", str(2**63), "true", "'3'", "3.0", "1e2"):
        pointer_row(SchemaError, FILE.replace("size: 3", f"size: {size}"))(tmp_path)


def size_of_the_pointer_differs(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"), str(tmp_path / "catalog.sqlite"))
    try:
        with store.writer() as writer:
            oid = writer.add_object(Kind.CHUNK, b"abc")
        assert b"".join(store.iter_content(oid, 3)) == b"abc"
        for size in (2, 4):
            refuses(SizeMismatch, lambda size=size: list(store.iter_content(oid, size)))  # type: ignore[misc]
    finally:
        store.close()
    assert not (tmp_path / "a").exists()


def alias_bomb(tmp_path: Path) -> None:
    lines = ["meta: {a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"  , a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    bomb = FILE + "\n".join(lines) + "}\n"
    start = time.process_time()
    pointer_row(YamlAlias, bomb)(tmp_path)
    spent = time.process_time() - start
    tracemalloc.start()
    pointer_row(YamlAlias, bomb)(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 0.05
    assert peak < 50 << 20


def deep_nesting(tmp_path: Path) -> None:
    pointer_row(LimitExceeded, FILE + "meta: " + "[" * 100_000)(tmp_path)
    pointer_row(LimitExceeded, FILE + "meta: " + "[" * 60_000)(tmp_path)
    pointer_row(LimitExceeded, FILE + "meta: " + "{a: " * 15_000)(tmp_path)


def conflict(tmp_path: Path) -> None:
    text = f"<<<<<<< HEAD\n{FILE}=======\n{FILE.replace('3', '4')}>>>>>>> feature\n"
    error = refuses(MergeConflict, lambda: pointer.decode(text.encode(), name="a.weft"))
    assert "HEAD" in error.message
    assert "feature" in error.message


def newer_format(tmp_path: Path) -> None:
    text = FILE.replace("weft: 1", "weft: 99") + "unknown: true\n"
    error = refuses(FormatVersion, lambda: pointer.decode(text.encode(), name="a.weft"))
    assert "99" in error.message + error.hint


def path_row(error: type[WeftError], *paths: str) -> Check:
    """Paths that are refused as such, and as the ``path`` of a pointer."""

    def check(tmp_path: Path) -> None:
        for path in paths:
            refuses(error, lambda path=path: RepoPath.parse(path))  # type: ignore[misc]
            if not any(0xD800 <= ord(char) <= 0xDFFF for char in path):
                quoted = '"' + "".join(f"\\U{ord(char):08x}" for char in path) + '"'
                pointer_row(error, FILE.replace("path: a", f"path: {quoted}"))(tmp_path)

    return check


def manifest_bytes(*names: str) -> bytes:
    return b"weft-manifest 1\n" + b"".join(
        f"f {HEX} 3 ".encode() + name.encode("utf-8", "surrogateescape") + b"\n" for name in names
    )


def name_row(errors: type[WeftError] | tuple[type[WeftError], ...], *names: str) -> Check:
    """Names that are refused in a manifest and as a name of data."""

    def check(tmp_path: Path) -> None:
        for name in names:
            with pytest.raises(errors):
                check_data_name(name)
            with pytest.raises(errors):
                manifest.decode(manifest_bytes(name))
        assert list(tmp_path.iterdir()) == []

    return check


def both(*checks: Check) -> Check:
    def check(tmp_path: Path) -> None:
        for one in checks:
            one(tmp_path)

    return check


def not_portable(*names: str) -> Check:
    """Taken with a warning, refused under ``portable: strict``."""

    def check(tmp_path: Path) -> None:
        for name in names:
            assert manifest.decode(manifest_bytes(name)).entries[0].name == check_component(name)
            assert portable_problem(name)
            loose = NamePolicy()
            check_names([name], "", loose)
            assert loose.count == 1
            refuses(PathReserved, lambda name=name: check_names([name], "", NamePolicy(strict=True)))  # type: ignore[misc]

    return check


def colliding(one: str, two: str) -> Check:
    def check(tmp_path: Path) -> None:
        names = sorted([one, two])
        assert len(manifest.decode(manifest_bytes(*names)).entries) == 2
        assert len(collisions(names)) == 1
        loose = NamePolicy()
        check_names(names, "", loose)
        assert loose.count >= 1
        with pytest.raises((PathCollision, PathReserved)):
            check_names(names, "", NamePolicy(strict=True))

    return check


def long_names(tmp_path: Path) -> None:
    name_row(LimitExceeded, "n" * 256, "é" * 128)(tmp_path)
    path_row(LimitExceeded, "a/" * 2048 + "a", "x/" + "n" * 256)(tmp_path)
    assert check_data_name("n" * 255)


def not_utf8(tmp_path: Path) -> None:
    refuses(PathChars, lambda: manifest.decode(manifest_bytes("a").replace(b" a\n", b" \xff\n")))
    refuses(PathChars, lambda: manifest.decode(manifest_bytes("a").replace(b" a\n", b" \xed\xa0\x80\n")))
    refuses(PathChars, lambda: check_data_name("a\ud800"))
    refuses(PathChars, lambda: RepoPath.parse("d/a\udcff"))


def file_and_directory(tmp_path: Path) -> None:
    text = f"weft-manifest 1\nf {HEX} 3 a\nd {HEX} 3 1 a\n"
    refuses(PathOverlap, lambda: manifest.decode(text.encode()))
    refuses(PathEscape, lambda: manifest.decode(manifest_bytes("a", "a/b")))


def dash_reaches_git_as_a_path(tmp_path: Path) -> None:
    assert manifest.decode(manifest_bytes("-rf")).entries[0].name == "-rf"
    root = tmp_path / "repo"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    names = ["--all", "-rf.weft", "-A"]
    for name in [*names, "other"]:
        (root / name).write_text("x")
    repo = discover(str(root))
    spy = tmp_path / "git"
    # Keeps every argument vector, then does what was asked.
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{tmp_path}/argv"\nexec "{repo.program}" "$@"\n')
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    stage(GitRepo(repo.root, repo.git_dir, repo.common_dir, str(spy)), names)
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], check=True, capture_output=True).stdout
    assert sorted(listed.decode().split("\0")[:-1]) == sorted(names)
    for line in (tmp_path / "argv").read_text().splitlines():
        before, _, _after = f"{line} ".partition(" -- ")
        assert not set(names) & set(before.split())


def huge_manifest(tmp_path: Path) -> None:
    lines = b"weft-manifest 1\n" + b"\n" * 10_000_000
    tracemalloc.start()
    refuses(LimitExceeded, lambda: manifest.decode(lines))
    refuses(LimitExceeded, lambda: manifest.decode(lines, limit=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert manifest.MAX_BYTES == 1 << 30


def links_that_leave(tmp_path: Path) -> None:
    for target in ("/etc/passwd", "..", "../x", "a/../../x", "", "C:x", "\\x", "a/.git/config", "a\nb", "a/.."):
        refuses(SymlinkRefused, lambda target=target: check_link(target, "link", 0))  # type: ignore[misc]
    refuses(SymlinkRefused, lambda: check_link("../../x", "d/link", 1))
    assert check_link("../x", "d/link", 1) == "../x"


def kinds_are_not_exchanged(tmp_path: Path) -> None:
    refuses(ObjectType, lambda: manifest.decode(b"any chunk of a file"))
    listing = manifest_bytes("a")
    item = Frame(Oid.of(listing), 16, len(listing), len(listing), Kind.CHUNK, RAW, 0)
    refuses(ObjectType, lambda: frames.require_kind(item, Kind.MANIFEST))
    refuses(ObjectType, lambda: frames.require_kind(item._replace(kind=Kind.MANIFEST), Kind.CHUNK))
    assert Oid.of(listing, Kind.MANIFEST) != Oid.of(listing)


def entry(offset: int = 16, stored: int = 4, raw: int = 4, oid: bytes = bytes(32)) -> bytes:
    return struct.pack("<32sQIIBBHQ", oid, offset, stored, raw, 1, RAW, 0, 0)


def lying_pack_indexes(tmp_path: Path) -> None:
    second = bytes([1]) * 32
    pack.decode_footer(entry() + entry(20, oid=second), 24)
    for footer, end in (
        (entry(offset=1 << 40), 20),
        (entry(offset=(1 << 64) - 1), 20),
        (entry(stored=5, raw=5), 20),
        (entry() + entry(18, oid=second), 24),
        (entry() + entry(16, oid=second), 20),
        (entry(stored=(1 << 32) - 1, raw=(1 << 32) - 1), 16 + (1 << 32) - 1),
    ):
        refuses(BadPackIndex, lambda footer=footer, end=end: pack.decode_footer(footer, end))  # type: ignore[misc]
    for offset, count in ((1 << 63, 1), ((1 << 64) - 60, 1), (20, (1 << 32) - 1), (0, 0)):
        data = pack.encode_trailer(offset, entry(), count)
        refuses(BadPackIndex, lambda data=data: pack.decode_trailer(data, 112))  # type: ignore[misc]


def lying_segment(tmp_path: Path) -> None:
    def segment(size: int, count: int, footer: bytes) -> bytes:
        head = b"WEFTSEGM" + struct.pack("<HHIII", 1, 0, 1, 0, 0)
        return zstandard.ZstdCompressor().compress(head + struct.pack("<32sQII", bytes(32), size, count, 0) + footer)

    index_segment.decode(segment(112, 1, entry()))
    for size, count, footer in (
        (111, 1, entry()),
        ((1 << 64) - 1, 1, entry()),
        (112, (1 << 32) - 1, entry()),
        (112, 1, entry(offset=(1 << 64) - 1)),
        (112, 1, b""),
    ):
        data = segment(size, count, footer)
        refuses(BadPackIndex, lambda data=data: index_segment.decode(data))  # type: ignore[misc]


def expands(stored: bytes, raw: int) -> None:
    item = Frame(Oid(bytes(32)), 16, len(stored), raw, Kind.CHUNK, ZSTD, 0)
    tracemalloc.start()
    refuses(LimitExceeded, lambda: frames.decode_frame(stored, item))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


def bombs(tmp_path: Path) -> None:
    # RFC 8878: magic, descriptor with the width of the content size, content size, blocks that repeat one byte.
    block = (131072 << 3 | 1 << 1).to_bytes(3, "little") + b"x"
    last = b"\x01\0\0"
    blocks = block * ((10 << 30) // 131072) + last
    expands(b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 4 << 40) + last, 1024)
    expands(b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 10 << 30) + blocks, 1024)
    expands(b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 1024) + blocks, 1024)
    refuses(LimitExceeded, lambda: index_segment.decode(b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 4 << 40) + last))


def templates_that_say_too_much(_: Path) -> None:
    numbers = ", ".join(map(str, range(10_000)))
    words = ", ".join(["a"] * 790)
    wide: object = dict.fromkeys(map(str, range(3_000)), 1)
    for _ in range(20):
        wide = {"x" * 18_000: wide}
    blob = json.dumps({**dict.fromkeys("abcdefgh", 1), "pad": "x" * 1_000_000}).encode()
    names = ", ".join(f"'{name}.json:{name}'" for name in "abcdefgh")
    for text, data in (
        (f"stages: {{s: {{foreach: [{numbers}], do: {{cmd: [{words}], outs: ['x${{item}}']}}}}}}", b""),
        ("vars: [a.json]\nstages: {s: {cmd: 'sh train.sh ${m}'}}", json.dumps({"m": wide}).encode()),
        (f"vars: [{names}]\nstages: {{s: {{cmd: 'x ${{a}}'}}}}", blob),
    ):
        files = {f"{name}.json": data for name in "abcdefgh"}
        refuses(LimitExceeded, lambda text=text, files=files: stagefile.decode(text.encode(), read=files.get))


ROWS: list[tuple[int, str, Check]] = [
    (1, "oid-is-a-relative-path", oid_row(OidSyntax, "../../../../home/u/.aws/credentials")),
    (1, "oid-is-a-path-behind-blake3", oid_row(OidSyntax, "blake3:../../../../home/u/.aws/credentials")),
    (2, "oid-is-an-absolute-path", oid_row(OidSyntax, "/etc/passwd")),
    (3, "oid-is-a-windows-path", oid_row(OidSyntax, "C:\\Windows\\win.ini")),
    (4, "oid-in-upper-case", oid_row(OidSyntax, "blake3:" + HEX.upper())),
    (5, "oid-of-63-or-65-digits", both(oid_row(OidSyntax, OID_FIELD[:-1]), oid_row(OidSyntax, OID_FIELD + "0"))),
    (
        6,
        "oid-with-invisible-characters",
        oids_row(OidSyntax, *(OID_FIELD + end for end in ("\n", "\0", "\u200b", " "))),
    ),
    (7, "oid-of-full-width-digits", oids_row(OidSyntax, "blake3:" + "\uff10" * 64, "blake3:" + "\u0661" * 64)),
    (8, "oid-of-a-weak-hash", both(oid_row(WeakHash, "md5:" + "a" * 32), oid_row(WeakHash, "xxh3:" + "a" * 16))),
    (9, "oid-is-a-number", both(oid_row(SchemaError, "0" * 63 + "1"), oid_row(SchemaError, "1e5"))),
    (10, "impossible-sizes", sizes),
    (11, "size-differs-from-the-object", size_of_the_pointer_differs),
    (12, "unknown-key", pointer_row(SchemaError, FILE + "sha1: abc\n")),
    (13, "doubled-key", pointer_row(SchemaError, FILE + f"oid: blake3:{HEX}\n")),
    (14, "alias-bomb", alias_bomb),
    (15, "python-tag", pointer_row(YamlTag, FILE + "meta: !!python/object/apply:os.system ['touch pwned']\n")),
    (17, "deep-nesting", deep_nesting),
    (19, "conflict-markers", conflict),
    (22, "newer-format", newer_format),
    (23, "dot-dot", both(path_row(PathEscape, "../x", "..", "x/.."), name_row(PathEscape, "../x", ".."))),
    (24, "dot-dot-inside", both(path_row(PathEscape, "a/../../x"), name_row(PathEscape, "a/../../x"))),
    (25, "absolute", both(path_row(PathEscape, "/abs"), name_row(PathEscape, "/abs"))),
    (26, "drives-and-shares", path_row(PathEscape, "C:x", "C:\\x", "\\\\host\\share\\x", "\\x")),
    (26, "drives-and-shares-in-manifests", name_row(PathEscape, "C:x", "C:\\x", "\\\\host\\share\\x", "\\x")),
    (27, "backslash", both(path_row(PathChars, "a\\..\\..\\x"), name_row(PathChars, "a\\..\\..\\x"))),
    (
        28,
        "git-directory",
        path_row(PathReserved, ".git/hooks/post-checkout", ".GIT/config", "git~1/config", ".g\u200cit/config"),
    ),
    (
        28,
        "git-directory-in-manifests",
        name_row(PathReserved, ".git", ".GIT", "git~1", ".g\u200cit", ".git.", ".git::$DATA"),
    ),
    (29, "control-files", name_row(PathReserved, ".gitattributes", ".gitmodules", ".weft", "x.weft", "X.WEFT")),
    (29, "control-directory", path_row(PathReserved, ".weft/config")),
    (30, "empty-and-dot-components", path_row(PathSyntax, "a//b", "./a", "a/.", "", "a/")),
    (30, "empty-names-in-manifests", name_row(PathSyntax, "", ".")),
    (31, "windows-device-names", not_portable("con", "AUX.txt", "nul.tar.gz", "COM¹", "CONIN$")),
    (32, "control-characters", name_row((PathChars, SchemaError), *(f"a{chr(code)}" for code in (*range(32), 127)))),
    (32, "names-windows-changes", not_portable("file.", "file ", "12:30:00.png", "a<b")),
    (33, "long-names", long_names),
    (34, "not-utf-8", not_utf8),
    (35, "case-collision", colliding("README", "readme")),
    (36, "normalization-collision", colliding("\u00e9", "e\u0301")),
    (37, "folding-collisions", both(colliding("ſ", "s"), colliding("\u212a", "k"), colliding("ß", "ss"))),
    (38, "file-and-directory-of-one-name", file_and_directory),
    (39, "trailing-carriage-return", name_row(PathChars, "a\r")),
    (40, "bidi-override", both(name_row(PathChars, "a\u202egpj.exe"), path_row(PathChars, "a\u202egpj.exe"))),
    (41, "leading-dash", dash_reaches_git_as_a_path),
    (42, "manifest-of-10-million-lines", huge_manifest),
    (45, "links-that-leave", links_that_leave),
    (49, "kinds-exchanged", kinds_are_not_exchanged),
    (50, "lying-pack-index", lying_pack_indexes),
    (50, "lying-index-segment", lying_segment),
    (52, "zstd-bombs", bombs),
    (143, "templates-that-say-too-much", templates_that_say_too_much),
]
