"""A second reader of weft's formats, written from docs/spec alone: ``reader.py REMOTE_DIR REPO_ID POINTER_FILE OUT_DIR``.

It restores the data of a pointer from a remote that is a directory, and proves every byte from the pointer down. It needs
nothing but Python, ``blake3`` and ``zstandard``.
"""

import ast
import json
import os
import re
import struct
import sys

from blake3 import blake3
from zstandard import ZstdDecompressor, get_frame_parameters

CHUNK, MANIFEST, RECIPE, LAYOUT, SEGMENT = 1, 2, 3, 4, 0
NAMES = {MANIFEST: "manifest", RECIPE: "recipe", LAYOUT: "layout", SEGMENT: "index"}
OID = re.compile("blake3:([0-9a-f]{64})", re.ASCII)
LINE = re.compile(r"(?:([fxl])|d) ([0-9a-f]{64}) (0|[1-9]\d*) (?(1)|(0|[1-9]\d*) )(.+)", re.ASCII)


def need(fact, what):
    if not fact:
        sys.exit(f"refused: {what}")


def hasher(kind):
    return blake3(derive_key_context=f"weft {NAMES[kind]} v1") if kind in NAMES else blake3()


def unzstd(stored, limit):
    need(get_frame_parameters(stored).content_size <= limit, "compressed bytes expand too far")
    return ZstdDecompressor(max_window_size=1 << 28).decompress(stored, allow_extra_data=False)


def safe(name):
    folded = re.sub("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]", "", name).split(":")[0].rstrip(". ").casefold()
    odd = re.search("[\0-\x1f\x7f-\x9f/\\\\\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069]|^[A-Za-z]:|^[.]{0,2}$", name)
    taken = re.fullmatch(r"\.git(attributes|modules)?|.*\.weft|(git|weft|gi[0-9a-f]{4})~\d+", folded)
    need(not odd and not taken and len(name.encode()) <= 255, f"the name {name!a}")
    return name


def read_pointer(path):
    with open(path, "rb") as stream:
        lines = stream.read(65536).decode().splitlines()
    pairs = [line.split(": ", 1) for line in lines if ": " in line and not line.startswith((" ", "#"))]
    pointer = {key: ast.literal_eval(text) if text.startswith('"') else text for key, text in pairs}
    need(len(pairs) == len(pointer) and pointer["weft"] == "1", "not a pointer of version 1")
    need(safe(pointer["path"]) + ".weft" == os.path.basename(path), "the pointer stands for another name")
    for key in {"oid", "layout"} & set(pointer):
        pointer[key] = bytes.fromhex(OID.fullmatch(pointer[key])[1])
    return pointer | {"size": int(pointer["size"]), "files": int(pointer.get("files", 1))}


class Remote:
    def __init__(self, root, repo, pointer):
        self.root, self.frames, self.recipes = root, {}, {}
        store = json.loads(self.file("weft.json"))
        need((store["weft"], store["hash"], store["features"]["read"]) == (1, "blake3", []), "weft.json")
        layout = pointer.get("layout")
        root = json.loads(self.file("roots", repo, pointer["oid"].hex() + (f".{layout.hex()}" if layout else "")))
        need(
            root["weft"] == 1 and all(root[key] == pointer[key] for key in ("type", "size", "files")),
            "the root is another pointer's",
        )
        for name in os.listdir(os.path.join(self.root, "index")):  # those of the root and those that supersede them
            self.segment(name)
        if layout:
            need(self.layout(layout, b""), "the layout")

    def file(self, *parts):
        with open(os.path.join(self.root, *parts), "rb") as stream:
            return stream.read()

    def segment(self, name):
        stored, digest = self.file("index", name), hasher(SEGMENT)
        need(digest.update(stored).hexdigest() + ".idx" == name, "an index segment is not what its name says")
        data = unzstd(stored, 256 << 20)
        magic, version, flags, packs, superseded, _ = struct.unpack_from("<8sHHIII", data)
        need((magic, version, flags) == (b"WEFTSEGM", 1, 0), "an index segment of version 1")
        at = 24 + 32 * superseded
        for _ in range(packs):
            pack, _size, count, _ = struct.unpack_from("<32sQII", data, at)
            for oid, *frame in struct.iter_unpack("<32sQIIBBHQ", data[at + 48 : at + 48 + 60 * count]):
                self.frames.setdefault(oid, []).append((pack.hex(), *frame))
            at += 48 + 60 * count
        need(at == len(data), "an index segment is longer or shorter than it says")

    def frame(self, oid, kind):
        for pack, offset, stored, raw, found, codec, _, _ in self.frames.get(oid, []):
            path = os.path.join(self.root, "packs", pack[:2], pack + ".pack")
            if found == kind and raw <= 16 << 20 and os.path.exists(path):
                with open(path, "rb") as stream:
                    stream.seek(offset)
                    data = stream.read(stored)
                data = unzstd(data, raw) if codec else data
                if len(data) == raw and hasher(kind).update(data).digest() == oid:
                    return data
        return sys.exit(f"refused: there is no good copy of {oid.hex()}")

    def layout(self, oid, prefix):
        """Learn the pairs of a layout node and return their number."""
        data = self.frame(oid, LAYOUT)
        if data[:8] == b"WEFTLAYL":
            pairs = dict(struct.iter_unpack("<32s32s", data[12:]))
            need(all(target.startswith(prefix) for target in pairs) and list(pairs) == sorted(pairs), "a layout leaf")
            need(struct.unpack_from("<I", data, 8) == (len(pairs),) and len(pairs) <= 4096, "the size of a layout leaf")
            self.recipes.update(pairs)
            return len(pairs)
        need(data[:9] == b"WEFTLAYI" + bytes([len(prefix)]), "a layout node")
        children = list(struct.iter_unpack("<BxxxI32s", data[12:]))
        need(
            all(self.layout(child, prefix + bytes([byte])) == below for byte, below, child in children), "a layout node"
        )
        return sum(below for _, below, _ in children)

    def parts(self, oid, kind, size, level=0):
        """Yield the bytes of an object piece by piece; they are proved when the last piece was asked for."""
        if oid not in self.recipes:
            pieces = [(oid, kind, None)]
        else:
            need(level < 8, "recipes of recipes without end")
            recipe = b"".join(self.parts(self.recipes[oid], RECIPE, None, level + 1))
            target, length, count = struct.unpack_from("<32sQI", recipe)
            need(target == oid and len(recipe) == 44 + 36 * count and size in (None, length), "a recipe")
            pieces = [(chunk, CHUNK, length) for chunk, length in struct.iter_unpack("<32sI", recipe[44:])]
        digest, total = hasher(kind), 0
        for piece, piece_kind, length in pieces:
            data = self.frame(piece, piece_kind)
            need(length in (None, len(data)), "the size of a chunk")
            digest.update(data)
            total += len(data)
            yield data
        need(digest.digest() == oid and size in (None, total), "an object is not what its name says")


def write_file(remote, path, oid, size, executable):
    with open(path, "xb") as stream:
        for part in remote.parts(oid, CHUNK, size):
            stream.write(part)
    os.chmod(path, 0o755 if executable else 0o644)


def write_dir(remote, path, oid, size, files, depth=0):
    lines = b"".join(remote.parts(oid, MANIFEST, None)).decode().split("\n")
    entries = [LINE.fullmatch(line) for line in lines[1:-1]]
    need(lines[0] == "weft-manifest 1" and lines[-1] == "" and all(entries), "a manifest of version 1")
    rows = [(m[1] or "d", bytes.fromhex(m[2]), int(m[3]), int(m[4] or 1), safe(m[5])) for m in entries]
    need((sum(row[2] for row in rows), sum(row[3] for row in rows)) == (size, files), "the sums of a manifest")
    need([row[4] for row in rows] == sorted({row[4] for row in rows}), "the order of a manifest")
    os.mkdir(path)
    for kind, oid, size, files, name in rows:
        target = os.path.join(path, name)
        if kind == "d":
            write_dir(remote, target, oid, size, files, depth + 1)
        elif kind == "l":
            link = b"".join(remote.parts(oid, CHUNK, size))
            up = re.match(rb"(\.\./)*", link + b"/").end()
            leaves = re.search(rb"^[/\\]|(^|/)\.\.(/|$)", link[up:]) or up > 3 * depth
            need(link and not leaves, f"the link {name!a} leads outside")
            os.symlink(link, target)
        else:
            write_file(remote, target, oid, size, kind == "x")


def main(root, repo, path, out):
    pointer = read_pointer(path)
    remote, target = Remote(root, repo, pointer), os.path.join(out, pointer["path"])
    if pointer["type"] == "dir":
        write_dir(remote, target, pointer["oid"], pointer["size"], pointer["files"])
    else:
        write_file(remote, target, pointer["oid"], pointer["size"], "mode" in pointer)


if __name__ == "__main__":
    main(*sys.argv[1:])
