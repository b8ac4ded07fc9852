"""Which stages are stale, and which results are false, in a commit or in the work tree, from Git alone: for all that shows
what stages made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

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
from weft.pipeline.graph import Graph
from weft.pipeline.validate import stale
from weft.pipeline.validate.context import Context, values_key
from weft.pipeline.validate.parsed import ParsedCache
from weft.pipeline.validate.scope import ancestors, participants
from weft.pipeline.validate.snapshot import TEXT_LIMIT
from weft.pipeline.validate.stale import Judged
from weft.workflows.files import read_small
from weft.workflows.history_facts import Versions
from weft.workflows.parts import Parts
from weft.workflows.results_status import FalseResult, Marked, StaleStage
from weft.workflows.stages import left_records, read_kept

if TYPE_CHECKING:
    from weft.workflows.project import Project

_TREES = 256
"""After so many trees what was parsed is forgotten."""
_KEPT = 16 << 20
"""So many bytes of blobs are kept."""
_STATES = 8
"""So many states of a stage are remembered."""

_State = tuple[tuple[str, ...], tuple[str, ...], Judged]
"""Paths, what was there, and what was found then."""


class Marks:
    """Tells of many commits by one process that reads blobs; what did not change between them is looked at once.

    Of a partial clone nothing is fetched: where something is not here, the answer is None. ``parts`` looks into tracked
    directories.
    """

    def __init__(self, versions: Versions, parts: Parts) -> None:
        self._blobs = _Present(versions)
        self._parts = parts
        self._trees = TreeReader(versions.reader)
        self._cache = ParsedCache()
        self._asked = 0
        self._known: dict[tuple[str, str], list[_State]] = {}
        self._graph: tuple[str, Graph | None] = ("", None)

    def bring(self, commits: Mapping[str, Iterable[str]]) -> None:
        """Make ready for questions about trees: ``commits`` maps each to the paths that it changed. Raises ``GitFailed``."""
        self._trees.bring(commits)

    def tree(self, commit: str) -> LazyTree:
        """The tree of the commit with the full id ``commit``."""
        return LazyTree(self._trees, commit)

    def of(self, index: Index, wanted: Sequence[str] = ()) -> Marked:
        """What is stale and false in what ``index`` holds, as ``marked_here`` says. What is asked
        about a ``tree`` is remembered for the next ones. Raises ``GitFailed``.
        """
        declared = index.get(STAGE_FILE)
        if declared is None or not declared.regular:
            return Marked()
        self._asked += 1
        if self._asked % _TREES == 0:
            self._cache = ParsedCache()
        self._blobs.lacking = False
        context = _Context(index, (), self._blobs, cache=self._cache, whole=True, find_part=self._parts.find)
        every = context.stages()
        # Values that templates name are in the stages, and their files are nothing that a stage names.
        declared_as = declared.blob + values_key(index, context.values_files)
        if self._graph[0] != declared_as:
            graph = context.graph()
            self._graph = ("" if self._blobs.lacking else declared_as, graph)
        graph = self._graph[1]
        stages = _looked_at(every, graph, wanted)
        known = {name: self._remembered(index, declared_as, stage) for name, stage in stages.items()}
        stale.fetch(context, [stages[name] for name, found in known.items() if found is None])
        told = [
            (stage, self._look(context, declared_as, stage) if (found := known[name]) is None else found)
            for name, stage in stages.items()
        ]
        if self._blobs.lacking or context.broken(STAGE_FILE):
            return Marked(None)
        return _marked(index, graph, told, wanted)

    def _remembered(self, index: Index, declared: str, stage: Stage) -> Judged | None:
        if not isinstance(index, LazyTree):
            return None
        for paths, states, found in self._known.get((declared, stage.name), ()):
            if all(index.state(path) == state for path, state in zip(paths, states, strict=True)):
                return found
        return None

    def _look(self, context: Context, declared: str, stage: Stage) -> Judged:
        found = stale.judge(context, stage)
        if isinstance(context.index, LazyTree) and not self._blobs.lacking:
            paths = tuple(sorted(stale.looked_at(context, stage)))
            known = self._known.setdefault((declared, stage.name), [])
            known.insert(0, (paths, tuple(map(context.index.state, paths)), found))
            del known[_STATES:]
        return found


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


def marked_here(repo: GitRepo, wanted: Sequence[str] = (), project: Project | None = None) -> Marked:
    """The stale stages and false results of the work tree, only those that have to do with ``wanted`` if there are any; None
    for the stages where its ``weft.yaml`` cannot be read.

    Parts of tracked directories are looked at in the store of ``project``, if one is open already. What a sparse
    checkout leaves out is taken from the index. No process of Git before a stage has run, else one, and
    one more where something that stages read is not as Git's index has it. Raises ``GitFailed``.
    """
    values: set[str] = set()

    def read(path: str) -> bytes | None:
        values.add(path)
        return read_kept(repo, path, TEXT_LIMIT)

    try:
        stages = stagefile.decode(read_kept(repo, STAGE_FILE, TEXT_LIMIT) or b"", read=read)
    except WeftError as error:
        path = error.path if error.path in values else STAGE_FILE
        return Marked(None, unread=f"{path}:{error.line}" if error.line else path)
    left = () if wanted else left_records(repo, stages)
    if not stages or not (is_sparse(repo) or _any_result(repo, stages.values())):
        return Marked(left=left)
    named = {path for stage in stages.values() for path in participants(stage)}
    pointers = {place + SUFFIX for path in named for place in ancestors(path)}
    found = kept_entries(repo, sorted({STAGE_FILE, RECORDS, *values, *named, *pointers}))
    if any(mode == LINK for mode, _ in found.values()):
        found = kept_entries(repo, [""])  # a link leads anywhere
    blobs = {path: blob for path, (_, blob) in found.items()}
    blobs |= blob_ids(repo, [path for path, blob in blobs.items() if not blob])
    rows = {path: f"{mode} {blobs.get(path, '')} 0\t{path}" for path, (mode, _) in found.items()}
    with Parts(repo, project) as parts:
        context = _Context(Index(rows), (), _Files(repo, blobs), whole=True, find_part=parts.find)
        graph = context.graph()
        told = [(stage, stale.judge(context, stage)) for stage in _looked_at(stages, graph, wanted).values()]
        return _marked(context.index, graph, told, wanted)._replace(left=left)


def _any_result(repo: GitRepo, stages: Iterable[Stage]) -> bool:
    """False where nothing lies here that can be stale or false: no record, and no result of one of ``stages``."""
    names = [RECORDS]
    for stage in stages:
        for out in stage.outs:
            names += [out.path, *(place + SUFFIX for place in ancestors(out.path))]
    return any(os.path.lexists(os.path.join(repo.root, name)) for name in names)


def _looked_at(stages: Mapping[str, Stage], graph: Graph | None, wanted: Sequence[str]) -> dict[str, Stage]:
    """The stages that have to do with ``wanted``, and all that they depend on."""
    asked = [name for name, stage in stages.items() if concerns(stage, wanted)]
    needed = {*asked, *(graph.ancestors(asked) if graph is not None and wanted else ())}
    return {name: stage for name, stage in stages.items() if name in needed}


def _marked(index: Index, graph: Graph | None, told: Sequence[tuple[Stage, Judged]], wanted: Sequence[str]) -> Marked:
    asked = [(stage, found) for stage, found in told if concerns(stage, wanted)]
    above: Mapping[str, tuple[str, ...]] = {}
    if graph is not None and any(found.causes for _, found in told):
        above = stale.above(graph, {stage.name: found for stage, found in told})
    late = []
    for stage, found in asked:
        # What never ran has nothing that could be stale.
        over = above.get(stage.name, ()) if record_path(stage.name) in index else ()
        if found.causes or over:
            late.append(StaleStage(stage.name, found.causes, stage.frozen, over))
    wrong = (
        FalseResult(stage.name, path, reason)
        for stage, found in asked
        for path, reason in found.wrong
        if not wanted or _meets([path, *(out.path for out in stage.outs if path == record_path(stage.name))], wanted)
    )
    return Marked(tuple(late), tuple(wrong))


def _meets(paths: Iterable[str], wanted: Sequence[str]) -> bool:
    """True when one of ``paths`` lies at, below or above one of those ``wanted``."""
    return any(is_at_or_below(path, one) or is_at_or_below(one, path) for path in paths for one in wanted)


def concerns(stage: Stage, wanted: Sequence[str]) -> bool:
    """True when ``stage`` names something at, below or above one of the paths ``wanted``, or none are."""
    return not wanted or _meets((record_path(stage.name), *participants(stage)), wanted)


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
