"""Pages of ``weft stage``: the list of stages, and what was done with some of them."""

from __future__ import annotations

from weft.cli.context import Page, View
from weft.cli.render.pipeline import reason_text
from weft.cli.text import columns, escape
from weft.workflows.stage_declare import StageEdit, StageList


def stages_page(result: StageList, view: View) -> Page:
    """One line a stage, with its state and what it writes, and why it is stale; with -v the command too."""
    rows = [
        [escape(one.name), one.state + (", accepted by hand" if one.accepted else ""), escape(", ".join(one.outs))]
        for one in result.stages
    ]
    lines: list[str] = []
    for row, one in zip(columns(rows), result.stages, strict=True):
        lines.append(row)
        lines += [f"  {reason_text(reason)}" for reason in one.reasons]
        if view.verbose:
            lines.append(f"  {escape(one.cmd if isinstance(one.cmd, str) else ' '.join(one.cmd))}")
    notes = list(map(escape, result.notes)) if result.stages else ["no stages are declared"]
    return Page(data=tuple(lines), notes=tuple(notes))


def edit_page(result: StageEdit, view: View) -> Page:
    """What was done with which stages, and what to do next."""
    lines = [f"{escape(name)}: {result.action}" for name in result.stages]
    lines += [f"  {escape(path)} is no longer tracked; its files stay" for path in result.untracked]
    runs = bool(result.stages) and result.action in ("added", "changed", "unfrozen")
    commit = "git commit" if result.staged else "git add weft.yaml lineage and the pointers, git commit"
    return Page(
        report=tuple(lines), notes=(f"next: weft repro {escape(result.stages[0])}" if runs else f"next: {commit}",)
    )
