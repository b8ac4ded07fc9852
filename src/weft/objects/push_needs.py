"""What a push needs to have on the remote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from types import TracebackType
from typing import Self

from weft.errors import NotOnRemote, ObjectMissing, WeftError
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.oidset import SortedOids
from weft.objects.proofs import check_sizes, false_layout, prove_pairs
from weft.objects.push_roots import Roots
from weft.objects.reachability import Closure, Walker, walk
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.util.humanize import count_text


class Needs:
    """The frames under some pointers. A context manager, because manifests may have to be fetched to know them.

    A pointer is taken on trust while its root is there and its data was seen complete by this clone before, or cannot be
    walked because this clone never fetched it: then every pack of the remote must be there instead.
    """

    def __init__(self, remote: RemoteStore, store: LocalStore, pointers: Mapping[str, Pointer], roots: Roots) -> None:
        self._remote = remote
        self._store = store
        self._pointers = pointers
        self._roots = roots
        self._distinct = {root_name(pointer): pointer for pointer in pointers.values()}
        self._frames = SortedOids()
        self._receiver: Receiver | None = None
        self._trusted: list[Pointer] = []

    def __enter__(self) -> Self:
        trusted = [pointer for pointer in self._distinct.values() if self._roots.trusts(pointer)]
        seen = {root_name(pointer) for pointer in trusted}
        rest = self._walk_local([pointer for name, pointer in self._distinct.items() if name not in seen])
        lean = [pointer for pointer in rest if self._covered(pointer)]
        self._trusted = trusted + lean
        try:
            self._walk_remote([pointer for pointer in rest if pointer not in lean])
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._receiver is not None:
            self._receiver.__exit__(kind, error, trace)

    @property
    def trusting(self) -> bool:
        """True while some pointers are taken on trust."""
        return bool(self._trusted)

    def frames(self) -> SortedOids:
        """Everything that the pointers need which are not taken on trust."""
        return self._frames

    def walk_trusted(self) -> None:
        """Take nothing on trust any more: find out what these pointers need too."""
        self._roots.distrust()
        trusted, self._trusted = self._trusted, []
        self._walk_remote(self._walk_local(trusted))

    def paths_of(self, absent: Set[Oid]) -> list[str]:
        """The tracked paths that need one of ``absent``, or whose needs cannot be told."""
        found = []
        for path, pointer in self._pointers.items():
            try:
                if self._walked(pointer).all_frames() & absent:
                    found.append(path)
            except WeftError:
                found.append(path)
        return found

    def _walk_local(self, pointers: Iterable[Pointer]) -> list[Pointer]:
        """Walk what the local store has the manifests of; return the others."""
        good: list[Pointer] = []
        failed: list[Pointer] = []
        walker = Walker(self._store)
        for pointer in pointers:
            try:
                walker.add(pointer)
                good.append(pointer)
            except ObjectMissing:
                failed.append(pointer)
                walker = Walker(self._store)
                for earlier in good:
                    walker.add(earlier)
        self._add(walker.closure)
        return failed

    def _walk_remote(self, pointers: list[Pointer]) -> None:
        if not pointers:
            return
        if self._receiver is None:
            self._receiver = Receiver(self._remote, self._store, list(self._distinct.values()))
            self._receiver.__enter__()
        walker = Walker(self._receiver)
        for pointer in pointers:
            try:
                walker.add(pointer)
            except NotOnRemote as error:
                paths = [path for path, other in self._pointers.items() if root_name(other) == root_name(pointer)]
                raise ObjectMissing(
                    f"data of {', '.join(paths[:3])} is neither here nor on {self._remote.storage.name}",
                    hint="run `weft fetch` from the remote that has it, or store the files again with `weft add --force`",
                    path=paths[0],
                ) from error
        self._add(walker.closure)

    def _covered(self, pointer: Pointer) -> bool:
        """Whether the root of a directory is there and all index segments that it names are known."""
        segments = self._roots.segments.get(root_name(pointer))
        if segments is None or not pointer.is_dir or not self._roots.sound:
            return False
        return all(self._remote.catalog.has_segment(self._remote.place, name) for name in segments)

    def _prove(self, closure: Closure) -> None:
        """Refuse data that is not what its pointers say: whoever fetches it would."""
        proof = prove_pairs(self._store, closure.pairs())
        for target in sorted(proof.false):
            paths = [path for path, pointer in self._pointers.items() if target in self._walked(pointer).composed]
            raise false_layout(paths[0], target, proof.false[target])
        check_sizes(self._store.catalog, closure)
        if not proof.unproved:
            return
        recipes = dict(closure.pairs())
        brought = {recipes[target] for target in proof.unproved}
        with suppress(NotOnRemote):  # what the remote has already was proved by whoever pushed it
            brought = set(self._remote.catalog.missing(brought, self._remote.place))
        if brought:
            self._store.progress.warn(
                f"not proved: {count_text(len(brought), 'object')} of several chunks, whose bytes are not all here",
                hint="weft fetch, then weft push",
            )

    def _walked(self, pointer: Pointer) -> Closure:
        return walk(pointer, self._receiver or self._store)

    def _add(self, closure: Closure) -> None:
        self._prove(closure)
        # Sizes and kinds are of no use any more, and there may be millions.
        self._frames = SortedOids.union(closure.all_frames(), self._frames)
