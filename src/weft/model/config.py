"""The configuration: what is committed for everybody, and what one clone sets for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.model.remote import DEFAULT_CHUNKER, ChunkerParams, RemoteSpec

WARN = "warn"
STRICT = "strict"

AUTO, COPY, REFLINK, HARD, SYMLINK = "auto", "copy", "reflink", "hard", "symlink"
LINKS = (AUTO, COPY, REFLINK, HARD, SYMLINK)
"""How a checkout makes files: shared blocks where a copy is there to share them with, own bytes, shared blocks, links."""
LINK_FROM = 1 << 20
"""Files of fewer bytes are never linked."""

SHARED_GROUP, SHARED_ALL = "group", "all"
SHARED = (SHARED_GROUP, SHARED_ALL)
"""Whom the local store is shared with: its group, which may write; with all, others may read too."""

GC_GRACE = 14
"""Days that unreachable data stays in the local store."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings, with their defaults where nothing is set.

    Committed: ``repo`` (32 hex digits), ``remote`` (the default one's name), ``remotes``, ``chunker``, ``portable`` (warn
    or strict), ``stage`` (whether verbs stage pointers in Git; None when not set, which means yes), ``link`` (how a checkout
    makes files: auto, copy or reflink; empty when not set, which means auto).
    Private: ``remote``, ``remotes``, ``stage`` and ``link`` (any of ``LINKS``) again, ``link_from`` (bytes from which on
    files are linked; 0 when not set, which means ``LINK_FROM``), ``store_dir`` (where the local store is; empty: in the
    Git directory), ``store_shared`` (one of ``SHARED``; empty: nobody), ``store_limit`` (bytes that it may have after a
    garbage collection; 0: any), ``gc_grace`` (days that unreachable data is kept), ``jobs`` (0: chosen by weft),
    ``accepted`` (the place that each remote had when the user accepted it: its url in one spelling, endpoint and store).
    ``reuse_from`` (revisions, with commas, in whose history runs may be reused besides that of HEAD),
    ``reuse_runs`` (authors, with commas, or ``*``, whose shared runs may be reused), ``reuse_share`` (whether ``weft push``
    shares the runs of this clone),
    ``hooks_quiet`` (whether Git hooks tell only what is wrong or left to do).
    """

    repo: str = ""
    remote: str = ""
    remotes: Mapping[str, RemoteSpec] = field(default_factory=dict)
    chunker: ChunkerParams = DEFAULT_CHUNKER
    portable: str = WARN
    stage: bool | None = None
    store_dir: str = ""
    store_limit: int = 0
    gc_grace: int = GC_GRACE
    jobs: int = 0
    link: str = ""
    link_from: int = 0
    store_shared: str = ""
    accepted: Mapping[str, RemoteSpec] = field(default_factory=dict)
    reuse_from: str = ""
    reuse_runs: str = ""
    reuse_share: bool = False
    hooks_quiet: bool = False

    @property
    def stages(self) -> bool:
        """Whether verbs stage the pointers they write."""
        return self.stage is not False
