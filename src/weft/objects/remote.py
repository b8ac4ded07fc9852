"""A remote store: its identity, roots, sessions and tombs (``docs/spec/remote.md``).

Nothing in it moves: every name is content or unique. The only thing that is trusted is what hashes to a name that came
from Git; all the rest (roots, index segments, listings) are hints that save time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

from weft.errors import (
    BucketMissing,
    HashMismatch,
    KeyMissing,
    LimitExceeded,
    NotOnRemote,
    RemoteIdentity,
    SchemaError,
    WeftError,
)
from weft.formats import root as root_format
from weft.formats import storeformat
from weft.formats import tomb as tomb_format
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.remote import DEFAULT_CHUNKER, ChunkerParams, StoreFormat
from weft.model.root import Root
from weft.objects import remote_keys as keys
from weft.objects.catalog import Catalog
from weft.objects.remote_session import Session
from weft.storage.base import ObjectStat, Storage
from weft.util.clock import Clock, SystemClock
from weft.util.forking import own_lock

SMALL = 1 << 20
"""Most bytes of ``weft.json`` and of a root."""
_PAGE_HINT = (
    "the remote answered with a web page: a proxy or a login page may stand in between; try `weft remote check`"
)


class FoundRoot(NamedTuple):
    """A root as it lies on the remote; ``root`` is None when it cannot be read, ``fault`` then tells why."""

    name: str
    root: Root | None
    fault: str = ""


def refuse_page(data: bytes, key: str) -> None:
    """Raise ``HashMismatch`` when ``data`` is a web page, which nothing of ours is."""
    if data[:1] == b"<":
        raise HashMismatch(f"the bytes of {key} on the remote are not what was stored", hint=_PAGE_HINT, path=key)


def place_of(catalog: Catalog, store: str) -> int:
    """The number in the catalog of the remote store with the id ``store``."""
    # The prefix keeps a hostile store id from being the name of another kind of place.
    return catalog.place("store:" + store)


class RemoteStore:
    """One remote. ``repo`` is the repository's id, ``pin`` the store id that the configuration names ("" when none).

    Safe from several threads. ``ignored`` counts keys met that are not weft's.
    """

    def __init__(
        self,
        storage: Storage,
        catalog: Catalog,
        repo: str,
        pin: str = "",
        *,
        jobs: int = 8,
        clock: Clock | None = None,
    ) -> None:
        self.storage = storage
        self.clock = clock or SystemClock()
        self.catalog = catalog
        self.repo = repo
        self.jobs = max(1, jobs)
        self.ignored = 0
        self._pin = pin
        self._format: StoreFormat | None = None
        self._place = -1
        self._tombs: dict[str, frozenset[Oid]] = {}
        self._lock = own_lock(self)

    # --- identity ---

    def connect(
        self, *, create: bool = False, chunker: ChunkerParams = DEFAULT_CHUNKER, role: str = "read"
    ) -> StoreFormat:
        """Read ``weft.json``, once. With ``create`` a remote that is not pinned is made when there is none.

        ``role`` (read, write or gc) is what is to be done with the store, as ``storeformat.decode`` takes it.

        Raises ``RemoteIdentity`` when it is another store than the pinned one or none, ``NotOnRemote`` when nothing was
        ever pushed there, ``FormatVersion`` for a newer store.
        """
        with self._lock:
            if self._format is None:
                found = self._read_format(create, role)
                if found is None:
                    found = self._create(create, chunker, role)
                storeformat.check_pin(found, self._pin, self.storage.name)
                self._place = place_of(self.catalog, found.store)
                self._format = found
            return self._format

    @property
    def promised(self) -> int | None:
        """The number in the catalog of the store that ``connect`` will find, or raise; None when nothing is pinned.

        It allows to ask for hints about that store beside the question whether it is the right one.
        """
        return place_of(self.catalog, self._pin) if self._pin else None

    @property
    def place(self) -> int:
        """The number of this store in the catalog; connects when needed."""
        self.connect()
        return self._place

    @property
    def store_id(self) -> str:
        """The store's own id; connects when needed."""
        return self.connect().store

    def _read_format(self, create: bool, role: str) -> StoreFormat | None:
        try:
            data = self._read_small(keys.FORMAT, SMALL)
        except KeyMissing:
            return None
        except BucketMissing:
            # A directory is made by the first write; one that is pinned was there before, so its disk is not mounted.
            if create and not self._pin:
                return None
            raise
        try:
            return storeformat.decode(data, role=role)
        except SchemaError as error:
            raise RemoteIdentity(
                f"weft.json on {self.storage.name} was replaced or damaged: {error.message}", hint="weft remote check"
            ) from error

    def _create(self, create: bool, chunker: ChunkerParams, role: str) -> StoreFormat:
        name = self.storage.name
        if self._pin:
            raise RemoteIdentity(
                f"{name} holds no weft store, but the configuration names the store {self._pin}",
                hint="check the remote's url with `weft remote list`",
            )
        if not create:
            raise NotOnRemote(f"nothing was ever pushed to {name}", hint="weft push")
        self.storage.write(keys.FORMAT, storeformat.encode(StoreFormat(uuid4().hex, chunker)), create=True)
        # Somebody else may have made the store at the same moment: what lies there now is the truth.
        found = self._read_format(False, role)
        if found is None:
            raise RemoteIdentity(f"{name} does not keep what is written to it", hint="weft remote check")
        return found

    # --- roots ---

    def root_key(self, name: str) -> str:
        """Where the root called ``name`` is, for this repository."""
        return f"{keys.ROOTS}{self.repo}/{name}"

    def read_root(self, pointer: Pointer) -> FoundRoot | None:
        """The root of ``pointer``; None when it was never pushed. Raises ``HashMismatch`` for a web page."""
        name = root_format.root_name(pointer)
        try:
            data = self._read_small(self.root_key(name), SMALL)
        except KeyMissing:
            return None
        except LimitExceeded as error:
            return FoundRoot(name, None, error.message)
        found = _decode_root(name, data)
        if found.root is not None:
            root = found.root
            told = (root.type, root.oid, root.layout, root.size, root.files)
            if told != (pointer.type, pointer.oid, pointer.layout, pointer.size, pointer.files):
                return FoundRoot(name, None, "it stands for other data than its name says")
        return found

    def write_root(self, pointer: Pointer, segments: tuple[Oid, ...], *, replace: bool = False) -> bool:
        """Say that all data of ``pointer`` is here. The last thing a push writes. True when this call wrote it."""
        root = Root(pointer.type, pointer.oid, pointer.layout, pointer.size, pointer.files, segments)
        key = self.root_key(root_format.root_name(pointer))
        return self.storage.write(key, root_format.encode(root), create=not replace)

    def root_names(self) -> dict[str, int]:
        """Names and sizes in bytes of all roots of this repository."""
        prefix = f"{keys.ROOTS}{self.repo}/"
        found = {stat.key[len(prefix) :]: stat.size for stat in self.storage.list(prefix)}
        ours = {name: size for name, size in found.items() if keys.is_root_name(name)}
        self.ignored += len(found) - len(ours)
        return ours

    def roots(self) -> Iterator[FoundRoot]:
        """All roots of this repository, the unreadable ones too."""
        for name in sorted(self.root_names()):
            try:
                yield _decode_root(name, self._read_small(self.root_key(name), SMALL))
            except KeyMissing:
                continue
            except (HashMismatch, LimitExceeded) as error:
                yield FoundRoot(name, None, error.message)

    # --- sessions and tombs ---

    @contextmanager
    def session(self, kind: str = "push") -> Iterator[Session]:
        """Tell a garbage collector that a push is going on, or (``gc``) that another collector is."""
        session = Session(self.storage, self.repo, self.clock, kind)
        session.begin()
        try:
            yield session
        finally:
            session.end()

    def tombs(self) -> set[Oid]:
        """Names of the packs that are going to be deleted: dead for ever, even while they are still there.

        Raises ``SchemaError`` or ``LimitExceeded`` when a list of them cannot be read: then nothing may rely on any pack.
        """
        listed = list(self._ours(keys.TOMBS))
        for stat in listed:
            if stat.key not in self._tombs:
                with suppress(KeyMissing):
                    self._tombs[stat.key] = tomb_format.decode(self._read_small(stat.key, tomb_format.LIMIT), stat.key)
        present = {stat.key for stat in listed}
        return set().union(*(packs for key, packs in self._tombs.items() if key in present))

    def _ours(self, prefix: str) -> Iterator[ObjectStat]:
        for stat in self.storage.list(prefix):
            if keys.is_tomb(stat.key):
                yield stat
            else:
                self.ignored += 1

    # --- reading small things ---

    def _read_small(self, key: str, limit: int) -> bytes:
        return read_bounded(self.storage, key, limit)


def read_bounded(storage: Storage, key: str, limit: int) -> bytes:
    """Read a whole small object that is no web page. Raises ``KeyMissing``, ``LimitExceeded``, ``HashMismatch``."""
    data = storage.read_small(key, limit)
    refuse_page(data, key)
    return data


def _decode_root(name: str, data: bytes) -> FoundRoot:
    try:
        return FoundRoot(name, root_format.decode(data, name=name))
    except WeftError as error:  # whatever is wrong with it, it is no more than a hint
        return FoundRoot(name, None, error.message)
