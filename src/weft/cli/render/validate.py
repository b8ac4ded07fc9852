"""The pages of validate: for the command and for the hook, which loads neither click nor rich."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text, few_text
from weft.workflows.validate_results import ValidateResult, Violation

if TYPE_CHECKING:
    from weft.workflows.validate_rules import Rule


def validate_page(result: ValidateResult, view: View) -> Page:
    """Each violation with its place and what mends it, a line for each stage that is stale, then the sum."""
    data = [line for commit, some in _by_commit(result) for line in _group(commit, some, view)]
    report = [_summary(result, view)]
    ignored = [
        f"ignored: {one.violation.rule} {escape(_place(one.violation))}: {escape(one.reason)}" for one in result.ignored
    ]
    rules = sorted({violation.rule for violation in result.violations if violation.severity != "stale"})
    advice = [f"weft validate --explain {rules[0]} tells more of a rule"] if rules else []
    return Page(data=tuple(data), report=tuple(ignored + report), notes=(*map(escape, result.notes), *advice))


def rule_page(rule: Rule, when: str) -> Page:
    """What one rule proves; ``when`` says in which phase."""
    lines = [f"{rule.id}: {rule.title}" + (" (a warning)" if rule.severity == "warn" else ""), "", rule.explanation, ""]
    lines.append(f"Checked {when}." if not rule.elsewhere else f"Checked by: {rule.elsewhere}.")
    lines.append(f"To mend: {rule.mend}.")
    return Page(data=tuple(map(escape, lines)))


def _by_commit(result: ValidateResult) -> Iterator[tuple[str, list[Violation]]]:
    for commit, some in groupby(result.violations, key=lambda violation: violation.commit):
        yield commit, list(some)


def _group(commit: str, violations: list[Violation], view: View) -> Iterator[str]:
    if commit:
        yield view.paint.quiet(f"commit {commit}")
    for violation in violations:
        if violation.severity == "stale":
            continue
        rule = view.paint.bad(violation.rule) if violation.severity == "error" else view.paint.care(violation.rule)
        place = f"{escape(_place(violation))}: " if violation.path else ""
        warning = "warning: " if violation.severity == "warn" else ""
        yield f"{place}{rule} {warning}{escape(violation.message)}"
        if violation.mend:
            yield f"    mend: {escape(violation.mend)}"
    for stage in dict.fromkeys(one.stage for one in violations if one.severity == "stale"):
        causes = list(dict.fromkeys(one.cause for one in violations if one.severity == "stale" and one.stage == stage))
        line = (
            f"{escape(stage)}, for {escape(few_text(causes))} changed since its run; next: weft repro {escape(stage)}"
        )
        yield f"{view.paint.care('stale')}: {line}"


def _place(violation: Violation) -> str:
    return f"{violation.path}:{violation.line}" if violation.line else violation.path


def _summary(result: ValidateResult, view: View) -> str:
    looked = [count_text(result.stages, "stage"), count_text(result.pointers, "pointer")]
    if result.commits:
        looked.insert(0, count_text(result.commits, "commit"))
    checked = f"{', '.join(looked)} checked"
    stale = len(result.stale)
    warnings = sum(one.severity == "warn" for one in result.violations)
    tail = f", {count_text(warnings, 'warning')}" if warnings else ""
    tail += f", {count_text(stale, 'stage')} stale" if stale else ""
    if result.passed:
        return f"{view.paint.good('valid')}: {checked}{tail}"
    return f"{view.paint.bad(count_text(result.errors, 'violation'))}{tail}; {checked}"
