"""Fixtures of the workspace tests."""

import time

import pytest

import weft.workspace.outcome
import weft.workspace.scan
from worktrees import WorkTree


@pytest.fixture
def tree(tmp_path):
    with WorkTree(tmp_path) as made:
        yield made


@pytest.fixture
def later(monkeypatch):
    """The clock of weft is a minute ahead of that of the file system, so that no file is too young to be known."""

    def ahead():
        return time.time_ns() + 60_000_000_000

    monkeypatch.setattr(weft.workspace.scan, "now_ns", ahead)
    monkeypatch.setattr(weft.workspace.outcome, "now_ns", ahead)
