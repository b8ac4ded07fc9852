"""A real project, and commands run in this process."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from weft.cli.main import main

IDENTITY = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class Ran(NamedTuple):
    """What a command gave back and printed."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)["data"]


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str, code: int | None = 0) -> Ran:
        capsys.readouterr()
        done = main(arguments)
        ran = Ran(int(done), *capsys.readouterr())
        assert code is None or ran.code == code, ran
        return ran

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Ran]) -> Path:
    """A project with a remote, ``data/{a,sub/b}`` and ``model`` added, committed as v1 and pushed."""
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_COLOR", "1")
    root = tmp_path / "project"
    (root / "data" / "sub").mkdir(parents=True)
    monkeypatch.chdir(root)
    git("init", "-q", "-b", "main")
    cli("init", "--remote", "../remote")
    (root / "data" / "a").write_text("alpha")
    (root / "data" / "sub" / "b").write_bytes(bytes(range(256)) * 1000)
    (root / "model").write_text("weights")
    cli("add", "data", "model")
    git("commit", "-q", "-m", "one")
    git("tag", "v1")
    cli("push")
    return root
