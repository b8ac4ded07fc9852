"""Write the golden repository and remote of this release: ``python tests/golden/make.py tests/golden/v1/NAME``.

Golden data is written once for each release and never rewritten: every later release must read it. The remote is a plain
directory beside the repository (named by a relative URL), the repository is a Git bundle, and ``expected.json`` tells for
each tag what a checkout must hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

IDENTITY = ["-c", "user.name=weft", "-c", "user.email=weft@example.invalid"]


def _run(cwd: Path, *argv: str) -> None:
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def _weft(cwd: Path, *args: str) -> None:
    _run(cwd, sys.executable, "-m", "weft", "-q", *args)


def _table(rows: int, seed: int) -> bytes:
    lines = [f"{n},{hashlib.sha256(f'{seed}/{n}'.encode()).hexdigest()[:8]},{n * seed % 97}" for n in range(rows)]
    return "\n".join(lines).encode()


def _version_one(root: Path) -> None:
    data = root / "data"
    (data / "empty" / "inner").mkdir(parents=True)
    (data / "sub dir").mkdir()
    (data / "plain.txt").write_bytes(b"plain\n")
    (data / "zero").write_bytes(b"")
    (data / "12:30:00 ünï.txt").write_bytes(b"odd name\n")
    (data / "-dash").write_bytes(b"dash\n")
    (data / ("n" * 200)).write_bytes(b"long name\n")
    (data / "sub dir" / "run.sh").write_bytes(b"#!/bin/sh\nexit 0\n")
    os.chmod(data / "sub dir" / "run.sh", 0o755)
    os.symlink("../plain.txt", data / "sub dir" / "link")
    (data / "table.csv").write_bytes(_table(40_000, 1))
    (root / "model.bin").write_bytes(_table(30_000, 2))
    os.chmod(root / "model.bin", 0o755)
    (root / "notes.md").write_bytes(b"# notes\n")


def _version_two(root: Path) -> None:
    table = (root / "data/table.csv").read_bytes()
    (root / "data/table.csv").write_bytes(table[:500_000] + b"inserted," * 10 + table[500_000:])
    (root / "data/plain.txt").unlink()
    (root / "data/new").mkdir()
    (root / "data/new/file").write_bytes(b"new\n")


def listing(root: Path, tops: tuple[str, ...] = ("data", "model.bin", "notes.md")) -> dict[str, list[Any]]:
    """What stands below ``tops``: type, and SHA-256, mode or target."""
    found: dict[str, list[Any]] = {}
    for top in tops:
        paths = [root / top, *(root / top).rglob("*")] if (root / top).exists() else []
        for path in paths:
            key = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[key] = ["link", os.readlink(path)]
            elif path.is_dir():
                found[key] = ["dir"]
            else:
                found[key] = ["file", hashlib.sha256(path.read_bytes()).hexdigest(), os.access(path, os.X_OK)]
    return dict(sorted(found.items()))


def make(target: Path) -> None:
    """Write one golden directory."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "repo"
        root.mkdir()
        _run(root, "git", "init", "-q", "-b", "main")
        _weft(root, "init")
        _weft(root, "remote", "add", "origin", "../remote")
        expected = {}
        for tag, change in (("one", _version_one), ("two", _version_two)):
            change(root)
            _weft(root, "add", "data", "model.bin", "notes.md")
            _run(root, "git", *IDENTITY, "commit", "-q", "-m", tag)
            _run(root, "git", "tag", tag)
            _weft(root, "push")
            expected[tag] = listing(root)
        target.mkdir(parents=True)
        _run(root, "git", "bundle", "create", "-q", str(target.absolute() / "repo.bundle"), "--all")
        shutil.copytree(Path(scratch) / "remote", target / "remote")
        (target / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
