"""The page of the rules of ``weft validate``, from the registry of rules."""

from __future__ import annotations

from collections.abc import Iterator

from weft.workflows.validate_rules import INTEGRITY, PHASES, RULES, Rule


def page(note: str) -> str:
    """The whole page; ``note`` is its first line."""
    return "\n".join(_lines(note)) + "\n"


def _lines(note: str) -> Iterator[str]:
    yield from (note, "", "# Rules", "")
    yield "What `weft validate` proves, offline and from Git's index alone; the pre-commit hook and a CI job are this one"
    yield "command. `weft validate --explain WEFT013` prints what is here. Numbers keep their meaning in later versions."
    yield from (
        "",
        "What is false of a result is refused. A stage whose record is true, while an input (code, a param, data, the",
    )
    yield "command, a lock file, what comes before) is another one than its run used, is stale: it passes with a line unless"
    yield "`--strict` or `validate: {stale: error}` in `weft.yaml` asks for a refusal. `frozen` excuses what is stale."
    yield from ("", "| rule | name | when |", "|---|---|---|")
    for rule in RULES.values():
        yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.title} | {_when(rule)} |"
    yield from ("", "Phases: " + "; ".join(f"{phase}, {text}" for phase, text in PHASES.items()) + ".")
    yield from (
        "",
        "A violation of a rule for one path can be declared to be right in `weft.yaml`, with a reason. It is then",
    )
    yield "listed as ignored. `*` stays within one directory, `**` spans any number of them."
    some = ", ".join(rule.id for rule in RULES.values() if rule.id in INTEGRITY)
    yield f"An ignore of {some}"
    yield "does not count in the commit that brings it, nor in the range (`--range A..B`: the stage file of `A` counts)."
    yield "An ignore of what is stale counts at once."
    yield from ("", "```yaml", "validate:", "  - rule: WEFT003", "    path: docs/poster.pdf")
    yield from ("    reason: the printed poster, which never changes", "```")
    for rule in RULES.values():
        yield from ("", f"## {rule.id}", "", f"**{rule.title}**" + _mark(rule), "", rule.explanation)
        if rule.mend != "-":
            yield from ("", f"To mend: {rule.mend}.")


def _when(rule: Rule) -> str:
    return f"{rule.phase} ({rule.elsewhere})" if rule.elsewhere else rule.phase


def _mark(rule: Rule) -> str:
    if rule.elsewhere:
        return f" · checked by: {rule.elsewhere}"
    return " · a warning, which blocks nothing" if rule.severity == "warn" else f" · phase {rule.phase}"
