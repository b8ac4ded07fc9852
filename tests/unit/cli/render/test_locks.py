"""Pages of lock, unlock and locks, and what their words are completed with."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import Repo
from weft.cli import candidates
from weft.cli.commands import lock, locks, unlock
from weft.cli.context import View
from weft.cli.render.locks import lock_page, locks_page, unlock_page
from weft.cli.text import Paint
from weft.workflows.locks import LockedPath, LockResult, LocksResult

VIEW = View(Paint(False))
MINE = LockedPath("a\nb", "Ann <a@b>", "2026-01-31T12:00:00Z", "", "main", True)
THEIRS = LockedPath("c", "B\x1b <b@b>", "2026-01-31T12:00:00Z", "why\n", "", False)


def test_a_lock_that_was_there_says_so() -> None:
    page = lock_page(LockResult("origin", (MINE,), (MINE._replace(path="my d"),)), VIEW)
    assert page.report == ("locked   a\\nb", "locked   my d  (by you already, since 2026-01-31T12:00:00Z)")
    assert page.notes == ("next: weft unlock 'a\\nb' 'my d', once it is pushed",)


def test_whose_lock_was_removed_is_told_even_with_q() -> None:
    page = unlock_page(LockResult("origin", (MINE, THEIRS, THEIRS._replace(owner="X", time="", reason=""))), VIEW)
    assert page.report == ("unlocked a\\nb",)
    assert page.data == (
        "unlocked c, which was locked by B\\x1b <b@b> since 2026-01-31T12:00:00Z (why\\n)",
        "unlocked c, which was locked by X",
    )


def test_a_list_says_where_it_is_from() -> None:
    page = locks_page(LocksResult("origin", (MINE, THEIRS), cached=True), VIEW)
    assert page.data[0] == "a\\nb  you          2026-01-31T12:00:00Z"
    assert page.notes == ("as this clone last saw origin",)
    assert locks_page(LocksResult("o", ()), VIEW).notes == ("nothing is locked on o",)
    assert locks_page(LocksResult("o", (), paths=("a",)), VIEW).notes == ("nothing there is locked on o",)


def test_names_of_locks_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.command.name for one in (lock, unlock, locks)] == ["lock", "unlock", "locks"]
    repo = Repo.make(tmp_path / "repo")
    monkeypatch.chdir(repo.root)
    assert candidates.locked("") == []
    repo.git("init", "-q", "--bare", "../hub.git")
    repo.git("remote", "add", "origin", "../hub.git")
    repo.write({"sub/one": b"1", "two": b"2"})
    repo.weft("lock", "sub/one", "two")
    assert [one.value for one in candidates.locked("")] == ["sub/one", "two"]
    monkeypatch.chdir(repo.root / "sub")
    assert [one.value for one in candidates.locked("o")] == ["one"]
