"""The files that questions of lineage are answered from: those of a commit, or those of the work tree."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Protocol

from weft.errors import GitFailed, LimitExceeded, SymlinkRefused
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.index import LINK, SUBMODULE, tree_entries
from weft.gitio.repo import GitRepo
from weft.gitio.worktree import blob_ids, kept_modes
from weft.model.paths import MAX_PATH
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.reading import Listing, kept_text
from weft.util.atomic import os_errors
from weft.workflows.files import read_small


class Files(Listing, Protocol):
    """Files by path from the root, with forward slashes."""

    def at_or_below(self, top: str) -> list[str]:
        """The files, links and submodules at ``top`` or inside it, sorted; all for the empty path."""

    def text(self, path: str, limit: int) -> bytes | None:
        """The bytes of a file; None when it is not there. Raises ``LimitExceeded``, ``SymlinkRefused``, ``GitFailed``."""

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """Path to Git blob id of files that are there, of submodules to their commit. Raises ``GitFailed``."""


def kept(files: Files, paths: Iterable[str]) -> dict[str, str]:
    """What Git keeps at ``paths``, as ``kept_text`` spells it."""
    return {path: kept_text(files.mode(path), blob) for path, blob in files.blobs(paths).items()}


class CommitFiles:
    """The files of a commit: one Git process lists them, one more reads those that are asked for."""

    def __init__(self, repo: GitRepo, commit: str, reader: BlobReader) -> None:
        self._index = tree_entries(repo, commit)
        self._reader = reader

    def at_or_below(self, top: str) -> list[str]:
        """As ``Files`` says."""
        return [top] if top in self._index else self._index.below(top) if top else sorted(self._index)

    def mode(self, path: str) -> str:
        """As ``Files`` says."""
        entry = self._index.get(path)
        return entry.mode if entry else ""

    def link(self, path: str) -> str:
        """As ``Files`` says."""
        blob = self.blobs([path])[path]
        return os.fsdecode(self._reader.read([blob], MAX_PATH).get(blob, b""))

    def text(self, path: str, limit: int) -> bytes | None:
        """As ``Files`` says."""
        entry = self._index.get(path)
        if entry is None or entry.mode == SUBMODULE:
            return None
        if entry.mode == LINK:
            raise SymlinkRefused(f"{path} is a symbolic link where a plain file is wanted", path=path)
        found = self._reader.read([entry.blob], limit).get(entry.blob)
        if found is None and entry.blob in self._reader.sizes([entry.blob]):
            raise LimitExceeded(f"{path} is larger than {limit} bytes", path=path)
        if found is None:
            raise GitFailed(f"Git has no bytes of {path}", hint="run `git fsck`", path=path)
        return found

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """As ``Files`` says."""
        entries = {path: self._index.get(path) for path in paths}
        return {path: entry.blob for path, entry in entries.items() if entry is not None}


class TreeFiles:
    """The files of the work tree that Git keeps or would keep, at or below ``tops``; others are listed when they are asked
    for. Those that a sparse checkout leaves out are as the index has them. What was hashed once is not hashed again."""

    def __init__(self, repo: GitRepo, tops: Sequence[str] = ("",)) -> None:
        self._repo = repo
        self._tops: list[str] = []
        self._modes: dict[str, str] = {}
        self._names: list[str] = []
        self._blobs: dict[str, str] = {}
        self._list(tops)

    def _list(self, tops: Sequence[str]) -> None:
        self._tops += tops
        self._modes |= kept_modes(self._repo, tops)
        self._names = sorted(self._modes)

    def _listed(self, path: str) -> bool:
        return any(not top or is_at_or_below(path, top) for top in self._tops)

    def at_or_below(self, top: str) -> list[str]:
        """As ``Files`` says."""
        if not self._listed(top):
            self._list([top])
        if not top or top in self._modes:
            return [top] if top else list(self._names)
        first = bisect_left(self._names, top + "/")
        return self._names[first : bisect_left(self._names, top + "0", lo=first)]  # "0" comes right after "/"

    def mode(self, path: str) -> str:
        """As ``Files`` says; on the way to a file that is not listed yet, what is on disk counts."""
        known = self._modes.get(path, "")
        if known or self._listed(path):
            return known
        full = os.path.join(self._repo.root, path)
        if os.path.islink(full):
            return LINK
        return SUBMODULE if os.path.lexists(os.path.join(full, ".git")) else ""

    def link(self, path: str) -> str:
        """As ``Files`` says."""
        full = os.path.join(self._repo.root, path)
        if not os.path.lexists(full):  # a sparse checkout leaves it out
            blob = self.blobs([path])[path]
            return os.fsdecode(trees.read_blobs(self._repo, [blob], MAX_PATH)[blob])
        with os_errors("read", path):
            return os.readlink(full)

    def text(self, path: str, limit: int) -> bytes | None:
        """As ``Files`` says."""
        found = read_small(os.path.join(self._repo.root, path), limit)
        known = found is None and trees.is_sparse(self._repo) and self.mode(path)
        return trees.left_out_file(self._repo, path, limit) if known else found

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """As ``Files`` says."""
        wanted = [path for path in dict.fromkeys(paths) if self.mode(path)]
        fresh = [path for path in wanted if path not in self._blobs]
        if fresh:
            self._blobs.update(blob_ids(self._repo, fresh))
        return {path: self._blobs[path] for path in wanted}
