"""Three-way merge of stage files by stage and key, where a merge of lines finds conflicts or makes nonsense.

What is not changed by the other side stays as our side spells it, comments too; a stage that only the other side has comes
with its lines. Two stages that cannot be merged stand one below the other between Git's marks, and no other line with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from weft.errors import SchemaError
from weft.formats import merge_keys, stagefile, yaml12, yamledit
from weft.formats.merge_keys import ABSENT, Keys, Merged, same
from weft.model.stage import Ignore, full_name

T = TypeVar("T")
_SETS = ("deps", "params", "outs", "metrics", "plots")
_TOP = "stages"
_TYPED = ("determinism", "frozen", "always_changed", "outs", "metrics", "plots")


@dataclass(frozen=True, slots=True)
class MergedStages:
    """A merged stage file, and the stages of it that stand between marks."""

    data: bytes
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Side:
    text: str
    stages: Mapping[str, Any]
    ignores: tuple[Ignore, ...]
    validate: Any
    vars: Any
    projects: tuple[str, ...]


def merge(
    base: bytes | None,
    ours: bytes,
    theirs: bytes,
    *,
    prefer: str = "",
    labels: tuple[str, str] = ("ours", "theirs"),
    folder: str = "",
) -> MergedStages:
    """Merge what the stage file ``base`` (None: there was none) of the project ``folder`` became on two sides.

    ``prefer`` (``base``, ``ours`` or ``theirs``) names the side whose version is taken of a stage that both sides changed
    to different things; ``labels`` are how marks show both sides. Raises as ``stagefile.decode`` does of each side, and
    ``SchemaError`` when the outcome cannot be written in the lines of our side, or would not be valid.
    """
    sides = {"base": _read(base or b"", folder), "ours": _read(ours, folder), "theirs": _read(theirs, folder)}
    text = sides["ours"].text
    wanted: dict[str, Any] = {}
    conflicts: list[str] = []
    try:
        for name in dict.fromkeys((*sides["ours"].stages, *sides["theirs"].stages)):
            three = {key: side.stages.get(name, ABSENT) for key, side in sides.items()}
            found = _merge_stage(three["base"], three["ours"], three["theirs"])
            source = "theirs"
            if found.conflicts and prefer:
                found, source = Merged(three[prefer]), prefer
            elif found.conflicts:
                conflicts.append(name)
                found = Merged(three["ours"])
            if found.value is not ABSENT:
                wanted[name] = _spelled(folder, name, found.value)
            if not same(found.value, three["ours"]):
                text = _put(text, (folder, name), three["ours"], found.value, sides[source])
        rules = [side.validate for side in sides.values()]
        if any(isinstance(one, dict) for one in rules) and not all(same(one, rules[0]) for one in rules):
            raise SchemaError("a mapping below validate: differs between the sides")
        ignores = _merge_lists(*(side.ignores for side in sides.values()))
        projects = _merge_lists(*(side.projects for side in sides.values()))
        if list(sides["ours"].projects) != projects:
            text = stagefile.with_projects(text.encode("utf-8"), projects).decode("utf-8")
        text = _put_ignores(text, sides["ours"].ignores, ignores)
        text, known = _put_vars(text, sides)
        done = _read(text.encode("utf-8"), folder)
        lists = set(done.ignores) == set(ignores) and list(done.projects) == projects
        if not same([dict(done.stages), done.vars], [wanted, known]) or not lists:
            raise SchemaError("the merged stages cannot be written in place")
        data = _with_marks(text, sides["theirs"], conflicts, labels).encode("utf-8")
    except (LookupError, StopIteration):
        raise SchemaError("a stage was not found in the lines of the stage file") from None
    return MergedStages(data, tuple(conflicts))


def _read(data: bytes, folder: str) -> _Side:
    declared = stagefile.decode_unfilled(data, folder=folder)
    ignores = tuple(replace(one, line=0) for one in stagefile.decode_ignores(data))
    top = stagefile.tree(data)
    stages = {
        name: value if _is_whole(value) else stagefile.declaration(declared[full_name(folder, name)])
        for name, value in (top.get(_TOP) or {}).items()
    }
    return _Side(data.decode("utf-8"), stages, ignores, top.get("validate"), top.get("vars"), stagefile.projects(data))


def _is_whole(value: Any) -> bool:
    """Whether a stage is taken with its lines: what its parts mean is told by other parts of it, or by other files."""
    if stagefile.is_group(value) or "vars" in value:
        return True
    return any("${" in repr(value.get(key)) for key in _TYPED[:3]) or any(
        isinstance(out, dict) and "${" in repr(list(out.values())) for key in _TYPED[3:] for out in value.get(key) or ()
    )


def _is_set(keys: Keys) -> bool:
    return keys == ("env", "vars") or (len(keys) == 1 and keys[0] in _SETS)


def _merge_stage(base: Any, ours: Any, theirs: Any) -> Merged:
    found = merge_keys.merge(base, ours, theirs, _is_set)
    if found.conflicts or same(found.value, ours) or same(found.value, theirs):
        return found
    # Paths start in wdir: put together with another one they would mean something else. What foreach makes of its parts
    # is for people to look at.
    if any(_is_whole(side) or side.get("wdir") != ours.get("wdir") for side in (ours, theirs)):
        return Merged(ours, ((),))
    if isinstance(base, dict) and base.get("wdir") != ours.get("wdir"):
        return Merged(ours, ((),))
    return found


# --- writing ---------------------------------------------------------------------------------------------------------


def _put(text: str, place: tuple[str, str], before: Any, after: Any, source: _Side) -> str:
    """``text`` with the stage at ``place``, a folder and a name, that was ``before``, as ``after``; the lines of ``source``
    where they say so."""
    folder, name = place
    if after is ABSENT:
        return yamledit.drop(text, (_TOP, name))
    lines_fit = same(source.stages.get(name, ABSENT), after)
    if before is not ABSENT and (_is_whole(before) or _is_whole(after)):
        if not lines_fit:
            raise SchemaError("a stage with foreach, matrix or vars is taken whole")
        start, end = yamledit.span(text, (_TOP, name))
        column = _indent(text[start:end])
        return text[:start] + _lines(source.text, name, column) + text[end:]
    if before is ABSENT and lines_fit and not yamledit.in_braces(source.text, (_TOP,)):
        try:
            end, column = yamledit.end_of_entries(text, (_TOP,))
        except (SchemaError, StopIteration):
            pass
        else:
            gap = "\n" if text[:end] and not text[:end].endswith("\n") else ""
            return text[:end] + gap + _lines(source.text, name, column, comments=True) + text[end:]
    if _is_whole(after):
        raise SchemaError("a stage with foreach, matrix or vars is taken with its lines")
    new = _spelled(folder, name, after)
    return stagefile.put_stage(text.encode("utf-8"), name, new, unfilled=True, folder=folder).decode("utf-8")


def _spelled(folder: str, name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a merged stage says, without what came out empty."""
    if _is_whole(value):
        return value
    alone = stagefile.decode_unfilled(yaml12.dump({_TOP: {name: value}}), folder=folder)
    return stagefile.declaration(alone[full_name(folder, name)])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _lines(text: str, name: str, column: int, *, comments: bool = False) -> str:
    """The lines of a stage of ``text``, moved to start in ``column``, with the ``comments`` right above it."""
    start, end = yamledit.span(text, (_TOP, name))
    own = _indent(text[start:end])
    while comments and start:
        above = text.rfind("\n", 0, start - 1) + 1
        line = text[above:start]
        if not line.lstrip().startswith("#") or _indent(line) != own:
            break
        start = above
    rows = text[start:end].splitlines()
    moved = [" " * column + row[own:] if not row[:own].strip() else row for row in rows]
    return "".join(row.rstrip() + "\n" if not row.strip() else row + "\n" for row in moved)


def _merge_lists(base: Sequence[T], ours: Sequence[T], theirs: Sequence[T]) -> list[T]:
    """What neither side took away, and what each side added."""
    kept = [one for one in ours if one in theirs or one not in base]
    return kept + [one for one in theirs if one not in ours and one not in base]


def _put_ignores(text: str, before: tuple[Ignore, ...], after: list[Ignore]) -> str:
    if list(before) == after:
        return text
    if not after:
        return yamledit.drop(text, ("validate",))
    value = [{"rule": one.rule, "path": one.path, "reason": one.reason} for one in after]
    return yamledit.put(text, ("validate",), value)


def _put_vars(text: str, sides: Mapping[str, _Side]) -> tuple[str, Any]:
    """``text`` with the ``vars`` of the side that changed them, and these."""
    base, ours, theirs = (sides[key].vars for key in ("base", "ours", "theirs"))
    if same(theirs, base) or same(theirs, ours):
        return text, ours
    if not same(ours, base):
        raise SchemaError("vars differ between the sides")
    return yamledit.drop(text, ("vars",)) if theirs is None else yamledit.put(text, ("vars",), theirs), theirs


def _with_marks(text: str, theirs: _Side, conflicts: list[str], labels: tuple[str, str]) -> str:
    """``text`` with both versions of each of ``conflicts`` between Git's marks."""
    places = []
    for name in conflicts:
        try:
            start, end = yamledit.span(text, (_TOP, name))
            column = _indent(text[start:end])
        except StopIteration:  # our side has none of that name
            end, column = yamledit.end_of_entries(text, (_TOP,))
            start = end
        places.append((start, end, _lines(theirs.text, name, column) if name in theirs.stages else ""))
    for start, end, other in sorted(places, reverse=True):
        own = text[start:end]
        own += "\n" if own and not own.endswith("\n") else ""
        text = f"{text[:start]}<<<<<<< {labels[0]}\n{own}=======\n{other}>>>>>>> {labels[1]}\n{text[end:]}"
    return text
