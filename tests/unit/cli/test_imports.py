"""What a command costs before it begins: the modules it loads (more of it in ``tests/counts``)."""

import json
import os
import subprocess
import sys

import pytest

from weft.cli.app import COMPLETE_VARIABLE

HEAVY = {
    "fsspec",
    "sqlite3",
    "rich",
    "yaml",
    "asyncio",
    "s3fs",
    "gcsfs",
    "botocore",
    "aiohttp",
    "blake3",
    "zstandard",
    "xxhash",
}
CODE = """
import sys, json
from weft.cli.main import main
code = main({arguments!r})
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def loaded(arguments, folder):
    # Measuring coverage imports modules of its own in every child, which is not what is counted here.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(arguments=arguments)],
        cwd=folder,
        env=plain,
        capture_output=True,
        text=True,
        check=False,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["version"], ["version", "--json"], ["completion", "bash"]], ids=" ".join
)
def test_talking_about_itself_loads_nothing_heavy(arguments, tmp_path):
    code, modules = loaded(arguments, tmp_path)
    assert code == 0
    assert not modules & HEAVY
    assert not {
        name for name in modules if name.startswith("weft.") and name.split(".")[1] in ("objects", "storage", "gitio")
    }


def test_the_help_of_all_imports_no_command(tmp_path):
    _, modules = loaded(["--help"], tmp_path)
    assert not {name for name in modules if name.startswith("weft.cli.commands.")}


def test_completing_a_verb_imports_no_command(tmp_path, monkeypatch):
    for name, value in {COMPLETE_VARIABLE: "bash_complete", "COMP_WORDS": "weft ", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    _, modules = loaded([], tmp_path)
    assert not {name for name in modules if name.startswith("weft.cli.commands.")}


CLOUD = {"fsspec", "s3fs", "gcsfs", "botocore", "aiohttp", "asyncssh", "adlfs", "requests", "rich"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["add", "data"],
        ["diff"],
        ["checkout"],
        ["ls", "-R"],
        ["push"],
        ["status", "--remote"],
        ["verify", "--full"],
    ],
    ids=" ".join,
)
def test_work_without_the_network_loads_no_cloud_library(arguments, tmp_path):
    """In a pipe, with a directory as the remote."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "p")], check=True)
    (tmp_path / "p" / "data").mkdir()
    (tmp_path / "p" / "data" / "file").write_text("x")
    for setup in (["init", "--remote", "../remote"], ["add", "data"], ["push"]):
        subprocess.run([sys.executable, "-m", "weft", *setup], cwd=tmp_path / "p", check=True, capture_output=True)
    code, modules = loaded(arguments, tmp_path / "p")
    assert code == 0
    assert not modules & CLOUD


def ours(modules):
    return {name for name in modules if name.startswith("weft.")}


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("validate --explain W", 100),
        ("config get gc", 130),
        ("remote remove o", 205),
        ("add x", 205),
        ("stage freeze a", 205),
    ],
)
def test_a_tab_loads_what_knows_these_names(words, most, tmp_path, monkeypatch):
    """Each press of it waits for the modules."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run([sys.executable, "-m", "weft", "init", "-q"], cwd=tmp_path, check=True, capture_output=True)
    typed = ["weft", *words.split()]
    for name, value in {"COMP_WORDS": " ".join(typed), "COMP_CWORD": str(len(typed) - 1)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(COMPLETE_VARIABLE, "bash_complete")
    _, modules = loaded([], tmp_path)
    assert len(ours(modules)) <= most


@pytest.mark.parametrize("words", ["list", "freeze one"])
def test_looking_at_stages_loads_nothing_that_runs_them(words, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for setup in (["init", "-q"], ["stage", "add", "-n", "one", "-o", "out", "--", "echo 1 > out"]):
        subprocess.run([sys.executable, "-m", "weft", *setup], cwd=tmp_path, check=True, capture_output=True)
    code, modules = loaded(["stage", *words.split()], tmp_path)
    assert code == 0
    assert not modules & {f"weft.workflows.{name}" for name in ("run", "stage_run", "stage_accept", "add", "push")}
    assert not {name for name in modules if name.startswith("weft.pipeline.validate")}
    assert len(ours(modules)) <= 185
