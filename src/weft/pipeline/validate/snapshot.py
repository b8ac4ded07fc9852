"""The files of a commit as Git keeps them: by path, with what changed, read when somebody asks, many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Protocol

from weft.errors import WeftError, quoted
from weft.formats import yaml12
from weft.gitio.index import Change, Entry, Index
from weft.model.pointer import SUFFIX
from weft.model.stage import is_stage_file
from weft.pipeline.reading import kept_text

TEXT_LIMIT = 16 << 20
"""Most bytes of a params, metrics or stage file that are read."""


class Blobs(Protocol):
    """Where the bytes of blobs come from."""

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """Blob id to bytes; unknown ids are left out."""

    def read(self, blobs: Iterable[str], limit: int) -> dict[str, bytes]:
        """Blob id to content; those over ``limit`` bytes are left out."""


class Snapshot:
    """``index`` is what the commit holds, ``changes`` what differs from the commit before it, by path. ``commit`` names it
    where it is one, and not what is staged for one."""

    def __init__(self, index: Index, changes: Iterable[Change], blobs: Blobs) -> None:
        self.index = index
        self.changes: Mapping[str, Change] = {change.path: change for change in changes}
        self.blobs = blobs
        self.commit = ""
        self._texts: dict[str, bytes | None] = {}
        self._lines: dict[str, Mapping[tuple[str | int, ...], int]] = {}

    @property
    def here(self) -> str:
        """How is said where a file is: ``staged``, or in the commit."""
        return "in the commit" if self.commit else "staged"

    @property
    def as_here(self) -> str:
        """How a file is told of that may be another one elsewhere: ``as staged``, or in the commit."""
        return "in the commit" if self.commit else "as staged"

    def deleted(self, path: str) -> bool:
        """True when this commit takes ``path`` away."""
        change = self.changes.get(path)
        return change is not None and change.status == "D"

    def touched(self, path: str) -> bool:
        """True when this commit adds or changes ``path``."""
        change = self.changes.get(path)
        return change is not None and bool(change.blob)

    def fetch(self, paths: Iterable[str], limit: int = TEXT_LIMIT) -> None:
        """Read the blobs of ``paths`` in one go; what is no regular file, or over ``limit``, has no text."""
        wanted = {}
        for path in paths:
            entry = self.index.get(path)
            if path not in self._texts and entry is not None and entry.regular:
                wanted[path] = entry.blob
        texts = self.blobs.read(wanted.values(), limit)
        self._texts.update((path, texts.get(blob)) for path, blob in wanted.items())

    def old_texts(self, paths: Iterable[str], limit: int) -> dict[str, bytes]:
        """The bytes that ``paths`` had before this commit; what was not there, or is over ``limit``, is left out."""
        blobs = {path: change.old_blob for path in paths if (change := self.changes.get(path)) and change.old_blob}
        texts = self.blobs.read(blobs.values(), limit)
        return {path: texts[blob] for path, blob in blobs.items() if blob in texts}

    def old_text(self, path: str) -> bytes | None:
        """The bytes that ``path`` had before this commit; None when there were none, or too many."""
        return self.old_texts([path], TEXT_LIMIT).get(path) if path in self.changes else self.text(path)

    def text(self, path: str) -> bytes | None:
        """The bytes of ``path`` in the snapshot; None when it is no regular file there, or too large."""
        if path not in self._texts:
            self.fetch([path])
        return self._texts.get(path)

    def line(self, path: str, *keys: str | int) -> int:
        """The line on which the value at ``keys`` of a YAML file stands; of the innermost that is there, else 0."""
        if path not in self._lines:
            try:
                text, anchors = self.text(path) or b"", is_stage_file(path)
                self._lines[path] = yaml12.load_with_lines(text, what=path, limit=TEXT_LIMIT, anchors=anchors)[1]
            except WeftError:
                self._lines[path] = {}
        known = self._lines[path]
        for end in range(len(keys), 0, -1):
            if keys[:end] in known:
                return known[keys[:end]]
        return 0

    def owner(self, path: str) -> str:
        """The tracked path that ``path`` is or lies inside; empty when weft keeps none of it."""
        while path and path + SUFFIX not in self.index:
            path = path.rpartition("/")[0]
        return path

    def entry(self, path: str) -> Entry | None:
        """What the snapshot has at ``path``."""
        return self.index.get(path)

    def at_or_below(self, top: str) -> list[str]:
        """The paths at ``top`` or inside it, sorted."""
        return [top] if top in self.index else self.index.below(top)

    def mode(self, path: str) -> str:
        """The mode of what the snapshot has at ``path``, empty when there is nothing."""
        entry = self.index.get(path)
        return entry.mode if entry else ""

    def link(self, path: str) -> str:
        """What the link at ``path`` holds."""
        entry = self.index.get(path)
        text = self.blobs.read([entry.blob], TEXT_LIMIT).get(entry.blob) if entry else None
        return os.fsdecode(text or b"")

    def kept(self, path: str) -> str:
        """What the snapshot has at ``path``, as ``kept_text`` spells it; empty when there is nothing."""
        entry = self.index.get(path)
        return kept_text(entry.mode, entry.blob) if entry else ""


def back(snapshot: Snapshot, path: str, *, worktree: bool = False) -> str:
    """The command that brings ``path`` back as the commit before had it."""
    if snapshot.commit:
        return f"git checkout {snapshot.commit}~ -- {quoted(path)}, then: git commit"
    return f"git restore --staged {'--worktree ' if worktree else ''}{quoted(path)}"
