"""Which directories may become a remote or a store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import Repo
from weft.errors import DirectoryRefused
from weft.gitio.repo import GitRepo, discover
from weft.workflows.directories import check_remote, check_store, plain_url


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("directories")
    repo = Repo(top / "repo")
    repo.root.mkdir()
    repo.git("init", "-q")
    for name in ("other/.git/x", "repo/src", "repo/spare", "repo/data", "home"):
        (top / name).mkdir(parents=True)
    repo.write({".gitignore": b"/spare/\n/data\n/a*\n", "data.weft": b"x", "src/x": b"x"})
    repo.git("add", "src/x", "data.weft")
    (repo.root / "outward").symlink_to(top / "home")
    (repo.root / "inward").symlink_to(repo.root / "src")
    return top


@pytest.fixture
def git(top: Path) -> GitRepo:
    return discover(str(top / "repo"))


REFUSED = [
    ".", "../repo", "../repo/", "src", "src/new", "new", "new/deeper", "inward", "data", "data/new", "spare/../src",
    ".git", ".git/new", ".git/hooks", ".git/refs/heads", ".git/weft", ".git/weft/store/packs", "spare/.git",
    "../other/.git", "../other/.git/x", "../other/.GIT/x", "user@host:/data", "host:data", "host:",
]  # fmt: skip
TAKEN = ["../home", "../home/new", "../new", "spare", "spare/new", "abc", "abc/d", "outward", "./../h:x", "../x/.gitx"]


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_git_s_or_the_work_tree_s_becomes_nothing_of_weft(git: GitRepo, path: str) -> None:
    with pytest.raises(DirectoryRefused) as caught:
        check_remote(git, path)
    assert caught.value.hint
    with pytest.raises(DirectoryRefused):
        check_store(git, git.root, path)
    if ":" not in path:
        with pytest.raises(DirectoryRefused):
            check_remote(git, os.path.join(git.root, path))
        with pytest.raises(DirectoryRefused):
            check_remote(git, "file://" + os.path.join(git.root, path))


@pytest.mark.parametrize("path", TAKEN)
def test_other_directories_may(git: GitRepo, path: str) -> None:
    check_remote(git, path)
    check_remote(git, "file://" + os.path.join(git.root, path))
    assert check_store(git, git.root, path) == os.path.realpath(os.path.join(git.root, path))


def test_what_is_above_the_work_tree_is_judged_by_what_it_holds(git: GitRepo) -> None:
    check_remote(git, "..")
    with pytest.raises(DirectoryRefused, match="holds other files"):
        check_store(git, git.root, "..")


def test_buckets_are_no_directories(git: GitRepo) -> None:
    for url in ("s3://bucket/src", "gs://bucket/.git", "sftp://host/src"):
        check_remote(git, url)


def test_the_default_place_of_a_store_may_be_named_and_is_no_remote(git: GitRepo, top: Path) -> None:
    for path in (".git/weft/store", "../other/.git/weft/store"):
        check_store(git, git.root, path)
        with pytest.raises(DirectoryRefused):
            check_remote(git, path)


def test_a_linked_work_tree_knows_the_git_directory(git: GitRepo, top: Path) -> None:
    git.git("-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-q", "-m", "x")
    git.git("worktree", "add", "-q", str(top / "tree"))
    tree = discover(str(top / "tree"))
    for path in (git.common_dir, tree.git_dir, f"{tree.git_dir}/new", "."):
        with pytest.raises(DirectoryRefused):
            check_remote(tree, path)


def test_a_directory_as_typed_and_as_written(git: GitRepo, top: Path) -> None:
    assert plain_url(git, f"{git.root}/src", "../../home") == "../home"
    assert plain_url(git, git.root, str(top) + "/home/") == "../home"
    assert plain_url(git, git.root, "/srv/data/") == "/srv/data"
    assert plain_url(git, git.root, "./a:b") == "./a:b"
    with pytest.raises(DirectoryRefused):
        plain_url(git, f"{git.root}/src", "user@host:data")
