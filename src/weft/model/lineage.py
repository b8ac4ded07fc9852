"""A lineage record: how the outs of a stage came to be (``docs/spec/lineage.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from weft.model.oid import Oid
from weft.model.pointer import SUFFIX
from weft.model.stage import is_stage_file

RECORDS = "lineage"
PACKAGES = "lineage/packages"
"""Where the lists of packages are that records name."""
RECORD_SCHEMA = 2
"""What is written. Records of every schema from 1 on are read."""
MODES = ("x", "link", "submodule")
"""What a path that Git keeps may be, other than a plain file: an executable one, a symbolic link, another repository."""
MOST_HIDDEN = 20
"""So many hidden inputs are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class DataRef:
    """Data that a run read or wrote, as its pointer had it.

    ``size`` is bytes, ``files`` their number. ``inside`` is the tracked directory when ``path`` lies below a pointer's
    data, else empty, and ``whole`` is the oid of all of it then. ``stage`` names the stage that produced a dependency, empty
    for a source.
    """

    path: str
    type: Literal["file", "dir"]
    oid: Oid
    size: int
    files: int = 1
    executable: bool = False
    inside: str = ""
    stage: str = ""
    whole: Oid | None = None


class ParamsFile(NamedTuple):
    """A params file as the run read it: its Git blob id, and the keys among those read whose values a program
    may read in another way, such as ``no`` or ``012`` by YAML 1.1."""

    blob: str
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hidden:
    """Files below the dependencies that neither Git nor weft keeps, as they are ignored: how many, and the first of them."""

    count: int
    paths: tuple[str, ...]


class Reused(NamedTuple):
    """The earlier run whose outs were taken instead of running, the commit that recorded it, and who made that run."""

    run: str
    commit: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """That nothing ran: ``author`` vouches for the outs, for ``reason``."""

    reason: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What happened once, and is not part of the digest of schema 1. Times are ISO 8601 in UTC, ``duration`` is seconds.
    ``accepted`` is there when weft did not see a run: the outs were made by hand, or elsewhere.

    ``resources`` holds ``max_rss`` (bytes), ``cpu_user`` and ``cpu_system`` (seconds) of the command and its children.
    """

    id: str
    started: str
    finished: str
    duration: float
    exit: int = 0
    resources: Mapping[str, float] = field(default_factory=dict)
    accepted: Accepted | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One lineage record.

    ``cmd`` is the command as it was run, in the directory ``wdir`` (from the root; empty: the root itself); ``spec`` the
    Git blob id of the stage's canonical text. ``code`` maps the path of everything that Git itself keeps of the dependencies
    to its blob id (of a submodule: to its commit), directories expanded and links followed; ``modes`` says which paths of
    ``code`` and ``files`` are one of ``MODES``. ``base`` is the commit the run started from (empty in an unborn branch),
    ``dirty`` says that the work tree differed from it, ``snapshot`` is the ref that holds what it was then. ``params`` maps
    a params file to the values used by dotted key, ``params_files`` to its bytes (a module that is more than literals has
    no values, and is among the code), ``metrics`` a metrics file to its values by dotted key, ``files`` every out that Git
    keeps (metrics and plots too) to its blob id. ``env`` holds ``python``, ``platform``, ``packages`` (digest) or
    ``lockfile`` and ``lockfile_blob``, ``image``, ``accelerator``, ``vars``. ``determinism`` holds ``seed`` and ``equal``.
    ``changed`` lists inputs that changed while the command ran.
    ``hidden`` are inputs that nobody keeps, ``reused`` is the earlier run whose outs were taken. Of schema 1 there are no
    modes, no bytes of params files, no hidden inputs, and of ``reused`` nothing but the run.
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
    reused: Reused | None = None
    run: RunFacts | None = None
    digest: Oid | None = None
    modes: Mapping[str, str] = field(default_factory=dict)
    params_files: Mapping[str, ParamsFile] = field(default_factory=dict)
    hidden: Hidden | None = None
    schema: int = RECORD_SCHEMA

    @property
    def accepted(self) -> Accepted | None:
        """Who vouches for the outs, where no run of weft made them."""
        return self.run.accepted if self.run else None

    @property
    def reused_run(self) -> str:
        """The id of the earlier run whose outs were taken; empty when the command ran."""
        return self.reused.run if self.reused else ""


def record_path(stage: str) -> str:
    """Where the record of ``stage`` lies, from the root of the repository."""
    return f"{RECORDS}/{stage}.yaml"


def is_record(path: str) -> bool:
    """True when ``path`` is where a record lies: ``lineage/STAGE.yaml``, in folders for the stages of folder projects."""
    return path.startswith(RECORDS + "/") and path.endswith(".yaml")


def stage_of_record(path: str) -> str:
    """The stage whose record lies at ``path``."""
    return path[len(RECORDS) + 1 : -len(".yaml")]


def merged_by_weft(path: str) -> bool:
    """Whether weft settles conflicts of the file ``path``: a pointer, a record, the stage file."""
    return path.endswith(SUFFIX) or is_stage_file(path) or path.startswith(RECORDS + "/")
