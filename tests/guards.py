"""The guards of the protocol, and how each is taken out of the code (see ``tests/faults/test_protocol_mutations.py``)."""

from __future__ import annotations

from mutants import Mutation

UPLOAD, ATOMIC, PACKER = "weft.objects.upload", "weft.util.atomic", "weft.objects.packer"
LOOP = ("    while rest:\n        rest = rest[os.write(fd, rest) :]", "    os.write(fd, rest)\n")

GUARDS: dict[str, tuple[str, list[Mutation]]] = {
    "the look at the packs when all roots are there": (
        "pushed_again",
        [
            Mutation(
                UPLOAD,
                "gaps = (self._presence or Presence(self._remote)).check(self._store.catalog.packs(self._remote.place))",
                "gaps = type('Gaps', (), {'all': set(), 'wrong': set()})",
            )
        ],
    ),
    "the look at the packs relied on": (
        "pushed_more",
        [Mutation(UPLOAD, "        gaps = presence.check(packs)\n", "        return True\n")],
    ),
    "the post-check": (
        "lost_during_push",
        [Mutation(UPLOAD, "return check() and not session.lapsed()", "return not session.lapsed()")],
    ),
    "the ctime": ("same_size_and_time", [Mutation("weft.workspace.stats", "info.st_ctime_ns", "0")]),
    "the short-write loop of pointers": ("added_in_bits", [Mutation(ATOMIC, *LOOP)]),
    "the short-write loop of packs, and the look at their length": (
        "added_in_bits",
        [
            Mutation(
                "weft.util.blocks",
                "data = data[os.write(self._fd, data) :]",
                "data = data[max(len(data), os.write(self._fd, data)) :]",
            ),
            Mutation(PACKER, "if written != size:", "if not written:"),
        ],
    ),
    "the short-write loop of a remote": ("pushed_in_bits", [Mutation(ATOMIC, *LOOP)]),
    "the short-write loop of the workspace": (
        "checked_out_in_bits",
        [Mutation("weft.workspace.writer", "while written < len(piece):", "while not written:")],
    ),
    "the fsync of pointers": (
        "order_of_add",
        [
            Mutation(
                ATOMIC,
                "            write_all(fd, data)\n            os.fsync(fd)\n",
                "            write_all(fd, data)\n",
            )
        ],
    ),
    "the fsync of packs": ("order_of_add", [Mutation(PACKER, "            os.fsync(file.fd)\n", "")]),
    "the fsync of the directory of packs": (
        "order_of_add",
        [
            Mutation(
                ATOMIC,
                "    sync_folder(target)\n    with contextlib",
                "    with contextlib",
            )
        ],
    ),
    "the fsync of the directory of a pointer": (
        "order_of_add",
        [
            Mutation(ATOMIC, "            sync_folder(dir_fd)\n            return\n", "            return\n"),
            Mutation(ATOMIC, '    fsync_dir(directory or ".")\n', ""),
        ],
    ),
    "the fsync on a remote": (
        "order_of_push",
        [Mutation("weft.storage.local", "            fill(fd)\n            os.fsync(fd)\n", "            fill(fd)\n")],
    ),
    "the fsync of directories on a remote": (
        "order_of_push",
        [
            Mutation(
                ATOMIC,
                "    try:\n        os.fsync(fd)\n    except OSError as error:\n"
                "        if error.errno not in _NO_DIR_SYNC:\n            raise\n",
                "    return\n",
            )
        ],
    ),
    "the fsync of packs that are fetched": (
        "order_of_fetch",
        [Mutation("weft.objects.incoming", "            os.fsync(fd)\n", "            pass\n")],
    ),
    "the proof of packs that are fetched": (
        "fetched_flipped",
        [Mutation("weft.objects.receive", "verify_pack(temp, pack, key)\n", "pass\n")],
    ),
    "the proof of frames that are fetched": (
        "fetched_part_flipped",
        [Mutation("weft.objects.ranges", "verify_frame(stored, frame)))", "stored))")],
    ),
    "the hash of what is checked out": (
        "checked_out_flipped",
        [
            Mutation(
                "weft.objects.store_read",
                "        if (verify or not pack.trusted) and Oid.of(data, frame.kind) != frame.oid:",
                "        if not data:",
            )
        ],
    ),
}
"""What each guard is called: the scene that misses it, and how it is taken out."""
