"""Reading from Git: revisions, the pointers of a commit, of the index and of the work tree, and the bytes of blobs.

Paths come NUL-terminated from Git and are decoded as the operating system does, so a name that is not UTF-8 arrives with
surrogates and is refused where it is parsed, not here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from weft.errors import GitFailed, LimitExceeded, MergeConflict, NoSuchRevision, SymlinkRefused
from weft.gitio.repo import ALL_REFS, GitRepo, git_failed

POINTER_SUFFIX = ".weft"
POINTER_LIMIT = 65536
"""Most bytes of a pointer file."""

_STATE_DIR = ".weft/"
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)  # SHA-1 or SHA-256
_LINK = b"120000"
_PATHS_PER_CALL = 200  # of up to 4,096 bytes each: far below what the kernel takes as arguments


class _Entry(NamedTuple):
    mode: bytes
    blob: str
    path: str


def is_pointer(path: str) -> bool:
    """True when ``path``, relative to the root, is named as a pointer; weft's own ``.weft/`` directory holds none."""
    name = path.rpartition("/")[2]
    return name.endswith(POINTER_SUFFIX) and name != POINTER_SUFFIX and not path.startswith(_STATE_DIR)


# --- revisions -----------------------------------------------------------------------------------------------------


def resolve(repo: GitRepo, rev: str) -> str:
    """The full id of the commit that ``rev`` names. Raises ``NoSuchRevision``."""
    reason = ""
    if _may_be_revision(rev):
        done = repo.run("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}")
        found = done.stdout.decode("ascii", "replace").strip()
        if done.returncode == 0 and _ID.fullmatch(found):
            return found
        reason = done.stderr.decode("utf-8", "replace").partition("\n")[0].removeprefix("fatal: ")
    raise NoSuchRevision(
        f"{rev!a} names no commit of this repository" + (f": {reason}" if reason else ""),
        hint="name a branch, a tag or a commit that `git log --all` lists, or run `git fetch` first; put -- before a path",
    )


def _may_be_revision(rev: str) -> bool:
    # An option, a negation or what cannot be an argument of a program is no revision, whatever Git would make of it.
    if not rev or rev.startswith(("-", "^")) or "\0" in rev:
        return False
    try:
        os.fsencode(rev)
    except UnicodeEncodeError:
        return False
    return True


def head(repo: GitRepo) -> str | None:
    """The full id of the current commit, None before the first one."""
    command = ("rev-parse", "--verify", "--quiet", "HEAD")
    done = repo.run(*command)
    if done.returncode not in (0, 1):
        raise git_failed(command, done)
    return done.stdout.decode("ascii").strip() or None


def ref_names(repo: GitRepo) -> list[str]:
    """Branches, tags and branches of remotes, by the short names that are revisions."""
    refs = ("refs/heads", "refs/tags", "refs/remotes")
    return _lines(repo.git("for-each-ref", "--format=%(refname:short)", *refs))


def commits(repo: GitRepo, spec: str) -> list[str]:
    """Full ids of the commits ``spec`` names, newest first.

    ``A..B`` and ``A...B`` are ranges as Git knows them (an empty side is HEAD), ``--all`` and ``refs/*`` all commits that
    refs and HEAD reach, anything else one commit. Raises ``NoSuchRevision``.
    """
    if spec in ("--all", "refs/*"):
        return _lines(repo.git("rev-list", *ALL_REFS))
    dots = "..." if "..." in spec else ".."
    if dots not in spec:
        return [resolve(repo, spec)]
    older, _, newer = spec.partition(dots)
    ends = resolve(repo, older or "HEAD"), resolve(repo, newer or "HEAD")
    return _lines(repo.git("rev-list", dots.join(ends)))


def _lines(output: bytes) -> list[str]:
    return output.decode("ascii").split()


def _commit_id(repo: GitRepo, commit: str) -> str:
    return commit if _ID.fullmatch(commit) else resolve(repo, commit)


# --- pointers of the work tree, the index and a commit ----------------------------------------------------------------


TRACKED, LEFT_OUT, UNMERGED, UNKNOWN = "H", "S", "M", "?"
"""How Git stands to a pointer: it tracks it, leaves it out of the work tree (a sparse checkout), has it in a conflict, or
knows nothing of it."""


def pointer_files(repo: GitRepo) -> dict[str, str]:
    """Paths of the pointers in the index, even where the file is gone, and of those Git neither tracks nor ignores; sorted,
    each with one of the letters above.

    Works in the middle of a merge as well.
    """
    output = repo.git("ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    # Most paths are no pointers: a look at the bytes saves decoding them.
    rows = {row[2:]: row[:1] for row in output.split(b"\0") if row.endswith(b".weft")}
    found = {os.fsdecode(name): letter.decode("ascii") for name, letter in rows.items()}
    return {name: found[name] for name in sorted(filter(is_pointer, found))}


def untracked(repo: GitRepo, folders: Sequence[str]) -> list[str]:
    """Sorted paths below ``folders`` ("" is the root) that Git neither tracks nor ignores; a directory ends in a slash."""
    options = ("-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory")
    output = repo.git("ls-files", *options, "--", *(folder or "." for folder in folders))
    return sorted(os.fsdecode(name) for name in output.split(b"\0") if name)


def uncommitted(repo: GitRepo, paths: Sequence[str]) -> set[str]:
    """Those of ``paths`` that a commit of everything would change: untracked, staged, or changed in the work tree.

    One process, whatever the number of paths; before the first commit it is all of them.
    """
    if not paths:
        return set()
    some = paths if len(paths) <= _PATHS_PER_CALL else ()
    output = repo.git(
        "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all", "--", *some
    )  # fmt: skip
    return {os.fsdecode(row[3:]) for row in output.split(b"\0")}.intersection(paths)


def staged_pointers(repo: GitRepo) -> dict[str, str]:
    """Path to blob id of the pointers in the index. Raises ``MergeConflict`` when one is unmerged, ``SymlinkRefused``."""
    staged: dict[str, str] = {}
    for row in repo.git("ls-files", "-z", "--stage").split(b"\0"):
        if not row.endswith(b".weft"):
            continue
        facts, _, name = row.partition(b"\t")
        mode, blob, number = facts.split(b" ")
        path = os.fsdecode(name)
        if not is_pointer(path):
            continue
        if number != b"0":
            raise MergeConflict(
                f"the pointer {path!a} is not merged yet",
                hint="resolve the conflict, `git add` the pointer, then run the command again",
                path=path,
            )
        if _is_regular(mode, path):
            staged[path] = blob.decode("ascii")
    return staged


def files_at(repo: GitRepo, commit: str, paths_suffix: str = POINTER_SUFFIX) -> dict[str, str]:
    """Path to blob id of the regular files of ``commit`` whose path ends in ``paths_suffix``, in Git's order.

    With the suffix of pointers, what ``is_pointer`` denies is left out. Raises ``SymlinkRefused`` when a pointer is a
    symbolic link.
    """
    output = repo.git("ls-tree", "-r", "-z", "--full-tree", _commit_id(repo, commit))
    only_pointers = paths_suffix == POINTER_SUFFIX
    return {
        entry.path: entry.blob
        for entry in _tree_entries(output, os.fsencode(paths_suffix))
        if (is_pointer(entry.path) or not only_pointers) and _is_regular(entry.mode, entry.path)
    }


def _tree_entries(output: bytes, suffix: bytes = b"") -> Iterator[_Entry]:
    for row in output.split(b"\0"):
        if row and row.endswith(suffix):
            facts, _, name = row.partition(b"\t")
            mode, _, blob = facts.split(b" ")
            yield _Entry(mode, blob.decode("ascii"), os.fsdecode(name))


def _is_regular(mode: bytes, path: str) -> bool:
    if mode == _LINK and is_pointer(path):
        raise _link_refused(path)
    return mode.startswith(b"100")


def _link_refused(path: str) -> SymlinkRefused:
    return SymlinkRefused(
        f"{path!a} is a symbolic link in Git, which weft does not follow", hint="replace the link by a file", path=path
    )


def is_tracked(repo: GitRepo, *paths: str) -> list[str]:
    """Sorted paths that Git itself tracks at or below ``paths`` (empty or ``.``: the root), pointers left out."""
    tracked: set[bytes] = set()
    for first in range(0, len(paths), _PATHS_PER_CALL):
        some = [path or "." for path in paths[first : first + _PATHS_PER_CALL]]
        tracked.update(repo.git("ls-files", "-z", "--cached", "--", *some).split(b"\0"))
    tracked.discard(b"")
    return sorted(path for path in map(os.fsdecode, tracked) if not is_pointer(path))


# --- bytes -----------------------------------------------------------------------------------------------------------


def read_blobs(repo: GitRepo, blob_ids: Iterable[str], limit: int = POINTER_LIMIT) -> dict[str, bytes]:
    """The bytes of the blobs, by one process. Raises ``LimitExceeded`` for one over ``limit`` bytes before reading it,
    ``GitFailed`` for one that Git does not have."""
    return _read(repo, {blob: f"the Git blob {blob}" for blob in blob_ids}, limit)


def pointer_blobs(repo: GitRepo, commit: str) -> dict[str, bytes]:
    """Path to bytes of all pointers of ``commit``. Raises ``LimitExceeded``, ``SymlinkRefused``."""
    files = files_at(repo, commit)
    found = _read(repo, {blob: ascii(path) for path, blob in files.items()}, POINTER_LIMIT)
    return {path: found[blob] for path, blob in files.items()}


def file_at(repo: GitRepo, commit: str, path: str, limit: int = POINTER_LIMIT) -> bytes | None:
    """The bytes of the file ``path`` of ``commit``, None when no file is there. Raises ``LimitExceeded`` when they are
    more than ``limit``, ``SymlinkRefused`` when it is a symbolic link."""
    output = repo.git("ls-tree", "-z", "--full-tree", _commit_id(repo, commit), "--", path)
    for entry in _tree_entries(output):
        if entry.path == path and entry.mode == _LINK:
            raise _link_refused(path)
        if entry.path == path and entry.mode.startswith(b"100"):
            return _read(repo, {entry.blob: ascii(path)}, limit)[entry.blob]
    return None


def staged_file(repo: GitRepo, path: str, limit: int = POINTER_LIMIT) -> bytes | None:
    """The bytes of the file ``path`` of the index, None when it holds none. Raises as ``file_at`` does."""
    for row in repo.git("ls-files", "--stage", "-z", "--", path).split(b"\0"):
        facts, _, name = row.partition(b"\t")
        if name == os.fsencode(path) and _is_regular(facts[:6], path):
            blob = facts.split(b" ")[1].decode("ascii")
            return _read(repo, {blob: ascii(path)}, limit)[blob]
    return None


def is_sparse(repo: GitRepo) -> bool:
    """Whether the work tree is, or ever was, a sparse checkout: only then may Git leave out what it tracks. No process."""
    return os.path.lexists(os.path.join(repo.git_dir, "info", "sparse-checkout"))


def left_out(repo: GitRepo, path: str) -> bool:
    """Whether Git tracks the file ``path`` and a sparse checkout leaves it out of the work tree."""
    if not is_sparse(repo) or os.path.lexists(os.path.join(repo.root, path)):
        return False
    return repo.git("ls-files", "-t", "-z", "--", path).startswith(b"S ")


def left_out_files(repo: GitRepo) -> list[str]:
    """Sorted paths of all that Git tracks and a sparse checkout leaves out of the work tree."""
    rows = repo.git("ls-files", "-t", "-z").split(b"\0") if is_sparse(repo) else []
    names = sorted(os.fsdecode(row[2:]) for row in rows if row.startswith(b"S "))
    return [name for name in names if not os.path.lexists(os.path.join(repo.root, name))]


def left_out_file(repo: GitRepo, path: str, limit: int = POINTER_LIMIT) -> bytes | None:
    """The bytes of the file ``path`` of the index where a sparse checkout leaves it out of the work tree, else None.
    Raises as ``file_at`` does."""
    return staged_file(repo, path, limit) if left_out(repo, path) else None


def _read(repo: GitRepo, wanted: Mapping[str, str], limit: int) -> dict[str, bytes]:
    """The blobs whose ids are the keys of ``wanted``; its values name them in errors."""
    if not wanted:
        return {}
    for blob in wanted:
        if not _ID.fullmatch(blob):
            raise ValueError(f"{blob!a} is no full object id of Git")
    request = "\n".join(wanted).encode("ascii") + b"\n"
    # An id stands for its own bytes, whatever `git replace` offers in their place.
    with repo.judged().stream("cat-file", "--batch", "--buffer", stdin=request) as answer:
        return {blob: _next_blob(answer, blob, label, limit) for blob, label in wanted.items()}


def _next_blob(answer: IO[bytes], blob: str, label: str, limit: int) -> bytes:
    header = answer.readline().split()
    if len(header) != 3 or header[0] != blob.encode("ascii") or header[1] != b"blob":
        said = b" ".join(header).decode("utf-8", "replace")
        raise GitFailed(f"Git has no bytes of {label}: {said or 'it ended early'}", hint="run `git fsck`")
    size = int(header[2])
    if size > limit:
        raise LimitExceeded(f"{label} is {size} bytes long, over the limit of {limit}", path=label)
    data = answer.read(size + 1)
    if len(data) != size + 1:
        raise GitFailed(f"Git ended in the middle of {label}", hint="run `git fsck`")
    return data[:-1]
