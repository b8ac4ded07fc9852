"""The driver that shows pointers in ``git diff``, ``git log -p`` and ``git show``.

Git starts it for every side of every pointer that changed, so it loads no more than that pointer needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weft.cli.context import Session
from weft.cli.text import escape
from weft.util.humanize import count_text, size_text
from weft.workflows.textconv import Shown, shown

if TYPE_CHECKING:
    from weft.model.entry import Entry
    from weft.model.pointer import Pointer

_SHORT = 12
_MARKS = {"x": "  executable", "l": "  link"}
_USAGE = 2


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Write what stands for the pointer in the file that Git names; a file that is no pointer is written as it is."""
    if len(arguments) != 1:
        session.err.line(f"weft-hook {name} takes one file")
        return _USAGE
    found = shown(session.start, arguments[0])
    if found.pointer is None:
        session.sink().write(found.data)
    else:
        session.out.write("\n".join([*_lines(found, found.pointer), ""]))
    return 0


def _lines(found: Shown, pointer: Pointer) -> Iterator[str]:
    yield f"data: {escape(pointer.path)}"
    yield f"type: {'directory' if pointer.is_dir else 'executable file' if pointer.executable else 'file'}"
    yield f"size: {pointer.size} bytes ({size_text(pointer.size)})"
    if pointer.is_dir:
        yield f"files: {pointer.files}"
    yield f"oid: {pointer.oid}"
    if pointer.layout is not None:
        yield f"layout: {pointer.layout}"
    yield from _free("source", pointer.source)
    yield from _free("meta", pointer.meta)
    if found.listing is not None:
        yield "content:"
        # Not in columns: one long name would change every line.
        yield from (f"  {escape(path)}  {_of(entry)}" for path, entry in found.listing)
        if found.more:
            yield f"  and {count_text(found.more, 'more entry', 'more entries')}"
    elif pointer.is_dir:
        yield "content: not in the local store (weft fetch brings it)"


def _of(entry: Entry) -> str:
    size = f"{size_text(entry.size)}  {entry.oid.hex()[:_SHORT]}"
    if entry.type == "d":
        return f"({count_text(entry.files, 'file')})  {size}"
    return f"{size}{_MARKS.get(entry.type, '')}"


def _free(key: str, value: Mapping[str, Any]) -> Iterator[str]:
    """What the user wrote under ``key``, one line for each value."""
    for name, item in value.items():
        if isinstance(item, dict) and item:
            yield from _free(f"{key}.{name}", item)
        else:
            yield escape(f"{key}.{name}: {item}")
