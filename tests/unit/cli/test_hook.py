"""The program that Git's hooks start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weft.cli import hook, registry
from weft.cli.hooks import checkout, commit, push
from weft.gitio.hooks import HOOKS


def weft_hook(*arguments, cwd, stdin=b""):
    return subprocess.run(
        [sys.executable, "-P", "-m", "weft.cli.hook", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_every_hook_that_is_installed_has_a_handler():
    assert set(HOOKS) <= hook.HANDLERS.keys()
    known = {module.__name__.rpartition(".")[2]: module for module in (checkout, commit, push)}
    for name in HOOKS:
        assert registry.hook_handler(hook.HANDLERS[name]) is known[hook.HANDLERS[name]]


@pytest.mark.parametrize("arguments", [[], ["post-receive"], ["--help"]])
def test_an_unknown_name_is_told(arguments, tmp_path):
    done = weft_hook(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert b"pre-push" in done.stderr
    assert done.stdout == b""


def test_an_error_has_the_exit_code_of_the_command(tmp_path):
    done = weft_hook("pre-push", "origin", "url", cwd=tmp_path, stdin=b"refs/heads/a nonsense\n")
    assert done.returncode == 6
    assert b"E_NO_REPO" in done.stderr


def test_the_console_script_is_the_same_program():
    script = Path(sys.executable).with_name("weft-hook")
    done = subprocess.run([str(script)], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"weft-hook knows no" in done.stderr
