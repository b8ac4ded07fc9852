"""What a verb may be asked to do beyond its paths: one frozen record per family of verbs, with the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AddOptions:
    """How ``add`` works.

    ``to_remote`` names a remote that the data is sent to in the same go ("" is the default remote, None is nowhere).
    ``missing`` says what absent files of a tracked directory mean: "" (as recorded, else refuse), keep, or delete.
    ``stage`` overrides the configuration's choice to `git add` the pointer. ``max_size`` is the largest file taken, in
    bytes (None: weft's own limit). ``jobs`` is the number of workers, 0 for one per processor. ``force`` records the
    workspace even though its pointer changed since the data was last checked out. ``dry_run`` only tells.
    """

    to_remote: str | None = None
    missing: str = ""
    stage: bool | None = None
    max_size: int | None = None
    jobs: int = 0
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How ``push``, ``fetch`` and ``pull`` work.

    ``remote`` is a remote's name ("" for the default), ``jobs`` the number of parallel requests (0: chosen by weft).
    ``revs`` are revisions or ranges ``A..B`` whose pointers are meant instead of the workspace's; ``all_commits`` means
    those of every commit of every ref. ``runs`` shares the runs of this clone too, or fetches those of others.
    ``dry_run`` only tells what would be sent or received.
    """

    remote: str = ""
    jobs: int = 0
    revs: tuple[str, ...] = ()
    all_commits: bool = False
    dry_run: bool = False
    runs: bool = False


@dataclass(frozen=True, slots=True)
class CheckoutOptions:
    """How files are put into the workspace.

    ``force`` replaces changed files (their bytes go into the store first). ``stage`` overrides the configuration's choice
    to `git add` pointers taken from a revision. ``link`` says how files are made (one of ``weft.model.config.LINKS``), and
    then those that have the right bytes are made again where they were made otherwise; "" leaves it to the configuration.
    ``dry_run`` only tells what would be written and removed. ``delete`` removes what was added to tracked directories, too,
    but for what is ignored.
    """

    force: bool = False
    stage: bool | None = None
    link: str = ""
    dry_run: bool = False
    delete: bool = False


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How deep ``verify`` looks, and whether it mends.

    ``level`` is quick, scrub, full or remote. ``remote`` names the remote to check ("" for the default one).
    ``sample`` is the share of packs to read, above 0 and up to 1; 0.0 means all that the level asks for. ``repair`` mends
    what is found, from ``source`` (a remote; "" for all there are). ``seconds`` (None: no limit) is how long packs are
    proved before the rest is left to the next run, which ``restart`` makes begin anew. ``revs`` and ``all_commits`` are
    those of ``TransferOptions``.
    """

    level: str = "quick"
    remote: str = ""
    sample: float = 0.0
    repair: bool = False
    source: str = ""
    seconds: float | None = None
    restart: bool = False
    revs: tuple[str, ...] = ()
    all_commits: bool = False


@dataclass(frozen=True, slots=True)
class GcOptions:
    """How ``gc`` of the local store works.

    ``grace_days`` and ``limit`` (bytes) take the place of the settings when they are not None. ``remote`` is the one whose
    word counts ("" is all that are configured). ``unshared`` says that no other clone uses the store. ``dry_run`` only
    tells.
    """

    dry_run: bool = False
    grace_days: int | None = None
    limit: int | None = None
    remote: str = ""
    unshared: bool = False


@dataclass(frozen=True, slots=True)
class DropOptions:
    """How ``drop`` works.

    ``remote`` is the one that must hold what goes ("" is any that is configured), ``store`` drops it from the local store
    too. ``dry_run`` only tells.
    """

    remote: str = ""
    store: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RemoteGcOptions:
    """How ``gc`` of a remote works.

    ``remote`` is its name ("" for the default one); ``most`` allows more than half of the bytes or roots; ``repack`` copies
    what is needed out of packs that hold little else; ``drop_roots`` is the age in days from which roots go that nothing
    in this clone leads to (None: no root ever goes); ``whole_clone`` says that it has all branches and tags, so that no Git
    remote is asked.
    """

    remote: str = ""
    dry_run: bool = False
    most: bool = False
    repack: bool = False
    drop_roots: int | None = None
    whole_clone: bool = False
