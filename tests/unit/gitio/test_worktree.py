"""Which files Git keeps, and the ids that it would give them."""

from __future__ import annotations

import os

import pytest

from weft.gitio.worktree import blob_ids, ignored_paths, kept_modes


def test_kept_modes_are_there_and_not_ignored(work):
    work.commit({"src/a.py": b"1", "src/gone.py": b"1", "src/old.log": b"1", ".gitignore": b"*.log\n", "other": b"1"})
    os.unlink(os.path.join(work.path, "src/gone.py"))
    work.write("src/new.py")
    work.write("src/x.log")
    os.symlink("nowhere", os.path.join(work.path, "src/link"))
    os.chmod(os.path.join(work.path, "src/new.py"), 0o755)
    work.write("src/__pycache__/new.pyc")
    plain = "100644"
    expected = {"src/a.py": plain, "src/link": "120000", "src/new.py": "100755", "src/old.log": plain}
    assert list(kept_modes(work.repo, ["src"]).items()) == list(expected.items())
    assert kept_modes(work.repo, ["src/x.log", "missing"]) == {}
    assert kept_modes(work.repo, []) == {}
    work.git("config", "core.fileMode", "false")
    assert kept_modes(work.repo, ["src/new.py"]) == {"src/new.py": plain}
    work.git("add", "-f", "src/__pycache__")
    assert kept_modes(work.repo, ["src/__pycache__"]) == {"src/__pycache__/new.pyc": plain}


def test_ids_are_those_that_git_add_would_give(any_work):
    any_work.write(".gitattributes", b"*.txt text eol=crlf\n*.up filter=up\n")
    any_work.git("config", "filter.up.clean", "tr a-z A-Z")
    names = {
        "crlf.txt": b"a\r\nb\r\n",
        "f.up": b"shout",
        'odd "n\\ame': b"1",
        '"quoted"': b"2",
        "new\nline": b"3",
        "-n": b"",
    }
    for name, data in names.items():
        any_work.write(name, data)
    os.symlink("f.up", os.path.join(any_work.path, "link"))
    found = blob_ids(any_work.repo, [*names, "link"])
    any_work.git("add", "-A")
    rows = any_work.git("ls-files", "-s", "-z").split(b"\0")
    staged = {os.fsdecode(row.split(b"\t", 1)[1]): row.split(b" ")[1].decode() for row in rows if row}
    assert found == {name: staged[name] for name in found}
    assert len(found) == 7


def test_line_ends_that_git_add_would_refuse_are_hashed_all_the_same(work):
    work.git("config", "core.autocrlf", "input")
    work.git("config", "core.safecrlf", "true")
    work.write("a.txt", b"a\r\n")
    work.write("b.txt", b"a\n")
    found = blob_ids(work.repo, ["a.txt", "b.txt"])
    assert found["a.txt"] == found["b.txt"]


def test_ignored_paths(work):
    work.commit({".gitignore": b"*.log\n", "kept.log": b""})
    assert ignored_paths(work.repo, ["kept.log", "new.log", "a b", ":odd.log", "*"]) == ["new.log", ":odd.log"]
    assert ignored_paths(work.repo, []) == []


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_submodule_in_which_a_mark_hides_a_change_holds_more_than_its_commit(mark, work, new_work):
    deep, inner = new_work("deep"), new_work("inner")
    deep.commit({"x": b"1"})
    inner.commit({"y": b"1"})
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    inner.git(*add, deep.path, "deep")
    inner.git("commit", "-q", "-m", "deep")
    work.git(*add, inner.path, "sub")
    work.git("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init", "--recursive")
    commit = work.git("-C", "sub", "rev-parse", "HEAD").decode().strip()
    assert blob_ids(work.repo, ["sub"]) == {"sub": commit}
    for folder, name in (("sub", "y"), ("sub/deep", "x")):
        work.git("-C", folder, "update-index", mark, name)
        assert blob_ids(work.repo, ["sub"]) == {"sub": commit}, "nothing is changed yet"
        work.write(f"{folder}/{name}", b"2")
        assert blob_ids(work.repo, ["sub"]) == {"sub": ""}
        if folder == "sub/deep":
            # Nor is it hidden by a mark on the submodule, or by what its configuration says.
            work.git("-C", "sub", "update-index", mark, "deep")
            work.git("-C", "sub", "config", "submodule.deep.ignore", "all")
            assert blob_ids(work.repo, ["sub"]) == {"sub": ""}
        work.git("-C", folder, "update-index", mark.replace("--", "--no-"), name)
        work.git("-C", folder, "checkout", "-q", name)


def test_a_submodule_whose_configuration_hides_changes(work, new_work):
    deep, inner = new_work("deep"), new_work("inner")
    deep.commit({"x": b"1"})
    inner.commit({"y": b"1"})
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    inner.git(*add, deep.path, "deep")
    inner.git("commit", "-q", "-m", "deep")
    work.git(*add, inner.path, "sub")
    work.git("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init", "--recursive")
    work.git("-C", "sub", "config", "submodule.deep.ignore", "all")
    work.git("-C", "sub", "config", "status.showUntrackedFiles", "no")
    for name in ("sub/deep/x", "sub/new"):
        before = os.path.exists(os.path.join(work.path, name))
        work.write(name, b"2")
        assert blob_ids(work.repo, ["sub"]) == {"sub": ""}
        work.git("-C", "sub/deep", "checkout", "-q", ".") if before else None
