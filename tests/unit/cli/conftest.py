"""Sessions over streams in memory, and the real command in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from weft.cli.context import Session, View
from weft.cli.streams import Output
from weft.cli.text import Paint

PLUGIN = """
import sys, click
sys.path.insert(0, {folder!r})
from weft.cli import registry, main
registry.COMMANDS["boom"] = registry.Entry("Test", "Fail.", "weft_boom")
main.entry()
"""

BOOM = """
import click, sys, time, threading
from weft.cli.verbs import pass_session, verb
from weft import errors

@verb("boom", example="weft boom")
@click.argument("expression")
@pass_session
def command(session, expression):
    '''Fail.'''
    exec(expression)
"""


class Captured(Session):
    """A session whose streams are kept."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.out_bytes, self.err_bytes = io.BytesIO(), io.BytesIO()
        super().__init__(
            Output(io.TextIOWrapper(self.out_bytes, encoding="utf-8", write_through=True)),
            Output(io.TextIOWrapper(self.err_bytes, encoding="utf-8", write_through=True)),
            environment or {},
        )

    @property
    def out_text(self) -> str:
        return self.out_bytes.getvalue().decode()

    @property
    def err_text(self) -> str:
        return self.err_bytes.getvalue().decode()


@pytest.fixture
def session() -> Captured:
    return Captured()


@pytest.fixture
def view() -> View:
    return View(Paint(False))


@pytest.fixture
def details() -> View:
    return View(Paint(False), verbose=True)


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON", "_WEFT"))}
    kept.pop("NO_COLOR", None)
    return {**kept, "LC_ALL": "C.UTF-8", **(extra or {})}


@pytest.fixture
def weft(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m weft`` in an empty folder."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "weft", *arguments],
            cwd=cwd or tmp_path,
            env=child_environment(env),
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def boom(tmp_path: Path) -> list[str]:
    """The start of a command line whose ``boom EXPRESSION`` verb runs EXPRESSION as the body of a command."""
    folder = tmp_path / "boom"
    folder.mkdir()
    (folder / "weft_boom.py").write_text(BOOM, encoding="utf-8")
    return [sys.executable, "-c", PLUGIN.format(folder=str(folder))]


@pytest.fixture
def run_boom(boom: list[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        keywords = {"capture_output": True, "encoding": "utf-8", "timeout": 60, "env": child_environment(), **options}
        return subprocess.run([*boom, *arguments], check=False, **keywords)  # type: ignore[call-overload, no-any-return]

    return run
