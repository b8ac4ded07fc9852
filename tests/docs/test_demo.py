"""The demo tells the truth: it runs to its end, and it notices when data does not come back."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "digits" / "demo.py"


def run_demo(target: Path) -> subprocess.CompletedProcess[str]:
    # No identity of the caller's may be needed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["HOME"] = str(target.parent / "no-home")
    return subprocess.run(
        [sys.executable, str(DEMO), str(target)],
        cwd=target.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DEMO.parent))
    return importlib.import_module("demo")


def test_demo_brings_both_versions_back_and_can_be_repeated(demo: ModuleType, tmp_path: Path) -> None:
    target = tmp_path / "demo"
    target.mkdir()
    (target / demo.MARK).touch()
    (target / "left from an earlier run").touch()
    done = run_demo(target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("are equal") == 5
    assert "WEFT010 accuracy of metrics.json is 0.9999 as staged" in done.stdout
    assert done.stdout.count("refused, exit code 1") == 1
    assert "valid: 4 commits" in done.stdout
    assert done.stdout.count("0 of 3 stages stale; nothing was run") == 1
    log = subprocess.run(
        ["git", "-C", str(target / "server.git"), "log", "--format=%s", "main"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "A better model" not in log.stdout
    assert not (target / "left from an earlier run").exists()
    assert (target / "project" / "digits" / "labels.csv").read_bytes() == (
        target / "kept-aside" / "v2" / "labels.csv"
    ).read_bytes()
    grown = [
        int(line.split()[-2].replace(",", "")) for line in done.stdout.splitlines() if "the remote grew by" in line
    ]
    assert len(grown) == 2
    assert grown[1] * 5 < grown[0]


def test_demo_replaces_no_folder_that_it_did_not_make(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert run_demo(mine).returncode == 2
    assert (mine / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(("name", "content"), [("a", b"1x"), ("b", b"3"), ("a", None)])
def test_demo_notices_a_difference(demo: ModuleType, tmp_path: Path, name: str, content: bytes | None) -> None:
    for side in ("kept", "got"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a").write_bytes(b"12")
    assert demo.differ_or_measure(tmp_path / "kept", tmp_path / "got") == (1, 2)
    if content is None:
        (tmp_path / "got" / name).unlink()
    else:
        (tmp_path / "got" / name).write_bytes(content)
    with pytest.raises(SystemExit):
        demo.differ_or_measure(tmp_path / "kept", tmp_path / "got")
