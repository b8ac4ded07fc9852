"""The stage file ``weft.yaml`` (``docs/spec/stagefile.md``): strict, for what it misunderstood would be proved."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from weft.errors import LimitExceeded, SchemaError, WeftError
from weft.formats import yaml12
from weft.formats.foreach import GROUPS, MAX_STAGES, Expansion
from weft.formats.located import Node, Source
from weft.formats.stagedecl import declaration, project_folders, read_stage, stage_text
from weft.formats.templates import Budget, ReadFile, ValueFiles
from weft.model.stage import STAGE_FILE, Ignore, Stage, check_stage_name, full_name, stage_file_of
from weft.util.later import later

if TYPE_CHECKING:
    from weft.formats import yamledit
else:
    yamledit = later("weft.formats.yamledit")  # the hook only reads

__all__ = ["LIMIT", "ReadFile", "declaration", "decode", "decode_ignores", "refuses_stale", "stage_text", "upsert"]

LIMIT = 1 << 20
MAX_BYTES = 4 * LIMIT
"""Most bytes that the stage files of folder projects may have together."""
_TOP = ("stages", "validate", "vars", "projects")
_ONLY_TOP = ("projects", "validate")
_LAST_PROJECT = re.compile(r"(?m)^projects:[^\r\n\[]*(?:\r?\n *[#-][^\r\n]*)*(\r?\n *- )[^\r\n]*")
_RULE = re.compile(r"WEFT[0-9]{3}", re.ASCII)


def decode(data: bytes, *, read: ReadFile | None = None, what: str = STAGE_FILE) -> dict[str, Stage]:
    """Read the stages of a stage file, in its order, and behind them those of the folder projects that it names.

    ``read`` gives the stage files of these and the files whose values templates may name, and ``what`` names the file in
    errors. Raises ``LimitExceeded``, ``MergeConflict``, ``YamlAlias``, ``YamlTag``, ``SchemaError``, ``SecretRefused``, the
    path errors and those of the files of values, all with the line.
    """
    files = ValueFiles(read)
    reading = _Reading(files)
    fields = _top(data, what)
    reading.add(fields, data)
    own, size = [], 0
    for folder, node in project_folders(fields.get("projects")):
        file = stage_file_of(folder)
        text = read(file) if read else None
        if text is None:
            raise node.error(
                f"there is no file {file}", hint=f"weft init --subdir in {folder}, or take {folder} out of projects"
            )
        own.append(file)
        size += len(text)
        if size > MAX_BYTES:
            raise node.placed(LimitExceeded(f"the stage files of projects have more than {MAX_BYTES} bytes"))
        reading.add(_top(text, file, folder), text, folder)
    _refuse_written(reading.found, files.found)
    _refuse_written(reading.found, own, "stages are declared in {}", "let it write beside that file")
    return reading.found


def decode_file(data: bytes, *, read: ReadFile | None = None, folder: str = "") -> dict[str, Stage]:
    """The stages of one stage file alone, of the top or of the project ``folder``. Raises as ``decode``."""
    files = ValueFiles(read)
    reading = _Reading(files)
    reading.add(_top(data, stage_file_of(folder), folder), data, folder)
    _refuse_written(reading.found, files.found)
    return reading.found


def decode_unfilled(data: bytes, *, folder: str = "") -> dict[str, Stage]:
    """The same where no file but this one is at hand: every template may name something, and stays as it is written. Groups
    over such a template have no members."""
    reading = _Reading(ValueFiles(None), known=False)
    fields = _top(data, stage_file_of(folder), folder)
    list(project_folders(fields.get("projects")))
    reading.add(fields, data, folder)
    return reading.found


def projects(data: bytes, *, what: str = STAGE_FILE) -> tuple[str, ...]:
    """The folder projects that the stage file at the top names. Raises as ``decode`` does of what it reads."""
    return (
        tuple(folder for folder, _ in project_folders(_top(data, what).get("projects"))) if b"projects" in data else ()
    )


@dataclass
class _Reading:
    """The stages of one file after the other; all limits are those of all together."""

    files: ValueFiles
    known: bool = True
    found: dict[str, Stage] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    def add(self, fields: Mapping[str, Node], data: bytes, folder: str = "") -> None:
        """Take the stages of the file ``data`` with these ``fields``."""
        _read_ignores(fields)
        _stale_is_error(fields)
        expansion = Expansion(fields.get("vars"), self.files, self.budget, folder, known=self.known)
        plain = b"${" not in data
        for name, node in fields["stages"].entries() if "stages" in fields else ():
            _check_name(node, name)
            line = node.line
            for member, below, used in expansion.stages(name, node, plain=plain):
                _check_name(node, member)
                full = full_name(folder, member)
                other = self.folded.setdefault(full.casefold(), full)
                if full in self.found or other != full:
                    raise node.error(f"there are two stages with the name {member!a}, or they differ in case alone")
                self.found[full] = read_stage(member, below, line, used, folder)
                if len(self.found) > MAX_STAGES:
                    raise node.placed(LimitExceeded(f"more than {MAX_STAGES} stages"))


def _refuse_written(
    found: Mapping[str, Stage], read: Sequence[str], use: str = "templates take values from {}", hint: str = ""
) -> None:
    """Refuse outs that are ``read`` to know the stages: what these are would change while they run."""
    for path in read:
        for stage in found.values():
            if any(path == out.path or path.startswith(out.path + "/") for out in stage.outs):
                raise SchemaError(
                    f"{stage.file}, line {stage.line}: {use.format(path)}, which the stage {stage.name} writes",
                    hint=hint or f"let {stage.name} write another file, or take its values out of the templates",
                    path=stage.file,
                    line=stage.line,
                )


def tree(data: bytes, *, what: str = STAGE_FILE) -> Mapping[str, Any]:
    """Return what a stage file that ``decode`` took says, as it is written."""
    value: Any = yaml12.load_with_lines(data, what=what, limit=LIMIT, anchors=True)[0]
    return value or {}


def decode_ignores(data: bytes, *, what: str = STAGE_FILE) -> tuple[Ignore, ...]:
    """Read the exceptions from the rules of ``validate``. Raises as ``decode`` does of what it reads."""
    return _read_ignores(_top(data, what))


def refuses_stale(data: bytes, *, what: str = STAGE_FILE) -> bool:
    """Whether ``validate`` wants stale stages refused. Raises as ``decode`` does of what it reads."""
    return _stale_is_error(_top(data, what))


def upsert(data: bytes | None, stage: Stage, *, read: ReadFile | None = None) -> bytes:
    """Return the stage file ``data`` that ``stage`` is of (None: there is none) with ``stage`` added, or changed to what it
    says: its templates are written as they are.

    Every other byte stays, and of the stage itself every entry that says the same as before. Raises ``SchemaError`` when
    that cannot be done in place, or ``stage`` may not be written; and as ``decode`` does.
    """
    return put_stage(data, stage.own_name, declaration(stage), read=read, folder=stage.folder)


def put_stage(
    data: bytes | None,
    name: str,
    new: Mapping[str, Any],
    *,
    read: ReadFile | None = None,
    unfilled: bool = False,
    folder: str = "",
) -> bytes:
    """``upsert`` of the declaration ``new`` of the stage ``name``, as it stands in the file of the project ``folder``; with
    ``unfilled`` where what templates name is not known."""
    what, full = stage_file_of(folder), full_name(folder, name)

    def stages_of(text: bytes) -> dict[str, Stage]:
        return decode_unfilled(text, folder=folder) if unfilled else decode_file(text, read=read, folder=folder)

    before = {} if data is None else stages_of(data)
    ignores = () if data is None else decode_ignores(data, what=what)
    text = "" if data is None else data.decode("utf-8")
    top = {} if data is None else tree(data, what=what)
    alone: dict[str, Any] = {"vars": top["vars"]} if top.get("vars") else {}
    wanted = {**before, **stages_of(yaml12.dump({**alone, "stages": {name: new}}))}
    for other in before:
        if other != full and other.casefold() == full.casefold():
            raise _not_in_place(name, what, f"its name differs from that of {other!a} in case alone")
    try:
        changed = _put(text, top, name, before.get(full), new).encode("utf-8")
    except (SchemaError, LookupError, StopIteration) as error:
        why = error.message if isinstance(error, SchemaError) else "the place was not found"
        raise _not_in_place(name, what, why) from None
    try:
        same = _said(stages_of(changed)) == _said(wanted) and _unplaced(changed) == [
            replace(i, line=0) for i in ignores
        ]
    except WeftError:
        same = False
    if not same:
        raise _not_in_place(name, what, "other entries would change")
    return changed


def _put(text: str, top: Mapping[str, Any], name: str, old: Stage | None, new: Mapping[str, Any]) -> str:
    stages = top.get("stages") or {}
    if "@" in name:
        raise SchemaError("a member of foreach is declared with all others of it")
    if "stages" not in top:
        return yamledit.put(text, ("stages",), {name: new})
    if name not in stages:
        return yamledit.put(text, ("stages", name), new)
    if is_group(stages[name]) or old is None:
        raise SchemaError("it stands for several stages")
    return _changed(text, name, _as_declared(old, stages[name]), new)


def _said(stages: Mapping[str, Stage]) -> dict[str, Any]:
    return {name: declaration(one) for name, one in stages.items()}


def _unplaced(data: bytes) -> list[Ignore]:
    return [replace(one, line=0) for one in decode_ignores(data)]


def set_frozen(data: bytes, name: str, frozen: bool, *, read: ReadFile | None = None, folder: str = "") -> bytes:
    """Return the stage file of the project ``folder`` with the stage, or all stages of the group, ``name`` frozen or not.
    Every other byte stays. Raises ``SchemaError``, and as ``decode``."""
    full = full_name(folder, name)
    text, entry = data.decode("utf-8"), tree(data)["stages"][name]
    keys = ("stages", name, "do") if "foreach" in entry else ("stages", name)
    body = entry.get("do", entry) if "foreach" in entry else entry
    new = {key: value for key, value in body.items() if key != "frozen"} | ({"frozen": True} if frozen else {})

    def turned(stage: Stage) -> Stage:
        return replace(stage, frozen=frozen) if stage.name == full or stage.name.startswith(full + "@") else stage

    def edit() -> str:
        if new == body:
            return text
        if yamledit.in_braces(text, keys):
            return yamledit.put(text, keys, new)
        return yamledit.put(text, (*keys, "frozen"), True) if frozen else yamledit.drop(text, (*keys, "frozen"))

    return _edited(data, full, edit, lambda before: {key: turned(one) for key, one in before.items()}, read)


def without_stage(data: bytes, name: str, *, read: ReadFile | None = None, folder: str = "") -> bytes:
    """Return the stage file without the stage, or the group, ``name``. Every other byte stays. Raises as ``set_frozen``."""
    full = full_name(folder, name)
    group = is_group(tree(data)["stages"][name])

    def others(before: Mapping[str, Stage]) -> dict[str, Stage]:
        gone = {key for key in before if key == full or (group and key.startswith(full + "@"))}
        return {key: one for key, one in before.items() if key not in gone}

    return _edited(data, full, lambda: yamledit.drop(data.decode("utf-8"), ("stages", name)), others, read)


def _edited(
    data: bytes,
    name: str,
    edit: Callable[[], str],
    wanted: Callable[[Mapping[str, Stage]], Mapping[str, Stage]],
    read: ReadFile | None,
) -> bytes:
    """What ``edit`` makes of the file that declares the stage ``name``, if it says what is ``wanted`` of those before."""
    folder = name.rpartition("/")[0]
    file, before = stage_file_of(folder), decode_file(data, read=read, folder=folder)
    try:
        changed = edit().encode("utf-8")
        right = _said(decode_file(changed, read=read, folder=folder)) == _said(wanted(before)) and _unplaced(
            changed
        ) == _unplaced(data)
    except (WeftError, LookupError, StopIteration):
        right = False
    if not right:
        raise SchemaError(
            f"{file}: the entry of {name!a} cannot be changed without changing others",
            hint=f"edit {file} by hand",
            path=file,
        )
    return changed


def with_projects(data: bytes | None, folders: Sequence[str]) -> bytes:
    """Return the stage file ``data`` (None: there is none) with ``folders`` as its projects; a new one that comes last is
    written below the others, whose lines stay. Raises ``SchemaError``, and as ``decode``."""
    before = data or b""
    known, text = projects(before), before.decode("utf-8")
    if not folders:
        changed = yamledit.drop(text, ("projects",)) if known else text
    elif known == tuple(folders[:-1]) and (row := _LAST_PROJECT.search(text)):
        changed = f"{text[: row.end()]}{row[1]}{folders[-1]}{text[row.end() :]}"
    else:
        changed = yamledit.put(text, ("projects",), list(folders))
    after = changed.encode("utf-8")
    if projects(after) != tuple(folders) or _said(decode_unfilled(after)) != _said(decode_unfilled(before)):
        raise SchemaError(
            f"{STAGE_FILE}: the projects cannot be changed there",
            hint=f"write into {STAGE_FILE}: projects: [{', '.join(folders)}]",
            path=STAGE_FILE,
        )
    return after


def is_group(value: Any) -> bool:
    """Whether what stands under a name declares several stages."""
    return isinstance(value, dict) and any(key in value for key in GROUPS)


def _as_declared(stage: Stage, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a stage of the file says, spelled as ``declaration`` does where it has no templates."""
    return value if "vars" in value or "${" in repr(value) else declaration(stage)


def _changed(text: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if yamledit.in_braces(text, ("stages", name)):
        return yamledit.put(text, ("stages", name), new) if old != new else text
    for key in old:
        if key not in new:
            text = yamledit.drop(text, ("stages", name, key))
    for key, value in new.items():
        if old.get(key) != value:
            text = yamledit.put(text, ("stages", name, key), value)
    return text


def _not_in_place(name: str, what: str, why: str) -> SchemaError:
    return SchemaError(
        f"{what}: the stage {name!a} cannot be written there: {why}",
        hint=f"declare it in {what} by hand, then use: weft repro {name}",
        path=what,
    )


def _top(data: bytes, what: str, folder: str = "") -> Mapping[str, Node]:
    """What stands at the top of a stage file, of the project ``folder`` where that is not empty."""
    fields = _parsed(data, what) if folder else _kept(data, what)
    for key in _ONLY_TOP:
        if folder and key in fields:
            raise fields[key].error("this key has a meaning only at the top", hint=f"move it to the {STAGE_FILE} there")
    return fields


@lru_cache(maxsize=2)
def _kept(data: bytes, what: str) -> Mapping[str, Node]:
    """``_parsed``. Of two files, such as the one before a commit and that of it, it is kept, for stages, ignores and what is
    refused are asked for one after the other."""
    return _parsed(data, what)


def _parsed(data: bytes, what: str) -> Mapping[str, Node]:
    value, lines = yaml12.load_with_lines(data, what=what, limit=LIMIT, anchors=True)
    if value is None:
        return {}
    node = Node(value, (), Source(what, lambda: lines))
    return {key: node for key, node in node.fields(_TOP).items() if node.value is not None}


def _read_ignores(fields: Mapping[str, Node]) -> tuple[Ignore, ...]:
    node = _validate(fields).get("ignore")
    return tuple(_ignore(one) for one in node.items()) if node is not None else ()


def _stale_is_error(fields: Mapping[str, Node]) -> bool:
    node = _validate(fields).get("stale")
    if node is not None and node.value != "error":
        raise node.error("can only be: error", hint="without it stale stages pass with a line each")
    return node is not None


def _validate(fields: Mapping[str, Node]) -> dict[str, Node]:
    """What is below ``validate``: a list is short for a mapping with these ignores alone."""
    node = fields.get("validate")
    if node is None:
        return {}
    if isinstance(node.value, list):
        return {"ignore": node}
    return {key: one for key, one in node.fields(("stale", "ignore")).items() if one.value is not None}


def _ignore(node: Node) -> Ignore:
    fields = node.fields(("rule", "path", "reason"))
    for key in ("rule", "path", "reason"):
        if key not in fields:
            raise node.error(f"the key {key!r} is missing", hint="an exception names its rule, its path and its reason")
    rule = fields["rule"].text()
    if not _RULE.fullmatch(rule):
        raise fields["rule"].error(f"{rule[:80]!a} is not the id of a rule, such as WEFT013")
    reason = fields["reason"].text().strip()
    if not reason:
        raise fields["reason"].error("must not be empty")
    return Ignore(rule, fields["path"].text(), reason, node.line)


def _check_name(node: Node, name: str) -> None:
    try:
        check_stage_name(name)
    except SchemaError as error:
        raise node.placed(error) from None
