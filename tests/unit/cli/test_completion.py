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


@pytest.fixture
def pipeline(weft, tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    run = lambda *words: subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)  # noqa: E731
    run(*git, "init", "-q", "-b", "main")
    assert weft("init", "-q").returncode == 0
    (tmp_path / "weft.yaml").write_text(
        "stages:\n  prepare: {cmd: echo, outs: [a]}\n  train: {cmd: echo, deps: [a], outs: [b]}\n"
    )
    (tmp_path / "feat").write_text("x")
    assert weft("add", "feat").returncode == 0
    run(*git, "commit", "-q", "-m", "begin")
    run(*git, "branch", "feature")
    run(*git, "tag", "v1")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["repro", ""], ["prepare", "train"]),
        (["run", "tr"], ["train"]),
        (["stage", "list", "tr"], ["train"]),
        (["stage", "freeze", ""], ["prepare", "train"]),
        (["stage", "unfreeze", "p"], ["prepare"]),
        (["stage", "accept", "prepare", "t"], ["train"]),
        (["stage", "remove", "t"], ["train"]),
        (["diff", "fe"], ["feature", "feat"]),
        (["diff", "main", "--", "fe"], ["feat"]),
        (["diff", "HE"], ["HEAD"]),
        (["log", "v1..fe"], ["v1..feature"]),
        (["compare", "v"], ["v1"]),
        (["push", "--rev", "v"], ["v1"]),
        (["validate", "--rev", "ma"], ["main"]),
        (["validate", "--explain", "WEFT00"], [f"WEFT00{number}" for number in range(1, 10)]),
        (["config", "set", "gc."], ["gc.grace"]),
        (["config", "get", "check"], ["checkout.link", "checkout.link_from"]),
    ],
    ids=" ".join,
)
def test_names_that_weft_knows(weft, pipeline, words, names):
    assert complete(weft, ["weft", *words]) == names


@pytest.mark.parametrize("words", [["repro", ""], ["diff", "v"], ["config", "set", "nosuch"]], ids=" ".join)
def test_where_there_are_none_nothing_is_said(weft, words):
    assert complete(weft, ["weft", *words]) == []


SPECIAL = [f"a{sign}b" for sign in " $`'\"*?[]{}()<>|&;!#"] + [
    "$(touch pwn)",
    "`touch pwn`",
    "a;touch pwn",
    "-f",
    "~root",
]


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_what_bash_gets_is_always_one_plain_word(weft, tmp_path):
    """Bash puts a completion on the command line as it is: Enter would run the names of a stranger's commit."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    run = lambda *words: subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)  # noqa: E731
    run(*git, "init", "-q", "-b", "main")
    assert weft("init", "-q").returncode == 0
    for name in (*SPECIAL, "plain-1.txt", "größe", "v1,2"):
        (tmp_path / name).write_text(name)
    assert weft("add", "--", *SPECIAL, "plain-1.txt", "größe", "v1,2").returncode == 0
    run(*git, "commit", "-q", "-m", "begin")
    for name in ("x$(touch${IFS}pwn)", "x;y", "x&y", "x|y", "x`y`"):
        run(*git, "tag", name)
    script = weft("completion", "bash").stdout

    def tab(*words):
        ask = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _weft_completion weft 2>/dev/null; "
        # As Enter does: the words go through the shell once more.
        ask += 'for one in "${COMPREPLY[@]}"; do printf "%s\\n" "$one"; eval ": $one"; done'
        done = subprocess.run(
            ["bash", "--norc", "-c", script + ask],
            cwd=tmp_path,
            env={**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr
        assert not (tmp_path / "pwn").exists()
        return done.stdout.splitlines()

    assert tab("weft", "checkout", "'$'") == []
    assert tab("weft", "diff", "x") == []
    assert tab("weft", "diff", "ma") == ["main"], "where no path begins so"
    assert set(tab("weft", "rm", "''")) == {"plain-1.txt", "größe", "v1,2"}
