"""The drivers with which Git merges lineage records and the stage file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from weft.cli.context import Session
from weft.cli.text import escape
from weft.workflows.merge_text import merge_record_files, merge_stagefile, names_of_sides, write_merged

_USAGE = 2


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Merge the files that Git names (base, ours, theirs, and the path in the repository) into ours; 1 for a conflict."""
    if len(arguments) != 4:
        session.err.line(f"weft-hook {name} takes the files of the base and of both sides, and the path")
        return _USAGE
    base, ours, theirs, path = arguments
    if name == "merge-record":
        names = partial(names_of_sides, session.start, session.environment)
        merged = merge_record_files(base, ours, theirs, path, names)
    else:
        who = names_of_sides(session.start, session.environment)
        merged = merge_stagefile(base, ours, theirs, session.start, who, path.rpartition("/")[0])
    write_merged(ours, merged)
    if merged.conflict:
        session.err.line(session.from_top(f"weft: {escape(path)}: {escape(merged.conflict)}"))
    return 1 if merged.conflict else 0
