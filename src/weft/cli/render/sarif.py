"""Violations as SARIF, the form in which code hosts show findings beside lines of code.

The format: docs.oasis-open.org/sarif/sarif/v2.1.0.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from weft import __version__
from weft.workflows.validate_results import ValidateResult, Violation
from weft.workflows.validate_rules import PHASES, RULES, Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warn": "warning", "stale": "note"}
_ROOT = "REPOSITORY"


def sarif(result: ValidateResult) -> dict[str, Any]:
    """The document. Ignored violations are in it too, as suppressed results with their reasons."""
    rules = list(RULES)
    results = [_result(violation, rules) for violation in result.violations]
    for one in result.ignored:
        suppressed = {"kind": "inSource", "justification": one.reason}
        results.append({**_result(one.violation, rules), "suppressions": [suppressed]})
    driver = {"name": "weft", "version": __version__, "rules": [_rule(rule) for rule in RULES.values()]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the root of the repository"}}},
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.title.replace("'", "").split()),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": f"Checked {PHASES[rule.phase]}. To mend: {rule.mend}."},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(violation: Violation, rules: list[str]) -> dict[str, Any]:
    mend = f" Mend: {violation.mend}" if violation.mend else ""
    made: dict[str, Any] = {
        "ruleId": violation.rule,
        "ruleIndex": rules.index(violation.rule),
        "level": _LEVELS[violation.severity],
        "message": {"text": violation.message + mend},
    }
    if violation.path:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(violation.path), "uriBaseId": _ROOT}}
        if violation.line:
            place["region"] = {"startLine": violation.line}
        made["locations"] = [{"physicalLocation": place}]
    if violation.commit:
        made["properties"] = {"commit": violation.commit}
    return made


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")
