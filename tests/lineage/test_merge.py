"""Merges of tracked data by the real Git with weft's drivers, and ``weft resolve`` for what they leave."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from weft.cli import hook, registry
from weft.cli.hooks import mergepointer
from weft.workflows import merge_pointer, resolve

FILES = {f"data/{name}": f"{name} as it was\n".encode() for name in ("one", "two", "three", "deep/four", "deep/five")}


class Merging(Repo):
    """A repository whose branch ``other`` is to be merged into ``main``."""

    def change(self, branch: str, files: dict[str, bytes | None], path: str = "data") -> None:
        """Commit ``files`` (None: gone) of the tracked ``path`` on ``branch``, and come back to main."""
        self.git("switch", "-q", branch)
        self.weft("checkout")
        for name, data in files.items():
            if data is None:
                (self.root / name).unlink()
        self.write({name: data for name, data in files.items() if data is not None})
        self.weft("add", path)
        self.git("commit", "-q", "-a", "-m", f"change on {branch}")
        self.git("switch", "-q", "main")

    def tree(self, path: str = "data") -> dict[str, bytes]:
        top = self.root / path
        return {str(found.relative_to(self.root)): found.read_bytes() for found in top.rglob("*") if found.is_file()}

    @property
    def pointer(self) -> str:
        return (self.root / "data.weft").read_text()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("merge")
    repo = Repo.make(root / "repo", str(root / "store"))
    repo.write(FILES)
    repo.weft("add", "data")
    repo.commit("data")
    return root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Merging:
    shutil.copytree(base, tmp_path, dirs_exist_ok=True, symlinks=True)
    made = Merging(tmp_path / "repo")
    made.weft("install")
    made.git("branch", "other")
    return made


def test_the_driver_is_the_module_that_is_registered():
    assert registry.hook_handler(hook.HANDLERS["merge-pointer"]) is mergepointer
    assert callable(merge_pointer.merge_pointers)
    assert callable(resolve.resolve)


def test_different_files_merge_and_a_fresh_clone_has_them(repo: Merging, tmp_path: Path):
    large = pseudo_random(700_000, 1)
    repo.change("other", {"data/one": b"theirs\n", "data/large": large, "data/deep/five": None})
    repo.change("main", {"data/two": b"ours\n", "data/big": large + b"more", "data/new/six": b"6"})
    repo.git("merge", "-q", "other")
    expected = {
        **FILES, "data/one": b"theirs\n", "data/large": large, "data/two": b"ours\n",
        "data/big": large + b"more", "data/new/six": b"6",
    }  # fmt: skip
    del expected["data/deep/five"]
    assert repo.tree() == expected, "the hook after the merge brought the data along"
    assert "layout:" in repo.pointer
    assert repo.weft("status", "--json", "--exit-code").json
    repo.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "hub"))
    repo.git("remote", "add", "hub", str(tmp_path / "hub"))
    repo.git("push", "-q", "hub", "main")
    fresh = tmp_path / "fresh"
    repo.git("clone", "-q", str(tmp_path / "hub"), str(fresh))
    clone = Merging(fresh)
    clone.weft("pull")
    assert clone.tree() == expected
    assert clone.weft("verify", "--full").out.endswith("no damage found\n")
    # The same pointer as if a person had added the merged files.
    again = repo.pointer
    repo.weft("add", "data")
    assert repo.pointer == again


def test_data_that_is_not_here_merges_by_its_manifests(repo: Merging, tmp_path: Path):
    repo.change("other", {"data/one": b"theirs\n"})
    repo.change("main", {"data/two": b"ours\n"})
    repo.weft("push", "--all")
    clone = Merging(tmp_path / "clone")
    repo.git("clone", "-q", str(repo.root), str(clone.root))
    clone.weft("install")
    clone.git("merge", "-q", "-m", "both", "origin/other")
    assert not (clone.root / "data").exists()
    clone.weft("pull")
    assert clone.tree() == {**FILES, "data/one": b"theirs\n", "data/two": b"ours\n"}


def test_without_the_remote_it_is_a_conflict_that_says_so(repo: Merging, tmp_path: Path):
    repo.change("other", {"data/one": b"theirs\n"})
    repo.change("main", {"data/two": b"ours\n"})
    repo.weft("push", "--all")
    clone = Merging(tmp_path / "clone")
    repo.git("clone", "-q", str(repo.root), str(clone.root))
    clone.weft("install")
    (tmp_path / "store").rename(tmp_path / "away")
    ran = clone.git("merge", "-m", "both", "origin/other", code=1)
    assert "weft resolve data" in ran.err
    assert clone.pointer.count("<<<<<<< ours") == 1
    assert "weft could not merge this data" in clone.pointer
    assert clone.weft("resolve", "data", code=None).code in (4, 6)
    assert "<<<<<<< ours" in clone.pointer
    (tmp_path / "away").rename(tmp_path / "store")
    clone.weft("resolve", "data", code=1)  # its data is not here
    clone.git("commit", "-q", "-m", "both")
    clone.weft("pull")
    assert clone.tree() == {**FILES, "data/one": b"theirs\n", "data/two": b"ours\n"}


def _conflict(repo: Merging) -> None:
    repo.change("other", {"data/one": b"theirs 1\n", "data/two": b"theirs 2\n", "data/three": b"theirs 3\n"})
    repo.change("main", {"data/one": b"ours 1\n", "data/two": b"ours 2\n", "data/deep/four": b"ours 4\n"})
    ran = repo.git("merge", "other", code=1)
    assert "weft resolve --ours data" in ran.err


MERGED = {**FILES, "data/three": b"theirs 3\n", "data/deep/four": b"ours 4\n"}


@pytest.mark.parametrize("side", ["ours", "theirs", "base"])
def test_a_conflict_is_settled_by_a_side(repo: Merging, side: str):
    _conflict(repo)
    text = repo.pointer
    assert text.count("weft: 1\n") == 3, "the base and both sides stand there whole"
    assert "#   one: changed on both sides\n#   two: changed on both sides\n" in text
    assert "three" not in text
    ran = repo.weft("status", code=3)
    assert "weft resolve --ours data" in ran.err
    assert repo.git("commit", "-m", "not yet", code=None).code != 0
    repo.weft("resolve", f"--{side}", "data")
    sides = {"base": {}} | {s: {f"data/{n}": f"{s} {i}\n".encode() for n, i in (("one", 1), ("two", 2))}
                            for s in ("ours", "theirs")}  # fmt: skip
    assert repo.tree() == {**MERGED, **sides[side]}
    repo.git("commit", "-q", "-m", "merged")
    assert repo.git("status", "--porcelain").out == ""


def test_a_conflict_is_settled_file_by_file(repo: Merging):
    _conflict(repo)
    found = repo.weft("resolve", "--theirs", "--json", "data/one", code=1).json["data"]
    assert [(left["path"], [one["path"] for one in left["conflicts"]]) for left in found["left"]] == [("data", ["two"])]
    assert '# settled with theirs: "one"' in repo.pointer
    assert repo.weft("resolve", "data", code=1).code == 1
    repo.weft("resolve", "--ours", "data/two")
    assert repo.tree() == {**MERGED, "data/one": b"theirs 1\n", "data/two": b"ours 2\n"}
    repo.git("commit", "-q", "-m", "merged")
    assert "there is no conflict" in repo.weft("resolve", "--ours", "data", code=3).err


def test_an_edited_note_is_asked_again(repo: Merging):
    _conflict(repo)
    text = repo.pointer.replace("<<<<<<< ours", '# settled with ours: "one\n# settled with nobody: "two"\n<<<<<<< ours')
    (repo.root / "data.weft").write_text(text)
    left = repo.weft("resolve", "--json", "data", code=1).json["data"]["left"]
    assert [one["path"] for one in left[0]["conflicts"]] == ["one", "two"]


def _criss_cross(
    repo: Merging, ours: dict[str, bytes | None], theirs: dict[str, bytes | None], one: str, two: str
) -> None:
    """Let main and other each change something, and each merge the other's change, settled with ``one`` and ``two``."""
    repo.change("main", ours)
    repo.change("other", theirs)
    repo.git("tag", "before-main")
    repo.git("merge", "other", code=1)
    repo.weft("resolve", f"--{one}", "data")
    repo.git("commit", "-q", "-m", "main merges other")
    repo.git("switch", "-q", "other")
    repo.weft("checkout")
    repo.git("merge", "before-main", code=1)
    repo.weft("resolve", f"--{two}", "data")
    repo.git("commit", "-q", "-m", "other merges main")
    repo.git("switch", "-q", "main")
    repo.weft("checkout")


def test_branches_that_merged_each_other_merge_again(repo: Merging):
    _criss_cross(
        repo, {"data/one": b"A\n", "data/by-main": b"m\n"}, {"data/one": b"B\n", "data/two": None}, "ours", "theirs"
    )
    repo.change("other", {"data/new-there": b"1\n", "data/by-main": None})
    repo.change("main", {"data/new-here": b"2\n"})
    repo.weft("checkout")
    ran = repo.git("merge", "-m", "again", "other")
    repo.weft("checkout")
    expected = {**FILES, "data/one": b"A\n", "data/new-there": b"1\n", "data/new-here": b"2\n"}
    del expected["data/two"]
    assert repo.tree() == expected, ran.err


def test_what_they_settled_differently_is_asked_again_and_has_no_base(repo: Merging):
    _criss_cross(repo, {"data/one": b"A\n"}, {"data/one": b"B\n"}, "ours", "ours")
    repo.change("other", {"data/new": b"1\n"})
    repo.weft("checkout")
    repo.git("merge", "other", code=1)
    assert "#   one: changed on both sides" in repo.pointer
    assert "so it has no base" in repo.weft("resolve", "--base", "data", code=3).err
    repo.weft("resolve", "--theirs", "data/one")
    assert repo.tree() == {**FILES, "data/one": b"B\n", "data/new": b"1\n"}
    repo.git("commit", "-q", "-m", "again")


def test_a_tracked_file_of_branches_that_merged_each_other(repo: Merging):
    repo.write({"table": b"0\n"})
    repo.weft("add", "table")
    repo.commit("table")
    repo.git("branch", "-f", "other")
    repo.change("main", {"table": b"A\n"}, "table")
    repo.change("other", {"table": b"B\n"}, "table")
    repo.git("tag", "first")
    for branch, other, side in (("main", "other", "ours"), ("other", "first", "theirs")):
        repo.git("switch", "-q", branch)
        repo.weft("checkout")
        repo.git("merge", other, code=1)
        repo.weft("resolve", f"--{side}", "table")
        repo.git("commit", "-q", "-m", "merge")
    repo.change("other", {"table": b"C\n"}, "table")
    repo.weft("checkout")
    repo.git("merge", "other", code=1)
    assert "so it has no base" in repo.weft("resolve", "--base", "table", code=3).err
    repo.weft("resolve", "--theirs", "table")
    assert (repo.root / "table").read_bytes() == b"C\n"


def test_nothing_unsaved_is_replaced(repo: Merging):
    _conflict(repo)
    repo.write({"data/three": b"not added yet"})
    ran = repo.weft("resolve", "--ours", "data", code=1)
    assert "unsaved" in ran.out + ran.err
    assert repo.tree()["data/three"] == b"not added yet"


def test_deleted_here_and_changed_there(repo: Merging):
    repo.change("other", {"data/one": b"theirs\n", "data/two": None})
    repo.change("main", {"data/one": None, "data/two": None})
    repo.git("merge", "other", code=1)
    assert "#   one: deleted in ours, changed in theirs\n" in repo.pointer
    repo.weft("resolve", "--theirs", "data/one")
    expected = {**FILES, "data/one": b"theirs\n"}
    del expected["data/two"]
    assert repo.tree() == expected


def test_the_pointer_is_deleted_here_and_changed_there(repo: Merging):
    repo.change("other", {"data/one": b"theirs\n"})
    repo.weft("rm", "data")
    repo.git("commit", "-q", "-a", "-m", "gone")
    repo.git("merge", "other", code=1)
    assert "deleted in ours, changed in theirs" in repo.weft("resolve", "data", code=1).out
    repo.weft("resolve", "--theirs", "data")
    assert repo.tree() == {**FILES, "data/one": b"theirs\n"}
    repo.git("reset", "-q", "--hard", "HEAD")
    repo.git("merge", "other", code=1)
    repo.weft("resolve", "--ours", "data")
    assert not (repo.root / "data.weft").exists()
    assert repo.tree() == {}
    repo.git("commit", "-q", "-m", "gone indeed")


@pytest.mark.parametrize("verb", ["rebase", "cherry-pick", "revert", "stash"])
def test_other_ways_to_merge(repo: Merging, verb: str):
    if verb == "revert":
        repo.change("main", {"data/one": b"to be undone\n"})
        undone = repo.git("rev-parse", "HEAD").out.strip()
        repo.change("main", {"data/two": b"ours\n"})
        repo.git("revert", "--no-edit", undone)
        expected = {**FILES, "data/two": b"ours\n"}
    elif verb == "stash":
        repo.write({"data/one": b"stashed\n"})
        repo.weft("add", "data")
        repo.git("stash")
        repo.weft("checkout")
        repo.change("main", {"data/two": b"ours\n"})
        repo.git("stash", "pop")
        expected = {**FILES, "data/one": b"stashed\n", "data/two": b"ours\n"}
    else:
        repo.change("other", {"data/one": b"theirs\n"})
        repo.change("main", {"data/two": b"ours\n"})
        repo.git(verb, "other")
        expected = {**FILES, "data/one": b"theirs\n", "data/two": b"ours\n"}
    repo.weft("checkout")  # Git calls no hook after some of these
    assert repo.tree() == expected
    assert repo.git("status", "--porcelain").out == (" M data.weft\n" if verb == "stash" else "")


def test_both_sides_begin_to_track_one_path(repo: Merging):
    repo.change("other", {"more/a": b"a", "more/b": b"b"}, "more")
    repo.change("main", {"more/a": b"a", "more/c": b"c"}, "more")
    repo.git("merge", "-q", "-m", "both", "other")
    assert repo.tree("more") == {"more/a": b"a", "more/b": b"b", "more/c": b"c"}


def test_a_tracked_file(repo: Merging):
    repo.change("main", {"model": b"first"}, "model")
    repo.git("branch", "-f", "other", "main")
    repo.change("other", {"model": b"theirs"}, "model")
    repo.change("main", {"model": b"ours"}, "model")
    repo.git("merge", "other", code=1)
    assert "#   model: changed on both sides\n" in (repo.root / "model.weft").read_text()
    repo.weft("resolve", "--theirs", "model")
    assert (repo.root / "model").read_bytes() == b"theirs"
    repo.git("commit", "-q", "-m", "merged")
    repo.git("branch", "-f", "other", "main")
    repo.git("switch", "-q", "other")
    (repo.root / "model").chmod(0o755)
    repo.weft("add", "model")
    repo.git("commit", "-q", "-a", "-m", "executable")
    repo.git("switch", "-q", "main")
    repo.change("main", {"model": b"newer"}, "model")
    repo.git("merge", "-q", "-m", "both", "other")
    assert (repo.root / "model").read_bytes() == b"newer"
    assert (repo.root / "model").stat().st_mode & 0o100


def test_what_the_user_wrote_is_merged_by_key(repo: Merging):
    def describe(branch: str, text: str) -> None:
        repo.git("switch", "-q", branch)
        with open(repo.root / "data.weft", "a") as stream:
            stream.write(text)
        repo.git("commit", "-q", "-a", "-m", "words")
        repo.git("switch", "-q", "main")

    describe("other", "meta:\n  owner: them\n")
    describe("main", "meta:\n  licence: ours\n")
    repo.git("merge", "-q", "-m", "both", "other")
    assert repo.pointer.endswith("meta:\n  licence: ours\n  owner: them\n")
    repo.git("switch", "-q", "-C", "other", "HEAD~1")
    (repo.root / "data.weft").write_text(repo.pointer.replace("licence: ours", "licence: theirs"))
    repo.git("commit", "-q", "-a", "-m", "words")
    repo.git("switch", "-q", "main")
    (repo.root / "data.weft").write_text(repo.pointer.replace("licence: ours", "licence: mine"))
    repo.git("commit", "-q", "-a", "-m", "words")
    repo.git("merge", "other", code=1)
    assert "meta.licence changed on both sides" in repo.pointer
    repo.weft("resolve", "--theirs", "data")
    assert "licence: theirs" in repo.pointer
    assert "owner: them" in repo.pointer


def test_a_directory_against_a_file(repo: Merging):
    repo.git("switch", "-q", "other")
    repo.weft("rm", "data")
    repo.write({"data": b"a file now"})
    repo.weft("add", "data")
    repo.git("commit", "-q", "-a", "-m", "a file")
    repo.git("switch", "-q", "main")
    repo.change("main", {"data/one": b"ours\n"})
    repo.git("merge", "other", code=1)
    assert "#   data: a directory in ours, none in theirs\n" in repo.pointer
    repo.weft("resolve", "--theirs", "data")
    assert (repo.root / "data").read_bytes() == b"a file now"


def test_without_the_drivers_git_never_mixes_two_versions(repo: Merging):
    """Both sides have changed the line of the oid: a merge of lines is a conflict, not a pointer to nothing."""
    repo.weft("uninstall")
    repo.change("other", {"data/one": b"theirs, and longer\n"})
    repo.change("main", {"data/two": b"ours\n", "data/seven": b"7"})
    repo.git("merge", "other", code=1)
    assert "E_MERGE_CONFLICT" in repo.weft("status", code=3).out
    repo.weft("resolve", "data")
    repo.git("commit", "-q", "-m", "merged")
    repo.weft("checkout")
    assert repo.tree() == {
        **FILES, "data/one": b"theirs, and longer\n", "data/two": b"ours\n", "data/seven": b"7",
    }  # fmt: skip


def test_records_and_stages_are_settled_too(repo: Merging):
    stage = "stages:\n  s:\n    cmd: {}\n    outs: [out.txt]\n"
    repo.write({"weft.yaml": stage.format("echo 1 > out.txt").encode()})
    repo.weft("repro")
    repo.commit("stage")
    repo.git("branch", "-f", "other", "main")
    for branch, cmd in (("other", "echo 2 > out.txt"), ("main", "echo 3 > out.txt")):
        repo.git("switch", "-q", branch)
        repo.write({"weft.yaml": stage.format(cmd).encode()})
        repo.weft("repro")
        repo.commit(branch)
    repo.git("merge", "other", code=1)
    left = repo.weft("resolve", "--json", ".", code=1).json["data"]["left"]
    assert {one["path"] for one in left} == {"lineage/s.yaml", "weft.yaml", "out.txt"}
    repo.weft("resolve", "--theirs", ".")
    assert (repo.root / "out.txt").read_text() == "2\n"
    repo.git("commit", "-q", "-m", "merged")
    repo.weft("validate", "--rev", "HEAD")
    dry = json.loads(repo.weft("repro", "--dry-run", "--json").out)
    assert {one["action"] for one in dry["data"]["stages"]} == {"up-to-date"}


def test_wrong_input(repo: Merging):
    assert "there is no conflict at data" in repo.weft("resolve", "--ours", "data", code=3).err
    assert "there is no conflict" in repo.weft("resolve", code=3).err
    repo.write({"notes.txt": b"one\n"})
    repo.commit("notes")
    repo.git("branch", "-f", "other", "main")
    for branch in ("other", "main"):
        repo.git("switch", "-q", branch)
        repo.write({"notes.txt": branch.encode()})
        repo.commit(branch)
    repo.git("merge", "other", code=1)
    assert "git add notes.txt" in repo.weft("resolve", "--ours", "notes.txt", code=3).err
    done = repo.run(str(Path(sys.executable).with_name("weft-hook")), "merge-pointer", "a", code=2)
    assert "takes the files" in done.err
