"""Pages of drop and du."""

from __future__ import annotations

from weft.cli.context import Page, View
from weft.cli.text import columns, escape
from weft.errors import quoted
from weft.util.humanize import count_text, size_text
from weft.workflows.results_space import DropResult, DuResult, Freed

_SHOWN = 5


def drop_page(result: DropResult, view: View) -> Page:
    """What went from the workspace and from the store, and how it comes back."""
    verb = "would drop" if result.dry_run else "dropped"
    lines = [_freed(one, verb) for one in result.paths]
    for some, what in ((result.packs, "pack"), (result.copies, "unpacked file")):
        if some:
            size = size_text(sum(one.size for one in some))
            lines.append(f"{verb}  {count_text(len(some), what)} of the local store  ({size})")
    notes = []
    if not lines:
        notes.append("nothing to drop: none of it is here")
    linked = sum(one.linked for one in result.paths)
    if linked:
        kept = f"{size_text(linked)} are links into the local store, which keeps the bytes"
        notes.append(f"{kept}; weft drop --store frees them")
    if result.left:
        notes.append(f"packs of {size_text(result.left)} stay in the local store: other data is in them too")
    if lines and not result.dry_run:
        notes.append(f"next: {_back(result)}, when it is needed again")
    # Who asks what would go has asked for nothing else: -q keeps that.
    data, report = (tuple(lines), ()) if result.dry_run else ((), tuple(lines))
    return Page(data=data, report=report, notes=tuple(notes))


def _back(result: DropResult) -> str:
    """The command that brings it back, from the remote that was seen to have it."""
    remotes = {one.remote for one in result.paths}
    names = [escape(quoted(one.path)) for one in result.paths if ", " not in one.path]
    shown = " ".join(names) if 0 < len(names) == len(result.paths) <= _SHOWN else "PATH"
    at = "" if remotes <= {result.usual} else f" --remote {escape(remotes.pop()) if len(remotes) == 1 else 'NAME'}"
    return f"weft pull{at} {shown}"


def _freed(one: Freed, verb: str) -> str:
    if not one.files:
        return f"{verb}  {escape(one.path)}  (no file of it is in the workspace; on {escape(one.remote)})"
    return (
        f"{verb}  {escape(one.path)}  ({count_text(one.files, 'file')}, {size_text(one.size)}; on {escape(one.remote)})"
    )


def du_page(result: DuResult, view: View) -> Page:
    """One line a path: bytes in the workspace, in the local store, and what drop would free; a line with the sums."""
    rows = [["workspace", "store", "drop frees", ""]]
    rows += [
        [size_text(one.size), size_text(one.stored) if one.known else "?", size_text(one.drop), escape(one.path)]
        for one in result.paths
    ]
    if len(result.paths) != 1:
        rows.append([size_text(result.size), size_text(result.stored), size_text(result.drop), "total"])
    notes = []
    rest = result.store - result.stored
    if rest > 0:
        notes.append(
            f"the local store holds {size_text(result.store)}, {size_text(rest)} of them for other versions and paths"
        )
    linked = sum(one.linked for one in result.paths)
    if linked:
        notes.append(f"{size_text(linked)} of the workspace are links into the local store")
    unknown = sum(not one.known for one in result.paths)
    if unknown:
        notes.append(f"the listings of {count_text(unknown, 'path')} are not here (?); weft fetch brings them")
    unpushed = [one for one in result.paths if one.known and one.size and not one.remote]
    if unpushed:
        notes.append(f"{count_text(len(unpushed), 'path')} on no remote, as far as this clone knows: drop would refuse")
    return Page(data=tuple(columns(rows, frozenset((0, 1, 2)))), notes=tuple(notes))
