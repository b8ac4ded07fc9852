"""The stage file ``weft.yaml`` (``docs/spec/stagefile.md``): strict, for what it misunderstood would be proved."""

from __future__ import annotations

import re
from collections.abc import Mapping

from weft.errors import LimitExceeded, SchemaError
from weft.formats import yaml12
from weft.formats.foreach import Expansion
from weft.formats.located import Node, Source
from weft.formats.stagedecl import declaration, read_stage, stage_text
from weft.model.stage import STAGE_FILE, Ignore, Stage, check_stage_name

__all__ = ["LIMIT", "declaration", "decode", "decode_ignores", "stage_text"]

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


def decode_ignores(data: bytes, *, what: str = STAGE_FILE) -> tuple[Ignore, ...]:
    """Read the exceptions from the rules of ``validate``. Raises as ``decode`` does of what it reads."""
    return _read_ignores(_top(data, what))


def _top(data: bytes, what: str) -> dict[str, Node]:
    value, lines = yaml12.load_with_lines(data, what=what, limit=LIMIT)
    if value is None:
        return {}
    fields = Node(value, (), Source(what, lambda: lines)).fields(_TOP)
    return {key: node for key, node in fields.items() if node.value is not None}


def _read_ignores(fields: Mapping[str, Node]) -> tuple[Ignore, ...]:
    return tuple(_ignore(node) for node in fields["validate"].items()) if "validate" in fields else ()


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
