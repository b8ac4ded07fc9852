"""What status and checkout cost a file, a directory and a change, as counts that are the same on every machine."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

import weft.workflows.pull
import weft.workspace.outcome
import weft.workspace.scan
from kit import Repo, pseudo_random
from straced import Calls, straced
from weft.model.oid import Oid
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.store import LocalStore
from weft.objects.store_read import FrameReader
from weft.workflows.checkout import checkout
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import Project, alone, open_project
from weft.workflows.pull import pull
from weft.workspace.saved import Saved
from worktrees import WorkTree

STATS = ("stat", "lstat", "newfstatat", "fstatat64", "statx")
FILE_CALLS = "file,desc"
FEW, MANY = 100, 300
DATA = "/repo/data/"


def made(root: Path, files: int, directories: int) -> Repo:
    """A repository with ``files`` in ``directories``, all committed."""
    repo = Repo.make(root)
    repo.write({f"data/d{at % directories}/{at:05}.bin": pseudo_random(2000, at) for at in range(files)})
    repo.weft("add", "data")
    repo.commit()
    repo.write({"data/d1/00001.bin": b"changed"})
    repo.weft("add", "data")
    repo.commit()
    return repo


@pytest.fixture(scope="module")
def repos(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], Repo]:
    """Repositories by number of files and of directories, whose files are old enough to be known by their status."""
    top = tmp_path_factory.mktemp("repos")
    found = {
        shape: made(top / f"{shape[0]}-{shape[1]}" / "repo", *shape) for shape in ((FEW, 2), (MANY, 2), (MANY, 12))
    }
    time.sleep(2.1)  # no assertion is about time: a file younger than two seconds is never known
    for repo in found.values():
        repo.weft("status")
    return found


def measured(repos: dict[tuple[int, int], Repo], do: Callable[[Repo], Calls]) -> dict[tuple[int, int], Calls]:
    """The system calls of ``do`` in each repository."""
    return {shape: do(repo) for shape, repo in repos.items()}


def a_file(calls: dict[tuple[int, int], Calls], *names: str, about: str = DATA) -> float:
    """Calls of ``names`` about the data (what Git does elsewhere varies) that one more file costs."""
    return (calls[MANY, 2].count(*names, about=about) - calls[FEW, 2].count(*names, about=about)) / (MANY - FEW)


def a_directory(calls: dict[tuple[int, int], Calls], *names: str, about: str = DATA) -> float:
    """Calls of ``names`` about the data that one more directory costs."""
    return (calls[MANY, 12].count(*names, about=about) - calls[MANY, 2].count(*names, about=about)) / 10


def test_a_status_without_changes_asks_for_the_status_of_each_file_once(repos: dict[tuple[int, int], Repo]) -> None:
    calls = measured(repos, lambda repo: straced(repo.root, "status", calls=FILE_CALLS))
    assert a_file(calls, *STATS) == 1
    assert a_file(calls, "openat", "open", "close", "readlink", "getdents64") == 0
    assert a_file(calls, "pread64", about=".pack") == 0
    assert a_file(calls, "pread64", about=".sqlite") < 0.1
    # Opened, asked for its identity, listed to the end, closed.
    assert {name: a_directory(calls, name) for name in ("openat", "close", "getdents64")} == {
        "openat": 1,
        "close": 2,
        "getdents64": 2,
    }
    assert a_directory(calls, *STATS) <= 3


def test_a_checkout_creates_writes_and_renames_each_file_and_does_no_more(
    repos: dict[tuple[int, int], Repo], tmp_path: Path
) -> None:
    def again(repo: Repo) -> Calls:
        copy = Repo(tmp_path / repo.root.parent.name / "repo")
        shutil.copytree(repo.root, copy.root, ignore=shutil.ignore_patterns("data"))
        calls = straced(copy.root, "checkout", calls=FILE_CALLS)
        assert "as recorded" in copy.weft("status").out
        return calls

    calls = measured(repos, again)
    # The directory is opened once more for each batch; strace now and then loses the path of a descriptor.
    assert {name: round(a_file(calls, name), 1) for name in ("openat", "write", "renameat", "close")} == {
        "openat": 1,
        "write": 1,
        "renameat": 1,
        "close": 1,
    }
    assert round(a_file(calls, *STATS), 1) == 2  # whether something stands there, and how the new one looks
    assert not a_file(calls, "fsync", "fdatasync", "chmod", "fchmod", "utimensat", "unlink", "unlinkat", "lseek")
    assert a_file(calls, "pread64", about=".pack") < 0.1  # neighbours in a pack are read together
    assert a_directory(calls, "pread64", about=".pack") <= 1.5  # one more manifest, read once


def test_a_checkout_of_a_version_with_few_changes_touches_what_changed(repos: dict[tuple[int, int], Repo]) -> None:
    calls = measured(repos, lambda repo: straced(repo.root, "checkout", "HEAD~1", calls=FILE_CALLS))
    for shape, found in calls.items():
        assert found.count("renameat", about=DATA) == 1, shape
        assert found.count("pread64", about=".pack") <= 8, shape
    assert a_file(calls, *STATS) == 1
    assert a_file(calls, "openat", "close", "write") == 0


def test_a_checkout_of_a_version_with_few_changes_looks_up_what_changed(
    repos: dict[tuple[int, int], Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = Catalog.missing

    def missing(self: Catalog, oids: Iterable[Oid], place: int) -> set[Oid]:
        wanted = set(oids)
        asked.append(len(wanted))
        return real(self, wanted, place)

    monkeypatch.setattr(Catalog, "missing", missing)
    with open_project(str(repos[MANY, 12].root)) as project:
        assert checkout(project, "HEAD~1", (), CheckoutOptions(force=True)).paths == ("data",)
    assert sum(asked) <= 4


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of weft is a minute ahead of that of the file system, so that no file is too young to be known."""
    for module in (weft.workspace.scan, weft.workspace.outcome):
        monkeypatch.setattr(module, "now_ns", lambda: time.time_ns() + 60_000_000_000)


def statements(tree: WorkTree, work: Callable[[], object]) -> Counter[str]:
    """SQL statements that ``work`` has the catalog run, by their first words."""
    seen: Counter[str] = Counter()
    with tree.store.catalog.transaction() as connection:
        traced: sqlite3.Connection = connection
    traced.set_trace_callback(lambda text: seen.update([" ".join(text.split()[:4])]))
    work()
    traced.set_trace_callback(None)
    return seen


@pytest.mark.parametrize(("files", "directories"), [(40, 2), (120, 2), (120, 12)])
def test_a_status_without_changes_asks_the_catalog_twice(
    tmp_path: Path, later: None, files: int, directories: int
) -> None:
    with WorkTree(tmp_path) as tree:
        tree.fill({f"d{at % directories}/{at}": b"%d" % at for at in range(files)})
        pointer = tree.add()
        seen = statements(tree, lambda: tree.status(pointer))
        assert sum(seen.values()) == 2, seen


def test_a_checkout_asks_the_catalog_by_the_directory_not_by_the_file(tmp_path: Path, later: None) -> None:
    counts = {}
    for files, directories in ((40, 4), (120, 4), (120, 24)):
        with WorkTree(tmp_path / f"{files}-{directories}") as tree:
            tree.fill({f"d{at % directories}/{at}": b"%d" % at for at in range(files)})
            pointer = tree.add()
            shutil.rmtree(tree.root)
            counts[files, directories] = sum(statements(tree, lambda: tree.checkout(pointer)).values())  # noqa: B023
    assert counts[120, 4] == counts[40, 4]
    # A manifest, what of its files is here, and the row of the directory in the stat cache.
    assert counts[120, 24] - counts[120, 4] <= 3 * 20 + 8


def test_a_checkout_reads_each_manifest_once(tmp_path: Path, later: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with WorkTree(tmp_path) as tree:
        tree.fill({f"d{at % 6}/{at}": b"%d" % at for at in range(60)})
        pointer = tree.add()
        shutil.rmtree(tree.root)
        plan = tree.plan(pointer)
        read = Counter[object]()
        real = FrameReader.read_at

        def counted(self: FrameReader, location, *rest):  # type: ignore[no-untyped-def]
            read[location.frame.oid] += 1
            return real(self, location, *rest)

        monkeypatch.setattr(FrameReader, "read_at", counted)
        assert plan.read is not None
        from weft.workspace.materialize import materialize

        materialize(plan, tree.store, plan.read, tree.cache)
        assert not read


def test_a_pull_does_not_ask_again_for_what_it_has_just_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = made(tmp_path / "a" / "repo", 40, 4)
    repo.weft("remote", "add", "origin", str(tmp_path / "a" / "store"))
    repo.commit()
    repo.weft("push")
    asked: list[int] = []
    plain = Saved.unsaved

    def unsaved(saved: Saved, oids: Iterable[Oid]) -> set[Oid]:
        wanted = list(oids)
        asked.append(len(wanted))
        return plain(saved, wanted)

    monkeypatch.setattr(Saved, "unsaved", unsaved)
    there = tmp_path / "a" / "b"
    repo.git("clone", "-q", str(repo.root), str(there))
    with open_project(str(there)) as project:
        assert pull(project, [], TransferOptions(), CheckoutOptions()).checked_out.written == 40
        assert asked == []
        shutil.rmtree(there / "data")
        checkout(project, None, [], CheckoutOptions())
        assert sum(asked) == 40


def test_a_pull_asks_again_when_packs_went_away_before_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it waited for a collection: nothing is written then."""
    repo = made(tmp_path / "a" / "repo", 40, 4)
    repo.weft("remote", "add", "origin", str(tmp_path / "a" / "store"))
    repo.commit()
    repo.weft("push")
    there = tmp_path / "a" / "b"
    repo.git("clone", "-q", str(repo.root), str(there))

    def collected(project: Project, command: str) -> AbstractContextManager[None]:
        largest = max(project.catalog.packs(LOCAL).items(), key=itemgetter(1))[0]
        project.catalog.forget_pack(largest, LOCAL)
        Path(project.store.pack_path(largest)).unlink()
        return alone(project, command)

    monkeypatch.setattr(weft.workflows.pull, "alone", collected)
    with open_project(str(there)) as project:
        done = pull(project, [], TransferOptions(), CheckoutOptions()).checked_out
    assert (done.written, done.absent) == (0, ("data",))
    assert not (there / "data").exists()


@pytest.mark.parametrize("beside", [{}, {"data/small": b"small"}], ids=["alone", "beside others"])
def test_a_pull_proves_recipes_before_it_touches_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: dict[str, bytes]
) -> None:
    repo = Repo.make(tmp_path / "a" / "repo")
    name = "data/large" if beside else "large"
    repo.write({name: pseudo_random(6 << 20, 1), **beside})
    repo.weft("add", "data" if beside else "large")
    repo.weft("remote", "add", "origin", str(tmp_path / "a" / "store"))
    repo.commit()
    repo.weft("push")
    there = tmp_path / "a" / "b"
    repo.git("clone", "-q", str(repo.root), str(there))
    proved: list[Oid] = []
    plain = LocalStore.prove

    def prove(store: LocalStore, oid: Oid, named: Any = None) -> None:
        proved.append(oid)
        plain(store, oid, named)

    monkeypatch.setattr(LocalStore, "prove", prove)
    with open_project(str(there)) as project:
        assert pull(project, [], TransferOptions(), CheckoutOptions()).checked_out.written == 1 + len(beside)
    assert (there / name).stat().st_size == 6 << 20
    assert len(proved) == len(beside)
