"""Revisions, pointers and blobs are read as Git holds them."""

from __future__ import annotations

import os

import pytest

from weft.errors import GitFailed, LimitExceeded, MergeConflict, NoSuchRevision, SymlinkRefused
from weft.gitio import trees

ODD_NAMES = [
    "with space.weft",
    "ünïcødé/数据.weft",
    "quo'te\"d.weft",
    "-dash.weft",
    "tab\tand\\back.weft",
    "*.weft",
    "[a-z]?.weft",
    ":(glob)x.weft",
    "!bang.weft",
    "#hash.weft",
    "new\nline.weft",
    "trailing /x.weft",
    "not-utf8-\udcff.weft",
]


# --- revisions -----------------------------------------------------------------------------------------------------


def test_resolve_every_kind_of_name(any_work):
    first = any_work.commit()
    any_work.git("tag", "-a", "-m", "release", "v1")
    second = any_work.commit()
    repo = any_work.repo
    assert len(first) in (40, 64)
    for name, commit in {
        "HEAD": second,
        "main": second,
        "refs/heads/main": second,
        "HEAD~1": first,
        "v1": first,
        second: second,
        second[:12]: second,
        "@": second,
    }.items():
        assert trees.resolve(repo, name) == commit


@pytest.mark.parametrize(
    "rev",
    ["none", "", "-h", "--all", "^HEAD", "HEAD..HEAD", "HEAD\0x", "a b", "\ud800", "HEAD:f", "@{upstream}", "x" * 500],
)
def test_resolve_refuses_what_is_no_commit(work, rev):
    work.commit({"f": b"x"})
    with pytest.raises(NoSuchRevision) as caught:
        trees.resolve(work.repo, rev)
    assert caught.value.hint


def test_resolve_refuses_blobs(work):
    work.commit({"f": b"x"})
    blob = work.git("rev-parse", "HEAD:f").decode().strip()
    with pytest.raises(NoSuchRevision):
        trees.resolve(work.repo, blob)


def test_head_unborn_then_born_then_detached(any_work):
    assert trees.head(any_work.repo) is None
    with pytest.raises(NoSuchRevision):
        trees.resolve(any_work.repo, "HEAD")
    assert trees.commits(any_work.repo, "--all") == []
    assert trees.pointer_files(any_work.repo) == {}
    commit = any_work.commit()
    assert trees.head(any_work.repo) == commit
    any_work.git("checkout", "-q", "--detach")
    assert trees.head(any_work.repo) == commit


def test_head_of_a_broken_repository_is_an_error(work):
    repo = work.repo
    os.unlink(os.path.join(work.path, ".git", "HEAD"))
    with pytest.raises(GitFailed):
        trees.head(repo)


def test_commits(work):
    one, two, three = (work.commit(message=text) for text in "abc")
    work.git("checkout", "-q", "-b", "side", one)
    side = work.commit(message="side")
    repo = work.repo
    assert trees.commits(repo, "main") == [three]
    assert trees.commits(repo, "main~2..main") == [three, two]
    assert trees.commits(repo, "main..main") == []
    assert trees.commits(repo, f"{two}..main") == [three]
    assert trees.commits(repo, "main..") == [side]
    assert sorted(trees.commits(repo, "..main")) == sorted([two, three])
    assert sorted(trees.commits(repo, "main...side")) == sorted([two, three, side])
    for everything in ("--all", "refs/*"):
        assert sorted(trees.commits(repo, everything)) == sorted([one, two, three, side])
    for bad in ("none..main", "main..none", "main..-x", "--output=f..main", "none"):
        with pytest.raises(NoSuchRevision):
            trees.commits(repo, bad)


# --- which paths are pointers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.weft", True),
        ("d/a.weft", True),
        ("..weft", True),
        (".weft", False),
        ("d/.weft", False),
        (".weft/config.weft", False),
        ("d/.weft/x.weft", True),
        ("a.weft/b", False),
        ("a.WEFT", False),
        ("aweft", False),
    ],
)
def test_is_pointer(path, expected):
    assert trees.is_pointer(path) is expected


def test_pointer_files_takes_the_index_and_what_is_not_ignored(work):
    work.commit({"tracked.weft": b"1", "gone.weft": b"1", "d/deep.weft": b"1", "other.txt": b"1", ".weft/x.weft": b"1"})
    os.unlink(os.path.join(work.path, "gone.weft"))
    work.write("untracked.weft")
    work.write("ignored/data.weft")
    work.write(".gitignore", b"/ignored\n")
    work.write("untracked.txt")
    work.commit({"forced/ignored.weft": b"1"})
    work.write(".gitignore", b"/ignored\n/forced\n")
    work.write("forced/new.weft")
    assert list(trees.pointer_files(work.repo)) == [
        "d/deep.weft",
        "forced/ignored.weft",
        "gone.weft",
        "tracked.weft",
        "untracked.weft",
    ]


def test_pointer_files_does_not_enter_nested_repositories(work, new_work):
    nested = new_work("work/nested.weft")
    nested.commit({"inner.weft": b"1"})
    work.write("outer.weft")
    assert list(trees.pointer_files(work.repo)) == ["outer.weft"]


def test_odd_names_come_through_whole(any_work):
    commit = any_work.commit({name: name.encode("utf-8", "surrogateescape") for name in ODD_NAMES})
    repo = any_work.repo
    assert list(trees.pointer_files(repo)) == sorted(ODD_NAMES)
    assert sorted(trees.staged_pointers(repo)) == sorted(ODD_NAMES)
    blobs = trees.pointer_blobs(repo, commit)
    assert blobs == {name: name.encode("utf-8", "surrogateescape") for name in ODD_NAMES}
    for name in ODD_NAMES:
        assert trees.file_at(repo, commit, name) == blobs[name]


def test_quoting_configuration_does_not_matter(work):
    work.git("config", "core.quotePath", "true")
    work.commit({"é.weft": b"1"})
    assert list(trees.pointer_files(work.repo)) == ["é.weft"]


# --- the index -----------------------------------------------------------------------------------------------------


def conflicted(work, name):
    """Leave ``work`` in the middle of a merge in which both sides changed ``name``."""
    work.commit({name: b"base\n"})
    work.git("checkout", "-q", "-b", "theirs")
    work.commit({name: b"theirs\n"})
    work.git("checkout", "-q", "main")
    work.commit({name: b"ours\n", "fine.weft": b"1"})
    work.git("merge", "theirs", check=False)
    with open(os.path.join(work.path, name), "rb") as file:
        assert b"<<<<<<<" in file.read()


def test_unmerged_pointer(work):
    conflicted(work, "data.weft")
    assert list(trees.pointer_files(work.repo)) == ["data.weft", "fine.weft"]
    with pytest.raises(MergeConflict) as caught:
        trees.staged_pointers(work.repo)
    assert caught.value.path == "data.weft"


def test_unmerged_file_that_is_no_pointer_does_not_matter(work):
    conflicted(work, "README.md")
    assert list(trees.staged_pointers(work.repo)) == ["fine.weft"]


def test_staged_pointers_are_those_of_the_index_not_of_the_work_tree(work):
    work.commit({"a.weft": b"old"})
    work.write("a.weft", b"staged")
    work.git("add", "a.weft")
    work.write("a.weft", b"not staged")
    work.write("b.weft", b"untracked")
    staged = trees.staged_pointers(work.repo)
    assert list(staged) == ["a.weft"]
    assert trees.read_blobs(work.repo, staged.values()) == {staged["a.weft"]: b"staged"}


def test_another_index_of_the_environment_is_asked(work, tmp_path, monkeypatch):
    work.commit({"a.weft": b"1"})
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert trees.staged_pointers(work.repo) == {}
    work.git("add", "a.weft")
    assert list(trees.staged_pointers(work.repo)) == ["a.weft"]


def test_submodule_named_like_a_pointer_is_not_staged(work, new_work):
    inner = new_work("inner")
    commit = inner.commit()
    work.git("update-index", "--add", "--cacheinfo", f"160000,{commit},mod.weft")
    assert trees.staged_pointers(work.repo) == {}
    work.commit()
    assert trees.files_at(work.repo, "HEAD") == {}
    assert trees.file_at(work.repo, "HEAD", "mod.weft") is None


def test_pointer_that_is_a_symbolic_link_is_refused(work):
    os.symlink("/etc/passwd", os.path.join(work.path, "a.weft"))
    os.symlink("f", os.path.join(work.path, "plain-link"))
    work.git("add", "a.weft", "plain-link")
    commit = work.commit({"f": b"1"})
    repo = work.repo
    for call in (
        lambda: trees.staged_pointers(repo),
        lambda: trees.files_at(repo, commit),
        lambda: trees.pointer_blobs(repo, commit),
        lambda: trees.file_at(repo, commit, "a.weft"),
        lambda: trees.file_at(repo, commit, "plain-link"),
    ):
        with pytest.raises(SymlinkRefused) as caught:
            call()
        assert caught.value.path in ("a.weft", "plain-link")


def test_is_tracked(work):
    work.commit({"data/a": b"1", "data/b.weft": b"1", "data2/c": b"1", "data.weft": b"1", "e": b"1"})
    work.write("data/untracked")
    repo = work.repo
    assert trees.is_tracked(repo, "data") == ["data/a"]
    assert trees.is_tracked(repo, "data/a") == ["data/a"]
    assert trees.is_tracked(repo, "data.weft") == []
    assert trees.is_tracked(repo, "none") == []
    assert trees.is_tracked(repo, "dat*") == []
    assert trees.is_tracked(repo, "") == trees.is_tracked(repo, ".") == ["data/a", "data2/c", "e"]
    assert trees.is_tracked(repo, "e", "data2") == ["data2/c", "e"]
    assert trees.is_tracked(repo, *[f"none{n}" for n in range(450)], "e") == ["e"]
    assert trees.is_tracked(repo) == []


# --- a commit and its bytes ---------------------------------------------------------------------------------------------


def test_files_at_by_suffix(any_work):
    commit = any_work.commit(
        {"a.weft": b"1", "d/b.weft": b"2", "c.yaml": b"3", ".weft/run.yaml": b"4", ".weft/y.weft": b"5"}
    )
    any_work.commit({"later.weft": b"6"})
    repo = any_work.repo
    assert list(trees.files_at(repo, commit)) == ["a.weft", "d/b.weft"]
    assert list(trees.files_at(repo, commit, ".yaml")) == [".weft/run.yaml", "c.yaml"]
    assert len(trees.files_at(repo, commit, "")) == 5
    assert "later.weft" in trees.files_at(repo, "HEAD")
    with pytest.raises(NoSuchRevision):
        trees.files_at(repo, "--help")


def test_pointer_blobs_of_equal_content(work):
    commit = work.commit({"a.weft": b"same", "b.weft": b"same", "empty.weft": b"", "nl.weft": b"\n\n0 blob 1\n"})
    assert trees.pointer_blobs(work.repo, commit) == {
        "a.weft": b"same",
        "b.weft": b"same",
        "empty.weft": b"",
        "nl.weft": b"\n\n0 blob 1\n",
    }


def test_limits_are_checked_before_the_bytes(work):
    commit = work.commit({"big.weft": b"x" * 65537, "edge.weft": b"x" * 65536})
    repo = work.repo
    with pytest.raises(LimitExceeded, match=r"'big\.weft' is 65537 bytes"):
        trees.pointer_blobs(repo, commit)
    assert trees.file_at(repo, commit, "edge.weft") == b"x" * 65536
    with pytest.raises(LimitExceeded):
        trees.file_at(repo, commit, "edge.weft", 65535)
    big = trees.files_at(repo, commit)["big.weft"]
    assert trees.read_blobs(repo, [big], limit=1 << 20) == {big: b"x" * 65537}


def test_file_at(work):
    commit = work.commit({"d/f": b"bytes"})
    repo = work.repo
    assert trees.file_at(repo, commit, "d/f") == b"bytes"
    assert trees.file_at(repo, "main", "d/f") == b"bytes"
    for path in ("d", "d/", "none", "d/f/x", "*", "d/?"):
        assert trees.file_at(repo, commit, path) is None


def test_read_blobs_in_bulk_is_whole(any_work):
    files = {f"f{n}.weft": os.urandom(n * 7) for n in range(300)}
    commit = any_work.commit()
    for name, data in files.items():
        any_work.write(name, data)
    any_work.git("add", ".")
    commit = any_work.commit()
    assert trees.pointer_blobs(any_work.repo, commit) == files


def test_read_blobs_refuses_what_git_lacks_or_is_no_blob(work):
    commit = work.commit({"f": b"1"})
    repo = work.repo
    assert trees.read_blobs(repo, []) == {}
    with pytest.raises(GitFailed, match="missing"):
        trees.read_blobs(repo, ["0" * 39 + "1"])
    with pytest.raises(GitFailed, match="no bytes"):
        trees.read_blobs(repo, [commit])
    for bad in ("HEAD", "HEAD:f", "0" * 41, "", "a\n" + "0" * 40):
        with pytest.raises(ValueError, match="object id"):
            trees.read_blobs(repo, [bad])
