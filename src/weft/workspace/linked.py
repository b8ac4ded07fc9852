"""Which work trees have links into a store: notes beside its packs, so that damage to a copy can be told to all of them.

A note is a hint. It is written before links are made; one of a work tree that is gone is passed over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

from weft.errors import FileTypeRefused, WeftError
from weft.model.config import HARD, SYMLINK
from weft.model.oid import Oid
from weft.objects import store_folder
from weft.objects.copies import copy_oid, is_sealed
from weft.objects.store import LocalStore
from weft.objects.unpacked import Copy, Unpacked
from weft.util.atomic import write_atomic
from weft.util.dirfd import open_regular, opened

_FOLDER = "links"
_LIMIT = 1 << 20
_MOST = 200_000
"""Entries of other work trees that are looked at, at most, to name links: it is a help, not a promise."""


class Damage(NamedTuple):
    """A copy that was changed in place through the link at ``path``, and the ``others`` that are linked to it."""

    path: str
    copy: str
    others: tuple[str, ...] = ()


def note_links(store: LocalStore, root: str, paths: Iterable[str], kind: str) -> None:
    """Note that the tracked ``paths`` of the work tree ``root`` may hold links of ``kind`` into the store from now on."""
    if kind not in (HARD, SYMLINK):
        return
    name = os.path.join(store.root, _FOLDER, Oid.of(os.fsencode(root)).hex()[:32])
    known = _read(name)
    wanted = sorted({*(known[1:] if known else ()), *paths})
    if known is None or wanted != known[1:]:
        text = os.fsencode("\0".join([root, *wanted]))
        with (
            suppress(WeftError, OSError),  # nothing but a hint for messages
            store_folder.part(store.root, _FOLDER, store.files.sharing, make=True) as folder,
        ):
            write_atomic(os.path.basename(name), text, dir_fd=folder)


def find_damage(store: LocalStore, root: str, paths: Iterable[str]) -> list[Damage]:
    """Those of the changed files ``paths`` (relative to the work tree ``root``) that were changed through a link."""
    copies = Unpacked(store)
    found = []
    for path in paths:
        place = os.path.join(root, path)
        copy = _copy_behind(place, copies)
        # A link to an older version is as it was made, whatever the pointer says by now.
        if copy is not None and not is_sealed(copy.info, copy.oid) and not copies.heal(copy.path, copy.oid):
            others = (other for other in _others(store, copy) if other != place)
            found.append(Damage(path, copy.path, tuple(sorted(others))))
    return found


def symbolic_links(store: LocalStore) -> set[str]:
    """What the symbolic links of all work trees that noted to have some lead to."""
    found = set()
    for root, *paths in _notes(store):
        for path in paths:
            for place in _files(root, path):
                with suppress(OSError):
                    found.add(os.readlink(place))
    return found


def _copy_behind(place: str, copies: Unpacked) -> Copy | None:
    """The copy that the file at ``place`` is a link to."""
    with suppress(OSError):
        if os.path.islink(place):
            target = os.readlink(place)
            oid = copy_oid(copies.folder, target)
            return Copy(target, oid, os.lstat(target)) if oid else None
        info = os.lstat(place)
        if info.st_nlink > 1:
            for copy in chain(copies.all(), copies.set_aside_before()):
                if (copy.info.st_dev, copy.info.st_ino) == (info.st_dev, info.st_ino):
                    return copy
    return None


def _others(store: LocalStore, copy: Copy) -> Iterator[str]:
    """Where else, in the work trees that noted it, a file is linked to ``copy``."""
    left = _MOST
    for root, *paths in _notes(store):
        for path in paths:
            for place in _files(root, path):
                left -= 1
                if not left:
                    return
                with suppress(OSError):
                    info = os.stat(place)
                    if (info.st_dev, info.st_ino) == (copy.info.st_dev, copy.info.st_ino):
                        yield place


def _files(root: str, path: str) -> Iterator[str]:
    """The tracked ``path`` of a work tree, or all files below it; nothing where a link leads to it."""
    top = os.path.join(root, path)
    try:
        with opened(root, path):
            for directory, _, names in os.walk(top):
                yield from (os.path.join(directory, name) for name in names)
    except (FileNotFoundError, NotADirectoryError):
        yield top
    except WeftError:
        if os.path.islink(top):
            yield top


def _notes(store: LocalStore) -> Iterator[list[str]]:
    folder = os.path.join(store.root, _FOLDER)
    with suppress(OSError):
        for name in sorted(os.listdir(folder)):
            found = _read(os.path.join(folder, name))
            if found:
                yield found


def _read(name: str) -> list[str] | None:
    """What the note ``name`` says, if whom it belongs to owns the work tree, too: others could name any directory."""
    try:
        with open(open_regular(name), "rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            root, *paths = os.fsdecode(file.read(_LIMIT)).split("\0")
        tree = os.lstat(root)
    except (OSError, ValueError, FileTypeRefused):
        return None
    if not os.path.isabs(root) or not stat.S_ISDIR(tree.st_mode) or owner not in (0, tree.st_uid):
        return None
    return [root, *filter(_is_below, paths)]


def _is_below(path: str) -> bool:
    """Whether a path leads from a work tree to something in it, as far as its name tells."""
    return bool(path) and not os.path.isabs(path) and ".." not in path.split("/")
