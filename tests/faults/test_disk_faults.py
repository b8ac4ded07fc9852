"""A disk that fails at any call, is full from some call on, or takes less than it was given: a typed error or all done.

Real full disks and limits of the size of files stand beside the injected ones. ``make faults`` tries every point.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faultcounts import count
from faultscenes import SCENES, visible
from invariants import Before
from kit import environment
from supervised import SUPPORTED, WRITES, Call, Ended, Fault, Judge
from sweep import Prepared, at, begin, converge, looked_at, strike

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="the numbers of the system calls are those of Linux on x86_64")
DAMAGE, ENVIRONMENT = 4, 6
# What takes no space works on a full disk.
TAKES_SPACE = {*WRITES.values(), "openat", "mkdir", "mkdirat", "link", "linkat", "symlinkat", "rename", "renameat"}
TAKES_SPACE |= {"ftruncate", "fallocate"}


def full_from(number: int) -> Judge:
    return lambda call: Fault.FULL if call.number >= number and call.name in TAKES_SPACE else None


def short_from(number: int) -> Judge:
    """Every write of weft's own takes half of what it was given. SQLite and Git take that for a full disk, and say so."""
    return lambda call: Fault.SHORT if call.number >= number and writes_of_weft(call) else None


def writes_of_weft(call: Call) -> bool:
    own = ".git/" not in call.path or "/.git/weft/store/" in call.path
    return call.name == "write" and own and ".sqlite" not in call.path


def judged(prepared: Prepared, done: Ended, *, mended: bool = False) -> list[str]:
    """A command met a fault: it may have done all of its work, or say in time that it did not."""
    if done.code == prepared.codes[0]:
        now = visible(prepared.live / prepared.scene.repo)
        return [f"I9: success, and another {path}" for path, what in prepared.after.items() if now.get(path) != what]
    if done.code == DAMAGE and prepared.known and not mended:
        return []  # it was there before, and is there still
    if done.code != ENVIRONMENT or mended:
        return [f"I9: the exit code {done.code}: {done.err}"]
    return [] if "[E_" in done.err and "E_INTERNAL" not in done.err else [f"I9: no typed error: {done.err}"]


def sweep(prepared: Prepared, chosen: list[Call], fault: str, judge: object, **options: bool) -> None:
    hits = 0
    for call in chosen:
        done, wrong = strike(prepared, judge(call.number))  # type: ignore[operator]
        wrong += judged(prepared, done, **options)
        wrong += converge(prepared)
        assert not wrong, f"{fault} at {done.met[:1] or call}: {wrong}"
        hits += bool(done.met)
    if hits:
        count(prepared.scene.name, fault, hits, max(hits, len(chosen)))


@pytest.mark.parametrize("name", SCENES)
def test_a_command_on_a_disk_that_fails(name: str, tmp_path: Path) -> None:
    prepared = Prepared.of(SCENES[name], tmp_path)
    sweep(prepared, prepared.chosen(5, "EIO"), "EIO", lambda number: at(number, Fault.IO))
    sweep(prepared, prepared.chosen(4, "ENOSPC"), "ENOSPC from there on", full_from)
    own = [call for call in prepared.calls if writes_of_weft(call)]
    sweep(prepared, own[:1], "short writes", short_from, mended=True)


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    prepared = Prepared.of(SCENES["rm"], tmp_path)
    removals = [call for call in prepared.calls if call.name == "unlinkat"]
    files = sum(path.startswith("data") for path in prepared.before) - 1  # one of them is data.weft
    told = 0
    for call in removals:
        done, wrong = strike(prepared, at(call.number, Fault.IO))
        assert not wrong + converge(prepared)
        assert done.code in (0, ENVIRONMENT), done.err  # temporary files are left to a later command
        told += done.code == ENVIRONMENT
    assert files <= told <= len(removals)
    count("rm", "EIO", len(removals))


# --- with no injection ---

ON_SMALL_DISK = """
mount -t tmpfs -o size="$1" none live && cp -a template/. live && cd "live/$2" || exit 99
shift 2; "$@"; code=$?
cd ../.. && cp -a live/. after && exit $code
"""


def can_mount() -> bool:
    argv = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(argv, capture_output=True, check=False).returncode == 0


def after(prepared: Prepared, argv: list[str]) -> list[str]:
    """Run ``argv`` where the template lies, and look at what it left in ``live``: what it said when it was refused."""
    before = Before.of(begin(prepared))
    top = prepared.live.parent
    done = subprocess.run(
        argv, cwd=top, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
    )
    assert done.returncode != 99, done.stderr
    if (top / "after").exists():
        shutil.rmtree(prepared.live)
        (top / "after").rename(prepared.live)
    wrong = looked_at(prepared, before, done.returncode, done.stdout, done.stderr)
    wrong += judged(prepared, Ended(done.returncode, done.stdout, done.stderr, [], []))
    wrong += converge(prepared)
    assert not wrong, wrong
    return [done.stderr] if done.returncode else []


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("name", ["add-new", "checkout", "push", "pull"])
def test_a_command_on_a_small_disk(name: str, tmp_path: Path) -> None:
    prepared = Prepared.of(SCENES[name], tmp_path)
    used = sum(-(-path.lstat().st_size // 4096) * 4 for path in prepared.top.rglob("*") if path.is_file())
    refused: list[str] = []
    spaces = (16, 120, 400, 700)  # KiB that are left
    for space in spaces:
        weft = [sys.executable, "-m", "weft", *prepared.scene.command]
        script = ["sh", "-c", ON_SMALL_DISK, "sh", f"{used + space}k", prepared.scene.repo, *weft]
        refused += after(prepared, ["unshare", "--map-root-user", "--mount", *script])
    assert any("E_DISK_FULL" in text for text in refused), refused
    count(name, "full disk", len(spaces))


@pytest.mark.parametrize("name", ["add-new", "checkout", "push", "pull"])
def test_a_command_that_may_not_write_large_files(name: str, tmp_path: Path) -> None:
    prepared = Prepared.of(SCENES[name], tmp_path)
    refused: list[str] = []
    limits = (8, 40, 200)  # in blocks of 512 or 1024 bytes, as the shell has it
    for limit in limits:
        weft = [sys.executable, "-m", "weft", *prepared.scene.command]
        script = f'cd "live/{prepared.scene.repo}" && ulimit -f {limit} && exec "$@"'
        refused += after(prepared, ["sh", "-c", script, "sh", *weft])
    assert refused
    count(name, "limit of file size", len(limits))
