"""Which stages are stale in a commit or in the work tree, from Git alone: for all that shows what stages made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from weft.errors import WeftError
from weft.formats import stagefile
from weft.gitio import partial
from weft.gitio.batch import BlobReader
from weft.gitio.index import LINK, Index
from weft.gitio.lazytree import LazyTree, TreeReader
from weft.gitio.repo import GitRepo
from weft.gitio.trees import is_sparse
from weft.gitio.worktree import blob_ids, kept_entries
from weft.model.lineage import RECORDS, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.validate import stale
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.parsed import ParsedCache
from weft.pipeline.validate.scope import ancestors, participants
from weft.pipeline.validate.snapshot import TEXT_LIMIT
from weft.workflows.files import read_small
from weft.workflows.history_facts import Versions
from weft.workflows.results_status import StaleStage
from weft.workflows.stages import read_kept

_TREES = 256
"""After so many trees what was parsed is forgotten."""
_KEPT = 16 << 20
"""So many bytes of blobs are kept."""
_STATES = 8
"""So many states of a stage are remembered."""

_State = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


class Marks:
    """Tells of many commits by one process that reads blobs; what did not change between them is looked at once.

    Of a partial clone nothing is fetched: where something is not here, the answer is None.
    """

    def __init__(self, versions: Versions) -> None:
        self._blobs = _Present(versions)
        self._trees = TreeReader(versions.reader)
        self._cache = ParsedCache()
        self._asked = 0
        self._known: dict[tuple[str, str], list[_State]] = {}
        self.looked = 0

    def bring(self, commits: Mapping[str, Iterable[str]]) -> None:
        """Make ready for questions about trees: ``commits`` maps each to the paths that it changed. Raises ``GitFailed``."""
        self._trees.bring(commits)

    def tree(self, commit: str) -> LazyTree:
        """The tree of the commit with the full id ``commit``."""
        return LazyTree(self._trees, commit)

    def of(self, index: Index, wanted: Sequence[str] = ()) -> tuple[StaleStage, ...] | None:
        """The stale stages of what ``index`` holds, as ``stale_here`` says; None where that cannot be told. What is asked
        about a ``tree`` is remembered for the next ones. Raises ``GitFailed``.
        """
        declared = index.get(STAGE_FILE)
        if declared is None or not declared.regular:
            return ()
        self._asked += 1
        if self._asked % _TREES == 0:
            self._cache = ParsedCache()
        self._blobs.lacking = False
        context = _Context(index, (), self._blobs, cache=self._cache, whole=True)
        stages = {name: stage for name, stage in context.stages().items() if concerns(stage, wanted)}
        known = {name: self._remembered(index, declared.blob, stage) for name, stage in stages.items()}
        stale.fetch(context, [stages[name] for name, causes in known.items() if causes is None])
        told = []
        for name, stage in stages.items():
            causes = known[name]
            causes = self._look(context, declared.blob, stage) if causes is None else causes
            told += [StaleStage(name, causes, stage.frozen)] if causes else []
        return None if self._blobs.lacking or context.broken(STAGE_FILE) else tuple(told)

    def _remembered(self, index: Index, declared: str, stage: Stage) -> tuple[str, ...] | None:
        if not isinstance(index, LazyTree):
            return None
        for paths, states, causes in self._known.get((declared, stage.name), ()):
            if all(index.state(path) == state for path, state in zip(paths, states, strict=True)):
                return causes
        return None

    def _look(self, context: Context, declared: str, stage: Stage) -> tuple[str, ...]:
        self.looked += 1
        causes = stale.causes(context, stage)
        if isinstance(context.index, LazyTree) and not self._blobs.lacking:
            paths = tuple(sorted(stale.looked_at(context, stage)))
            known = self._known.setdefault((declared, stage.name), [])
            known.insert(0, (paths, tuple(map(context.index.state, paths)), causes))
            del known[_STATES:]
        return causes


class _Context(Context):
    """Nobody asks on which line of a record something stands, and to find it takes longer than all else."""

    def line(self, path: str, *keys: str | int) -> int:
        """None."""
        return 0


class _Present:
    """The blobs that are here, those read last kept. ``lacking`` says that one was asked for that is not."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._texts: dict[str, bytes] = {}
        self._kept = 0
        self.lacking = False

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """As ``Blobs`` says."""
        return self._versions.reader.sizes(self._present(blobs))

    def read(self, blobs: Iterable[str], limit: int) -> dict[str, bytes]:
        """As ``Blobs`` says."""
        wanted = list(blobs)
        found = {
            blob: text for blob in wanted if (text := self._texts.get(blob) or self._versions.held(blob)) is not None
        }
        rest = self._present(blob for blob in wanted if blob not in found)
        fresh = self._versions.reader.read(rest, limit) if rest else {}
        if self._kept > _KEPT:
            self._texts.clear()
            self._kept = 0
        self._texts |= fresh
        self._kept += sum(map(len, fresh.values()))
        return fresh | {blob: text for blob, text in found.items() if len(text) <= limit}

    def _present(self, blobs: Iterable[str]) -> list[str]:
        wanted = list(blobs)
        absent = partial.missing(wanted, self._versions.here)
        self.lacking = self.lacking or bool(absent)
        return [blob for blob in wanted if blob not in absent]


# --- the work tree ---------------------------------------------------------------------------------------------------


def stale_here(repo: GitRepo, wanted: Sequence[str] = ()) -> tuple[StaleStage, ...] | None:
    """The stale stages of the work tree, only those that have to do with ``wanted`` if there are any; None where its
    ``weft.yaml`` cannot be read.

    What a sparse checkout leaves out is taken from the index. No process of Git where no stage has a record, else one, and
    one more where something that stages read is not as Git's index has it. Raises ``GitFailed``.
    """
    if not os.path.isdir(os.path.join(repo.root, RECORDS)) and not is_sparse(repo):
        return ()
    values: set[str] = set()

    def read(path: str) -> bytes | None:
        values.add(path)
        return read_kept(repo, path, TEXT_LIMIT)

    try:
        stages = stagefile.decode(read_kept(repo, STAGE_FILE, TEXT_LIMIT) or b"", read=read)
    except WeftError:
        return None
    if not stages:
        return ()
    named = {path for stage in stages.values() for path in participants(stage)}
    pointers = {place + SUFFIX for path in named for place in ancestors(path)}
    found = kept_entries(repo, sorted({STAGE_FILE, RECORDS, *values, *named, *pointers}))
    if any(mode == LINK for mode, _ in found.values()):
        found = kept_entries(repo, [""])  # a link leads anywhere
    blobs = {path: blob for path, (_, blob) in found.items()}
    blobs |= blob_ids(repo, [path for path, blob in blobs.items() if not blob])
    rows = {path: f"{mode} {blobs.get(path, '')} 0\t{path}" for path, (mode, _) in found.items()}
    context = _Context(Index(rows), (), _Files(repo, blobs), whole=True)
    found_late = (
        StaleStage(name, stale.causes(context, stage), stage.frozen)
        for name, stage in stages.items()
        if concerns(stage, wanted)
    )
    return tuple(one for one in found_late if one.causes)


def concerns(stage: Stage, wanted: Sequence[str]) -> bool:
    """True when ``stage`` names something at, below or above one of the paths ``wanted``, or none are."""
    named = (record_path(stage.name), *participants(stage))
    return not wanted or any(is_at_or_below(path, one) or is_at_or_below(one, path) for path in named for one in wanted)


class _Files:
    """The bytes of the work tree's files by the ids that Git would give them; of Git's own where a sparse checkout leaves
    them out."""

    def __init__(self, repo: GitRepo, blobs: Mapping[str, str]) -> None:
        self._repo = repo
        self._root = repo.root
        self._paths = {blob: path for path, blob in blobs.items()}

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """As ``Blobs`` says."""
        return {blob: len(text) for blob, text in self.read(blobs, TEXT_LIMIT).items()}

    def read(self, blobs: Iterable[str], limit: int) -> dict[str, bytes]:
        """As ``Blobs`` says."""
        found = {}
        left_out = []
        for blob in blobs:
            full = os.path.join(self._root, self._paths[blob])
            try:
                text = os.fsencode(os.readlink(full)) if os.path.islink(full) else read_small(full, limit)
            except (WeftError, OSError):
                continue
            if text is not None:
                found[blob] = text
            elif not os.path.lexists(full):
                left_out.append(blob)
        if left_out:
            with BlobReader(self._repo) as reader:
                found |= reader.read(left_out, limit)
        return found
