"""The driver with which Git merges pointers: the data of both sides, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from weft.cli.context import Session
from weft.cli.text import escape
from weft.errors import WeftError
from weft.workflows.merge_pointer import merge_pointer_files, unmergeable
from weft.workflows.merge_text import TextMerge, names_of_sides, write_merged
from weft.workflows.project import open_project

_USAGE = 2


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Merge the files that Git names (base, ours, theirs, and the path in the repository) into ours; 1 for a conflict."""
    if len(arguments) != 4:
        session.err.line(f"weft-hook {name} takes the files of the base and of both sides, and the path")
        return _USAGE
    base, ours, theirs = (_bytes(path) for path in arguments[:3])
    merged = _merged(session, arguments[3], (base, ours, theirs))
    session.progress.close()
    write_merged(arguments[1], merged)
    if merged.conflict:
        session.err.line(session.from_top(f"weft: {escape(arguments[3])}: {escape(merged.conflict)}"))
    return 1 if merged.conflict else 0


def _merged(session: Session, path: str, three: tuple[bytes, bytes, bytes]) -> TextMerge:
    names = partial(names_of_sides, session.start, session.environment)
    try:
        with open_project(session.start, session.progress, session.trust) as project:
            return merge_pointer_files(project, path, three, names)
    except WeftError as error:
        return unmergeable(path, three[1], three[2], error, names())


def _bytes(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
