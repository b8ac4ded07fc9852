"""A snapshot holds what the work tree holds, and making it changes nothing else."""

from __future__ import annotations

import os

import pytest

from weft.gitio.snapshots import Beyond, author, beyond_head, take_snapshot


def everything(work):
    """HEAD, refs but those of runs, the index file, the status and the files of a work tree."""
    with open(os.path.join(work.path, ".git", "index"), "rb") as stream:
        index = stream.read()
    refs = [row for row in work.git("for-each-ref").splitlines() if b"refs/weft/runs/" not in row]
    files = {}
    for base, dirs, names in os.walk(work.path):
        dirs[:] = [name for name in dirs if name != ".git"]
        for name in names:
            with open(os.path.join(base, name), "rb") as stream:
                files[os.path.join(base, name)] = stream.read()
    return work.git("rev-parse", "HEAD"), work.git("symbolic-ref", "HEAD"), refs, index, files


def tree(work, rev):
    rows = work.git("ls-tree", "-r", "-z", "--name-only", rev).split(b"\0")
    return {os.fsdecode(name): work.git("cat-file", "blob", f"{rev}:{os.fsdecode(name)}") for name in rows if name}


def test_a_snapshot_holds_what_is_not_committed_and_leaves_all_else_alone(any_work):
    any_work.commit({"kept": b"1", "edited": b"1", "gone": b"1", ".gitignore": b"secret\n", "staged": b"1"})
    any_work.write("edited", b"2")
    any_work.write("staged", b"2")
    any_work.git("add", "staged")
    any_work.write("staged", b"3")
    any_work.write("new/deep 'file", b"new")
    any_work.write("secret", b"token")
    os.unlink(os.path.join(any_work.path, "gone"))
    before = everything(any_work)
    found = beyond_head(any_work.repo)
    assert set(found.changed) == {"edited", "gone", "staged"}
    assert found.untracked == ("new/deep 'file",)
    made = take_snapshot(any_work.repo, "r1", found)
    assert everything(any_work) == before
    assert made.ref == "refs/weft/runs/r1"
    assert any_work.git("rev-parse", made.ref).decode().strip() == made.commit
    assert any_work.git("rev-parse", f"{made.ref}^") == any_work.git("rev-parse", "HEAD")
    assert tree(any_work, made.ref) == {
        ".gitignore": b"secret\n", "edited": b"2", "kept": b"1", "new/deep 'file": b"new", "staged": b"3",
    }  # fmt: skip
    assert not [name for name in os.listdir(os.path.join(any_work.path, ".git")) if "tmp" in name]


def test_a_clean_tree_is_told_as_such(work):
    work.commit({"a": b"1", ".gitignore": b"b\n"})
    work.write("b")
    assert not beyond_head(work.repo)


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_what_a_marked_entry_hides_is_a_change(mark, any_work):
    files = {"edited": b"1", "same": b"1", "now a link": b"same", "now 'a' folder": b"1", "staged": b"1"}
    any_work.commit(files)
    os.symlink("same", os.path.join(any_work.path, "link"))
    any_work.git("add", "link")
    any_work.git("commit", "-q", "-m", "link")
    any_work.git("update-index", mark, *files, "link")
    assert not beyond_head(any_work.repo)
    any_work.write("edited", b"2")
    for name, target in (("now a link", "same"), ("link", "edited")):
        os.unlink(os.path.join(any_work.path, name))
        os.symlink(target, os.path.join(any_work.path, name))
    os.unlink(os.path.join(any_work.path, "now 'a' folder"))
    any_work.write("now 'a' folder/file", b"3")
    hidden = ("edited", "link", "now 'a' folder", "now a link")
    found = beyond_head(any_work.repo)
    assert found.changed == hidden
    before = everything(any_work)
    made = take_snapshot(any_work.repo, "r1", found)
    assert everything(any_work) == before
    held = tree(any_work, made.ref)
    assert (held["edited"], held["same"], held["link"]) == (b"2", b"1", b"edited")
    assert held["now 'a' folder/file"] == b"3"
    assert any_work.git("ls-tree", made.ref, "now a link").startswith(b"120000")


def test_a_marked_submodule_at_another_commit_is_a_change(work, new_work):
    inner = new_work("inner")
    first = inner.commit({"x": b"1"})
    inner.commit({"x": b"2"})
    work.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.path, "sub")
    work.git("commit", "-q", "-m", "sub")
    work.git("update-index", "--assume-unchanged", "sub")
    assert not beyond_head(work.repo)
    work.git("-C", "sub", "checkout", "-q", first)
    found = beyond_head(work.repo)
    assert found.changed == ("sub",)
    assert first.encode() in work.git("ls-tree", take_snapshot(work.repo, "r1", found).ref, "sub")


def test_a_file_that_is_absent_is_a_change_unless_the_checkout_is_sparse(work):
    work.commit({"a/kept": b"1", "b/left": b"1", "c": b"1"})
    work.git("sparse-checkout", "set", "a")
    assert not os.path.exists(os.path.join(work.path, "b"))
    assert not beyond_head(work.repo)
    work.write("a/kept", b"2")
    made = take_snapshot(work.repo, "r1", beyond_head(work.repo))
    assert tree(work, made.ref) == {"a/kept": b"2", "b/left": b"1", "c": b"1"}
    work.git("update-index", "--assume-unchanged", "c")
    os.unlink(os.path.join(work.path, "c"))
    assert beyond_head(work.repo).changed == ("a/kept", "c")
    assert "c" not in tree(work, take_snapshot(work.repo, "r2", beyond_head(work.repo)).ref)


def test_before_the_first_commit(work):
    work.write("a", b"1")
    made = take_snapshot(work.repo, "r1", beyond_head(work.repo))
    assert tree(work, made.ref) == {"a": b"1"}
    assert work.git("rev-list", "--count", made.ref) == b"1\n"
    assert work.git("rev-parse", "--verify", "-q", "HEAD", check=False) == b""
    assert not os.path.exists(os.path.join(work.path, ".git", "index"))


def test_inner_repositories_stay_out(work, new_work):
    work.commit({"a": b"1"})
    work.write("small", b"x")
    inner = new_work("work/inner")
    inner.commit({"f": b"1"})
    made = take_snapshot(work.repo, "r1", beyond_head(work.repo))
    assert set(tree(work, made.ref)) == {"a", "small"}


def test_what_is_not_chosen_is_as_in_head_also_where_it_is_staged(work):
    work.commit({"a": b"1", "b": b"1"})
    work.write("a", b"2")
    work.write("b", b"2")
    work.write("new", b"2")
    work.git("add", "-A")
    made = take_snapshot(work.repo, "r1", Beyond(("a",)))
    assert tree(work, made.ref) == {"a": b"2", "b": b"1"}


def test_a_file_that_became_a_directory_and_a_link(work):
    work.commit({"a": b"1", "b": b"1"})
    os.unlink(os.path.join(work.path, "a"))
    work.write("a/x", b"2")
    os.unlink(os.path.join(work.path, "b"))
    os.symlink("a/x", os.path.join(work.path, "b"))
    made = take_snapshot(work.repo, "r1", beyond_head(work.repo))
    assert tree(work, made.ref) == {"a/x": b"2", "b": b"a/x"}


def test_in_the_middle_of_a_merge(work):
    work.commit({"a": b"base\n"})
    work.git("checkout", "-q", "-b", "other")
    work.commit({"a": b"theirs\n"})
    work.git("checkout", "-q", "main")
    work.commit({"a": b"ours\n"})
    work.git("merge", "other", check=False)
    before = everything(work)
    made = take_snapshot(work.repo, "r1", beyond_head(work.repo))
    assert everything(work) == before
    assert b"<<<<<<<" in tree(work, made.ref)["a"]


def test_in_a_linked_work_tree(work, open_work, tmp_path):
    work.commit({"a": b"1"})
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = open_work(tmp_path / "linked")
    linked.write("a", b"2")
    made = take_snapshot(linked.repo, "r1", beyond_head(linked.repo))
    assert tree(work, made.ref) == {"a": b"2"}
    assert not beyond_head(work.repo)


def test_nobody_told_git_who_they_are(work, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    work.git("config", "user.useConfigOnly", "true")
    work.write("a")
    assert author(work.repo) == ""
    assert take_snapshot(work.repo, "r1", beyond_head(work.repo)).commit


def test_the_author_is_the_one_that_git_is_told(work, monkeypatch):
    assert author(work.repo) == "Ada <ada@example.org>"
    monkeypatch.delenv("GIT_AUTHOR_NAME")
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    work.git("config", "user.name", "Grace Hopper")
    work.git("config", "user.email", "grace@example.org")
    assert author(work.repo) == "Grace Hopper <grace@example.org>"


@pytest.mark.parametrize("beyond", [Beyond(("a",), ()), Beyond((), ("a",))])
def test_something_is_beyond(beyond):
    assert beyond
