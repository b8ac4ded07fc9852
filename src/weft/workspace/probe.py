"""What the file system of the work tree can hold apart, found out by trying."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from typing import NamedTuple

from weft.errors import PathCollision, PathReserved
from weft.model.paths import all_portable, collisions, portable_problem
from weft.util.atomic import os_errors, temp_name
from weft.workspace.names import join_path

_COMPOSED, _DECOMPOSED = "\u00e9", "e\u0301"


class Traits(NamedTuple):
    """Names that differ only in case, or only in Unicode normalization, are one; names Windows forbids cannot be made."""

    folds_case: bool = False
    normalizes: bool = False
    windows: bool = False


def probe(top: str) -> Traits:
    """Try in a temporary directory of ``top``, which is removed again. Raises ``PermissionFault``, ``DiskFull``."""
    directory = os.path.join(top, temp_name())
    with os_errors("probe the file system", top):
        os.mkdir(directory)
        try:
            _touch(os.path.join(directory, "case"))
            _touch(os.path.join(directory, _COMPOSED))
            folds = os.path.lexists(os.path.join(directory, "CASE"))
            normalizes = os.path.lexists(os.path.join(directory, _DECOMPOSED))
            return Traits(folds, normalizes, not _can_make(os.path.join(directory, "a?.")))
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _touch(path: str) -> None:
    with open(path, "xb"):
        pass


def _can_make(path: str) -> bool:
    try:
        _touch(path)
    except OSError:
        return False
    # NTFS drops the final dot without a word.
    return os.path.basename(path) in os.listdir(os.path.dirname(path))


class NameGate:
    """Refuses names the file system cannot hold. It probes at the first doubtful name only."""

    def __init__(self, probe_traits: Callable[[], Traits]) -> None:
        self._probe = probe_traits
        self._traits: Traits | None = None

    @property
    def traits(self) -> Traits:
        """What the file system does, probed once."""
        if self._traits is None:
            self._traits = self._probe()
        return self._traits

    def check(self, directory: str, wanted: Iterable[str], others: Iterable[str] = ()) -> None:
        """Check the names that shall stand in ``directory``: ``wanted`` are to be written, ``others`` stay as they are.

        Raises ``PathCollision`` or ``PathReserved``.
        """
        names = list(wanted)
        for first, second in collisions([*others, *names]):
            if self.traits.folds_case or self.traits.normalizes:
                path = join_path(directory, second)
                raise PathCollision(
                    f"{path!a} and {first!a} are one file on this file system, which ignores case or normalization",
                    hint="check it out on a file system that tells them apart, or only some paths of it",
                    path=path,
                )
        for name in () if all_portable(names) else names:
            why = portable_problem(name)
            if why and self.traits.windows and "normal form" not in why:
                path = join_path(directory, name)
                raise PathReserved(f"this file system cannot hold {path!a}: the name {why}", path=path)
