"""What must hold after any fault, checked without weft: this module imports none of it, and reads the bytes by docs/spec.

``check`` looks at a repository and at a remote that is a directory; ``Before`` remembers bytes of the work tree and says
which of them are gone; ``leftovers`` and ``ended`` look at what a command left behind and how it ended. All of them return
what is wrong, in words, and nothing when all is well. The numbers are those of docs/reliability.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3
from zstandard import ZstdError

from golden.reader import CHUNK, LAYOUT, LINE, MANIFEST, RECIPE, SEGMENT, hasher, read_pointer, unzstd

EXIT_CODES = (0, 1, 2, 3, 4, 5, 6, 130)
_PACK = re.compile("packs/([0-9a-f]{2})/(\\1[0-9a-f]{62})[.]pack", re.ASCII)
_SEGMENT = re.compile("index/([0-9a-f]{64})[.]idx", re.ASCII)
_ROOT = re.compile("roots/[0-9a-f]{32}/([0-9a-f]{64})(?:[.]([0-9a-f]{64}))?", re.ASCII)
_OWN = re.compile(r"[.]weft$|(^|/)[.](weft/|gitignore$|gitattributes$)")
_OTHER = re.compile(
    "weft[.]json|lock|quarantine[.]lock|quarantine[.]log|weft-store|(tmp|[.]weft-tmp|sessions|tombs|quarantine)(/.*)?",
    re.ASCII,
)


class Broken(Exception):
    """Bytes are not what the specification says of them."""


def need(fact: object, words: str) -> None:
    """Raise ``Broken`` when ``fact`` is not so."""
    if not fact:
        raise Broken(words)


@dataclass
class Objects:
    """Every object that is proved to lie in some place: oid -> (kind, bytes). Recipes stand under their object as well."""

    frames: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    packs: set[str] = field(default_factory=set)

    def together(self, other: Objects) -> Objects:
        """What either of two places holds."""
        return Objects(self.frames | other.frames, self.packs | other.packs)

    def contents(self) -> set[bytes]:
        """Digests of all file contents that can be read back, whole or joined by any recipe."""
        whole = {oid for oid, (kind, _) in self.frames.items() if kind == CHUNK}
        for kind, data in list(self.frames.values()):
            if kind == RECIPE:
                with suppress(Broken, struct.error):
                    whole.add(blake3(_joined(self, data, data[:32])).digest())
        return whole


# --- I1: what stands under a name hashes to it ---


def proved(place: Path, wrong: list[str]) -> Objects:
    """Read all packs and segments below ``place`` and add to ``wrong`` whatever is not what its name says."""
    found = Objects()
    segments: dict[str, bytes] = {}
    for name in _files(place):
        pack, segment = _PACK.fullmatch(name), _SEGMENT.fullmatch(name)
        try:
            if pack:
                found.frames.update(_pack(place.joinpath(name).read_bytes(), pack[2]))
                found.packs.add(pack[2])
            elif segment:
                segments |= _segment(place.joinpath(name).read_bytes(), segment[1])
            else:
                need(_ROOT.fullmatch(name) or _OTHER.fullmatch(name), "is a name that no object has")
        except (Broken, SystemExit, ZstdError, struct.error) as error:
            wrong.append(f"I1: {place.name}/{name}: {error}")
    for pack_name in sorted(found.packs & segments.keys()):
        data = place.joinpath("packs", pack_name[:2], pack_name + ".pack").read_bytes()
        if data[-32 - len(segments[pack_name]) : -32] != segments[pack_name]:
            wrong.append(f"I1: a segment of {place.name} tells another footer of the pack {pack_name}")
    return found


def _files(place: Path) -> Iterator[str]:
    for folder, _, names in os.walk(place):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), place)


def _pack(data: bytes, name: str) -> Iterator[tuple[bytes, tuple[int, bytes]]]:
    need(blake3(data).hexdigest() == name, "a pack does not hash to its name")
    need(len(data) >= 48 and data[:16] == b"WEFTPACK\1" + bytes(7), "the header of a pack")
    at, count, reserved, _, magic = struct.unpack("<QIIQ8s", data[-32:])
    need((magic, reserved, at) == (b"WEFTTAIL", 0, len(data) - 32 - 60 * count), "the trailer of a pack")
    end = 16
    for oid, offset, stored, raw, kind, codec, _, _ in struct.iter_unpack("<32sQIIBBHQ", data[at:-32]):
        need(offset == end, "a gap in a pack")
        end = offset + stored
        content = unzstd(data[offset:end], raw) if codec else data[offset:end]
        need(len(content) == raw and hasher(kind).update(content).digest() == oid, f"the frame {oid.hex()}")
        yield oid, (kind, content)
    need(end == at and count, "the footer of a pack")


def _segment(stored: bytes, name: str) -> dict[str, bytes]:
    need(hasher(SEGMENT).update(stored).hexdigest() == name, "a segment does not hash to its name")
    data = unzstd(stored, 256 << 20)
    magic, version, flags, packs, superseded, _ = struct.unpack_from("<8sHHIII", data)
    need((magic, version, flags) == (b"WEFTSEGM", 1, 0), "the header of a segment")
    at, footers = 24 + 32 * superseded, {}
    for _ in range(packs):
        pack, _size, count, _ = struct.unpack_from("<32sQII", data, at)
        footers[pack.hex()] = data[at + 48 : at + 48 + 60 * count]
        at += 48 + 60 * count
    need(at == len(data), "the length of a segment")
    return footers


# --- I3, I4: everything below a pointer or a root is there ---


def closure(objects: Objects, value: Mapping[str, object]) -> None:
    """Raise ``Broken`` unless all objects below a pointer or root (type, oid, layout, size, files) are there and agree."""
    recipes: dict[bytes, bytes] = {}
    if value.get("layout"):
        _layout(objects, value["layout"], b"", recipes)  # type: ignore[arg-type]
    oid, size, files = value["oid"], value["size"], value["files"]
    need(isinstance(oid, bytes), "an oid")
    if value["type"] == "dir":
        need(_directory(objects, oid, recipes) == (size, files), "the sums of a directory are not what was promised")
    else:
        need(len(_read(objects, oid, CHUNK, recipes)) == size, "a file is longer or shorter than was promised")


def _frame(objects: Objects, oid: bytes, kind: int) -> bytes:
    found = objects.frames.get(oid)
    need(found and found[0] == kind, f"there is no object {oid.hex()} of kind {kind}")
    assert found
    return found[1]


def _joined(objects: Objects, recipe: bytes, oid: bytes) -> bytes:
    target, length, count = struct.unpack_from("<32sQI", recipe)
    need(target == oid and len(recipe) == 44 + 36 * count, f"the recipe of {oid.hex()}")
    parts = [_frame(objects, chunk, CHUNK) for chunk, _ in struct.iter_unpack("<32sI", recipe[44:])]
    need(sum(map(len, parts)) == length, f"the length in the recipe of {oid.hex()}")
    return b"".join(parts)


def _read(objects: Objects, oid: bytes, kind: int, recipes: Mapping[bytes, bytes], depth: int = 0) -> bytes:
    if oid not in recipes:
        return _frame(objects, oid, kind)
    need(depth < 8, "recipes of recipes without end")
    data = _joined(objects, _read(objects, recipes[oid], RECIPE, recipes, depth + 1), oid)
    need(hasher(kind).update(data).digest() == oid, f"the chunks of {oid.hex()} do not make it up")
    return data


def _layout(objects: Objects, oid: bytes, prefix: bytes, recipes: dict[bytes, bytes]) -> int:
    data = _frame(objects, oid, LAYOUT)
    if data[:8] == b"WEFTLAYL":
        pairs = dict(struct.iter_unpack("<32s32s", data[12:]))
        need(struct.unpack_from("<I", data, 8) == (len(pairs),), "the number of pairs of a layout")
        need(all(target.startswith(prefix) for target in pairs), "a pair in the wrong place of a layout")
        recipes.update(pairs)
        return len(pairs)
    need(data[:9] == b"WEFTLAYI" + bytes([len(prefix)]), "the header of a layout node")
    for byte, below, child in struct.iter_unpack("<BxxxI32s", data[12:]):
        need(
            _layout(objects, child, prefix + bytes([byte]), recipes) == below, "the number of pairs below a layout node"
        )
    return sum(below for _, below, _ in struct.iter_unpack("<BxxxI32s", data[12:]))


def _directory(objects: Objects, oid: bytes, recipes: Mapping[bytes, bytes]) -> tuple[int, int]:
    lines = _read(objects, oid, MANIFEST, recipes).decode().split("\n")
    need(lines[0] == "weft-manifest 1" and lines[-1] == "", "the header of a manifest")
    total, count = 0, 0
    for line in lines[1:-1]:
        match = LINE.fullmatch(line)
        need(match, "a line of a manifest")
        assert match
        entry, size, files = bytes.fromhex(match[2]), int(match[3]), int(match[4] or 1)
        if match[1] is None:
            need(_directory(objects, entry, recipes) == (size, files), f"the sums of the directory {match[5]!a}")
        else:
            need(len(_read(objects, entry, CHUNK, recipes)) == size, f"the size of {match[5]!a}")
        total, count = total + size, count + files
    return total, count


def pointers(repo_root: Path, wrong: list[str]) -> dict[str, dict[str, object]]:
    """The pointers of a work tree by path; one that does not parse is added to ``wrong`` (I3)."""
    found: dict[str, dict[str, object]] = {}
    for folder, folders, names in os.walk(repo_root):
        folders[:] = [name for name in folders if name not in (".git", ".weft")]
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".weft"):
                try:
                    found[os.path.relpath(path, repo_root)] = read_pointer(path)
                except (SystemExit, KeyError, ValueError, TypeError, SyntaxError) as error:
                    wrong.append(f"I3: {name} is no pointer: {error!r}")
    return found


def roots(remote: Path, wrong: list[str]) -> dict[str, dict[str, object]]:
    """The roots of a remote by name; one that is not what its name says is added to ``wrong`` (I4)."""
    found: dict[str, dict[str, object]] = {}
    for name in _files(remote):
        match = _ROOT.fullmatch(name)
        if match:
            try:
                value = json.loads(remote.joinpath(name).read_bytes())
                for key, text in (("oid", match[1]), ("layout", match[2])):
                    need(value.get(key) == (text and f"blake3:{text}"), f"its {key} is not the one of its name")
                    value[key] = text and bytes.fromhex(text)
                need(value["weft"] == 1 and value["type"] in ("file", "dir"), "its version or type")
                found[name] = value
            except (Broken, ValueError, KeyError, TypeError) as error:
                wrong.append(f"I4: {name} is no root: {error!r}")
    return found


# --- the catalog, which may know less than is true, and never more ---


def catalog(repo_root: Path, packs: set[str]) -> list[str]:
    """Whether the catalog is a sound database and names no pack as local that is not in the store."""
    source = state_of(repo_root) / "catalog.sqlite"
    if not source.exists():
        return []
    with tempfile.TemporaryDirectory() as folder:  # of a copy, for opening a database mends it
        for suffix in ("", "-wal", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{source}{suffix}", os.path.join(folder, f"copy{suffix}"))
        try:
            with closing(sqlite3.connect(os.path.join(folder, "copy"))) as base:
                sound = base.execute("PRAGMA integrity_check").fetchone()
                need(sound == ("ok",), f"{sound}")
                if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'held'").fetchone():
                    return []
                rows = base.execute(
                    "SELECT hex(packs.name) FROM held JOIN packs ON packs.id = held.pack"
                    " JOIN places ON places.id = held.place WHERE places.key = 'local'"
                ).fetchall()
        except (sqlite3.DatabaseError, Broken) as error:
            return [f"I3: the catalog is damaged: {error}"]
    return [f"I3: the catalog counts on the pack {name}" for (name,) in rows if name.lower() not in packs]


# --- the whole ---


def state_of(repo_root: Path) -> Path:
    """Where a clone keeps what is not committed (a linked work tree has a file ``.git`` that leads there)."""
    git = repo_root / ".git"
    if git.is_file():
        git = Path(git.read_text().removeprefix("gitdir: ").strip()).parents[1]
    return git / "weft"


def check(repo_root: str | Path, remote: str | Path | None = None, *, settled: bool = True) -> list[str]:
    """All that is wrong with a repository and its remote, in words; nothing when I1, I3 and I4 hold.

    Not ``settled``: packs were being dropped, and the catalog, which is mended by the next that relies on it, may still
    name one of them.
    """
    wrong: list[str] = []
    repo_root = Path(repo_root)
    local = proved(state_of(repo_root) / "store", wrong)
    wrong += [words for words in catalog(repo_root, local.packs) if settled or "counts on" not in words]
    shared = Objects()
    if remote is not None:
        shared = proved(Path(remote), wrong)
        for name, value in roots(Path(remote), wrong).items():
            wrong += _incomplete(f"I4: {name}", shared, value)
    either = local.together(shared)
    for name, value in pointers(repo_root, wrong).items():
        wrong += _incomplete(f"I3: {name}", either, value)
    return wrong


def _incomplete(name: str, objects: Objects, value: Mapping[str, object]) -> list[str]:
    try:
        closure(objects, value)
    except (Broken, struct.error, UnicodeDecodeError) as error:
        return [f"{name}: {error}"]
    return []


@dataclass(frozen=True)
class Before:
    """Bytes of the work tree as they were: path -> digest; links by target, and not what weft itself writes there."""

    root: Path
    digests: Mapping[str, bytes]

    @classmethod
    def of(cls, repo_root: str | Path, *paths: str) -> Before:
        """Remember what lies below ``paths``, which are relative to the work tree (all of it when there are none)."""
        found = dict(_digests(Path(repo_root), paths or (".",)))
        return cls(Path(repo_root), {path: digest for path, digest in found.items() if not _OWN.search(path)})

    def lost(self, *places: str | Path) -> list[str]:
        """Which of the bytes are neither where they were nor in the local store or one of ``places`` (I2)."""
        now = dict(_digests(self.root, self.digests))
        gone = {path for path, digest in self.digests.items() if now.get(path) != digest}
        if not gone:
            return []
        stored: set[bytes] = set()
        for place in (state_of(self.root) / "store", *map(Path, places)):
            stored |= proved(place, []).contents()
        return [f"I2: the bytes of {path} are gone" for path in sorted(gone) if self.digests[path] not in stored]


def _digests(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        top = root / path
        if top.is_symlink():
            yield path, blake3(os.fsencode(os.readlink(top))).digest()
        elif top.is_file():
            yield path, blake3(top.read_bytes()).digest()
        elif top.is_dir():
            below = [os.path.normpath(os.path.join(path, name)) for name in sorted(os.listdir(top)) if name != ".git"]
            yield from _digests(root, below)


def torn(before: Mapping[str, object], after: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Paths of a work tree that are neither as they were before a command nor as it was to leave them (I2, I7)."""
    wrong = []
    for path in sorted(before.keys() | after.keys() | now.keys()):
        if path.rpartition("/")[2] == ".gitignore":
            wrong += _torn_lines(path, before, after, now)
        elif ".weft-tmp-" not in path and path[:1] != "(":
            if path in now and now[path] not in (before.get(path), after.get(path)):
                wrong.append(f"I2: {path} is neither old nor new: {now[path]!r:.80}")
            elif path not in now and path in before and path in after:
                wrong.append(f"I2: {path} is gone, though it should have stayed")
    return wrong


def _lines(part: object) -> list[bytes]:
    return part.split(b"\n") if isinstance(part, bytes) else []


def _torn_lines(path: str, *states: Mapping[str, Any]) -> list[str]:
    """A file that is changed line by line has no line that it had neither before nor afterwards."""
    before, after, now = ({line for part in state.get(path, ()) for line in _lines(part)} for state in states)
    return [f"I2: {path} holds other lines: {now}"] if now - before - after else []


def leftovers(repo_root: str | Path, remote: str | Path | None = None) -> list[str]:
    """Files that an unfinished command left: in the work tree, in the store's and the remote's folders for that (I8)."""
    found = [path for path, _ in _digests(Path(repo_root), ["."]) if ".weft-tmp-" in path]
    for place in (state_of(Path(repo_root)) / "store", *([Path(remote)] if remote else [])):
        found += [f"{place.name}/{name}" for name in _files(place) if name.startswith(("tmp/", ".weft-tmp/"))]
    return [f"I8: {name} was left behind" for name in found]


def ended(code: int, out: str, err: str, *, killed: bool = False) -> list[str]:
    """What is wrong with the way a command ended (I9); ``killed`` tells that a signal was meant to end it."""
    wrong = []
    if "Traceback (most recent call last)" in out + err:
        wrong.append(f"I9: a traceback: {err[-600:]}")
    if code not in EXIT_CODES and not killed:
        wrong.append(f"I9: the exit code {code}: {err[-600:]}")
    if code not in (0, 1) and not killed and not err.strip() and not out.strip():
        wrong.append(f"I9: the exit code {code} and not a word")
    return wrong
