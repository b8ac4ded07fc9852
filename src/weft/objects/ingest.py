"""Reading files of the workspace into the store, in one pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from weft.model.oid import Oid
from weft.objects.store_write import ObjectWriter


class FileToRead(NamedTuple):
    """A file to read: its absolute path, the size in bytes that the scan saw, and the caller's own key."""

    path: str
    size: int
    key: object


class Ingested(NamedTuple):
    """A file that was read: its oid, size, recipe (None when it is one chunk or was only hashed) and final ``fstat``."""

    key: object
    oid: Oid
    size: int
    recipe: Oid | None
    stat: os.stat_result


def ingest(
    writer: ObjectWriter | None,
    files: Iterable[FileToRead],
    *,
    workers: int = 0,
    max_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Ingested]:
    """Read ``files`` and store them through ``writer`` (only hash them when it is None), in completion order.

    ``on_progress(bytes, files)`` tells each step. Raises ``FileChanged``, ``FileTypeRefused``, ``SymlinkRefused``,
    ``LimitExceeded``, ``PermissionFault``, ``NoSuchPath``.
    """
    raise NotImplementedError
