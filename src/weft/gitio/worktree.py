"""Files of the work tree as Git would keep them: which it keeps, and their blob ids, filters and line ends included."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from weft.gitio.repo import SAFELY, GitRepo, git_failed
from weft.util.subproc import run

_PATHS_PER_CALL = 200  # of up to 4,096 bytes each: far below what the kernel takes as arguments


def kept_files(repo: GitRepo, paths: Sequence[str]) -> list[str]:
    """Sorted files and links at or below ``paths`` that are there and that Git tracks, or would: it ignores them not."""
    found: set[bytes] = set()
    for first in range(0, len(paths), _PATHS_PER_CALL):
        some = [path or "." for path in paths[first : first + _PATHS_PER_CALL]]
        output = repo.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *some)
        found.update(output.split(b"\0"))
    found.discard(b"")
    return sorted(path for path in map(os.fsdecode, found) if _is_file(os.path.join(repo.root, path)))


def ignored_paths(repo: GitRepo, paths: Sequence[str]) -> list[str]:
    """Those of ``paths`` that Git ignores; what it tracks is never ignored."""
    if not paths:
        return []
    # This command knows no literal pathspecs; behind "./" a name holds no magic.
    names = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)
    command = ("check-ignore", "-z", "--stdin")
    done = run([repo.program, *SAFELY, "-C", repo.root, *command], cwd=repo.root, stdin=names, check=False)
    if done.returncode not in (0, 1):
        raise git_failed(command, done)
    return [os.fsdecode(name[2:]) for name in done.stdout.split(b"\0") if name]


def blob_ids(repo: GitRepo, paths: Iterable[str]) -> dict[str, str]:
    """Path to the id of the blob that `git add` would make of it, nothing written; one process, one more per link.

    ``paths`` are files or links that exist. Raises ``GitFailed``.
    """
    links: list[str] = []
    files: list[str] = []
    for path in paths:
        (links if os.path.islink(os.path.join(repo.root, path)) else files).append(path)
    found: dict[str, str] = {}
    if files:
        names = b"".join(_quoted(os.fsencode(path)) + b"\n" for path in files)
        # Line ends that do not survive a round trip are a matter for `git add`, not for us.
        output = repo.git("-c", "core.safecrlf=false", "hash-object", "--stdin-paths", stdin=names)
        found = dict(zip(files, output.decode("ascii").split(), strict=True))
    for path in links:
        target = os.fsencode(os.readlink(os.path.join(repo.root, path)))
        output = repo.git("hash-object", "--stdin", "--no-filters", stdin=target)
        found[path] = output.decode("ascii").strip()
    return found


def _is_file(path: str) -> bool:
    return os.path.islink(path) or os.path.isfile(path)


def _quoted(name: bytes) -> bytes:
    """A path as ``--stdin-paths`` reads it: in C's quotes where it would be misread bare."""
    if not name.startswith(b'"') and b"\n" not in name:
        return name
    escaped = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
