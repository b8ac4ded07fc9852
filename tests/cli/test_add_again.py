"""`weft add` of what is tracked says what came and went, and what was not added is named by the hook and by a push."""

from __future__ import annotations

from pathlib import Path

from kit import Repo


def _repo(tmp_path: Path, files: int = 12) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({f"data/{number:02}": b"%d\n" % number for number in range(files)})
    repo.weft("add", "data")
    repo.commit("data")
    return repo


def test_an_update_counts_what_came_changed_and_went(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/new": b"1", "data/03": b"other\n", "data/04": b"another\n"})
    (repo.root / "data/05").unlink()
    ran = repo.weft("add", "data")
    assert ran.out.splitlines()[0] == "updated    data  (12 files, 35 B: +1 ~2 -1)"
    assert ran.err == "next: git commit, then weft push\n"
    (found,) = repo.weft("add", "data", "--json").json["data"]["added"]
    assert (found["updated"], found["difference"]) == (False, None)


def test_a_part_and_a_single_file_are_updated_too(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/03": b"other\n", "one": b"1\n"})
    assert ": +0 ~1 -0)" in repo.weft("add", "data/03").out
    assert repo.weft("add", "one").out.startswith("added      one  (2 B)")
    repo.write({"one": b"22\n"})
    assert repo.weft("add", "one").out.startswith("updated    one  (3 B)")


def test_a_dataset_that_was_emptied_is_remarked_and_comes_back(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    for path in (repo.root / "data").iterdir():
        path.unlink()
    said = repo.weft("add", "data").err
    assert "warning: 12 of the 12 files that data had are gone from it" in said
    assert "weft checkout HEAD data" in said
    repo.weft("checkout", "HEAD", "data")
    assert len(list((repo.root / "data").iterdir())) == 12
    for number in range(9):
        (repo.root / f"data/{number:02}").unlink()
    assert "are gone" not in repo.weft("add", "data").err  # few enough to have been meant
    assert "checkout" not in repo.weft("add", "data").err


def test_what_was_not_added_is_named_by_the_hook_and_by_a_push(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.weft("install")
    repo.write({"more/a": b"1\n", "data/03": b"other\n"})
    repo.weft("add", "more")
    line = "not recorded: M data/03 (weft add data)"
    assert line in repo.git("commit", "-qam", "more").err
    assert line in repo.weft("push").err
    repo.weft("add", "data")
    assert "not recorded" not in repo.git("commit", "-qam", "data").err
    assert "not recorded" not in repo.weft("push").err


def test_what_lies_in_a_submodule_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    other = Repo(tmp_path / "other")
    other.root.mkdir()
    other.git("init", "-q", "-b", "main")
    other.write({"params.yaml": b"a: 1\n"})
    other.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.root), "sub")
    repo.write({"sub/big.bin": b"1"})
    said = repo.weft("add", "sub/big.bin", code=3).err
    assert "sub/big.bin belongs to sub, which is a repository of its own" in said
    assert "weft -C sub add big.bin" in said
    assert sorted(path.name for path in (repo.root / "sub").iterdir()) == [".git", "big.bin", "params.yaml"]
