"""Which pointers a command sees: those that Git ignores, leaves out of the work tree, or that only have the name of one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from kit import Repo
from weft.errors import ConfigError, LimitExceeded, MergeConflict, SchemaError
from weft.util.progress import SilentProgress
from weft.workflows.add import add
from weft.workflows.checkout import checkout
from weft.workflows.config import config_set
from weft.workflows.init import init
from weft.workflows.options import AddOptions, CheckoutOptions, TransferOptions, VerifyOptions
from weft.workflows.project import Project, open_project
from weft.workflows.push import push
from weft.workflows.selection import of_blobs
from weft.workflows.status import status
from weft.workflows.targets import revision_pointers, workspace_pointers
from weft.workflows.verify import verify


class Told(SilentProgress):
    """Progress that keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str, hint: str = "") -> None:
        self.warnings.append(message)


def made(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"x/data/f": b"1", "y/data/f": b"2", "x/code": b"c", "y/code": b"c"})
    repo.weft("add", "x/data", "y/data")
    repo.commit()
    return repo


def opened(repo: Repo, told: Told) -> AbstractContextManager[Project]:
    return open_project(str(repo.root), told)


def test_a_pointer_that_git_ignores_is_seen_and_told_of(tmp_path: Path) -> None:
    repo, told = Repo.make(tmp_path / "repo", str(tmp_path / "remote")), Told()
    repo.write({".git/info/exclude": b"exp/\n", "exp/data/f": b"abc"})
    with opened(repo, told) as project:
        add(project, ["exp/data"], AddOptions(stage=False))
        assert [text for text in told.warnings if "exp/data.weft" in text] == told.warnings
        assert len(told.warnings) == 1
        assert [(one.path, one.state) for one in status(project, []).paths] == [("exp/data", "clean")]
        assert [root.path for root in push(project, [], TransferOptions()).roots] == ["exp/data"]
        assert len(told.warnings) == 3
        checkout(project, None, [], CheckoutOptions())
        assert (repo.root / "exp/data/f").read_bytes() == b"abc", "its data was taken for that of no pointer"


def test_a_sparse_checkout_hides_no_pointer_from_push_and_verify(tmp_path: Path) -> None:
    repo, told = made(tmp_path), Told()
    repo.git("sparse-checkout", "set", "--cone", "x")
    assert not (repo.root / ".weft").exists()
    with opened(repo, told) as project:
        assert list(workspace_pointers(project)) == ["x/data"]
        assert [one.path for one in status(project, []).paths] == ["x/data"]
        assert [root.path for root in push(project, [], TransferOptions()).roots] == ["x/data", "y/data"]
        assert [root.path for root in push(project, ["y"], TransferOptions()).roots] == ["y/data"]
        assert verify(project, [], VerifyOptions(level="remote")).checked_pointers == 2
        checkout(project, None, [], CheckoutOptions())
        with pytest.raises(ConfigError, match="sparse checkout"):
            config_set(project, "portable", "strict")
    assert init(str(repo.root)).created == ()
    assert not (repo.root / "y").exists()
    assert repo.git("status", "--porcelain").out == ""


def test_a_store_id_is_not_pinned_where_the_configuration_is_left_out(tmp_path: Path) -> None:
    repo, told = made(tmp_path), Told()
    config = repo.root / ".weft/config.yaml"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "store:" not in line))
    repo.commit()
    repo.git("sparse-checkout", "set", "--cone", "x")
    with opened(repo, told) as project:
        assert push(project, [], TransferOptions()).packs
    assert ["is not pinned" in text for text in told.warnings] == [True]
    assert repo.git("status", "--porcelain").out == ""


@pytest.mark.parametrize("how", ["deleted", "removed"])
def test_init_brings_back_the_configuration_that_git_has(tmp_path: Path, how: str) -> None:
    repo = made(tmp_path)
    config = repo.root / ".weft/config.yaml"
    before = config.read_bytes()
    if how == "removed":
        repo.git("rm", "-q", "--cached", ".weft/config.yaml")
    config.unlink()
    assert init(str(repo.root)).created == (".weft/config.yaml",)
    assert config.read_bytes() == before
    assert repo.git("status", "--porcelain").out == ""


@pytest.mark.parametrize("data", [b"two plain lines\n", b"\0\1binary", b"woven: pattern\n", b"x" * 100_000])
def test_a_file_that_is_only_called_like_a_pointer_stops_nothing(tmp_path: Path, data: bytes) -> None:
    repo, told = made(tmp_path), Told()
    repo.write({"x/y.weft": data})
    repo.git("add", "x/y.weft")
    repo.git("commit", "-q", "-m", "a pattern")
    blob = repo.git("rev-parse", "HEAD:x/y.weft").out.strip()
    with opened(repo, told) as project:
        assert list(workspace_pointers(project)) == ["x/data", "y/data"]
        assert [text for text in told.warnings if "x/y.weft is no pointer" in text] == told.warnings != []
        if len(data) < 65536:
            assert list(revision_pointers(project, "HEAD")) == ["x/data", "y/data"]
            assert of_blobs(project, [("x/y.weft", blob)]).pointers == {}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", SchemaError),
        (b"weft: 1\ntype: dir\n", SchemaError),
        (b"<<<<<<< ours\n=======\n>>>>>>> theirs\n", MergeConflict),
        (b'{"weft": 1}\n', SchemaError),
        (b"weft: 1\n" + b"#" * 100_000, LimitExceeded),
    ],
    ids=["empty", "cut", "conflict", "json", "long"],
)
def test_a_pointer_that_is_broken_is_kept_apart(tmp_path: Path, data: bytes, error: type[Exception]) -> None:
    repo = made(tmp_path)
    repo.write({"x/y.weft": data})
    with opened(repo, Told()) as project:
        found = workspace_pointers(project)
        assert (list(found), list(found.broken), found.strays) == (["x/data", "y/data"], ["x/y"], {"x/y"})
        assert isinstance(found.broken["x/y"], error)
        assert found.whole() is found, "Git does not know it"
    repo.git("add", "x/y.weft")
    with opened(repo, Told()) as project, pytest.raises(error):
        workspace_pointers(project).whole()


def test_a_pointer_of_which_nothing_is_left_is_no_other_file(tmp_path: Path) -> None:
    repo = made(tmp_path)
    repo.write({"x/data.weft": b"overwritten"})
    with opened(repo, Told()) as project, pytest.raises(SchemaError):
        workspace_pointers(project).whole()


def test_nothing_is_added_where_a_sparse_checkout_leaves_the_pointer_out(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"a/data/1": b"1\n", "b/c": b"c\n"})
    repo.weft("add", "a/data", "b/c")
    repo.commit("both")
    repo.git("sparse-checkout", "set", "--cone", "b")
    repo.write({"a/data/x": b"x\n"})
    for path in ("a/data", "a/data/x", "a"):
        ran = repo.weft("add", path, code=3)
        assert "git sparse-checkout add a, then weft checkout a/data" in ran.err
        assert not (repo.root / "a/data.weft").exists()
    repo.git("sparse-checkout", "add", "a")
    repo.weft("checkout", "a/data")
    repo.weft("add", "a/data")
    assert repo.weft("ls", "a/data", "--json").json["data"]["entries"][0]["path"] == "a/data/1"


def test_a_check_of_a_remote_that_is_away_makes_nothing(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", "../disk/remote")
    (tmp_path / "disk").rename(tmp_path / "off")
    assert "E_BUCKET" in repo.weft("remote", "check", code=6).out
    assert not (tmp_path / "disk").exists()
    (tmp_path / "disk" / "remote").mkdir(parents=True)
    assert "fail" in repo.weft("remote", "check", code=None).out
    assert not list((tmp_path / "disk" / "remote").iterdir())
