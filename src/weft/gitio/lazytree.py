"""The trees of many commits, each directory read once, when it is asked for: most of what two commits hold is the same."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from weft.errors import GitFailed
from weft.gitio.batch import BlobReader
from weft.gitio.index import LINK, Entry, Index

_TREE = "40000"
_MOST = 100_000
"""So many names are kept in memory before all are forgotten."""

_Names = dict[str, tuple[str, str]]


class TreeReader:
    """Reads directories through ``reader``; one for many commits."""

    def __init__(self, reader: BlobReader) -> None:
        self._reader = reader
        self._known: dict[str, _Names] = {}
        self._names = 0

    def names(self, tree: str) -> _Names:
        """Name to mode and id of what the directory ``tree`` holds (its id, or COMMIT^{tree}). Raises ``GitFailed``."""
        if tree not in self._known:
            self._read([tree])
        found = self._known.get(tree)
        if found is None:
            raise GitFailed(f"Git has no directory {tree}", hint="run `git fsck`")
        return found

    def bring(self, commits: Mapping[str, Iterable[str]]) -> None:
        """Read the root of each commit, and the directories above the paths that stand with it, by one question to Git for
        each level of directories. Raises ``GitFailed``."""
        if self._names > _MOST:
            self._known.clear()
            self._names = 0
        tops = {commit: f"{commit}^{{tree}}" for commit in commits}
        waiting = [(tops[commit], path.split("/")[:-1]) for commit, paths in commits.items() for path in paths]
        self._read(tops.values())
        while waiting := [
            (self._known[tree][folders[0]][1], folders[1:])
            for tree, folders in waiting
            if folders and self._known.get(tree, {}).get(folders[0], ("",))[0] == _TREE
        ]:
            self._read(tree for tree, _ in waiting)

    def _read(self, trees: Iterable[str]) -> None:
        for name, data in self._reader.trees(tree for tree in trees if tree not in self._known).items():
            found = self._known[name] = dict(_rows(data, len(name.partition("^")[0]) // 2))
            self._names += len(found)


class LazyTree(Index):
    """The tree of one commit."""

    def __init__(self, reader: TreeReader, commit: str) -> None:
        super().__init__({})
        self._reader = reader
        self._top = commit + "^{tree}"

    def state(self, path: str) -> str:
        """Mode and id of what is at ``path``, a directory too: the same text stands for the same content. Empty where there
        is nothing; for the root it is another text in each commit."""
        if not path:
            return self._top
        folder, _, name = path.rpartition("/")
        found = self._folder(folder).get(name)
        return " ".join(found) if found else ""

    def get(self, path: str) -> Entry | None:
        """As ``Index`` says."""
        folder, _, name = path.rpartition("/")
        found = self._folder(folder).get(name)
        return None if found is None or found[0] == _TREE else Entry(*found)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.below(""))

    def __len__(self) -> int:
        return len(self.below(""))

    def below(self, directory: str) -> list[str]:
        """As ``Index`` says."""
        return sorted(self._below(directory))

    def links(self) -> list[str]:
        """As ``Index`` says."""
        return [path for path in self if (entry := self.get(path)) is not None and entry.mode == LINK]

    def _below(self, directory: str) -> Iterator[str]:
        for name, (mode, _) in self._folder(directory).items():
            path = f"{directory}/{name}" if directory else name
            if mode == _TREE:
                yield from self._below(path)
            else:
                yield path

    def _folder(self, path: str) -> _Names:
        found = self._reader.names(self._top)
        for name in path.split("/") if path else ():
            mode, tree = found.get(name, ("", ""))
            if mode != _TREE:
                return {}
            found = self._reader.names(tree)
        return found


def _rows(data: bytes, width: int) -> Iterator[tuple[str, tuple[str, str]]]:
    """The rows of a tree object: mode, space, name, NUL, and the id as ``width`` bytes."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        mode = data[at:space].decode("ascii")
        yield os.fsdecode(data[space + 1 : end]), (mode, data[end + 1 : end + 1 + width].hex())
        at = end + 1 + width
