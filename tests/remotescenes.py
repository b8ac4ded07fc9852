"""Clones and remotes that are directories, a command for each, and what the command's success promises.

The objects layer does the work; what is promised is looked at without weft, as the checker of invariants does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from invariants import check, proved, roots
from transfer_kit import REPO, Tree, add, clone, edit, flatten, noise
from weft.formats import pointer as pointer_format
from weft.formats.root import root_name
from weft.model.pointer import Pointer
from weft.objects import upload
from weft.objects.closure_check import RemoteReport, check_remote
from weft.objects.download import fetch
from weft.objects.gc_remote import DELETED, NEEDED, Collected, CollectOptions, collect
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.storage.local import LocalStorage

SHARED = {"a": noise(900, 1), "b": noise(900, 2), "sub": {"c": noise(900, 3)}}
TREE: dict[str, bytes | Tree] = {**SHARED, "big": noise(1_300_000, 4)}
MANY: dict[str, Tree] = {f"p{number}": {"f": noise(300, 50 + number)} for number in range(3)}
MORE: dict[str, bytes | Tree] = {**SHARED, "own": noise(900, 5)}


class Place(NamedTuple):
    """A clone and a remote, laid out as the checker of invariants wants them."""

    top: Path

    @property
    def root(self) -> Path:
        return self.top / "repo"

    @property
    def remote(self) -> Path:
        return self.top / "remote"

    @property
    def state(self) -> Path:
        return self.root / ".git/weft"

    def contents(self) -> set[bytes]:
        """Digests of all that the local store holds."""
        return proved(self.state / "store", []).contents()


Pointers = dict[str, Pointer]
Act = Callable[[RemoteStore, LocalStore, Pointers], object]
Claims = Callable[[Place, Pointers, object], list[str]]


class Scene(NamedTuple):
    """``make`` builds the clone and its remote, ``act`` is the command, and ``claims`` tells what is wrong with its success.

    ``sound`` says that nothing is wrong with the remote before the command, ``settle`` what passes before it is run again.
    """

    make: Callable[[Place], Pointers]
    act: Act
    claims: Claims
    sound: bool = True
    settle: Callable[[Place], object] = lambda place: None


# --- commands, and what their success promises ---


def pushing(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return upload.push(remote, store, pointers)


def pushed(place: Place, pointers: Pointers, _result: object) -> list[str]:
    names = {name.rpartition("/")[2] for name in roots(place.remote, [])}
    missing = [f"I5: {path} has no root" for path, pointer in pointers.items() if root_name(pointer) not in names]
    return missing + check(place.root, place.remote)


def fetching(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return fetch(remote, store, pointers)


def fetching_part(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return fetch(remote, store, pointers, {"data": ["sub"]})


def fetched(*trees: Tree) -> Claims:
    wanted = {blake3(data).digest() for tree in trees for data in flatten(tree).values()}

    def claims(place: Place, _pointers: Pointers, _result: object) -> list[str]:
        absent = wanted - place.contents()
        return [f"I9: {len(absent)} of {len(wanted)} files were not fetched"] if absent else []

    return claims


def checking(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return check_remote(remote, store, pointers, share=1.0)


def finds_nothing(_place: Place, _pointers: Pointers, report: object) -> list[str]:
    assert isinstance(report, RemoteReport)
    return [f"the check of a sound remote says {report.problems}"] if report.problems else []


def finds_it(_place: Place, _pointers: Pointers, report: object) -> list[str]:
    assert isinstance(report, RemoteReport)
    return [] if report.problems else ["I9: the check of a damaged remote says nothing"]


def collecting(remote: RemoteStore, store: LocalStore, _pointers: Pointers) -> object:
    return collect(remote, store, options=CollectOptions(most=True))


def kept(place: Place, pointers: Pointers, _result: object) -> list[str]:
    """What a root needs is there, whether garbage is or not (I6)."""
    return pushed(place, {"data": pointers["data"]}, None)


def gone(place: Place, pointers: Pointers, result: object) -> list[str]:
    """The garbage is not there any more either."""
    assert isinstance(result, Collected)
    packs = [path.stem for path in place.remote.glob("packs/*/*.pack")]
    left = [fate.pack.hex() for fate in result.fates if fate.fate not in (DELETED, NEEDED)]
    return kept(place, pointers, result) + ([] if len(packs) == 2 and not left else [f"I8: {packs} are still there"])


# --- clones and remotes ---


def added(place: Place, **trees: Tree) -> Pointers:
    """Put trees into the store and their pointers into the work tree."""
    with clone(place.state) as store:
        pointers = {name: add(store, tree, name) for name, tree in trees.items()}
    for name, pointer in pointers.items():
        (place.root / f"{name}.weft").write_bytes(pointer_format.encode(pointer))
    return pointers


def nothing_there(place: Place) -> Pointers:
    return added(place, data=TREE)


def some_there(place: Place) -> Pointers:
    """One pointer is there; the other shares content with it."""
    all_there(place)
    return added(place, data=TREE, more=MORE)


def all_there(place: Place) -> Pointers:
    pointers = added(place, data=TREE)
    with clone(place.state) as store:
        pushing(RemoteStore(LocalStorage(str(place.remote)), store.catalog, REPO), store, pointers)
    return pointers


def pack_gone(place: Place) -> Pointers:
    pointers = some_there(place)
    largest(place).unlink()
    return pointers


def other_clone(place: Place) -> Pointers:
    """All is there, and this clone has looked at the remote never."""
    all_there(place)
    (place.state / "catalog.sqlite").unlink()
    return added(place, data=TREE, more=MORE)


def new_clone(place: Place) -> Pointers:
    pointers = all_there(place)
    shutil.rmtree(place.state)
    return pointers


def new_clone_of_many(place: Place) -> Pointers:
    """More pointers than are asked for one by one."""
    pointers = added(place, **MANY)
    with clone(place.state) as store:
        pushing(RemoteStore(LocalStorage(str(place.remote)), store.catalog, REPO), store, pointers)
    shutil.rmtree(place.state)
    return pointers


def new_clone_pack_gone(place: Place) -> Pointers:
    pointers = new_clone(place)
    largest(place).unlink()
    return pointers


def new_clone_pack_flipped(place: Place) -> Pointers:
    pointers = new_clone(place)
    # Not in the middle, where a faulty remote would flip it back.
    edit(largest(place), lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    return pointers


def days_pass(place: Place, days: float = 3.0, below: str = "**/*") -> None:
    """Everything on the remote gets older."""
    for path in place.remote.glob(below):
        os.utime(path, (path.stat().st_mtime - days * 86400.0,) * 2)


def garbage(place: Place) -> Pointers:
    """What only one of two roots needs is garbage, for that root is gone."""
    pointers = added(place, data=TREE, more=MORE)
    with clone(place.state) as store:
        for name in pointers:
            pushing(RemoteStore(LocalStorage(str(place.remote)), store.catalog, REPO), store, {name: pointers[name]})
    for path in place.remote.glob(f"roots/*/{pointers['more'].oid.hex()}*"):
        path.unlink()
    # This clone need not know of it.
    (place.state / "catalog.sqlite").unlink()
    days_pass(place)
    return pointers


def condemned(place: Place) -> Pointers:
    pointers = garbage(place)
    with clone(place.state) as store:
        collecting(RemoteStore(LocalStorage(str(place.remote)), store.catalog, REPO), store, pointers)
    days_pass(place)
    return pointers


def collector_forgotten(place: Place) -> None:
    """A collector that could not end its session is in the way for two hours."""
    days_pass(place, 0.2, "sessions/*")


def largest(place: Place) -> Path:
    return max(place.remote.glob("packs/*/*.pack"), key=lambda path: path.stat().st_size)


SCENES = {
    "first push": Scene(nothing_there, pushing, pushed),
    "second push": Scene(some_there, pushing, pushed),
    "push of what is there": Scene(all_there, pushing, pushed),
    "push where a pack went away": Scene(pack_gone, pushing, pushed, sound=False),
    "push of another clone": Scene(other_clone, pushing, pushed),
    "fetch": Scene(new_clone, fetching, fetched(TREE)),
    "fetch of a part": Scene(new_clone, fetching_part, fetched({"c": noise(900, 3)})),
    "fetch of many": Scene(new_clone_of_many, fetching, fetched(*MANY.values())),
    "condemning": Scene(garbage, collecting, kept, settle=collector_forgotten),
    "collecting": Scene(condemned, collecting, gone, settle=collector_forgotten),
    "verify": Scene(new_clone, checking, finds_nothing),
    "verify where a pack went away": Scene(new_clone_pack_gone, checking, finds_it, sound=False),
    "verify where a pack is damaged": Scene(new_clone_pack_flipped, checking, finds_it, sound=False),
}
