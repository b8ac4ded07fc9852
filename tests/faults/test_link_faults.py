"""Checkouts that link, killed at every step that changes a name, and many of them at once."""

import os
import shutil
import subprocess
import sys

import pytest

from kit import Repo, environment, pseudo_random
from weft.model.oid import Oid

BIG = pseudo_random(1_300_000, 1)
OLD = pseudo_random(1_200_000, 2)
DATA = {"data/one.bin": BIG, "data/two.bin": BIG[::-1], "data/small": b"small"}
CALLS = ("link", "linkat", "rename", "renameat", "renameat2", "symlinkat", "unlink", "unlinkat", "utimensat", "fchmod")
"""What makes, moves and removes names, and what seals a file."""

MOST = 30 if os.environ.get("WEFT_FAULT_SWEEP") == "all" else 2
"""Times that each call is struck."""

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def repo(tmp_path):
    """A work tree in which one file is damaged through a link, one is an old version, and one is not there."""
    made = Repo.make(tmp_path / "repo")
    made.write({**DATA, "data/two.bin": OLD})
    made.weft("add", "data")
    made.commit("old")
    made.weft("checkout", "--link", "hard")
    (made.root / "data/two.bin").unlink()
    made.write({"data/two.bin": DATA["data/two.bin"]})
    made.weft("add", "data")
    made.commit("new")
    made.git("checkout", "-q", "HEAD~1", "--", "data.weft")
    made.weft("checkout")
    made.git("checkout", "-q", "HEAD", "--", "data.weft")
    (made.root / "data/small").unlink()
    edit(made.root / "data/one.bin")
    return made


def edit(path):
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"EDITED")
    os.chmod(path, 0o444)


def killed(root, call, number, *arguments):
    """Run weft and kill it as it begins the system call ``call`` for the time ``number``; whether it came to that."""
    argv = ["strace", "-f", "-qq", "-o", "/dev/null", f"--trace={call}", f"--inject={call}:signal=KILL:when={number}"]
    done = subprocess.run(
        [*argv, sys.executable, "-m", "weft", *arguments],
        cwd=root,
        env=environment({"PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        check=False,
    )
    return done.returncode != 0


def contents_of(top):
    """All bytes that are anywhere below ``top`` as a whole file."""
    found = set()
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found.add(file.read())
    return found


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_a_checkout_that_is_killed_leaves_nothing_false_and_loses_nothing(repo, tmp_path, kind):
    before = tmp_path / "before"
    shutil.move(repo.root, before)
    command = ("checkout", "--force", "--link", kind)
    edited = b"EDITED" + BIG[6:]
    struck = 0
    for call in CALLS:
        for number in range(1, MOST + 1):
            shutil.rmtree(repo.root, ignore_errors=True)
            subprocess.run(["cp", "-a", before, repo.root], check=True)
            if not killed(repo.root, call, number, *command):
                break
            struck += 1
            wrong = [*false_seals(repo), *unfinished(repo, edited, command)]
            assert not wrong, f"killed at {call} {number}: {wrong}"
    assert struck >= 8


def false_seals(repo):
    """Files that bear the seal of what they do not hold (``docs/spec/local.md``)."""
    for path in (repo.root / ".git/weft/store/files").rglob("*"):
        info = path.stat()
        seal = int.from_bytes(bytes.fromhex(path.name[:16]), "big") % 10**7 * 100 if path.is_file() else -1
        sealed = info.st_mtime_ns % 10**9 == seal and not info.st_mode & 0o222
        if sealed and Oid.of(path.read_bytes()).hex() != path.name:
            yield path.name


def unfinished(repo, edited, command):
    """What is lost now, and what is not right after the same command again."""
    if edited not in contents_of(repo.root) and repo.weft("cat", str(Oid.of(edited)), code=None).code:
        yield "the bytes that stood in the workspace are gone"
    repo.weft(*command)
    if {name: (repo.root / name).read_bytes() for name in DATA} != DATA:
        yield "false bytes in the workspace"
    if repo.weft("status", "--exit-code", code=None).code:
        yield "not as recorded"
    repo.write({"data/more": b"more"})
    repo.weft("add", "data")
    if os.listdir(repo.root / ".git/weft/store/tmp") + list((repo.root / "data").glob("*weft-tmp*")):
        yield "something was left behind"


def test_clones_that_link_at_once_all_get_right_files(tmp_path):
    first = Repo.make(tmp_path / "first")
    first.weft("init", "--store", str(tmp_path / "store"))
    first.write(DATA)
    first.weft("add", "data")
    first.commit()
    clones = [first.clone(tmp_path / f"clone{number}") for number in range(4)]
    for clone in clones:
        clone.weft("init", "--store", str(tmp_path / "store"))
    for kind in ("hard", "symlink", "hard"):
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "weft", "checkout", "--link", kind],
                cwd=clone.root,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for clone in clones
        ]
        ends = [(child.communicate()[1], child.returncode) for child in running]
        assert [code for _, code in ends] == [0] * 4, ends
        for clone in clones:
            assert {name: (clone.root / name).read_bytes() for name in DATA} == DATA
    made = [path for path in (tmp_path / "store/files").rglob("*") if path.is_file()]
    assert sorted(path.stat().st_nlink for path in made) == [5, 5]
    assert not os.listdir(tmp_path / "store/tmp")
