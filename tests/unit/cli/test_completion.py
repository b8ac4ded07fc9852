import os
import shutil
import subprocess
import sys

import pytest

from weft.cli.app import COMPLETE_VARIABLE
from weft.cli.registry import COMMANDS


def complete(weft, words, **options):
    done = weft(
        env={COMPLETE_VARIABLE: "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)},
        **options,
    )
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines() if line.startswith("plain,")]


def test_commands_and_options(weft):
    assert complete(weft, ["weft", "pu"]) == ["push", "pull"]
    assert complete(weft, ["weft", ""]) == list(COMMANDS)
    assert complete(weft, ["weft", "--ver"]) == ["--verbose", "--version"]
    assert "--json" in complete(weft, ["weft", "version", "--j"])
    assert complete(weft, ["weft", "completion", ""]) == ["bash", "zsh", "fish"]
    assert "check" in complete(weft, ["weft", "remote", "ch"])


@pytest.mark.parametrize(
    "words", [["weft", "push", ""], ["weft", "push", "-r", ""], ["weft", "remote", "remove", ""]], ids=" ".join
)
def test_outside_of_a_project_completion_is_silent(weft, words):
    assert complete(weft, words) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_ask_weft(weft, shell):
    done = weft("completion", shell)
    assert done.returncode == 0
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_takes_the_script(weft, tmp_path):
    script = weft("completion", "bash").stdout
    ask = "COMP_WORDS=(weft stat); COMP_CWORD=1; _weft_completion weft; echo ${COMPREPLY[0]}"
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    done = subprocess.run(
        ["bash", "--norc", "-c", script + ask],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "status", done.stderr
