"""Writes what was measured as a table, as JSON, and as Markdown."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from asked import answers
from chart import chart, figure
from growth import MOST_BYTES_A_FILE, MOST_EXPONENT, fits
from harness import Cost
from steps import AWAY_MILLISECONDS, STEPS

COLUMNS = (
    "step",
    "program",
    "wall s",
    "CPU s",
    "peak MiB",
    "MiB stored",
    "MiB sent",
    "MiB received",
    "requests",
    "of weft",
    "runs",
)
MIB = 2**20
BEGIN, END = "<!-- results: written by benchmarks/run.py -->", "<!-- end of the results -->"


def middle(costs: Sequence[Cost]) -> dict[str, float | None]:
    """Median of each number over the runs; None where a run did not have it."""
    many = {key: [asdict(cost)[key] for cost in costs] for key in asdict(costs[0])}
    return {key: None if None in values else round(median(values), 4) for key, values in many.items()}


def rows(costs: dict[str, dict[str, list[Cost]]], ended: set[tuple[str, str]]) -> list[dict]:
    """One row a step and program, in the order of the steps and weft first."""
    found = []
    for step in STEPS:
        of_step = {name: runs for name, runs in costs.get(step.key, {}).items() if runs}
        base = median(cost.wall for cost in of_step["weft"]) if "weft" in of_step else None
        for name in sorted(of_step, key=lambda name: name != "weft"):
            runs = of_step[name]
            numbers = middle(runs)
            found.append(
                {
                    "key": step.key,
                    "step": step.heading,
                    "program": name,
                    **numbers,
                    "ratio": round(numbers["wall"] / base, 4) if base else None,
                    "runs": len(runs),
                    "walls": [round(cost.wall, 4) for cost in runs],
                    "ended": (step.key, name) in ended,
                }
            )
    return found


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


def load() -> str:
    """The load of the machine when a run begins: what else it was doing."""
    return f"{os.getloadavg()[0]:.2f}"


def complete(result: dict) -> dict:
    """A result with everything that follows from what was measured."""
    lines = fits(result["growth"])
    told = [asdict(answer) for answer in answers(result["rows"], lines)]
    return result | {"fits": lines, "asked": told}


# --- the table


def cells(row: dict) -> list[str]:
    """A row as text, in the order of COLUMNS."""

    def number(value: float | None, form: str, unit: float = 1) -> str:
        return "–" if value is None else format(value / unit, form)

    over = "> " if row["ended"] else ""
    return [
        row["step"],
        row["program"],
        over + figure(row["wall"]),
        "–" if row["ended"] else figure(row["cpu"]),
        "–" if row["ended"] else number(row["rss_mib"], ".0f"),
        number(row["stored"], ".2f", MIB),
        number(row["sent"], ".2f", MIB),
        number(row["received"], ".2f", MIB),
        number(row["requests"], ",.0f"),
        "–" if row["ratio"] is None else over + figure(row["ratio"]),
        str(row["runs"]),
    ]


def aligned(head: Sequence[str], body: list[list[str]], left: int) -> str:
    """Rows for a terminal; the first ``left`` columns are text, and a first cell like the one above is left empty."""
    lines = [list(head), *body]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for line, above in reversed(list(zip(lines[2:], lines[1:], strict=False))):
        line[0] = "" if line[0] == above[0] else line[0]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < left else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def table(head: Sequence[str], body: list[list[str]], left: int) -> str:
    """The same as a table of Markdown."""
    rule = "|" + "---|" * left + "---:|" * (len(head) - left)
    return "\n".join([f"| {' | '.join(head)} |", rule, *("| " + " | ".join(line) + " |" for line in body)])


ASKED_COLUMNS = ("asked of weft", "measured", "holds")
GROWTH_COLUMNS = ("data", "step", "size", "wall s", "CPU s", "peak MiB", "runs")
FIT_COLUMNS = ("data", "step", "exponent of time", "holds", "bytes of memory a file or MiB", "holds")


def asked_cells(result: dict) -> list[list[str]]:
    """What is asked and what was measured."""
    words = {True: "yes", False: "**no**", None: "–"}
    return [[line["asked"], line["measured"], words[line["holds"]]] for line in result["asked"]]


def growth_cells(result: dict) -> list[list[str]]:
    """The points of the growth."""
    return [
        [
            point["data"],
            point["step"],
            f"{point['size']:,}",
            figure(point["wall"]),
            figure(point["cpu"]),
            f"{point['rss_mib']:.0f}",
            str(point["runs"]),
        ]
        for point in result["growth"]
    ]


def fit_cells(result: dict) -> list[list[str]]:
    """The fitted lines."""
    words = {True: "yes", False: "**no**", None: "–"}
    return [
        [
            fit["data"],
            fit["step"],
            f"{fit['exponent']:.2f}",
            words[fit["time_holds"]],
            f"{fit['bytes_a_unit']:,.0f}",
            words[fit["memory_holds"]],
        ]
        for fit in result["fits"]
    ]


def for_terminal(result: dict) -> str:
    """Everything as text."""
    parts = [aligned(COLUMNS, [cells(row) for row in result["rows"]], 2)]
    parts.append(aligned(ASKED_COLUMNS, asked_cells(result), 3).replace("**", ""))
    if result["growth"]:
        parts.append(aligned(GROWTH_COLUMNS, growth_cells(result), 2))
    if result["fits"]:
        parts.append(aligned(FIT_COLUMNS, fit_cells(result), 2).replace("**", ""))
    parts += [f"not measured: {line}" for line in (*listed(result["absent"]), *result["failed"])]
    return "\n\n".join(parts)


def listed(absent: dict[str, str]) -> list[str]:
    """Programs that were not there, and why."""
    return [f"{name}: not installed: {why}" for name, why in absent.items()]


# --- the page


def markdown(result: dict, name: str) -> str:
    """The page of a run; ``name`` is its file name without the ending."""
    options = result["options"]
    left_out = [*listed(result["absent"]), *result["failed"]]
    short = "" if result["complete"] else "\n**This run did not come to its end.** The rows below are what it has.\n"
    note = f"\n{result['note']}\n" if result["note"] else ""
    data = f"{options['files']:,} files of 10 kB in folders of 100, and one file of {options['big_mib']:,} MiB"
    return f"""# weft beside other programs: {options["files"]:,} files, {options["big_mib"]:,} MiB

Written by `{result["command"]}` on {result["date"]}; load of the machine at the start: {result["load"]}.
Data: {data}, all random bytes; the edited copy has 1 MB inserted and 1 MB overwritten.
"S3 far away" is the same server behind a proxy that holds every request back for {AWAY_MILLISECONDS} ms,
with {options["far_files"]:,} of the files.
[What the columns and rows mean, and what is not fair](README.md).
{short}{note}
![Bar chart: time of each program divided by weft's]({name}.svg)

## Asked of weft

{table(ASKED_COLUMNS, asked_cells(result), 2)}

## Every step

{table(COLUMNS, [cells(row) for row in result["rows"]], 2)}

## Growth

weft alone: add, status and so on with more and more data, push and pull with a directory as the remote. The exponent is
the slope of a line fitted to the logarithms of size and time (1: twice the data takes twice as long; at most
{MOST_EXPONENT} is asked), the memory the slope of a line fitted to size and peak (at most {MOST_BYTES_A_FILE} bytes a file,
asked of the data with the most files). "Tiny files" have 100 bytes, so that there is room for a million. `cp -r` copies
the same data beside it and shows how the machine's own costs grow: of it nothing is asked.

{table(GROWTH_COLUMNS, growth_cells(result), 2)}

{table(FIT_COLUMNS, fit_cells(result), 2)}

## Not measured

{chr(10).join(f"- {line}" for line in left_out) or "- nothing"}

## Machine and versions

{table(("what", "value"), pairs(result["machine"] | result["versions"]), 2)}
"""


def pairs(found: dict) -> list[list[str]]:
    """Names and values as rows."""
    return [[str(key), str(value)] for key, value in found.items()]


def write(folder: Path, name: str, result: dict) -> dict:
    """Write NAME.json, NAME.md and NAME.svg; answers the result with what follows from it."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = complete(result)
    for ending, text in (
        ("json", json.dumps(whole, indent=1, ensure_ascii=False) + "\n"),
        ("md", markdown(whole, name)),
        ("svg", chart(whole)),
    ):
        fresh = folder / f".{name}.{ending}"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(folder / f"{name}.{ending}")
    return whole


def publish(source: Path, folder: Path, name: str) -> None:
    """Copy a run that came to its end beside the others, and list all of them in README.md there."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending in ("json", "md", "svg"):
        shutil.copyfile(source / f"{name}.{ending}", folder / f"{name}.{ending}")
    page = folder / "README.md"
    if not page.exists():
        return
    lines = []
    for path in sorted(folder.glob("*.json"), reverse=True):
        found = json.loads(path.read_text(encoding="utf-8"))
        about = f"{found['options']['files']:,} files, {found['options']['big_mib']:,} MiB, {found['date']}"
        lines.append(f"- [{path.stem}]({path.stem}.md): {about}")
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
