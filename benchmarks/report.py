"""Writes what was measured as a table, as JSON, as Markdown, and as an SVG chart."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from html import escape
from pathlib import Path
from statistics import median

from harness import Cost
from programs import STEPS

COLUMNS = ("step", "program", "wall s", "CPU s", "peak MiB", "MiB stored", "MiB sent", "requests", "of weft")
COLORS = {"weft": "#0b6e4f", "dvc": "#c8553d", "s5cmd": "#3d6fb4", "git": "#8a8a8a", "cp": "#b9b9b9"}
OTHER = "#8d6a9f"
ABOUT = (
    "Times are whole processes on a warm disk cache, so only ratios within one run mean anything: machines differ and"
    " are noisy. *of weft* is the program's time divided by weft's, so 2.0 is twice as long. *MiB stored* is the"
    " growth of the local store; *MiB sent* is what weft reports, and for the others the growth of the remote."
    " Peak memory is the largest process, and at least this script's own. A dash: the program does not tell, or the"
    " column does not apply. Checking out an older version includes taking the pointer from Git for weft alone; for DVC"
    " Git has done that before. Status is the second of two. A step without a row for a program has no command of its"
    " own there. S3 is SeaweedFS on the loopback interface of the same machine, and takes a share of its processors."
)


def middle(costs: list[Cost]) -> Cost:
    """Median of each number over the runs."""
    many = {key: [asdict(cost)[key] for cost in costs] for key in asdict(costs[0])}
    return Cost(**{key: None if None in values else median(values) for key, values in many.items()})


def shortened(cost: Cost) -> dict[str, float | None]:
    """The numbers of a cost without digits that mean nothing."""
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(cost).items()}


def machine() -> dict[str, object]:
    """What the numbers depend on, and nothing that names the machine."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = found[0] if found else model
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def rows(costs: dict[str, dict[str, list[Cost]]]) -> list[dict[str, object]]:
    """One row a step and program, in the order of the steps and weft first."""
    found = []
    for key, heading in STEPS:
        ours = costs.get(key, {}).get("weft")
        base = middle(ours).wall if ours else None
        for name, runs in costs.get(key, {}).items():
            cost = middle(runs)
            ratio = round(cost.wall / base, 4) if base else None
            walls = [round(run.wall, 3) for run in runs]
            found.append(
                {"key": key, "step": heading, "program": name, **shortened(cost), "ratio": ratio, "walls": walls}
            )
    return found


def cells(row: dict) -> list[str]:
    """A row as text, in the order of COLUMNS."""

    def number(value: float | None, form: str, unit: float = 1) -> str:
        return "–" if value is None else format(value / unit, form)

    return [
        row["step"],
        row["program"],
        figure(row["wall"]),
        figure(row["cpu"]),
        number(row["rss_mib"], ".0f"),
        number(row["stored"], ".2f", 2**20),
        number(row["sent"], ".2f", 2**20),
        number(row["requests"], ".0f"),
        "–" if row["ratio"] is None else figure(row["ratio"]),
    ]


def table(found: list[dict]) -> str:
    """The rows for a terminal; a step is named once."""
    lines = [list(COLUMNS), *(cells(row) for row in found)]
    for line, above in reversed(list(zip(lines[2:], lines[1:], strict=False))):
        line[0] = "" if line[0] == above[0] else line[0]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < 2 else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(result: dict) -> str:
    """The page latest.md."""
    runs = result["options"]["runs"]
    count = (
        "one run, so single numbers may be off by chance, and the program that comes first in a step may pay for cold memory"
        if runs == 1
        else f"the median of {runs} runs"
    )
    note = f" {result['note']}" if result.get("note") else ""
    of_machine = "\n".join(f"| {name} | {value} |" for name, value in result["machine"].items())
    versions = "\n".join(f"| {name} | {value} |" for name, value in result["versions"].items())
    absent = "".join(f"- {name}: {why}\n" for name, why in result["absent"].items()) or "- none\n"
    failed = "".join(f"- {line}\n" for line in result["failed"]) or "- none\n"
    lines = "\n".join("| " + " | ".join(cells(row)) + " |" for row in result["rows"])
    return f"""# weft beside other programs

Written by `make bench` on {result["date"]}; this is {count}.{note}
Data: {result["options"]["files"]:,} files of 10 kB, and one random file of {result["options"]["big_mib"]:,} MiB of which
an edited copy has 1 MB inserted and 1 MB overwritten.

![Bar chart of the times below](latest.svg)

{ABOUT}

| {" | ".join(COLUMNS)} |
|---|---|{"---:|" * (len(COLUMNS) - 2)}
{lines}

## Machine

| what | value |
|---|---|
{of_machine}

## Versions

| program | version |
|---|---|
{versions}

## Programs that were not there

{absent}
## Steps that failed

{failed}"""


def figure(value: float) -> str:
    """Two or three digits that mean something, however small the value."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def chart(result: dict) -> str:
    """The chart: a group of bars a step, each group on a scale of its own, times in figures beside the bars."""
    left, width, bar, y = 90, 620, 16, 84
    parts = []
    for key, heading in STEPS:
        group = [row for row in result["rows"] if row["key"] == key]
        if not group:
            continue
        parts.append(f'<text x="16" y="{y}" class="h">{escape(heading)}</text>')
        y += 8
        longest = max(row["wall"] for row in group)
        for row in group:
            length = max(1.0, row["wall"] / longest * width)
            color = COLORS.get(row["program"], OTHER)
            ratio = "" if row["program"] == "weft" or row["ratio"] is None else f"  ({figure(row['ratio'])} × weft)"
            weight = ' class="w"' if row["program"] == "weft" else ""
            parts.append(
                f'<text x="{left - 8}" y="{y + 13}" text-anchor="end"{weight}>{escape(row["program"])}</text>'
                f'<rect x="{left}" y="{y + 1}" width="{length:.1f}" height="{bar}" rx="2" fill="{color}"/>'
                f'<text x="{left + length + 8:.1f}" y="{y + 13}"{weight}>{figure(row["wall"])} s{ratio}</text>'
            )
            y += bar + 5
        y += 26
    options = result["options"]
    note = f"{options['files']:,} files of 10 kB; one file of {options['big_mib']:,} MiB; {result['date']}; " + (
        "one run" if options["runs"] == 1 else f"median of {options['runs']} runs"
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{y}" viewBox="0 0 900 {y}" role="img">
<title>Seconds that weft and other programs take, step by step</title>
<style>text {{ font: 13px sans-serif; fill: #222 }}
.w {{ font-weight: bold }} .t {{ font: bold 18px sans-serif }} .h {{ font: bold 14px sans-serif }}</style>
<rect width="900" height="{y}" fill="#fff"/>
<text x="16" y="30" class="t">Seconds, whole processes: shorter is better</text>
<text x="16" y="52">{escape(note)}. Each group has a scale of its own.</text>
{chr(10).join(parts)}
</svg>
"""


def write(folder: Path, result: dict) -> None:
    """Write latest.json, latest.md and latest.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "latest.md").write_text(markdown(result), encoding="utf-8")
    (folder / "latest.svg").write_text(chart(result), encoding="utf-8")
    print(f"written: {os.path.relpath(folder)}/latest.json, .md and .svg", file=sys.stderr)
