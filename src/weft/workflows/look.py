"""``weft ls``, ``cat`` and ``get``: look at data without checking it out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from weft.errors import NoSuchPath, NotTracked, ObjectMissing, UsageFault, quoted
from weft.formats import manifest as manifest_format
from weft.gitio import trees
from weft.model.entry import DIR, EXEC, FILE, LINK, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.model.paths import FROM_TOP
from weft.model.pointer import Pointer
from weft.objects.catalog import LOCAL
from weft.workflows.fetch import fetch_content, fetch_metadata
from weft.workflows.project import Project
from weft.workflows.results import Listed, ListResult
from weft.workflows.targets import (
    Pointers,
    Target,
    broken_of,
    pick,
    refuse_left_out,
    repo_path,
    revision_pointers,
    workspace_pointers,
)

TYPES = {FILE: "file", EXEC: "exec", LINK: "link", DIR: "dir"}


def pointers_at(project: Project, revision: str) -> Pointers:
    """Pointers of ``revision``; those of the work tree when it is empty."""
    if not revision:
        return workspace_pointers(project)
    return revision_pointers(project, trees.resolve(project.git, revision))


def read_manifest(project: Project, pointer: Pointer, oid: Oid) -> Manifest:
    """A manifest below ``pointer`` from the local store. Raises ``ObjectMissing`` and integrity errors."""
    layout = project.store.layout(pointer.layout) if pointer.layout else None
    return manifest_format.decode(project.store.read_object(oid, Kind.MANIFEST, layout))


def root_entry(pointer: Pointer) -> Entry:
    """A pointer as the entry that a manifest above it would hold."""
    kind = DIR if pointer.is_dir else EXEC if pointer.executable else FILE
    return Entry(kind, pointer.oid, pointer.size, pointer.files, pointer.path)


def find_entry(project: Project, pointer: Pointer, subpath: str) -> Entry:
    """The entry at ``subpath`` below a pointer, the pointer itself when that is empty. Raises ``NoSuchPath``."""
    entry = root_entry(pointer)
    for name in [part for part in subpath.split("/") if part]:
        found = read_manifest(project, pointer, entry.oid).by_name().get(name) if entry.type == DIR else None
        if found is None:
            raise NoSuchPath(f"this version of {pointer.path} holds no {subpath}", hint="weft ls", path=subpath)
        entry = found
    return entry


def refuse_unknown(project: Project, targets: Iterable[Target], *, here: bool = False) -> None:
    """Raise ``NoSuchPath`` for a part that its tracked directory does not hold, as far as its manifests are here.

    ``here``: one that stands in the workspace is known as well.
    """
    for path, pointer, subpaths in targets:
        for sub in subpaths or ():
            known = here and os.path.lexists(os.path.join(project.root, path, sub))
            if not known and not holds(project, Target(path, pointer, (sub,))):
                raise NoSuchPath(f"{path} holds no {sub}", hint=f"weft ls -R {quoted(path)}", path=f"{path}/{sub}")


def holds(project: Project, part: Target) -> bool:
    """Whether a tracked directory holds the part; true where its manifests are not here to tell."""
    try:
        for sub in part.subpaths or ():
            find_entry(project, part.pointer, sub)
    except NoSuchPath:
        return False
    except ObjectMissing:
        pass
    return True


def ls(project: Project, revision: str, path: str, recursive: bool) -> ListResult:
    """List tracked paths, or what is in one of them. Manifests that are not here are fetched; contents are not."""
    place = repo_path(project, path or ".")
    pointers = pointers_at(project, revision)
    targets = pick(pointers, place)
    pointers.refuse(place)
    broken = broken_of(pointers, [place])
    if not targets and place and not broken:
        message, hint = _unknown(project, revision, path, place)
        raise NotTracked(message, hint=hint, path=path.removeprefix(FROM_TOP))
    entries: list[Listed] = []
    inside = [target for target in targets if recursive or target.path == place or target.subpaths]
    fetch_metadata(project, [target for target in inside if target.pointer.is_dir])
    for target in targets:
        subpath = target.subpaths[0] if target.subpaths else ""
        if target not in inside:
            entries.append(_listed(project, target.path, root_entry(target.pointer)))
            continue
        entry = find_entry(project, target.pointer, subpath)
        shown = f"{target.path}/{subpath}" if subpath else target.path
        if entry.type != DIR:
            entries.append(_listed(project, shown, entry))
        else:
            if not place or (target.path != place and not subpath):
                entries.append(_listed(project, shown, entry))
            entries += _below(project, target.pointer, shown, entry, recursive)
    return ListResult(revision, tuple(_with_presence(project, entries)), broken)


def _unknown(project: Project, revision: str, path: str, place: str) -> tuple[str, str]:
    """A message and a hint about a path that is not tracked, ``place`` from the top. Raises ``LeftOut``."""
    if not revision:
        refuse_left_out(project, path, place)
    name = path.removeprefix(FROM_TOP)
    where = f"{name} is not tracked" + (f" in {revision}" if revision else "")
    return where, f"weft ls {quoted(revision)}:" if revision else "weft ls"


def _below(project: Project, pointer: Pointer, path: str, entry: Entry, recursive: bool) -> Iterator[Listed]:
    for child in read_manifest(project, pointer, entry.oid).entries:
        yield _listed(project, f"{path}/{child.name}", child)
        if recursive and child.type == DIR:
            yield from _below(project, pointer, f"{path}/{child.name}", child, recursive)


def _listed(project: Project, path: str, entry: Entry) -> Listed:
    return Listed(path, TYPES[entry.type], str(entry.oid), entry.size, entry.files)


def _with_presence(project: Project, entries: Sequence[Listed]) -> Iterator[Listed]:
    """Tell of each file whether its bytes are in the local store: as one frame, or by its recipe."""
    oids = {Oid.parse(entry.oid) for entry in entries if entry.type != "dir"}
    absent = project.catalog.missing(oids, LOCAL)
    recipes = project.catalog.recipes_for(absent)
    absent -= recipes.keys() - _incomplete(project, recipes)
    for entry in entries:
        here = None if entry.type == "dir" else Oid.parse(entry.oid) not in absent
        yield Listed(entry.path, entry.type, entry.oid, entry.size, entry.files, here)


def _incomplete(project: Project, recipes: Mapping[Oid, Oid]) -> set[Oid]:
    gone = project.catalog.missing(set(recipes.values()), LOCAL)
    return {target for target, recipe in recipes.items() if recipe in gone}


def cat(project: Project, revision: str, path: str, sink: BinaryIO, start: int = 0, length: int | None = None) -> int:
    """Write a tracked file, or the object whose id ``path`` is, to ``sink``; return the number of bytes.

    What is not here is fetched. A file of one chunk is proved as it is written, all others chunk by chunk through a recipe
    that was proved before the first byte: whoever reads the beginning and goes sees nothing false. Raises ``NoSuchPath``,
    ``UsageFault`` for a directory.
    """
    if path.startswith("blake3:"):
        return _cat_object(project, Oid.parse(path), sink, start, length)
    place = repo_path(project, path)
    pointers = pointers_at(project, revision)
    pointers.refuse(place)
    targets = pick(pointers, place)
    if len(targets) != 1 or (targets[0].path != place and not targets[0].subpaths):
        message, hint = _unknown(project, revision, path, place)
        raise NoSuchPath(message, hint=hint, path=path.removeprefix(FROM_TOP))
    target = targets[0]
    if target.pointer.is_dir:
        fetch_metadata(project, targets)
    entry = find_entry(project, target.pointer, target.subpaths[0] if target.subpaths else "")
    if entry.type == DIR:
        at = f"{revision}:{path.removeprefix(FROM_TOP)}" if revision else path
        raise UsageFault(f"{at} is a directory", hint=f"weft ls {quoted(at)}", path=path)
    fetch_content(project, target)
    layout = project.store.layout(target.pointer.layout) if target.pointer.layout else None
    if layout is None and start == 0 and (length is None or length >= entry.size):
        return _write_all(project.store.iter_content(entry.oid, entry.size, layout), sink)
    stop = entry.size if length is None else min(entry.size, start + length)
    return _cat_range(project, entry.oid, (start, stop), layout, sink)


def _write_all(pieces: Iterable[bytes], sink: BinaryIO) -> int:
    written = 0
    for piece in pieces:
        sink.write(piece)
        written += len(piece)
    return written


def _cat_range(project: Project, oid: Oid, span: tuple[int, int], layout: object, sink: BinaryIO) -> int:
    at, stop = span
    began = at
    while at < stop:
        piece = project.store.read_range(oid, at, min(stop - at, 8 << 20), layout)  # type: ignore[arg-type]
        if not piece:
            break
        sink.write(piece)
        at += len(piece)
    return at - began


def _cat_object(project: Project, oid: Oid, sink: BinaryIO, start: int, length: int | None) -> int:
    if start == 0 and length is None:
        return _write_all(project.store.iter_content(oid, None), sink)
    stop = (1 << 62) if length is None else start + length
    return _cat_range(project, oid, (start, stop), None, sink)
