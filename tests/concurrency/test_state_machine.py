"""Random sequences of verbs on two clones, beside a dictionary that says what every file must hold.

The model knows the work tree, the pointer, the commits, and which contents the local store has. Files hold one of a few
contents, so that the same bytes come and go under several names; one content is cut into several chunks.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from invariants import check, leftovers
from kit import BASE_ENV, Repo, pseudo_random, snapshot
from weft.errors import UnsavedChanges
from weft.model.oid import Oid
from weft.model.remote import Trust
from weft.workflows.add import add
from weft.workflows.checkout import checkout
from weft.workflows.diff import diff
from weft.workflows.fetch import fetch
from weft.workflows.init import init
from weft.workflows.look import cat, ls
from weft.workflows.options import AddOptions, CheckoutOptions, TransferOptions, VerifyOptions
from weft.workflows.project import Project, open_project
from weft.workflows.pull import pull
from weft.workflows.push import push
from weft.workflows.remove import mv, rm
from weft.workflows.results import CheckoutResult
from weft.workflows.verify import verify

NAMES = ["a", "b", "c", "sub/a", "sub/b", "sub/deep/a"]
_LARGE = pseudo_random(2_500_000, 1)
CONTENTS = [b"", b"one", b"two", b"three" * 1000, _LARGE, _LARGE[:1_000_000] + b"changed" + _LARGE[1_000_000:]]
Files = dict[str, bytes]
T = TypeVar("T")

names = st.sampled_from(NAMES)
contents = st.sampled_from(range(len(CONTENTS)))
places = st.integers(0, 11)


@pytest.fixture(autouse=True)
def _same_git(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BASE_ENV.items():
        monkeypatch.setenv(name, value)


class Clones(RuleBasedStateMachine):
    """``work`` is the work tree, ``pointer`` what the pointer stands for (None: there is none), ``saved`` what is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="weft-states-"))
        self.repo = Repo(self.top / "repo")
        self.work: Files = {}
        self.pointer: Files | None = None
        self.saved: set[bytes] = set()
        self.wiped = False
        self.commits: list[tuple[str, Files]] = []

    @initialize()
    def begin(self) -> None:
        self.repo.root.mkdir()
        self.repo.git("init", "-q", "-b", "main")
        init(str(self.repo.root), remote=str(self.top / "remote"))
        self.repo.commit("begin")
        self.other = self.repo.clone(self.top / "other")

    def teardown(self) -> None:
        try:
            if self.pointer is not None:
                self.read_back()
                self.push()
                with self.project() as project:
                    assert verify(project, (), VerifyOptions(level="full")).findings == ()
                assert check(self.repo.root, self.top / "remote") + leftovers(self.repo.root, self.top / "remote") == []
        finally:
            shutil.rmtree(self.top, ignore_errors=True)

    # --- the user ---

    @rule(name=names, what=contents)
    def write(self, name: str, what: int) -> None:
        self.work[name] = CONTENTS[what]
        self.repo.write({f"data/{name}": CONTENTS[what]})

    @precondition(lambda self: self.work)
    @rule(at=places)
    def delete(self, at: int) -> None:
        name = _pick(sorted(self.work), at)
        self.file(name).unlink()
        del self.work[name]

    @precondition(lambda self: self.work)
    @rule(at=places, new=names)
    def rename(self, at: int, new: str) -> None:
        name = _pick(sorted(self.work), at)
        self.file(new).parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.file(name), self.file(new))
        self.work[new] = self.work.pop(name)

    # --- verbs that write pointers ---

    @precondition(lambda self: self.work)
    @rule()
    def add_all(self) -> None:
        with self.project() as project:
            add(project, ("data",), AddOptions(missing="delete", force=True))
        self.pointer = dict(self.work)
        self.saved |= set(self.work.values())

    @precondition(lambda self: self.pointer is not None and self.work)
    @rule(at=places)
    def add_one(self, at: int) -> None:
        name = _pick(sorted(self.work), at)
        with self.project() as project:
            add(project, (f"data/{name}",), AddOptions())
        assert self.pointer is not None
        self.pointer[name] = self.work[name]
        self.saved.add(self.work[name])

    @precondition(lambda self: self.pointer and len(self.pointer) > 1)
    @rule(at=places, force=st.booleans())
    def remove(self, at: int, force: bool) -> None:
        assert self.pointer is not None
        name = _pick(sorted(self.pointer), at)
        with self.kept(), self.project() as project:
            try:
                rm(project, (f"data/{name}",), force=force)
            except UnsavedChanges:
                assert not force
                assert self.work[name] not in self.saved
                return
        del self.pointer[name]
        if name in self.work and not self.file(name).exists():
            del self.work[name]

    @precondition(lambda self: self.pointer)
    @rule(at=places, new=names)
    def move(self, at: int, new: str) -> None:
        assert self.pointer is not None
        name = _pick(sorted(self.pointer), at)
        if new in self.pointer or self.file(new).exists():
            return
        with self.project() as project:
            mv(project, f"data/{name}", f"data/{new}")
        self.pointer[new] = self.pointer.pop(name)
        if name in self.work:
            self.work[new] = self.work.pop(name)

    @precondition(lambda self: self.pointer is not None)
    @rule()
    def commit(self) -> None:
        self.repo.git("commit", "-q", "-a", "--allow-empty", "-m", "change")
        assert self.pointer is not None
        self.commits.append((self.repo.git("rev-parse", "HEAD").out.strip(), dict(self.pointer)))

    # --- verbs that write the work tree ---

    @precondition(lambda self: self.pointer is not None)
    @rule(force=st.booleans())
    def checkout(self, force: bool) -> None:
        assert self.pointer is not None
        with self.kept(), self.project() as project:
            self.came(self.pointer, force, lambda: checkout(project, None, ("data",), CheckoutOptions(force=force)))

    @precondition(lambda self: self.commits)
    @rule(at=places, force=st.booleans())
    def go_back(self, at: int, force: bool) -> None:
        commit, files = _pick(self.commits, at)
        with self.kept(), self.project() as project:
            if self.came(files, force, lambda: checkout(project, commit, ("data",), CheckoutOptions(force=force))):
                self.pointer = dict(files)

    # --- the remote and the other clone ---

    @precondition(lambda self: self.pointer is not None)
    @rule()
    def push(self) -> None:
        with self.project() as project:
            push(project, (), TransferOptions())
            push(project, (), TransferOptions(all_commits=True))

    @precondition(lambda self: self.pointer is not None)
    @rule()
    def wipe(self) -> None:
        """All that weft keeps in this clone is lost once the remote has everything."""
        self.push()
        shutil.rmtree(self.repo.root / ".git" / "weft")
        self.saved.clear()
        self.wiped = True

    @precondition(lambda self: self.wiped)
    @rule()
    def fetch(self) -> None:
        with self.project() as project:
            fetch(project, (), TransferOptions())
        assert self.pointer is not None
        self.saved |= set(self.pointer.values())
        self.wiped = False

    @precondition(lambda self: self.commits)
    @rule()
    def other_pulls(self) -> None:
        self.push()
        self.other.git("pull", "-q", "--ff-only")
        with open_project(str(self.other.root), trust=Trust(everything=True)) as project:
            pull(project, (), TransferOptions(), CheckoutOptions())
        assert tree(self.other.root / "data") == self.commits[-1][1]

    @precondition(lambda self: self.commits and self.pointer == self.commits[-1][1] == self.work)
    @rule(name=names, what=contents)
    def other_pushes(self, name: str, what: int) -> None:
        """The other clone changes a file and this one, which has changed nothing, gets it."""
        self.other_pulls()
        data = CONTENTS[what]
        self.other.write({f"data/{name}": data})
        with open_project(str(self.other.root), trust=Trust(everything=True)) as project:
            add(project, (f"data/{name}",), AddOptions())
            push(project, (), TransferOptions())
        self.other.git("commit", "-q", "-a", "--allow-empty", "-m", "change")
        self.repo.git("checkout", "-q", "HEAD", "--", "data.weft")
        self.repo.git("pull", "-q", "--ff-only", str(self.other.root), "main")
        with self.project() as project:
            pull(project, (), TransferOptions(), CheckoutOptions())
        self.work[name] = data
        self.pointer = dict(self.work)
        self.saved |= set(self.work.values())
        self.wiped = False
        self.commits.append((self.repo.git("rev-parse", "HEAD").out.strip(), dict(self.work)))

    # --- what must hold ---

    @precondition(lambda self: self.pointer is not None)
    @rule()
    def read_back(self) -> None:
        """What the pointer stands for is read back, and differs from the work tree where the model says so."""
        assert self.pointer is not None
        with self.project() as project:
            listed = {entry.path.removeprefix("data/") for entry in ls(project, "", "data", True).entries}
            assert listed >= self.pointer.keys()
            for name, data in self.pointer.items():
                sink = io.BytesIO()
                cat(project, "", f"data/{name}", sink)
                assert sink.getvalue() == data
            self.saved |= set(self.pointer.values())
            changed = [change.path for change in diff(project, (), ()).changes if change.kind != "deleted"]
        # A directory that is new as a whole is one line, which ends with a slash.
        found = {
            n
            for n in self.work
            for path in changed
            if f"data/{n}" == path or f"data/{n}".startswith(path if path.endswith("/") else "/")
        }
        assert found == {name for name, data in self.work.items() if self.pointer.get(name) != data}

    @invariant()
    def the_work_tree_is_the_model(self) -> None:
        assert tree(self.repo.root / "data") == self.work

    @invariant()
    def the_pointer_is_the_model(self) -> None:
        path = self.repo.root / "data.weft"
        assert path.exists() == (self.pointer is not None)
        if self.pointer is not None:
            lines = path.read_text().splitlines()
            assert f"size: {sum(map(len, self.pointer.values()))}" in lines
            assert f"files: {len(self.pointer)}" in lines

    # --- helpers ---

    @contextmanager
    def project(self) -> Iterator[Project]:
        with open_project(str(self.repo.root), trust=Trust(everything=True)) as project:
            yield project

    def file(self, name: str) -> Path:
        return self.repo.root / "data" / name

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Bytes that a verb takes out of the work tree are in the store afterwards, and can be read back (I2)."""
        before = dict(self.work)
        yield
        gone = {data for name, data in before.items() if tree(self.repo.root / "data").get(name) != data}
        with self.project() as project:
            for data in gone:
                assert b"".join(project.store.iter_content(Oid.of(data), len(data))) == data
        self.saved |= gone

    def came(self, target: Files, force: bool, verb: Callable[[], CheckoutResult]) -> bool:
        """Run a checkout that leads to ``target``; whether it did that. Files that were never tracked may stay."""
        other = {name: data for name, data in self.work.items() if target.get(name) != data}
        lost = [name for name in other if name in target and self.work[name] not in self.saved]
        try:
            result = verb()
        except UnsavedChanges:
            assert not force
            assert other
            return False
        assert force or not lost or result.absent, f"{lost} were replaced"
        if result.absent:
            assert self.wiped
            return True
        stayed = {name: data for name, data in other.items() if name not in target and self.file(name).exists()}
        self.work = {**target, **stayed}
        self.saved |= set(target.values())
        return True


def _pick(some: Sequence[T], at: int) -> T:
    return some[at % len(some)]


def tree(root: Path) -> Files:
    return {name: value[1] for name, value in snapshot(root).items() if value[0] == "file"}


TestClones = Clones.TestCase
TestClones.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestClones = pytest.mark.slow(TestClones)
