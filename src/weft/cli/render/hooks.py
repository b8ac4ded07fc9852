"""Pages of install and uninstall."""

from __future__ import annotations

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.workflows.framework import STAGES
from weft.workflows.install import InstallResult, UninstallResult


def install_page(result: InstallResult, view: View) -> Page:
    """What was installed where, and what comes next."""
    report = [f"installed  {escape(path)}" for path in result.hooks]
    report += [f"kept       {escape(path)}, which is called first" for path in result.kept]
    report += [f"removed    {escape(path)}" for path in result.removed]
    report += [f"driver     {section}" for section in result.drivers]
    report += ["hidden     refs/weft/runs, from those who fetch from this clone"] if result.hidden else []
    report += [f"changed    {escape(path)}" for path in result.staged]
    if not report and not result.to_add:
        report.append("everything is installed already")
    if result.to_add:
        steps = [
            f"weft install, once these lines are in your hooks: {escape(result.folder)} is a folder {result.shared}"
        ]
        lines = [f"{escape(one.path)}: {one.line}" for one in result.to_add]
        return Page(
            report=(*report, "hooks that do not run weft yet:", *lines), notes=(f"next: {'; then '.join(steps)}",)
        )
    steps = [f"git commit, for {' and '.join(escape(path) for path in result.staged)}"] if result.staged else []
    if result.tool:
        steps.append("pre-commit install" + "".join(f" -t {stage}" for stage in STAGES))
    return Page(report=tuple(report), notes=(f"next: {'; then '.join(steps)}",) if steps else ())


def uninstall_page(result: UninstallResult, view: View) -> Page:
    """What was taken away and what was put back."""
    report = [f"removed    {escape(path)}" for path in result.removed if path not in result.restored]
    report += [f"put back   {escape(path)}" for path in result.restored]
    report += [f"driver     {section} removed" for section in result.drivers]
    report += [f"changed    {escape(path)}" for path in result.edited]
    return Page(report=tuple(report) or ("nothing of weft is installed in this clone",))
