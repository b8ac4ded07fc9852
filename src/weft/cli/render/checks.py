"""The page of verify."""

from __future__ import annotations

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text, size_text
from weft.workflows.results import Finding, VerifyResult

LEVELS = {
    "quick": "quick: pointers and catalog",
    "scrub": "scrub: checksums of stored frames",
    "full": "full: BLAKE3 of every object",
    "remote": "remote: what the remote holds",
}
"""What each level looks at."""


def verify_page(result: VerifyResult, view: View) -> Page:
    """Each damage with the paths it touches, then what was looked at."""
    data = [line for finding in result.findings for line in _finding(finding, view)]
    checked = [
        count_text(result.checked_pointers, "pointer"),
        count_text(result.checked_packs, "pack"),
        count_text(result.checked_objects, "object"),
        f"{size_text(result.checked_bytes)} read",
    ]
    report = [f"{LEVELS.get(result.level, result.level)}; {', '.join(checked)}", *map(escape, result.notes)]
    if result.repaired:
        report.append(f"repaired: {count_text(result.repaired, 'pack')}")
    verdict = (
        view.paint.bad(f"{count_text(len(result.findings), 'finding')}") if data else view.paint.good("no damage found")
    )
    return Page(data=tuple(data), report=(*report, verdict))


def _finding(finding: Finding, view: View) -> list[str]:
    subject = f"  {escape(finding.object)}" if finding.object else ""
    lines = [f"{view.paint.bad(finding.code)}{subject}  {escape(finding.message)}"]
    lines += [f"    damages {escape(path)}" for path in finding.pointers]
    if finding.hint:
        lines.append(f"    hint: {escape(finding.hint)}")
    return lines
