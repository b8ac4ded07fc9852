"""The pages of verify."""

from __future__ import annotations

from datetime import UTC, datetime

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text, size_text
from weft.workflows.results import Finding, QuarantineFile, QuarantineResult, VerifyResult

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
    if result.left or result.before:
        report.append(_progress(result))
    for finding in result.healed:
        touches = f" (it touched {', '.join(map(escape, finding.pointers))})" if finding.pointers else ""
        report.append(f"{view.paint.good('mended')} {escape(finding.message)}{touches}")
    if result.repaired:
        report.append(f"repaired: {count_text(result.repaired, 'pack or object', 'packs or objects')} brought back")
    good = "all is whole now" if result.healed else "no damage found"
    if result.left:
        good = "no damage so far"
    verdict = view.paint.bad(count_text(len(result.findings), "finding")) if data else view.paint.good(good)
    return Page(data=tuple(data), report=(*report, verdict))


def _progress(result: VerifyResult) -> str:
    words = [f"{count_text(result.before, 'pack')} proved by earlier runs"] if result.before else []
    if result.left:
        words.append(f"{count_text(result.left, 'pack')} left: the same command goes on with them")
    return "; ".join(words)


def quarantine_page(result: QuarantineResult, view: View) -> Page:
    """Each file that was set aside, since when and why, and what became of it."""
    data = [line for file in result.files for line in _file(file)]
    size = size_text(sum(file.size for file in result.files))
    return Page(
        data=tuple(data), report=(f"{count_text(len(result.files), 'file')} ({size}) in {escape(result.place)}",)
    )


def _file(file: QuarantineFile) -> list[str]:
    since = datetime.fromtimestamp(file.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    state = f"{file.state} ({count_text(file.objects, 'object')})" if file.objects else file.state
    lines = [f"{escape(file.file)}  {size_text(file.size)}  {since}  {state}"]
    lines.append(f"    {escape(file.why) or 'nothing tells why'}")
    if file.lost:
        lines.append(f"    {count_text(file.lost, 'object')} of it lost here: weft verify --repair")
    return lines


def _finding(finding: Finding, view: View) -> list[str]:
    subject = f"  {escape(finding.object)}" if finding.object else ""
    lines = [f"{view.paint.bad(finding.code)}{subject}  {escape(finding.message)}"]
    lines += [f"    damages {escape(path)}" for path in finding.pointers]
    if finding.hint:
        lines.append(f"    hint: {escape(finding.hint)}")
    return lines
