"""The stage file ``weft.yaml`` (``docs/spec/stagefile.md``): strict, for what it misunderstood would be proved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weft.errors import LimitExceeded, SchemaError, WeftError
from weft.formats import yaml12, yamledit
from weft.formats.foreach import Expansion
from weft.formats.located import Node, Source
from weft.formats.stagedecl import declaration, read_stage, stage_text
from weft.model.stage import STAGE_FILE, Ignore, Stage, check_stage_name

__all__ = ["LIMIT", "declaration", "decode", "decode_ignores", "refuses_stale", "stage_text", "upsert"]

LIMIT = 1 << 20
MAX_STAGES = 10_000
_TOP = ("stages", "validate")
_RULE = re.compile(r"WEFT[0-9]{3}", re.ASCII)


def decode(data: bytes, *, what: str = STAGE_FILE) -> dict[str, Stage]:
    """Read the stages of a stage file, in its order; ``what`` names the file in errors.

    Raises ``LimitExceeded``, ``MergeConflict``, ``YamlAlias``, ``YamlTag``, ``SchemaError``, ``SecretRefused`` and the path
    errors, all with the line.
    """
    fields = _top(data, what)
    _read_ignores(fields)
    _stale_is_error(fields)
    found: dict[str, Stage] = {}
    folded: dict[str, str] = {}
    expansion = Expansion()
    for name, node in fields["stages"].entries() if "stages" in fields else ():
        _check_name(node, name)
        line = node.line
        several = isinstance(node.value, dict) and "foreach" in node.value
        for member, below in expansion.members(name, node) if several else ((name, node),):
            _check_name(node, member)
            other = folded.setdefault(member.casefold(), member)
            if member in found or other != member:
                raise node.error(f"there are two stages with the name {member!a}, or they differ in case alone")
            found[member] = read_stage(member, below, line)
            if len(found) > MAX_STAGES:
                raise node.placed(LimitExceeded(f"more than {MAX_STAGES} stages"))
    return found


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


def upsert(data: bytes | None, stage: Stage, *, what: str = STAGE_FILE) -> bytes:
    """Return the stage file ``data`` (None: there is none) with ``stage`` added, or changed to what ``stage`` says.

    Every other byte stays, and of the stage itself every entry that says the same as before. Raises ``SchemaError`` when
    that cannot be done in place, or ``stage`` may not be written; and as ``decode`` does.
    """
    before = {} if data is None else decode(data, what=what)
    ignores = () if data is None else decode_ignores(data, what=what)
    text = "" if data is None else data.decode("utf-8")
    new, old = declaration(stage), before.get(stage.name)
    decode(yaml12.dump({"stages": {stage.name: new}}), what=what)
    for name in before:
        if name != stage.name and name.casefold() == stage.name.casefold():
            raise _not_in_place(stage, what, f"its name differs from that of {name!a} in case alone")
    try:
        if "@" in stage.name:
            raise SchemaError("a member of foreach is declared with all others of it")
        if "stages" not in tree(text.encode("utf-8"), what=what):
            text = yamledit.put(text, ("stages",), {stage.name: new})
        elif old is None:
            text = yamledit.put(text, ("stages", stage.name), new)
        else:
            text = _changed(text, stage.name, declaration(old), new)
    except (SchemaError, LookupError, StopIteration) as error:
        why = error.message if isinstance(error, SchemaError) else "the place was not found"
        raise _not_in_place(stage, what, why) from None
    changed = text.encode("utf-8")
    if not _says(changed, {**before, stage.name: stage}, ignores):
        raise _not_in_place(stage, what, "other entries would change")
    return changed


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


def _says(data: bytes, wanted: Mapping[str, Stage], ignores: tuple[Ignore, ...]) -> bool:
    """True when the stage file ``data`` declares just ``wanted`` and ``ignores``."""
    try:
        found, kept = decode(data), decode_ignores(data)
    except WeftError:
        return False
    same = {name: declaration(one) for name, one in found.items()} == {n: declaration(one) for n, one in wanted.items()}
    return same and [replace(one, line=0) for one in kept] == [replace(one, line=0) for one in ignores]


def _not_in_place(stage: Stage, what: str, why: str) -> SchemaError:
    return SchemaError(
        f"{what}: the stage {stage.name!a} cannot be written there: {why}",
        hint=f"declare it in {what} by hand, then use: weft repro {stage.name}",
        path=what,
    )


def _top(data: bytes, what: str) -> dict[str, Node]:
    value, lines = yaml12.load_with_lines(data, what=what, limit=LIMIT, anchors=True)
    if value is None:
        return {}
    fields = Node(value, (), Source(what, lambda: lines)).fields(_TOP)
    return {key: node for key, node in fields.items() if node.value is not None}


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
