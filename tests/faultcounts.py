"""Counting what the fault tests did, for the table of docs/reliability.md that ``tests/faults/report.py`` makes.

With ``WEFT_FAULT_COUNTS=FILE`` in the environment every test appends what it tried to that file, one line of JSON each.
"""

from __future__ import annotations

import json
import os


def count(operation: str, fault: str, runs: int, points: int = 0) -> None:
    """Note ``runs`` of ``operation`` with ``fault``, at ``points`` different points (kill points, calls), none of which left
    anything wrong: a test that finds a violation fails before it counts."""
    path = os.environ.get("WEFT_FAULT_COUNTS")
    if path:
        line = json.dumps({"operation": operation, "fault": fault, "runs": runs, "points": points or runs})
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
