"""The table of docs/reliability.md, from what the fault tests counted: ``report.py COUNTS [docs/reliability.md]``.

``COUNTS`` is the file that the tests wrote with ``WEFT_FAULT_COUNTS=COUNTS``. Without a page the table is printed; with one
it takes the place of the table between the two marks there.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
FAMILIES = {
    ", repeated": "a remote that fails at one call in a way that passes, with the retries of real remotes",
    " from one call on": "a remote without network or permission from one call on",
}
ONE_CALL = "a remote that fails at one call, or at every call of a kind"
"""Faults of ``weft.testing.faulty`` are in capitals."""


def family(fault: str) -> str:
    """Under which row a fault is told."""
    if fault.partition(",")[0].partition(" ")[0] not in _remote_faults():
        return fault
    return next((words for end, words in FAMILIES.items() if fault.endswith(end)), ONE_CALL)


def _remote_faults() -> set[str]:
    from weft.testing.faulty import Fault

    return {fault.name for fault in Fault}


def table(lines: list[str]) -> str:
    """Operation and fault, points and runs. A test that met a violation did not count, and failed."""
    runs: Counter[tuple[str, str]] = Counter()
    points: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in lines:
        found = json.loads(line)
        row = found["operation"], family(found["fault"])
        runs[row] += found["runs"]
        points[row][found["fault"]] += found["points"]
    rows = ["| operation | fault | points | runs | violations |", "|---|---|---|---|---|"]
    rows += [
        f"| {operation} | {fault} | {max(points[operation, fault].values()):,} | {number:,} | 0 |"
        for (operation, fault), number in sorted(runs.items(), key=lambda one: (one[0][1], one[0][0]))
    ]
    rows.append(f"| **all** | | | **{runs.total():,}** | **0** |")
    return "\n".join(rows)


def main(counts: str, page: str = "") -> None:
    made = table(Path(counts).read_text(encoding="utf-8").splitlines())
    if not page:
        sys.stdout.write(made + "\n")
        return
    text = Path(page).read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    Path(page).write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
