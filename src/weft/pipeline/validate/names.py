"""Phase A: rules 2 (unmerged), 3 and 4, from names, modes and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.errors import WeftError, quoted
from weft.gitio.index import LINK, SUBMODULE
from weft.model.lineage import RECORDS, is_record, merged_by_weft
from weft.model.paths import RepoPath, check_data_name, seen_as
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.validate.context import Context, redeclares, stage_files
from weft.pipeline.validate.faults import CONFLICT, found
from weft.pipeline.validate.scope import ancestors, participants
from weft.pipeline.validate.violations import Violation
from weft.util.humanize import size_text

LARGE, NAMES = 3, 4
_OWN = (STAGE_FILE, RECORDS, ".weft", ".weftignore")
LARGE_BYTES = 5 << 20
"""A staged file of more bytes than this is refused."""


def unmerged(context: Context) -> Iterator[Violation]:
    """Rule 2: paths with a conflict in the index."""
    for path in context.index.unmerged:
        side = f"weft resolve --ours {quoted(path.removesuffix(SUFFIX))}, or --theirs"
        mend = side if merged_by_weft(path) else f"edit {path}, then: git add {quoted(path)}"
        yield found(CONFLICT, path, "it is not merged yet", mend=mend)


def bytes_for_pointers(context: Context) -> Iterator[Violation]:
    """Rule 3, one half: data that weft keeps, staged as bytes."""
    kept = {out.path: stage for stage in context.stages().values() for out in stage.outs if out.cache}
    told = set()
    for path in _added(context):
        if not path.endswith(SUFFIX):
            owner = context.owner(path) or next((place for place in ancestors(path) if place in kept), "")
            if owner and owner not in told:
                told.add(owner)
                yield _as_bytes(path, owner, kept.get(owner))
    for path in sorted(name.removesuffix(SUFFIX) for name in _new_pointers(context)):
        inside = context.index.below(path)
        if path not in told and (path in context.index or inside):
            yield _as_bytes(path if path in context.index else inside[0], path, None)


def _as_bytes(path: str, owner: str, declared: Stage | None) -> Violation:
    by = (
        f"the pointer {owner}{SUFFIX} stands for it"
        if declared is None
        else f"{declared.file} has {owner} as an out kept by weft"
    )
    return found(
        LARGE,
        path,
        f"it is staged as bytes, and {by}",
        mend=f"git rm -r --cached {quoted(owner)}, then: weft add {quoted(owner)}",
    )


def large_files(context: Context) -> Iterator[Violation]:
    """Rule 3, the other half: a file over the limit."""
    blobs = {path: change.blob for path in _added(context) if (change := context.changes[path]).mode != SUBMODULE}
    sizes = context.blobs.sizes(blobs.values())
    for path, blob in blobs.items():
        if sizes.get(blob, 0) > LARGE_BYTES:
            text = f"{size_text(sizes[blob])} are staged, over the limit of {size_text(LARGE_BYTES)}"
            yield found(LARGE, path, text, mend=f"git rm --cached {quoted(path)}, then: weft add {quoted(path)}")


def plain_names(context: Context) -> Iterator[Violation]:
    """Rule 4: pointers, records and the stage file are plain files with names that every checkout can hold."""
    paths, own = context.index if context.whole else _added(context), stage_files(context)
    for path in paths:
        if path.endswith(SUFFIX) or path in own or is_record(path):
            problem = _name_problem(context, path)
            if problem:
                yield found(NAMES, path, problem)
    yield from _collisions(context)


def _name_problem(context: Context, path: str) -> str:
    entry = context.entry(path)
    if entry is not None and not entry.regular:
        kind = "a symbolic link" if entry.mode == LINK else "a submodule"
        return f"it is {kind}, which weft does not follow"
    name = path.removesuffix(SUFFIX)
    try:
        RepoPath.parse(name)
        if name != path:
            check_data_name(name.rpartition("/")[2])
    except WeftError as error:
        return error.message
    outer = context.owner(name.rpartition("/")[0])
    return f"it lies inside {outer}, which is tracked as a whole" if outer and name != path else ""


def _collisions(context: Context) -> Iterator[Violation]:
    """Paths that a file system which folds case and Unicode forms takes for one, where weft reads one of them: there a
    checkout has the bytes of the one under the name of the other. New paths are looked at, and newly declared ones."""
    fresh = list(context.index if context.whole else _new(context))
    declared = context.whole or redeclares(context)
    if not fresh and not declared:
        return
    named = list(dict.fromkeys(path for stage in context.stages().values() for path in participants(stage)))
    data = [path.removesuffix(SUFFIX) for path in context.index if path.endswith(SUFFIX)]
    read: dict[str, str] = {}
    own = stage_files(context)
    for path in dict.fromkeys((*_OWN, *own, *named, *data)):
        other = read.setdefault(seen_as(path), path)
        if other != path and declared and (path in named or path in own):
            yield found(NAMES, STAGE_FILE, f"{path} differs from {other} in case or Unicode form alone")
    fresh += [name for path in named for name in (path, path + SUFFIX) if name in context.index] if declared else []
    every: dict[str, list[str]] = {}
    for path in dict.fromkeys(fresh):
        places = list(ancestors(path.removesuffix(SUFFIX)))
        known = [(place, read.get(seen_as(place), "")) for place in places]
        other = next((other for place, other in known if other not in ("", place)), "")
        if not other and any(other for _, other in known):
            if not every:
                for one in context.index:
                    every.setdefault(seen_as(one), []).append(one)
            other = next((one for one in every[seen_as(path)] if one != path), "")
        if other:
            yield found(NAMES, path, f"it differs from {other} in case or Unicode form alone")


def _added(context: Context) -> Iterable[str]:
    return [path for path, change in context.changes.items() if change.blob]


def _new(context: Context) -> list[str]:
    return [change.path for change in context.changes.values() if change.status == "A"]


def _new_pointers(context: Context) -> set[str]:
    return {path for path in _new(context) if path.endswith(SUFFIX)}
