"""SIGKILL at each call by which a command changes files: nothing is lost, nothing lies, and the command again finishes.

A seeded sample of the points of each command is tried; ``make faults`` tries every one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from faultcounts import count
from faultscenes import SCENES
from invariants import check
from kit import Repo
from supervised import SUPPORTED, Fault
from sweep import Prepared, at, converge, strike

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="the numbers of the system calls are those of Linux on x86_64")
POINTS = 10


@pytest.mark.parametrize("name", SCENES)
def test_a_command_that_is_killed_anywhere(name: str, tmp_path: Path) -> None:
    prepared = Prepared.of(SCENES[name], tmp_path)
    chosen = prepared.chosen(POINTS, "kill")
    hits = 0
    for call in chosen:
        done, wrong = strike(prepared, at(call.number, Fault.KILL))
        wrong += converge(prepared)
        assert not wrong, f"killed at {done.met or call}: {wrong}"
        hits += bool(done.met)
    assert hits >= len(chosen) * 0.8, "most of the points were never reached"
    count(name, "SIGKILL", hits, len(prepared.calls))


def test_a_fetch_after_a_collection_that_was_killed_brings_back_what_that_took(tmp_path: Path) -> None:
    """The files of packs go before the catalog knows: the next that relies on the catalog must look at the disk."""
    prepared = Prepared.of(SCENES["gc"], tmp_path)
    removals = [call for call in prepared.calls if call.name == "fsync" and "/store/packs/" in call.path]
    assert len(removals) >= 3
    for call in removals:
        strike(prepared, at(call.number, Fault.KILL))
        Repo(prepared.live / "repo").weft("fetch")
        assert check(prepared.live / "repo") == []
