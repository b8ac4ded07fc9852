"""One pointer that cannot be read, or that a merge left in conflict, stops nothing that is asked of the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import Repo


def _three(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"a/f": b"a\n", "b/f": b"b\n", "c": b"c\n"})
    repo.weft("add", "a", "b", "c")
    repo.commit("data")
    repo.weft("push")
    return repo


def _in_conflict(repo: Repo) -> None:
    """A merge without weft's drivers has left its marks in the pointer of b."""
    ours = (repo.root / "b.weft").read_bytes()
    repo.git("switch", "-q", "-c", "side")
    repo.write({"b/f": b"side\n"})
    repo.weft("add", "b")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.weft("checkout")
    repo.write({"b/f": b"main\n"})
    repo.weft("add", "b")
    repo.commit("main")
    repo.weft("push")
    assert repo.git("merge", "side", code=1)
    assert b"<<<<<<<" in (repo.root / "b.weft").read_bytes() != ours


def _copied(repo: Repo) -> None:
    shutil.copy(repo.root / "a.weft", repo.root / "b.weft")


def _cut(repo: Repo) -> None:
    text = (repo.root / "b.weft").read_text()
    (repo.root / "b.weft").write_text(text.replace("size: ", "sise: "))


@pytest.mark.parametrize(("harm", "letter", "code"), [
    (_in_conflict, "U", "E_MERGE_CONFLICT"), (_copied, "!", "E_SCHEMA"), (_cut, "!", "E_SCHEMA"),
])  # fmt: skip
def test_the_others_go_on(tmp_path: Path, harm, letter: str, code: str) -> None:
    repo = _three(tmp_path)
    harm(repo)
    before = (repo.root / "b/f").read_bytes()
    repo.write({"c": b"new\n"})
    ran = repo.weft("status", code=3)
    assert [line[:4].rstrip() for line in ran.out.splitlines()[:-1]] == [f"{letter} b", "M c"]
    assert code in ran.out
    assert repo.weft("status", "a", "c").out.splitlines()[:-1] == ["M c"]
    assert repo.weft("status", "b", code=3).out.startswith(f"{letter} b")
    ran = repo.weft("diff", code=3)
    assert ran.out.startswith("M c")
    assert code in ran.err
    ran = repo.weft("diff", "HEAD", code=3)
    assert ran.out.splitlines()[:1] == ["M c  (2 B -> 4 B)"], "b is neither gone nor new"
    assert repo.weft("ls", code=3).out.splitlines()[0].endswith("a/")
    assert repo.weft("cat", "a/f").out == "a\n"
    repo.weft("add", "c")
    assert code in repo.weft("add", "b", code=3).err
    for verb in ("push", "fetch", "checkout", "pull"):
        assert code in repo.weft(verb, code=3).err, "it is named, and the others were done"
        repo.weft(verb, "a", "c")
        assert code in repo.weft(verb, "b", code=3).err
        assert code in repo.weft(verb, "b/f", code=3).err
    assert [root["path"] for root in repo.weft("push", "--json", code=3).json["data"]["roots"]] == ["a", "c"]
    assert [one["path"] for one in repo.weft("push", "--json", code=3).json["data"]["broken"]] == ["b"]
    shutil.rmtree(repo.root / "a")
    repo.weft("checkout", code=3)
    assert (repo.root / "a/f").read_bytes() == b"a\n"
    repo.weft("checkout", "--force", code=3)
    assert (repo.root / "b/f").read_bytes() == before, "its data was touched"
    repo.weft("rm", "--force", "c")
    repo.weft("mv", "a", "d")
    assert code in repo.weft("mv", "b", "e", code=3).err


def test_a_pointer_that_was_renamed_by_hand_keeps_its_data_here_and_in_the_store(tmp_path: Path) -> None:
    repo = _three(tmp_path)
    repo.git("mv", "b.weft", "x.weft")
    for command in (["checkout"], ["checkout", "--force"], ["pull"]):
        assert "E_SCHEMA" in repo.weft(*command, code=3).err
        assert (repo.root / "b/f").read_bytes() == b"b\n", "no pointer stands for it, but one that cannot be read may"
    # The same where Git does not know the new name.
    repo.git("mv", "x.weft", "b.weft")
    (repo.root / "b.weft").rename(repo.root / "x.weft")
    assert "x.weft is a broken pointer that Git does not know" in repo.weft("checkout").err
    assert (repo.root / "b/f").read_bytes() == b"b\n"


def test_drop_takes_nothing_and_du_tells_the_others(tmp_path: Path) -> None:
    repo = _three(tmp_path)
    repo.weft("push")
    _cut(repo)
    assert "the pointer of b cannot be read, so nothing is dropped" in repo.weft("drop", ".", code=3).err
    assert (repo.root / "a/f").exists()
    ran = repo.weft("du", code=3)
    assert "E_SCHEMA" in ran.err
    assert "a" in ran.out
    repo.weft("drop", "a")
    assert not (repo.root / "a").exists()


@pytest.mark.parametrize("harm", [_in_conflict, _copied, _cut])
def test_gc_keeps_what_a_broken_pointer_names(tmp_path: Path, harm) -> None:
    repo = _three(tmp_path)
    repo.write({"b/f": b"only in the work tree\n"})
    repo.weft("add", "b")
    named = (repo.root / "b.weft").read_bytes()
    repo.git("restore", "--staged", "b.weft")
    if harm is _in_conflict:
        (repo.root / "b.weft").write_bytes(b"<<<<<<< ours\n" + named + b"=======\n" + named + b">>>>>>> theirs\n")
    elif harm is _copied:
        (repo.root / "b.weft").rename(repo.root / "x.weft")
    else:
        (repo.root / "b.weft").write_bytes(named.replace(b"size: ", b"sise: "))
    assert repo.weft("status", code=None).err
    repo.weft("gc", "--grace", "0")
    repo.weft("gc", "--grace", "0")
    (repo.root / "x.weft").unlink(missing_ok=True)
    (repo.root / "b.weft").write_bytes(named)
    shutil.rmtree(repo.root / "b")
    repo.weft("checkout", "b")
    assert (repo.root / "b/f").read_bytes() == b"only in the work tree\n"


def test_a_broken_file_that_git_does_not_know_is_a_warning(tmp_path: Path) -> None:
    repo = _three(tmp_path)
    repo.write({"notes.weft": b"weft: a tool that I try\n"})
    shutil.copy(repo.root / "a.weft", repo.root / "a_backup.weft")
    for verb in ("status", "diff", "push", "fetch", "pull", "checkout", "ls"):
        err = repo.weft(verb).err
        assert "notes.weft is a broken pointer that Git does not know" in err
        assert "a_backup.weft is a broken pointer that Git does not know" in err
    repo.write({"notes": b"data\n"})
    assert "E_SCHEMA" in repo.weft("add", "notes", code=3).err, "the file would be overwritten"
    assert (repo.root / "notes.weft").read_bytes() == b"weft: a tool that I try\n"


def test_pointers_inside_one_another_stop_only_themselves(tmp_path: Path) -> None:
    repo = _three(tmp_path)
    pointer = (repo.root / "c.weft").read_text()
    (repo.root / "a/c.weft").write_text(pointer)
    repo.git("add", "-f", "a/c.weft")
    ran = repo.weft("status", code=3)
    assert [line[:6].rstrip() for line in ran.out.splitlines()[:-1]] == ["! a  a", "! a/c"]
    assert "git rm --cached a/c.weft" not in ran.err
    repo.weft("push", "b", "c")
    assert "E_PATH_OVERLAP" in repo.weft("push", code=3).err
    assert "E_PATH_OVERLAP" in repo.weft("checkout", "a", code=3).err
    assert (repo.root / "a/f").read_bytes() == b"a\n"


def test_a_broken_pointer_in_a_commit_stops_nothing_else_of_it(tmp_path: Path) -> None:
    repo = _three(tmp_path)
    _cut(repo)
    repo.commit("broken")
    repo.weft("checkout", "HEAD~1", "b")
    repo.weft("checkout", "HEAD", "a")
    assert "E_SCHEMA" in repo.weft("checkout", "HEAD", "b", code=3).err
    assert "E_SCHEMA" in repo.weft("checkout", "HEAD", code=3).err
    assert repo.weft("cat", "HEAD:a/f").out == "a\n"
    assert "E_SCHEMA" in repo.weft("cat", "HEAD:b/f", code=3).err
    assert repo.weft("diff", "HEAD~1", "HEAD", code=3).out == ""
    repo.weft("get", str(repo.root), "a", "-o", str(tmp_path / "taken"))
    assert (tmp_path / "taken/f").read_bytes() == b"a\n"


def test_a_path_that_one_side_deleted_is_in_conflict_and_others_are_not(tmp_path: Path) -> None:
    repo = _three(tmp_path)
    repo.git("switch", "-q", "-c", "side")
    repo.weft("rm", "b")
    repo.commit("gone")
    repo.git("switch", "-q", "main")
    repo.weft("checkout")
    repo.write({"b/f": b"changed\n"})
    repo.weft("add", "b")
    repo.commit("changed")
    repo.git("merge", "side", code=1)
    ran = repo.weft("status")
    assert ran.out.startswith("U b  ")
    assert len(ran.out.splitlines()) == 2
    assert "next: weft resolve --ours b, or --theirs" in ran.err
    repo.weft("push", "a")
    repo.weft("resolve", "--ours", "b")
    assert repo.weft("status").out == "3 tracked paths, all as recorded\n"
