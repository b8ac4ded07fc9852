"""From what the user typed to tracked paths: reading the pointers of the work tree and of revisions."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from weft.errors import (
    LeftOut,
    LimitExceeded,
    MergeConflict,
    NoSuchPath,
    NotTracked,
    PathEscape,
    PathOverlap,
    WeftError,
    quoted,
)
from weft.formats import pointer as pointer_format
from weft.gitio import trees
from weft.model.paths import FROM_TOP, RepoPath
from weft.model.pointer import SUFFIX, Pointer
from weft.util.later import later
from weft.workflows.files import read_head, read_small
from weft.workflows.project import Project
from weft.workflows.results_status import Broken

if TYPE_CHECKING:
    from weft.gitio import index
else:
    index = later("weft.gitio.index")

UNMERGED = "# weft could not merge this data: "
"""How the first line of a pointer file begins whose sides could not even be compared."""


class Pointers(dict[str, Pointer]):
    """The pointers that can be read, by tracked path.

    ``broken`` are those that cannot, with why: what they stand for is unknown, so their data is never touched.
    ``strays`` are the paths of those among them that neither Git nor weft knows: only a command that names one is refused.
    ``unmerged`` are paths that Git could not merge, readable or not. ``outside`` are those whose pointers a sparse checkout
    leaves out of the work tree, where they were asked for.
    """

    __slots__ = ("broken", "outside", "strays", "unmerged")

    def __init__(self) -> None:
        super().__init__()
        self.broken: dict[str, WeftError] = {}
        self.strays: set[str] = set()
        self.unmerged: set[str] = set()
        self.outside: set[str] = set()

    def whole(self) -> Pointers:
        """These, if none of them is broken. Raises the error of the first one that is."""
        for path, error in self.broken.items():
            if path not in self.strays:
                raise error
        return self

    def refuse(self, path: str) -> None:
        """Raise the error of a broken pointer that stands for ``path``, or for a directory that it lies in."""
        for top, error in self.broken.items():
            if path == top or path.startswith(top + "/"):
                raise error

    def broken_at(self, path: str) -> dict[str, WeftError]:
        """The broken ones at, above or below ``path`` ("" is the root), of strays only those that it names."""
        return {
            top: error
            for top, error in self.broken.items()
            if path == top
            or path.startswith(top + "/")
            or (top not in self.strays and (not path or top.startswith(path + "/")))
        }


class Selected(NamedTuple):
    """What paths ask for, and the pointers among it that cannot be read."""

    targets: list[Target]
    broken: tuple[Broken, ...] = ()


class Target(NamedTuple):
    """A tracked path and what of it is meant: all when ``subpaths`` is None, else these paths below it."""

    path: str
    pointer: Pointer
    subpaths: tuple[str, ...] | None = None


def repo_path(project: Project, text: str) -> str:
    """Turn a path as typed into one relative to the root; empty for the root itself.

    Raises as ``path_in`` does.
    """
    return path_in(project.root, project.cwd, text)


def path_in(top: str, cwd: str, text: str) -> str:
    """``repo_path`` for a repository at ``top`` and the directory ``cwd``, absolute and without links, to start from.

    As in Git, ``:/`` at the beginning stands for the top.

    Raises ``PathEscape`` when it lies outside and the errors of ``RepoPath.parse``.
    """
    root = os.path.realpath(top)
    start, rest = (root, text[len(FROM_TOP) :]) if text.startswith(FROM_TOP) else (cwd, text)
    absolute = os.path.normpath(os.path.join(start, rest))
    # The last component may be a link that is meant itself; what leads to it is resolved as the shell would.
    if absolute not in (root, cwd):
        absolute = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
    if absolute == root:
        return ""
    if not absolute.startswith(root + os.sep):
        raise PathEscape(
            f"{text} lies outside the repository {root}", hint="mv it into the repository, then weft add it", path=text
        )
    relative = absolute[len(root) + 1 :]
    if relative.endswith(SUFFIX) and not relative.startswith(SUFFIX):
        relative = relative[: -len(SUFFIX)]
    return RepoPath.parse(relative)


def pointer_path(path: str) -> str:
    """Where the pointer of a tracked path stands."""
    return path + SUFFIX


def data_path(pointer: str) -> str:
    """The tracked path that a pointer file stands for."""
    return pointer[: -len(SUFFIX)]


def read_pointer(project: Project, path: str) -> Pointer | None:
    """Read the pointer of the tracked path ``path`` in the work tree; None when there is none."""
    name = pointer_path(path)
    data = _pointer_bytes(project, name, written=False)
    return None if data is None else decode_pointer(data, name)


def decode_pointer(data: bytes, name: str, *, renamed: bool = False) -> Pointer:
    """Decode the pointer file ``name`` (a path); every refusal names that path. With ``renamed`` it may have been written
    under another name."""
    RepoPath.parse(name)
    try:
        return pointer_format.decode(data, name=name.rpartition("/")[2], renamed=renamed)
    except WeftError as error:
        error.path = name
        if isinstance(error, MergeConflict):
            error.hint = why_unmerged(data, name)[1] or f"weft resolve --ours {quoted(data_path(name))}, or --theirs"
        if name not in error.message:
            plain = name.rpartition("/")[2]
            said = error.message
            error.message = name + said[len(plain) :] if said.startswith(plain + " ") else f"{name}: {said}"
        raise


def why_unmerged(data: bytes, name: str) -> tuple[str, str]:
    """Why the pointer file ``name`` of ``data`` could not be merged at all, as the merge noted it, and what comes next; else
    empty. The file may be a stranger's, so no command is taken from it."""
    if not data.startswith(UNMERGED.encode("ascii")):
        return "", ""
    why = data.partition(b"\n")[0].decode("utf-8", "replace").removeprefix(UNMERGED)
    first = "run `weft push` in a clone that has them, then: " if "does not hold all data" in why else ""
    return why, f"{first}weft resolve {quoted(data_path(name))}"


def overlaps(paths: Iterable[str], strange: Container[str] = ()) -> dict[str, PathOverlap]:
    """Tracked paths that lie inside one another, the inner and the outer one each with the error that says so.

    The error blames the pointer of the two that is ``strange`` to Git, else the inner one.
    """
    known = set(paths)
    found: dict[str, PathOverlap] = {}
    for path in sorted(known):
        parent = path.rpartition("/")[0]
        while parent:
            if parent in known:
                blamed = parent if parent in strange and path not in strange else path
                which = "" if blamed not in strange else f"; Git does not know {pointer_path(blamed)}"
                found[path] = PathOverlap(
                    f"{path} is tracked on its own and lies inside {parent}, which is tracked too{which}",
                    hint=f"{'rm' if which else 'git rm'} {quoted(pointer_path(blamed))}",
                    path=blamed,
                )
                found.setdefault(parent, found[path])
            parent = parent.rpartition("/")[0]
    return found


def workspace_pointers(project: Project, *, outside: bool = False, warn_ignored: bool = False) -> Pointers:
    """All pointers of the work tree by tracked path, sorted; those that Git ignores too, where weft wrote them.

    With ``outside`` also those that Git tracks and a sparse checkout leaves out of the work tree; with ``warn_ignored`` a
    warning names those that Git ignores. A file that only has the name of a pointer is left out with a warning, and so is a
    broken one that Git does not know. Other broken ones, and those that overlap, are kept apart.
    """
    listed = trees.pointer_files(project.git)
    known = project.cache.tracked_paths()
    data: dict[str, bytes] = {}
    pointers = Pointers()
    for name in sorted({*listed, *(pointer_path(path) for path in known)}):
        try:
            found = _pointer_bytes(project, name, written=data_path(name) in known)
        except WeftError as error:
            pointers.broken[data_path(name)] = error
        else:
            data.update({} if found is None else {name: found})
    if warn_ignored:
        tell_ignored(project, data.keys() - listed.keys())
    if outside and (left_out := [name for name, how in listed.items() if how == trees.LEFT_OUT and name not in data]):
        staged = _indexed(project, left_out)
        data.update(staged)
        pointers.outside.update(map(data_path, staged))
    strange = {data_path(name) for name in data if listed.get(name, trees.UNKNOWN) == trees.UNKNOWN}
    _decode_all(pointers, sorted(data.items()), strange)
    pointers.unmerged.update(data_path(name) for name, how in listed.items() if how == trees.UNMERGED)
    for path, why in pointers.broken.items():
        name = pointer_path(path)
        if path not in known and listed.get(name) == trees.UNKNOWN:
            pointers.strays.add(path)
            project.store.files.warn_once(
                f"pointer {name}",
                f"{name} is a broken pointer that Git does not know; weft leaves it alone: {why.message} ({why.code})",
                f"rm {quoted(name)}, or mv {quoted(name)} {quoted(name + '.data')}",
            )
    return pointers


def _decode_all(pointers: Pointers, files: Iterable[tuple[str, bytes]], strange: Container[str] = ()) -> None:
    """Put what the pointer ``files`` (name and bytes) say into ``pointers``; Git does not know those of ``strange``."""
    for name, data in files:
        try:
            pointers[data_path(name)] = decode_pointer(data, name)
        except WeftError as error:
            error.hint = error.hint or f"git checkout HEAD -- {quoted(name)}, if it was right there; or weft doctor"
            pointers.broken[data_path(name)] = error
    for path, overlap in overlaps(pointers, strange).items():
        pointers.broken[path] = overlap
        del pointers[path]


def tell_ignored(project: Project, names: Iterable[str]) -> None:
    """Warn of pointers (by name) that Git ignores."""
    for name in sorted(names):
        project.progress.warn(f"Git ignores {name}, so no commit will hold it", f"git add --force {quoted(name)}")


def _pointer_bytes(project: Project, name: str, *, written: bool) -> bytes | None:
    """The bytes of the file ``name`` of the work tree; None when there is none, or none of a pointer that weft has not
    ``written``."""
    path = os.path.join(project.root, name)
    try:
        found = read_small(path)
        head = found
    except LimitExceeded:
        found, head = None, read_head(path)
        if written or pointer_format.looks_like(head):
            raise
    if head is None or written or pointer_format.looks_like(head):
        return found
    _warn_no_pointer(project, name)
    return None


def _warn_no_pointer(project: Project, name: str) -> None:
    project.store.files.warn_once(
        f"pointer {name}",
        f"{name} is no pointer, though it is called like one; weft leaves it alone",
        f"mv {name} {name}.data",
    )


def _indexed(project: Project, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of pointers as Git's index has them."""
    staged = index.read_index(project.git)
    blobs = {name: entry.blob for name in names if (entry := staged.get(name)) is not None and entry.regular}
    data = trees.read_blobs(project.git, set(blobs.values()))
    return {name: data[blob] for name, blob in blobs.items() if pointer_format.looks_like(data[blob])}


def revision_pointers(project: Project, commit: str) -> Pointers:
    """All pointers of a commit by tracked path; a file that only has the name of one is left out with a warning, and broken
    ones are kept apart."""
    blobs = trees.pointer_blobs(project.git, commit)
    pointers = Pointers()
    _decode_all(pointers, sorted(pointers_only(project, blobs)))
    return pointers


def pointers_only(project: Project, files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Those of ``files`` (by name) that are not merely called like a pointer; a warning names the others."""
    for name, data in files.items():
        if pointer_format.looks_like(data):
            yield name, data
        else:
            _warn_no_pointer(project, name)


def select(project: Project, pointers: Pointers, paths: Sequence[str], *, lenient: bool = False) -> Selected:
    """What ``paths`` (as typed; none means everything) ask for.

    Raises ``NotTracked``, ``NoSuchPath`` or ``LeftOut``, and the error of a broken pointer that is named itself, unless
    ``lenient``.
    """
    if not paths:
        return Selected([Target(path, pointer) for path, pointer in pointers.items()], broken_of(pointers, [""]))
    found: list[Target] = []
    asked = [repo_path(project, text) for text in paths]
    for text, path in zip(paths, asked, strict=True):
        some = pick(pointers, path)
        if not some and (path or pointers):
            wrong = next(iter(pointers.broken_at(path).values()), None)
            if wrong is None or not lenient:
                raise wrong or _unknown(project, text, path)
        found += some
    return Selected(merge(found), broken_of(pointers, asked))


def broken_of(pointers: Pointers, asked: Iterable[str]) -> tuple[Broken, ...]:
    """The broken ones at or below the paths that are ``asked`` for, sorted."""
    found = {top: error for path in asked for top, error in pointers.broken_at(path).items()}
    return tuple(broken_by(path, error) for path, error in sorted(found.items()))


def broken_by(path: str, error: WeftError) -> Broken:
    """``error`` as a result tells of it."""
    return Broken(path, error.code, error.message, error.hint, int(error.exit_code))


def pick(pointers: Mapping[str, Pointer], path: str) -> list[Target]:
    """What the path ``path`` (relative to the root) means: pointers at or below it, or a part of one above it."""
    below = [Target(p, pointer) for p, pointer in pointers.items() if not path or p == path or p.startswith(path + "/")]
    owner = "" if below else owner_of(pointers, path)
    return [Target(owner, pointers[owner], (path[len(owner) + 1 :],))] if owner else below


def merge(targets: Iterable[Target]) -> list[Target]:
    """One target a path, sorted: the whole where the whole is among ``targets``, else all the parts."""
    merged: dict[str, Target] = {}
    for target in targets:
        known = merged.get(target.path)
        if known is None or target.subpaths is None:
            merged[target.path] = target
        elif known.subpaths is not None:
            merged[target.path] = Target(target.path, target.pointer, known.subpaths + target.subpaths)
    return [merged[path] for path in sorted(merged)]


def owner_of(pointers: Mapping[str, Pointer], path: str) -> str:
    """The tracked directory that ``path`` lies inside; empty when there is none."""
    parent = path.rpartition("/")[0]
    while parent and parent not in pointers:
        parent = parent.rpartition("/")[0]
    return parent if parent and pointers[parent].is_dir else ""


def left_out_data(project: Project) -> list[str]:
    """The tracked paths whose pointers a sparse checkout leaves out of the work tree. No process where it is none."""
    return [data_path(name) for name in trees.left_out_files(project.git) if trees.is_pointer(name)]


def refuse_left_out(project: Project, text: str, path: str) -> None:
    """Raise ``LeftOut`` where ``path``, typed as ``text``, means data whose pointer a sparse checkout leaves out."""
    for known in left_out_data(project):
        if path and (path == known or path.startswith(known + "/") or known.startswith(path + "/")):
            folder = path if known.startswith(path + "/") else known.rpartition("/")[0] or "/"
            raise LeftOut(
                f"a sparse checkout leaves {text} out of this work tree",
                hint=f"git sparse-checkout add {quoted(folder)}, then weft pull {quoted(text)}",
                path=path,
            )


def _unknown(project: Project, text: str, path: str) -> NotTracked | NoSuchPath:
    refuse_left_out(project, text, path)
    if os.path.lexists(os.path.join(project.root, path)):
        return NotTracked(f"weft does not track {text}", hint=f"weft add {quoted(text)}", path=text)
    return NoSuchPath(f"no such file, and nothing tracked by that name: {text}", hint="weft ls", path=text)
