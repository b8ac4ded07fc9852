"""Files of the work tree as Git would keep them: which it keeps, and their blob ids, filters and line ends included."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from weft.gitio.blobs import ALGORITHMS, blob_id, is_blob_id
from weft.gitio.index import LINK, REGULAR, SUBMODULE
from weft.gitio.repo import SAFELY, GitRepo, git_failed
from weft.model.paths import in_cache
from weft.util.atomic import os_errors
from weft.util.subproc import run

_PATHS_PER_CALL = 200  # of up to 4,096 bytes each: far below what the kernel takes as arguments


def kept_modes(repo: GitRepo, paths: Sequence[str]) -> dict[str, str]:
    """Files, links and repositories at or below ``paths`` that are there and that Git tracks, or would: it ignores them not;
    and those that a sparse checkout leaves out of the work tree, as the index has them.

    Path to the mode, six octal digits, that `git add` would give it; sorted. An untracked ``__pycache__`` is left out.
    Raises ``GitFailed``.
    """
    return {path: mode for path, (mode, _) in _kept(repo, paths).items()}


def kept_entries(repo: GitRepo, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """``kept_modes``, each with the blob id that Git's index has for it, so that it need not be hashed; empty for what Git
    does not track, and for what is not as the index says."""
    return _kept(repo, paths, "--modified")


def _kept(repo: GitRepo, paths: Sequence[str], *more: str) -> dict[str, tuple[str, str]]:
    rows: dict[str, str] = {}
    changed: set[str] = set()
    left_out: set[str] = set()
    for first in range(0, len(paths), _PATHS_PER_CALL):
        some = [path or "." for path in paths[first : first + _PATHS_PER_CALL]]
        kinds = ("--cached", "--others", *more)
        output = repo.git("ls-files", "-z", "-t", "--stage", *kinds, "--exclude-standard", "--", *some)
        for row in os.fsdecode(output).split("\0")[:-1]:
            # "H 100644 BLOB 0<TAB>PATH" of what Git tracks, with a C once more where it was changed; "? PATH" of what it
            # does not track. S: a sparse checkout leaves it out.
            tracked = not row.startswith("? ")
            path = row.partition("\t")[2] if tracked else row[2:]
            if row.startswith(("C ", "M ")):  # M: of a file in conflict there are several versions
                changed.add(path)
            if row.startswith("C "):
                continue
            if row.startswith("S "):
                left_out.add(path)
            if tracked or not in_cache(path):
                rows[path.removesuffix("/")] = row.partition("\t")[0][2:] if tracked else ""
    modes: list[bool] = []  # whether modes of files count here, asked once and seldom

    def counts() -> bool:
        if not modes:
            modes.append(repo.git("config", "--type=bool", "--get", "core.fileMode", check=False) != b"false\n")
        return modes[0]

    found: dict[str, tuple[str, str]] = {}
    for path in sorted(rows):
        known, _, rest = rows[path].partition(" ")
        mode = _mode(os.path.join(repo.root, path), known, counts) or (known if path in left_out else "")
        if mode:
            found[path] = mode, "" if path in changed else rest.partition(" ")[0]
    return found


def _mode(full: str, known: str, modes_count: Callable[[], bool]) -> str:
    """The mode of what is at ``full``, where Git has it as ``known``; empty when nothing is there that Git keeps."""
    try:
        found = os.lstat(full).st_mode
    except OSError:
        return ""
    if stat.S_ISLNK(found):
        return LINK
    if stat.S_ISDIR(found):
        return SUBMODULE if known == SUBMODULE or os.path.lexists(os.path.join(full, ".git")) else ""
    if not stat.S_ISREG(found):
        return ""
    plain, executable = REGULAR
    mode = executable if found & stat.S_IXUSR else plain
    if mode == (known or plain) or modes_count():
        return mode
    return known if known in REGULAR else plain


def ignored_below(repo: GitRepo, paths: Sequence[str], *, inside: str = "") -> list[str]:
    """What Git ignores at or below ``paths``; of a directory that it ignores as a whole the directory alone, with a slash
    at its end. ``inside`` is a repository in this one that ``paths`` are of. Raises ``GitFailed``."""
    if not paths or (inside and not os.path.lexists(os.path.join(repo.root, inside, ".git"))):
        return []
    lead = ("-C", inside) if inside else ()
    options = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    found: set[str] = set()
    for first in range(0, len(paths), _PATHS_PER_CALL):
        output = repo.git(*lead, *options, "--", *paths[first : first + _PATHS_PER_CALL])
        found.update(os.fsdecode(output).split("\0")[:-1])
    return sorted(found)


def untracked_files(repo: GitRepo, paths: Sequence[str]) -> list[str]:
    """Files at or below ``paths`` that Git neither tracks nor ignores; what Python keeps of compiled modules is left out."""
    found: set[str] = set()
    for first in range(0, len(paths), _PATHS_PER_CALL):
        some = paths[first : first + _PATHS_PER_CALL]
        output = repo.git("ls-files", "-z", "--others", "--exclude-standard", "--", *some)
        found.update(path for path in os.fsdecode(output).split("\0")[:-1] if not in_cache(path))
    return sorted(found)


def not_staged(repo: GitRepo, paths: Sequence[str]) -> list[str]:
    """Those of the files ``paths`` that the index has otherwise than the work tree, or that Git does not track and would."""
    found: set[str] = set()
    for first in range(0, len(paths), _PATHS_PER_CALL):
        some = paths[first : first + _PATHS_PER_CALL]
        output = repo.git("ls-files", "-z", "--modified", "--others", "--exclude-standard", "--", *some)
        found.update(os.fsdecode(output).split("\0")[:-1])
    return sorted(found.intersection(paths))


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

    ``paths`` are files or links that exist, or that a sparse checkout leaves out: of those the index tells. Of a directory,
    which is a repository inside this one, it is the commit that is checked out there, and nothing where that is not all
    that is there. Raises ``GitFailed``.
    """
    links: list[str] = []
    files: list[str] = []
    absent: list[str] = []
    found: dict[str, str] = {}
    for path in paths:
        full = os.path.join(repo.root, path)
        if not os.path.lexists(full):
            absent.append(path)
        elif os.path.isdir(full) and not os.path.islink(full):
            found[path] = _commit(repo, path)
        else:
            (links if os.path.islink(full) else files).append(path)
    found.update(_left_out_ids(repo, absent))
    files += [path for path in absent if path not in found]  # Git says what is wrong
    found.update(_hashed(repo, files))
    for path in links:
        target = os.fsencode(os.readlink(os.path.join(repo.root, path)))
        output = repo.git("hash-object", "--stdin", "--no-filters", stdin=target)
        found[path] = output.decode("ascii").strip()
    return found


def _left_out_ids(repo: GitRepo, paths: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for first in range(0, len(paths), _PATHS_PER_CALL):
        some = paths[first : first + _PATHS_PER_CALL]
        for row in os.fsdecode(repo.git("ls-files", "-z", "-t", "--stage", "--", *some)).split("\0")[:-1]:
            facts, path = row.split("\t", 1)
            if facts.startswith("S ") and path in some:
                found[path] = facts.split(" ")[2]
    return found


def converted(repo: GitRepo, blobs: Mapping[str, str]) -> list[str]:
    """Those of the files ``blobs``, each with the id that ``blob_ids`` gives it, whose bytes a checkout of the blob would
    not bring back: a filter, `ident` or an encoding in the attributes made the blob of them. Line ends are no difference.

    One process, and another one for each file that is not kept as it is. Raises ``GitFailed``.
    """
    as_they_are = _hashed(repo, list(blobs), "--no-filters")
    return [
        path
        for path, blob in blobs.items()
        if blob != as_they_are[path] and _differs(repo, path, blob, as_they_are[path])
    ]


def _differs(repo: GitRepo, path: str, blob: str, own: str) -> bool:
    algorithm = ALGORITHMS[len(blob) == 64]
    with os_errors("read", path), open(os.path.join(repo.root, path), "rb") as file:
        if blob_id(file.read().replace(b"\r\n", b"\n"), algorithm) == blob:
            return False
    back = repo.run("cat-file", "--filters", f"--path={path}", blob)
    return back.returncode != 0 or blob_id(back.stdout, algorithm) != own


def _hashed(repo: GitRepo, files: Sequence[str], *options: str) -> dict[str, str]:
    if not files:
        return {}
    names = b"".join(_quoted(os.fsencode(path)) + b"\n" for path in files)
    # Line ends that do not survive a round trip are a matter for `git add`, not for us.
    output = repo.git("-c", "core.safecrlf=false", "hash-object", *options, "--stdin-paths", stdin=names)
    return dict(zip(files, output.decode("ascii").split(), strict=True))


def _commit(repo: GitRepo, path: str) -> str:
    """The commit that the repository at ``path`` has checked out; empty when it holds more than that. Of one that was
    never brought here it is the commit that it is to have."""
    if not os.path.lexists(os.path.join(repo.root, path, ".git")):
        return repo.git("ls-files", "-z", "--stage", "--", path).decode("ascii", "replace").split(" ")[1]
    inner = replace(repo, root=os.path.join(repo.root, path))
    # What the configuration of either repository says of it hides nothing here.
    options = (
        "--porcelain=v2",
        "--branch",
        "-z",
        "--no-renames",
        "--ignore-submodules=none",
        "--untracked-files=normal",
    )
    output = os.fsdecode(inner.git("status", *options))
    commit = ""
    for row in output.split("\0"):
        if row.startswith("# branch.oid "):
            commit = row.rpartition(" ")[2]
        elif row and not row.startswith("#") and not (row.startswith("? ") and in_cache(row[2:])):
            return ""
    return commit if is_blob_id(commit) and not hidden_changes(inner, deep=True) else ""


def hidden_changes(repo: GitRepo, *, deep: bool = False) -> list[str]:
    """Paths whose entry is marked (assume-unchanged, skip-worktree) and whose file is another one than the index has. A
    sparse checkout marks entries as well: there the file is absent, and that is no change. With ``deep`` also repositories
    inside of this one that hold more than the commit that this one names. Raises ``GitFailed``."""
    marked: dict[str, tuple[str, str]] = {}
    found = []
    for row in os.fsdecode(repo.git("ls-files", "-v", "--stage", "-z")).split("\0")[:-1]:
        facts, path = row.split("\t", 1)
        letter, mode, blob, _ = facts.split(" ")
        if letter != "S" and not letter.islower() and not (deep and mode == SUBMODULE):
            continue
        if os.path.lexists(os.path.join(repo.root, path)):
            marked[path] = mode, blob
        elif letter == "h":
            found.append(path)  # marked as unchanged, and gone
    blobs = blob_ids(repo, [path for path, (mode, _) in marked.items() if _is_kind(repo, path, mode)])
    return sorted([*found, *(path for path, (_, blob) in marked.items() if blobs.get(path, "") != blob)])


def _is_kind(repo: GitRepo, path: str, mode: str) -> bool:
    there = os.path.join(repo.root, path)
    if os.path.islink(there):
        return mode == LINK
    return os.path.isdir(there) if mode == SUBMODULE else mode in REGULAR and os.path.isfile(there)


def _quoted(name: bytes) -> bytes:
    """A path as ``--stdin-paths`` reads it: in C's quotes where it would be misread bare."""
    if not name.startswith(b'"') and b"\n" not in name:
        return name
    escaped = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
