"""Changing single entries of a tracked directory that need not be on disk: only the manifests above them are rewritten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.errors import NoSuchPath, PathOverlap
from weft.formats import manifest as manifest_format
from weft.model.entry import DIR, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.workspace.names import join_path
from weft.workspace.walk import ReadManifest


@dataclass(frozen=True, slots=True)
class Spliced:
    """The new root: its oid, bytes of content, number of files, and the new manifests to store (oid to bytes)."""

    oid: Oid
    size: int
    files: int
    manifests: dict[Oid, bytes] = field(default_factory=dict)


def replace_paths(root: Oid | None, changes: Mapping[str, Entry | None], read: ReadManifest) -> Spliced:
    """Put ``changes`` (path relative to the tracked directory to its new entry, None to remove it) into ``root``.

    Missing directories are made; a directory that loses its last entry stays. The name of an entry is taken from its
    path. Raises ``NoSuchPath`` when something to remove is not there, ``PathOverlap`` when a file stands where a
    directory is needed or one path lies inside another, and what ``read`` raises.
    """
    for path in changes:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in changes:
                raise PathOverlap(f"{path!a} lies inside {parent!a}, which is given too", path=path)
            parent = parent.rpartition("/")[0]
    manifests: dict[Oid, bytes] = {}
    entry = _rewrite("", root, changes, read, manifests)
    return Spliced(entry.oid, entry.size, entry.files, manifests)


def _rewrite(
    path: str, old: Oid | None, changes: Mapping[str, Entry | None], read: ReadManifest, manifests: dict[Oid, bytes]
) -> Entry:
    """The entry of the directory ``path`` with ``changes`` (relative to it) made. As deep as the given paths are."""
    entries = read(old).by_name() if old is not None else {}
    below: dict[str, dict[str, Entry | None]] = defaultdict(dict)
    for relative, new in changes.items():
        name, _, rest = relative.partition("/")
        if rest:
            below[name][rest] = new
        elif new is not None:
            entries[name] = new._replace(name=name)
        elif entries.pop(name, None) is None:
            missing = join_path(path, name)
            raise NoSuchPath(f"the tracked data holds no {missing!a}", hint="weft ls", path=missing)
    for name, inner in below.items():
        child = entries.get(name)
        if child is not None and child.type != DIR:
            blocked = join_path(path, name)
            raise PathOverlap(f"{blocked!a} is a file in the tracked data, so nothing can be below it", path=blocked)
        entries[name] = _rewrite(join_path(path, name), child.oid if child else None, inner, read, manifests)
    manifest = Manifest.of(entries.values())
    data = manifest_format.encode(manifest)
    oid = Oid.of(data, Kind.MANIFEST)
    if oid != old:
        manifests[oid] = data
    return Entry(DIR, oid, manifest.size, manifest.files, path.rpartition("/")[2])
