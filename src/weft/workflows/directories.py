"""Which directories may become a remote or a store: none that is a part of a work tree or of Git.

What is in a directory is for the code that writes there to judge (``storage.local``, ``objects.store_folder``).
"""

from __future__ import annotations

import os
from contextlib import suppress

from weft.errors import DirectoryRefused
from weft.gitio.repo import GitRepo
from weft.gitio.worktree import ignored_paths
from weft.model.remote import RemoteSpec
from weft.objects import store_folder
from weft.storage.places import directory_of, is_around, kind_of, place_of

REMOTE, STORE = "a remote", "a store"
_STORE = "weft/store"
"""Where in the Git directory a store is by default."""


def check_remote(git: GitRepo, url: str) -> None:
    """Refuse a directory that cannot be a remote, and a url that weft has no storage for.

    Raises ``DirectoryRefused``, ``ConfigError``.
    """
    path = directory_of(url, git.root)
    if path is not None:
        _check(git, path, REMOTE)
    else:
        kind_of(url)


def check_store(git: GitRepo, start: str, text: str) -> str:
    """The absolute path of the directory ``text``, relative to ``start``, if a store may be there or is there.

    Raises ``DirectoryRefused``, ``ConfigError``.
    """
    path = os.path.realpath(directory_of(text, start) or os.path.join(start, text))
    _check(git, path, STORE)
    store_folder.refuse_foreign(path)
    return path


def refuse_overlap(base_dir: str, store: str, spec: RemoteSpec) -> None:
    """Refuse a remote in the folder of the ``store``: there would be one copy where weft counts two.

    Raises ``DirectoryRefused``, ``ConfigError``."""
    if overlap(base_dir, store, spec.url):
        raise DirectoryRefused(
            f"the remote {spec.name} and the store {store} are one directory, or one of them lies inside the other",
            hint="name a directory for the remote that lies apart from the store",
            path=store,
        )


def overlap(base_dir: str, store: str, url: str) -> bool:
    """Whether the remote at ``url`` is the folder of the ``store``, holds it or lies inside of it, under any of its names.

    Raises ``ConfigError`` and ``DirectoryRefused`` for a url that is none.
    """
    path = directory_of(url, base_dir)
    if path is None:
        return False
    remote, store = os.path.realpath(path), os.path.realpath(os.path.join(base_dir, store))
    both = (_ids(remote) | _ids(f"{remote}/packs")) & (_ids(store) | _ids(f"{store}/packs"))
    return bool(both or _ids(remote) & _ids_above(store) or _ids(store) & _ids_above(remote))


def _ids_above(path: str) -> set[object]:
    found: set[object] = set()
    while (above := os.path.dirname(path)) != path:
        found |= _ids(above)
        path = above
    return found


def _ids(path: str) -> set[object]:
    """The path, and what the system knows the directory by: a bind mount gives one directory two paths."""
    with suppress(OSError):
        known = os.stat(path)
        return {path, (known.st_dev, known.st_ino)} if known.st_ino else {path}
    return {path}


def plain_url(git: GitRepo, start: str, text: str) -> str:
    """How the configuration names the directory ``text``, relative to ``start``: relative to the root, but for one that
    was named in full and lies far away. Raises ``DirectoryRefused``, ``ConfigError``."""
    place = place_of(text, "", start)
    if os.path.isabs(text) and not is_around(place, git.root):
        return os.path.normpath(text)
    path = os.path.relpath(os.path.join(start, text), os.path.realpath(git.root))
    return f"./{path}" if ":" in path.partition("/")[0] else path


def _check(git: GitRepo, path: str, what: str) -> None:
    path, root = os.path.realpath(path), os.path.realpath(git.root)
    inside = _inside_git(git, path)
    if inside is not None:
        if inside == _STORE and what == STORE:
            return
        raise DirectoryRefused(
            f"{path} cannot become {what}: it is a part of Git's own directory",
            hint="name a directory outside of the work tree",
            path=path,
        )
    if path == root:
        raise DirectoryRefused(
            f"{path} cannot become {what}: it is the work tree itself",
            hint="name a directory outside of the work tree",
            path=path,
        )
    inner = os.path.relpath(path, root)
    if inner.split("/")[0] != ".." and not _is_spare(git, root, inner):
        raise DirectoryRefused(
            f"{path} cannot become {what}: it is a part of the work tree, and Git does not ignore it or weft tracks it",
            hint="name a directory outside of the work tree, or one that only .gitignore speaks of",
            path=path,
        )


def _inside_git(git: GitRepo, path: str) -> str | None:
    """Where in the Git directory of this or another repository ``path`` is; None when it is in none."""
    for top in {os.path.realpath(git.git_dir), os.path.realpath(git.common_dir)}:
        if path == top or path.startswith(top + "/"):
            return path[len(top) + 1 :]
    parts = path.split("/")
    for number, part in enumerate(parts):
        if part.lower() == ".git":
            return "/".join(parts[number + 1 :])
    return None


def _is_spare(git: GitRepo, root: str, inner: str) -> bool:
    """Whether Git ignores the directory ``inner`` of the work tree, and weft tracks nothing that it is a part of."""
    if not ignored_paths(git, [inner + "/"]):
        return False
    parts = inner.split("/")
    above = ("/".join(parts[: number + 1]) for number in range(len(parts)))
    return not any(os.path.lexists(os.path.join(root, part + ".weft")) for part in above)
