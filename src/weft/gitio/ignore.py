"""The ``.gitignore`` line that keeps tracked data out of Git: ``/NAME`` beside the pointer ``NAME.weft``.

Patterns are those of gitignore(5): the leading slash binds the name to its directory and takes a leading ``#`` or ``!``
its meaning; a backslash makes ``*``, ``?``, ``[``, ``\\`` and trailing spaces plain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from weft.gitio import trees
from weft.gitio.lines import add_lines, drop_lines
from weft.gitio.repo import GitRepo
from weft.model.paths import check_component
from weft.util.dirfd import write_below

_LIMIT = 16 << 20
_SPECIAL = re.compile(r"[\\*?\[]")


def ignore_pattern(name: str) -> bytes:
    """The line that makes Git ignore exactly ``name`` in the directory of the file. Raises as ``check_component``."""
    escaped = _SPECIAL.sub(r"\\\g<0>", check_component(name))
    bare = escaped.rstrip(" ")
    escaped = bare + r"\ " * (len(escaped) - len(bare))
    return b"/" + escaped.encode("utf-8")


def ensure_ignored(repo: GitRepo, directory: str, names: Sequence[str]) -> str | None:
    """Make ``.gitignore`` of ``directory``, relative to the root, ignore ``names``; the path of the file, from the root,
    when it changed, else None. Raises as ``check_component`` and ``add_lines`` do.
    """
    path = _file_in(repo, directory)
    return path if add_lines(repo.root, path, [ignore_pattern(name) for name in names]) else None


def drop_ignored(repo: GitRepo, directory: str, names: Sequence[str]) -> str | None:
    """Remove the lines that ``ensure_ignored`` wrote for ``names``, and the file when nothing else is in it; the path of
    the file, from the root, when it changed, else None. Raises as ``ensure_ignored`` does."""
    path = _file_in(repo, directory)
    return path if drop_lines(repo.root, path, [ignore_pattern(name) for name in names]) else None


def index_lags(repo: GitRepo, directory: str, name: str, *, ignored: bool) -> bool:
    """Whether the staged ``.gitignore`` of ``directory``, relative to the root, does not say of ``name`` what ``ignored``
    says: so it is when a command was killed after it wrote the file and before it staged it."""
    path = _name_in(directory)
    done = repo.run("cat-file", "blob", f":{path}")
    staged = done.stdout.split(b"\n") if done.returncode == 0 else []
    return (ignore_pattern(name) in staged) != ignored


def ensure_excluded(repo: GitRepo, patterns: Sequence[str]) -> bool:
    """Make this clone ignore ``patterns``, lines of gitignore(5), in all its work trees; True when something changed.

    They go into ``info/exclude`` of the Git directory, which is not committed. Raises as ``add_lines`` does:
    ``SymlinkRefused`` for a user who keeps one such file for all repositories.
    """
    if any(not pattern or "\n" in pattern for pattern in patterns):
        raise ValueError(f"each pattern is one line, not {patterns!r}")
    return add_lines(repo.common_dir, "info/exclude", [pattern.encode("utf-8") for pattern in patterns])


def _file_in(repo: GitRepo, directory: str) -> str:
    """The path of the file, which is put there first where a sparse checkout leaves it out: its other lines stay."""
    path = _name_in(directory)
    data = trees.left_out_file(repo, path, _LIMIT)
    if data is not None:
        write_below(repo.root, path, data)
    return path


def _name_in(directory: str) -> str:
    return f"{directory}/.gitignore" if directory else ".gitignore"
