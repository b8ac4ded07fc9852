"""``weft validate``."""

from __future__ import annotations

from typing import Any, Literal

import click

from weft.cli import jsonout
from weft.cli.context import Session
from weft.cli.options import complete_revisions, complete_rules
from weft.cli.render.sarif import sarif
from weft.cli.render.validate import rule_page, validate_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.util.atomic import write_atomic
from weft.workflows.validate import hook_validate, validate_range, validate_revision
from weft.workflows.validate_results import ValidateResult
from weft.workflows.validate_rules import PHASES, explain


@verb(
    "validate",
    example="weft validate\nweft validate --range origin/main..HEAD --sarif weft.sarif\nweft validate --explain WEFT013",
    codes={1: "violations found; stale stages count only with --strict, or where weft.yaml says so"},
)
@click.option("--staged", is_flag=True, help="Check what is staged, and the workspace beside it (the default).")
@click.option(
    "--rev",
    metavar="REV",
    shell_complete=complete_revisions,
    help="Check everything that the commit REV holds, from Git alone.",
)
@click.option(
    "--range",
    "span",
    metavar="A..B",
    shell_complete=complete_revisions,
    help="Check each commit of A..B, from Git alone.",
)
@click.option(
    "--sarif", "file", default="", metavar="FILE", help="Write the findings as SARIF to FILE (-: standard output)."
)
@click.option("--strict", is_flag=True, help="Refuse stale stages too; of a range, those of the last commit.")
@click.option("--strict-each", is_flag=True, help="Refuse stale stages in each commit of a range.")
@click.option(
    "--explain",
    "name",
    metavar="RULE",
    shell_complete=complete_rules,
    help="Tell what a rule proves, and check nothing.",
)
@pass_session
def command(session: Session, /, staged: bool, rev: str | None, span: str | None, file: str, **rest: Any) -> int:
    """Prove that data, code, params, metrics and lineage agree.

    Everything is read from Git's index (or from commits), never from the work tree; `weft.yaml` may ignore a rule for a
    path under `validate:`, with a reason. A stage whose inputs changed since its run is stale: its record is true, so it
    passes with a line, unless --strict or `validate: {stale: error}` refuses it.
    """
    name = rest["name"]
    # An empty value, such as an unset variable of a CI job, is no reason to check something else instead.
    if staged + sum(one is not None for one in (rev, span, name)) > 1:
        raise click.UsageError("give one of --staged, --rev, --range and --explain")
    if name is not None:
        rule = explain(name)
        session.show("validate-rule", rule, lambda made, _view: rule_page(made, PHASES[made.phase]))
        return ExitCode.OK
    if rest["strict_each"] and span is None:
        raise click.UsageError("--strict-each is for a --range; give --strict")
    result = _validate(session, rev, span, "each" if rest["strict_each"] else "last" if rest["strict"] else "")
    if file:
        _write_sarif(session, result, file)
    if file != "-":
        session.show("validate", result, validate_page)
    return ExitCode.OK if result.passed else ExitCode.DIFFERENCES


def _validate(
    session: Session, rev: str | None, span: str | None, fresh: Literal["", "last", "each"]
) -> ValidateResult:
    if rev is not None:
        return validate_revision(session.start, rev, strict=bool(fresh))
    if span is not None:
        return validate_range(session.start, span, fresh=fresh)
    return hook_validate(session.start, session.progress, cached=not session.in_ci, strict=bool(fresh))


def _write_sarif(session: Session, result: ValidateResult, file: str) -> None:
    text = jsonout.dumps(sarif(result))
    if file == "-":
        session.out.line(text)
    else:
        write_atomic(file, text.encode("ascii") + b"\n")
