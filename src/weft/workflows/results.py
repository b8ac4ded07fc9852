"""The records that verbs return. Text and JSON are two renderings of these, made at the edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weft.workflows.results_status import Broken, Change, FalseResult, PathStatus, StaleStage

if TYPE_CHECKING:
    from weft.workflows.facts import FactRow


@dataclass(frozen=True, slots=True)
class InitResult:
    """A repository made ready. ``created`` lists files written, relative to the root; ``project`` is the folder that is a
    project of its own."""

    root: str
    repo: str
    created: tuple[str, ...]
    remote: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """One pointer written or left as it was (``changed`` false). Sizes are bytes; ``new_bytes`` went into the store.

    ``updated`` says that it was tracked before, ``difference`` how many files came, changed and went since then (None where
    nothing tells what there was).
    """

    path: str
    pointer: str
    oid: str
    type: str
    size: int
    files: int
    changed: bool
    new_objects: int = 0
    new_bytes: int = 0
    updated: bool = False
    difference: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class AddResult:
    """Outcome of ``add``.

    ``left_out`` are new files and directories beside what was added, in a directory that was named for the tracked paths
    in it; a directory ends in a slash. In a ``dry_run`` nothing was stored: ``added`` are new paths, without an object id,
    and ``planned`` says what changed in those that are tracked already.
    """

    added: tuple[Added, ...]
    staged: bool
    stored_bytes: int = 0
    pushed: PushResult | None = None
    left_out: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    dry_run: bool = False
    planned: tuple[PathStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveResult:
    """Outcome of ``mv`` and ``rm``: pairs of old and new path (new is empty when removed); ``saved`` are files whose bytes
    went into the store before they were removed, with their ids."""

    moved: tuple[tuple[str, str], ...]
    broken: tuple[Broken, ...] = ()
    dry_run: bool = False
    saved: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DiffResult:
    """Outcome of ``diff``: changes by tracked path. ``old`` and ``new`` name what was compared.

    ``facts`` are params, metrics, code and commands of stages that differ, where a revision was given; ``left_out`` are
    files that tell nothing of them, each with the reason. ``absent`` are tracked paths of the workspace with the number of
    their files that are not here, and so were not compared. ``stale`` has the stale stages of both sides, None for one of
    which they cannot be told, and ``wrong`` the results that are false there; nothing where no revision was given.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    absent: tuple[tuple[str, int], ...] = ()
    facts: tuple[FactRow, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    broken: tuple[Broken, ...] = ()
    stale: tuple[tuple[StaleStage, ...] | None, ...] = ()
    wrong: tuple[tuple[FalseResult, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PushedRoot:
    """One pointer on the remote. ``state`` is pushed or up-to-date."""

    path: str
    oid: str
    state: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class SharedRuns:
    """The runs that ``push`` shared through the Git remote ``remote``; ``expired`` ones were taken away there."""

    remote: str
    runs: tuple[str, ...]
    expired: int = 0


@dataclass(frozen=True, slots=True)
class KnownRuns:
    """The runs of others that came from the Git remote ``remote``, and all that are known now."""

    remote: str
    new: int
    known: int


@dataclass(frozen=True, slots=True)
class PushResult:
    """Outcome of ``push``. Bytes and objects are those really sent; ``repaired`` packs were missing on the remote.

    ``git_remote``: the repository has a Git remote, where the commits go. The word of a remote that is not ``accepted`` in
    this clone proves nothing; only a dry run asks one. ``unshared``: why the runs that were to be shared were not.
    """

    remote: str
    url: str
    roots: tuple[PushedRoot, ...]
    packs: int = 0
    objects: int = 0
    sent_bytes: int = 0
    requests: int = 0
    repaired: int = 0
    dry_run: bool = False
    endpoint: str = ""
    broken: tuple[Broken, ...] = ()
    shared: SharedRuns | None = None
    git_remote: bool = True
    accepted: bool = True
    unshared: Broken | None = None


@dataclass(frozen=True, slots=True)
class FetchResult:
    """Outcome of ``fetch``.

    In a ``dry_run`` no remote was asked: ``lacking`` are the pointers whose data is not all here, and ``size`` is the most
    that they need in bytes.
    """

    remote: str
    pointers: tuple[str, ...]
    packs: int = 0
    objects: int = 0
    received_bytes: int = 0
    requests: int = 0
    broken: tuple[Broken, ...] = ()
    dry_run: bool = False
    lacking: tuple[str, ...] = ()
    size: int = 0
    runs: KnownRuns | None = None


@dataclass(frozen=True, slots=True)
class CheckoutResult:
    """Outcome of ``checkout``. ``saved`` lists (path, oid) of files that --force put into the store before replacing."""

    paths: tuple[str, ...]
    written: int = 0
    removed: int = 0
    unchanged: int = 0
    written_bytes: int = 0
    saved: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PullResult:
    """Outcome of ``pull``. ``lacking`` tells of the paths whose data the remote does not hold whole."""

    fetched: FetchResult
    checked_out: CheckoutResult
    lacking: tuple[Broken, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of ``ls``. ``type`` is file, exec, link or dir; ``here`` tells whether its bytes are in the local store."""

    path: str
    type: str
    oid: str
    size: int
    files: int = 1
    here: bool | None = None


@dataclass(frozen=True, slots=True)
class ListResult:
    """Outcome of ``ls``."""

    revision: str
    entries: tuple[Listed, ...]
    broken: tuple[Broken, ...] = ()


@dataclass(frozen=True, slots=True)
class GetResult:
    """Outcome of ``get``: what was written where.

    ``saved`` lists (path, oid) of files that --force put into the store around them before replacing them; ``aside`` is
    where what stood there was moved when there is no such store.
    """

    source: str
    revision: str
    destination: str
    files: int
    size: int
    saved: tuple[tuple[str, str], ...] = ()
    aside: str = ""


@dataclass(frozen=True, slots=True)
class RemoteInfo:
    """One configured remote. ``accepted`` says that this clone may send data there."""

    name: str
    url: str
    endpoint: str = ""
    store: str = ""
    default: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class TrustResult:
    """Outcome of ``remote trust``: the place that this clone accepts now, what is ``sent`` there, and the place that it
    accepted ``before`` under the same name."""

    name: str
    url: str
    endpoint: str
    store: str
    sent: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class RemoteList:
    """Outcome of ``remote list``, ``add``, ``default``, ``rename``, ``set-url`` and ``remove``."""

    remotes: tuple[RemoteInfo, ...]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One line of ``remote check`` or ``doctor``. ``state`` is ok, note (good to know), warn or fail."""

    name: str
    state: str
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Outcome of ``remote check`` and ``doctor``."""

    subject: str
    probes: tuple[Probe, ...]

    @property
    def ok(self) -> bool:
        """True when no probe failed."""
        return all(probe.state != "fail" for probe in self.probes)

    @property
    def found(self) -> bool:
        """True when there is something to mend."""
        return any(probe.state in ("warn", "fail") for probe in self.probes)


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage that ``verify`` found. ``pointers`` names the tracked paths that it touches."""

    code: str
    message: str
    object: str = ""
    pointers: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Outcome of ``verify``. ``level`` is quick, scrub, full or remote; bytes are those really read.

    ``findings`` are what is wrong still, ``healed`` what a repair mended; ``repaired`` counts packs that were written again
    and objects that were brought. ``left`` packs are for the next run to prove, ``before`` an earlier one did.
    """

    level: str
    checked_packs: int = 0
    checked_objects: int = 0
    checked_bytes: int = 0
    checked_pointers: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    repaired: int = 0
    healed: tuple[Finding, ...] = ()
    left: int = 0
    before: int = 0
    broken: tuple[Broken, ...] = ()


@dataclass(frozen=True, slots=True)
class QuarantineFile:
    """A file in quarantine: bytes, why it is there and since when (seconds since the epoch), how many objects that were lost
    with it are nowhere here again, and what became of it (``state``: kept, restored, objects restored, nothing to restore,
    purged)."""

    file: str
    size: int
    why: str
    at: float
    lost: int = 0
    state: str = "kept"
    objects: int = 0


@dataclass(frozen=True, slots=True)
class QuarantineResult:
    """Outcome of ``verify --quarantine``: what lies in the directory ``place``."""

    place: str
    files: tuple[QuarantineFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """Outcome of ``config``: keys and values with the file that set them."""

    entries: tuple[tuple[str, str, str], ...] = field(default=())
