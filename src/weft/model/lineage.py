"""A lineage record: how the outs of a stage came to be (``docs/spec/lineage.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from weft.model.oid import Oid

RECORDS = "lineage"
RECORD_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class DataRef:
    """Data that a run read or wrote, as its pointer had it.

    ``size`` is bytes, ``files`` their number. ``inside`` is the tracked directory when ``path`` lies below a pointer's
    data, else empty. ``stage`` names the stage that produced a dependency, empty for a source.
    """

    path: str
    type: Literal["file", "dir"]
    oid: Oid
    size: int
    files: int = 1
    executable: bool = False
    inside: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What happened once and is not part of the digest. Times are ISO 8601 in UTC, ``duration`` is seconds.

    ``resources`` holds ``max_rss`` (bytes), ``cpu_user`` and ``cpu_system`` (seconds) of the command and its children.
    """

    id: str
    started: str
    finished: str
    duration: float
    exit: int = 0
    resources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One lineage record.

    ``cmd`` is the command as it was run, in the directory ``wdir`` (from the root; empty: the root itself); ``spec`` the
    Git blob id of the stage's canonical text. ``code`` maps the path
    of every dependency that Git itself keeps to its blob id, directories expanded; ``base`` is the commit the run started
    from (empty in an unborn branch), ``dirty`` says that the work tree differed from it, ``snapshot`` is the ref that holds
    what it was then. ``params`` maps a params file to the values used by dotted key, ``metrics`` a metrics file to its
    values by dotted key, ``files`` every out that Git keeps (metrics and plots too) to its blob id. ``env`` holds
    ``python``, ``platform``, ``packages`` (digest) or ``lockfile`` and ``lockfile_blob``, ``image``, ``accelerator``,
    ``vars``. ``determinism`` holds ``seed`` and ``equal``. ``changed`` lists inputs that changed while the command ran.
    ``reused`` is the id of the earlier run whose outs were taken instead of running, else empty.
    """

    stage: str
    cmd: str | tuple[str, ...]
    spec: str
    wdir: str = ""
    code: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    dirty: bool = False
    snapshot: str = ""
    deps: tuple[DataRef, ...] = ()
    outs: tuple[DataRef, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)
    determinism: Mapping[str, Any] = field(default_factory=dict)
    rationale: str = ""
    author: str = ""
    changed: tuple[str, ...] = ()
    reused: str = ""
    run: RunFacts | None = None
    digest: Oid | None = None


def record_path(stage: str) -> str:
    """Where the record of ``stage`` lies, from the root of the repository."""
    return f"{RECORDS}/{stage}.yaml"
