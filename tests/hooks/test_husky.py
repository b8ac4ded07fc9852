"""A repository whose hooks are husky's: ``core.hooksPath`` names a folder of scripts that run those in the one above."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hooks_kit import Hooked, hooked
from kit import Repo
from weft.gitio.hooks import HOOKS

# As husky 9 writes them.
HOOK = """#!/usr/bin/env sh
. "$(dirname "$0")/h"
"""
RUNNER = """#!/usr/bin/env sh
n=$(basename "$0")
s=$(dirname "$(dirname "$0")")/$n
[ ! -f "$s" ] && exit 0
sh -e "$s" "$@"
c=$?
[ $c != 0 ] && echo "husky - $n script failed (code $c)"
exit $c
"""


@pytest.fixture
def repo(tmp_path: Path) -> Hooked:
    Repo(tmp_path).git("init", "-q", "--bare", "-b", "main", "hub.git")
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    Repo.make(tmp_path / "repo", str(tmp_path / "store"), env=env)
    repo = hooked(tmp_path / "repo", tmp_path / "hub.git", tmp_path / "store")
    repo.env = env
    folder = repo.root / ".husky/_"
    folder.mkdir(parents=True)
    (folder / ".gitignore").write_text("*")
    (folder / "h").write_text(RUNNER)
    for name in HOOKS:
        (folder / name).write_text(HOOK)
        (folder / name).chmod(0o755)
    (repo.root / ".husky/pre-commit").write_text("echo the tests of the user\n")
    repo.git("config", "core.hooksPath", ".husky/_")
    repo.git("remote", "add", "origin", str(repo.hub))
    repo.commit("husky")
    return repo


def add_lines(repo: Hooked, *names: str) -> None:
    for name in names:
        with (repo.root / ".husky" / name).open("a") as file:
            file.write(f'weft-hook {name} "$@"\n')


def probe(repo: Hooked, code: int) -> tuple[str, str, str]:
    found = repo.weft("doctor", "--json", code=code).json["data"]["probes"]
    return next((one["state"], one["detail"], one["hint"]) for one in found if one["name"] == "hooks")


def test_the_drivers_are_installed_and_the_lines_named_until_they_are_there(repo: Hooked) -> None:
    ran = repo.weft("install", code=3)
    assert "driver     merge.weft-pointer" in ran.out
    assert all(f'.husky/{name}: weft-hook {name} "$@"' in ran.out for name in HOOKS)
    assert repo.git("config", "merge.weft-pointer.driver").out
    assert (repo.root / ".husky/_/pre-push").read_text() == HOOK
    add_lines(repo, "pre-commit", "pre-push")
    ran = repo.weft("install", code=3)
    assert ".husky/pre-commit:" not in ran.out
    assert ".husky/post-merge:" in ran.out
    add_lines(repo, *(name for name in HOOKS if name not in ("pre-commit", "pre-push")))
    assert repo.weft("install").out == "everything is installed already\n"


def test_a_line_in_a_comment_or_for_another_hook_does_not_count(repo: Hooked) -> None:
    (repo.root / ".husky/pre-commit").write_text('# weft-hook pre-commit "$@"\nweft-hook pre-commit-later "$@"\n')
    assert ".husky/pre-commit:" in repo.weft("install", code=3).out


def test_the_drivers_alone(repo: Hooked) -> None:
    assert "driver     diff.weft-pointer" in repo.weft("install", "--drivers").out
    assert repo.weft("install", "--drivers").out == "everything is installed already\n"
    assert "leave out" in repo.weft("install", "--drivers", "--force", code=2).err


def test_doctor_sees_what_the_hooks_of_husky_run(repo: Hooked) -> None:
    assert probe(repo, 0)[:2] == ("note", "not installed: data does not follow Git by itself here")
    add_lines(repo, *HOOKS)
    state, detail, hint = probe(repo, 1)
    assert (state, detail, hint) == ("warn", "the merge drivers are not configured", "weft install")
    repo.weft("install")
    assert probe(repo, 0)[:2] == ("ok", f"those in {repo.root}/.husky run weft")
    (repo.root / ".husky/post-merge").unlink()
    state, detail, _ = probe(repo, 1)
    assert (state, detail) == ("warn", f"they do not run weft: {repo.root}/.husky/post-merge")


def test_a_day_with_husky(repo: Hooked) -> None:
    add_lines(repo, *HOOKS)
    repo.weft("install")
    repo.commit("lines")
    repo.data({"a": "one", "b": "one"})
    repo.git("switch", "-q", "-c", "side")
    repo.data({"a": "two"})
    repo.git("switch", "-q", "main")
    assert repo.read("data/a") == "one"
    repo.data({"b": "three"})
    repo.git("merge", "-q", "--no-edit", "side")
    assert (repo.read("data/a"), repo.read("data/b")) == ("two", "three")
    repo.git("push", "-q", "origin", "main")
    assert repo.there("main") == repo.head
    repo.git("add", "-f", "data/a")
    ran = repo.git("commit", "-m", "twice", code=1)
    assert "WEFT003" in ran.err
    assert "the tests of the user" in ran.err + ran.out
