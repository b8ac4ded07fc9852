"""Three-way merge of lineage records and of the stage file: what Git's merge drivers for them do.

A merge that cannot be made leaves both sides in the file, between Git's marks, and is never an error of its own: Git would
take our side for the outcome.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from weft.errors import GitFailed, WeftError
from weft.formats import lineage, stagefile, stagemerge
from weft.gitio.halfway import side_names
from weft.gitio.repo import SAFELY, discover, find_git
from weft.model.lineage import Record
from weft.model.stage import STAGE_FILE
from weft.util.humanize import count_text
from weft.util.subproc import run, stderr_text

_MOST_CONFLICTS = 127
# Lines of text that do not begin like a mark, so that each part of the pattern ends at one place.
_LINES = rb"(?:(?![<|=>]{7}).*\n)*"
_WHOLE_CONFLICT = re.compile(
    rb"(?:#.*\n)*<{7,}(?: .*)?\n(?P<ours>%b)(?:\|{7,}(?: .*)?\n(?P<base>%b))?={7,}\n(?P<theirs>%b)>{7,}(?: .*)?\n"
    % ((_LINES,) * 3)
)


UNNAMED = "", ""
"""The names of two sides of which nobody can tell whose they are."""


def unnamed() -> tuple[str, str]:
    """Names that are not known."""
    return UNNAMED


@dataclass(frozen=True, slots=True)
class TextMerge:
    """The bytes of the merged file, and in ``conflict`` why it holds marks; empty when it holds none."""

    data: bytes
    conflict: str = ""


def names_of_sides(start: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """What people call ours and theirs, for a merge driver with this ``environment``; never raises."""
    try:
        return side_names(discover(start), environment)
    except WeftError:
        return UNNAMED


def labels(names: tuple[str, str]) -> tuple[str, str]:
    """The sides as marks show them, with their ``names`` where there are any."""
    ours, theirs = (f" ({name})" if name else "" for name in names)
    return f"ours{ours}", f"theirs{theirs}"


def named(names: tuple[str, str]) -> str:
    """Who is who, to go on with behind a sentence; empty where nobody can tell."""
    return f"; ours is {names[0]}, theirs is {names[1]}" if all(names) else ""


def whole_conflict(
    ours: bytes, theirs: bytes, *notes: str, base: bytes = b"", names: tuple[str, str] = UNNAMED
) -> bytes:
    """Both sides whole between Git's marks, and the ``base`` where it is given, below comments that say ``notes``."""
    head = "".join(f"# {note}\n" for note in notes).encode("utf-8")
    sides = [side if not side or side.endswith(b"\n") else side + b"\n" for side in (ours, base, theirs)]
    middle = b"||||||| base\n" + sides[1] if base else b""
    one, other = (label.encode("utf-8", "replace") for label in labels(names))
    return head + b"<<<<<<< " + one + b"\n" + sides[0] + middle + b"=======\n" + sides[2] + b">>>>>>> " + other + b"\n"


def sides_of_conflict(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The base (empty: none), ours and theirs in a file that ``whole_conflict`` or Git wrote; None for anything else.

    Where two branches merged each other before, Git makes such a file the base of their next merge.
    """
    found = _WHOLE_CONFLICT.fullmatch(data)
    return (found["base"] or b"", found["ours"], found["theirs"]) if found else None


# --- records ---------------------------------------------------------------------------------------------------------


def merge_record(
    base: bytes, ours: bytes, theirs: bytes, path: str, names: Callable[[], tuple[str, str]] = unnamed
) -> TextMerge:
    """Merge two records of one stage.

    A record tells of one run. Two of them are one only where both tell of the same inputs, the same command and the same
    results: then the later run stands, whole. Everything else is a conflict, for a mixture would tell of a run that
    nobody made. Never raises.
    """
    if ours in (theirs, base):
        return TextMerge(theirs)
    if theirs == base:
        return TextMerge(ours)
    try:
        one, other = lineage.decode(ours, what=path), lineage.decode(theirs, what=path)
        merged = _one_record(_rationale(base, path), one, other)
        if merged is not None:
            return TextMerge(lineage.encode(merged))
        stage = one.stage
    except WeftError:
        stage = os.path.basename(path).removesuffix(".yaml")
    notes = (
        f"Both sides hold a run of {stage}, and no record can tell of both.",
        f"Take one side whole: weft resolve --ours {path} (or --theirs), then: weft repro {stage}",
    )
    who = names()
    why = f"both sides ran {stage}; take one side, then: weft repro {stage}{named(who)}"
    return TextMerge(whole_conflict(ours, theirs, *notes, names=who), why)


def merge_record_files(
    base: str, ours: str, theirs: str, path: str, names: Callable[[], tuple[str, str]] = unnamed
) -> TextMerge:
    """``merge_record`` of three files; ``path`` is the record's own. Raises ``OSError`` when one cannot be read."""
    return merge_record(_bytes(base), _bytes(ours), _bytes(theirs), path, names)


def write_merged(path: str, merged: TextMerge) -> None:
    """Write the outcome where Git reads it: over the temporary file of our side. Raises ``OSError``."""
    with open(path, "wb") as stream:
        stream.write(merged.data)


def _rationale(base: bytes, path: str) -> str:
    try:
        return lineage.decode(base, what=path).rationale if base else ""
    except WeftError:
        return ""


def _one_record(rationale: str, one: Record, other: Record) -> Record | None:
    """The record that both sides agree with, None when there is none."""
    if lineage.encode(_facts(one)) != lineage.encode(_facts(other)):
        return None
    if one.digest != lineage.digest(one) or other.digest != lineage.digest(other):
        return None  # edited by hand: nothing is built on that
    changed = {side.rationale for side in (one, other)} - {rationale}
    if len(changed) > 1:
        return None
    words = changed.pop() if changed else rationale
    # A run of committed files needs no snapshot to be looked up.
    kept = max(one, other, key=lambda side: (not side.dirty, _finished(side), lineage.encode(side)))
    return kept if kept.rationale == words else lineage.with_digest(replace(kept, rationale=words))


def _facts(record: Record) -> Record:
    """What a record proves: all but who ran it, when, from which commit, and why, and what lay beside it."""
    return replace(
        record,
        run=None,
        digest=None,
        author="",
        rationale="",
        base="",
        dirty=False,
        snapshot="",
        reused=None,
        params_files={path: known for path, known in record.params_files.items() if known.unsure},
        deps=tuple(replace(ref, whole=ref.oid) if ref.whole else ref for ref in record.deps),
        hidden=None,
    )


def _finished(record: Record) -> float:
    try:
        return datetime.fromisoformat(record.run.finished).timestamp() if record.run else 0.0
    except ValueError:
        return 0.0


# --- stage files -----------------------------------------------------------------------------------------------------


def merge_stagefile(
    base: str, ours: str, theirs: str, start: str, names: tuple[str, str] = UNNAMED, folder: str = ""
) -> TextMerge:
    """Merge the stage files at three paths: by lines as Git does, and by stage and key where that is no stage file.

    They are of the project ``folder``; an empty ``base`` means that there was none. Raises ``OSError`` when one cannot be
    read.
    """
    before, one, other = (_bytes(path) for path in (base, ours, theirs))
    try:
        by_lines = _git_merge(base, ours, theirs, start, labels(names))
    except WeftError:
        by_lines = TextMerge(whole_conflict(one, other, names=names), "Git could not merge its lines")
    if not by_lines.conflict and _valid(by_lines.data, folder):
        return by_lines
    try:
        found = stagemerge.merge(before, one, other, labels=labels(names), folder=folder)
    except WeftError as error:
        if by_lines.conflict:
            return by_lines
        return TextMerge(
            whole_conflict(one, other, names=names), f"merged by lines it is no stage file: {error.message}"
        )
    if not found.conflicts:
        return TextMerge(found.data)
    stages = ", ".join(found.conflicts[:5])
    count = count_text(len(found.conflicts), "stage")
    return TextMerge(found.data, f"both sides changed {count}: {stages}{named(names)}")


def settle(path: str, base: bytes, ours: bytes, theirs: bytes, side: str) -> bytes:
    """The file ``path`` with its conflict settled by ``side``: ``base``, ``ours`` or ``theirs``.

    Of a stage file only the stages in conflict are taken from that side, and the rest of both is merged. Of a record, and
    of a stage file that cannot be merged so, the side is taken whole.
    """
    whole = {"base": base, "ours": ours, "theirs": theirs}[side]
    folder, _, file = path.rpartition("/")
    if file != STAGE_FILE:
        return whole
    try:
        return stagemerge.merge(base, ours, theirs, prefer=side, folder=folder).data
    except WeftError:
        return whole


def _valid(data: bytes, folder: str) -> bool:
    try:
        stagefile.decode_unfilled(data, folder=folder)
        stagefile.decode_ignores(data)
    except WeftError:
        return False
    return True


def _bytes(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _git_merge(base: str, ours: str, theirs: str, start: str, sides: tuple[str, str]) -> TextMerge:
    """What Git makes of the lines. Raises ``GitFailed``."""
    labelled = ("-L", sides[0], "-L", "base", "-L", sides[1])
    files = [os.path.abspath(os.path.join(start, path)) for path in (ours, base, theirs)]
    done = run([find_git(), *SAFELY, "merge-file", "-p", *labelled, "--", *files], cwd=start, check=False)
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        raise GitFailed(f"git merge-file failed: {stderr_text(done.stderr)}")
    return TextMerge(done.stdout, "both sides changed the same lines" if done.returncode else "")
