"""What a command costs before it does anything: modules, processes, and nothing after it has said all it had to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit import Repo
from straced import straced

LISTED = """
import sys
from weft.cli.main import main
before = set(sys.modules)
code = main(sys.argv[1:])
print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


def imported(cwd: Path, *arguments: str) -> set[str]:
    """The modules that a command loads on top of what Python and ``weft.cli.main`` have loaded."""
    # Measuring coverage imports modules of its own in every child.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", LISTED, *arguments], cwd=cwd, env=plain, capture_output=True, text=True, check=True
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(modules)


def below(modules: set[str], *tops: str) -> set[str]:
    """Those of ``modules`` that are one of ``tops`` or inside one."""
    return {name for name in modules if any(name == top or name.startswith(top + ".") for top in tops)}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    made = Repo.make(tmp_path_factory.mktemp("small") / "repo", "../remote")
    made.write({f"data/{number}": b"%d" % number for number in range(5)})
    made.weft("add", "data")
    made.commit()
    for number in range(5):
        # Files so young are hashed by every status; these are not.
        os.utime(made.root / "data" / str(number), (1, 1))
    wait_out_racy_times(made)
    return made


def wait_out_racy_times(repo: Repo) -> None:
    """Have a status know every file: it records those that were too young when they were added."""
    while b"hashed" in _hashes(repo):
        pass


def _hashes(repo: Repo) -> bytes:
    code = (
        "import sys; from weft.cli.main import main; main(['status', '-q']);"
        " print('hashed' if 'weft.objects.ingest' in sys.modules else 'known')"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=repo.root, capture_output=True, check=True).stdout


def test_the_version_costs_click_and_little_else(tmp_path: Path) -> None:
    modules = imported(tmp_path, "--version")
    assert len(below(modules, "weft")) <= 20
    assert not below(modules, "weft.workflows", "weft.workspace", "weft.objects", "weft.storage", "weft.formats")
    assert not below(modules, "json", "rich", "sqlite3", "subprocess", "hashlib", "tempfile", "yaml", "blake3")


def test_status_loads_what_it_needs_and_no_more(repo: Repo) -> None:
    modules = imported(repo.root, "status")
    assert len(below(modules, "weft")) <= 82
    assert len(modules) <= 185
    others = "yaml json zstandard pyfastcdc rich fsspec asyncio logging urllib.parse tempfile hashlib random concurrent"
    assert not below(modules, *others.split())
    remote = ("weft.storage", "weft.objects.remote", "weft.objects.closure_check", "weft.workflows.connect")
    assert not below(modules, *remote)
    writing = ("ingest", "packer", "squeeze", "store_write", "chunker", "reachability", "layout_walk")
    assert not below(modules, *(f"weft.objects.{name}" for name in writing))
    assert not below(modules, "weft.workflows.results", "weft.formats.layout", "weft.pipeline")


def test_what_is_not_needed_is_there_when_it_is(repo: Repo) -> None:
    """The lists above are not empty words: each of these loads some of it."""
    assert below(imported(repo.root, "status", "--json"), "json")
    assert below(imported(repo.root, "status", "--remote"), "weft.storage", "weft.objects.closure_check")
    config = repo.root / ".weft" / "config.yaml"
    before = config.read_bytes()
    config.write_bytes(before + b"# by hand\n")
    assert below(imported(repo.root, "status"), "yaml")
    config.write_bytes(before)


def test_status_asks_git_three_times(repo: Repo) -> None:
    """Where the repository is, which pointers there are, and which of them are not committed."""
    calls = straced(repo.root, "status", calls="execve")
    assert calls.count("execve", about="git") == 3


def test_status_asks_git_once_more_where_stages_have_records(tmp_path: Path) -> None:
    """What they read is listed once, and hashed only where Git's index does not have it as it is."""
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"1"})
    repo.weft("add", "data")
    repo.weft("run", "-n", "one", "-d", "data", "-o", "out", "--", "cp -r data out")
    repo.write({"tool.sh": b"cp -r data more\n"})
    repo.weft("run", "-n", "two", "-d", "data", "-d", "tool.sh", "-o", "more", "--", "sh tool.sh")
    repo.git("add", "-A")
    assert straced(repo.root, "status", calls="execve").count("execve", about="git") == 4
    repo.write({"tool.sh": b"cp -r data more # again\n"})
    assert straced(repo.root, "status", calls="execve").count("execve", about="git") == 5
    assert "stale: two: tool.sh changed since the run" in repo.weft("status").out


def test_status_asks_git_no_more_often_for_more_pointers(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({f"{number}.bin": b"x" for number in range(12)})
    repo.weft("add", *(f"{number}.bin" for number in range(12)))
    assert straced(repo.root, "status", calls="execve").count("execve", about="git") == 3


@pytest.mark.parametrize("arguments", ["--version", "status"])
def test_nothing_is_taken_apart_at_the_end(repo: Repo, arguments: str) -> None:
    code = (
        "import atexit, sys; atexit.register(print, 'taken apart');"
        " from weft.cli.main import entry; sys.argv = ['weft', *sys.argv[1:]]; entry()"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", code, arguments], cwd=repo.root, env=plain, capture_output=True, text=True, check=True
    )
    assert "taken apart" not in done.stdout
    assert done.stdout + done.stderr  # all of the output is there
