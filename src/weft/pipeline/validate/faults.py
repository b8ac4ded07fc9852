"""Rules 2, 5, 6 and 7: what a text that cannot be parsed violates. Also 16, where the stages contradict one another."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from weft.errors import GraphFault, MergeConflict, OidSyntax, WeakHash, WeftError, quoted
from weft.formats import yaml12
from weft.model.lineage import stage_of_record
from weft.model.stage import STAGE_FILE
from weft.pipeline.validate.violations import Stale, Violation, rule_id
from weft.util.later import later

if TYPE_CHECKING:
    from weft.pipeline.validate import registry
else:
    registry = later("weft.pipeline.validate.registry")

CONFLICT, UNREADABLE, SCHEMA, IDENTITY, GRAPH = 2, 5, 6, 7, 16
_SIZES = r"'(?:size|files|layout|oid)'"
_MARKS = rb"(?m)^(?:<{7}|>{7})(?: |\r?$)"
_YAML = frozenset(["pointer", "record", "stages", "ignores"])


def found(
    number: int,
    path: str,
    message: str,
    *,
    line: int = 0,
    mend: str = "",
    stale: Stale | None = None,
    result: str = "",
) -> Violation:
    """A violation of rule ``number``; without ``mend`` the general advice of the rule. With ``stale`` it says that an input
    is another one by now, and nothing false of a result; ``result`` is the path of one of which it says something false."""
    rule = registry.RULES[rule_id(number)]
    made = Violation(rule.id, rule.severity, path, line, message, mend or rule.mend, result=result)
    if stale is None:
        return made
    severity = rule.severity if stale.gone else "stale"
    return replace(made, severity=severity, stage=stale.stage, cause=stale.cause, gone=stale.gone)


def parse_fault(kind: str, path: str, text: bytes, error: WeftError, before: str = "HEAD") -> Violation:
    """The violation for a text of ``kind`` whose parser raised ``error``; the commit ``before`` may have a right one."""
    mark = re.search(_MARKS, text)
    if isinstance(error, MergeConflict) or mark:
        line = text.count(b"\n", 0, mark.start()) + 1 if mark else error.line
        return found(CONFLICT, path, "the marks of a merge conflict are in it", line=line)
    return found(
        _number(kind, text, error), path, _message(path, error), line=error.line, mend=_mend(path, kind, before)
    )


def too_large(path: str) -> Violation:
    """The violation for a text that is over its limit, or that Git does not have."""
    return found(UNREADABLE, path, "it is larger than such a file may be, or Git does not have it")


def graph_fault(error: GraphFault) -> Violation:
    """The violation for stages that contradict one another."""
    path = error.path or STAGE_FILE
    return found(GRAPH, path, _message(path, error), line=error.line, mend=error.hint)


def _number(kind: str, text: bytes, error: WeftError) -> int:
    if kind not in _YAML:
        return UNREADABLE
    if isinstance(error, (OidSyntax, WeakHash)):
        return IDENTITY
    try:
        limit = max(len(text), yaml12.LIMIT)
        yaml12.load_with_lines(text, what="", limit=limit, anchors=kind in ("stages", "ignores"))
    except WeftError:
        return UNREADABLE
    return IDENTITY if re.search(_SIZES, error.message) else SCHEMA


def _message(path: str, error: WeftError) -> str:
    """The reason alone: file and line are told beside it."""
    text = error.message
    for lead in (path, path.rpartition("/")[2]):
        text = re.sub(rf"^{re.escape(lead)}(?:, line \d+)?(?:: | )", "", text)
    return text


def _mend(path: str, kind: str, before: str) -> str:
    if kind == "pointer":
        return f"git checkout {before} -- {quoted(path)}, or: weft add {quoted(path[:-5])}"
    if kind == "record":
        return f"weft repro {stage_of_record(path)}"
    return ""
