"""A command that the tests fork is the command that a user starts."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from forks import WEFT, Forks
from kit import Repo, environment


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    made = Repo.make(tmp_path_factory.mktemp("forks") / "repo")
    made.write({"data/f": b"\x00\xff", "n": b"1\n"})
    made.weft("add", "data")
    made.commit("data")
    return made


@pytest.fixture(scope="module")
def forks() -> Forks:
    """One in which the first command of every verb is a fork too."""
    made = Forks()
    made._verbs.update(("", "status", "cat", "nonsense", "run", "config get"))
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--exit-code"),
        ("--version",),
        ("cat", "data/f"),
        ("cat", "nowhere"),
        ("nonsense",),
        ("status", "--json"),
        ("config", "get", "remote"),
        (),
    ],
)
@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "", "CLICOLOR_FORCE": "1", "TERM": "xterm"}])
def test_it_says_and_ends_as_one_that_was_started(
    repo: Repo, forks: Forks, words: tuple[str, ...], env: dict[str, str]
) -> None:
    forks._verbs.add(words[0] if words else "")
    whole = environment(env)
    started = subprocess.run(
        [*WEFT, *words], cwd=repo.root, env=whole, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert forks.run(words, repo.root, whole, 60) == (started.returncode, started.stdout, started.stderr)


def test_each_has_its_own_environment_directory_and_streams(repo: Repo, forks: Forks) -> None:
    script = "echo $MARK; pwd; readlink /proc/self/fd/0; cat; exit 3"
    for mark in ("one", "two"):
        ran = forks.run(("run", "-n", mark, "-d", "n", "--", script), repo.root, environment({"MARK": mark}), 60)
        assert ran is not None
        assert f"{mark}\n{repo.root}\n/dev/null\n".encode() in ran[1] + ran[2]
        assert b"E_RUN" in ran[2]


def test_one_that_takes_too_long_is_killed(repo: Repo, forks: Forks) -> None:
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run(("run", "-n", "s", "--", "exec sleep 50"), repo.root, environment(), 2)
    assert time.monotonic() - begun < 40


def test_the_first_of_a_verb_and_one_whose_environment_speaks_to_python_are_started(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    forks = Forks()
    assert forks.run(("status",), repo.root, environment(), 60) is None
    assert forks.run(("status",), repo.root, environment(), 60) is not None
    assert forks.run(("status",), repo.root, environment({"PYTHONPATH": "/x"}), 60) is None
    assert forks.run(("diff",), repo.root, environment(), 60) is None
