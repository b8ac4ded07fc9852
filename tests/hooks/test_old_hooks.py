"""Hooks that an older weft installed are told of, where one works, until ``weft install`` renews them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import weft
from kit import Repo
from weft.gitio.hooks import HOOKS, Program, hook_text
from weft.workflows.old_hooks import version_of

OLD = "the Git hooks here are old"


def _of_version(repo: Repo, tmp_path: Path, version: str) -> None:
    """Hooks as they were installed by a weft of another version that is still there."""
    module = tmp_path / "old/weft/cli/hook.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    (tmp_path / "old/weft/__init__.py").write_text(f'"""weft"""\n\n__version__ = "{version}"\n')
    for name in HOOKS:
        (repo.root / ".git/hooks" / name).write_bytes(hook_text(name, Program("/usr/bin/python3", str(module))))


def _other_words(repo: Repo) -> None:
    """Hooks whose script another version wrote, as its own second line proves."""
    for name in HOOKS:
        path = repo.root / ".git/hooks" / name
        first, mark, body = path.read_bytes().split(b"\n", 2)
        body = body.replace(b" -E -P ", b" -P ")
        mark = mark[:-64] + hashlib.sha256(body).hexdigest().encode()
        path.write_bytes(b"\n".join((first, mark, body)))


@pytest.mark.parametrize("how", ["version", "words"])
def test_old_hooks_are_told_of_until_they_are_renewed(tmp_path: Path, how: str) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.weft("install")
    repo.weft("run", "-n", "s", "-o", "out", "--", "echo 1 > out")
    assert OLD not in repo.weft("status").err
    if how == "version":
        _of_version(repo, tmp_path, "0.1.0")
        assert "they run weft 0.1.0, and this is " in repo.weft("status").err
    else:
        _other_words(repo)
    for words in (["status"], ["repro"], ["run", "s"], ["repro", "--dry-run"]):
        ran = repo.weft(*words)
        assert OLD in ran.err
        assert ran.err.count("weft install renews them") == 1
    doctor = repo.weft("doctor", code=None).out
    assert ("they run weft 0.1.0" if how == "version" else "another version of weft") in doctor
    repo.git("config", "core.hooksPath", str(tmp_path / "elsewhere"))
    assert OLD not in repo.weft("status").err, "Git does not start them"
    repo.git("config", "--unset", "core.hooksPath")
    repo.weft("install")
    assert OLD not in repo.weft("status").err


def test_the_version_of_a_weft_is_read_from_its_package(tmp_path: Path) -> None:
    assert version_of(str(Path(weft.__file__).parent)) == weft.__version__
    assert version_of(str(tmp_path)) == version_of("") == ""
    (tmp_path / "__init__.py").write_text("__version__ = 3\n")
    assert version_of(str(tmp_path)) == ""
